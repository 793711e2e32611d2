//! The tools that a lesson does not begin with.
//!
//! Everywhere but in the page they are here from the start. The page has them, with their help, in a
//! file of its own that it loads once a terminal can be used (feature `apart`): half of the engine's
//! first file was tools that most visits never call, or not at once.

use super::*;

pub(super) struct Rest {
    pub(super) acls: Tool,
    pub(super) broker_api_versions: Tool,
    pub(super) client_metrics: Tool,
    pub(super) consumer_groups: Tool,
    pub(super) get_offsets: Tool,
    pub(super) groups: Tool,
    pub(super) share_groups: Tool,
    pub(super) console_share_consumer: Tool,
    pub(super) leader_election: Tool,
    pub(super) reassign_partitions: Tool,
    pub(super) replica_verification: Tool,
    pub(super) streams_application_reset: Tool,
    pub(super) delete_records: Tool,
    pub(super) configs: Tool,
    pub(super) dump_log: Tool,
    pub(super) cluster: Tool,
    pub(super) features: Tool,
    pub(super) log_dirs: Tool,
    pub(super) metadata_quorum: Tool,
    pub(super) producer_perf_test: Tool,
    pub(super) consumer_perf_test: Tool,
    pub(super) verifiable_producer: Tool,
    pub(super) verifiable_consumer: Tool,
    pub(super) transactions: Tool,
    pub(super) drive: Tool,
}

static REST: Rest = Rest {
    acls: Tool::new(kafka_acls::HELP, kafka_acls::start),
    broker_api_versions: Tool::new(
        kafka_broker_api_versions::HELP,
        kafka_broker_api_versions::start,
    ),
    client_metrics: Tool::new(kafka_client_metrics::HELP, kafka_client_metrics::start),
    consumer_groups: Tool::new(kafka_consumer_groups::HELP, kafka_consumer_groups::start),
    get_offsets: Tool::new(kafka_get_offsets::HELP, kafka_get_offsets::start),
    groups: Tool::new(kafka_groups::HELP, kafka_groups::start),
    share_groups: Tool::new(kafka_share_groups::HELP, kafka_share_groups::start),
    console_share_consumer: Tool::new(
        kafka_console_share_consumer::HELP,
        kafka_console_share_consumer::start,
    ),
    leader_election: Tool::new(kafka_leader_election::HELP, kafka_leader_election::start),
    reassign_partitions: Tool::new(
        kafka_reassign_partitions::HELP,
        kafka_reassign_partitions::start,
    ),
    replica_verification: Tool::new(
        kafka_replica_verification::HELP,
        kafka_replica_verification::start,
    ),
    streams_application_reset: Tool::new(
        kafka_streams_application_reset::HELP,
        kafka_streams_application_reset::start,
    ),
    delete_records: Tool::new(kafka_delete_records::HELP, kafka_delete_records::start),
    configs: Tool::new(kafka_configs::HELP, kafka_configs::start),
    dump_log: Tool::new(kafka_dump_log::HELP, kafka_dump_log::start),
    cluster: Tool::new(kafka_cluster::HELP, kafka_cluster::start),
    features: Tool::new(kafka_features::HELP, kafka_features::start),
    log_dirs: Tool::new(kafka_log_dirs::HELP, kafka_log_dirs::start),
    metadata_quorum: Tool::new(kafka_metadata_quorum::HELP, kafka_metadata_quorum::start),
    producer_perf_test: Tool::new(kafka_producer_perf_test::HELP, kafka_producer_perf_test::start),
    consumer_perf_test: Tool::new(kafka_consumer_perf_test::HELP, kafka_consumer_perf_test::start),
    verifiable_producer: Tool::new(
        kafka_verifiable_producer::HELP,
        kafka_verifiable_producer::start,
    ),
    verifiable_consumer: Tool::new(
        kafka_verifiable_consumer::HELP,
        kafka_verifiable_consumer::start,
    ),
    transactions: Tool::new(kafka_transactions::HELP, kafka_transactions::start),
    drive: Tool::new("", kafka_drive::start),
};

/// Set by [`come`] alone, so that nothing else leads to the rest.
#[cfg(feature = "apart")]
static COME: OnceLock<&'static Rest> = OnceLock::new();

/// The file with the rest has come.
#[cfg(feature = "apart")]
pub fn come() {
    let _again = COME.set(&REST);
}

#[cfg(feature = "apart")]
pub(super) fn rest() -> Option<&'static Rest> {
    COME.get().copied()
}

#[cfg(not(feature = "apart"))]
pub(super) fn rest() -> Option<&'static Rest> {
    Some(&REST)
}
