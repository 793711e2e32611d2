//! A log in files: what is written beside the batches, what is flushed, and what is deleted later
//! (`UnifiedLog`, `LocalLog`).
//!
//! The first call into the file system that fails is the last: the log answers with that error from then
//! on, because what it has in memory and what is in the files may differ (`LogDirFailureChannel`).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use logbrook_record::Offset;

use crate::checkpoint_file::{LEADER_EPOCH_CHECKPOINT, write_epochs};
use crate::config::LogConfig;
use crate::file_system::{LogFolder, StorageError, segment_file_name};
use crate::log::Log;
use crate::segment::{INDEX_SUFFIX, LOG_SUFFIX, Segment, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX};

/// Producer state at an offset, which its name says.
pub(crate) const SNAPSHOT_SUFFIX: &str = ".snapshot";
/// To be removed after `file.delete.delay.ms`.
pub(crate) const DELETED_SUFFIX: &str = ".deleted";

/// The files of a log.
#[derive(Clone, Debug)]
pub(crate) struct LogFiles {
    pub(crate) folder: LogFolder,
    /// Everything below is flushed.
    pub(crate) recovery_point: Offset,
    /// Ms.
    pub(crate) last_flush_ms: i64,
    /// Offsets of the producer snapshots, rising.
    pub(crate) snapshots: Vec<Offset>,
    /// Names of files, and when they may go, in ms.
    deleted: Vec<(i64, String)>,
    failure: Option<StorageError>,
}

impl LogFiles {
    pub(crate) fn new(folder: LogFolder, recovery_point: Offset, now: i64) -> Self {
        Self {
            folder,
            recovery_point,
            last_flush_ms: now,
            snapshots: Vec::new(),
            deleted: Vec::new(),
            failure: None,
        }
    }

    /// Renames the files of a segment, which keeps them for those who read them just now.
    pub(crate) fn delete_segment(
        &mut self,
        base_offset: Offset,
        due_ms: i64,
    ) -> Result<(), StorageError> {
        // A segment that a crash has left may lack its indexes, and few have one of transactions.
        let there = self.folder.list()?;
        for suffix in [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX] {
            let name = segment_file_name(base_offset, suffix);
            if there.contains(&name) {
                self.delete_later(&name, due_ms)?;
            }
        }
        Ok(())
    }

    pub(crate) fn delete_later(&mut self, name: &str, due_ms: i64) -> Result<(), StorageError> {
        let deleted = format!("{name}{DELETED_SUFFIX}");
        self.folder.rename(name, &deleted)?;
        self.deleted.push((due_ms, deleted));
        Ok(())
    }

    /// Removes what was renamed long enough ago.
    fn purge(&mut self, now: i64) -> Result<(), StorageError> {
        let (due, kept) =
            core::mem::take(&mut self.deleted).into_iter().partition(|(at, _)| *at <= now);
        self.deleted = kept;
        let due: Vec<(i64, String)> = due;
        due.iter().try_for_each(|(_, name)| self.folder.remove(name))
    }
}

impl Log {
    /// A log whose files cannot be opened: it answers everything with the reason.
    #[must_use]
    pub fn offline(folder: LogFolder, config: LogConfig, reason: StorageError) -> Self {
        let mut log = Self::new(config, Offset(0));
        let mut files = LogFiles::new(folder, Offset(0), 0);
        files.failure = Some(reason);
        log.set_files(files);
        log
    }

    /// First offset of the oldest segment, whose name it is.
    #[must_use]
    pub fn first_segment_offset(&self) -> Offset {
        self.segments.first().map_or(self.log_start_offset, |segment| segment.base_offset)
    }

    /// Why the log does not work any more, if so: it has failed, or the folder that all logs are in.
    #[must_use]
    pub fn storage_failure(&self) -> Option<StorageError> {
        let files = self.files.as_ref()?;
        files.failure.clone().or_else(|| files.folder.files().failure())
    }

    /// Everything below is safe from a loss of power; the log end for a log in memory, which has nothing
    /// more to lose.
    #[must_use]
    pub fn recovery_point(&self) -> Offset {
        self.files.as_ref().map_or(self.log_end_offset, |files| files.recovery_point)
    }

    /// Refuses if the log has failed before.
    pub(crate) fn check_storage(&self) -> Result<(), StorageError> {
        self.storage_failure().map_or(Ok(()), Err)
    }

    /// Runs `action` on the files, if there are any. Its error is the log's end.
    pub(crate) fn with_files<T: Default>(
        &mut self,
        action: impl FnOnce(&mut Self, &mut LogFiles) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let Some(mut files) = self.files.take() else { return Ok(T::default()) };
        let result = match &files.failure {
            Some(failure) => Err(failure.clone()),
            None => action(self, &mut files),
        };
        self.files = Some(files);
        self.noted(result)
    }

    /// Notes a failure.
    pub(crate) fn noted<T>(&mut self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if let (Err(error), Some(files)) = (&result, &mut self.files)
            && files.failure.is_none()
        {
            files.failure = Some(error.clone());
        }
        result
    }

    /// A new segment, where this log keeps them.
    pub(crate) fn new_segment(
        &mut self,
        base_offset: Offset,
        now: i64,
    ) -> Result<Segment, StorageError> {
        let Some(files) = &self.files else {
            return Ok(Segment::new(base_offset, &self.config, now));
        };
        let segment = Segment::create(&files.folder, base_offset, &self.config, now);
        self.noted(segment)
    }

    pub(crate) fn write_leader_epochs(&mut self) -> Result<(), StorageError> {
        self.with_files(|log, files| {
            let text = write_epochs(log.leader_epochs.entries());
            // Flushed with the log: recovery finds the epochs of what was not.
            files.folder.write_unflushed(LEADER_EPOCH_CHECKPOINT, text.as_bytes())
        })
    }

    /// Writes what is known of the producers at the log end, unless that is written already
    /// (`ProducerStateManager.takeSnapshot`).
    pub(crate) fn take_producer_snapshot(&mut self) -> Result<(), StorageError> {
        self.with_files(|log, files| {
            let at = log.log_end_offset;
            if files.snapshots.last().is_some_and(|last| *last >= at) || at == Offset(0) {
                return Ok(());
            }
            let file = files.folder.file(&segment_file_name(at, SNAPSHOT_SUFFIX));
            file.set_size(0)?;
            file.write_at(0, &[&log.producer_state.encode_snapshot()])?;
            files.snapshots.push(at);
            Ok(())
        })
    }

    /// Deletes the files of segments that are no longer in the list, and the snapshots that nobody needs
    /// without them (`deleteProducerSnapshots`).
    pub(crate) fn delete_segment_files(
        &mut self,
        deleted: &[Offset],
        now: i64,
    ) -> Result<(), StorageError> {
        let due_ms = now.saturating_add(self.config.file_delete_delay_ms);
        self.with_files(|_, files| {
            for base_offset in deleted {
                files.delete_segment(*base_offset, due_ms)?;
                if let Some(index) = files.snapshots.iter().position(|at| at == base_offset) {
                    files.snapshots.remove(index);
                    files
                        .delete_later(&segment_file_name(*base_offset, SNAPSHOT_SUFFIX), due_ms)?;
                }
            }
            Ok(())
        })
    }

    /// Drops the snapshots above `offset`.
    pub(crate) fn truncate_snapshots(&mut self, offset: Offset) -> Result<(), StorageError> {
        self.with_files(|_, files| {
            let kept = files.snapshots.partition_point(|at| *at <= offset);
            files
                .snapshots
                .drain(kept..)
                .try_for_each(|at| files.folder.remove(&segment_file_name(at, SNAPSHOT_SUFFIX)))
        })
    }

    /// Whether [`flush`](Self::flush) is due by `flush.messages` or `flush.ms`. `now` in ms.
    #[must_use]
    pub fn flush_due(&self, now: i64) -> bool {
        let Some(files) = &self.files else { return false };
        let unflushed = self.log_end_offset.0.saturating_sub(files.recovery_point.0);
        files.failure.is_none()
            && unflushed > 0
            && (unflushed >= self.config.flush_messages
                || now.saturating_sub(files.last_flush_ms) >= self.config.flush_ms)
    }

    /// Makes everything below the log end safe from a loss of power. `now` in ms.
    ///
    /// # Errors
    /// The system's; the log has failed then.
    pub fn flush(&mut self, now: i64) -> Result<(), StorageError> {
        self.flush_to(self.log_end_offset, now)
    }

    /// The same for the segments that are closed: Kafka does it when it closes one.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn flush_closed_segments(&mut self, now: i64) -> Result<(), StorageError> {
        let active = self.segments.last().map_or(self.log_end_offset, |active| active.base_offset);
        self.flush_to(active, now)
    }

    fn flush_to(&mut self, offset: Offset, now: i64) -> Result<(), StorageError> {
        self.write_back.flush(offset);
        self.with_files(|log, files| {
            files.last_flush_ms = now;
            if offset <= files.recovery_point {
                return Ok(());
            }
            let from = log.segments.partition_point(|s| s.base_offset <= files.recovery_point);
            for segment in &log.segments[from.saturating_sub(1)..] {
                if segment.base_offset < offset {
                    segment.sync()?;
                }
            }
            for at in files.snapshots.iter().filter(|at| **at > files.recovery_point) {
                files.folder.file(&segment_file_name(*at, SNAPSHOT_SUFFIX)).sync()?;
            }
            files.folder.file(LEADER_EPOCH_CHECKPOINT).sync()?;
            files.folder.sync()?;
            files.recovery_point = offset;
            Ok(())
        })
    }

    /// Removes the files of deleted segments whose time has come. `now` in ms.
    ///
    /// # Errors
    /// The system's; the log has failed then.
    pub fn purge_deleted_files(&mut self, now: i64) -> Result<(), StorageError> {
        self.with_files(|_, files| files.purge(now))
    }

    /// Whether time alone will bring something to do: deleted files to remove, or a flush by `flush.ms`.
    #[must_use]
    pub fn has_pending_work(&self) -> bool {
        self.files.as_ref().is_some_and(|files| {
            let unflushed = files.recovery_point < self.log_end_offset;
            !files.deleted.is_empty() || (unflushed && self.config.flush_ms < i64::MAX)
        })
    }

    /// Flushes, trims the indexes and writes the producers, so that the next start has nothing to recover
    /// (`UnifiedLog.close`). `now` in ms.
    ///
    /// # Errors
    /// The system's; the log has failed then.
    pub fn close(&mut self, now: i64) -> Result<(), StorageError> {
        self.with_files(|log, _| match log.segments.last_mut() {
            Some(active) => Arc::make_mut(active).trim_indexes(),
            None => Ok(()),
        })?;
        self.take_producer_snapshot()?;
        self.flush(now)
    }

    /// Puts a log into files.
    pub(crate) fn set_files(&mut self, files: LogFiles) {
        self.files = Some(Box::new(files));
    }
}
