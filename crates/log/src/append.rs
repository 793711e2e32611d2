//! Appends, as leader and as follower, and truncation (`UnifiedLog.append`).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use logbrook_planted::{Bug, planted};
use logbrook_record::{
    Batch, BatchHeader, EndTransactionMarker, LeaderEpoch, NO_TIMESTAMP, Offset, ProducerEpoch,
    ProducerId, TimestampType, batches, patch, patch_timestamps,
};

use crate::error::{AppendError, AppendErrorKind};
use crate::file_system::StorageError;
use crate::log::{AppendInfo, AppendOrigin, Log};
use crate::producer_state::{
    CheckRules, ProducerCheck, ProducerStateManager, check_epoch_is_current,
};
use crate::validator::{Placement, Validated, validate};
use crate::verification::{TransactionVersion, VerificationGuard};

/// How a leader appends.
#[derive(Clone, Copy, Debug)]
pub struct LeaderAppend {
    /// Its term.
    pub leader_epoch: LeaderEpoch,
    /// Who writes.
    pub origin: AppendOrigin,
    /// What [`Log::maybe_start_transaction_verification`] gave, if the coordinator has said since that
    /// the transaction is open; needed for the first batch of a transaction only.
    pub verification_guard: VerificationGuard,
    /// Of a transaction marker: how its epoch is checked.
    pub transaction_version: TransactionVersion,
    /// Ms.
    pub now: i64,
}

impl LeaderAppend {
    /// Without verification and transaction version.
    #[must_use]
    pub const fn new(leader_epoch: LeaderEpoch, origin: AppendOrigin, now: i64) -> Self {
        Self {
            leader_epoch,
            origin,
            verification_guard: VerificationGuard::SENTINEL,
            transaction_version: TransactionVersion::UNKNOWN,
            now,
        }
    }
}

impl Log {
    /// Appends the one batch of a client: validates it, assigns offsets, keeps the bytes. `now` in ms.
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

    /// Appends one batch as leader for `origin`. `now` in ms.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append(
        &mut self,
        records: Bytes,
        leader_epoch: LeaderEpoch,
        origin: AppendOrigin,
        now: i64,
    ) -> Result<AppendInfo, AppendError> {
        self.append_with(records, LeaderAppend::new(leader_epoch, origin, now))
    }

    /// Appends one batch as leader: data, also of a verified transaction, or a transaction marker.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append_with(
        &mut self,
        records: Bytes,
        append: LeaderAppend,
    ) -> Result<AppendInfo, AppendError> {
        let LeaderAppend { leader_epoch, origin, verification_guard, transaction_version, now } =
            append;
        let rules = CheckRules {
            origin,
            verification_guard,
            transaction_version,
            verification_enabled: self.config.transaction_verification_enable,
        };
        let place = Placement { base_offset: self.log_end_offset, leader_epoch, origin, now };
        let Validated { batch, header, timestamps_changed } =
            validate(records, &self.config, place)?;
        let size = batch.bytes().len();
        self.check_segment_size(size)?;
        let check = self.producer_state.check(&header, marker(&batch)?, rules)?;
        let log_append_time = match self.config.message_timestamp_type {
            TimestampType::LogAppendTime => now,
            TimestampType::CreateTime => NO_TIMESTAMP,
        };
        let mut info = AppendInfo {
            first_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time,
            log_start_offset: self.log_start_offset,
            duplicate: false,
            rolled: false,
            bytes: size,
            records: i64::from(header.records_count),
            max_timestamp: header.max_timestamp,
        };
        if let ProducerCheck::Duplicate(first_time) = check {
            info.first_offset = first_time.first_offset();
            info.last_offset = first_time.last_offset;
            info.log_append_time = first_time.timestamp;
            info.duplicate = true;
            info.bytes = 0;
            info.records = 0;
            return Ok(info);
        }
        info.rolled = self.maybe_roll(
            size,
            header.max_timestamp,
            header.base_offset,
            header.last_offset(),
            now,
        )?;
        let mut bytes = batch.into_bytes();
        // Neither patch can fail: the batch has its 61 bytes and its magic, or it would not be here.
        if timestamps_changed {
            let mut own = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            let kind = header.attributes.timestamp_type();
            let patched = patch_timestamps(&mut own, kind, header.max_timestamp);
            debug_assert!(patched.is_ok());
            bytes = own.freeze();
        }
        self.append_batch(&header, bytes, now, |front| {
            let patched = patch(front, header.base_offset, header.partition_leader_epoch, None);
            debug_assert!(patched.is_ok());
        })?;
        self.complete(&header, check)?;
        self.maybe_flush(now)?;
        Ok(info)
    }

    /// Appends what a leader sent, one or more batches: offsets and epochs are taken as they are.
    ///
    /// # Errors
    /// [`AppendError`]; the log is as it was.
    pub fn append_as_follower(
        &mut self,
        records: Bytes,
        now: i64,
    ) -> Result<AppendInfo, AppendError> {
        let batches: Vec<Batch> = batches(&records).collect::<Result<_, _>>()?;
        let mut next = self.log_end_offset;
        let mut producers: Option<ProducerStateManager> = None;
        let mut checks = Vec::with_capacity(batches.len());
        for (index, batch) in batches.iter().enumerate() {
            let header = batch.header();
            if header.base_offset < next || header.last_offset() < header.base_offset {
                return Err(unexpected_offset(index, header, next, self.log_start_offset));
            }
            next = header.next_offset();
            self.check_segment_size(batch.bytes().len())?;
            let check = producers.as_ref().unwrap_or(&self.producer_state).check(
                header,
                marker(batch)?,
                CheckRules::REPLICATION,
            )?;
            if check != ProducerCheck::None {
                // Later batches are checked against what earlier ones leave behind.
                let ids = || batches.iter().map(|batch| batch.header().producer_id);
                let earlier = || self.producer_state.only(ids());
                producers.get_or_insert_with(earlier).apply(header, check);
            }
            checks.push(check);
        }
        let mut info = AppendInfo {
            first_offset: batches.first().map_or(self.log_end_offset, Batch::base_offset),
            last_offset: batches.last().map_or(self.log_end_offset.plus(-1), Batch::last_offset),
            log_append_time: NO_TIMESTAMP,
            log_start_offset: self.log_start_offset,
            duplicate: false,
            rolled: false,
            bytes: 0,
            records: 0,
            max_timestamp: NO_TIMESTAMP,
        };
        for (batch, check) in batches.into_iter().zip(checks) {
            let header = *batch.header();
            let size = batch.bytes().len();
            info.bytes += size;
            info.records += i64::from(header.records_count);
            info.max_timestamp = info.max_timestamp.max(header.max_timestamp);
            info.rolled |= self.maybe_roll(
                size,
                header.max_timestamp,
                header.base_offset,
                header.last_offset(),
                now,
            )?;
            self.append_batch(&header, batch.into_bytes(), now, |_| {})?;
            self.complete(&header, check)?;
        }
        self.maybe_flush(now)?;
        Ok(info)
    }

    /// Begins to verify with the coordinator that a producer's transaction is open, unless its first
    /// batch is in the log: then nothing needs to be verified, and the answer is
    /// [`VerificationGuard::SENTINEL`]. `sequence` and `epoch` are those of the batch that waits;
    /// `supports_epoch_bump` says that the producer speaks transactions v2. `now` in ms.
    ///
    /// # Errors
    /// [`AppendErrorKind::InvalidProducerEpoch`] for an epoch below the last.
    pub fn maybe_start_transaction_verification(
        &mut self,
        producer_id: ProducerId,
        sequence: i32,
        epoch: ProducerEpoch,
        supports_epoch_bump: bool,
        now: i64,
    ) -> Result<VerificationGuard, AppendError> {
        if let Some(entry) = self.producer_state.last_entry(producer_id) {
            check_epoch_is_current(entry, producer_id, epoch)?;
        }
        if self.producer_state.has_ongoing_transaction(producer_id, epoch) {
            return Ok(VerificationGuard::SENTINEL);
        }
        Ok(self.producer_state.maybe_create_verification_state_entry(
            producer_id,
            sequence,
            epoch,
            supports_epoch_bump,
            now,
        ))
    }

    /// This replica leads from now on in this term: it begins at the log end, whether records come or not
    /// (`UnifiedLog.assignEpochStartOffset`, called by `Partition.makeLeader`). A failure is noted, and
    /// told by the next append or read.
    pub fn begin_leader_epoch(&mut self, epoch: LeaderEpoch) {
        if self.leader_epochs.assign(epoch, self.log_end_offset) {
            let _ = self.write_leader_epochs();
        }
    }

    fn check_segment_size(&self, bytes: usize) -> Result<(), AppendError> {
        if bytes <= self.config.segment_bytes {
            return Ok(());
        }
        Err(AppendError::new(
            AppendErrorKind::RecordBatchTooLarge,
            format!(
                "Message batch size is {bytes} bytes in append to partition {{tp}}, which exceeds the maximum configured segment size of {}.",
                self.config.segment_bytes
            ),
        ))
    }

    fn maybe_roll(
        &mut self,
        bytes: usize,
        max_timestamp: i64,
        first: Offset,
        last: Offset,
        now: i64,
    ) -> Result<bool, StorageError> {
        self.check_storage()?;
        let roll = self
            .segments
            .last()
            .is_none_or(|active| active.should_roll(&self.config, bytes, max_timestamp, last, now));
        if roll {
            self.roll(first, now)?;
        }
        Ok(roll)
    }

    /// Closes the active segment, if it has anything, and begins a new one at the log end
    /// (`UnifiedLog.roll`). `now` in ms.
    ///
    /// # Errors
    /// The file system's; the log has failed then.
    pub fn roll_active_segment(&mut self, now: i64) -> Result<(), StorageError> {
        self.check_storage()?;
        self.roll(self.log_end_offset, now)
    }

    /// Closes the active segment and begins one at `base_offset`.
    pub(crate) fn roll(&mut self, base_offset: Offset, now: i64) -> Result<(), StorageError> {
        let mut closed = Ok(());
        // An empty segment is replaced: two of the same base offset cannot be.
        if let Some(active) = self.segments.pop_if(|active| active.size() == 0) {
            if active.base_offset != base_offset {
                closed = self.delete_segment_files(&[active.base_offset], now);
            }
        } else if let Some(active) = self.segments.last_mut() {
            closed = Arc::make_mut(active).on_become_inactive();
            self.write_back.flush(base_offset);
        }
        self.noted(closed)?;
        self.take_producer_snapshot()?;
        let segment = self.new_segment(base_offset, now)?;
        self.segments.push(Arc::new(segment));
        Ok(())
    }

    fn append_batch(
        &mut self,
        header: &BatchHeader,
        bytes: Bytes,
        now: i64,
        patch: impl FnOnce(&mut [u8]),
    ) -> Result<(), StorageError> {
        if self.leader_epochs.assign(header.partition_leader_epoch, header.base_offset) {
            self.write_leader_epochs()?;
        }
        if let Some(active) = self.segments.last_mut() {
            // A fork shares the segment until one of both writes.
            let appended = Arc::make_mut(active).append(header, bytes, patch, &self.config, now);
            self.noted(appended)?;
        }
        self.log_end_offset = header.next_offset();
        Ok(())
    }

    fn complete(&mut self, header: &BatchHeader, check: ProducerCheck) -> Result<(), StorageError> {
        if let Some(txn) = self.producer_state.apply(header, check)
            && txn.aborted
            && let Some(active) = self.segments.last_mut()
        {
            let indexed = Arc::make_mut(active).append_aborted_txn(txn.into());
            self.noted(indexed)?;
        }
        Ok(())
    }

    /// `flush.messages`.
    fn maybe_flush(&mut self, now: i64) -> Result<(), StorageError> {
        let flushed = match self.files {
            Some(_) => self.recovery_point(),
            None => {
                self.write_back.wrote(self.log_end_offset, now);
                self.write_back.flushed()
            }
        };
        let unflushed = self.log_end_offset.0.saturating_sub(flushed.0);
        if unflushed >= self.config.flush_messages { self.flush(now) } else { Ok(()) }
    }

    /// Cuts the log back so that `offset` is the next one; a batch that reaches over it goes whole. True
    /// if anything was cut (a follower that learns that its leader has another history, KIP-101). `now` in
    /// ms.
    pub fn truncate_to(&mut self, offset: Offset, now: i64) -> bool {
        if offset >= self.log_end_offset {
            // A term that began here and wrote nothing before another leader was elected (KAFKA-8069).
            self.leader_epochs.truncate_from_end(self.log_end_offset);
            // A failure is noted, and told by the next append or read.
            let _ = self.write_leader_epochs();
            return false;
        }
        if offset < self.log_start_offset {
            self.truncate_fully_and_start_at(offset, now);
            return true;
        }
        // A failure is noted, and told by the next append or read.
        let _ = self.cut(offset, now);
        true
    }

    fn cut(&mut self, offset: Offset, now: i64) -> Result<(), StorageError> {
        let mut deleted = Vec::new();
        while self.segments.len() > 1
            && let Some(segment) = self.segments.pop_if(|segment| segment.base_offset >= offset)
        {
            deleted.push(segment.base_offset);
        }
        if let Some(active) = self.segments.last_mut() {
            let active = Arc::make_mut(active);
            let cut = active.truncate_to(offset).and_then(|()| active.open_indexes(&self.config));
            self.noted(cut)?;
        }
        self.log_end_offset = offset;
        self.high_watermark = self.high_watermark.min(offset);
        self.cleaner_checkpoint = self.cleaner_checkpoint.map(|at| at.min(offset));
        self.write_back.cut(offset);
        self.leader_epochs.truncate_from_end(offset);
        self.truncate_snapshots(offset)?;
        self.delete_segment_files(&deleted, now)?;
        self.write_leader_epochs()?;
        self.with_files(|_, files| {
            files.recovery_point = files.recovery_point.min(offset);
            Ok(())
        })?;
        self.rebuild_producer_state();
        Ok(())
    }

    /// Drops everything; the next record gets `offset`. `now` in ms.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset, now: i64) {
        let files = self.files.take();
        let deleted: Vec<Offset> =
            self.segments.iter().map(|segment| segment.base_offset).collect();
        *self = Self::new(self.config.clone(), offset);
        if let Some(files) = files {
            self.files = Some(files);
            // A failure is noted, and told by the next append or read.
            let _ = self.restart_files(&deleted, now);
        }
    }

    fn restart_files(&mut self, deleted: &[Offset], now: i64) -> Result<(), StorageError> {
        let offset = self.log_end_offset;
        self.delete_segment_files(deleted, now)?;
        self.truncate_snapshots(Offset(-1))?;
        self.with_files(|_, files| {
            files.recovery_point = offset;
            Ok(())
        })?;
        let segment = self.new_segment(offset, now)?;
        self.segments = Vec::from([Arc::new(segment)]);
        self.write_leader_epochs()
    }

    /// The process that had the log open is gone, and another one opens it: what was known of producers is
    /// read again from the records, and the high watermark is where it was noted last.
    pub fn reload(&mut self, high_watermark: Offset) {
        self.high_watermark = high_watermark.max(self.log_start_offset).min(self.log_end_offset);
        self.rebuild_producer_state();
    }

    fn rebuild_producer_state(&mut self) {
        // The transaction indexes were cut with their segments; what is read again is in them.
        self.producer_state.clear();
        if planted(Bug::ForgetProducerSnapshot) {
            return;
        }
        self.replay_producers(self.log_start_offset, self.log_end_offset);
        self.producer_state.on_high_watermark_updated(self.high_watermark);
    }

    /// Takes in the producers of what lies in `from..to` already. Of data only the headers are read.
    pub(crate) fn replay_producers(&mut self, from: Offset, to: Offset) {
        let mut state = core::mem::take(&mut self.producer_state);
        for segment in &self.segments[self.floor_segment(from)..] {
            for (position, header) in segment.headers(from, to) {
                if !header.has_producer_id() {
                    continue;
                }
                let control = header.attributes.is_control();
                let batch = control.then(|| segment.batch_at(position, &header)).flatten();
                let marker = batch.and_then(|batch| marker(&batch).ok()).flatten();
                if let Ok(check) = state.check(&header, marker, CheckRules::REPLICATION) {
                    state.apply(&header, check);
                }
            }
        }
        self.producer_state = state;
    }
}

pub(crate) fn marker(batch: &Batch) -> Result<Option<(EndTransactionMarker, i64)>, AppendError> {
    if batch.header().attributes.is_control() {
        Ok(EndTransactionMarker::read(batch)?)
    } else {
        Ok(None)
    }
}

fn unexpected_offset(
    index: usize,
    header: &BatchHeader,
    next: Offset,
    log_start_offset: Offset,
) -> AppendError {
    if index > 0 {
        return AppendError::new(
            AppendErrorKind::OffsetsOutOfOrder,
            format!(
                "Out of order offsets found in append to {{tp}}: {} after {next}",
                header.base_offset
            ),
        );
    }
    AppendError::new(
        AppendErrorKind::UnexpectedAppendOffset,
        format!(
            "Unexpected offset in append to {{tp}}. First offset {} is less than the next offset {next}. Log start offset = {log_start_offset}",
            header.base_offset
        ),
    )
}
