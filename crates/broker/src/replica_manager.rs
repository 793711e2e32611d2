//! The partitions on this broker, and reading from and appending to them: `ReplicaManager`.

mod metadata;

use logbrook_sorted::SortedMap;

use bytes::Bytes;
use logbrook_log::{AppendInfo, AppendOrigin, TransactionVersion, VerificationGuard};
use logbrook_planted::{Bug, planted};
use logbrook_record::{BatchHeader, Offset, ProducerEpoch, ProducerId};

use crate::delayed_answers::{DelayedAnswers, Unreplicated};
use crate::delayed_fetch::DelayedFetches;
use crate::log_dirs::LogDirs;
use crate::partition::{
    AliveBroker, FollowerFetch, IsrChange, LeaderContext, Partition, PartitionAppendError,
};
use crate::replication::PartitionKey;
use crate::storage::LogDirectory;
use crate::{BrokerEvent, BrokerEventKind, Cause, Effects};
pub(crate) use metadata::Followed;
use metadata::StoredReplica;

/// The partitions that this broker has replicas of, and what waits on them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaManager {
    topics: SortedMap<String, SortedMap<i32, Partition>>,
    pub(crate) delayed_fetches: DelayedFetches,
    pub(crate) log_dirs: LogDirs,
    pub(crate) delayed_answers: DelayedAnswers,
    /// What was appended for the request in hand and is not replicated yet: its answer waits.
    unreplicated: Vec<Unreplicated>,
    /// The brokers that are not fenced: who may be in sync.
    alive: SortedMap<i32, AliveBroker>,
    /// `replica.lag.time.max.ms`.
    lag_time_max_ms: i64,
    /// Of the process before this one, as far as they are not open yet.
    stored: SortedMap<PartitionKey, StoredReplica>,
    /// Where the logs are, if not in memory.
    pub(crate) log_directory: Option<Box<LogDirectory>>,
}

impl ReplicaManager {
    pub(crate) fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.topics.get(topic)?.get(&index)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.get_mut(&index)
    }

    /// A partition, and what its leader goes by. `now` in ms.
    fn leader(
        &mut self,
        now: i64,
        topic: &str,
        index: i32,
    ) -> Option<(&mut Partition, LeaderContext<'_>)> {
        let context =
            LeaderContext { now, lag_time_max_ms: self.lag_time_max_ms, alive: &self.alive };
        Some((self.topics.get_mut(topic)?.get_mut(&index)?, context))
    }

    /// What was appended since the last call and is not replicated yet.
    pub(crate) fn take_unreplicated(&mut self) -> Vec<Unreplicated> {
        core::mem::take(&mut self.unreplicated)
    }

    /// What was appended for the request in hand and is not replicated yet.
    pub(crate) fn unreplicated(&self) -> &[Unreplicated] {
        &self.unreplicated
    }

    pub(crate) fn partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.topics.values_mut().flat_map(SortedMap::values_mut)
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.topics.values().flat_map(SortedMap::values)
    }

    /// Flushes, checkpoints and removes what is due of the files.
    pub(crate) fn tick_storage(&mut self, now: i64) {
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.tick(now, topics.values_mut().flat_map(SortedMap::values_mut));
        }
    }

    /// Closes the logs, so that the next start has nothing to recover.
    pub(crate) fn close_storage(&mut self, now: i64) {
        let Self { topics, log_directory, .. } = self;
        if let Some(logs) = log_directory {
            logs.close(now, topics.values_mut().flat_map(SortedMap::values_mut));
        }
    }

    /// Something changed that the checkpoints should have.
    pub(crate) fn touch_storage(&mut self) {
        if let Some(logs) = &mut self.log_directory {
            logs.touch();
        }
    }

    pub(crate) fn next_storage_wakeup(&self) -> Option<i64> {
        self.log_directory.as_ref()?.next_wakeup()
    }

    /// What the server's log should say of the files. A failure is of the whole directory.
    pub(crate) fn take_storage_remarks(&mut self) -> Vec<String> {
        let Some(logs) = &mut self.log_directory else { return Vec::new() };
        logs.take_remarks()
    }

    /// Appends to a partition that is known to be here, wakes the fetches that wait on it, and
    /// tells what happened.
    pub(crate) fn append(
        &mut self,
        now: i64,
        append: Append<'_>,
        cause: Option<Cause>,
        effects: &mut Effects,
    ) -> Result<AppendInfo, PartitionAppendError> {
        let (topic, index, acks) = (append.topic, append.index, append.acks);
        let header = BatchHeader::read(&append.records).ok();
        let Some((partition, context)) = self.leader(now, topic, index) else {
            return Err(PartitionAppendError::NotLeader);
        };
        let (info, high_watermark) = partition.append_as_leader(append, context)?;
        let required = info.last_offset.plus(1);
        let is_replicated = partition.log().high_watermark() >= required;
        let at_once = is_replicated || planted(Bug::AcksAllAnswersAtOnce);
        let waits = (acks == -1 && !at_once).then(|| {
            let (topic, topic_id) = (topic.to_owned(), partition.topic_id());
            Unreplicated { topic, topic_id, index, required }
        });
        let has_followers = partition.replicas().len() > 1;
        self.unreplicated.extend(waits);
        self.touch_storage();
        let mut tell = |kind| effects.events.push(BrokerEvent { cause, kind });
        let topic = topic.to_owned();
        tell(BrokerEventKind::Appended {
            topic: topic.clone(),
            partition: index,
            first: info.first_offset.0,
            last: info.last_offset.0,
            bytes: info.bytes,
            producer_id: header.map_or(ProducerId(-1), |header| header.producer_id).0,
            producer_epoch: header.map_or(ProducerEpoch(-1), |header| header.producer_epoch).0,
            base_sequence: header.map_or(-1, |header| header.base_sequence),
            duplicate: info.duplicate,
        });
        if info.rolled {
            tell(BrokerEventKind::SegmentRolled {
                topic: topic.clone(),
                partition: index,
                base_offset: info.first_offset.0,
            });
        }
        // Followers read beyond the watermark.
        if has_followers {
            self.delayed_fetches.touch(&topic, index);
        }
        self.high_watermark_moved(&topic, index, high_watermark, cause, effects);
        Ok(info)
    }

    /// Tells of a new high watermark, and wakes what waits for it.
    fn high_watermark_moved(
        &mut self,
        topic: &str,
        index: i32,
        high_watermark: Option<Offset>,
        cause: Option<Cause>,
        effects: &mut Effects,
    ) {
        let Some(Offset(high_watermark)) = high_watermark else { return };
        let kind = BrokerEventKind::HighWatermark {
            topic: topic.to_owned(),
            partition: index,
            high_watermark,
        };
        effects.events.push(BrokerEvent { cause, kind });
        self.delayed_fetches.touch(topic, index);
        self.delayed_answers.touch(topic, index);
    }

    /// Whether a follower's fetch of a partition counts.
    pub(crate) fn check_follower(
        &self,
        now: i64,
        partition: &Partition,
        fetch: FollowerFetch,
        names_epoch: bool,
    ) -> Result<(), crate::ErrorCode> {
        let context =
            LeaderContext { now, lag_time_max_ms: self.lag_time_max_ms, alive: &self.alive };
        partition.check_follower(fetch, names_epoch, context)
    }

    /// A follower's fetch tells where it is. The change of the ISR to ask for, if any.
    pub(crate) fn update_follower(
        &mut self,
        now: i64,
        (topic, index): (&str, i32),
        fetch: FollowerFetch,
        cause: Option<Cause>,
        effects: &mut Effects,
    ) -> Option<IsrChange> {
        let (partition, context) = self.leader(now, topic, index)?;
        let (change, high_watermark) = partition.update_follower(fetch, context);
        self.high_watermark_moved(topic, index, high_watermark, cause, effects);
        change
    }

    /// The changes of ISRs to ask for: followers that have fallen behind.
    pub(crate) fn shrink_isrs(&mut self, now: i64) -> Vec<(PartitionKey, IsrChange)> {
        let context =
            LeaderContext { now, lag_time_max_ms: self.lag_time_max_ms, alive: &self.alive };
        let all = self.topics.values_mut().flat_map(SortedMap::values_mut);
        let change = |partition: &mut Partition| {
            let change = partition.maybe_shrink_isr(context)?;
            Some(((partition.topic().to_owned(), partition.index()), change))
        };
        all.filter_map(change).collect()
    }

    /// The controller changed a partition's ISR as asked.
    pub(crate) fn isr_changed(
        &mut self,
        now: i64,
        (topic, index): &PartitionKey,
        asked: &IsrChange,
        isr: Vec<i32>,
        (leader_epoch, partition_epoch): (i32, i32),
        effects: &mut Effects,
    ) {
        let Some((partition, context)) = self.leader(now, topic, *index) else { return };
        let high_watermark =
            partition.isr_changed(asked, isr, leader_epoch, partition_epoch, context);
        self.high_watermark_moved(topic, *index, high_watermark, None, effects);
        // Fewer in sync may be enough, or too few.
        self.delayed_answers.touch(topic, *index);
    }
}

/// Records for one partition.
pub(crate) struct Append<'a> {
    pub(crate) topic: &'a str,
    pub(crate) index: i32,
    pub(crate) records: Bytes,
    pub(crate) origin: AppendOrigin,
    /// 0, 1 or -1, as in a produce request.
    pub(crate) acks: i16,
    /// That the transaction of the first batch is known to its coordinator.
    pub(crate) verification_guard: VerificationGuard,
    /// Of a transaction marker.
    pub(crate) transaction_version: TransactionVersion,
}

impl<'a> Append<'a> {
    /// What a coordinator of this broker writes: to all replicas in sync.
    pub(crate) fn coordinator(topic: &'a str, index: i32, records: Bytes) -> Append<'a> {
        Append {
            topic,
            index,
            records,
            origin: AppendOrigin::Coordinator,
            acks: -1,
            verification_guard: VerificationGuard::SENTINEL,
            transaction_version: TransactionVersion::UNKNOWN,
        }
    }
}
