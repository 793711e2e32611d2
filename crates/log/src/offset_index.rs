//! Sparse index from offsets to positions (`OffsetIndex`).

use alloc::vec::Vec;

use logbrook_record::Offset;

/// Bytes of an entry in Kafka's file: relative offset and position, four each.
pub(crate) const ENTRY_BYTES: usize = 8;

/// An entry: the last offset of a batch and where the batch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetPosition {
    /// Last offset of the batch.
    pub offset: Offset,
    /// First byte of the batch in its segment.
    pub position: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct OffsetIndex {
    base_offset: Offset,
    max_entries: usize,
    entries: Vec<OffsetPosition>,
}

impl OffsetIndex {
    pub(crate) fn new(base_offset: Offset, max_bytes: usize) -> Self {
        Self { base_offset, max_entries: max_bytes / ENTRY_BYTES, entries: Vec::new() }
    }

    pub(crate) fn entries(&self) -> &[OffsetPosition] {
        &self.entries
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.max_entries
    }

    /// Entries hold offsets as 32 bits from the base offset.
    pub(crate) fn can_append_offset(&self, offset: Offset) -> bool {
        let relative = offset.0.wrapping_sub(self.base_offset.0);
        (0..=i64::from(i32::MAX)).contains(&relative)
    }

    pub(crate) fn append(&mut self, offset: Offset, position: usize) {
        if self.entries.last().is_none_or(|last| last.offset < offset) {
            self.entries.push(OffsetPosition { offset, position });
        }
    }

    /// The last entry at or before `offset`, else the start of the segment.
    pub(crate) fn lookup(&self, offset: Offset) -> OffsetPosition {
        match self.entries.partition_point(|entry| entry.offset <= offset) {
            0 => OffsetPosition { offset: self.base_offset, position: 0 },
            after => self.entries[after - 1],
        }
    }

    /// The last entry at or before `position`, else the start of the segment.
    pub(crate) fn lookup_position(&self, position: usize) -> OffsetPosition {
        match self.entries.partition_point(|entry| entry.position <= position) {
            0 => OffsetPosition { offset: self.base_offset, position: 0 },
            after => self.entries[after - 1],
        }
    }

    /// The first entry at or after `position`.
    pub(crate) fn upper_bound(&self, position: usize) -> Option<OffsetPosition> {
        self.entries.get(self.entries.partition_point(|entry| entry.position < position)).copied()
    }

    /// Drops the entries at and after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        self.entries.retain(|entry| entry.offset < offset);
    }
}
