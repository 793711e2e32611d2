//! `__cluster_metadata-0` in files: the metadata log of a quorum of one, and the state of its quorum beside it
//! (`FileQuorumStateStore`).

use std::sync::Arc;

use logbrook_log::{FileSystem, LoadOptions, Log, LogFolder, StorageError, write_file_atomically};
use uuid::Uuid;

use super::uuid_text;
use crate::MetadataImage;
use crate::controller::MetadataRecord;
use crate::quorum_log::{QuorumLog, TOPIC_ID};

/// The folder.
pub(super) use crate::quorum_log::LOG_NAME as FOLDER;

/// The log and this node's term in it.
#[derive(Clone, Debug)]
pub(super) struct MetadataLog {
    log: QuorumLog,
}

impl MetadataLog {
    /// Opens the log and begins a term. What is in it is replayed into `image`; true if it was there before.
    pub(super) fn open(
        files: &Arc<dyn FileSystem>,
        node_id: i32,
        clean_shutdown: bool,
        image: &mut MetadataImage,
        remarks: &mut Vec<String>,
        now: i64,
    ) -> Result<(Self, bool), StorageError> {
        let folder = LogFolder::new(Arc::clone(files), FOLDER);
        if folder.topic_id()?.is_none() {
            folder.write_topic_id(&uuid_text(TOPIC_ID))?;
        }
        let options = LoadOptions { clean_shutdown, ..LoadOptions::default() };
        let loaded = Log::open(folder, QuorumLog::log_config(), options, now)?;
        remarks.extend(loaded.remarks);
        let mut log = QuorumLog::new(loaded.log);
        let existed = log.end_offset() > 0;
        for (offset, record) in log.records() {
            match record {
                Ok(record) => image.replay(&record),
                Err(what) => remarks.push(format!("{FOLDER}, offset {offset}: {what}")),
            }
        }
        log.begin_epoch(node_id, now)?;
        let state = format!(
            "{{\"leaderId\":{node_id},\"leaderEpoch\":{},\"votedId\":-1,\"votedDirectoryId\":\"{}\",\"data_version\":1}}",
            log.epoch().0,
            uuid_text(Uuid::nil())
        );
        write_file_atomically(&**files, &format!("{FOLDER}/quorum-state"), state.as_bytes())?;
        Ok((Self { log }, existed))
    }

    /// Writes records, so that they are safe when this returns.
    pub(super) fn append(
        &mut self,
        records: &[MetadataRecord],
        now: i64,
    ) -> Result<(), StorageError> {
        self.log.append(records, now)
    }

    /// Offset of the next record.
    pub(super) fn end_offset(&self) -> i64 {
        self.log.end_offset()
    }

    pub(super) fn close(&mut self, now: i64) -> Result<(), StorageError> {
        self.log.log_mut().close(now)
    }
}
