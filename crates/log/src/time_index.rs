//! Sparse index from timestamps to offsets (`TimeIndex`, KIP-33).

use alloc::vec::Vec;

use logbrook_record::{NO_TIMESTAMP, Offset};

/// Bytes of an entry in Kafka's file: timestamp and relative offset.
pub(crate) const ENTRY_BYTES: usize = 12;

/// An entry: the largest timestamp up to an offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampOffset {
    /// Ms.
    pub timestamp: i64,
    /// Last offset of the first batch with it.
    pub offset: Offset,
}

#[derive(Clone, Debug)]
pub(crate) struct TimeIndex {
    base_offset: Offset,
    max_entries: usize,
    entries: Vec<TimestampOffset>,
}

impl TimeIndex {
    pub(crate) fn new(base_offset: Offset, max_bytes: usize) -> Self {
        Self { base_offset, max_entries: max_bytes / ENTRY_BYTES, entries: Vec::new() }
    }

    pub(crate) fn entries(&self) -> &[TimestampOffset] {
        &self.entries
    }

    /// One place stays free for the entry that is written when the segment closes.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() + 1 >= self.max_entries
    }

    /// Adds an entry if its timestamp is larger than the last.
    pub(crate) fn maybe_append(&mut self, entry: TimestampOffset) {
        let last = self.entries.last().map_or(NO_TIMESTAMP, |last| last.timestamp);
        if entry.timestamp > last {
            self.entries.push(entry);
        }
    }

    /// The last entry whose timestamp is at most `timestamp`, else the start of the segment.
    pub(crate) fn lookup(&self, timestamp: i64) -> TimestampOffset {
        match self.entries.partition_point(|entry| entry.timestamp <= timestamp) {
            0 => TimestampOffset { timestamp: NO_TIMESTAMP, offset: self.base_offset },
            after => self.entries[after - 1],
        }
    }

    /// Drops the entries at and after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        self.entries.retain(|entry| entry.offset < offset);
    }
}
