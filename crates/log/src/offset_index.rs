//! Sparse index from offsets to positions (`OffsetIndex`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use logbrook_planted::{Bug, planted};
use logbrook_record::Offset;

use crate::file_system::{File, StorageError};
use crate::index_entries::{IndexEntries, IndexEntry};

/// An entry: the last offset of a batch and where the batch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetPosition {
    /// Last offset of the batch.
    pub offset: Offset,
    /// First byte of the batch in its segment.
    pub position: usize,
}

impl IndexEntry for OffsetPosition {
    /// Relative offset and position, four bytes each.
    const BYTES: usize = 8;

    fn encode(&self, base: Offset, out: &mut [u8]) {
        let relative = self.offset.0.wrapping_sub(base.0);
        out[..4].copy_from_slice(&(relative as i32).to_be_bytes());
        out[4..].copy_from_slice(&(self.position as u32).to_be_bytes());
    }

    fn decode(base: Offset, bytes: &[u8]) -> Self {
        let number = |at: usize| {
            i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Self {
            offset: base.plus(i64::from(number(0))),
            position: usize::try_from(number(4)).unwrap_or(usize::MAX),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct OffsetIndex {
    pub(crate) entries: IndexEntries<OffsetPosition>,
}

impl OffsetIndex {
    pub(crate) fn new(base_offset: Offset, max_bytes: usize, file: Option<Arc<dyn File>>) -> Self {
        Self { entries: IndexEntries::new(base_offset, max_bytes, file) }
    }

    pub(crate) fn all(&self) -> Vec<OffsetPosition> {
        self.entries.all()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.entries.max_entries()
    }

    /// Entries hold offsets as 32 bits from the base offset.
    pub(crate) fn can_append_offset(&self, offset: Offset) -> bool {
        let relative = offset.0.wrapping_sub(self.entries.base_offset().0);
        (0..=i64::from(i32::MAX)).contains(&relative)
    }

    pub(crate) fn append(&mut self, offset: Offset, position: usize) -> Result<(), StorageError> {
        if self.entries.last().is_none_or(|last| last.offset < offset) {
            self.entries.push(OffsetPosition { offset, position })?;
        }
        Ok(())
    }

    /// The last entry at or before `offset`, else the start of the segment.
    pub(crate) fn lookup(&self, offset: Offset) -> OffsetPosition {
        let after = self.entries.partition_point(|entry| entry.offset <= offset);
        self.before(after + usize::from(planted(Bug::IndexOffByOne) && after < self.entries.len()))
    }

    fn before(&self, index: usize) -> OffsetPosition {
        let start = OffsetPosition { offset: self.entries.base_offset(), position: 0 };
        index.checked_sub(1).and_then(|index| self.entries.get(index)).unwrap_or(start)
    }

    /// The first entry at or after `position`.
    pub(crate) fn upper_bound(&self, position: usize) -> Option<OffsetPosition> {
        self.entries.get(self.entries.partition_point(|entry| entry.position < position))
    }

    /// Drops the entries at and after `offset`.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        self.entries.truncate(self.entries.partition_point(|entry| entry.offset < offset));
    }
}
