//! DescribeTopicPartitions, version 0 (KIP-966): topics in order of their names, paged by a cursor,
//! with eligible leader replicas.

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
};

use super::{
    AUTHORIZED_OPERATIONS_OMITTED, Reply, authorized_operations as operations, broker_ids, now,
    topic_name,
};
use crate::topic_name::{is_internal, validate};
use crate::{Broker, ErrorCode, PartitionRegistration};

pub(crate) fn handle(broker: &Broker, request: DescribeTopicPartitionsRequest) -> Reply {
    let all = request.topics.is_empty();
    let (cursor_topic, cursor_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.to_string(), cursor.partition_index),
        None => (String::new(), 0),
    };
    let names: SortedSet<&str> = if all {
        broker.image.topics().keys().map(String::as_str).collect()
    } else {
        request.topics.iter().map(|topic| topic.name.as_str()).collect()
    };
    let cursor_missing = !all && request.cursor.is_some() && !names.contains(cursor_topic.as_str());
    if cursor_missing || cursor_partition < 0 {
        // `DescribeTopicPartitionsRequest.getErrorResponse`: each topic carries the error.
        let refused = |name: &&str| failed(ErrorCode::InvalidRequest, name);
        let topics = names.iter().map(refused).collect();
        return now(DescribeTopicPartitionsResponse::default().with_topics(topics));
    }
    let limit = i64::from(request.response_partition_limit)
        .min(broker.config.number("max.request.partition.size.limit"))
        .max(1);
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut response = DescribeTopicPartitionsResponse::default();
    let next_cursor = |name: &str, index: i32| {
        Cursor::default().with_topic_name(topic_name(name)).with_partition_index(index)
    };
    for name in names.into_iter().filter(|name| *name >= cursor_topic.as_str()) {
        if left == 0 {
            response.next_cursor = Some(next_cursor(name, 0));
            break;
        }
        let Some(topic) = broker.image.topic(name) else {
            let error = match validate(name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            response.topics.push(failed(error, name));
            continue;
        };
        let start = if name == cursor_topic { cursor_partition } else { 0 };
        let mut rest = topic.partitions.range(start..);
        let partitions: Vec<_> = rest
            .by_ref()
            .take(left)
            .map(|(index, registration)| partition(broker, *index, registration))
            .collect();
        left -= partitions.len();
        response.topics.push(
            DescribeTopicPartitionsResponseTopic::default()
                .with_name(Some(topic_name(name)))
                .with_topic_id(topic.id)
                .with_is_internal(is_internal(name))
                .with_partitions(partitions)
                .with_topic_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED),
        );
        if let Some((index, _)) = rest.next() {
            response.next_cursor = Some(next_cursor(name, *index));
            break;
        }
    }
    for topic in &mut response.topics {
        topic.topic_authorized_operations = operations::TOPIC;
    }
    now(response)
}

fn failed(error: ErrorCode, name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(error.code())
        .with_name(Some(topic_name(name)))
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
}

fn partition(
    broker: &Broker,
    index: i32,
    registration: &PartitionRegistration,
) -> DescribeTopicPartitionsResponsePartition {
    let replicas = registration.replicas.iter().copied();
    let offline: Vec<i32> = replicas.filter(|id| !broker.image.is_unfenced(*id)).collect();
    let leader_is_known = broker.image.broker(registration.leader).is_some();
    let leader = if leader_is_known { registration.leader } else { -1 };
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(index)
        .with_leader_id(BrokerId(leader))
        .with_leader_epoch(registration.leader_epoch)
        .with_replica_nodes(broker_ids(&registration.replicas))
        .with_isr_nodes(broker_ids(&registration.isr))
        .with_eligible_leader_replicas(Some(broker_ids(&registration.elr)))
        .with_last_known_elr(Some(broker_ids(&registration.last_known_elr)))
        .with_offline_replicas(broker_ids(&offline))
}
