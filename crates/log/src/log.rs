//! One partition's log (`UnifiedLog`, `LocalLog`).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset};

use crate::config::LogConfig;
use crate::error::OffsetOutOfRange;
use crate::leader_epoch_cache::LeaderEpochCache;
use crate::log_files::LogFiles;
use crate::offset_index::OffsetPosition;
use crate::producer_state::ProducerStateManager;
use crate::segment::Segment;
use crate::time_index::TimestampOffset;
use crate::transaction_index::AbortedTxn;
use crate::write_back::WriteBack;

/// Who appends, and so how much is checked (`AppendOrigin`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOrigin {
    /// A produce request: everything is checked.
    Client,
    /// A coordinator of this broker writing its own log or a transaction marker: no sequence numbers.
    Coordinator,
    /// A follower, or a log that is read again: the leader has checked it.
    Replication,
}

/// What an append did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendInfo {
    /// Offset of the first record; of the first time, for a duplicate.
    pub first_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Ms, with `message.timestamp.type=LogAppendTime`, else -1.
    pub log_append_time: i64,
    /// First offset of the log.
    pub log_start_offset: Offset,
    /// An idempotent producer's batch that is in the log already: nothing was written.
    pub duplicate: bool,
    /// A new segment was begun for it.
    pub rolled: bool,
    /// Bytes appended.
    pub bytes: usize,
    /// Records appended.
    pub records: i64,
    /// Largest timestamp, in ms.
    pub max_timestamp: i64,
}

/// A point that ListOffsets answers with (`FileRecords.TimestampAndOffset`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampAndOffset {
    /// Of the record, in ms.
    pub timestamp: i64,
    /// Of the record.
    pub offset: Offset,
    /// Of the record's batch.
    pub leader_epoch: LeaderEpoch,
}

/// What [`Log::maintain`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maintenance {
    /// Base offsets of the segments deleted, oldest first.
    pub deleted_segments: Vec<Offset>,
    /// The log start offset, if it moved.
    pub new_log_start: Option<Offset>,
}

/// A segment, for views.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentView<'a> {
    /// First offset; also the name of its files in Kafka.
    pub base_offset: Offset,
    /// First offset of the next one.
    pub next_offset: Offset,
    /// Bytes of its batches.
    pub bytes: usize,
    /// Largest timestamp, in ms; -1 without records.
    pub max_timestamp: i64,
    /// Entries of the offset index.
    pub offset_index: Vec<OffsetPosition>,
    /// Entries of the time index.
    pub time_index: Vec<TimestampOffset>,
    /// Aborted transactions whose markers are here.
    pub txn_index: &'a [AbortedTxn],
    /// Appends go here.
    pub active: bool,
}

/// One partition's log.
///
/// A clone of a log in memory is cheap: segments are shared until one of both writes, and then only the
/// active one is copied, without the bytes that are sealed. A log in files ([`Log::open`]) is not to be
/// cloned: both would write to them.
#[derive(Clone, Debug)]
pub struct Log {
    pub(crate) config: LogConfig,
    /// Oldest first, never empty; the last is active.
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) log_start_offset: Offset,
    pub(crate) log_end_offset: Offset,
    pub(crate) high_watermark: Offset,
    pub(crate) producer_state: ProducerStateManager,
    pub(crate) leader_epochs: LeaderEpochCache,
    /// Where the last round of compaction ended.
    pub(crate) cleaner_checkpoint: Option<Offset>,
    /// Of a log in memory: one in files has a recovery point.
    pub(crate) write_back: WriteBack,
    /// None for a log in memory.
    pub(crate) files: Option<Box<LogFiles>>,
}

impl Log {
    /// An empty log whose first record gets offset `base`.
    #[must_use]
    pub fn new(config: LogConfig, base: Offset) -> Self {
        let first = Arc::new(Segment::new(base, &config, 0));
        Self {
            config,
            segments: vec![first],
            log_start_offset: base,
            log_end_offset: base,
            high_watermark: base,
            producer_state: ProducerStateManager::default(),
            leader_epochs: LeaderEpochCache::default(),
            cleaner_checkpoint: None,
            write_back: WriteBack::new(base),
            files: None,
        }
    }

    /// The machine of a log in memory has lost its power at `now`, in ms: what was not flushed is gone, and
    /// recovery ends the log there. Says where. A log in files has a real disk, and is left as it is.
    pub fn lose_unflushed(&mut self, now: i64) -> Offset {
        if self.files.is_none() {
            let flushed = self.write_back.flushed_at(now, self.config.flush_ms);
            self.truncate_to(flushed.max(self.log_start_offset), now);
        }
        self.log_end_offset
    }

    /// Makes the next clone as cheap as it can be: bytes that would have been copied when one of both
    /// writes are shared from here on. What the log says and does stays the same.
    pub fn seal(&mut self) {
        // A segment that is shared already was sealed when it was.
        if let Some(active) = self.segments.last_mut().and_then(Arc::get_mut) {
            active.storage.seal();
        }
    }

    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes the configuration from now on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// First offset that can be read.
    #[must_use]
    pub const fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// Offset that the next record gets.
    #[must_use]
    pub const fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Offset below which everything is replicated; consumers read up to here.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Sets the high watermark, kept within log start and log end; returns it.
    pub fn set_high_watermark(&mut self, offset: Offset) -> Offset {
        self.high_watermark = offset.max(self.log_start_offset).min(self.log_end_offset);
        self.producer_state.on_high_watermark_updated(self.high_watermark);
        self.high_watermark
    }

    /// Offset below which every transaction is decided; readers of committed records read up to here.
    #[must_use]
    pub fn last_stable_offset(&self) -> Offset {
        if planted(Bug::LsoIgnoresOpenTransactions) {
            return self.high_watermark;
        }
        let unstable = self.producer_state.first_unstable_offset().unwrap_or(self.high_watermark);
        unstable.max(self.log_start_offset).min(self.high_watermark)
    }

    /// The epoch of the last batch, if there is one.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.leader_epochs.latest_epoch()
    }

    /// Where `epoch` ends: the largest epoch not above it, and the offset after its last record
    /// (OffsetForLeaderEpoch, KIP-101).
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.leader_epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// Where each leader epoch begins.
    #[must_use]
    pub const fn leader_epoch_cache(&self) -> &LeaderEpochCache {
        &self.leader_epochs
    }

    /// What is known of the producers.
    #[must_use]
    pub const fn producer_state(&self) -> &ProducerStateManager {
        &self.producer_state
    }

    /// Bytes of all batches.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.size()).sum()
    }

    /// The segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentView<'_>> {
        (0..self.segments.len())
            .map(|index| {
                let segment = &self.segments[index];
                let next = self.segments.get(index + 1);
                SegmentView {
                    base_offset: segment.base_offset,
                    next_offset: next.map_or(self.log_end_offset, |next| next.base_offset),
                    bytes: segment.size(),
                    max_timestamp: segment.max_timestamp_so_far(),
                    offset_index: segment.offset_index.all(),
                    time_index: segment.time_index.all(),
                    txn_index: segment.txn_index.entries(),
                    active: next.is_none(),
                }
            })
            .collect()
    }

    /// Moves the log start to `offset` (DeleteRecords, KIP-107); segments wholly below it go at the next
    /// [`maintain`](Self::maintain). True if it moved.
    ///
    /// # Errors
    /// [`OffsetOutOfRange`] above the high watermark.
    pub fn increment_log_start_offset(&mut self, offset: Offset) -> Result<bool, OffsetOutOfRange> {
        if offset > self.high_watermark {
            return Err(self.out_of_range(offset));
        }
        Ok(self.advance_log_start(offset))
    }

    pub(crate) fn advance_log_start(&mut self, offset: Offset) -> bool {
        if offset <= self.log_start_offset {
            return false;
        }
        self.log_start_offset = offset;
        self.high_watermark = self.high_watermark.max(offset);
        self.leader_epochs.truncate_from_start(offset);
        // A failure is noted, and told by the next append or read.
        let _ = self.write_leader_epochs();
        self.producer_state.on_high_watermark_updated(offset);
        true
    }
}
