//! Sparse index from timestamps to offsets (`TimeIndex`, KIP-33).

use alloc::sync::Arc;
use alloc::vec::Vec;

use logbrook_record::{NO_TIMESTAMP, Offset};

use crate::file_system::{File, StorageError};
use crate::index_entries::{IndexEntries, IndexEntry};

/// An entry: the largest timestamp up to an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOffset {
    /// Ms.
    pub timestamp: i64,
    /// Last offset of the first batch with it.
    pub offset: Offset,
}

impl IndexEntry for TimestampOffset {
    /// Timestamp and relative offset.
    const BYTES: usize = 12;

    fn encode(&self, base: Offset, out: &mut [u8]) {
        let relative = self.offset.0.wrapping_sub(base.0);
        out[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..].copy_from_slice(&(relative as i32).to_be_bytes());
    }

    fn decode(base: Offset, bytes: &[u8]) -> Self {
        let mut timestamp = [0; 8];
        timestamp.copy_from_slice(&bytes[..8]);
        let relative = i32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        Self { timestamp: i64::from_be_bytes(timestamp), offset: base.plus(i64::from(relative)) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TimeIndex {
    pub(crate) entries: IndexEntries<TimestampOffset>,
}

impl TimeIndex {
    pub(crate) fn new(base_offset: Offset, max_bytes: usize, file: Option<Arc<dyn File>>) -> Self {
        Self { entries: IndexEntries::new(base_offset, max_bytes, file) }
    }

    pub(crate) fn all(&self) -> Vec<TimestampOffset> {
        self.entries.all()
    }

    /// One place stays free for the entry that is written when the segment closes.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() + 1 >= self.entries.max_entries()
    }

    /// Adds an entry if its timestamp is larger than the last.
    pub(crate) fn maybe_append(&mut self, entry: TimestampOffset) -> Result<(), StorageError> {
        let last = self.entries.last().map_or(NO_TIMESTAMP, |last| last.timestamp);
        if entry.timestamp > last {
            self.entries.push(entry)?;
        }
        Ok(())
    }

    /// The last entry whose timestamp is at most `timestamp`, else the start of the segment.
    pub(crate) fn lookup(&self, timestamp: i64) -> TimestampOffset {
        let start = TimestampOffset { timestamp: NO_TIMESTAMP, offset: self.entries.base_offset() };
        let after = self.entries.partition_point(|entry| entry.timestamp <= timestamp);
        after.checked_sub(1).and_then(|index| self.entries.get(index)).unwrap_or(start)
    }

    /// Drops the entries at and after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        self.entries.truncate(self.entries.partition_point(|entry| entry.offset < offset));
    }
}
