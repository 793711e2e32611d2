//! `kafka-replica-verification.sh` (`org.apache.kafka.tools.ReplicaVerificationTool`), which Kafka has
//! deprecated: its options. The rounds of fetches from every replica are not modelled; what replicas have in
//! common is on the stage, and an invariant of the simulator.

use logbrook_client::{Level, Process};

use super::java::Throwable;
use super::options::OptionTable;
use super::setup::{Checks, Early, Logged, ToolEnv, validate_bootstrap_server};

pub(crate) const HELP: &str = include_str!("help/kafka-replica-verification.txt");
const LOGGER: &str = "org.apache.kafka.tools.ReplicaVerificationTool";
const DEPRECATED: &str = "This tool is deprecated and may be removed in a future major release.";

/// Reads the options.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    _env: &ToolEnv,
) -> Box<dyn Process> {
    let deprecated = Logged { level: Level::Warn, text: DEPRECATED.to_owned(), logger: LOGGER };
    Box::new(Early { logged: Some(Box::new(deprecated)), ..refusal(table, argv) })
}

fn refusal(table: &'static OptionTable, argv: &[String]) -> Early {
    let options = match table.parse(argv) {
        Ok(options) => options,
        // `main` prints what it throws.
        Err(error) => return Early::error(Throwable::from(error).message_and_trace()),
    };
    let checks = Checks { table, options: &options };
    let checked = checks.help_or_version(argv).and_then(|()| checks.required(&["broker-list"]));
    if let Err(early) = checked {
        return early;
    }
    let servers = options.value("broker-list").unwrap_or_default();
    match validate_bootstrap_server(servers) {
        Err(message) => Early::usage(table, message),
        Ok(()) => Early::not_modelled("kafka-replica-verification.sh"),
    }
}
