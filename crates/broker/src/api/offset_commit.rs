//! OffsetCommit: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    request: OffsetCommitRequest,
    _effects: &mut Effects,
) -> Reply {
    now(OffsetCommitResponse::default().with_topics(
        request
            .topics
            .into_iter()
            .map(|topic| {
                let refused = topic.partitions.iter().map(|partition| {
                    OffsetCommitResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(ErrorCode::CoordinatorNotAvailable.code())
                });
                let partitions = refused.collect();
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name)
                    .with_partitions(partitions)
            })
            .collect(),
    ))
}
