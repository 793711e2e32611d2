//! `kafka-reassign-partitions.sh` (`org.apache.kafka.tools.reassign.ReassignPartitionsCommand`).
//!
//! `--bootstrap-controller` is not modelled: a combined node answers at one address.

mod current;
mod execute;
mod generate;
mod log_dirs;
mod placer;
mod plan;
mod throttle;

use logbrook_client::admin::AdminConfig;
use logbrook_client::{Process, TopicPartition};
use logbrook_sorted::SortedMap;

use super::admin_calls::{self as admin, Reassignment, Stop, ended};
use super::java::{self, Throwable};
use super::json;
use super::options::{OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};
use execute::Execute;
use generate::Generate;
use plan::{Plan, Targets, ToMove};

pub(crate) const HELP: &str = include_str!("help/kafka-reassign-partitions.txt");
const ACTIONS: [&str; 5] = ["generate", "execute", "verify", "cancel", "list"];
/// Of this exception the tool prints the message alone.
const TERSE: &str = "org.apache.kafka.tools.TerseException";

/// A replica: of this partition on this broker (`TopicPartitionReplica`).
type Replica = (TopicPartition, i32);
/// The replicas of partitions, the preferred leader first.
type Replicas = SortedMap<TopicPartition, Vec<i32>>;

fn failed(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.tools.AdminCommandFailedException", message)
}

/// An exception that came out of a future.
fn executed(stop: Stop) -> Stop {
    match stop {
        Stop::Thrown(e) => Stop::Thrown(Throwable::execution(&e)),
        Stop::Waiting => Stop::Waiting,
    }
}

/// The order of a `HashSet<Integer>`.
fn id_order(ids: impl IntoIterator<Item = i32>) -> Vec<i32> {
    java::hash_order_by(ids, 16, |id| u32::from_ne_bytes(id.to_ne_bytes()))
}

fn joined(ids: &[i32], between: &str) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(between)
}

/// The ending of a noun.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

/// What `main` prints of an exception: on standard output.
fn shown(e: &Throwable) -> String {
    format!("Error: {}\n{}\n", e.message_text(), e.stack_trace())
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(Reassign, AdminConfig), Early> {
    let thrown = |e: Throwable| Early { out: shown(&e), code: 1, ..Early::default() };
    let options = table.parse(argv).map_err(Early::uncaught)?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    let action = validate(&checks, &options)?;
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    let servers = match value("bootstrap-server")? {
        Some(servers) => Some(servers),
        None => return Err(Early::not_modelled("--bootstrap-controller")),
    };
    let client = [("client.id", "reassign-partitions-tool")];
    let config = admin_config(env, value("command-config")?, servers, &client, thrown)?;
    let action = Action::of(action, &options, env).map_err(thrown)?;
    Ok((Reassign { action }, config))
}

/// `validateAndParseArgs`.
fn validate(checks: &Checks<'_>, options: &Options<'_>) -> Result<&'static str, Early> {
    let given: Vec<&'static str> = ACTIONS.into_iter().filter(|a| options.has(a)).collect();
    let [action] = given.as_slice() else {
        let names = ACTIONS.map(|a| format!("--{a}")).join(", ");
        return Err(Early::usage(
            checks.table,
            format!("Command must include exactly one action: {names}"),
        ));
    };
    let (server, controller) = ("bootstrap-server", "bootstrap-controller");
    checks.usage_if(
        options.has(server) && options.has(controller),
        "Please don't specify both --bootstrap-server and --bootstrap-controller",
    )?;
    checks.usage_if(
        !options.has(server) && !options.has(controller),
        "Please specify either --bootstrap-server or --bootstrap-controller",
    )?;
    let bootstrap = if options.has(server) { server } else { controller };
    let (required, permitted): (&[&str], &[&str]) = match *action {
        "verify" => {
            (&["reassignment-json-file"], &[server, "command-config", "preserve-throttles"])
        }
        "generate" => (
            &["topics-to-move-json-file", "broker-list"],
            &[server, "command-config", "disable-rack-aware"],
        ),
        "execute" => (
            &["reassignment-json-file"],
            &[
                "additional",
                server,
                "command-config",
                "throttle",
                "replica-alter-log-dirs-throttle",
                "timeout",
                "disallow-replication-factor-change",
            ],
        ),
        "cancel" => (
            &["reassignment-json-file"],
            &[bootstrap, "command-config", "preserve-throttles", "timeout"],
        ),
        _list => (&[], &[bootstrap, "command-config"]),
    };
    checks.required(required)?;
    let wrong = options
        .given()
        .find(|name| name != action && !required.contains(name) && !permitted.contains(name));
    match wrong {
        Some(name) => Err(Early::usage(
            checks.table,
            format!("Option \"[{name}]\" can't be used with action \"[{action}]\""),
        )),
        None => Ok(action),
    }
}

#[derive(Clone)]
struct Reassign {
    action: Action,
}

#[derive(Clone)]
enum Action {
    List,
    Verify { plan: Plan, clear_throttles: bool },
    Cancel { plan: Plan, clear_throttles: bool, timeout_ms: i64 },
    Generate(Generate),
    Execute(Execute),
}

impl Action {
    /// `handleAction`, as far as files and options go.
    fn of(action: &str, options: &Options<'_>, env: &ToolEnv) -> Result<Action, Throwable> {
        let file = |option| {
            let path = options.value(option)?.unwrap_or_default();
            json::read_file(&env.files, path)
        };
        let plan = || file("reassignment-json-file");
        let long = |option, absent| Ok::<_, Throwable>(options.long(option)?.unwrap_or(absent));
        let timeout_ms = || long("timeout", 10_000);
        let clear_throttles = !options.has("preserve-throttles");
        Ok(match action {
            "list" => Action::List,
            "verify" => Action::Verify { plan: Plan::parse(&plan()?)?, clear_throttles },
            "cancel" => {
                let (text, timeout_ms) = (plan()?, timeout_ms()?);
                Action::Cancel { plan: Plan::parse(&text)?, clear_throttles, timeout_ms }
            }
            "generate" => {
                let text = file("topics-to-move-json-file")?;
                let brokers = options.value("broker-list")?.unwrap_or_default();
                Action::Generate(Generate {
                    to_move: ToMove::parse(&text, brokers)?,
                    rack_aware: !options.has("disable-rack-aware"),
                    seed: env.seed,
                })
            }
            _execute => {
                let text = plan()?;
                let throttle = long("throttle", -1)?;
                let log_dir_throttle = long("replica-alter-log-dirs-throttle", -1)?;
                let timeout_ms = timeout_ms()?;
                let plan = Plan::parse(&text)?;
                plan.check()?;
                Action::Execute(Execute {
                    plan,
                    additional: options.has("additional"),
                    factor_may_change: !options.has("disallow-replication-factor-change"),
                    throttle,
                    log_dir_throttle,
                    timeout_ms,
                })
            }
        })
    }
}

impl Script for Reassign {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let end = match &self.action {
            Action::List => print_current(stage),
            Action::Verify { plan, clear_throttles } => verify(stage, plan, *clear_throttles),
            Action::Cancel { plan, clear_throttles, timeout_ms } => {
                cancel(stage, plan, *clear_throttles, *timeout_ms)
            }
            Action::Generate(wanted) => generate::generate(stage, wanted),
            Action::Execute(wanted) => execute::execute(stage, wanted),
        };
        ended(stage, end, |stage, e| {
            stage.out(match e.class == TERSE {
                true => format!("{}\n", e.message_text()),
                false => shown(&e),
            });
        })
    }
}

/// `curReassignmentsToString`.
fn print_current(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let current = admin::reassignments(stage, None).map_err(executed)?;
    if current.is_empty() {
        stage.out("No partition reassignments found.\n");
        return Ok(());
    }
    stage.out("Current partition reassignments:\n");
    for ((topic, partition), Reassignment { replicas, adding, removing }) in &current {
        let part = |what: &str, ids: &[i32]| match ids {
            [] => String::new(),
            ids => format!(" {what}: {}.", joined(ids, ",")),
        };
        stage.out(format!(
            "{topic}-{partition}: replicas: {}.{}{}\n",
            joined(replicas, ","),
            part("adding", adding),
            part("removing", removing)
        ));
    }
    Ok(())
}

/// `verifyAssignment`.
fn verify(stage: &mut Stage<'_>, plan: &Plan, clear_throttles: bool) -> Result<(), Stop> {
    let under_way = admin::reassignments(stage, None).map_err(executed)?;
    let states = partition_states(stage, &plan.targets, &under_way)?;
    stage.out("Status of partition reassignment:\n");
    for state in states.values() {
        stage.out(format!("{state}\n"));
    }
    let moving = log_dirs::verify(stage, &plan.directories)?;
    match under_way.is_empty() && !moving && clear_throttles {
        true => throttle::clear(stage, &plan.targets),
        false => Ok(()),
    }
}

/// `findPartitionReassignmentStates`, in the words of `partitionReassignmentStatesToString`.
fn partition_states(
    stage: &mut Stage<'_>,
    targets: &Targets,
    under_way: &SortedMap<(String, i32), Reassignment>,
) -> Result<SortedMap<TopicPartition, String>, Stop> {
    let is_under_way =
        |tp: &TopicPartition| under_way.contains_key(&(tp.topic.clone(), tp.partition.0));
    let settled = targets.iter().filter(|(tp, _)| !is_under_way(tp));
    let topics: Vec<String> = settled.map(|(tp, _)| tp.topic.clone()).collect();
    let described = match topics.is_empty() {
        true => SortedMap::new(),
        false => admin::describe_each_topic(stage, &topics, current::PARTITIONS_PER_RESPONSE)
            .map_err(executed)?,
    };
    let mut states = SortedMap::new();
    for (tp, target) in targets {
        if is_under_way(tp) {
            let state = format!("Reassignment of partition {tp} is still in progress.");
            states.insert(tp.clone(), state);
            continue;
        }
        let replicas = match described.get(&tp.topic) {
            Some(Ok(topic)) => {
                let count = topic.partitions.len();
                match usize::try_from(tp.partition.0) {
                    // Kafka's check of the count is one off.
                    Ok(index) if index > count => Vec::new(),
                    Ok(index) if index < count => topic.partitions[index].replicas.clone(),
                    Ok(_) | Err(_) => {
                        let message =
                            format!("Index {} out of bounds for length {count}", tp.partition.0);
                        let class = "java.lang.IndexOutOfBoundsException";
                        return Err(Throwable::new(class, message).into());
                    }
                }
            }
            Some(Err(e)) if !e.class.ends_with(".UnknownTopicOrPartitionException") => {
                return Err(executed(e.clone().into()));
            }
            Some(Err(_)) | None => Vec::new(),
        };
        let state = match replicas == *target {
            true => format!("Reassignment of partition {tp} is completed."),
            false => format!(
                "There is no active reassignment of partition {tp}, but replica set is {} rather \
                 than {}.",
                joined(&replicas, ","),
                joined(target, ",")
            ),
        };
        states.insert(tp.clone(), state);
    }
    Ok(states)
}

/// `cancelAssignment`.
fn cancel(
    stage: &mut Stage<'_>,
    plan: &Plan,
    clear_throttles: bool,
    timeout_ms: i64,
) -> Result<(), Stop> {
    let mut wanted: SortedMap<String, Vec<i32>> = SortedMap::new();
    for (tp, _) in &plan.targets {
        let partitions = wanted.entry(tp.topic.clone()).or_default();
        if !partitions.contains(&tp.partition.0) {
            partitions.push(tp.partition.0);
        }
    }
    let under_way = admin::reassignments(stage, Some(&wanted)).map_err(executed)?;
    let moving =
        under_way.into_iter().filter(|(_, r)| !(r.adding.is_empty() && r.removing.is_empty()));
    let active: Vec<TopicPartition> =
        moving.map(|((topic, partition), _)| TopicPartition::new(topic, partition)).collect();
    if active.is_empty() {
        stage.out("None of the specified partition reassignments are active.\n");
    } else {
        cancel_active(stage, &active)?;
    }
    let found = log_dirs::describe(stage, plan.directories.keys()).map_err(executed)?;
    let back = found
        .iter()
        .filter_map(|(replica, place)| Some((replica.clone(), place.moving_from()?.to_owned())));
    let back: SortedMap<Replica, String> = back.collect();
    if back.is_empty() {
        stage.out("None of the specified partition moves are active.");
    } else {
        log_dirs::execute(stage, back, timeout_ms)?;
    }
    match clear_throttles {
        true => throttle::clear(stage, &plan.targets),
        false => Ok(()),
    }
}

/// `cancelPartitionReassignments`.
fn cancel_active(stage: &mut Stage<'_>, active: &[TopicPartition]) -> Result<(), Stop> {
    let none = active.iter().map(|tp| (tp.clone(), None)).collect();
    let errors = execute::alter(stage, none, true)?;
    if errors.is_empty() {
        let names: Vec<String> = active.iter().map(TopicPartition::to_string).collect();
        stage.out(format!(
            "Successfully cancelled partition reassignment{} for: {}\n",
            plural(active.len()),
            names.join(",")
        ));
        return Ok(());
    }
    let message = format!(
        "Error cancelling partition reassignment{} for:\n{}",
        plural(errors.len()),
        execute::lines(&errors)
    );
    Err(Throwable::new(TERSE, message).into())
}
