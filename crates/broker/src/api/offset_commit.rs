//! OffsetCommit, versions 2 to 9.
//!
//! Partitions that do not exist are refused one by one, before the group is asked. Different from
//! Kafka 4.4: the answer keeps the order of the request (there refused partitions come first), and
//! version 10 (topic ids) is not served.

use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};
use logbrook_group::{OffsetCommit, OffsetResult, OffsetToCommit, TopicPartition};

use super::{Reply, RequestContext, now};
use crate::coordinator;
use crate::{Broker, Effects, ErrorCode};

/// `GROUP_ID_NOT_FOUND` instead of `ILLEGAL_GENERATION` (KIP-848).
const GROUP_ID_NOT_FOUND_VERSION: i16 = 9;
/// `OffsetCommitRequest.DEFAULT_RETENTION_TIME`: the broker's own.
const DEFAULT_RETENTION_TIME: i64 = -1;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: OffsetCommitRequest,
    effects: &mut Effects,
) -> Reply {
    let commit = OffsetCommit {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        knows_group_id_not_found: ctx.version() >= GROUP_ID_NOT_FOUND_VERSION,
        retention_time_ms: Some(request.retention_time_ms)
            .filter(|retention_ms| *retention_ms != DEFAULT_RETENTION_TIME),
        offsets: request.topics.iter().flat_map(|topic| existing(broker, topic)).collect(),
    };
    // Nothing to commit is nothing to ask the group about.
    let results = if commit.offsets.is_empty() && !request.topics.is_empty() {
        Ok(Vec::new())
    } else {
        commit_offsets(broker, ctx, &commit, effects)
    };
    let code =
        |partition: &TopicPartition| coordinator::commit_code(&commit.offsets, &results, partition);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(&TopicPartition::new(topic.name.to_string(), index)))
        });
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    now(OffsetCommitResponse::default().with_topics(topics.collect()))
}

fn commit_offsets(
    broker: &mut Broker,
    ctx: &RequestContext,
    commit: &OffsetCommit,
    effects: &mut Effects,
) -> Result<Vec<OffsetResult>, i16> {
    let (index, groups) =
        coordinator::shard(broker, ctx.now, &commit.group_id, effects).map_err(ErrorCode::code)?;
    let decided = groups.offset_commit(ctx.now, commit);
    coordinator::apply(broker, ctx.now, index, decided.decision, ctx.cause(), effects)
        .map_err(ErrorCode::code)?;
    decided.response.map_err(|error| error.code())
}

/// The offsets of a topic whose partitions exist.
fn existing(broker: &Broker, topic: &OffsetCommitRequestTopic) -> Vec<OffsetToCommit> {
    let name = topic.name.as_str();
    let Some(image) = broker.image.topic(name) else { return Vec::new() };
    topic
        .partitions
        .iter()
        .filter(|partition| image.partitions.contains_key(&partition.partition_index))
        .map(|partition| OffsetToCommit {
            partition: TopicPartition::new(name, partition.partition_index),
            topic_id: *image.id.as_bytes(),
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition
                .committed_metadata
                .as_ref()
                .map(|metadata| metadata.to_string())
                .unwrap_or_default(),
        })
        .collect()
}
