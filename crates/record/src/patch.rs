//! What a broker rewrites in a producer's batch.

use crate::attributes::Attributes;
use crate::crc32c::crc32c;
use crate::error::BatchError;
use crate::header::{
    ATTRIBUTES, BASE_OFFSET, BATCH_LENGTH, BatchHeader, CRC, MAGIC, MAX_TIMESTAMP,
    PARTITION_LEADER_EPOCH, PRODUCER_ID,
};
use crate::ids::{LeaderEpoch, Offset};

/// Rewrites the front of one batch in place: base offset and leader epoch, which no checksum covers;
/// and, for a topic with `message.timestamp.type=LogAppendTime`, the timestamp type, the max timestamp
/// and with them the CRC (`LogValidator`, `DefaultRecordBatch.setMaxTimestamp`).
///
/// # Errors
/// If `batch` is shorter than a header or not of magic 2; nothing is changed then.
pub fn patch(
    batch: &mut [u8],
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    log_append_time: Option<i64>,
) -> Result<(), BatchError> {
    let header = BatchHeader::read(batch)?;
    batch[BASE_OFFSET..BATCH_LENGTH].copy_from_slice(&base_offset.0.to_be_bytes());
    batch[PARTITION_LEADER_EPOCH..MAGIC].copy_from_slice(&leader_epoch.0.to_be_bytes());
    if let Some(now) = log_append_time {
        let attributes = header.attributes.with(Attributes::LOG_APPEND_TIME, true);
        if attributes != header.attributes || header.max_timestamp != now {
            batch[ATTRIBUTES..ATTRIBUTES + 2].copy_from_slice(&attributes.0.to_be_bytes());
            batch[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&now.to_be_bytes());
            let crc = crc32c(&batch[ATTRIBUTES..]);
            batch[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
        }
    }
    Ok(())
}

/// Rewrites the max timestamp of a `CreateTime` batch and its CRC, where a producer left it wrong:
/// the broker sets what it found in the records (`LogValidator.assignOffsetsNonCompressed`).
///
/// # Errors
/// If `batch` is shorter than a header or not of magic 2; nothing is changed then.
pub fn patch_max_timestamp(batch: &mut [u8], max_timestamp: i64) -> Result<(), BatchError> {
    let header = BatchHeader::read(batch)?;
    if header.max_timestamp != max_timestamp {
        batch[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&max_timestamp.to_be_bytes());
        let crc = crc32c(&batch[ATTRIBUTES..]);
        batch[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    }
    Ok(())
}
