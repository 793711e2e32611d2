//! Groups' records in the log of `__consumer_offsets`: written as one batch, read back at a load.

use bytes::Bytes;
use logbrook_group::{GroupRecord, Groups};
use logbrook_log::{Log, VerificationGuard};
use logbrook_record::{BatchBuilder, BatchOptions, EndTransactionMarker};

use super::GROUP_METADATA_TOPIC_NAME;
use crate::replica_manager::Append;
use crate::transaction_coordinator::ProducerIdAndEpoch;
use crate::{Broker, Cause, Effects, ErrorCode};

/// One batch, as a coordinator writes it: uncompressed (`offsets.topic.compression.codec`), and
/// with a base sequence of 0 although there is no producer id.
pub(super) fn append(
    broker: &mut Broker,
    now: i64,
    index: i32,
    records: &[GroupRecord],
    cause: Option<Cause>,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let records = build(now, records, BatchOptions::default())?;
    let append = Append::coordinator(GROUP_METADATA_TOPIC_NAME, index, records);
    match broker.replica_manager.append(now, append, cause, effects) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code()),
    }
}

fn build(now: i64, records: &[GroupRecord], options: BatchOptions) -> Result<Bytes, ErrorCode> {
    let options = BatchOptions { base_sequence: 0, ..options };
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let value = record.encode_value();
        let _ = builder.append(now, Some(&record.encode_key()), value.as_deref(), &[]);
    }
    builder.build().map_err(|_| ErrorCode::UnknownServerError)
}

/// The batch of offsets that are committed in a producer's transaction, which the log is shown a
/// guard for.
pub(super) fn transactional_batch<'a>(
    now: i64,
    index: i32,
    records: &[GroupRecord],
    producer: ProducerIdAndEpoch,
    verification_guard: VerificationGuard,
) -> Result<Append<'a>, ErrorCode> {
    let options = BatchOptions {
        producer_id: producer.producer_id.into(),
        producer_epoch: producer.producer_epoch.into(),
        transactional: true,
        ..BatchOptions::default()
    };
    let records = build(now, records, options)?;
    let append = Append::coordinator(GROUP_METADATA_TOPIC_NAME, index, records);
    Ok(Append { verification_guard, ..append })
}

/// Replays the log from its start. What is no group's or offset's record, or cannot be read, is left
/// out, as Kafka's loader logs it and goes on.
pub(super) fn replay(log: &Log, groups: &mut Groups) {
    for batch in log.batches(log.log_start_offset(), log.log_end_offset()) {
        let header = *batch.header();
        let producer_id = header.producer_id.0;
        if header.attributes.is_control() {
            if let Ok(Some((marker, _))) = EndTransactionMarker::read(&batch) {
                groups.replay_end_transaction_marker(producer_id, marker.committed);
            }
            continue;
        }
        for record in batch.records().unwrap_or_default() {
            let key = record.key.as_deref().unwrap_or_default();
            match GroupRecord::decode(key, record.value.as_deref()) {
                Ok(record) if header.attributes.is_transactional() => {
                    groups.replay_transactional(producer_id, &record);
                }
                Ok(record) => groups.replay(&record),
                Err(_) => {}
            }
        }
    }
}
