//! DescribeLogDirs, versions 1 to 4 (KIP-113): the log directories and the partitions in them.
//!
//! Different from Kafka 4.4: the size of the volume is not known (-1), and version 5, which tells whether
//! a directory is cordoned, is not served. A broker in memory names the directories that it is
//! configured with and keeps nothing there.

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use logbrook_sorted::SortedMap;

use super::{Reply, now, text, topic_name};
use crate::Broker;

/// `DescribeLogDirsResponse.UNKNOWN_VOLUME_BYTES`.
const UNKNOWN_VOLUME_BYTES: i64 = -1;

pub(crate) fn handle(broker: &Broker, request: DescribeLogDirsRequest) -> Reply {
    let wanted = |topic: &str, index: i32| match &request.topics {
        Some(topics) => topics
            .iter()
            .any(|named| named.topic.as_str() == topic && named.partitions.contains(&index)),
        None => true,
    };
    let mut directories: SortedMap<&str, SortedMap<&str, Vec<DescribeLogDirsPartition>>> =
        SortedMap::new();
    let configured = broker.config.log_directories();
    for partition in broker.replica_manager.partitions() {
        if wanted(partition.topic(), partition.index()) {
            let size = i64::try_from(partition.log().size_bytes()).unwrap_or(i64::MAX);
            let directory =
                broker.replica_manager.log_dirs.of(partition.topic(), partition.index());
            let topics = directories.entry(directory.unwrap_or_default()).or_default();
            // A leader's replica lags behind nobody.
            topics.entry(partition.topic()).or_default().push(
                DescribeLogDirsPartition::default()
                    .with_partition_index(partition.index())
                    .with_partition_size(size)
                    .with_offset_lag(0)
                    .with_is_future_key(false),
            );
        }
    }
    let results = configured.iter().map(|directory| {
        let topics = directories.remove(directory.as_str()).unwrap_or_default();
        let topics = topics.into_iter().map(|(name, partitions)| {
            DescribeLogDirsTopic::default().with_name(topic_name(name)).with_partitions(partitions)
        });
        DescribeLogDirsResult::default()
            .with_log_dir(text(directory))
            .with_topics(topics.collect())
            .with_total_bytes(UNKNOWN_VOLUME_BYTES)
            .with_usable_bytes(UNKNOWN_VOLUME_BYTES)
    });
    now(DescribeLogDirsResponse::default().with_results(results.collect()))
}
