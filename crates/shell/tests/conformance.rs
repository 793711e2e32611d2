//! The sessions recorded on Apache Kafka, each run on a fresh simulated cluster.
//!
//! Prints one line a session, which `cargo xtask conformance` shows as a table:
//! `conformance NAME SAME/COMMANDS ok|differs`.

use std::path::PathBuf;

use logbrook_shell::session_file;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance")
}

fn text(name: &str) -> String {
    let path = folder().join(format!("{name}.session"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Kafka's own outputs come back, and not by one seed's luck.
fn check(name: &str, seeds: &[u64]) {
    let text = text(name);
    let mut shown = Vec::new();
    for seed in seeds {
        let transcript = match session_file::run(&text, *seed) {
            Ok(transcript) => transcript,
            Err(error) => panic!("{name}.session, seed {seed}, {error}"),
        };
        let differences = transcript.differences();
        if seed == &seeds[0] {
            let (all, wrong) = (transcript.recorded(), differences.len());
            let word = if wrong == 0 { "ok" } else { "differs" };
            println!("conformance {name} {}/{all} {word}", all - wrong);
        }
        shown.extend(differences.iter().map(|d| format!("{name}.session, seed {seed}, {d}")));
    }
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

macro_rules! sessions {
    ($($test:ident $name:literal $seeds:expr;)*) => {
        $(
            #[test]
            fn $test() {
                check($name, $seeds);
            }
        )*

        #[test]
        fn every_session_of_the_folder_is_checked() {
            let mut names: Vec<String> = std::fs::read_dir(folder())
                .expect("tests/conformance is there")
                .map(|entry| entry.expect("a file of tests/conformance").path())
                .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
                .collect();
            names.sort();
            let mut checked = [$($name.to_string()),*];
            checked.sort();
            assert_eq!(names, checked);
        }
    };
}

sessions! {
    topics_create "topics-create" &[1, 7];
    compaction "compaction" &[1, 7];
    retention_by_time "retention-by-time" &[1, 7];
    transactions "transactions" &[1, 7];
    groups_consumer_protocol "groups-consumer-protocol" &[1];
    help_transactions "help-kafka-transactions" &[1];
    topics_describe_list "topics-describe-list" &[1, 7];
    produce_consume_basic "produce-consume-basic" &[1, 7, 4242];
    produce_keys_headers "produce-keys-headers" &[1, 7];
    groups_lifecycle "groups-lifecycle" &[1, 7];
    topics_alter_delete "topics-alter-delete" &[1, 7];
    produce_partitioning "produce-partitioning" &[1, 7];
    // The order of members in its tables is one run's luck, in Kafka too.
    groups_rebalance "groups-rebalance" &[1];
    groups_reset_offsets "groups-reset-offsets" &[1, 7];
    groups_delete_offsets "groups-delete-offsets" &[1, 7];
    groups_active "groups-active" &[1, 7];
    offsets_delete_records "offsets-delete-records" &[1, 7];
    consume_positions "consume-positions" &[1, 7];
    produce_errors "produce-errors" &[1, 7];
    help_delete_records "help-kafka-delete-records" &[1];
    help_groups "help-kafka-groups" &[1];
    help_leader_election "help-kafka-leader-election" &[1];
    groups_reset_plans "groups-reset-plans" &[1, 7];
    broker_down "broker-down" &[1, 7];
    repl_controlled "repl-controlled" &[1, 7];
    repl_isr "repl-isr" &[1, 7];
    repl_reassign "repl-reassign" &[1, 7];
    repl_unclean "repl-unclean" &[1, 7];
    tools_options "tools-options" &[1, 7];
    help_reassign_partitions "help-kafka-reassign-partitions" &[1];
    acks_one_broker "acks-one-broker" &[1, 7];
    partitions_one_broker "partitions-one-broker" &[1, 7];
    help_share_groups "help-kafka-share-groups" &[1];
    help_console_share_consumer "help-kafka-console-share-consumer" &[1];
    configs "configs" &[1, 7];
    configs_brokers "configs-brokers" &[1];
    configs_validation "configs-validation" &[1];
    cluster "cluster" &[1];
    dump_log "dump-log" &[1, 7];
    retention "retention" &[1, 7];
    verifiable_perf "verifiable-perf" &[1, 7];
    perf_tools "perf-tools" &[1];
    help_producer_perf_test "help-kafka-producer-perf-test" &[1];
    cluster_tools "cluster-tools" &[1];
    log_dir_moves "log-dir-moves" &[1];
    client_metrics "client-metrics" &[1];
    features "features" &[1];
    scram_credentials "scram-credentials" &[1];
    verifiable_usage "verifiable-usage" &[1];
    help_cluster "help-kafka-cluster" &[1];
    help_configs "help-kafka-configs" &[1];
    help_features "help-kafka-features" &[1];
    help_log_dirs "help-kafka-log-dirs" &[1];
    help_metadata_quorum "help-kafka-metadata-quorum" &[1];
    help_dump_log "help-kafka-dump-log" &[1];
    help_topics "help-kafka-topics" &[1];
    help_console_producer "help-kafka-console-producer" &[1];
    help_console_consumer "help-kafka-console-consumer" &[1];
    help_consumer_groups "help-kafka-consumer-groups" &[1];
    help_get_offsets "help-kafka-get-offsets" &[1];
}
