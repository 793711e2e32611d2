//! One partition's log (`UnifiedLog`, `LocalLog`).

use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{Batch, BatchHeader, LeaderEpoch, Offset, ProducerId, batches, patch};

use crate::config::LogConfig;
use crate::error::{AppendError, OffsetOutOfRange};

/// Who appends, and so how much is checked (`AppendOrigin`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendOrigin {
    /// A produce request: everything is checked.
    Client,
    /// A coordinator of this broker writing its own log or a transaction marker: no sequence numbers.
    Coordinator,
}

/// What an append did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppendInfo {
    /// Offset of the first record; of the first time, for a duplicate.
    pub first_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Ms, with `message.timestamp.type=LogAppendTime`, else -1.
    pub log_append_time: i64,
    /// First offset of the log.
    pub log_start_offset: Offset,
    /// An idempotent producer's batch that is in the log already: nothing was written.
    pub duplicate: bool,
    /// A new segment was begun for it.
    pub rolled: bool,
    /// Bytes appended.
    pub bytes: usize,
    /// Records appended.
    pub records: i64,
    /// Largest timestamp, in ms.
    pub max_timestamp: i64,
}

/// Bytes that a read found: whole batches in a row, shared with the log where it could be done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FetchData {
    /// The batches' bytes, in order.
    pub pieces: Vec<Bytes>,
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

/// A point that ListOffsets answers with (`FileRecords.TimestampAndOffset`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimestampAndOffset {
    /// Of the record, in ms.
    pub timestamp: i64,
    /// Of the record.
    pub offset: Offset,
    /// Of the record's batch.
    pub leader_epoch: LeaderEpoch,
}

/// A transaction that was aborted (`AbortedTxn`), for readers of committed records only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbortedTxn {
    /// Whose.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its abort marker.
    pub last_offset: Offset,
    /// Last stable offset when the marker was written.
    pub last_stable_offset: Offset,
}

/// What [`Log::maintain`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Maintenance {
    /// Base offsets of the segments deleted, oldest first.
    pub deleted_segments: Vec<Offset>,
    /// The log start offset, if it moved.
    pub new_log_start: Option<Offset>,
}

/// A segment, for views.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentView {
    /// First offset; also the name of its files in Kafka.
    pub base_offset: Offset,
    /// First offset of the next one.
    pub next_offset: Offset,
    /// Bytes of its batches.
    pub bytes: usize,
    /// Largest timestamp, in ms; -1 without records.
    pub max_timestamp: i64,
    /// Entries of the offset index.
    pub offset_index_entries: usize,
    /// Entries of the time index.
    pub time_index_entries: usize,
    /// Appends go here.
    pub active: bool,
}

/// One partition's log.
#[derive(Clone, Debug)]
pub struct Log {
    config: LogConfig,
    batches: Vec<Batch>,
    log_start_offset: Offset,
    log_end_offset: Offset,
    high_watermark: Offset,
}

impl Log {
    /// An empty log whose first record gets offset `base`.
    #[must_use]
    pub fn new(config: LogConfig, base: Offset) -> Self {
        Self {
            config,
            batches: Vec::new(),
            log_start_offset: base,
            log_end_offset: base,
            high_watermark: base,
        }
    }

    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes the configuration from now on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Appends a client's batches: validates, assigns offsets, keeps the bytes.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append_as_leader(
        &mut self,
        records: Bytes,
        leader_epoch: LeaderEpoch,
        now: i64,
    ) -> Result<AppendInfo, AppendError> {
        self.append(records, leader_epoch, AppendOrigin::Client, now)
    }

    /// Appends as leader for `origin`. `now` in ms.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append(
        &mut self,
        records: Bytes,
        leader_epoch: LeaderEpoch,
        _origin: AppendOrigin,
        _now: i64,
    ) -> Result<AppendInfo, AppendError> {
        let first_offset = self.log_end_offset;
        let mut info = AppendInfo {
            first_offset,
            last_offset: first_offset,
            log_append_time: -1,
            log_start_offset: self.log_start_offset,
            duplicate: false,
            rolled: false,
            bytes: records.len(),
            records: 0,
            max_timestamp: -1,
        };
        for batch in batches(&records) {
            let mut bytes = batch?.into_bytes().to_vec();
            patch(&mut bytes, self.log_end_offset, leader_epoch, None)?;
            let batch = Batch::parse_trusted(Bytes::from(bytes))?;
            info.records += i64::from(batch.header().records_count);
            info.last_offset = batch.last_offset();
            self.log_end_offset = batch.header().next_offset();
            self.batches.push(batch);
        }
        Ok(info)
    }

    /// Appends what a leader sent: offsets and epochs are taken as they are.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append_as_follower(&mut self, records: Bytes) -> Result<AppendInfo, AppendError> {
        self.append(records, LeaderEpoch(0), AppendOrigin::Coordinator, 0)
    }

    /// Cuts the log back so that `offset` is the next one; batches that reach over it go whole.
    pub fn truncate_to(&mut self, offset: Offset) {
        self.batches.retain(|batch| batch.last_offset() < offset);
        self.log_end_offset = self.log_end_offset.min(offset);
    }

    /// Whole batches from the one that holds `from` on, below `upper`, of at most `max_bytes`; with
    /// `min_one_message` the first batch even if it is larger.
    ///
    /// # Errors
    /// [`OffsetOutOfRange`] if `from` is below the log start or above the log end.
    pub fn read(
        &self,
        from: Offset,
        max_bytes: usize,
        min_one_message: bool,
        upper: Offset,
    ) -> Result<FetchData, OffsetOutOfRange> {
        if from < self.log_start_offset || from > self.log_end_offset {
            return Err(OffsetOutOfRange {
                requested: from,
                log_start_offset: self.log_start_offset,
                log_end_offset: self.log_end_offset,
            });
        }
        let mut out = FetchData::default();
        let mut size = 0;
        for batch in self.batches(from, upper) {
            size += batch.bytes().len();
            if size > max_bytes && !(out.pieces.is_empty() && min_one_message) {
                break;
            }
            out.pieces.push(batch.into_bytes());
        }
        Ok(out)
    }

    /// The batches that hold an offset from `from` on and start below `to`.
    pub fn batches(&self, from: Offset, to: Offset) -> impl Iterator<Item = Batch> + '_ {
        self.batches
            .iter()
            .filter(move |batch| batch.last_offset() >= from && batch.base_offset() < to)
            .cloned()
    }

    /// The headers of the same batches.
    pub fn headers(&self, from: Offset, to: Offset) -> impl Iterator<Item = BatchHeader> + '_ {
        self.batches(from, to).map(|batch| *batch.header())
    }

    /// First record whose timestamp is at least `timestamp`, in ms (ListOffsets).
    #[must_use]
    pub fn offset_for_timestamp(&self, _timestamp: i64) -> Option<TimestampAndOffset> {
        None
    }

    /// The record with the largest timestamp, the earliest of several (ListOffsets -3, KIP-734).
    #[must_use]
    pub fn max_timestamp(&self) -> Option<TimestampAndOffset> {
        None
    }

    /// First offset that can be read.
    #[must_use]
    pub const fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// Offset that the next record gets.
    #[must_use]
    pub const fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Offset below which everything is replicated; consumers read up to here.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Sets the high watermark, kept within log start and log end; returns it.
    pub fn set_high_watermark(&mut self, offset: Offset) -> Offset {
        self.high_watermark = offset.max(self.log_start_offset).min(self.log_end_offset);
        self.high_watermark
    }

    /// Offset below which every transaction is decided; readers of committed records read up to here.
    #[must_use]
    pub const fn last_stable_offset(&self) -> Offset {
        self.high_watermark
    }

    /// The aborted transactions that touch `from..to`.
    #[must_use]
    pub fn aborted_transactions(&self, _from: Offset, _to: Offset) -> Vec<AbortedTxn> {
        Vec::new()
    }

    /// The epoch of the last batch, if there is one.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.batches.last().map(|batch| batch.header().partition_leader_epoch)
    }

    /// Where `epoch` ends: the largest epoch not above it, and the offset after its last record
    /// (OffsetForLeaderEpoch, KIP-101).
    #[must_use]
    pub fn end_offset_for_epoch(&self, _epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        None
    }

    /// Bytes of all batches.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.batches.iter().map(|batch| batch.bytes().len()).sum()
    }

    /// The segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentView> {
        Vec::new()
    }

    /// Deletes what retention lets go and forgets silent producers. `now` in ms.
    pub fn maintain(&mut self, _now: i64) -> Maintenance {
        Maintenance::default()
    }

    /// Moves the log start to `offset` (DeleteRecords); segments wholly below it go at the next
    /// [`maintain`](Self::maintain). True if it moved.
    ///
    /// # Errors
    /// [`OffsetOutOfRange`] above the high watermark.
    pub fn increment_log_start_offset(&mut self, offset: Offset) -> Result<bool, OffsetOutOfRange> {
        if offset > self.high_watermark {
            return Err(OffsetOutOfRange {
                requested: offset,
                log_start_offset: self.log_start_offset,
                log_end_offset: self.log_end_offset,
            });
        }
        let moved = offset > self.log_start_offset;
        self.log_start_offset = self.log_start_offset.max(offset);
        Ok(moved)
    }
}
