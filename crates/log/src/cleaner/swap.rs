//! A cleaned segment takes the place of those that it was made of (`LocalLog.replaceSegments`).
//!
//! In files it is written as `.cleaned`, renamed to `.swap` when it is whole, and renamed to its own name
//! when the old ones are out of the way. A start after a crash removes the first sort and finishes the
//! second (`log_loader.rs`).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use logbrook_record::Offset;

use crate::config::LogConfig;
use crate::file_system::{LogFolder, StorageError, segment_file_name};
use crate::log::Log;
use crate::log_files::SNAPSHOT_SUFFIX;
use crate::log_loader::{CLEANED_SUFFIX, SWAP_SUFFIX};
use crate::offset_index::OffsetIndex;
use crate::segment::{INDEX_SUFFIX, LOG_SUFFIX, Segment, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX};
use crate::storage::{FileBytes, SegmentStorage};
use crate::time_index::TimeIndex;

/// The files of a segment whose name has `extra` behind it; the indexes have so many entries already.
fn in_files(
    folder: &LogFolder,
    mut segment: Segment,
    extra: &str,
    entries: (usize, usize),
    config: &LogConfig,
) -> Segment {
    let base = segment.base_offset;
    let file = |suffix: &str| folder.file(&format!("{}{extra}", segment_file_name(base, suffix)));
    let (bytes, size) = (config.segment_index_bytes, segment.size());
    segment.storage = SegmentStorage::File(FileBytes { file: file(LOG_SUFFIX), size });
    segment.offset_index = OffsetIndex::new(base, bytes, Some(file(INDEX_SUFFIX)));
    segment.offset_index.entries = segment.offset_index.entries.with_file_entries(entries.0);
    segment.time_index = TimeIndex::new(base, bytes, Some(file(TIME_INDEX_SUFFIX)));
    segment.time_index.entries = segment.time_index.entries.with_file_entries(entries.1);
    segment.txn_file = Some(file(TXN_INDEX_SUFFIX));
    segment
}

impl Log {
    /// An empty segment to write into, where this log keeps them.
    pub(super) fn new_cleaned_segment(
        &mut self,
        base_offset: Offset,
        now: i64,
    ) -> Result<Segment, StorageError> {
        self.check_storage()?;
        let segment = Segment::new(base_offset, &self.config, now);
        let Some(files) = &self.files else { return Ok(segment) };
        let txn_index = segment_file_name(base_offset, TXN_INDEX_SUFFIX);
        files.folder.remove(&format!("{txn_index}{CLEANED_SUFFIX}"))?;
        let mut segment = in_files(&files.folder, segment, CLEANED_SUFFIX, (0, 0), &self.config);
        segment.storage.truncate_to(0)?;
        Ok(segment)
    }

    /// Puts `cleaned` in the place of the segments in `replaced`.
    pub(super) fn swap_in(
        &mut self,
        mut cleaned: Segment,
        replaced: Range<usize>,
        now: i64,
    ) -> Result<(), StorageError> {
        cleaned.on_become_inactive()?;
        if self.files.is_some() {
            cleaned.sync()?;
            let old: Vec<Offset> =
                self.segments[replaced.clone()].iter().map(|segment| segment.base_offset).collect();
            self.swap_files(&cleaned, &old, now)?;
            if let Some(files) = &self.files {
                let entries =
                    (cleaned.offset_index.entries.len(), cleaned.time_index.entries.len());
                cleaned = in_files(&files.folder, cleaned, "", entries, &self.config);
            }
        }
        self.segments.splice(replaced, [Arc::new(cleaned)]);
        Ok(())
    }

    fn swap_files(
        &mut self,
        cleaned: &Segment,
        old: &[Offset],
        now: i64,
    ) -> Result<(), StorageError> {
        let base = cleaned.base_offset;
        let due_ms = now.saturating_add(self.config.file_delete_delay_ms);
        // The index of transactions is a file only if there are any.
        let txn_index = (!cleaned.txn_index.entries().is_empty()).then_some(TXN_INDEX_SUFFIX);
        // The log last to its own name: while `.log.swap` is there, a start after a crash finishes the rest.
        let suffixes = [Some(INDEX_SUFFIX), Some(TIME_INDEX_SUFFIX), txn_index, Some(LOG_SUFFIX)];
        let rename = |folder: &LogFolder, from: &str, to: &str| {
            suffixes.into_iter().flatten().try_for_each(|suffix| {
                let name = segment_file_name(base, suffix);
                folder.rename(&format!("{name}{from}"), &format!("{name}{to}"))
            })
        };
        self.with_files(|_, files| {
            rename(&files.folder, CLEANED_SUFFIX, SWAP_SUFFIX)?;
            for old in old {
                files.delete_segment(*old, due_ms)?;
                if *old != base
                    && let Some(index) = files.snapshots.iter().position(|at| at == old)
                {
                    files.snapshots.remove(index);
                    files.delete_later(&segment_file_name(*old, SNAPSHOT_SUFFIX), due_ms)?;
                }
            }
            rename(&files.folder, SWAP_SUFFIX, "")?;
            files.folder.sync()
        })
    }
}
