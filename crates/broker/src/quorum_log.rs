//! `__cluster_metadata-0` of the controller that leads: the log, and its epoch (`KafkaRaftLog`, and what
//! `KafkaRaftClient` writes to it).
//!
//! The quorum is one node, so what is appended is committed. Whoever comes between an append and the high
//! watermark (followers of a quorum of several) comes here.

use bytes::Bytes;
use kafka_protocol::messages::leader_change_message::{LeaderChangeMessage, Voter};
use kafka_protocol::protocol::Encodable;
use logbrook_log::{AppendOrigin, Log, LogConfig, ReadError, StorageError};
use logbrook_record::{BatchBuilder, BatchOptions, LeaderEpoch, Offset};
use uuid::Uuid;

use crate::controller::MetadataRecord;
use crate::storage::metadata_codec::{decode, encode};

/// `Topic.CLUSTER_METADATA_TOPIC_NAME` with its one partition, as its folder is named.
pub(crate) const LOG_NAME: &str = "__cluster_metadata-0";
/// `Uuid.METADATA_TOPIC_ID`.
pub(crate) const TOPIC_ID: Uuid = Uuid::from_u128(1);
/// `ControlRecordType.LEADER_CHANGE` in a control record's key.
const LEADER_CHANGE_KEY: [u8; 4] = [0, 0, 0, 2];
/// `KafkaRaftClient.MAX_BATCH_SIZE_BYTES`.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The log and the epoch in which this node leads it.
#[derive(Clone, Debug)]
pub(crate) struct QuorumLog {
    log: Log,
    epoch: LeaderEpoch,
}

impl QuorumLog {
    /// How a log of metadata is kept: for good, in batches of any size that Raft writes.
    pub(crate) fn log_config() -> LogConfig {
        LogConfig { retention_ms: -1, max_message_bytes: MAX_BATCH_BYTES, ..LogConfig::default() }
    }

    /// Of a log that this node is to lead: [`QuorumLog::begin_epoch`] is next.
    pub(crate) fn new(log: Log) -> Self {
        let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(0));
        Self { log, epoch }
    }

    /// See [`Log::seal`].
    pub(crate) fn seal(&mut self) {
        self.log.seal();
    }

    /// This node leads from now on: the epoch begins with a control record.
    pub(crate) fn begin_epoch(&mut self, leader_id: i32, now: i64) -> Result<(), StorageError> {
        let latest = self.log.latest_epoch().unwrap_or(LeaderEpoch(0));
        self.epoch = LeaderEpoch(latest.max(self.epoch).0.saturating_add(1));
        let voter = Voter::default().with_voter_id(leader_id);
        let message = LeaderChangeMessage::default()
            .with_version(0)
            .with_leader_id(leader_id.into())
            .with_voters(vec![voter.clone()])
            .with_granting_voters(vec![voter]);
        let mut value = Vec::new();
        message.encode(&mut value, 0).map_err(|error| StorageError::new(LOG_NAME, error))?;
        let mut builder =
            BatchBuilder::new(BatchOptions { control: true, ..BatchOptions::default() });
        let _ = builder.append(now, Some(&LEADER_CHANGE_KEY), Some(&value), &[]);
        self.append_batch(builder, now)
    }

    /// Writes records as one batch; they are committed when this returns.
    pub(crate) fn append(
        &mut self,
        records: &[MetadataRecord],
        now: i64,
    ) -> Result<(), StorageError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for record in records {
            let _ = builder.append(now, None, Some(&encode(record)), &[]);
        }
        self.append_batch(builder, now)
    }

    fn append_batch(&mut self, builder: BatchBuilder, now: i64) -> Result<(), StorageError> {
        let failed = |error: &dyn std::fmt::Display| StorageError::new(LOG_NAME, error);
        let batch = builder.build().map_err(|error| failed(&error))?;
        self.log
            .append(batch, self.epoch, AppendOrigin::Coordinator, now)
            .map_err(|error| failed(&error))?;
        self.log.set_high_watermark(self.log.log_end_offset());
        self.log.flush(now)
    }

    /// The epoch in which this node leads.
    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Offset of the next record.
    pub(crate) fn end_offset(&self) -> i64 {
        self.log.log_end_offset().0
    }

    /// The log itself.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Where the log of a follower that has `offset` records, the last of them of `epoch`, goes another way than
    /// this one: it is to be cut there. `None` where it does not (`RaftLog.validateOffsetAndEpoch`).
    pub(crate) fn diverging(
        &self,
        offset: Offset,
        epoch: LeaderEpoch,
    ) -> Option<(LeaderEpoch, Offset)> {
        if offset == Offset(0) && self.log.log_start_offset() == Offset(0) {
            return None;
        }
        let known = self.log.end_offset_for_epoch(epoch);
        let (there, end) = known.unwrap_or((LeaderEpoch(0), self.log.log_start_offset()));
        (there != epoch || end < offset).then_some((there, end))
    }

    /// Whole batches from this offset on, at least one where there is any.
    pub(crate) fn read(&self, from: Offset, max_bytes: usize) -> Result<Bytes, ReadError> {
        let data = self.log.read(from, max_bytes, true, self.log.log_end_offset())?;
        Ok(data.into_bytes())
    }

    /// Every metadata record with its offset, or what stands there instead.
    pub(crate) fn records(
        &self,
    ) -> impl Iterator<Item = (i64, Result<MetadataRecord, String>)> + '_ {
        let batches = self.log.batches(self.log.log_start_offset(), self.log.log_end_offset());
        batches
            .filter(|batch| !batch.header().attributes.is_control())
            .flat_map(|batch| batch.records().unwrap_or_default())
            .filter_map(|record| {
                let decoded = decode(record.value.as_deref().unwrap_or_default());
                Some((record.offset.0, decoded.transpose()?))
            })
    }
}
