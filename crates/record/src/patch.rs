//! What a broker rewrites in a producer's batch.

use crate::attributes::TimestampType;
use crate::crc32c::crc32c;
use crate::error::BatchError;
use crate::header::{
    ATTRIBUTES, BASE_OFFSET, BATCH_LENGTH, BatchHeader, CRC, MAGIC, MAX_TIMESTAMP,
    PARTITION_LEADER_EPOCH, PRODUCER_ID,
};
use crate::ids::{LeaderEpoch, Offset};

/// Rewrites the front of one batch in place: base offset and leader epoch, which no checksum covers;
/// and, for a topic with `message.timestamp.type=LogAppendTime`, the timestamp type, the max timestamp
/// and with them the CRC (`LogValidator`).
///
/// # Errors
/// If `batch` is shorter than a header or not of magic 2; nothing is changed then.
pub fn patch(
    batch: &mut [u8],
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    log_append_time: Option<i64>,
) -> Result<(), BatchError> {
    BatchHeader::read(batch)?;
    batch[BASE_OFFSET..BATCH_LENGTH].copy_from_slice(&base_offset.0.to_be_bytes());
    batch[PARTITION_LEADER_EPOCH..MAGIC].copy_from_slice(&leader_epoch.0.to_be_bytes());
    match log_append_time {
        Some(now) => patch_timestamps(batch, TimestampType::LogAppendTime, now),
        None => Ok(()),
    }
}

/// Sets the timestamp type and the max timestamp in ms, and the CRC if that changed anything
/// (`DefaultRecordBatch.setMaxTimestamp`).
///
/// # Errors
/// If `batch` is shorter than a header or not of magic 2; nothing is changed then.
pub fn patch_timestamps(
    batch: &mut [u8],
    timestamp_type: TimestampType,
    max_timestamp: i64,
) -> Result<(), BatchError> {
    let header = BatchHeader::read(batch)?;
    let attributes = header.attributes.with_timestamp_type(timestamp_type);
    if attributes != header.attributes || header.max_timestamp != max_timestamp {
        batch[ATTRIBUTES..ATTRIBUTES + 2].copy_from_slice(&attributes.0.to_be_bytes());
        batch[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&max_timestamp.to_be_bytes());
        let crc = crc32c(&batch[ATTRIBUTES..]);
        batch[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    }
    Ok(())
}
