//! OffsetForLeaderEpoch, versions 2 to 4 (KIP-101, KIP-320): where an epoch of a partition ends, for
//! consumers and followers that look for a truncation.

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use logbrook_record::{LeaderEpoch, Offset};

use super::{Reply, now};
use crate::{Broker, ErrorCode};

pub(crate) fn handle(broker: &Broker, request: OffsetForLeaderEpochRequest) -> Reply {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            // `EpochEndOffset` begins with -1 in both, which says that the epoch is not known.
            let response = EpochEndOffset::default()
                .with_partition(wanted.partition)
                .with_leader_epoch(-1)
                .with_end_offset(-1);
            match end_of(broker, topic.topic.as_str(), wanted) {
                Ok(Some((epoch, end))) => {
                    response.with_leader_epoch(epoch.0).with_end_offset(end.0)
                }
                Ok(None) => response,
                Err(error) => response.with_error_code(error.code()),
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    });
    now(OffsetForLeaderEpochResponse::default().with_topics(topics.collect()))
}

/// `Partition.lastOffsetForLeaderEpoch`.
fn end_of(
    broker: &Broker,
    topic: &str,
    wanted: &OffsetForLeaderPartition,
) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    let partition = broker
        .replica_manager
        .partition(topic, wanted.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    Ok(partition.log().end_offset_for_epoch(LeaderEpoch(wanted.leader_epoch)))
}
