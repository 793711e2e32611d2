//! One segment: its bytes, its indexes, and when to close it (`LogSegment`).

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchHeader, NO_TIMESTAMP, Offset, for_each_record, record_timestamp,
};

use crate::config::LogConfig;
use crate::file_system::{File, LogFolder, StorageError, segment_file_name};
use crate::log::TimestampAndOffset;
use crate::offset_index::OffsetIndex;
use crate::storage::{FileBytes, HeadersFrom, MemoryBytes, SegmentStorage};
use crate::time_index::{TimeIndex, TimestampOffset};
use crate::transaction_index::{AbortedTxn, TransactionIndex};

/// `.log`, and the three indexes beside it.
pub(crate) const LOG_SUFFIX: &str = ".log";
pub(crate) const INDEX_SUFFIX: &str = ".index";
pub(crate) const TIME_INDEX_SUFFIX: &str = ".timeindex";
pub(crate) const TXN_INDEX_SUFFIX: &str = ".txnindex";

/// The bytes of whole batches, and an offset that they end below, where the index tells one.
pub(crate) type Found = (Vec<Bytes>, Option<Offset>);

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: Offset,
    pub(crate) storage: SegmentStorage,
    pub(crate) offset_index: OffsetIndex,
    pub(crate) time_index: TimeIndex,
    pub(crate) txn_index: TransactionIndex,
    /// Where the transaction index is, if in a file.
    pub(crate) txn_file: Option<Arc<dyn File>>,
    /// Largest timestamp, and the last offset of the first batch that has it.
    pub(crate) max_timestamp_so_far: TimestampOffset,
    /// Timestamp of the first batch, which `segment.ms` counts from.
    pub(crate) rolling_based_timestamp: Option<i64>,
    pub(crate) bytes_since_last_index_entry: usize,
    /// How much earlier than `segment.ms` it may be closed.
    roll_jitter_ms: i64,
    created_ms: i64,
    pub(crate) last_modified_ms: i64,
}

/// Below `segment.jitter.ms` and `segment.ms`. Kafka draws it; here it is made of what the segment is, so that
/// the same log rolls in the same way each time.
fn roll_jitter_ms(base_offset: Offset, config: &LogConfig, now: i64) -> i64 {
    let bound = config.segment_jitter_ms.min(config.segment_ms);
    if bound <= 0 {
        return 0;
    }
    // A step of SplitMix64.
    let mut mixed =
        (base_offset.0 as u64).wrapping_add(now as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ mixed >> 31) >> 1) as i64 % bound
}

impl Segment {
    /// An empty one, in memory.
    pub(crate) fn new(base_offset: Offset, config: &LogConfig, now: i64) -> Self {
        let index_bytes = config.segment_index_bytes;
        Self {
            base_offset,
            storage: SegmentStorage::Memory(MemoryBytes::default()),
            offset_index: OffsetIndex::new(base_offset, index_bytes, None),
            time_index: TimeIndex::new(base_offset, index_bytes, None),
            txn_index: TransactionIndex::default(),
            txn_file: None,
            max_timestamp_so_far: TimestampOffset { timestamp: NO_TIMESTAMP, offset: base_offset },
            rolling_based_timestamp: None,
            bytes_since_last_index_entry: 0,
            roll_jitter_ms: roll_jitter_ms(base_offset, config, now),
            created_ms: now,
            last_modified_ms: now,
        }
    }

    /// One in the files of `folder`, which are taken as they are: of `size` bytes, without index entries.
    pub(crate) fn in_files(
        folder: &LogFolder,
        base_offset: Offset,
        size: usize,
        config: &LogConfig,
        now: i64,
    ) -> Self {
        let file = |suffix| folder.file(&segment_file_name(base_offset, suffix));
        let index_bytes = config.segment_index_bytes;
        Self {
            storage: SegmentStorage::File(FileBytes { file: file(LOG_SUFFIX), size }),
            offset_index: OffsetIndex::new(base_offset, index_bytes, Some(file(INDEX_SUFFIX))),
            time_index: TimeIndex::new(base_offset, index_bytes, Some(file(TIME_INDEX_SUFFIX))),
            txn_file: Some(file(TXN_INDEX_SUFFIX)),
            ..Self::new(base_offset, config, now)
        }
    }

    /// An empty one in new files; what has their names goes.
    pub(crate) fn create(
        folder: &LogFolder,
        base_offset: Offset,
        config: &LogConfig,
        now: i64,
    ) -> Result<Self, StorageError> {
        folder.remove(&segment_file_name(base_offset, TXN_INDEX_SUFFIX))?;
        let mut segment = Self::in_files(folder, base_offset, 0, config, now);
        segment.storage.truncate_to(0)?;
        segment.open_indexes(config)?;
        Ok(segment)
    }

    /// The indexes become as large as they may be, as the active segment's are.
    pub(crate) fn open_indexes(&mut self, config: &LogConfig) -> Result<(), StorageError> {
        self.offset_index.entries.preallocate(config.segment_index_bytes)?;
        self.time_index.entries.preallocate(config.segment_index_bytes)
    }

    /// Everything written is safe from a loss of power when this returns.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.storage.sync()?;
        self.offset_index.entries.sync()?;
        self.time_index.entries.sync()?;
        match &self.txn_file {
            Some(file) if !self.txn_index.entries().is_empty() => file.sync(),
            _no_entries => Ok(()),
        }
    }

    pub(crate) fn append_aborted_txn(&mut self, txn: AbortedTxn) -> Result<(), StorageError> {
        let count = self.txn_index.entries().len();
        self.txn_index.append(txn);
        match &self.txn_file {
            Some(file) if self.txn_index.entries().len() > count => {
                file.write_at(count * AbortedTxn::SIZE_BYTES, &[&txn.encode()])
            }
            _in_memory => Ok(()),
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
            || waited_ms > config.segment_ms.saturating_sub(self.roll_jitter_ms)
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
    ) -> Result<(), StorageError> {
        let position = self.size();
        let length = batch.len();
        self.storage.append(batch, patch)?;
        let last_offset = header.last_offset();
        if position == 0 {
            self.rolling_based_timestamp = Some(header.max_timestamp);
        }
        if header.max_timestamp > self.max_timestamp_so_far.timestamp {
            self.max_timestamp_so_far =
                TimestampOffset { timestamp: header.max_timestamp, offset: last_offset };
        }
        if self.bytes_since_last_index_entry > config.index_interval_bytes {
            self.offset_index.append(last_offset, position)?;
            self.time_index.maybe_append(self.max_timestamp_so_far)?;
            self.bytes_since_last_index_entry = 0;
        }
        self.bytes_since_last_index_entry += length;
        self.last_modified_ms = now;
        Ok(())
    }

    /// The last entry of the time index is written when the segment closes, and the index files are cut to
    /// what they hold.
    pub(crate) fn on_become_inactive(&mut self) -> Result<(), StorageError> {
        self.trim_indexes()?;
        self.offset_index.entries.forget_recent();
        self.time_index.entries.forget_recent();
        Ok(())
    }

    pub(crate) fn trim_indexes(&mut self) -> Result<(), StorageError> {
        self.time_index.maybe_append(self.max_timestamp_so_far)?;
        self.offset_index.entries.trim()?;
        self.time_index.entries.trim()
    }

    /// Headers and positions from `position` on.
    pub(crate) fn headers_from(&self, position: usize) -> HeadersFrom<'_> {
        self.storage.headers_from(position)
    }

    /// Position of the first batch that ends at or after `offset`.
    fn translate_offset(&self, offset: Offset) -> Option<(usize, BatchHeader)> {
        self.headers_from(self.offset_index.lookup(offset).position)
            .find(|(_, header)| header.last_offset() >= offset)
    }

    /// Bytes from the batch that holds `from` on, and their upper bound, if it is not the end of the
    /// segment; `None` if the segment ends before it.
    pub(crate) fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        min_one_message: bool,
        upper: Offset,
    ) -> Result<Option<Found>, StorageError> {
        let Some((start, first)) = self.translate_offset(from) else { return Ok(None) };
        let first_size = first.size_in_bytes();
        if first.base_offset >= upper || (first_size > max_bytes && !min_one_message) {
            return Ok(Some((Vec::new(), self.fetch_upper_bound_offset(start, 0))));
        }
        let limit = start.saturating_add(max_bytes.max(first_size));
        let end = limit.min(self.position_of(upper));
        let pieces = self.storage.read(start, end)?;
        Ok(Some((pieces, self.fetch_upper_bound_offset(start, end - start))))
    }

    /// Where the batches end that begin below `upper`.
    fn position_of(&self, upper: Offset) -> usize {
        if upper == Offset(i64::MAX) {
            return self.size();
        }
        match self.translate_offset(upper) {
            Some((position, header)) if header.base_offset < upper => {
                position + header.size_in_bytes()
            }
            Some((position, _)) => position,
            None => self.size(),
        }
    }

    /// An offset that nothing of the `bytes` from `position` on lies at or above, as far as the index can
    /// tell without reading (`LogSegment.fetchUpperBoundOffset`).
    fn fetch_upper_bound_offset(&self, position: usize, bytes: usize) -> Option<Offset> {
        self.offset_index.upper_bound(position + bytes).map(|entry| entry.offset)
    }

    /// The timestamp of its first batch, in ms; none for a segment without (`getFirstBatchTimestamp`).
    pub(crate) fn first_batch_timestamp(&self) -> Option<i64> {
        self.rolling_based_timestamp
            .or_else(|| self.headers_from(0).next().map(|(_, header)| header.max_timestamp))
            .filter(|timestamp| *timestamp >= 0)
    }

    /// The offset after its last batch, found from the last index entry on (`readNextOffset`).
    pub(crate) fn read_next_offset(&self) -> Offset {
        let position = self.offset_index.lookup(Offset(i64::MAX)).position;
        self.headers_from(position)
            .last()
            .map_or(self.base_offset, |(_, header)| header.next_offset())
    }

    /// The batches that hold an offset from `from` on and begin below `to`.
    pub(crate) fn batches(&self, from: Offset, to: Offset) -> impl Iterator<Item = Batch> + '_ {
        self.headers(from, to).filter_map(|(position, header)| self.batch_at(position, &header))
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

    pub(crate) fn batch_at(&self, position: usize, header: &BatchHeader) -> Option<Batch> {
        let end = position.saturating_add(header.size_in_bytes());
        Batch::parse_trusted(self.storage.read(position, end).ok()?.pop()?).ok()
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
    pub(crate) fn truncate_to(&mut self, offset: Offset) -> Result<(), StorageError> {
        let Some((position, _)) = self.translate_offset(offset) else { return Ok(()) };
        self.storage.truncate_to(position)?;
        self.offset_index.truncate_to(offset);
        self.time_index.truncate_to(offset);
        self.txn_index.truncate_to(offset);
        if let Some(file) = &self.txn_file
            && file.size()? > 0
        {
            file.set_size(self.txn_index.entries().len() * AbortedTxn::SIZE_BYTES)?;
        }
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
        Ok(())
    }
}
