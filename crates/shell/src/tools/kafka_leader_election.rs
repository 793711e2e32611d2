//! `kafka-leader-election.sh` (`org.apache.kafka.tools.LeaderElectionCommand`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::ElectLeadersRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Process, TopicPartition};

use super::admin_calls::{Stop, check, ended, expect, topic_name};
use super::java::Throwable;
use super::json;
use super::options::{OptionError, OptionTable, Options};
use super::partition_leaders::hash_order;
use super::script::{Question, Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-leader-election.txt");
const TYPES: [&str; 2] = ["PREFERRED", "UNCLEAN"];
/// What the tool gives its client, where the property file says nothing.
const CLIENT: [(&str, &str); 2] =
    [("default.api.timeout.ms", "30000"), ("request.timeout.ms", "15000")];

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

/// `mainNoExit`: what it prints of an exception.
fn failed(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.tools.AdminCommandFailedException", message)
}

fn operation(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.tools.AdminOperationException", message)
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(LeaderElection, AdminConfig), Early> {
    let thrown = |e: Throwable| Early::error(e.message_and_trace());
    let wrong = |e: OptionError| Early::error(Throwable::from(e).message_and_trace());
    let options = table.parse(argv).map_err(wrong)?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    validate(&checks, &options, thrown)?;
    let election = election_type(&options).map_err(wrong)?;
    let file = match options.value("path-to-json-file").map_err(wrong)? {
        Some(path) => Some(read_partitions(env, path).map_err(thrown)?),
        None => None,
    };
    let topic = options.value("topic").map_err(wrong)?;
    let partition = options.int("partition").map_err(wrong)?;
    let single = topic.zip(partition).map(|(topic, p)| vec![TopicPartition::new(topic, p)]);
    let deprecated = options.has("admin.config");
    let config_file = if deprecated { "admin.config" } else { "command-config" };
    let note = match deprecated {
        true => {
            "Option --admin.config has been deprecated and will be removed in a future version. \
             Use --command-config instead.\n"
        }
        false => "",
    };
    let config_file = options.value(config_file).map_err(wrong)?;
    let servers = options.value("bootstrap-server").map_err(wrong)?;
    let config = admin_config(env, config_file, servers, &CLIENT, |e| thrown(e).after(note))?;
    Ok((LeaderElection { election, partitions: file.or(single), note }, config))
}

/// `LeaderElectionCommandOptions.validate`.
fn validate(
    checks: &Checks<'_>,
    options: &Options<'_>,
    thrown: impl Fn(Throwable) -> Early,
) -> Result<(), Early> {
    let missing = |names: &[&str]| -> Vec<String> {
        names.iter().filter(|n| !options.has(n)).map(|n| n.to_string()).collect()
    };
    let required = missing(&["bootstrap-server", "election-type"]);
    if !required.is_empty() {
        let names = required.join(", ");
        return Err(thrown(failed(format!("Missing required option(s): {names}"))));
    }
    checks.excludes("admin.config", &["command-config"])?;
    let scopes = ["topic", "all-topic-partitions", "path-to-json-file"];
    if scopes.iter().filter(|s| options.has(s)).count() != 1 {
        let names = scopes.join(", ");
        return Err(thrown(failed(format!(
            "One and only one of the following options is required: {names}"
        ))));
    }
    let (topic, partition) = (options.has("topic"), options.has("partition"));
    if topic && !partition {
        return Err(thrown(failed("Missing required option(s): partition")));
    }
    if !topic && partition {
        return Err(thrown(failed("Option partition is only allowed if topic is used")));
    }
    Ok(())
}

/// `ElectionTypeConverter`: the index in [`TYPES`].
fn election_type(options: &Options<'_>) -> Result<usize, OptionError> {
    let name = "election-type";
    let find = |value: &str| TYPES.iter().position(|t| t.eq_ignore_ascii_case(value));
    if let Some(value) = options.values(name).iter().find(|value| find(value).is_none()) {
        return Err(OptionError {
            class: "joptsimple.OptionArgumentConversionException",
            message: format!("Cannot parse argument '{value}' of option {name}"),
            causes: vec![format!(
                "joptsimple.ValueConversionException: Value [{value}] is not one of \
                 [[PREFERRED,UNCLEAN]]"
            )],
        });
    }
    Ok(options.value(name)?.and_then(find).unwrap_or_default())
}

/// `parseReplicaElectionData`.
fn read_partitions(env: &ToolEnv, path: &str) -> Result<Vec<TopicPartition>, Throwable> {
    let runtime =
        |e: Throwable| Throwable::new("java.lang.RuntimeException", e.to_string()).caused_by(&e);
    let text = json::read_file(&env.files, path).map_err(runtime)?;
    let js = json::parse_full(&text).ok_or_else(|| operation("Replica election data is empty"))?;
    let partitions = json::object(&js)
        .map_err(runtime)?
        .get("partitions")
        .ok_or_else(|| operation("Replica election data is missing \"partitions\" field"))?;
    // An exception of the inner lambda is wrapped again by the outer one's type alone.
    let mut found: Vec<TopicPartition> = Vec::new();
    let mut twice: Vec<TopicPartition> = Vec::new();
    for entry in json::array(partitions).map_err(runtime)? {
        let topic = json::string(json::field(entry, "topic").map_err(runtime)?).map_err(runtime)?;
        let index =
            json::int(json::field(entry, "partition").map_err(runtime)?).map_err(runtime)?;
        let tp = TopicPartition::new(topic, index);
        if found.contains(&tp) {
            twice.push(tp);
        } else {
            found.push(tp);
        }
    }
    if twice.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = hash_order(twice).iter().map(TopicPartition::to_string).collect();
    Err(operation(format!(
        "Replica election data contains duplicate partitions: [{}]",
        names.join(", ")
    )))
}

#[derive(Clone)]
struct LeaderElection {
    /// The index in [`TYPES`], which is `ElectionType`'s number.
    election: usize,
    /// All that need it where none are named.
    partitions: Option<Vec<TopicPartition>>,
    note: &'static str,
}

impl Script for LeaderElection {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        if !self.note.is_empty() {
            stage.out(self.note);
        }
        let done = self.elect(stage);
        ended(stage, done, |stage, e| {
            stage.err(e.message_and_trace());
        })
    }
}

impl LeaderElection {
    fn elect(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
        for tp in self.partitions.iter().flatten() {
            topics.entry(&tp.topic).or_default().push(tp.partition.0);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            TopicPartitions::default().with_topic(topic_name(topic)).with_partitions(partitions)
        });
        let topics: Vec<TopicPartitions> = topics.collect();
        let timeout_ms = i32::try_from(stage.config.default_api_timeout_ms).unwrap_or(i32::MAX);
        let request = ElectLeadersRequest::default()
            .with_election_type(self.election as i8)
            .with_topic_partitions(self.partitions.is_some().then_some(topics))
            .with_timeout_ms(timeout_ms);
        let question = Question::new(request, Target::Controller).named("electLeaders");
        let answer = stage.ask(question)?;
        let response = expect(answer, |r| match r {
            Response::ElectLeaders(body) => Some(body),
            _ => None,
        });
        let response = response.and_then(|response| {
            check(response.error_code, None)?;
            Ok(response)
        });
        let response = match response {
            Ok(response) => response,
            Err(e) if e.class.ends_with(".TimeoutException") => {
                let message = "Timeout waiting for election results";
                stage.out(format!("{message}\n"));
                return Err(failed(message).caused_by(&e).into());
            }
            Err(e) => {
                let e = Throwable::execution(&e);
                let outer = Throwable::new("java.lang.RuntimeException", e.to_string());
                return Err(outer.caused_by(&e).into());
            }
        };
        let mut ends: SortedMap<TopicPartition, Result<(), Throwable>> = SortedMap::new();
        for topic in &response.replica_election_results {
            for p in &topic.partition_result {
                let tp = TopicPartition::new(topic.topic.to_string(), p.partition_id);
                ends.insert(tp, check(p.error_code, p.error_message.as_ref()));
            }
        }
        self.print(stage, &ends)
    }

    fn print(
        &self,
        stage: &mut Stage<'_>,
        ends: &SortedMap<TopicPartition, Result<(), Throwable>>,
    ) -> Result<(), Stop> {
        let election = TYPES[self.election];
        let not_needed = |e: &Throwable| e.class.ends_with(".ElectionNotNeededException");
        let names = |wanted: &dyn Fn(&Result<(), Throwable>) -> bool| {
            let chosen = ends.iter().filter(|(_, end)| wanted(end)).map(|(tp, _)| tp.clone());
            let names: Vec<String> =
                hash_order(chosen).iter().map(TopicPartition::to_string).collect();
            names.join(", ")
        };
        let elected = names(&Result::is_ok);
        if !elected.is_empty() {
            stage.out(format!(
                "Successfully completed leader election ({election}) for partitions {elected}\n"
            ));
        }
        let valid = names(&|end| end.as_ref().is_err_and(not_needed));
        if !valid.is_empty() {
            stage.out(format!("Valid replica already elected for partitions {valid}\n"));
        }
        let wrong = ends.iter().filter(|(_, end)| end.as_ref().is_err_and(|e| !not_needed(e)));
        let wrong = hash_order(wrong.map(|(tp, _)| tp.clone()));
        if wrong.is_empty() {
            return Ok(());
        }
        let mut root = failed(format!("{} replica(s) could not be elected", wrong.len()));
        for tp in &wrong {
            if let Some(Err(e)) = ends.get(tp) {
                stage.out(format!(
                    "Error completing leader election ({election}) for partition: {tp}: {e}\n"
                ));
                root.suppressed.push(e.to_string());
            }
        }
        Err(root.into())
    }
}
