//! The bytes of one segment: in memory, or in Kafka's `.log` file.
//!
//! Everything else in the crate knows positions and whole batches only. In memory:
//!
//! ```text
//! chunks: | 64 KiB of small batches | one large batch, as it came | 64 KiB … |   tail: small batches
//!           shared by forks and readers                                            copied by both
//! ```
//! A batch never lies across two chunks. Small batches are copied, because then thousands of them are
//! one allocation and a reader gets one slice; a large batch is kept in the buffer that it arrived in.
//!
//! In a file nothing is kept: a batch is written before the append returns, and a read is one read of the
//! file into one buffer, which is what leaves on the wire.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use logbrook_record::{BatchHeader, RECORD_BATCH_OVERHEAD};

use crate::file_system::{File, StorageError};

/// Bytes that the tail takes before it is sealed into a chunk.
const TAIL_BYTES: usize = 64 * 1024;
/// From here on a batch is a chunk of its own: copying it costs more than an allocation.
const OWN_CHUNK_BYTES: usize = 16 * 1024;
/// What is read of a file to walk the headers in it: more than lies between two index entries.
const READ_AHEAD_BYTES: usize = 8 * 1024;

#[derive(Clone, Debug)]
struct Chunk {
    /// Position in the segment.
    start: usize,
    bytes: Bytes,
}

/// Where the bytes of a segment are.
#[derive(Clone, Debug)]
pub(crate) enum SegmentStorage {
    Memory(MemoryBytes),
    File(FileBytes),
}

impl SegmentStorage {
    /// Bytes in all: the position of the next batch.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Memory(memory) => memory.size(),
            Self::File(file) => file.size,
        }
    }

    /// Appends one batch after `patch` has rewritten its front. With an error the file may have a part of
    /// it, which the next append overwrites and recovery cuts off.
    pub(crate) fn append(
        &mut self,
        batch: Bytes,
        patch: impl FnOnce(&mut [u8]),
    ) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                memory.append(batch, patch);
                Ok(())
            }
            Self::File(file) => file.append(batch, patch),
        }
    }

    /// The bytes of `start..end`, both at batch boundaries.
    pub(crate) fn read(&self, start: usize, end: usize) -> Result<Vec<Bytes>, StorageError> {
        match self {
            Self::Memory(memory) => Ok(memory.read(start, end)),
            Self::File(file) => file.read(start, end),
        }
    }

    /// Forgets the bytes from `position` on, a batch boundary.
    pub(crate) fn truncate_to(&mut self, position: usize) -> Result<(), StorageError> {
        match self {
            Self::Memory(memory) => {
                memory.truncate_to(position);
                Ok(())
            }
            Self::File(file) => {
                file.file.set_size(position)?;
                file.size = position;
                Ok(())
            }
        }
    }

    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => file.file.sync(),
        }
    }

    /// From here on a clone shares every byte.
    pub(crate) fn seal(&mut self) {
        match self {
            Self::Memory(memory) => memory.seal_for_clone(),
            Self::File(_) => {}
        }
    }

    /// Walks the headers of the batches from `position` on, which is a batch's first byte.
    pub(crate) fn headers_from(&self, position: usize) -> HeadersFrom<'_> {
        HeadersFrom { storage: self, chunk: &[], ahead: Vec::new(), ahead_at: 0, position }
    }
}

/// Iterator of [`SegmentStorage::headers_from`]: positions and headers. Ends at the end, and where a file
/// cannot be read.
pub(crate) struct HeadersFrom<'a> {
    storage: &'a SegmentStorage,
    /// In memory: what is left of the chunk at `position`.
    chunk: &'a [u8],
    /// In a file: what was read of it, and from where.
    ahead: Vec<u8>,
    ahead_at: usize,
    position: usize,
}

impl Iterator for HeadersFrom<'_> {
    type Item = (usize, BatchHeader);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let header = match self.storage {
            SegmentStorage::Memory(memory) => {
                if self.chunk.is_empty() {
                    self.chunk = memory.slice_at(self.position);
                }
                // Only validated batches are stored, so this fails at the end only.
                let header = BatchHeader::read(self.chunk).ok()?;
                self.chunk = self.chunk.get(header.size_in_bytes()..).unwrap_or_default();
                header
            }
            SegmentStorage::File(file) => {
                let at = self.position.wrapping_sub(self.ahead_at);
                let have = self.ahead.get(at..).map_or(0, <[u8]>::len);
                if have < RECORD_BATCH_OVERHEAD {
                    let left = file.size.saturating_sub(self.position);
                    self.ahead.resize(left.min(READ_AHEAD_BYTES), 0);
                    self.ahead_at = self.position;
                    file.file.read_at(self.position, &mut self.ahead).ok()?;
                }
                BatchHeader::read(&self.ahead[self.position - self.ahead_at..]).ok()?
            }
        };
        let position = self.position;
        self.position = position.saturating_add(header.size_in_bytes());
        Some((position, header))
    }
}

/// Bytes in Kafka's file.
#[derive(Clone, Debug)]
pub(crate) struct FileBytes {
    pub(crate) file: Arc<dyn File>,
    /// Where the next batch goes. The file is longer only after a failed write.
    pub(crate) size: usize,
}

impl FileBytes {
    fn append(&mut self, batch: Bytes, patch: impl FnOnce(&mut [u8])) -> Result<(), StorageError> {
        // Only the header changes: the records are written from where they came.
        let mut front = [0; RECORD_BATCH_OVERHEAD];
        let split = batch.len().min(RECORD_BATCH_OVERHEAD);
        front[..split].copy_from_slice(&batch[..split]);
        patch(&mut front[..split]);
        self.file.write_at(self.size, &[&front[..split], &batch[split..]])?;
        self.size += batch.len();
        Ok(())
    }

    fn read(&self, start: usize, end: usize) -> Result<Vec<Bytes>, StorageError> {
        let length = end.min(self.size).saturating_sub(start);
        if length == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; length];
        self.file.read_at(start, &mut bytes)?;
        Ok(vec![Bytes::from(bytes)])
    }
}

/// Append-only bytes with cheap clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryBytes {
    chunks: Arc<Vec<Chunk>>,
    tail: Vec<u8>,
    /// Position of the tail.
    sealed: usize,
}

impl MemoryBytes {
    /// Bytes in all: the position of the next batch.
    fn size(&self) -> usize {
        self.sealed + self.tail.len()
    }

    /// Appends one batch after `patch` has rewritten its front. Copies it only if it is small or if
    /// someone else holds its buffer.
    fn append(&mut self, batch: Bytes, patch: impl FnOnce(&mut [u8])) {
        if batch.len() < OWN_CHUNK_BYTES {
            if self.tail.len() + batch.len() > TAIL_BYTES {
                self.seal();
            }
            let start = self.tail.len();
            self.tail.extend_from_slice(&batch);
            patch(&mut self.tail[start..]);
        } else {
            self.seal();
            let mut batch = match batch.try_into_mut() {
                // Kept in a buffer that is much larger it would hold all of that.
                Ok(own) if own.capacity() / 2 <= own.len() => own,
                Ok(own) => BytesMut::from(&own[..]),
                Err(shared) => BytesMut::from(&shared[..]),
            };
            patch(&mut batch);
            self.push_chunk(batch.freeze());
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let tail = core::mem::replace(&mut self.tail, Vec::with_capacity(TAIL_BYTES));
            self.push_chunk(Bytes::from(tail));
        }
    }

    /// Seals a tail that may hold little, and may be followed by one that will hold little: neither takes
    /// the room of a full one.
    fn seal_for_clone(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let mut tail = core::mem::take(&mut self.tail);
        if tail.len() < tail.capacity() / 2 {
            tail.shrink_to_fit();
        }
        self.push_chunk(Bytes::from(tail));
    }

    fn push_chunk(&mut self, bytes: Bytes) {
        let start = self.sealed;
        self.sealed += bytes.len();
        Arc::make_mut(&mut self.chunks).push(Chunk { start, bytes });
    }

    /// The bytes from `position`, a batch's first, to the end of its chunk; empty at the end.
    fn slice_at(&self, position: usize) -> &[u8] {
        if position >= self.sealed {
            return self.tail.get(position - self.sealed..).unwrap_or_default();
        }
        match self.chunk_index(position) {
            Some(index) => {
                let chunk = &self.chunks[index];
                chunk.bytes.get(position - chunk.start..).unwrap_or_default()
            }
            None => &[],
        }
    }

    fn chunk_index(&self, position: usize) -> Option<usize> {
        self.chunks.partition_point(|chunk| chunk.start <= position).checked_sub(1)
    }

    /// The bytes of `start..end`, both at batch boundaries: shared, but for those of the tail.
    fn read(&self, start: usize, end: usize) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut position = start;
        while position < end.min(self.sealed) {
            let Some(chunk) = self.chunk_index(position).map(|index| &self.chunks[index]) else {
                break;
            };
            let stop = (end - chunk.start).min(chunk.bytes.len());
            pieces.push(chunk.bytes.slice(position - chunk.start..stop));
            position = chunk.start + stop;
        }
        if position < end {
            let tail =
                self.tail.get(position - self.sealed..(end - self.sealed).min(self.tail.len()));
            pieces.extend(tail.filter(|tail| !tail.is_empty()).map(Bytes::copy_from_slice));
        }
        pieces
    }

    /// Forgets the bytes from `position` on, a batch boundary.
    fn truncate_to(&mut self, position: usize) {
        if position >= self.sealed {
            self.tail.truncate(position - self.sealed);
            return;
        }
        self.tail.clear();
        let chunks = Arc::make_mut(&mut self.chunks);
        while let Some(last) = chunks.last_mut()
            && last.start + last.bytes.len() > position
        {
            if last.start >= position {
                chunks.pop();
            } else {
                last.bytes.truncate(position - last.start);
            }
        }
        self.sealed = position;
    }
}
