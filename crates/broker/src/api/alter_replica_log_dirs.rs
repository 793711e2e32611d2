//! AlterReplicaLogDirs, versions 1 and 2 (KIP-113): moves replicas between the log directories of this
//! broker. What differs from Kafka 4.4 stands in `log_dirs.rs`.

use kafka_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, TopicName,
};
use logbrook_sorted::SortedMap;

use super::{Reply, now};
use crate::{Broker, ErrorCode};

pub(crate) fn handle(broker: &mut Broker, request: AlterReplicaLogDirsRequest) -> Reply {
    // The last directory that names a partition counts (`AlterReplicaLogDirsRequest.partitionDirs`).
    let mut wanted: SortedMap<TopicName, SortedMap<i32, String>> = SortedMap::new();
    for directory in &request.dirs {
        for topic in &directory.topics {
            let partitions = wanted.entry(topic.name.clone()).or_default();
            for index in &topic.partitions {
                partitions.insert(*index, directory.path.to_string());
            }
        }
    }
    let results = wanted.into_iter().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|(index, directory)| {
            let altered = alter(broker, topic.as_str(), index, &directory);
            AlterReplicaLogDirPartitionResult::default()
                .with_partition_index(index)
                .with_error_code(altered.err().unwrap_or_default().code())
        });
        let partitions = partitions.collect();
        AlterReplicaLogDirTopicResult::default().with_topic_name(topic).with_partitions(partitions)
    });
    now(AlterReplicaLogDirsResponse::default().with_results(results.collect()))
}

/// `ReplicaManager.alterReplicaLogDirs`.
fn alter(broker: &mut Broker, topic: &str, index: i32, directory: &str) -> Result<(), ErrorCode> {
    let Broker { replica_manager, config, image, .. } = broker;
    replica_manager.log_dirs.alter(topic, index, directory, config)?;
    match replica_manager.partition(topic, index) {
        Some(partition) => partition.check_online(),
        None if image.topic(topic).is_some_and(|topic| topic.partitions.contains_key(&index)) => {
            Err(ErrorCode::ReplicaNotAvailable)
        }
        None => Err(ErrorCode::UnknownTopicOrPartition),
    }
}
