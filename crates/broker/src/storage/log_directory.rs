//! The logs of a directory: opening them, and what is written of them beside (`LogManager`).

use std::sync::Arc;

use logbrook_log::{
    FileSystem, LoadOptions, Log, LogConfig, LogFolder, OffsetCheckpoint, StorageError, read_file,
    read_offset_checkpoint, write_file_atomically, write_offset_checkpoint,
};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use uuid::{Builder, Uuid};

use super::meta_properties::MetaProperties;
use super::metadata_log::{self, MetadataLog};
use super::{uuid_from_text, uuid_text};
use crate::controller::MetadataRecord;
use crate::partition::Partition;
use crate::{BrokerConfig, MetadataImage};

const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
const DELETE_SUFFIX: &str = "-delete";
const STRAY_SUFFIX: &str = "-stray";
// Draws for ids of this directory do not shift others.
const STORAGE_STREAM: u64 = 0x7374_6f72_6167;

/// A broker's log directory.
#[derive(Clone, Debug)]
pub(crate) struct LogDirectory {
    files: Arc<dyn FileSystem>,
    metadata: MetadataLog,
    /// Of this start of the process.
    incarnation_id: Uuid,
    /// As `meta.properties` has it.
    directory_id: Uuid,
    /// Of the record that registered this broker last.
    broker_epoch: i64,
    /// The last start ended in an orderly way.
    clean_shutdown: bool,
    /// As the files have them.
    recovery_points: OffsetCheckpoint,
    log_starts: OffsetCheckpoint,
    high_watermarks: OffsetCheckpoint,
    cleaner_offsets: OffsetCheckpoint,
    /// Folders that were deleted, and when they may go, in ms.
    deleted: Vec<(i64, String)>,
    random: Pcg32,
    /// Something may have changed since the checkpoints were written.
    touched: bool,
    file_delete_delay_ms: i64,
    flush_check_ms: i64,
    flush_checkpoint_interval_ms: i64,
    high_watermark_interval_ms: i64,
    next_flush_check_ms: i64,
    next_flush_checkpoint_ms: i64,
    next_high_watermark_ms: i64,
    /// What the server's log should say.
    remarks: Vec<String>,
    failure: Option<StorageError>,
}

fn checkpoint(
    files: &dyn FileSystem,
    name: &str,
    remarks: &mut Vec<String>,
) -> Result<OffsetCheckpoint, StorageError> {
    let Some(bytes) = read_file(files, name)? else { return Ok(OffsetCheckpoint::new()) };
    Ok(read_offset_checkpoint(&bytes).unwrap_or_else(|| {
        // Less is known then; everything is in the logs.
        remarks.push(format!("{name}: damaged, begun anew"));
        OffsetCheckpoint::new()
    }))
}

impl LogDirectory {
    /// Opens a directory, or formats an empty one. `config` gets the cluster's id from it, `image` what the
    /// metadata log says. True if the directory was formatted before.
    ///
    /// # Errors
    /// The system's; a directory of another node.
    pub(crate) fn open(
        files: Arc<dyn FileSystem>,
        config: &mut BrokerConfig,
        image: &mut MetadataImage,
        seed: u64,
        now: i64,
    ) -> Result<(LogDirectory, bool), StorageError> {
        let mut random = Pcg32::new(seed, STORAGE_STREAM);
        let mut remarks = Vec::new();
        let properties = match MetaProperties::read(&*files)? {
            Some(properties) if properties.node_id == config.node_id => properties,
            Some(other) => {
                return Err(StorageError::new(
                    "meta.properties",
                    format!("node.id: found {}, expected {}", other.node_id, config.node_id),
                ));
            }
            None => {
                let properties = MetaProperties {
                    cluster_id: config.cluster_id.clone(),
                    node_id: config.node_id,
                    directory_id: random_id(&mut random),
                };
                properties.write(&*files)?;
                properties
            }
        };
        config.cluster_id.clone_from(&properties.cluster_id);
        let names = files.list("")?;
        let clean_shutdown = names.iter().any(|name| name == CLEAN_SHUTDOWN);
        // From here on a crash is one.
        files.remove(CLEAN_SHUTDOWN)?;
        let recovery_points = checkpoint(&*files, RECOVERY_POINTS, &mut remarks)?;
        let log_starts = checkpoint(&*files, LOG_STARTS, &mut remarks)?;
        let high_watermarks = checkpoint(&*files, HIGH_WATERMARKS, &mut remarks)?;
        let cleaner_offsets = checkpoint(&*files, CLEANER_OFFSETS, &mut remarks)?;
        if !names.iter().any(|name| name == CLEANER_OFFSETS) {
            files.file(CLEANER_OFFSETS).set_size(0)?;
        }
        let incarnation_id = random_id(&mut random);
        let (metadata, existed) =
            MetadataLog::open(&files, config.node_id, clean_shutdown, image, &mut remarks, now)?;
        let number = |name| config.number(name);
        let file_delete_delay_ms = number("log.segment.delete.delay.ms");
        let due_ms = now.saturating_add(file_delete_delay_ms);
        let deleted = names.into_iter().filter(|name| name.ends_with(DELETE_SUFFIX));
        let manager = LogDirectory {
            metadata,
            incarnation_id,
            directory_id: properties.directory_id,
            broker_epoch: -1,
            clean_shutdown,
            recovery_points,
            log_starts,
            high_watermarks,
            cleaner_offsets,
            deleted: deleted.map(|name| (due_ms, name)).collect(),
            random,
            touched: true,
            file_delete_delay_ms,
            flush_check_ms: number("log.flush.scheduler.interval.ms"),
            flush_checkpoint_interval_ms: number("log.flush.offset.checkpoint.interval.ms").max(1),
            high_watermark_interval_ms: number("replica.high.watermark.checkpoint.interval.ms")
                .max(1),
            next_flush_check_ms: now.saturating_add(number("log.flush.scheduler.interval.ms")),
            next_flush_checkpoint_ms: now
                .saturating_add(number("log.flush.offset.checkpoint.interval.ms")),
            next_high_watermark_ms: now
                .saturating_add(number("replica.high.watermark.checkpoint.interval.ms")),
            files,
            remarks,
            failure: None,
        };
        Ok((manager, existed))
    }

    /// Writes records to the metadata log.
    pub(crate) fn append_metadata(&mut self, records: &[MetadataRecord], now: i64) {
        for record in records {
            if let MetadataRecord::RegisterBroker(registration) = record {
                self.broker_epoch = registration.epoch;
            }
        }
        let appended = self.metadata.append(records, now);
        self.note(appended);
    }

    /// Offset of the next record of the metadata log.
    pub(crate) fn metadata_end_offset(&self) -> i64 {
        self.metadata.end_offset()
    }

    /// The id of this start of the process.
    pub(crate) fn incarnation_id(&self) -> Uuid {
        self.incarnation_id
    }

    /// The id of the directory, in `meta.properties`.
    pub(crate) fn directory_id(&self) -> Uuid {
        self.directory_id
    }

    /// The log of a partition, opened or begun. One that cannot be is offline: it answers with the error.
    pub(crate) fn open_log(
        &mut self,
        topic: &str,
        topic_id: Uuid,
        index: i32,
        config: LogConfig,
        now: i64,
    ) -> Log {
        let name = format!("{topic}-{index}");
        let folder = LogFolder::new(Arc::clone(&self.files), &name);
        match self.try_open_log(&folder, topic, topic_id, index, config.clone(), now) {
            Ok(log) => log,
            Err(error) => {
                self.note::<()>(Err(error.clone()));
                Log::offline(folder, config, error)
            }
        }
    }

    fn try_open_log(
        &mut self,
        folder: &LogFolder,
        topic: &str,
        topic_id: Uuid,
        index: i32,
        config: LogConfig,
        now: i64,
    ) -> Result<Log, StorageError> {
        match folder.topic_id()?.map(|text| uuid_from_text(&text)) {
            Some(Some(id)) if id == topic_id => {}
            None | Some(None) => folder.write_topic_id(&uuid_text(topic_id))?,
            Some(Some(_another)) => {
                self.set_aside(folder.name())?;
                folder.write_topic_id(&uuid_text(topic_id))?;
            }
        }
        let key = (topic.to_owned(), index);
        let at = |offsets: &OffsetCheckpoint| offsets.get(&key).copied().unwrap_or_default();
        let options = LoadOptions {
            clean_shutdown: self.clean_shutdown,
            recovery_point: at(&self.recovery_points),
            log_start_offset: at(&self.log_starts),
        };
        let loaded = Log::open(folder.clone(), config, options, now)?;
        self.remarks.extend(loaded.remarks);
        let mut log = loaded.log;
        log.set_high_watermark(at(&self.high_watermarks));
        log.set_cleaner_checkpoint(self.cleaner_offsets.get(&key).copied());
        Ok(log)
    }

    /// After all logs of the metadata are open: folders of no topic are set aside, and a log that begins now
    /// has nothing to recover.
    pub(crate) fn finish_start<'a>(&mut self, partitions: impl Iterator<Item = &'a Partition>) {
        self.clean_shutdown = false;
        let known: Vec<String> = partitions.map(Partition::name).collect();
        let result = (|| {
            for name in self.files.list("")? {
                let is_log = name.rsplit_once('-').is_some_and(|(_, index)| {
                    index.parse::<u32>().is_ok_and(|index| name.ends_with(&format!("-{index}")))
                });
                if is_log && name != metadata_log::FOLDER && !known.contains(&name) {
                    self.set_aside(&name)?;
                }
            }
            Ok(())
        })();
        self.note(result);
    }

    fn set_aside(&mut self, name: &str) -> Result<(), StorageError> {
        let aside = self.renamed(name, STRAY_SUFFIX);
        self.files.rename(name, &aside)?;
        self.remarks.push(format!("{name}: not of this metadata log, renamed to {aside}"));
        Ok(())
    }

    /// `LocalLog.logDeleteDirName`: the name, an id, a suffix; 255 bytes at most.
    fn renamed(&mut self, name: &str, suffix: &str) -> String {
        let id = random_id(&mut self.random).simple();
        let room = 255 - suffix.len() - 33;
        format!("{}.{id}{suffix}", &name[..name.len().min(room)])
    }

    /// Renames the folder of a deleted partition; it is removed later.
    pub(crate) fn delete_log(&mut self, name: &str, now: i64) {
        let renamed = self.renamed(name, DELETE_SUFFIX);
        let result = self.files.rename(name, &renamed);
        if result.is_ok() {
            self.deleted.push((now.saturating_add(self.file_delete_delay_ms), renamed));
        }
        self.note(result);
    }

    /// A log was written to, or lost segments.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// When there is something to do next, in ms.
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        let deleted = self.deleted.iter().map(|(due, _)| *due).min();
        let touched = self.touched.then_some(
            self.next_high_watermark_ms
                .min(self.next_flush_checkpoint_ms)
                .min(self.next_flush_check_ms),
        );
        [deleted, touched].into_iter().flatten().min().filter(|_| self.failure.is_none())
    }

    /// Flushes, checkpoints and removes what is due.
    pub(crate) fn tick<'a>(
        &mut self,
        now: i64,
        partitions: impl Iterator<Item = &'a mut Partition>,
    ) {
        if self.failure.is_some() {
            return;
        }
        let flush = self.next_flush_check_ms <= now;
        let checkpoint = self.next_flush_checkpoint_ms <= now;
        let high_watermarks = self.next_high_watermark_ms <= now;
        if flush {
            self.next_flush_check_ms = now.saturating_add(self.flush_check_ms.max(1));
        }
        if checkpoint {
            self.next_flush_checkpoint_ms = now.saturating_add(self.flush_checkpoint_interval_ms);
        }
        if high_watermarks {
            self.next_high_watermark_ms = now.saturating_add(self.high_watermark_interval_ms);
        }
        let mut offsets = Offsets::default();
        let mut more = false;
        for partition in partitions {
            let log = partition.log_mut();
            let mut result = log.purge_deleted_files(now);
            if flush && log.flush_due(now) {
                result = result.and_then(|()| log.flush(now));
            }
            if checkpoint {
                // Kafka flushes a segment in the background when it closes it.
                result = result.and_then(|()| log.flush_closed_segments(now));
            }
            self.note(result);
            more |= partition.log().has_pending_work();
            offsets.add(partition);
        }
        if checkpoint && high_watermarks {
            // Nothing has changed since both were written last: it is quiet until the next append.
            self.touched = more || !self.has(&offsets);
        }
        let result = self.purge(now).and_then(|()| {
            if checkpoint {
                self.write_points(&offsets)?;
            }
            if high_watermarks {
                self.write_high_watermarks(offsets.high_watermarks)?;
            }
            Ok(())
        });
        self.note(result);
    }

    fn has(&self, offsets: &Offsets) -> bool {
        self.recovery_points == offsets.recovery_points
            && self.log_starts == offsets.log_starts
            && self.high_watermarks == offsets.high_watermarks
            && self.cleaner_offsets == offsets.cleaner_offsets
    }

    fn purge(&mut self, now: i64) -> Result<(), StorageError> {
        let (due, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.deleted).into_iter().partition(|(at, _)| *at <= now);
        self.deleted = kept;
        due.iter().try_for_each(|(_, name)| self.files.remove_folder(name))
    }

    fn write_points(&mut self, offsets: &Offsets) -> Result<(), StorageError> {
        if offsets.recovery_points != self.recovery_points {
            let text = write_offset_checkpoint(&offsets.recovery_points);
            write_file_atomically(&*self.files, RECOVERY_POINTS, text.as_bytes())?;
            self.recovery_points.clone_from(&offsets.recovery_points);
        }
        if offsets.log_starts != self.log_starts {
            let text = write_offset_checkpoint(&offsets.log_starts);
            write_file_atomically(&*self.files, LOG_STARTS, text.as_bytes())?;
            self.log_starts.clone_from(&offsets.log_starts);
        }
        if offsets.cleaner_offsets != self.cleaner_offsets {
            let text = write_offset_checkpoint(&offsets.cleaner_offsets);
            write_file_atomically(&*self.files, CLEANER_OFFSETS, text.as_bytes())?;
            self.cleaner_offsets.clone_from(&offsets.cleaner_offsets);
        }
        Ok(())
    }

    fn write_high_watermarks(&mut self, offsets: OffsetCheckpoint) -> Result<(), StorageError> {
        if offsets != self.high_watermarks {
            let text = write_offset_checkpoint(&offsets);
            write_file_atomically(&*self.files, HIGH_WATERMARKS, text.as_bytes())?;
            self.high_watermarks = offsets;
        }
        Ok(())
    }

    /// Closes the logs and writes everything that lets the next start be quick.
    pub(crate) fn close<'a>(
        &mut self,
        now: i64,
        partitions: impl Iterator<Item = &'a mut Partition>,
    ) {
        let mut offsets = Offsets::default();
        for partition in partitions {
            let closed = partition.log_mut().close(now);
            self.note(closed);
            offsets.add(partition);
        }
        let closed = self.metadata.close(now);
        self.note(closed);
        if self.failure.is_some() {
            // The next start looks for itself.
            return;
        }
        let result = (|| {
            self.write_points(&offsets)?;
            self.write_high_watermarks(offsets.high_watermarks)?;
            let marker = format!("{{\"version\":0,\"brokerEpoch\":{}}}", self.broker_epoch);
            write_file_atomically(&*self.files, CLEAN_SHUTDOWN, marker.as_bytes())
        })();
        self.note(result);
    }

    /// Remembers the first failure; all logs of the directory are offline from then on.
    pub(crate) fn note<T>(&mut self, result: Result<T, StorageError>) {
        if let Err(error) = result
            && self.failure.is_none()
        {
            self.remarks.push(format!(
                "{error}: the log directory is offline; what it holds answers with KAFKA_STORAGE_ERROR"
            ));
            self.failure = Some(error);
        }
    }

    /// What was found or went wrong since the last call.
    pub(crate) fn take_remarks(&mut self) -> Vec<String> {
        if self.failure.is_none()
            && let Some(error) = self.files.failure()
        {
            self.note::<()>(Err(error));
        }
        std::mem::take(&mut self.remarks)
    }
}

/// Offsets of all logs, for the checkpoints.
#[derive(Default)]
struct Offsets {
    recovery_points: OffsetCheckpoint,
    log_starts: OffsetCheckpoint,
    high_watermarks: OffsetCheckpoint,
    cleaner_offsets: OffsetCheckpoint,
}

impl Offsets {
    fn add(&mut self, partition: &Partition) {
        let log = partition.log();
        let key = (partition.topic().to_owned(), partition.index());
        self.recovery_points.insert(key.clone(), log.recovery_point());
        // Kafka writes those only that the first segment's name does not say.
        if log.first_segment_offset() < log.log_start_offset() {
            self.log_starts.insert(key.clone(), log.log_start_offset());
        }
        if let Some(offset) = log.cleaner_checkpoint() {
            self.cleaner_offsets.insert(key.clone(), offset);
        }
        self.high_watermarks.insert(key, log.high_watermark());
    }
}

fn random_id(random: &mut Pcg32) -> Uuid {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}
