//! A follower whose offset is out of its leader's range asks where the leader's log ends and starts
//! (`AbstractFetcherThread.fetchOffsetAndTruncate`).

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};
use logbrook_record::Offset;

use super::PartitionKey;
use super::fetcher::Phase;
use crate::api::topic_name;
use crate::{Broker, ErrorCode};

/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
const LATEST_TIMESTAMP: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
const EARLIEST_TIMESTAMP: i64 = -2;

pub(super) fn request(
    (topic, index): &PartitionKey,
    replica_id: i32,
    leader_epoch: i32,
    start: bool,
) -> ListOffsetsRequest {
    let timestamp = if start { EARLIEST_TIMESTAMP } else { LATEST_TIMESTAMP };
    let partition = ListOffsetsPartition::default()
        .with_partition_index(*index)
        .with_current_leader_epoch(leader_epoch)
        .with_timestamp(timestamp);
    ListOffsetsRequest::default().with_replica_id(BrokerId(replica_id)).with_topics(vec![
        ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]),
    ])
}

impl Broker {
    /// The leader told where its log ends or starts.
    pub(crate) fn leader_offset_told(
        &mut self,
        now: i64,
        leader: i32,
        key: &PartitionKey,
        response: &ListOffsetsResponse,
    ) {
        let told = response.topics.first().and_then(|topic| topic.partitions.first());
        let offset = match told.map(|told| (ErrorCode::from_code(told.error_code), told.offset)) {
            Some((Some(ErrorCode::None), offset)) => Offset(offset),
            Some((Some(ErrorCode::FencedLeaderEpoch), _)) => {
                return self.fetchers.enter(leader, key, Phase::Fenced);
            }
            Some(_) | None => {
                return self.fetchers.back_off(now, leader, [key.clone()], &self.config);
            }
        };
        let Some(phase) = self.fetchers.phase(leader, key) else { return };
        let Some(partition) = self.replica_manager.partition_mut(&key.0, key.1) else { return };
        let own_end = partition.log().log_end_offset();
        match phase {
            // The leader ends before us: an unclean election has lost what only we have.
            Phase::FindLeaderEnd if offset < own_end => {
                partition.log_mut().truncate_to(offset, now);
            }
            Phase::FindLeaderEnd => {
                return self.fetchers.enter(leader, key, Phase::FindLeaderStart);
            }
            // Nothing that we have is left there.
            Phase::FindLeaderStart if offset > own_end => {
                partition.log_mut().truncate_fully_and_start_at(offset, now);
            }
            Phase::FindLeaderStart | Phase::Fetching | Phase::Fenced => {}
        }
        self.fetchers.go_on(leader, key, partition);
    }
}
