//! `kafka-reassign-partitions.sh` (`org.apache.kafka.tools.reassign.ReassignPartitionsCommand`).
//!
//! All but `--generate`: what is wrong with its options is said, then that it is not modelled.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, IncrementalAlterConfigsRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Process, TopicPartition};
use serde_json::Value;

use super::admin_calls::{self as admin, Reassignment, Stop, check, ended, expect};
use super::java::{Throwable, hash_order};
use super::json;
use super::options::{OptionTable, Options};
use super::reassign_execute::{self, Execute};
use super::reassign_moves::{self, Moves};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-reassign-partitions.txt");
const ACTIONS: [&str; 5] = ["generate", "execute", "verify", "cancel", "list"];
const BROKER_LEVEL_THROTTLES: [&str; 3] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];
const TOPIC_LEVEL_THROTTLES: [&str; 2] =
    ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];
/// What `log_dirs` of a plan leaves open.
const ANY_LOG_DIR: &str = "any";
/// How long a move may take to begin, ms.
const MOVE_TIMEOUT_MS: i64 = 10_000;
pub(super) const TERSE: &str = "org.apache.kafka.tools.TerseException";
/// `ConfigResource.Type`.
pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

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
        // A combined node answers at one address; controllers alone are not modelled.
        None => return Err(Early::not_modelled("--bootstrap-controller")),
    };
    let client = [("client.id", "reassign-partitions-tool")];
    let config = admin_config(env, value("command-config")?, servers, &client, thrown)?;
    let action = match action {
        "list" => Action::List,
        "verify" | "cancel" => {
            let path = value("reassignment-json-file")?.unwrap_or_default();
            let text = json::read_file(&env.files, path).map_err(thrown)?;
            let plan = parse(&text).map_err(thrown)?;
            let clear_throttles = !options.has("preserve-throttles");
            match action {
                "verify" => Action::Verify { plan, clear_throttles },
                _cancel => {
                    let timeout_ms = options.long("timeout").map_err(|e| thrown(e.into()))?;
                    let timeout_ms = timeout_ms.unwrap_or(MOVE_TIMEOUT_MS);
                    Action::Cancel { plan, clear_throttles, timeout_ms }
                }
            }
        }
        "execute" => {
            let path = value("reassignment-json-file")?.unwrap_or_default();
            let text = json::read_file(&env.files, path).map_err(thrown)?;
            let Plan { targets, moves } = parse(&text).map_err(thrown)?;
            reassign_execute::check_targets(&targets).map_err(thrown)?;
            let long = |name| options.long(name).map_err(|e| thrown(e.into()));
            Action::Execute(Execute {
                targets,
                moves,
                move_throttle: long("replica-alter-log-dirs-throttle")?.unwrap_or(-1),
                move_timeout_ms: long("timeout")?.unwrap_or(MOVE_TIMEOUT_MS),
                additional: options.has("additional"),
                factor_may_change: !options.has("disallow-replication-factor-change"),
                throttle: long("throttle")?.unwrap_or(-1),
            })
        }
        other => return Err(Early::not_modelled(&format!("--{other}"))),
    };
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

/// What stands in a reassignment file.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Each partition's new replicas, in the order of the file.
    targets: Targets,
    /// The log directories of those replicas that do not leave it open.
    moves: Moves,
}

/// `parsePartitionReassignmentData`.
fn parse(text: &str) -> Result<Plan, Throwable> {
    let operation =
        |message: String| Throwable::new("org.apache.kafka.tools.AdminOperationException", message);
    let js = json::parse_full(text)
        .ok_or_else(|| operation("The input string is not a valid JSON".to_owned()))?;
    let version = match json::object(&js)?.get("version") {
        Some(version) => json::int(version)?,
        None => 1,
    };
    if version != 1 {
        return Err(operation(format!("Not supported version field value {version}")));
    }
    let mut plan = Plan::default();
    let partitions = json::object(&js)?.get("partitions");
    for entry in partitions.map_or(Ok(&[][..]), json::array)? {
        let topic = json::string(json::field(entry, "topic")?)?;
        let partition = json::int(json::field(entry, "partition")?)?;
        let replicas: Vec<i32> = list(json::field(entry, "replicas")?)?
            .iter()
            .map(json::int)
            .collect::<Result<_, _>>()?;
        let tp = TopicPartition::new(topic, partition);
        if let Some(dirs) = json::object(entry)?.get("log_dirs") {
            let dirs: Vec<&str> = list(dirs)?.iter().map(json::string).collect::<Result<_, _>>()?;
            if dirs.len() != replicas.len() {
                return Err(Throwable::new(
                    "org.apache.kafka.tools.AdminCommandFailedException",
                    format!(
                        "Size of replicas list [{}] is different from size of log dirs list [{}] \
                         for partition {tp}",
                        joined(&replicas, ", "),
                        dirs.join(", ")
                    ),
                ));
            }
            for (broker, directory) in replicas.iter().zip(dirs) {
                if directory != ANY_LOG_DIR {
                    plan.moves.insert((*broker, tp.clone()), directory.to_owned());
                }
            }
        }
        plan.targets.push((tp, replicas));
    }
    Ok(plan)
}

/// `DecodeJson.decodeList`.
fn list(value: &Value) -> Result<&[Value], Throwable> {
    json::array(value).map_err(|_| {
        Throwable::new(
            "com.fasterxml.jackson.databind.JsonMappingException",
            format!("Expected `JSON array` value, received {value}"),
        )
    })
}

pub(super) fn joined(ids: &[i32], between: &str) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(between)
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
    Execute(Execute),
}

/// Partitions and their new replicas.
pub(super) type Targets = Vec<(TopicPartition, Vec<i32>)>;

impl Script for Reassign {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let end = match &self.action {
            Action::List => print_current(stage),
            Action::Verify { plan, clear_throttles } => verify(stage, plan, *clear_throttles),
            Action::Cancel { plan, clear_throttles, timeout_ms } => {
                cancel(stage, plan, *clear_throttles, *timeout_ms)
            }
            Action::Execute(plan) => reassign_execute::execute(stage, plan),
        };
        ended(stage, end, |stage, e| {
            // A `TerseException` is its message.
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

/// An exception that came out of a future.
pub(super) fn executed(stop: Stop) -> Stop {
    match stop {
        Stop::Thrown(e) => Stop::Thrown(Throwable::execution(&e)),
        Stop::Waiting => Stop::Waiting,
    }
}

/// `verifyAssignment`.
fn verify(stage: &mut Stage<'_>, plan: &Plan, clear_throttles: bool) -> Result<(), Stop> {
    let Plan { targets, moves } = plan;
    let current = admin::reassignments(stage, None).map_err(executed)?;
    let mut states: SortedMap<TopicPartition, String> = SortedMap::new();
    for (tp, target) in targets {
        let state = if current.contains_key(&(tp.topic.clone(), tp.partition.0)) {
            format!("Reassignment of partition {tp} is still in progress.")
        } else {
            let replicas = current_replicas(stage, tp)?;
            if replicas == *target {
                format!("Reassignment of partition {tp} is completed.")
            } else {
                format!(
                    "There is no active reassignment of partition {tp}, but replica set is {} \
                     rather than {}.",
                    joined(&replicas, ","),
                    joined(target, ",")
                )
            }
        };
        states.insert(tp.clone(), state);
    }
    stage.out("Status of partition reassignment:\n");
    for state in states.values() {
        stage.out(format!("{state}\n"));
    }
    let moving = reassign_moves::verify(stage, moves)?;
    if current.is_empty() && !moving && clear_throttles {
        clear_all_throttles(stage, targets)?;
    }
    Ok(())
}

/// `cancelAssignment`.
fn cancel(
    stage: &mut Stage<'_>,
    plan: &Plan,
    clear_throttles: bool,
    timeout_ms: i64,
) -> Result<(), Stop> {
    let Plan { targets, moves } = plan;
    let current = admin::reassignments(stage, None).map_err(executed)?;
    let wanted: SortedSet<&TopicPartition> = targets.iter().map(|(tp, _)| tp).collect();
    let active: Vec<&TopicPartition> = wanted
        .into_iter()
        .filter(|tp| current.contains_key(&(tp.topic.clone(), tp.partition.0)))
        .collect();
    if active.is_empty() {
        stage.out("None of the specified partition reassignments are active.\n");
    } else {
        cancel_active(stage, &active)?;
    }
    let back = reassign_moves::way_back(stage, moves)?;
    if back.is_empty() {
        stage.out("None of the specified partition moves are active.");
    } else {
        reassign_moves::execute(stage, &back, timeout_ms)?;
    }
    if clear_throttles {
        clear_all_throttles(stage, targets)?;
    }
    Ok(())
}

/// `cancelPartitionReassignments`.
fn cancel_active(stage: &mut Stage<'_>, active: &[&TopicPartition]) -> Result<(), Stop> {
    let mut topics: SortedMap<&str, Vec<ReassignablePartition>> = SortedMap::new();
    for tp in active {
        let partition = ReassignablePartition::default()
            .with_partition_index(tp.partition.0)
            .with_replicas(None);
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ReassignableTopic::default().with_name(admin::topic_name(topic)).with_partitions(partitions)
    });
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(60_000)
        .with_topics(topics.collect());
    let errors = reassign_execute::refused(stage, request)?;
    if errors.is_empty() {
        let names: Vec<String> = active.iter().map(|tp| tp.to_string()).collect();
        stage.out(format!(
            "Successfully cancelled partition reassignment{} for: {}\n",
            plural(active.len()),
            names.join(",")
        ));
        return Ok(());
    }
    let lines: Vec<String> = errors.iter().map(|(tp, why)| format!("{tp}: {why}")).collect();
    let message = format!(
        "Error cancelling partition reassignment{} for:\n{}",
        plural(errors.len()),
        lines.join("\n")
    );
    Err(Throwable::new(TERSE, message).into())
}

/// Replicas of a partition; none if it is not there.
fn current_replicas(stage: &mut Stage<'_>, tp: &TopicPartition) -> Result<Vec<i32>, Stop> {
    match admin::describe_topics(stage, std::slice::from_ref(&tp.topic), 2000) {
        Ok(described) => {
            let partitions = described.get(&tp.topic).map(|t| t.partitions.as_slice());
            let found = partitions.unwrap_or_default().iter().find(|p| p.index == tp.partition.0);
            Ok(found.map(|p| p.replicas.clone()).unwrap_or_default())
        }
        Err(Stop::Thrown(e)) if e.class.ends_with(".UnknownTopicOrPartitionException") => {
            Ok(Vec::new())
        }
        Err(stop) => Err(executed(stop)),
    }
}

/// `clearAllThrottles`.
fn clear_all_throttles(
    stage: &mut Stage<'_>,
    targets: &[(TopicPartition, Vec<i32>)],
) -> Result<(), Stop> {
    let mut brokers: SortedSet<i32> = admin::live_brokers(stage)?.into_iter().collect();
    brokers.extend(targets.iter().flat_map(|(_, replicas)| replicas.iter().copied()));
    let brokers: Vec<i32> = brokers.into_iter().collect();
    stage.out(format!(
        "Clearing broker-level throttles on broker{} {}\n",
        plural(brokers.len()),
        joined(&brokers, ",")
    ));
    let names = brokers.iter().map(i32::to_string).collect();
    clear(stage, BROKER, names, &BROKER_LEVEL_THROTTLES)?;
    let topics = hash_order(targets.iter().map(|(tp, _)| tp.topic.clone()), 16);
    stage.out(format!(
        "Clearing topic-level throttles on topic{} {}\n",
        plural(topics.len()),
        topics.join(",")
    ));
    clear(stage, TOPIC, topics, &TOPIC_LEVEL_THROTTLES)
}

fn clear(
    stage: &mut Stage<'_>,
    resource_type: i8,
    names: Vec<String>,
    throttles: &[&'static str],
) -> Result<(), Stop> {
    let configs: Vec<_> = throttles.iter().map(|throttle| (*throttle, None)).collect();
    names.iter().try_for_each(|name| alter_configs(stage, resource_type, name, &configs))
}

/// `Admin.incrementalAlterConfigs` of one resource: values to set, or none to delete.
pub(super) fn alter_configs(
    stage: &mut Stage<'_>,
    resource_type: i8,
    name: &str,
    configs: &[(&'static str, Option<String>)],
) -> Result<(), Stop> {
    // Changes of a broker's own configuration go to that broker, all others anywhere.
    let to = match (resource_type, name.parse()) {
        (BROKER, Ok(node)) => Target::Node(node),
        _ => Target::Any,
    };
    let configs = configs.iter().map(|(config, value)| {
        AlterableConfig::default()
            .with_name(StrBytes::from_static_str(config))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.clone().map(StrBytes::from_string))
    });
    let resource = AlterConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(StrBytes::from_string(name.to_owned()))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = stage.call(request.into(), to)?;
    let response = expect(answer, |r| match r {
        Response::IncrementalAlterConfigs(body) => Some(body),
        _ => None,
    })?;
    for result in &response.responses {
        check(result.error_code, result.error_message.as_ref())
            .map_err(|e| Throwable::execution(&e))?;
    }
    Ok(())
}

/// The ending of a noun.
pub(super) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_kafka_reads_it() {
        let plan = r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]}"#;
        assert_eq!(parse(plan).unwrap().targets, [(TopicPartition::new("t", 0), vec![1, 2])]);
        assert_eq!(parse("{}").unwrap().targets, []);
        let plan = r#"{"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","/b"]}]}"#;
        let moves = Moves::from_iter([((2, TopicPartition::new("t", 0)), "/b".to_owned())]);
        assert_eq!(parse(plan).unwrap().moves, moves);
        let message = |text: &str| parse(text).unwrap_err().message.unwrap();
        assert_eq!(message("{"), "The input string is not a valid JSON");
        assert_eq!(message(r#"{"version":3}"#), "Not supported version field value 3");
        assert_eq!(
            message(r#"{"partitions":[{"topic":"t","partition":0,"replicas":1}]}"#),
            "Expected `JSON array` value, received 1"
        );
        assert_eq!(
            message(r#"{"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":[]}]}"#),
            "Size of replicas list [1] is different from size of log dirs list [] for partition t-0"
        );
    }
}
