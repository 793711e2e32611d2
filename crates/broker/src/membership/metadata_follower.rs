//! How a broker follows the metadata log of a controller elsewhere: `KafkaRaftClient` as an observer, and
//! `MetadataLoader`.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use logbrook_record::batches;
use uuid::Uuid;

use crate::BrokerConfig;
use crate::ErrorCode;
use crate::api::{text, topic_name};
use crate::controller::MetadataRecord;
use crate::storage::metadata_codec;
use crate::topic_name::CLUSTER_METADATA_TOPIC_NAME;

/// `KafkaRaftClient.MAX_FETCH_WAIT_MS`.
const MAX_FETCH_WAIT_MS: i32 = 500;
/// `KafkaRaftClient.MAX_FETCH_SIZE_BYTES`.
const MAX_FETCH_SIZE_BYTES: i32 = 8 * 1024 * 1024;
/// The id of the metadata topic (`Uuid.METADATA_TOPIC_ID`).
const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

/// How far a broker has read the metadata log.
#[derive(Clone, Debug)]
pub(crate) struct MetadataFollower {
    /// The offset to fetch next.
    next_offset: i64,
    /// The epoch of the last batch read.
    last_epoch: i32,
    /// The controller's, as it last said; -1 before that.
    leader_epoch: i32,
    /// The controller's, as it last said.
    high_watermark: i64,
    /// After a failure: not before this time, in ms.
    retry_at: Option<i64>,
}

impl Default for MetadataFollower {
    fn default() -> Self {
        Self { next_offset: 0, last_epoch: 0, leader_epoch: -1, high_watermark: -1, retry_at: None }
    }
}

impl MetadataFollower {
    /// The last offset read, -1 before the first.
    pub(crate) fn last_offset(&self) -> i64 {
        self.next_offset - 1
    }

    /// Whether all that was committed when the controller last answered has been read.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.high_watermark >= 0 && self.next_offset >= self.high_watermark
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.retry_at
    }

    /// Whether it is time to fetch.
    pub(crate) fn is_due(&mut self, now: i64) -> bool {
        if self.retry_at.is_some_and(|at| at > now) {
            return false;
        }
        self.retry_at = None;
        true
    }

    pub(crate) fn failed(&mut self, now: i64, config: &BrokerConfig) {
        let backoff_ms = config.number("controller.quorum.retry.backoff.ms");
        self.retry_at = Some(now.saturating_add(backoff_ms));
    }

    pub(crate) fn request(&self, config: &BrokerConfig) -> FetchRequest {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(self.leader_epoch.max(0))
            .with_fetch_offset(self.next_offset)
            .with_last_fetched_epoch(self.last_epoch);
        let topic = FetchTopic::default()
            .with_topic(topic_name(CLUSTER_METADATA_TOPIC_NAME))
            .with_topic_id(METADATA_TOPIC_ID)
            .with_partitions(vec![partition]);
        let replica = ReplicaState::default().with_replica_id(BrokerId(config.node_id));
        FetchRequest::default()
            .with_cluster_id(Some(text(config.cluster_id.clone())))
            .with_replica_state(replica)
            .with_max_wait_ms(MAX_FETCH_WAIT_MS)
            .with_max_bytes(MAX_FETCH_SIZE_BYTES)
            .with_topics(vec![topic])
    }

    /// The records of a response, with their offsets. A controller that has lost what was read here (its
    /// disk is another one) is not followed: there is nothing that a broker could do about it.
    pub(crate) fn answered(
        &mut self,
        now: i64,
        response: FetchResponse,
        config: &BrokerConfig,
    ) -> Vec<(i64, MetadataRecord)> {
        let data =
            response.responses.into_iter().next().and_then(|t| t.partitions.into_iter().next());
        let Some(data) = data.filter(|_| response.error_code == ErrorCode::None.code()) else {
            self.failed(now, config);
            return Vec::new();
        };
        if data.current_leader.leader_epoch >= 0 {
            self.leader_epoch = data.current_leader.leader_epoch;
        }
        if data.error_code != ErrorCode::None.code() || data.diverging_epoch.epoch >= 0 {
            self.failed(now, config);
            return Vec::new();
        }
        let records = data.records.unwrap_or_default();
        let Ok(read) = metadata_codec::decode_batches(&records) else {
            self.failed(now, config);
            return Vec::new();
        };
        self.high_watermark = data.high_watermark;
        if let Some(Ok(last)) = batches(&records).last() {
            self.next_offset = last.header().next_offset().0;
            self.last_epoch = last.header().partition_leader_epoch.0;
        }
        read
    }
}
