//! `__cluster_metadata-0`: the metadata log of a quorum of one (`KafkaRaftLog`, `FileQuorumStateStore`).

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::leader_change_message::{LeaderChangeMessage, Voter};
use kafka_protocol::protocol::Encodable;
use logbrook_log::{
    AppendOrigin, FileSystem, LoadOptions, Log, LogConfig, LogFolder, StorageError,
    write_file_atomically,
};
use logbrook_record::{BatchBuilder, BatchOptions, LeaderEpoch, Offset};
use uuid::Uuid;

use super::metadata_codec::{Node, decode, encode, encode_feature_level};
use super::uuid_text;
use crate::MetadataImage;
use crate::api::api_versions::FEATURES;
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
    node: Node,
}

impl MetadataLog {
    /// Opens the log and begins a term. What is in it is replayed into `image`; true if it was there before.
    pub(super) fn open(
        files: &Arc<dyn FileSystem>,
        node_id: i32,
        node: Node,
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
        let mut metadata = Self { log, epoch, node };
        metadata.begin_term(&**files, node_id, now)?;
        if !existed {
            let features: Vec<Vec<u8>> = FEATURES
                .iter()
                .map(|(name, _, _, level)| encode_feature_level(name, *level))
                .collect();
            metadata.append_values(&features, now)?;
        }
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
        if records.iter().any(|record| matches!(record, MetadataRecord::RegisterBroker(_))) {
            self.node.broker_epoch = self.log.log_end_offset().0;
        }
        let values: Vec<Vec<u8>> =
            records.iter().map(|record| encode(record, &self.node)).collect();
        self.append_values(&values, now)
    }

    fn append_values(&mut self, values: &[Vec<u8>], now: i64) -> Result<(), StorageError> {
        if values.is_empty() {
            return Ok(());
        }
        let mut builder = BatchBuilder::new(BatchOptions::default());
        for value in values {
            let _ = builder.append(now, None, Some(value), &[]);
        }
        self.append_batch(builder, now)
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

    /// Offset of the record that registered this broker.
    pub(super) fn broker_epoch(&self) -> i64 {
        self.node.broker_epoch
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
            let value = record.value.map(|value| Bytes::copy_from_slice(&value));
            match decode(value.unwrap_or_default(), image) {
                Ok(Some(record)) => image.replay(&record),
                Ok(None) => {}
                Err(what) => remarks.push(format!("{FOLDER}, offset {}: {what}", record.offset)),
            }
        }
    }
}
