//! Opening a log from its files, and recovering one that was not closed (`LogLoader`, `LogSegment.recover`).
//!
//! ```text
//!  segments:   | closed, flushed | closed, flushed |  flushed up to | here, and not beyond |
//!                                                  ^ recovery point |
//!  trusted:    |<------------------------------->|
//!  read again, batch by batch:                    |<------------------------- … ---------->|
//! ```
//! What is read again is kept up to the first batch that is not whole, not of a valid CRC or not of rising
//! offsets; everything after it goes. Its indexes, and with them the producers and leader epochs, are built
//! anew. A segment before that is read again if one of its indexes cannot be right.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{Batch, BatchHeader, Offset, RECORD_BATCH_OVERHEAD};

use crate::append::marker;
use crate::checkpoint_file::{
    LEADER_EPOCH_CHECKPOINT, PARTITION_METADATA, read_epochs, read_partition_metadata,
    write_partition_metadata,
};
use crate::config::LogConfig;
use crate::file_system::{File, LogFolder, StorageError, segment_file_name};
use crate::index_entries::IndexEntry;
use crate::leader_epoch_cache::LeaderEpochCache;
use crate::log::Log;
use crate::log_files::{DELETED_SUFFIX, LogFiles, SNAPSHOT_SUFFIX};
use crate::offset_index::OffsetPosition;
use crate::producer_state::{CheckRules, ProducerStateManager};
use crate::segment::{INDEX_SUFFIX, LOG_SUFFIX, Segment, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX};
use crate::storage::SegmentStorage;
use crate::time_index::TimestampOffset;
use crate::transaction_index::TransactionIndex;

/// A segment that the cleaner is writing.
pub(crate) const CLEANED_SUFFIX: &str = ".cleaned";
/// One that it has written, on its way into the place of others.
pub(crate) const SWAP_SUFFIX: &str = ".swap";
/// A checkpoint that was not finished.
const TEMPORARY_SUFFIX: &str = ".tmp";
/// What is read of a segment at once when it is recovered.
const SCAN_BYTES: usize = 256 * 1024;

/// What is known of a log beside its folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadOptions {
    /// The log was closed ([`Log::close`]) and nothing was written since.
    pub clean_shutdown: bool,
    /// `recovery-point-offset-checkpoint`: everything below was flushed.
    pub recovery_point: Offset,
    /// `log-start-offset-checkpoint`: first offset that clients see.
    pub log_start_offset: Offset,
}

/// A log that was opened.
#[derive(Debug)]
pub struct Loaded {
    /// The log. Its high watermark is its start: whoever knows better sets it.
    pub log: Log,
    /// What was found that should not have been, for the server's log.
    pub remarks: Vec<String>,
}

impl LogFolder {
    /// The topic id in the folder's `partition.metadata`, as text; `None` if there is none or it is damaged.
    ///
    /// # Errors
    /// The system's.
    pub fn topic_id(&self) -> Result<Option<String>, StorageError> {
        Ok(self.read(PARTITION_METADATA)?.and_then(|bytes| read_partition_metadata(&bytes)))
    }

    /// Writes it, with the folder if that is not there.
    ///
    /// # Errors
    /// The system's.
    pub fn write_topic_id(&self, topic_id: &str) -> Result<(), StorageError> {
        self.create()?;
        self.write_unflushed(PARTITION_METADATA, write_partition_metadata(topic_id).as_bytes())
    }
}

impl Log {
    /// Opens the log in `folder`, or begins one there. `now` in ms.
    ///
    /// # Errors
    /// The system's. Damaged contents are no error: they are cut off, rebuilt and remarked on.
    pub fn open(
        folder: LogFolder,
        config: LogConfig,
        options: LoadOptions,
        now: i64,
    ) -> Result<Loaded, StorageError> {
        let mut loader = Loader { folder, config, options, now, remarks: Vec::new() };
        let log = loader.load()?;
        Ok(Loaded { log, remarks: loader.remarks })
    }
}

struct Loader {
    folder: LogFolder,
    config: LogConfig,
    options: LoadOptions,
    now: i64,
    remarks: Vec<String>,
}

impl Loader {
    fn load(&mut self) -> Result<Log, StorageError> {
        self.folder.create()?;
        self.finish_interrupted_work()?;
        let names = self.folder.list()?;
        let start = self.options.log_start_offset;
        let mut log = Log::new(self.config.clone(), start);
        log.segments.clear();
        let mut files = LogFiles::new(self.folder.clone(), self.options.recovery_point, self.now);
        files.snapshots = names
            .iter()
            .filter_map(|name| segment_of(name, SNAPSHOT_SUFFIX))
            .filter(|at| *at >= Offset(0))
            .collect();
        files.snapshots.sort_unstable();
        log.set_files(files);
        log.leader_epochs = self.read_epochs()?;

        let mut damaged = None;
        for base_offset in names.iter().filter_map(|name| segment_of(name, LOG_SUFFIX)) {
            let (segment, whole) = self.load_segment(&names, base_offset)?;
            if !whole && damaged.is_none() {
                damaged = Some(log.segments.len());
            }
            log.segments.push(Arc::new(segment));
        }
        let unflushed = log
            .segments
            .partition_point(|segment| segment.base_offset <= self.options.recovery_point)
            .saturating_sub(1);
        let unflushed = (!self.options.clean_shutdown).then_some(unflushed);
        self.recover(&mut log, [damaged, unflushed].into_iter().flatten().min())?;
        self.finish(&mut log)?;
        Ok(log)
    }

    /// Removes what was to be deleted, and finishes or undoes what the cleaner was at
    /// (`removeTempFilesAndCollectSwapFiles`, and the passes after it).
    fn finish_interrupted_work(&mut self) -> Result<(), StorageError> {
        let names = self.folder.list()?;
        let mut cleaned_from = Offset(i64::MAX);
        for name in &names {
            if name.ends_with(DELETED_SUFFIX) || name.ends_with(TEMPORARY_SUFFIX) {
                self.folder.remove(name)?;
            } else if let Some(kept) = name.strip_suffix(CLEANED_SUFFIX) {
                cleaned_from = offset_of(kept).map_or(cleaned_from, |at| at.min(cleaned_from));
                self.folder.remove(name)?;
            }
        }
        let mut swapped = Vec::new();
        for name in names.iter().filter(|name| name.ends_with(SWAP_SUFFIX)) {
            match name.strip_suffix(SWAP_SUFFIX).filter(|name| offset_of(name) < Some(cleaned_from))
            {
                Some(kept) => swapped.push(kept),
                // Part of a split that was not finished.
                None => self.folder.remove(name)?,
            }
        }
        let mut replaced = Offset(i64::MAX)..Offset(i64::MIN);
        for base in swapped.iter().filter_map(|name| segment_of(name, LOG_SUFFIX)) {
            let file = self.folder.file(&segment_file_name(base, ".log.swap"));
            let mut scan = Scan::new(&*file)?;
            let mut end = base;
            while let Some(batch) = scan.next()? {
                end = batch.header().next_offset();
            }
            replaced = replaced.start.min(base)..replaced.end.max(end);
        }
        for name in &names {
            let old = !name.ends_with(SWAP_SUFFIX) && !name.ends_with(SNAPSHOT_SUFFIX);
            if old && offset_of(name).is_some_and(|offset| replaced.contains(&offset)) {
                self.folder.remove(name)?;
            }
        }
        for name in swapped {
            self.remarks.push(format!("{}: finished to swap in {name}", self.folder.name()));
            self.folder.rename(&format!("{name}{SWAP_SUFFIX}"), name)?;
        }
        Ok(())
    }

    fn read_epochs(&mut self) -> Result<LeaderEpochCache, StorageError> {
        let mut cache = LeaderEpochCache::default();
        if let Some(bytes) = self.folder.read(LEADER_EPOCH_CHECKPOINT)? {
            match read_epochs(&bytes) {
                Some(entries) => {
                    for (epoch, start) in entries {
                        cache.assign(epoch, start);
                    }
                }
                None => {
                    let name = self.folder.name();
                    self.remarks
                        .push(format!("{name}/{LEADER_EPOCH_CHECKPOINT}: damaged, begun anew"));
                }
            }
        }
        Ok(cache)
    }

    /// A segment as its files are; false if an index cannot be right.
    fn load_segment(
        &mut self,
        names: &[String],
        base_offset: Offset,
    ) -> Result<(Segment, bool), StorageError> {
        let size = self.folder.file(&segment_file_name(base_offset, LOG_SUFFIX)).size()?;
        let mut segment =
            Segment::in_files(&self.folder, base_offset, size, &self.config, self.now);
        let whole = match self.load_indexes(&mut segment, names)? {
            Ok(()) => true,
            Err(what) => {
                // An unclean stop leaves the active segment's indexes so; it is read again anyway.
                if self.options.clean_shutdown || base_offset < self.options.recovery_point {
                    let name = self.folder.path(&segment_file_name(base_offset, ""));
                    self.remarks.push(format!("{name}{what}: the indexes are built anew"));
                }
                false
            }
        };
        Ok((segment, whole))
    }

    /// Takes the index files for what they are, or says what is wrong with which.
    fn load_indexes(
        &self,
        segment: &mut Segment,
        names: &[String],
    ) -> Result<Result<(), String>, StorageError> {
        let base_offset = segment.base_offset;
        for suffix in [INDEX_SUFFIX, TIME_INDEX_SUFFIX] {
            if names.binary_search(&segment_file_name(base_offset, suffix)).is_err() {
                return Ok(Err(format!("{suffix}: not there")));
            }
        }
        let size_of = |suffix| self.folder.file(&segment_file_name(base_offset, suffix)).size();
        let bytes = size_of(INDEX_SUFFIX)?;
        let offsets = segment.offset_index.entries.clone();
        segment.offset_index.entries = offsets.with_file_entries(bytes / OffsetPosition::BYTES);
        let last = segment.offset_index.entries.last();
        if !bytes.is_multiple_of(OffsetPosition::BYTES)
            || last
                .is_some_and(|last| last.offset <= base_offset || last.position >= segment.size())
        {
            return Ok(Err(format!("{INDEX_SUFFIX}: damaged")));
        }
        let bytes = size_of(TIME_INDEX_SUFFIX)?;
        let times = segment.time_index.entries.clone();
        segment.time_index.entries = times.with_file_entries(bytes / TimestampOffset::BYTES);
        let (first, last) = (segment.time_index.entries.get(0), segment.time_index.entries.last());
        if !bytes.is_multiple_of(TimestampOffset::BYTES)
            || first.zip(last).is_some_and(|(first, last)| {
                last.timestamp < first.timestamp || last.offset < base_offset
            })
        {
            return Ok(Err(format!("{TIME_INDEX_SUFFIX}: damaged")));
        }
        if let Some(last) = last {
            segment.max_timestamp_so_far = last;
        }
        if let Some(bytes) = self.folder.read(&segment_file_name(base_offset, TXN_INDEX_SUFFIX))? {
            match TransactionIndex::decode(&bytes, base_offset) {
                Ok(index) => segment.txn_index = index,
                Err(error) => return Ok(Err(format!("{TXN_INDEX_SUFFIX}: {error}"))),
            }
        }
        segment.rolling_based_timestamp =
            segment.headers_from(0).next().map(|(_, header)| header.max_timestamp);
        Ok(Ok(()))
    }

    /// Reads again from segment number `from` on, if any, and finds the log end, the producers and the epochs.
    fn recover(&mut self, log: &mut Log, from: Option<usize>) -> Result<(), StorageError> {
        let from = match from.filter(|from| *from < log.segments.len()) {
            Some(from) => from,
            None => {
                let Some(active) = log.segments.last() else { return Ok(()) };
                let start = active.offset_index.lookup(Offset(i64::MAX)).position;
                let last = active.headers_from(start).last();
                let end = last.map_or(0, |(position, header)| position + header.size_in_bytes());
                if end == active.size()
                    && last.is_none_or(|(_, header)| header.next_offset() > active.base_offset)
                {
                    log.log_end_offset =
                        last.map_or(active.base_offset, |(_, header)| header.next_offset());
                    self.load_producers(log, log.log_end_offset)?;
                    return Ok(());
                }
                let name = segment_file_name(active.base_offset, LOG_SUFFIX);
                self.remarks.push(format!("{}: damaged, recovered", self.folder.path(&name)));
                log.segments.len() - 1
            }
        };
        log.log_end_offset = log.segments[from].base_offset;
        self.load_producers(log, log.log_end_offset)?;
        for index in from..log.segments.len() {
            let cut = self.recover_segment(log, index)?;
            log.take_producer_snapshot()?;
            let end = log.log_end_offset;
            let next = log.segments.get(index + 1).map(|next| next.base_offset);
            if cut > 0 {
                let name = segment_file_name(log.segments[index].base_offset, LOG_SUFFIX);
                let path = self.folder.path(&name);
                self.remarks.push(format!(
                    "{path}: {cut} bytes from offset {end} on are no whole batch and were cut off"
                ));
            } else if let Some(next) = next.filter(|next| *next != end)
                && !self.config.cleanup_policy.compact
            {
                // The rest of this segment was lost, and is not to be passed over. Only a cleaner leaves gaps.
                self.remarks.push(format!(
                    "{}: nothing from offset {end} to {next}; what follows was deleted",
                    self.folder.name()
                ));
            } else {
                continue;
            }
            let deleted: Vec<Offset> =
                log.segments.drain(index + 1..).map(|segment| segment.base_offset).collect();
            log.truncate_snapshots(end)?;
            log.delete_segment_files(&deleted, self.now)?;
            break;
        }
        Ok(())
    }

    /// Reads one segment again; how many bytes at its end were cut off.
    fn recover_segment(&mut self, log: &mut Log, index: usize) -> Result<usize, StorageError> {
        let base_offset = log.segments[index].base_offset;
        let mut segment = Segment::in_files(&self.folder, base_offset, 0, &self.config, self.now);
        let SegmentStorage::File(bytes) = &segment.storage else { return Ok(0) };
        let file = Arc::clone(&bytes.file);
        if let Some(txn_file) = &segment.txn_file
            && txn_file.size()? > 0
        {
            txn_file.set_size(0)?;
        }
        let mut scan = Scan::new(&*file)?;
        let mut next = base_offset;
        let mut last_index_entry = 0;
        loop {
            let position = scan.position;
            let Some(batch) = scan.next()? else { break };
            let header = *batch.header();
            let last_offset = header.last_offset();
            let in_order = header.base_offset >= next && last_offset >= header.base_offset;
            let Some(marker) = marker(&batch)
                .ok()
                .filter(|_| in_order && segment.offset_index.can_append_offset(last_offset))
            else {
                scan.position = position;
                break;
            };
            if position == 0 {
                segment.rolling_based_timestamp = Some(header.max_timestamp);
            }
            if header.max_timestamp > segment.max_timestamp_so_far.timestamp {
                segment.max_timestamp_so_far =
                    TimestampOffset { timestamp: header.max_timestamp, offset: last_offset };
            }
            if position - last_index_entry > self.config.index_interval_bytes {
                segment.offset_index.append(last_offset, position)?;
                segment.time_index.maybe_append(segment.max_timestamp_so_far)?;
                last_index_entry = position;
            }
            let epoch = header.partition_leader_epoch;
            if log.leader_epochs.latest_epoch().is_none_or(|latest| epoch > latest) {
                log.leader_epochs.assign(epoch, header.base_offset);
            }
            if let Ok(check) = log.producer_state.check(&header, marker, CheckRules::REPLICATION)
                && let Some(txn) = log.producer_state.apply(&header, check)
                && txn.aborted
            {
                segment.append_aborted_txn(txn.into())?;
            }
            next = header.next_offset();
        }
        let (valid, size) = (scan.position, scan.size);
        // Also where nothing is cut off: it sets the segment's own idea of its size.
        segment.storage.truncate_to(valid)?;
        segment.trim_indexes()?;
        segment.offset_index.entries.forget_recent();
        segment.time_index.entries.forget_recent();
        log.log_end_offset = next;
        log.segments[index] = Arc::new(segment);
        Ok(size - valid)
    }

    /// What is known of the producers at `offset`: the last snapshot that can be read, and the batches since
    /// (`UnifiedLog.rebuildProducerState`).
    fn load_producers(&mut self, log: &mut Log, offset: Offset) -> Result<(), StorageError> {
        let start = self.options.log_start_offset;
        // Later ones are of what is read again now.
        log.truncate_snapshots(offset)?;
        let snapshots = log.files.as_ref().map_or(Vec::new(), |files| files.snapshots.clone());
        let mut from = start;
        log.producer_state = ProducerStateManager::default();
        for at in snapshots.into_iter().rev().filter(|at| *at <= offset && *at > start) {
            let name = segment_file_name(at, SNAPSHOT_SUFFIX);
            let bytes = self.folder.read(&name)?.unwrap_or_default();
            let expiration_ms = self.config.producer_id_expiration_ms;
            match ProducerStateManager::from_snapshot(&bytes, self.now, expiration_ms) {
                Ok(state) => {
                    log.producer_state = state;
                    from = at;
                    break;
                }
                Err(error) => {
                    let path = self.folder.path(&name);
                    self.remarks.push(format!("{path}: {error}; an older one is taken"));
                    self.folder.remove(&name)?;
                    if let Some(files) = &mut log.files {
                        files.snapshots.retain(|kept| *kept != at);
                    }
                }
            }
        }
        if from < offset {
            log.replay_producers(from, offset);
        }
        Ok(())
    }

    /// What is the same whether anything was recovered or not.
    fn finish(&mut self, log: &mut Log) -> Result<(), StorageError> {
        let start = self.options.log_start_offset;
        if !log.segments.is_empty() && log.log_end_offset < start {
            self.remarks.push(format!(
                "{}: the log ends at {}, before its start {start}: it is begun anew",
                self.folder.name(),
                log.log_end_offset
            ));
            let all: Vec<Offset> = log.segments.drain(..).map(|s| s.base_offset).collect();
            log.delete_segment_files(&all, self.now)?;
            log.truncate_snapshots(Offset(-1))?;
            log.leader_epochs = LeaderEpochCache::default();
            log.producer_state = ProducerStateManager::default();
        }
        if log.segments.is_empty() {
            log.log_end_offset = start;
            let segment = log.new_segment(start, self.now)?;
            log.segments.push(Arc::new(segment));
        }
        let first = log.segments.first().map_or(start, |segment| segment.base_offset);
        log.log_start_offset = start.max(first);
        log.high_watermark = log.log_start_offset;
        let before = log.leader_epochs.clone();
        log.leader_epochs.truncate_from_end(log.log_end_offset);
        log.leader_epochs.truncate_from_start(start);
        let on_disk = self.read_epochs_quietly()?;
        if log.leader_epochs != before || on_disk.as_ref() != Some(&log.leader_epochs) {
            log.write_leader_epochs()?;
        }
        self.remove_stray_files(log)?;
        log.take_producer_snapshot()?;
        if let Some(active) = log.segments.last_mut() {
            Arc::make_mut(active).open_indexes(&self.config)?;
        }
        let end = log.log_end_offset;
        if let Some(files) = &mut log.files {
            let clean = self.options.clean_shutdown;
            files.recovery_point = if clean { end } else { files.recovery_point.min(end) };
        }
        Ok(())
    }

    fn read_epochs_quietly(&self) -> Result<Option<LeaderEpochCache>, StorageError> {
        let Some(bytes) = self.folder.read(LEADER_EPOCH_CHECKPOINT)? else { return Ok(None) };
        let mut cache = LeaderEpochCache::default();
        let Some(entries) = read_epochs(&bytes) else { return Ok(None) };
        for (epoch, start) in entries {
            cache.assign(epoch, start);
        }
        Ok(Some(cache))
    }

    /// Indexes without their segment, and snapshots that belong to none and are not the last
    /// (`removeStraySnapshots`).
    fn remove_stray_files(&self, log: &mut Log) -> Result<(), StorageError> {
        let has =
            |base: Offset| log.segments.binary_search_by_key(&base, |s| s.base_offset).is_ok();
        for name in self.folder.list()? {
            let index = [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]
                .into_iter()
                .find_map(|suffix| segment_of(&name, suffix));
            if index.is_some_and(|base| !has(base)) {
                self.folder.remove(&name)?;
            }
        }
        let snapshots = log.files.as_ref().map_or(Vec::new(), |files| files.snapshots.clone());
        let end = log.log_end_offset;
        let last = snapshots.iter().copied().filter(|at| *at <= end).max();
        let (kept, stray): (Vec<Offset>, Vec<Offset>) =
            snapshots.into_iter().partition(|at| *at <= end && (Some(*at) == last || has(*at)));
        for at in stray {
            self.folder.remove(&segment_file_name(at, SNAPSHOT_SUFFIX))?;
        }
        if let Some(files) = &mut log.files {
            files.snapshots = kept;
        }
        Ok(())
    }
}

/// The offset at the front of a file's name (`LogFileUtils.offsetFromFileName`).
fn offset_of(name: &str) -> Option<Offset> {
    let digits = name.split('.').next()?;
    (digits.len() == 20).then_some(())?;
    digits.parse().ok().filter(|offset| *offset >= 0).map(Offset)
}

/// The base offset of a file of exactly this kind.
fn segment_of(name: &str, suffix: &str) -> Option<Offset> {
    offset_of(name).filter(|offset| *name == segment_file_name(*offset, suffix))
}

/// Reads whole, valid batches one after the other.
struct Scan<'a> {
    file: &'a dyn File,
    size: usize,
    /// Everything before is valid.
    position: usize,
    /// What was read from `position` on.
    window: Bytes,
}

impl<'a> Scan<'a> {
    fn new(file: &'a dyn File) -> Result<Self, StorageError> {
        Ok(Self { file, size: file.size()?, position: 0, window: Bytes::new() })
    }

    /// The next batch; `None` at the end and at the first that is not valid.
    fn next(&mut self) -> Result<Option<Batch>, StorageError> {
        if !self.fill(RECORD_BATCH_OVERHEAD)? {
            return Ok(None);
        }
        let Ok(header) = BatchHeader::read(&self.window) else { return Ok(None) };
        let length = header.size_in_bytes();
        if length < RECORD_BATCH_OVERHEAD || !self.fill(length)? {
            return Ok(None);
        }
        let Ok(batch) = Batch::parse(self.window.slice(..length)) else { return Ok(None) };
        self.window = self.window.slice(length..);
        self.position += length;
        Ok(Some(batch))
    }

    /// Whether there are `bytes` from here on; reads them.
    fn fill(&mut self, bytes: usize) -> Result<bool, StorageError> {
        let left = self.size.saturating_sub(self.position);
        if left < bytes {
            return Ok(false);
        }
        if self.window.len() < bytes {
            let mut window = vec![0; bytes.max(SCAN_BYTES).min(left)];
            self.file.read_at(self.position, &mut window)?;
            self.window = Bytes::from(window);
        }
        Ok(true)
    }
}
