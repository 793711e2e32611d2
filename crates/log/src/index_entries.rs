//! The entries of an offset or time index: in memory, or in Kafka's file with only the latest in memory.
//!
//! ```text
//! file:    | entry | entry | entry | entry | entry | entry | zeros up to segment.index.bytes …
//! memory:                  |<---- recent ---->|      (all of them where there is no file)
//! ```
//! An index file of the active segment is as large as it may become and sparse; it is cut to what it
//! holds when the segment closes (`AbstractIndex`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use logbrook_record::Offset;

use crate::file_system::{File, StorageError};

/// Entries kept of an index in a file: most reads are near the end (`AbstractIndex`'s warm section).
const RECENT_ENTRIES: usize = 256;
/// The largest entry, of the time index.
const MAX_ENTRY_BYTES: usize = 12;

/// An entry of fixed size.
pub(crate) trait IndexEntry: Copy {
    /// Bytes in the file.
    const BYTES: usize;
    /// Writes it; the offset counts from `base`.
    fn encode(&self, base: Offset, out: &mut [u8]);
    /// Reads [`BYTES`](Self::BYTES) bytes.
    fn decode(base: Offset, bytes: &[u8]) -> Self;
}

#[derive(Clone, Debug)]
pub(crate) struct IndexEntries<E> {
    base_offset: Offset,
    max_entries: usize,
    recent: Vec<E>,
    /// Entries before the recent ones, which only the file has.
    before: usize,
    file: Option<Arc<dyn File>>,
}

impl<E: IndexEntry> IndexEntries<E> {
    pub(crate) fn new(base_offset: Offset, max_bytes: usize, file: Option<Arc<dyn File>>) -> Self {
        let max_entries = max_bytes / E::BYTES;
        Self { base_offset, max_entries, recent: Vec::new(), before: 0, file }
    }

    /// Takes the first `count` entries of the file for those of this index.
    pub(crate) fn with_file_entries(mut self, count: usize) -> Self {
        self.before = count;
        self
    }

    pub(crate) fn base_offset(&self) -> Offset {
        self.base_offset
    }

    pub(crate) fn len(&self) -> usize {
        self.before + self.recent.len()
    }

    pub(crate) fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// Makes the file as large as it may become.
    pub(crate) fn preallocate(&mut self, max_bytes: usize) -> Result<(), StorageError> {
        self.max_entries = max_bytes / E::BYTES;
        match &self.file {
            Some(file) => file.set_size(self.max_entries.max(self.len()) * E::BYTES),
            None => Ok(()),
        }
    }

    /// Cuts the file to its entries.
    pub(crate) fn trim(&mut self) -> Result<(), StorageError> {
        let Some(file) = &self.file else { return Ok(()) };
        file.set_size(self.len() * E::BYTES)
    }

    /// The segment is closed: the file has everything.
    pub(crate) fn forget_recent(&mut self) {
        if self.file.is_some() {
            self.before += self.recent.len();
            self.recent = Vec::new();
        }
    }

    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.file.as_ref().map_or(Ok(()), |file| file.sync())
    }

    pub(crate) fn push(&mut self, entry: E) -> Result<(), StorageError> {
        if let Some(file) = &self.file {
            let mut bytes = [0; MAX_ENTRY_BYTES];
            let bytes = &mut bytes[..E::BYTES];
            entry.encode(self.base_offset, bytes);
            file.write_at(self.len() * E::BYTES, &[bytes])?;
            if self.recent.len() >= 2 * RECENT_ENTRIES {
                self.recent.drain(..RECENT_ENTRIES);
                self.before += RECENT_ENTRIES;
            }
        }
        self.recent.push(entry);
        Ok(())
    }

    /// Entry `index`; `None` beyond the end, and where the file cannot be read.
    pub(crate) fn get(&self, index: usize) -> Option<E> {
        if let Some(recent) = index.checked_sub(self.before) {
            return self.recent.get(recent).copied();
        }
        let mut bytes = [0; MAX_ENTRY_BYTES];
        let bytes = &mut bytes[..E::BYTES];
        self.file.as_ref()?.read_at(index * E::BYTES, bytes).ok()?;
        Some(E::decode(self.base_offset, bytes))
    }

    pub(crate) fn last(&self) -> Option<E> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All of them, as far as the file can be read.
    pub(crate) fn all(&self) -> Vec<E> {
        (0..self.len()).map_while(|index| self.get(index)).collect()
    }

    /// How many entries at the front fulfil `belongs`, as entries in order do.
    pub(crate) fn partition_point(&self, belongs: impl Fn(&E) -> bool) -> usize {
        if self.before == 0 || self.recent.first().is_some_and(&belongs) {
            return self.before + self.recent.partition_point(belongs);
        }
        let (mut low, mut high) = (0, self.before);
        while low < high {
            let middle = low.midpoint(high);
            // Without the file everything is searched from the front of the segment: slow and right.
            if self.get(middle).is_some_and(|entry| belongs(&entry)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Keeps the first `count` entries.
    pub(crate) fn truncate(&mut self, count: usize) {
        match count.checked_sub(self.before) {
            Some(recent) => self.recent.truncate(recent),
            None => {
                self.recent.clear();
                self.before = count;
            }
        }
    }
}
