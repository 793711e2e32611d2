//! `__cluster_metadata-0`: the metadata log of a quorum of one (`KafkaRaftLog`, `FileQuorumStateStore`).

use std::sync::Arc;

use kafka_protocol::messages::leader_change_message::{LeaderChangeMessage, Voter};
use kafka_protocol::protocol::Encodable;
use logbrook_log::{
    AppendOrigin, FileSystem, LoadOptions, Log, LogConfig, LogFolder, StorageError,
    write_file_atomically,
};
use logbrook_record::{BatchBuilder, BatchOptions, LeaderEpoch, Offset};
use uuid::Uuid;

use super::metadata_codec::{decode, encode};
use super::uuid_text;
use crate::MetadataImage;
use crate::controller::MetadataRecord;

/// The folder; `Topic.CLUSTER_METADATA_TOPIC_NAME` and its one partition.
pub(super) const FOLDER: &str = "__cluster_metadata-0";
/// `Uuid.METADATA_TOPIC_ID`.
const TOPIC_ID: Uuid = Uuid::from_u128(1);
/// `ControlRecordType.LEADER_CHANGE` in a control record's key.
const LEADER_CHANGE_KEY: [u8; 4] = [0, 0, 0, 2];
/// `KafkaRaftClient.MAX_BATCH_SIZE_BYTES`.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The log and this node's term in it.
#[derive(Clone, Debug)]
pub(super) struct MetadataLog {
    log: Log,
    epoch: LeaderEpoch,
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
        let config = LogConfig {
            retention_ms: -1,
            max_message_bytes: MAX_BATCH_BYTES,
            ..LogConfig::default()
        };
        let options = LoadOptions { clean_shutdown, ..LoadOptions::default() };
        let loaded = Log::open(folder, config, options, now)?;
        remarks.extend(loaded.remarks);
        let log = loaded.log;
        let existed = log.log_end_offset() > Offset(0);
        replay(&log, image, remarks);
        let epoch = LeaderEpoch(log.latest_epoch().map_or(0, |epoch| epoch.0).saturating_add(1));
        let mut metadata = Self { log, epoch };
        metadata.begin_term(&**files, node_id, now)?;
        Ok((metadata, existed))
    }

    fn begin_term(
        &mut self,
        files: &dyn FileSystem,
        node_id: i32,
        now: i64,
    ) -> Result<(), StorageError> {
        let state = format!(
            "{{\"leaderId\":{node_id},\"leaderEpoch\":{},\"votedId\":-1,\"votedDirectoryId\":\"{}\",\"data_version\":1}}",
            self.epoch.0,
            uuid_text(Uuid::nil())
        );
        write_file_atomically(files, &format!("{FOLDER}/quorum-state"), state.as_bytes())?;
        let voter = Voter::default().with_voter_id(node_id);
        let message = LeaderChangeMessage::default()
            .with_version(0)
            .with_leader_id(node_id.into())
            .with_voters(vec![voter.clone()])
            .with_granting_voters(vec![voter]);
        let mut value = Vec::new();
        message.encode(&mut value, 0).map_err(|error| StorageError::new(FOLDER, error))?;
        let mut builder =
            BatchBuilder::new(BatchOptions { control: true, ..BatchOptions::default() });
        let _ = builder.append(now, Some(&LEADER_CHANGE_KEY), Some(&value), &[]);
        self.append_batch(builder, now)
    }

    /// Writes records, so that they are safe when this returns.
    pub(super) fn append(
        &mut self,
        records: &[MetadataRecord],
        now: i64,
    ) -> Result<(), StorageError> {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for record in records {
            let _ = builder.append(now, None, Some(&encode(record)), &[]);
        }
        if records.is_empty() { Ok(()) } else { self.append_batch(builder, now) }
    }

    fn append_batch(&mut self, builder: BatchBuilder, now: i64) -> Result<(), StorageError> {
        let failed = |error: &dyn std::fmt::Display| StorageError::new(FOLDER, error);
        let batch = builder.build().map_err(|error| failed(&error))?;
        self.log
            .append(batch, self.epoch, AppendOrigin::Coordinator, now)
            .map_err(|error| failed(&error))?;
        self.log.set_high_watermark(self.log.log_end_offset());
        self.log.flush(now)
    }

    /// Offset of the next record.
    pub(super) fn end_offset(&self) -> i64 {
        self.log.log_end_offset().0
    }

    pub(super) fn close(&mut self, now: i64) -> Result<(), StorageError> {
        self.log.close(now)
    }
}

fn replay(log: &Log, image: &mut MetadataImage, remarks: &mut Vec<String>) {
    let batches = log.batches(log.log_start_offset(), log.log_end_offset());
    for batch in batches.filter(|batch| !batch.header().attributes.is_control()) {
        let records = batch.records().unwrap_or_default();
        for record in records {
            match decode(record.value.as_deref().unwrap_or_default()) {
                Ok(Some(record)) => image.replay(&record),
                Ok(None) => {}
                Err(what) => remarks.push(format!("{FOLDER}, offset {}: {what}", record.offset)),
            }
        }
    }
}
