//! Kafka's command line tools.

use crate::words;

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
