//! One segment: its bytes, its two indexes, and when to close it (`LogSegment`).

use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchHeader, NO_TIMESTAMP, Offset, for_each_record, record_timestamp,
};

use crate::config::LogConfig;
use crate::log::TimestampAndOffset;
use crate::offset_index::OffsetIndex;
use crate::storage::SegmentStorage;
use crate::time_index::{TimeIndex, TimestampOffset};
use crate::transaction_index::TransactionIndex;

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: Offset,
    storage: SegmentStorage,
    pub(crate) offset_index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
    pub(crate) txn_index: TransactionIndex,
    /// Largest timestamp, and the last offset of the first batch that has it.
    max_timestamp_so_far: TimestampOffset,
    /// Timestamp of the first batch, which `segment.ms` counts from.
    rolling_based_timestamp: Option<i64>,
    bytes_since_last_index_entry: usize,
    created_ms: i64,
    last_modified_ms: i64,
}

impl Segment {
    pub(crate) fn new(base_offset: Offset, config: &LogConfig, now: i64) -> Self {
        Self {
            base_offset,
            storage: SegmentStorage::default(),
            offset_index: OffsetIndex::new(base_offset, config.segment_index_bytes),
            time_index: TimeIndex::new(base_offset, config.segment_index_bytes),
            txn_index: TransactionIndex::default(),
            max_timestamp_so_far: TimestampOffset { timestamp: NO_TIMESTAMP, offset: base_offset },
            rolling_based_timestamp: None,
            bytes_since_last_index_entry: 0,
            created_ms: now,
            last_modified_ms: now,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.storage.size()
    }

    pub(crate) fn max_timestamp_so_far(&self) -> i64 {
        self.max_timestamp_so_far.timestamp
    }

    /// What retention by time looks at: the largest timestamp, or the time of the last write where
    /// records have none.
    pub(crate) fn largest_timestamp(&self) -> i64 {
        if self.max_timestamp_so_far.timestamp >= 0 {
            self.max_timestamp_so_far.timestamp
        } else {
            self.last_modified_ms
        }
    }

    /// Whether a batch must go into a new segment (`LogSegment.shouldRoll`).
    pub(crate) fn should_roll(
        &self,
        config: &LogConfig,
        bytes: usize,
        max_timestamp: i64,
        last_offset: Offset,
        now: i64,
    ) -> bool {
        let waited_ms = match self.rolling_based_timestamp {
            Some(first) if first >= 0 => max_timestamp.saturating_sub(first),
            _ => now.saturating_sub(self.created_ms),
        };
        let size = self.size();
        let full = size + bytes > config.segment_bytes
            || waited_ms > config.segment_ms
            || self.offset_index.is_full()
            || self.time_index.is_full();
        (size > 0 && full) || !self.offset_index.can_append_offset(last_offset)
    }

    /// Appends one batch; `header` is what it will be after `patch`.
    pub(crate) fn append(
        &mut self,
        header: &BatchHeader,
        batch: Bytes,
        patch: impl FnOnce(&mut [u8]),
        config: &LogConfig,
        now: i64,
    ) {
        let position = self.size();
        let last_offset = header.last_offset();
        if position == 0 {
            self.rolling_based_timestamp = Some(header.max_timestamp);
        }
        if header.max_timestamp > self.max_timestamp_so_far.timestamp {
            self.max_timestamp_so_far =
                TimestampOffset { timestamp: header.max_timestamp, offset: last_offset };
        }
        if self.bytes_since_last_index_entry > config.index_interval_bytes {
            self.offset_index.append(last_offset, position);
            self.time_index.maybe_append(self.max_timestamp_so_far);
            self.bytes_since_last_index_entry = 0;
        }
        self.bytes_since_last_index_entry += batch.len();
        self.last_modified_ms = now;
        self.storage.append(batch, patch);
    }

    /// The last entry of the time index is written when the segment closes.
    pub(crate) fn on_become_inactive(&mut self) {
        self.time_index.maybe_append(self.max_timestamp_so_far);
    }

    /// Headers and positions from `position` on.
    fn headers_from(&self, position: usize) -> HeadersFrom<'_> {
        HeadersFrom { storage: &self.storage, chunk: &[], position }
    }

    /// Position of the first batch that ends at or after `offset`.
    fn translate_offset(&self, offset: Offset) -> Option<(usize, BatchHeader)> {
        self.headers_from(self.offset_index.lookup(offset).position)
            .find(|(_, header)| header.last_offset() >= offset)
    }

    /// Whole batches from the one that holds `from` on, and their upper bound, if it is not the end of the
    /// segment; `None` if the segment ends before it.
    pub(crate) fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        min_one_message: bool,
        upper: Offset,
    ) -> Option<(Vec<Bytes>, Option<Offset>)> {
        let (start, first) = self.translate_offset(from)?;
        let first_size = first.size_in_bytes();
        if first.base_offset >= upper || (first_size > max_bytes && !min_one_message) {
            return Some((Vec::new(), self.fetch_upper_bound_offset(start, 0)));
        }
        let limit = start.saturating_add(max_bytes.max(first_size));
        // The index leads close to the end; from there the batches say it exactly.
        let near = self
            .offset_index
            .lookup_position(limit)
            .position
            .min(self.offset_index.lookup(Offset(upper.0.saturating_sub(1))).position)
            .max(start);
        let end = self
            .headers_from(near)
            .take_while(|(position, header)| {
                header.base_offset < upper && position + header.size_in_bytes() <= limit
            })
            .last()
            .map_or(near, |(position, header)| position + header.size_in_bytes());
        Some((self.storage.read(start, end), self.fetch_upper_bound_offset(start, end - start)))
    }

    /// An offset that nothing of the `bytes` from `position` on lies at or above, as far as the index can
    /// tell without reading (`LogSegment.fetchUpperBoundOffset`).
    fn fetch_upper_bound_offset(&self, position: usize, bytes: usize) -> Option<Offset> {
        self.offset_index.upper_bound(position + bytes).map(|entry| entry.offset)
    }

    /// The batches that hold an offset from `from` on and begin below `to`.
    pub(crate) fn batches(&self, from: Offset, to: Offset) -> impl Iterator<Item = Batch> + '_ {
        self.headers(from, to).filter_map(|(position, header)| {
            let bytes = self.storage.read(position, position + header.size_in_bytes()).pop()?;
            Batch::parse_trusted(bytes).ok()
        })
    }

    /// Their positions and headers.
    pub(crate) fn headers(
        &self,
        from: Offset,
        to: Offset,
    ) -> impl Iterator<Item = (usize, BatchHeader)> + '_ {
        let start = self.translate_offset(from).map_or(self.size(), |(position, _)| position);
        self.headers_from(start).take_while(move |(_, header)| header.base_offset < to)
    }

    fn batch_at(&self, position: usize, header: &BatchHeader) -> Option<Batch> {
        Batch::parse_trusted(self.storage.read(position, position + header.size_in_bytes()).pop()?)
            .ok()
    }

    /// First record at or after `starting_offset` with a timestamp of at least `timestamp`.
    pub(crate) fn find_offset_by_timestamp(
        &self,
        timestamp: i64,
        starting_offset: Offset,
    ) -> Option<TimestampAndOffset> {
        let from = self.time_index.lookup(timestamp).offset.max(starting_offset);
        let position = self.offset_index.lookup(from).position;
        self.headers_from(position)
            .filter(|(_, header)| header.max_timestamp >= timestamp)
            .find_map(|(position, header)| {
                self.first_record(position, &header, |at, offset| {
                    at >= timestamp && offset >= starting_offset
                })
            })
    }

    /// The first record with the segment's largest timestamp.
    pub(crate) fn offset_of_max_timestamp(&self) -> Option<TimestampAndOffset> {
        let max = self.max_timestamp_so_far;
        let position = self.offset_index.lookup(max.offset).position;
        let (position, header) = self
            .headers_from(position)
            .find(|(_, header)| header.max_timestamp == max.timestamp)?;
        self.first_record(position, &header, |at, _| at == max.timestamp)
    }

    /// The first record of a batch that `wanted(timestamp, offset)` takes; none if it cannot be decoded.
    fn first_record(
        &self,
        position: usize,
        header: &BatchHeader,
        wanted: impl Fn(i64, Offset) -> bool,
    ) -> Option<TimestampAndOffset> {
        let payload = self.batch_at(position, header)?.payload().ok()?;
        let mut found = None;
        for_each_record(header, &payload, |record| {
            let (timestamp, offset) = (
                record_timestamp(header, record),
                header.base_offset.plus(i64::from(record.offset_delta)),
            );
            if found.is_none() && wanted(timestamp, offset) {
                found = Some(TimestampAndOffset {
                    timestamp,
                    offset,
                    leader_epoch: header.partition_leader_epoch,
                });
            }
        })
        .ok()?;
        found
    }

    /// Drops every batch that reaches to `offset` or beyond.
    pub(crate) fn truncate_to(&mut self, offset: Offset) {
        let Some((position, _)) = self.translate_offset(offset) else { return };
        self.storage.truncate_to(position);
        self.offset_index.truncate_to(offset);
        self.time_index.truncate_to(offset);
        self.txn_index.truncate_to(offset);
        if position == 0 {
            self.rolling_based_timestamp = None;
        }
        self.bytes_since_last_index_entry = 0;
        let mut max = TimestampOffset { timestamp: NO_TIMESTAMP, offset: self.base_offset };
        for (_, header) in self.headers_from(0) {
            if header.max_timestamp > max.timestamp {
                max = TimestampOffset {
                    timestamp: header.max_timestamp,
                    offset: header.last_offset(),
                };
            }
        }
        self.max_timestamp_so_far = max;
    }
}

/// Walks batch headers without copying.
struct HeadersFrom<'a> {
    storage: &'a SegmentStorage,
    /// What is left of the chunk at `position`.
    chunk: &'a [u8],
    position: usize,
}

impl Iterator for HeadersFrom<'_> {
    type Item = (usize, BatchHeader);

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.is_empty() {
            self.chunk = self.storage.slice_at(self.position);
        }
        // Only validated batches are stored, so this fails at the end only.
        let header = BatchHeader::read(self.chunk).ok()?;
        let position = self.position;
        self.position += header.size_in_bytes();
        self.chunk = self.chunk.get(header.size_in_bytes()..).unwrap_or_default();
        Some((position, header))
    }
}
