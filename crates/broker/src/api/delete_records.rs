//! DeleteRecords, versions 0 to 2: moves the log start offset; -1 stands for the high watermark.
//!
//! Different from Kafka 4.4: with one replica there is no low watermark to wait for.

use kafka_protocol::messages::delete_records_request::DeleteRecordsPartition;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects, ErrorCode, topic_name};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: DeleteRecordsRequest,
    effects: &mut Effects,
) -> Reply {
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for wanted in &topic.partitions {
            let deleted = delete(broker, ctx, topic.name.as_str(), wanted, effects);
            let response = DeleteRecordsPartitionResult::default()
                .with_partition_index(wanted.partition_index);
            partitions.push(match deleted {
                Ok(low_watermark) => response.with_low_watermark(low_watermark),
                Err(error) => response.with_low_watermark(-1).with_error_code(error.code()),
            });
        }
        topics.push(
            DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions),
        );
    }
    now(DeleteRecordsResponse::default().with_topics(topics))
}

/// `ReplicaManager.deleteRecordsOnLocalLog` and `Partition.deleteRecordsOnLeader`.
fn delete(
    broker: &mut Broker,
    ctx: &RequestContext,
    topic: &str,
    wanted: &DeleteRecordsPartition,
    effects: &mut Effects,
) -> Result<i64, ErrorCode> {
    let index = wanted.partition_index;
    let partition = broker
        .replica_manager
        .partition_mut(topic, index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic_name::is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    if !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    partition.check_online()?;
    if !partition.log().config().cleanup_policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let before = partition.log().log_start_offset();
    let after = partition.delete_records(wanted.offset).map_err(|_| ErrorCode::OffsetOutOfRange)?;
    if after > before {
        effects.events.push(BrokerEvent {
            cause: ctx.cause(),
            kind: BrokerEventKind::RecordsDeleted {
                topic: topic.to_owned(),
                partition: index,
                log_start_offset: after.0,
            },
        });
        broker.replica_manager.delayed_fetches.touch(topic, index);
        broker.replica_manager.touch_storage();
    }
    Ok(after.0)
}
