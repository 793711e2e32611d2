//! What a broker rewrites in a producer's batch, and what the cleaner leaves of it.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::attributes::{Attributes, TimestampType};
use crate::crc32c::crc32c;
use crate::error::BatchError;
use crate::header::{
    ATTRIBUTES, BASE_OFFSET, BATCH_LENGTH, BatchHeader, CRC, LOG_OVERHEAD, MAGIC, MAX_TIMESTAMP,
    PARTITION_LEADER_EPOCH, PRODUCER_ID, RECORD_BATCH_OVERHEAD,
};
use crate::ids::{LeaderEpoch, NO_TIMESTAMP, Offset};

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

/// The batch without its records: how the cleaner keeps the offsets, the sequence numbers and the epoch of
/// a batch that it emptied (`DefaultRecordBatch.writeEmptyHeader`).
#[must_use]
pub fn empty_batch(header: &BatchHeader) -> Bytes {
    let kept = Attributes::LOG_APPEND_TIME | Attributes::TRANSACTIONAL | Attributes::CONTROL;
    let empty = BatchHeader {
        batch_length: (RECORD_BATCH_OVERHEAD - LOG_OVERHEAD) as i32,
        crc: 0,
        attributes: Attributes(header.attributes.0 & kept),
        base_timestamp: NO_TIMESTAMP,
        records_count: 0,
        ..*header
    };
    let mut bytes = [0; RECORD_BATCH_OVERHEAD];
    empty.write(&mut bytes);
    let crc = crc32c(&bytes[ATTRIBUTES..]);
    bytes[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    Bytes::from(Vec::from(bytes))
}
