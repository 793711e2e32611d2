//! DescribeProducers, version 0: who writes to a partition with a producer id, and where open
//! transactions begin (KIP-664).

use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, ProducerId, TopicName,
};
use logbrook_record::Offset;

use super::{Reply, now};
use crate::api_error::ApiError;
use crate::{Broker, ErrorCode, topic_name};

pub(crate) fn handle(broker: &Broker, request: DescribeProducersRequest) -> Reply {
    let topics = request.topics.into_iter().map(|topic| {
        let error = topic_error(broker, &topic.name);
        let partitions = topic.partition_indexes.into_iter().map(|index| match &error {
            Some(error) => PartitionResponse::default()
                .with_partition_index(index)
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message()),
            None => partition(broker, topic.name.as_str(), index),
        });
        let partitions = partitions.collect();
        TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    now(DescribeProducersResponse::default().with_topics(topics.collect()))
}

fn topic_error(broker: &Broker, topic: &TopicName) -> Option<ApiError> {
    if let Err(message) = topic_name::validate(topic.as_str()) {
        return Some(ApiError::new(ErrorCode::InvalidTopicException, message));
    }
    let unknown = broker.image.topic(topic.as_str()).is_none();
    unknown.then(|| ApiError::silent(ErrorCode::UnknownTopicOrPartition))
}

/// `ReplicaManager.activeProducerState`.
fn partition(broker: &Broker, topic: &str, index: i32) -> PartitionResponse {
    let response =
        PartitionResponse::default().with_partition_index(index).with_error_message(None);
    let Some(partition) = broker.replica_manager.partition(topic, index) else {
        let image = broker.image.topic(topic);
        let known = image.is_some_and(|image| image.partitions.contains_key(&index));
        return response.with_error_code(if known {
            ErrorCode::NotLeaderOrFollower.code()
        } else {
            ErrorCode::UnknownTopicOrPartition.code()
        });
    };
    let producers = partition.log().producer_state().active_producers().map(|(id, entry)| {
        ProducerState::default()
            .with_producer_id(ProducerId(id.0))
            .with_producer_epoch(i32::from(entry.producer_epoch.0))
            .with_last_sequence(entry.last_sequence())
            .with_last_timestamp(entry.last_timestamp)
            .with_coordinator_epoch(entry.coordinator_epoch)
            .with_current_txn_start_offset(entry.current_txn_first_offset.unwrap_or(Offset(-1)).0)
    });
    response.with_active_producers(producers.collect())
}
