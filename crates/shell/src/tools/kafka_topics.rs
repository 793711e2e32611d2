//! `kafka-topics.sh` (`org.apache.kafka.tools.TopicCommand`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::topic_config;
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Level, Process};
use uuid::Uuid;

use super::admin_calls::{
    self as admin, Reassignment, Stop, TopicInfo, check, ended, expect, topic_name,
};
use super::java::{self, Throwable};
use super::options::{OptionError, OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, load_props, no_resolvable, resolvable};
use super::topic_filter::{IncludeList, is_internal};

pub(crate) const HELP: &str = include_str!("help/kafka-topics.txt");
const LOGGER: &str = "org.apache.kafka.tools.TopicCommand";
/// Brokers give a topic request this long (`default.api.timeout.ms` of the admin client).
const TIMEOUT_MS: i32 = 60_000;
/// `DescribeTopicsOptions.partitionSizeLimitPerResponse`.
const PARTITIONS_PER_RESPONSE: i32 = 2000;

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(TopicCommand, AdminConfig), Early> {
    // `mainNoExit` prints the message, then the stack trace.
    let thrown =
        |e: Throwable| Early::error(format!("{}\n{}\n", e.message_text(), e.stack_trace()));
    let options = table.parse(argv).map_err(|e| thrown(e.into()))?;
    let checks = Checks { table, options: &options };
    if argv.is_empty() {
        return Err(Early::usage(table, "Create, delete, describe, or change a topic."));
    }
    checks.help_or_version(argv)?;
    let actions = ["create", "list", "alter", "describe", "delete"];
    let given = actions.iter().filter(|a| options.has(a)).count();
    checks.usage_if(
        given != 1,
        "Command must include exactly one action: --list, --describe, --create, --alter or --delete",
    )?;
    let deprecated = if options.has("delete-config") {
        "delete-config option is no longer supported and deprecated since version 4.0. The config \
         will be fully removed in future releases.\n"
    } else {
        ""
    };
    let mut note = String::new();
    required(&checks, &mut note, thrown).and_then(|()| exclusive(&checks, &actions)).map_err(
        |mut early| {
            early.err.insert_str(0, deprecated);
            early.after(&note)
        },
    )?;
    let mut properties = match options.value("command-config").map_err(|e| thrown(e.into()))? {
        Some(file) => load_props(env, file).map_err(thrown)?,
        None => SortedMap::new(),
    };
    let servers = options.value("bootstrap-server").map_err(|e| thrown(e.into()))?;
    properties.insert("bootstrap.servers".into(), servers.unwrap_or_default().to_string());
    let config = AdminConfig::from_properties(&properties).map_err(|error| {
        thrown(
            Throwable::new(
                "org.apache.kafka.common.KafkaException",
                "Failed to create new KafkaAdminClient",
            )
            .caused_by(&Throwable::from(&error)),
        )
    })?;
    resolvable(servers.unwrap_or_default()).map_err(|unresolved| {
        thrown(no_resolvable("Failed to create new KafkaAdminClient")).unresolved(unresolved)
    })?;
    let script = TopicCommand { options: options.clone(), note, deprecated };
    Ok((script, config))
}

fn required(
    checks: &Checks<'_>,
    note: &mut String,
    thrown: impl Fn(Throwable) -> Early,
) -> Result<(), Early> {
    let options = checks.options;
    if !options.has("bootstrap-server") {
        return Err(thrown(Throwable::illegal_argument("--bootstrap-server must be specified")));
    }
    if options.has("describe") && options.has("if-exists") {
        let (topic, id) = (options.has("topic"), options.has("topic-id"));
        checks.usage_if(!topic && !id, "--topic or --topic-id is required to describe a topic")?;
        if topic && id {
            note.push_str(
                "Only topic id will be used when both --topic and --topic-id are specified and \
                 topicId is not Uuid.ZERO_UUID\n",
            );
        }
    }
    if !options.has("list") && !options.has("describe") {
        checks.required(&["topic"])?;
    }
    if options.has("alter") {
        checks.usage_if(
            options.has("config"),
            "Option combination \"[[config], [bootstrap-server]]\" can't be used with option \
             \"[alter]\" (To alter topic configurations, the kafka-configs tool can be used.)",
        )?;
        checks.required(&["partitions"])?;
    }
    Ok(())
}

fn exclusive(checks: &Checks<'_>, actions: &[&str]) -> Result<(), Early> {
    let without = |allowed: &[&str], more: &[&'static str]| -> Vec<String> {
        let rest = actions.iter().filter(|a| !allowed.contains(a)).map(|a| a.to_string());
        rest.chain(more.iter().map(|m| m.to_string())).collect()
    };
    let check = |used: &str, invalid: Vec<String>| {
        checks.excludes(used, &invalid.iter().map(String::as_str).collect::<Vec<_>>())
    };
    check("config", without(&["alter", "create"], &[]))?;
    check("partitions", without(&["alter", "create"], &[]))?;
    check("replication-factor", without(&["create"], &[]))?;
    check("replica-assignment", without(&["alter", "create"], &[]))?;
    if checks.options.has("create") {
        checks.excludes("replica-assignment", &["partitions", "replication-factor"])?;
    }
    let reports = [
        "under-replicated-partitions",
        "under-min-isr-partitions",
        "at-min-isr-partitions",
        "unavailable-partitions",
    ];
    for report in reports {
        check(report, without(&["describe"], &["topics-with-overrides"]))?;
    }
    check("topics-with-overrides", without(&["describe"], &reports))?;
    check("if-exists", without(&["alter", "delete", "describe"], &[]))?;
    check("if-not-exists", without(&["create"], &[]))?;
    check("exclude-internal", without(&["list", "describe"], &[]))
}

#[derive(Clone)]
struct TopicCommand {
    options: Options<'static>,
    note: String,
    deprecated: &'static str,
}

/// What `--create` and `--alter` were given.
struct CommandTopicPartition {
    name: String,
    partitions: Option<i32>,
    replication_factor: Option<i32>,
    /// Replicas of partition 0, 1, …; empty without `--replica-assignment`.
    assignment: Vec<Vec<i32>>,
    configs: SortedMap<String, String>,
}

impl Script for TopicCommand {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        if !self.note.is_empty() {
            stage.out(self.note.clone());
        }
        if !self.deprecated.is_empty() {
            stage.err(self.deprecated);
        }
        let done = self.execute(stage);
        ended(stage, done, |stage, e| {
            stage.out(format!("Error while executing topic command : {}\n", e.message_text()));
            stage.err(java::log_line(stage.now, Level::Error, &e.stack_trace(), LOGGER));
        })
    }
}

impl TopicCommand {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        if self.options.has("create") {
            self.create(stage)
        } else if self.options.has("alter") {
            self.alter(stage)
        } else if self.options.has("list") {
            let topics = self.topics(stage)?;
            stage.out(topics.join("\n") + "\n");
            Ok(())
        } else if self.options.has("describe") {
            self.describe(stage)
        } else {
            self.delete(stage)
        }
    }

    fn create(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let topic = self.command_topic()?;
        if topic.name.contains(['.', '_']) {
            stage.out(
                "WARNING: Due to limitations in metric names, topics with a period ('.') or \
                 underscore ('_') could collide. To avoid issues it is best to use either, but not \
                 both.\n",
            );
        }
        if topic.replication_factor.is_some_and(|rf| !(1..=i32::from(i16::MAX)).contains(&rf)) {
            let message = "The replication factor must be between 1 and 32767 inclusive";
            return Err(Throwable::illegal_argument(message).into());
        }
        if topic.partitions.is_some_and(|p| p < 1) {
            let message = "The partitions must be greater than 0";
            return Err(Throwable::illegal_argument(message).into());
        }
        if topic.name.is_empty() {
            // `KafkaAdminClient.topicNameIsUnrepresentable`
            return Err(Throwable::new(
                "org.apache.kafka.common.errors.InvalidTopicException",
                "The given topic name '' cannot be represented in a request.",
            )
            .into());
        }
        let assignments = topic.assignment.iter().enumerate().map(|(i, brokers)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(i as i32)
                .with_broker_ids(brokers.iter().map(|b| BrokerId(*b)).collect())
        });
        let configs = topic.configs.iter().map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(StrBytes::from_string(name.clone()))
                .with_value(Some(StrBytes::from_string(value.clone())))
        });
        let unset = -1;
        let manual = !topic.assignment.is_empty();
        let partitions = if manual { None } else { topic.partitions };
        let factor = if manual { None } else { topic.replication_factor };
        let creatable = CreatableTopic::default()
            .with_name(topic_name(&topic.name))
            .with_num_partitions(partitions.unwrap_or(unset))
            .with_replication_factor(factor.unwrap_or(unset) as i16)
            .with_assignments(assignments.collect())
            .with_configs(configs.collect());
        let request =
            CreateTopicsRequest::default().with_topics(vec![creatable]).with_timeout_ms(TIMEOUT_MS);
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::CreateTopics(body) => Some(body),
            _ => None,
        })?;
        for result in &response.topics {
            if let Err(error) = check(result.error_code, result.error_message.as_ref()) {
                let exists = error.class.ends_with(".TopicExistsException");
                if exists && self.options.has("if-not-exists") {
                    return Ok(());
                }
                return Err(error.into());
            }
        }
        stage.out(format!("Created topic {}.\n", topic.name));
        Ok(())
    }

    fn alter(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let topic = self.command_topic()?;
        let topics = self.topics(stage)?;
        self.ensure_topic_exists(&topics)?;
        if topics.is_empty() {
            return Ok(());
        }
        let described = if topic.assignment.is_empty() {
            SortedMap::new()
        } else {
            admin::describe_topics(stage, &topics, PARTITIONS_PER_RESPONSE)?
        };
        let wanted = topics.iter().map(|name| {
            let old = described.get(name).map_or(0, |t| t.partitions.len());
            let assignments = (!topic.assignment.is_empty()).then(|| {
                let added = topic.assignment.iter().skip(old).map(|brokers| {
                    CreatePartitionsAssignment::default()
                        .with_broker_ids(brokers.iter().map(|b| BrokerId(*b)).collect())
                });
                added.collect()
            });
            CreatePartitionsTopic::default()
                .with_name(topic_name(name))
                .with_count(topic.partitions.unwrap_or_default())
                .with_assignments(assignments)
        });
        let request = CreatePartitionsRequest::default()
            .with_topics(wanted.collect())
            .with_timeout_ms(TIMEOUT_MS);
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::CreatePartitions(body) => Some(body),
            _ => None,
        })?;
        for result in &response.results {
            check(result.error_code, result.error_message.as_ref())?;
        }
        Ok(())
    }

    fn delete(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let topics = self.topics(stage)?;
        self.ensure_topic_exists(&topics)?;
        if topics.is_empty() {
            return Ok(());
        }
        let states =
            topics.iter().map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))));
        let request = DeleteTopicsRequest::default()
            .with_topics(states.collect())
            .with_timeout_ms(TIMEOUT_MS);
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::DeleteTopics(body) => Some(body),
            _ => None,
        })?;
        for result in &response.responses {
            check(result.error_code, result.error_message.as_ref())?;
        }
        Ok(())
    }

    fn describe(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let id = match self.text("topic-id")? {
            Some(text) => Some(java::uuid_of(text)?).filter(|id| *id != Uuid::nil()),
            None => None,
        };
        let limit = self.int("partition-size-limit-per-response");
        let topics = match id {
            Some(id) => {
                let listed = admin::list_topics(stage, !self.options.has("exclude-internal"))?;
                if listed.iter().any(|t| t.id == id) {
                    vec![admin::describe_topic_id(stage, id)?]
                } else if self.options.has("if-exists") {
                    Vec::new()
                } else {
                    let text = java::uuid_text(id);
                    let message = format!("TopicId '{text}' does not exist as expected");
                    return Err(Throwable::illegal_argument(message).into());
                }
            }
            None => {
                let names = self.topics(stage)?;
                self.ensure_topic_exists(&names)?;
                if names.is_empty() {
                    Vec::new()
                } else {
                    let limit = limit?.unwrap_or(PARTITIONS_PER_RESPONSE);
                    let mut found = admin::describe_topics(stage, &names, limit)?;
                    let order = java::hash_order(names.iter().cloned(), names.len());
                    order.iter().filter_map(|name| found.remove(name)).collect()
                }
            }
        };
        let names: Vec<String> = topics.iter().map(|t| t.name.clone()).collect();
        let configs = admin::topic_configs(stage, &names)?;
        let live = admin::live_brokers(stage)?;
        let partitions = |topic: &TopicInfo| topic.partitions.iter().map(|p| p.index).collect();
        let partitions = topics.iter().map(|topic| (topic.name.clone(), partitions(topic)));
        let reassignments = admin::reassignments(stage, Some(&partitions.collect()))?;
        for topic in &topics {
            let config = configs.get(&topic.name).cloned().unwrap_or_else(|| Ok(Vec::new()))?;
            self.print_topic(stage, topic, &config, &reassignments);
            self.print_partitions(stage, topic, &config, &live, &reassignments)?;
        }
        Ok(())
    }

    fn print_topic(
        &self,
        stage: &mut Stage<'_>,
        topic: &TopicInfo,
        config: &[admin::ConfigEntry],
        reassignments: &SortedMap<(String, i32), Reassignment>,
    ) {
        let overridden: Vec<String> = config
            .iter()
            .filter(|entry| !entry.is_default)
            .map(|entry| format!("{}={}", entry.name, entry.value.as_deref().unwrap_or("null")))
            .collect();
        let only_overridden = self.options.has("topics-with-overrides");
        if self.reports_partitions() || (only_overridden && overridden.is_empty()) {
            return;
        }
        let Some(first) = topic.partitions.first() else { return };
        let factor = replication_factor(
            &first.replicas,
            reassignments.get(&(topic.name.clone(), first.index)),
        );
        let id = match topic.id.is_nil() {
            true => String::new(),
            false => format!("\tTopicId: {}", java::uuid_text(topic.id)),
        };
        stage.out(format!(
            "Topic: {}{id}\tPartitionCount: {}\tReplicationFactor: {factor}\tConfigs: {}\n",
            topic.name,
            topic.partitions.len(),
            overridden.join(",")
        ));
    }

    fn print_partitions(
        &self,
        stage: &mut Stage<'_>,
        topic: &TopicInfo,
        config: &[admin::ConfigEntry],
        live: &[i32],
        reassignments: &SortedMap<(String, i32), Reassignment>,
    ) -> Result<(), Stop> {
        if self.options.has("topics-with-overrides") {
            return Ok(());
        }
        let min_isr = config
            .iter()
            .find(|entry| entry.name == "min.insync.replicas")
            .and_then(|entry| entry.value.as_deref()?.parse::<usize>().ok())
            .unwrap_or(1);
        for p in &topic.partitions {
            let moving = reassignments.get(&(topic.name.clone(), p.index));
            let reported = |name: &str, holds: bool| self.options.has(name) && holds;
            let shown = !self.reports_partitions()
                || reported(
                    "under-replicated-partitions",
                    replication_factor(&p.replicas, moving) > p.isr.len(),
                )
                || reported(
                    "unavailable-partitions",
                    p.leader.is_none_or(|leader| !live.contains(&leader)),
                )
                || reported(
                    "under-min-isr-partitions",
                    p.leader.is_none() || p.isr.len() < min_isr,
                )
                || reported("at-min-isr-partitions", p.isr.len() == min_isr);
            if !shown {
                continue;
            }
            let leader = p.leader.map_or("none".to_string(), |id| id.to_string());
            let moves = moving.map_or(String::new(), |m| {
                format!(
                    "\tAdding Replicas: {}\tRemoving Replicas: {}",
                    joined(&m.adding),
                    joined(&m.removing)
                )
            });
            let optional = |nodes: &Option<Vec<i32>>| match nodes {
                Some(nodes) => joined(nodes),
                None => "N/A".to_string(),
            };
            stage.out(format!(
                "\tTopic: {}\tPartition: {}\tLeader: {leader}\tReplicas: {}\tIsr: {}{moves}\tElr: {}\tLastKnownElr: {}\n",
                topic.name,
                p.index,
                joined(&p.replicas),
                joined(&p.isr),
                optional(&p.elr),
                optional(&p.last_known_elr),
            ));
        }
        Ok(())
    }

    fn reports_partitions(&self) -> bool {
        [
            "under-replicated-partitions",
            "under-min-isr-partitions",
            "at-min-isr-partitions",
            "unavailable-partitions",
        ]
        .iter()
        .any(|report| self.options.has(report))
    }

    /// `getTopics`: names that match, sorted.
    fn topics(&self, stage: &mut Stage<'_>) -> Result<Vec<String>, Stop> {
        let exclude_internal = self.options.has("exclude-internal");
        let wanted = self.text("topic")?;
        let listed = admin::list_topics(stage, !exclude_internal)?;
        let names = listed.into_iter().map(|t| t.name);
        Ok(match wanted {
            Some(wanted) => {
                let filter = IncludeList::new(wanted)?;
                names.filter(|name| filter.is_allowed(name, exclude_internal)).collect()
            }
            None => names.filter(|name| !(exclude_internal && is_internal(name))).collect(),
        })
    }

    fn ensure_topic_exists(&self, found: &[String]) -> Result<(), Stop> {
        match self.text("topic")? {
            Some(topic)
                if !topic.is_empty() && !self.options.has("if-exists") && found.is_empty() =>
            {
                let message = format!("Topic '{topic}' does not exist as expected");
                Err(Throwable::illegal_argument(message).into())
            }
            _ => Ok(()),
        }
    }

    fn command_topic(&self) -> Result<CommandTopicPartition, Stop> {
        Ok(CommandTopicPartition {
            name: self.text("topic")?.unwrap_or_default().to_string(),
            partitions: self.int("partitions")?,
            replication_factor: self.int("replication-factor")?,
            assignment: match self.text("replica-assignment")? {
                Some(text) if !text.is_empty() => replica_assignment(text)?,
                _ => Vec::new(),
            },
            configs: topic_configs(self.options.values("config"))?,
        })
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Stop> {
        self.options.value(name).map_err(thrown)
    }

    fn int(&self, name: &str) -> Result<Option<i32>, Stop> {
        self.options.int(name).map_err(thrown)
    }
}

fn thrown(error: OptionError) -> Stop {
    Stop::Thrown(error.into())
}

fn joined(nodes: &[i32]) -> String {
    nodes.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// While a partition moves, the replicas that it will have.
fn replication_factor(replicas: &[i32], moving: Option<&Reassignment>) -> usize {
    match moving {
        Some(m) if replicas.iter().any(|r| m.adding.contains(r) || m.removing.contains(r)) => {
            m.replicas.len() - m.adding.len()
        }
        _ => replicas.len(),
    }
}

/// `parseReplicaAssignment`: `1:2,2:3` is two partitions of two replicas.
fn replica_assignment(text: &str) -> Result<Vec<Vec<i32>>, Throwable> {
    let mut partitions: Vec<Vec<i32>> = Vec::new();
    for (i, part) in text.trim_end_matches(',').split(',').enumerate() {
        let mut brokers = Vec::new();
        for broker in part.trim_end_matches(':').split(':').map(str::trim) {
            brokers.push(broker.parse::<i32>().map_err(|_| {
                Throwable::new(
                    "java.lang.NumberFormatException",
                    format!("For input string: \"{broker}\""),
                )
            })?);
        }
        let mut duplicates: Vec<i32> = Vec::new();
        for (at, broker) in brokers.iter().enumerate() {
            if brokers[..at].contains(broker) && !duplicates.contains(broker) {
                duplicates.push(*broker);
            }
        }
        if !duplicates.is_empty() {
            return Err(Throwable::new(
                "org.apache.kafka.tools.AdminCommandFailedException",
                format!(
                    "Partition replica lists may not contain duplicate entries: {}",
                    joined(&duplicates)
                ),
            ));
        }
        if partitions.first().is_some_and(|first| first.len() != brokers.len()) {
            let list = brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
            return Err(Throwable::new(
                "org.apache.kafka.tools.AdminOperationException",
                format!("Partition {i} has different replication factor: [{list}]"),
            ));
        }
        partitions.push(brokers);
    }
    Ok(partitions)
}

/// `parseTopicConfigsToBeAdded`.
fn topic_configs(arguments: &[String]) -> Result<SortedMap<String, String>, Throwable> {
    let mut configs = SortedMap::new();
    for argument in arguments {
        // Java splits at `\s*=\s*` and drops empty pieces at the end.
        let mut pieces: Vec<&str> = argument.split('=').map(str::trim).collect();
        while pieces.last().is_some_and(|p| p.is_empty()) {
            pieces.pop();
        }
        let [name, value] = pieces[..] else {
            return Err(Throwable::illegal_argument(
                "requirement failed: Invalid topic config: all configs to be added must be in the \
                 format \"key=val\".",
            ));
        };
        configs.insert(name.to_string(), value.to_string());
    }
    let pairs = configs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    topic_config::validate(pairs)
        .map_err(|error| Throwable::new(error.exception_class(), error.message()))?;
    Ok(configs)
}
