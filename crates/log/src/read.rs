//! Reads by offset and by timestamp (`UnifiedLog.read`, `fetchOffsetByTimestamp`).

use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{Batch, BatchHeader, Offset};

use crate::error::{OffsetOutOfRange, ReadError};
use crate::log::{Log, TimestampAndOffset};
use crate::transaction_index::AbortedTxn;

/// Bytes that a read found: batches in a row, shared with the log where it could be done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FetchData {
    /// The batches' bytes, in order.
    pub pieces: Vec<Bytes>,
    /// Offset that the bytes end below, at the latest: with where the read began, the range that
    /// [`Log::aborted_transactions`] is asked about.
    pub upper_bound: Offset,
}

impl FetchData {
    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Nothing to read at that offset yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(Bytes::is_empty)
    }

    /// All bytes as one: free if there is one piece, a copy otherwise.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pieces.pop().unwrap_or_default();
        }
        Bytes::from(self.pieces.concat())
    }
}

impl Log {
    /// Bytes from the batch that holds `from` on, below `upper` (the high watermark for a consumer, the
    /// last stable offset for one that reads committed records, the log end for a follower), at most
    /// `max_bytes` of them. A first batch that is larger comes whole with `min_one_message` (KIP-74), and
    /// without it not at all.
    ///
    /// The first batch may begin below `from`: the reader skips those records. The last may be cut where
    /// `max_bytes` are full: the reader leaves it (`FileRecords.slice`). A read ends with its segment; the
    /// next one goes on.
    ///
    /// # Errors
    /// [`OffsetOutOfRange`] if `from` is below the log start or above the log end; files that cannot be read.
    pub fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        min_one_message: bool,
        upper: Offset,
    ) -> Result<FetchData, ReadError> {
        self.check_storage()?;
        if from < self.log_start_offset || from > self.log_end_offset {
            return Err(self.out_of_range(from).into());
        }
        if from >= upper {
            return Ok(FetchData { pieces: Vec::new(), upper_bound: from });
        }
        let floor = self.floor_segment(from);
        for (index, segment) in self.segments.iter().enumerate().skip(floor) {
            let next = self.segments.get(index + 1);
            let end = next.map_or(self.log_end_offset, |next| next.base_offset);
            // Up to its end there is no position to look for.
            let upper = if upper < end { upper } else { Offset(i64::MAX) };
            if let Some((pieces, bound)) = segment.read(from, max_bytes, min_one_message, upper)? {
                return Ok(FetchData { pieces, upper_bound: bound.unwrap_or(end) });
            }
        }
        Ok(FetchData { pieces: Vec::new(), upper_bound: from })
    }

    /// Whether `offset` is in an earlier segment than `end`, which is above it: a fetch from there does not wait
    /// for more (`LogOffsetMetadata.onOlderSegment`).
    #[must_use]
    pub fn on_older_segment(&self, offset: Offset, end: Offset) -> bool {
        offset < end && self.floor_segment(offset) < self.floor_segment(end)
    }

    pub(crate) fn out_of_range(&self, requested: Offset) -> OffsetOutOfRange {
        OffsetOutOfRange {
            requested,
            log_start_offset: self.log_start_offset,
            log_end_offset: self.log_end_offset,
        }
    }

    /// Index of the segment that holds `offset`, or of the first.
    pub(crate) fn floor_segment(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    /// The batches that hold an offset from `from` on and begin below `to`.
    pub fn batches(&self, from: Offset, to: Offset) -> impl Iterator<Item = Batch> + '_ {
        self.segments[self.floor_segment(from)..]
            .iter()
            .flat_map(move |segment| segment.batches(from, to))
    }

    /// The headers of the same batches: cheaper where no record is wanted.
    pub fn headers(&self, from: Offset, to: Offset) -> impl Iterator<Item = BatchHeader> + '_ {
        self.segments[self.floor_segment(from)..]
            .iter()
            .flat_map(move |segment| segment.headers(from, to).map(|(_, header)| header))
    }

    /// The first record whose timestamp is at least `timestamp`, in ms (ListOffsets, KIP-79). As in Kafka, one
    /// segment is searched: the first whose largest timestamp is late enough.
    #[must_use]
    pub fn offset_for_timestamp(&self, timestamp: i64) -> Option<TimestampAndOffset> {
        self.segments
            .iter()
            .find(|segment| segment.largest_timestamp() >= timestamp)?
            .find_offset_by_timestamp(timestamp, self.log_start_offset)
    }

    /// The record with the largest timestamp, the earliest of several (ListOffsets -3, KIP-734).
    #[must_use]
    pub fn max_timestamp(&self) -> Option<TimestampAndOffset> {
        // `max_by_key` takes the last of equals, Kafka the first.
        self.segments
            .iter()
            .rev()
            .max_by_key(|segment| segment.max_timestamp_so_far())?
            .offset_of_max_timestamp()
    }

    /// The aborted transactions with records in `from..to`: what a reader of committed records leaves out.
    /// In the order of their markers.
    #[must_use]
    pub fn aborted_transactions(&self, from: Offset, to: Offset) -> Vec<AbortedTxn> {
        let mut aborted = Vec::new();
        for segment in &self.segments[self.floor_segment(from)..] {
            if segment.txn_index.collect(from, to, &mut aborted) {
                break;
            }
        }
        aborted
    }
}
