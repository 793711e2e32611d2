//! Kafka's command line tools: each a client in a process of its own.
//!
//! A tool never looks into a broker. What it prints is what Kafka's own tool prints, on the same
//! stream, with the same exit code; stack frames of Java code are left out.

mod admin_calls;
mod argparse;
mod csv;
mod date_time;
mod delete_offsets;
mod group_calls;
mod group_tables;
mod hint;
mod java;
mod json;
mod kafka_broker_api_versions;
mod kafka_client_metrics;
mod kafka_cluster;
mod kafka_configs;
mod kafka_console_consumer;
mod kafka_console_producer;
mod kafka_console_share_consumer;
mod kafka_consumer_groups;
mod kafka_delete_records;
mod kafka_drive;
pub mod kafka_dump_log;
mod kafka_features;
mod kafka_get_offsets;
mod kafka_groups;
mod kafka_leader_election;
mod kafka_log_dirs;
mod kafka_metadata_quorum;
mod kafka_reassign_partitions;
mod kafka_share_groups;
mod kafka_topics;
mod kafka_transactions;
mod kafka_verifiable_consumer;
mod kafka_verifiable_producer;
mod line_message_reader;
mod message_formatter;
pub mod options;
mod partition_leaders;
mod reset_offsets;
mod script;
mod setup;
mod topic_filter;

use std::fmt;
use std::sync::OnceLock;

use logbrook_client::Process;

use crate::nearest::nearest;
use crate::words;
pub use hint::hint;
use options::OptionTable;
pub use setup::ToolEnv;

type Start = fn(&'static OptionTable, &[String], &ToolEnv) -> Box<dyn Process>;

struct Tool {
    name: &'static str,
    help: &'static str,
    start: Start,
    table: OnceLock<OptionTable>,
}

impl Tool {
    const fn new(name: &'static str, help: &'static str, start: Start) -> Tool {
        Tool { name, help, start, table: OnceLock::new() }
    }
}

static TOOLS: [Tool; 23] = [
    Tool::new(
        "kafka-broker-api-versions.sh",
        kafka_broker_api_versions::HELP,
        kafka_broker_api_versions::start,
    ),
    Tool::new("kafka-client-metrics.sh", kafka_client_metrics::HELP, kafka_client_metrics::start),
    Tool::new("kafka-topics.sh", kafka_topics::HELP, kafka_topics::start),
    Tool::new(
        "kafka-console-producer.sh",
        kafka_console_producer::HELP,
        kafka_console_producer::start,
    ),
    Tool::new(
        "kafka-console-consumer.sh",
        kafka_console_consumer::HELP,
        kafka_console_consumer::start,
    ),
    Tool::new(
        "kafka-consumer-groups.sh",
        kafka_consumer_groups::HELP,
        kafka_consumer_groups::start,
    ),
    Tool::new("kafka-get-offsets.sh", kafka_get_offsets::HELP, kafka_get_offsets::start),
    Tool::new("kafka-groups.sh", kafka_groups::HELP, kafka_groups::start),
    Tool::new("kafka-share-groups.sh", kafka_share_groups::HELP, kafka_share_groups::start),
    Tool::new(
        "kafka-console-share-consumer.sh",
        kafka_console_share_consumer::HELP,
        kafka_console_share_consumer::start,
    ),
    Tool::new(
        "kafka-leader-election.sh",
        kafka_leader_election::HELP,
        kafka_leader_election::start,
    ),
    Tool::new(
        "kafka-reassign-partitions.sh",
        kafka_reassign_partitions::HELP,
        kafka_reassign_partitions::start,
    ),
    Tool::new("kafka-delete-records.sh", kafka_delete_records::HELP, kafka_delete_records::start),
    Tool::new("kafka-configs.sh", kafka_configs::HELP, kafka_configs::start),
    Tool::new("kafka-dump-log.sh", kafka_dump_log::HELP, kafka_dump_log::start),
    Tool::new("kafka-cluster.sh", kafka_cluster::HELP, kafka_cluster::start),
    Tool::new("kafka-features.sh", kafka_features::HELP, kafka_features::start),
    Tool::new("kafka-log-dirs.sh", kafka_log_dirs::HELP, kafka_log_dirs::start),
    Tool::new(
        "kafka-metadata-quorum.sh",
        kafka_metadata_quorum::HELP,
        kafka_metadata_quorum::start,
    ),
    Tool::new(
        "kafka-verifiable-producer.sh",
        kafka_verifiable_producer::HELP,
        kafka_verifiable_producer::start,
    ),
    Tool::new(
        "kafka-verifiable-consumer.sh",
        kafka_verifiable_consumer::HELP,
        kafka_verifiable_consumer::start,
    ),
    Tool::new("kafka-transactions.sh", kafka_transactions::HELP, kafka_transactions::start),
    Tool::new("kafka-drive", "", kafka_drive::start),
];

/// No tool of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolNotFound {
    /// What was asked for.
    pub name: String,
    /// The nearest tool there is.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for ToolNotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: command not found", self.name)
    }
}

impl std::error::Error for ToolNotFound {}

/// Names of the tools there are.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name)
}

/// Does the tool read lines from its standard input?
pub fn reads_stdin(name: &str) -> bool {
    matches!(name, "kafka-console-producer.sh" | "kafka-drive")
}

/// The option table of a tool.
pub fn options_of(name: &str) -> Option<&'static OptionTable> {
    let tool = TOOLS.iter().find(|tool| tool.name == name)?;
    Some(tool.table.get_or_init(|| OptionTable::of(tool.help)))
}

/// The process of a command line; the first word is the tool's name.
pub fn tool(argv: &[String], env: &ToolEnv) -> Result<Box<dyn Process>, ToolNotFound> {
    let name = argv.first().map(String::as_str).unwrap_or_default();
    match (TOOLS.iter().find(|tool| tool.name == name), options_of(name)) {
        (Some(tool), Some(table)) => Ok((tool.start)(table, &argv[1..], env)),
        _ => Err(ToolNotFound { name: name.to_string(), nearest: nearest(name, names()) }),
    }
}

/// Does a command line alter state? A tool run does if it creates, alters, deletes, produces,
/// resets, elects or reassigns.
pub fn is_changing(command: &str, stdin: &[String]) -> bool {
    let Ok(argv) = words::split(command) else { return false };
    let Some((tool, arguments)) = argv.split_first() else { return false };
    let has = |names: &[&str]| {
        arguments.iter().any(|a| {
            let name = a.split_once('=').map_or(a.as_str(), |(name, _)| name);
            names.contains(&name)
        })
    };
    match tool.as_str() {
        "kafka-topics.sh" => has(&["--create", "--alter", "--delete"]),
        "kafka-console-producer.sh"
        | "kafka-producer-perf-test.sh"
        | "kafka-verifiable-producer.sh"
        | "kafka-delete-records.sh"
        | "kafka-leader-election.sh" => true,
        "kafka-consumer-groups.sh" | "kafka-share-groups.sh" => {
            has(&["--delete", "--delete-offsets"])
                || (has(&["--reset-offsets"]) && has(&["--execute"]))
        }
        "kafka-configs.sh" => has(&["--alter"]),
        "kafka-client-metrics.sh" => has(&["--alter", "--delete"]),
        "kafka-reassign-partitions.sh" => has(&["--execute", "--cancel"]),
        "kafka-features.sh" => has(&["upgrade", "downgrade", "disable"]),
        "kafka-transactions.sh" => has(&["abort", "forceTerminateTransaction"]),
        "kafka-acls.sh" => has(&["--add", "--remove"]),
        "kafka-drive" => stdin.iter().any(|line| {
            let verb = line.split_whitespace().next().unwrap_or_default();
            ["send", "flush", "init", "begin", "commit", "abort", "offsets", "commit-sync"]
                .contains(&verb)
        }),
        _ => false,
    }
}
