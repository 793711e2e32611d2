//! One replica of a partition on this broker: `Partition` of Kafka, with its log.

mod high_watermark;
mod isr;
mod leader;
mod remote_replica;

use logbrook_sorted::SortedMap;

use bytes::Bytes;
use logbrook_log::{
    AppendError, AppendInfo, LeaderAppend, Log, LogConfig, Maintenance, OffsetOutOfRange,
    VerificationGuard,
};
use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use uuid::Uuid;

use crate::ErrorCode;
use crate::controller::PartitionRegistration;
use crate::replica_manager::Append;
use isr::IsrState;
use remote_replica::RemoteReplica;

pub(crate) use leader::{AliveBroker, IsrChange, IsrChangeRefused, LeaderContext};
pub(crate) use remote_replica::FollowerFetch;

/// A partition that this broker holds a replica of.
#[derive(Clone, Debug)]
pub struct Partition {
    topic: String,
    topic_id: Uuid,
    index: i32,
    local_id: i32,
    registration: PartitionRegistration,
    /// Of the last registration, or of the last answer to a change of the ISR: that may come first.
    partition_epoch: i32,
    min_insync_replicas: usize,
    /// Where this term of leadership began; `None` at a follower.
    leader_epoch_start: Option<Offset>,
    /// As the leader has it; at a follower as the metadata have it.
    isr: IsrState,
    /// The followers, at a leader.
    remote_replicas: SortedMap<i32, RemoteReplica>,
    log: Log,
    /// The watermark when it was noted last (`replication-offset-checkpoint`).
    high_watermark_checkpoint: Offset,
    /// The cleaner has failed on it (`LogCleanerManager.uncleanablePartitions`).
    uncleanable: bool,
    /// The producers that a clean stop has written down, and the log end offset then.
    producer_snapshot: Option<(Offset, Bytes)>,
}

/// Why an append did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PartitionAppendError {
    /// Another broker leads.
    NotLeader,
    /// acks=all, and fewer replicas in sync than `min.insync.replicas`.
    NotEnoughReplicas,
    /// The log refused the batch.
    Log(AppendError),
}

impl PartitionAppendError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            PartitionAppendError::NotLeader => ErrorCode::NotLeaderOrFollower,
            PartitionAppendError::NotEnoughReplicas => ErrorCode::NotEnoughReplicas,
            PartitionAppendError::Log(error) => {
                ErrorCode::from_code(error.kind.code()).unwrap_or(ErrorCode::UnknownServerError)
            }
        }
    }
}

impl Partition {
    /// A replica with this log. `now` in ms.
    #[allow(clippy::too_many_arguments)] // each is one fact that nothing else knows
    pub(crate) fn new(
        topic: &str,
        topic_id: Uuid,
        index: i32,
        local_id: i32,
        registration: PartitionRegistration,
        log: Log,
        min_insync_replicas: usize,
        context: LeaderContext<'_>,
    ) -> Partition {
        let mut partition = Partition {
            topic: topic.to_owned(),
            topic_id,
            index,
            local_id,
            isr: IsrState::committed(registration.isr.clone()),
            partition_epoch: registration.partition_epoch,
            registration,
            min_insync_replicas,
            leader_epoch_start: None,
            remote_replicas: SortedMap::new(),
            high_watermark_checkpoint: log.high_watermark(),
            log,
            uncleanable: false,
            producer_snapshot: None,
        };
        if partition.is_leader() {
            partition.make_leader(true, true, context);
        }
        partition
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The topic's id.
    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// The index within the topic.
    pub fn index(&self) -> i32 {
        self.index
    }

    /// As Kafka's messages name it: `orders-0`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.topic, self.index)
    }

    /// The leader's broker id, or -1.
    pub fn leader(&self) -> i32 {
        self.registration.leader
    }

    /// The epoch of the leader.
    pub fn leader_epoch(&self) -> i32 {
        self.registration.leader_epoch
    }

    /// Brokers with a replica, the preferred leader first.
    pub fn replicas(&self) -> &[i32] {
        &self.registration.replicas
    }

    /// The replicas in sync, as this replica knows them.
    pub fn isr(&self) -> &[i32] {
        self.isr.isr()
    }

    /// The node id of this broker.
    pub(crate) fn local_id(&self) -> i32 {
        self.local_id
    }

    /// Raised with each change of the registration.
    pub fn partition_epoch(&self) -> i32 {
        self.partition_epoch
    }

    /// The log of this replica.
    pub fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The machine loses its power at `now`, in ms: of a log in memory only what was flushed is left.
    pub(crate) fn lose_unflushed(&mut self, now: i64) {
        self.log.lose_unflushed(now);
    }

    /// Flushes the log and writes the producers down, as a log that is closed does (`UnifiedLog.close`).
    /// `now` in ms.
    pub(crate) fn close(&mut self, now: i64) {
        // A failure is noted in the log.
        let _ = self.log.flush(now);
        let end = self.log.log_end_offset();
        if end > self.log.log_start_offset() {
            let bytes = self.log.producer_state().encode_snapshot();
            self.producer_snapshot = Some((end, bytes.into()));
        }
    }

    pub(crate) fn producer_snapshot(&self) -> Option<&(Offset, Bytes)> {
        self.producer_snapshot.as_ref()
    }

    pub(crate) fn is_uncleanable(&self) -> bool {
        self.uncleanable
    }

    pub(crate) fn mark_uncleanable(&mut self) {
        self.uncleanable = true;
    }

    /// Whether this broker leads.
    pub fn is_leader(&self) -> bool {
        self.registration.leader == self.local_id
    }

    pub(crate) fn configure(&mut self, config: LogConfig, min_insync_replicas: usize) {
        self.log.set_config(config);
        self.min_insync_replicas = min_insync_replicas;
    }

    /// Refuses while the log directory is offline (`ReplicaManager.getPartitionOrError`).
    pub(crate) fn check_online(&self) -> Result<(), ErrorCode> {
        match self.log.storage_failure() {
            Some(_) => Err(ErrorCode::KafkaStorageError),
            None => Ok(()),
        }
    }

    /// Follows the metadata: `Partition.makeLeader` or `makeFollower`. Says whether a term began.
    pub(crate) fn update(
        &mut self,
        registration: PartitionRegistration,
        context: LeaderContext<'_>,
    ) -> bool {
        // The answer to a change of the ISR may have come before the record of it.
        if registration.partition_epoch < self.partition_epoch {
            return false;
        }
        let was_leader = self.is_leader();
        let is_new_epoch = registration.leader_epoch > self.registration.leader_epoch;
        self.partition_epoch = registration.partition_epoch;
        self.isr = IsrState::committed(registration.isr.clone());
        self.registration = registration;
        if self.is_leader() {
            self.make_leader(is_new_epoch, !was_leader, context);
        } else {
            self.leader_epoch_start = None;
            self.remote_replicas.clear();
        }
        is_new_epoch
    }

    /// `Partition.checkCurrentLeaderEpoch`: -1 in a request means that it does not know.
    pub(crate) fn check_leader_epoch(&self, requested: i32) -> Result<(), ErrorCode> {
        if requested < 0 || requested == self.registration.leader_epoch {
            Ok(())
        } else if requested < self.registration.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    /// Appends as leader and moves the high watermark where it may. The second value is the new
    /// high watermark, if it moved.
    pub(crate) fn append_as_leader(
        &mut self,
        append: Append<'_>,
        context: LeaderContext<'_>,
    ) -> Result<(AppendInfo, Option<Offset>), PartitionAppendError> {
        if !self.is_leader() {
            return Err(PartitionAppendError::NotLeader);
        }
        let too_few = self.isr().len() < self.effective_min_insync_replicas();
        if append.acks == -1 && too_few && !planted(Bug::MinIsrIgnored) {
            return Err(PartitionAppendError::NotEnoughReplicas);
        }
        let leader = LeaderAppend {
            leader_epoch: LeaderEpoch(self.registration.leader_epoch),
            origin: append.origin,
            verification_guard: append.verification_guard,
            transaction_version: append.transaction_version,
            now: context.now,
        };
        let info =
            self.log.append_with(append.records, leader).map_err(PartitionAppendError::Log)?;
        Ok((info, self.maybe_increment_high_watermark(context)))
    }

    /// Begins to verify a producer's transaction with its coordinator; see
    /// [`Log::maybe_start_transaction_verification`].
    pub(crate) fn maybe_start_transaction_verification(
        &mut self,
        producer_id: ProducerId,
        epoch: ProducerEpoch,
        sequence: i32,
        supports_epoch_bump: bool,
        now: i64,
    ) -> Result<VerificationGuard, PartitionAppendError> {
        if !self.is_leader() {
            return Err(PartitionAppendError::NotLeader);
        }
        self.log
            .maybe_start_transaction_verification(
                producer_id,
                sequence,
                epoch,
                supports_epoch_bump,
                now,
            )
            .map_err(PartitionAppendError::Log)
    }

    /// DeleteRecords: -1 stands for the high watermark. Answers the new log start offset.
    pub(crate) fn delete_records(&mut self, before: i64) -> Result<Offset, OffsetOutOfRange> {
        let offset = if before == -1 { self.log.high_watermark() } else { Offset(before) };
        if offset < Offset(0) {
            return Err(OffsetOutOfRange {
                requested: offset,
                log_start_offset: self.log.log_start_offset(),
                log_end_offset: self.log.log_end_offset(),
            });
        }
        self.log.increment_log_start_offset(offset)?;
        Ok(self.log.log_start_offset())
    }

    /// Notes how far it is replicated.
    pub(crate) fn checkpoint_high_watermark(&mut self) {
        self.high_watermark_checkpoint = self.log.high_watermark();
    }

    /// The log as it lies on the disk after the process is gone.
    pub(crate) fn into_stored_log(self) -> Log {
        let mut log = self.log;
        log.reload(self.high_watermark_checkpoint);
        log
    }

    pub(crate) fn maintain(&mut self, now: i64) -> Maintenance {
        self.log.maintain(now)
    }
}
