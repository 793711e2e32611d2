//! Compaction: only the last value of each key stays (`LogCleanerManager`, `Cleaner`).
//!
//! ```text
//!        clean            dirty            not to be cleaned yet
//! |------------------|-------------|-------------------------------|
//! 0           first dirty    first uncleanable                log end
//!             (checkpoint)   (least of last stable offset, active segment, min.compaction.lag.ms)
//! ```
//! A round reads the keys of the dirty part into a map, key to last offset, then writes the clean and the
//! dirty part anew without the records that the map has a later one for. Offsets and order stay.
//! [`Log::log_to_clean`] says what a round would take, [`Log::clean`] does it; whoever owns the logs calls
//! them every `log.cleaner.backoff.ms`, the dirtiest log first.

mod filter;
mod offset_map;
mod round;
mod swap;
mod transactions;

use core::fmt;

use alloc::string::String;
use alloc::sync::Arc;

use logbrook_record::{BatchError, Offset};

use crate::file_system::StorageError;
use crate::log::Log;
use crate::segment::Segment;

/// What a cleaner may take (`CleanerConfig`). `Default` has Kafka's defaults.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CleanerConfig {
    /// `log.cleaner.dedupe.buffer.size`: bytes for the map of keys, in all threads.
    pub dedupe_buffer_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`: how full the map may become.
    pub dedupe_buffer_load_factor: f64,
}

impl Default for CleanerConfig {
    fn default() -> Self {
        Self { dedupe_buffer_bytes: 128 * 1024 * 1024, dedupe_buffer_load_factor: 0.9 }
    }
}

/// What a round would take of a log (`LogToClean`).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogToClean {
    /// Where the round before ended.
    pub first_dirty_offset: Offset,
    /// Where this round ends: the first segment that is not touched.
    pub first_uncleanable_offset: Offset,
    /// Bytes that were cleaned before.
    pub clean_bytes: usize,
    /// Bytes that were not.
    pub cleanable_bytes: usize,
    /// How much longer than `max.compaction.lag.ms` the oldest dirty record has waited, in ms.
    pub max_compaction_delay_ms: i64,
}

impl LogToClean {
    /// Bytes that would be read.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        self.clean_bytes + self.cleanable_bytes
    }

    /// The dirty part of them, 0 to 1.
    #[must_use]
    pub fn cleanable_ratio(&self) -> f64 {
        match self.total_bytes() {
            0 => 0.0,
            total => self.cleanable_bytes as f64 / total as f64,
        }
    }

    /// Whether it is worth a round: dirty enough, or waited for long enough.
    #[must_use]
    pub fn is_worth_it(&self, min_cleanable_dirty_ratio: f64) -> bool {
        self.total_bytes() > 0
            && ((self.max_compaction_delay_ms > 0 && self.cleanable_bytes > 0)
                || self.cleanable_ratio() > min_cleanable_dirty_ratio)
    }
}

/// What a round did (`CleanerStats`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CleanerStats {
    /// The first offset that was not cleaned: the new checkpoint.
    pub end_offset: Offset,
    /// Bytes before.
    pub bytes_read: usize,
    /// Bytes after.
    pub bytes_written: usize,
    /// Records before.
    pub messages_read: usize,
    /// Records after.
    pub messages_written: usize,
    /// Records without a key, which went.
    pub invalid_messages_read: usize,
    /// Segments before.
    pub segments_read: usize,
    /// Segments after.
    pub segments_written: usize,
}

/// Why a round was given up. The log is not to be tried again (`markPartitionUncleanable`): what stopped
/// this round would stop the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CleanError {
    /// A batch cannot be read.
    Batch(BatchError),
    /// The file system failed.
    Storage(StorageError),
    /// Nothing of the dirty part fits into the map of keys.
    MapTooSmall(String),
}

impl fmt::Display for CleanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::MapTooSmall(text) => f.write_str(text),
        }
    }
}

impl core::error::Error for CleanError {}

impl From<BatchError> for CleanError {
    fn from(error: BatchError) -> Self {
        Self::Batch(error)
    }
}

impl From<StorageError> for CleanError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Log {
    /// Where the last round of cleaning ended: this log's line of `cleaner-offset-checkpoint`.
    #[must_use]
    pub const fn cleaner_checkpoint(&self) -> Option<Offset> {
        self.cleaner_checkpoint
    }

    /// Sets it, as read from the file when a broker starts.
    pub fn set_cleaner_checkpoint(&mut self, offset: Option<Offset>) {
        self.cleaner_checkpoint = offset;
    }

    /// Whether the cleaner could find something to do as time goes on: a dirty closed segment, or what
    /// retention deletes from a compacted log.
    #[must_use]
    pub fn cleaner_may_have_work(&self) -> bool {
        let policy = self.config.cleanup_policy;
        let active = self.segments.last().map_or(self.log_end_offset, |active| active.base_offset);
        let dirty = self.cleaner_checkpoint.unwrap_or(self.log_start_offset) < active;
        let deleted = self.segments.get(1).is_some_and(|s| s.base_offset <= self.log_start_offset)
            || (policy.delete && self.segments.iter().any(|segment| segment.size() > 0));
        policy.compact && (dirty || deleted)
    }

    /// What a round at `now` (ms) would take. A checkpoint outside of the log is set to its start.
    pub fn log_to_clean(&mut self, now: i64) -> LogToClean {
        let start = self.log_start_offset;
        let checkpoint = self.cleaner_checkpoint.unwrap_or(start);
        let first_dirty_offset = if checkpoint < start || checkpoint > self.log_end_offset {
            self.cleaner_checkpoint = Some(start);
            start
        } else {
            checkpoint
        };
        let uncleanable = self.first_uncleanable_offset(first_dirty_offset, now);
        // Whole segments: the one that holds the offset is the first that is not touched.
        let active = self.segments.len().saturating_sub(1);
        let first_uncleanable_offset = self
            .segments
            .get(self.floor_segment(uncleanable).min(active))
            .map_or(self.log_end_offset, |segment| segment.base_offset);
        let bytes = |segments: &[Arc<Segment>]| segments.iter().map(|s| s.size()).sum();
        LogToClean {
            first_dirty_offset,
            first_uncleanable_offset,
            clean_bytes: bytes(self.segments_between(Offset(-1), first_dirty_offset)),
            cleanable_bytes: bytes(self.segments_between(
                first_dirty_offset.min(first_uncleanable_offset),
                first_uncleanable_offset,
            )),
            max_compaction_delay_ms: self.max_compaction_delay_ms(first_dirty_offset, now),
        }
    }

    /// The active segment, what is not stable, and what is younger than `min.compaction.lag.ms` stay as
    /// they are (`cleanableOffsets`).
    fn first_uncleanable_offset(&self, first_dirty: Offset, now: i64) -> Offset {
        let mut first = self.last_stable_offset();
        if let Some(active) = self.segments.last() {
            first = first.min(active.base_offset);
        }
        let lag_ms = self.config.min_compaction_lag_ms;
        if lag_ms > 0 {
            let young = self
                .closed_segments_from(first_dirty)
                .find(|segment| segment.largest_timestamp() > now.saturating_sub(lag_ms));
            first = young.map_or(first, |segment| first.min(segment.base_offset));
        }
        first.max(first_dirty)
    }

    /// The segments that hold something of `from..to`; the first may begin below `from` (`LogSegments.values`).
    fn segments_between(&self, from: Offset, to: Offset) -> &[Arc<Segment>] {
        let end = self.segments.partition_point(|segment| segment.base_offset < to);
        let start = if from >= to { end } else { self.floor_segment(from).min(end) };
        &self.segments[start..end]
    }

    fn closed_segments_from(&self, from: Offset) -> impl Iterator<Item = &Segment> {
        let active = self.segments.last().map_or(from, |active| active.base_offset);
        self.segments_between(from, active).iter().map(|segment| &**segment)
    }

    fn max_compaction_delay_ms(&self, first_dirty: Offset, now: i64) -> i64 {
        let oldest = self
            .closed_segments_from(first_dirty)
            .filter_map(|segment| segment.first_batch_timestamp())
            .filter(|timestamp| *timestamp > 0)
            .min();
        let clean_until = now.saturating_sub(self.config.max_compaction_lag_ms.max(0));
        oldest.map_or(0, |oldest| clean_until.saturating_sub(oldest).max(0))
    }
}
