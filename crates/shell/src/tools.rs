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
mod kafka_acls;
mod kafka_broker_api_versions;
mod kafka_client_metrics;
mod kafka_cluster;
mod kafka_configs;
mod kafka_console_consumer;
mod kafka_console_producer;
mod kafka_console_share_consumer;
mod kafka_consumer_groups;
mod kafka_consumer_perf_test;
mod kafka_delete_records;
mod kafka_drive;
pub mod kafka_dump_log;
mod kafka_features;
mod kafka_get_offsets;
mod kafka_groups;
mod kafka_leader_election;
mod kafka_log_dirs;
mod kafka_metadata_quorum;
mod kafka_producer_perf_test;
mod kafka_reassign_partitions;
mod kafka_replica_verification;
mod kafka_share_groups;
mod kafka_streams_application_reset;
mod kafka_topics;
mod kafka_transactions;
mod kafka_verifiable_consumer;
mod kafka_verifiable_producer;
mod line_message_reader;
mod message_formatter;
pub mod options;
mod partition_leaders;
mod reset_offsets;
mod rest;
mod script;
mod setup;
mod splittable_random;
mod topic_filter;

use std::fmt;
use std::sync::OnceLock;

use logbrook_client::Process;

use crate::nearest::nearest;
use crate::words;
pub use hint::hint;
use options::OptionTable;
#[cfg(feature = "apart")]
pub use rest::come;
use rest::{Rest, rest};
pub use setup::ToolEnv;
pub(crate) use setup::WORKING_DIRECTORY;

type Start = fn(&'static OptionTable, &[String], &ToolEnv) -> Box<dyn Process>;

/// What a tool is made of.
struct Tool {
    help: &'static str,
    start: Start,
    table: OnceLock<OptionTable>,
}

impl Tool {
    const fn new(help: &'static str, start: Start) -> Tool {
        Tool { help, start, table: OnceLock::new() }
    }

    fn table(&self) -> &OptionTable {
        self.table.get_or_init(|| OptionTable::of(self.help))
    }
}

/// Where a tool is found.
enum Place {
    /// Here from the start: the first lines of nearly every lesson.
    Here(&'static Tool),
    /// In [`Rest`].
    Rest(fn(&'static Rest) -> &'static Tool),
}

impl Place {
    fn tool(&self) -> Option<&'static Tool> {
        match self {
            Place::Here(tool) => Some(tool),
            Place::Rest(of) => rest().map(of),
        }
    }
}

static TOPICS: Tool = Tool::new(kafka_topics::HELP, kafka_topics::start);
static PRODUCER: Tool = Tool::new(kafka_console_producer::HELP, kafka_console_producer::start);
static CONSUMER: Tool = Tool::new(kafka_console_consumer::HELP, kafka_console_consumer::start);

/// Every tool by its name.
static TOOLS: [(&str, Place); 28] = [
    ("kafka-acls.sh", Place::Rest(|rest| &rest.acls)),
    ("kafka-broker-api-versions.sh", Place::Rest(|rest| &rest.broker_api_versions)),
    ("kafka-client-metrics.sh", Place::Rest(|rest| &rest.client_metrics)),
    ("kafka-topics.sh", Place::Here(&TOPICS)),
    ("kafka-console-producer.sh", Place::Here(&PRODUCER)),
    ("kafka-console-consumer.sh", Place::Here(&CONSUMER)),
    ("kafka-consumer-groups.sh", Place::Rest(|rest| &rest.consumer_groups)),
    ("kafka-get-offsets.sh", Place::Rest(|rest| &rest.get_offsets)),
    ("kafka-groups.sh", Place::Rest(|rest| &rest.groups)),
    ("kafka-share-groups.sh", Place::Rest(|rest| &rest.share_groups)),
    ("kafka-console-share-consumer.sh", Place::Rest(|rest| &rest.console_share_consumer)),
    ("kafka-leader-election.sh", Place::Rest(|rest| &rest.leader_election)),
    ("kafka-reassign-partitions.sh", Place::Rest(|rest| &rest.reassign_partitions)),
    ("kafka-replica-verification.sh", Place::Rest(|rest| &rest.replica_verification)),
    ("kafka-streams-application-reset.sh", Place::Rest(|rest| &rest.streams_application_reset)),
    ("kafka-delete-records.sh", Place::Rest(|rest| &rest.delete_records)),
    ("kafka-configs.sh", Place::Rest(|rest| &rest.configs)),
    ("kafka-dump-log.sh", Place::Rest(|rest| &rest.dump_log)),
    ("kafka-cluster.sh", Place::Rest(|rest| &rest.cluster)),
    ("kafka-features.sh", Place::Rest(|rest| &rest.features)),
    ("kafka-log-dirs.sh", Place::Rest(|rest| &rest.log_dirs)),
    ("kafka-metadata-quorum.sh", Place::Rest(|rest| &rest.metadata_quorum)),
    ("kafka-producer-perf-test.sh", Place::Rest(|rest| &rest.producer_perf_test)),
    ("kafka-consumer-perf-test.sh", Place::Rest(|rest| &rest.consumer_perf_test)),
    ("kafka-verifiable-producer.sh", Place::Rest(|rest| &rest.verifiable_producer)),
    ("kafka-verifiable-consumer.sh", Place::Rest(|rest| &rest.verifiable_consumer)),
    ("kafka-transactions.sh", Place::Rest(|rest| &rest.transactions)),
    ("kafka-drive", Place::Rest(|rest| &rest.drive)),
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
    TOOLS.iter().map(|(name, _)| *name)
}

/// Does the tool read lines from its standard input?
pub fn reads_stdin(name: &str) -> bool {
    matches!(name, "kafka-console-producer.sh" | "kafka-drive")
}

fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|(tool, _)| *tool == name)?.1.tool()
}

/// Whether what lines or settings call for is here: each tool that they name, and the codecs if they
/// speak of compression. Always, unless these come later (feature `apart`).
pub fn have_come(lines: &str) -> bool {
    let codecs = logbrook_record::has_codecs() || !lines.contains("compress");
    codecs && TOOLS.iter().all(|(name, place)| place.tool().is_some() || !lines.contains(name))
}

/// The option table of a tool.
pub fn options_of(name: &str) -> Option<&'static OptionTable> {
    find(name).map(Tool::table)
}

/// The process of a command line; the first word is the tool's name. Where the rest of the tools
/// comes later, ask [`have_come`] before.
pub fn tool(argv: &[String], env: &ToolEnv) -> Result<Box<dyn Process>, ToolNotFound> {
    let name = argv.first().map(String::as_str).unwrap_or_default();
    match find(name) {
        Some(tool) => Ok((tool.start)(tool.table(), &argv[1..], env)),
        None => Err(ToolNotFound { name: name.to_string(), nearest: nearest(name, names()) }),
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
        "kafka-streams-application-reset.sh" => !has(&["--dry-run"]),
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
