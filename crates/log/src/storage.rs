//! The bytes of one segment: what stands in a `.log` file in Kafka.
//!
//! This module is the seam: everything else in the crate knows positions and whole batches only, so
//! files (and crashes that lose what was not flushed) come in here and nowhere else.
//!
//! ```text
//! chunks: | 64 KiB of small batches | one large batch, as it came | 64 KiB … |   tail: small batches
//!           shared by forks and readers                                            copied by both
//! ```
//! A batch never lies across two chunks. Small batches are copied, because then thousands of them are
//! one allocation and a reader gets one slice; a large batch is kept in the buffer that it arrived in.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

/// Bytes that the tail takes before it is sealed into a chunk.
const TAIL_BYTES: usize = 64 * 1024;
/// From here on a batch is a chunk of its own: copying it costs more than an allocation.
const OWN_CHUNK_BYTES: usize = 16 * 1024;

#[derive(Clone, Debug)]
struct Chunk {
    /// Position in the segment.
    start: usize,
    bytes: Bytes,
}

/// Append-only bytes with cheap clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentStorage {
    chunks: Arc<Vec<Chunk>>,
    tail: Vec<u8>,
    /// Position of the tail.
    sealed: usize,
}

impl SegmentStorage {
    /// Bytes in all: the position of the next batch.
    pub(crate) fn size(&self) -> usize {
        self.sealed + self.tail.len()
    }

    /// Appends one batch after `patch` has rewritten its front. Copies it only if it is small or if
    /// someone else holds its buffer.
    pub(crate) fn append(&mut self, batch: Bytes, patch: impl FnOnce(&mut [u8])) {
        if batch.len() < OWN_CHUNK_BYTES {
            if self.tail.len() + batch.len() > TAIL_BYTES {
                self.seal();
            }
            let start = self.tail.len();
            self.tail.extend_from_slice(&batch);
            patch(&mut self.tail[start..]);
        } else {
            self.seal();
            let mut batch =
                batch.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
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

    fn push_chunk(&mut self, bytes: Bytes) {
        let start = self.sealed;
        self.sealed += bytes.len();
        Arc::make_mut(&mut self.chunks).push(Chunk { start, bytes });
    }

    /// The bytes from `position`, a batch's first, to the end of its chunk; empty at the end.
    pub(crate) fn slice_at(&self, position: usize) -> &[u8] {
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
    pub(crate) fn read(&self, start: usize, end: usize) -> Vec<Bytes> {
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
    pub(crate) fn truncate_to(&mut self, position: usize) {
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
