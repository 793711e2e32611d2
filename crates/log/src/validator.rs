//! What a leader checks in a batch before it takes it, and what it rewrites (`LogValidator`,
//! `UnifiedLog.analyzeAndValidateRecords`), for magic 2.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchBuilder, BatchError, BatchErrorKind, BatchHeader, BatchOptions, Compression,
    LOG_OVERHEAD, LeaderEpoch, NO_TIMESTAMP, Offset, RecordView, TimestampType, decompress,
    for_each_record, record_timestamp,
};

use crate::config::LogConfig;
use crate::error::{AppendError, AppendErrorKind, RecordError};
use crate::log::AppendOrigin;

/// A batch that may be appended.
#[derive(Debug)]
pub(crate) struct Validated {
    pub(crate) batch: Batch,
    /// The header as it is to be; its CRC is that of the batch before.
    pub(crate) header: BatchHeader,
    /// The attributes or the max timestamp differ from the batch's, so the CRC is to be written anew.
    pub(crate) timestamps_changed: bool,
}

/// Where a batch goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) base_offset: Offset,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) origin: AppendOrigin,
    pub(crate) now: i64,
}

/// Checks the one batch in `records` and says what becomes of it.
pub(crate) fn validate(
    records: Bytes,
    config: &LogConfig,
    place: Placement,
) -> Result<Validated, AppendError> {
    let batch = only_batch(records, config, place.origin)?;
    validate_batch(batch.header(), place.origin)?;

    let source = batch
        .header()
        .compression()
        .map_err(|error| AppendError::new(AppendErrorKind::UnknownCompressionType, error))?;
    let target = match config.compression_type {
        None => source,
        // Control records are not compressed unless they come so.
        Some(_) if source == Compression::None && batch.header().attributes.is_control() => source,
        Some(target) => target,
    };
    let decompressed;
    let payload = match source {
        Compression::None => batch.stored_records(),
        codec => {
            decompressed = decompress(codec, batch.stored_records())?;
            &decompressed
        }
    };
    let max_record_bytes = match source {
        Compression::None => usize::MAX,
        _compressed => config.max_decompressed_message_bytes,
    };
    let found = validate_records(batch.header(), payload, config, place.now, max_record_bytes)?;

    if source != target || (source != Compression::None && !found.offsets_consecutive) {
        let batch = rebuild(&batch, target, config, place)?;
        let header = *batch.header();
        if header.size_in_bytes() > config.max_message_bytes {
            return Err(AppendError::new(
                AppendErrorKind::RecordTooLarge,
                format!(
                    "Message batch size is {} bytes in append topartition {{tp}} which exceeds the maximum configured size of {}.",
                    header.size_in_bytes(),
                    config.max_message_bytes
                ),
            ));
        }
        return Ok(Validated { batch, header, timestamps_changed: false });
    }

    let mut header = *batch.header();
    header.base_offset = place.base_offset;
    header.partition_leader_epoch = place.leader_epoch;
    header.attributes = header.attributes.with_timestamp_type(config.message_timestamp_type);
    header.max_timestamp = match config.message_timestamp_type {
        TimestampType::LogAppendTime => place.now,
        TimestampType::CreateTime => found.max_timestamp,
    };
    let timestamps_changed = header.attributes != batch.header().attributes
        || header.max_timestamp != batch.header().max_timestamp;
    Ok(Validated { batch, header, timestamps_changed })
}

/// A leader takes one batch at a time (KIP-98); what is cut off behind it is left out.
fn only_batch(
    mut records: Bytes,
    config: &LogConfig,
    origin: AppendOrigin,
) -> Result<Batch, AppendError> {
    let header = BatchHeader::read(&records).map_err(|error| match error.kind {
        BatchErrorKind::Magic => AppendError::new(
            AppendErrorKind::InvalidRecord,
            format!(
                "Records are only allowed to contain record batches with magic version 2 ({error})"
            ),
        ),
        _ => error.into(),
    })?;
    let size = header.size_in_bytes();
    if origin == AppendOrigin::Client && header.base_offset.0 != 0 {
        return Err(invalid(format!(
            "The baseOffset of the record batch in the append to {{tp}} should be 0, but it is {}",
            header.base_offset
        )));
    }
    if size > config.max_message_bytes {
        return Err(AppendError::new(
            AppendErrorKind::RecordTooLarge,
            format!(
                "The record batch size in the append to {{tp}} is {size} bytes which exceeds the maximum configured value of {}.",
                config.max_message_bytes
            ),
        ));
    }
    if size < records.len() {
        if holds_another_batch(&records[size..]) {
            return Err(invalid("Compressed outer record has more than one batch".into()));
        }
        records.truncate(size);
    }
    Batch::parse(records).map_err(|error| match error.kind {
        BatchErrorKind::Crc => AppendError::new(
            AppendErrorKind::CorruptMessage,
            format!("Record is corrupt (stored crc = {}) in topic partition {{tp}}.", header.crc),
        ),
        _ => error.into(),
    })
}

fn holds_another_batch(rest: &[u8]) -> bool {
    rest.get(8..LOG_OVERHEAD).and_then(|length| length.try_into().ok()).is_some_and(|length| {
        usize::try_from(i32::from_be_bytes(length))
            .is_ok_and(|length| rest.len() >= LOG_OVERHEAD + length)
    })
}

fn invalid(text: String) -> AppendError {
    AppendError::new(AppendErrorKind::InvalidRecord, text)
}

fn validate_batch(header: &BatchHeader, origin: AppendOrigin) -> Result<(), AppendError> {
    if origin != AppendOrigin::Client {
        return Ok(());
    }
    let (base, last, count) = (header.base_offset, header.last_offset(), header.records_count);
    if header.last_offset_delta < 0 {
        return Err(invalid(format!(
            "Batch has an invalid offset range: [{base}, {last}] in topic partition {{tp}}"
        )));
    }
    if count <= 0 {
        return Err(invalid(format!(
            "Invalid reported count for record batch: {count} in topic partition {{tp}}"
        )));
    }
    if i64::from(header.last_offset_delta) + 1 != i64::from(count) {
        return Err(invalid(format!(
            "Inconsistent batch offset range [{base}, {last}] and count of records {count} in topic partition {{tp}}"
        )));
    }
    if header.attributes.is_control() {
        return Err(invalid(
            "Clients are not allowed to write control records in topic partition {tp}".into(),
        ));
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return Err(invalid(format!(
            "Invalid sequence number {} in record batch with producerId {} in topic partition {{tp}}",
            header.base_sequence, header.producer_id
        )));
    }
    Ok(())
}

/// What the records showed.
struct Found {
    max_timestamp: i64,
    offsets_consecutive: bool,
}

fn validate_records(
    header: &BatchHeader,
    payload: &[u8],
    config: &LogConfig,
    now: i64,
    max_record_bytes: usize,
) -> Result<Found, AppendError> {
    let mut found = Found { max_timestamp: NO_TIMESTAMP, offsets_consecutive: true };
    let mut errors = Vec::new();
    let mut bad_timestamp = false;
    let mut largest = 0;
    let mut index = 0;
    for_each_record(header, payload, |record| {
        largest = largest.max(record.size_of_body());
        let timestamp = record_timestamp(header, record);
        found.max_timestamp = found.max_timestamp.max(timestamp);
        found.offsets_consecutive &= record.offset_delta == index;
        if config.cleanup_policy.compact && record.key.is_none() {
            let text = "Compacted topic cannot accept message without key in topic partition {tp}";
            errors.push(RecordError::new(index, text.into()));
        } else if let Some(text) = timestamp_error(header, record, timestamp, config, now) {
            bad_timestamp = true;
            errors.push(RecordError::new(index, text));
        }
        index += 1;
    })?;
    if largest > max_record_bytes {
        return Err(invalid(format!(
            "Invalid record size: {largest} exceeds the configured maximum record size of {max_record_bytes}."
        )));
    }
    if errors.is_empty() {
        return Ok(found);
    }
    let error = if bad_timestamp {
        AppendError::new(
            AppendErrorKind::InvalidTimestamp,
            "One or more records have been rejected due to invalid timestamp",
        )
    } else {
        let shown: Vec<_> = errors
            .iter()
            .take(3)
            .map(|error| {
                format!(
                    "RecordError(batchIndex={}, message='{}')",
                    error.batch_index,
                    error.message("{tp}")
                )
            })
            .collect();
        invalid(format!(
            "One or more records have been rejected due to {} record errors in total, and only showing the first three errors at most: [{}]",
            errors.len(),
            shown.join(", ")
        ))
    };
    Err(error.with_record_errors(errors))
}

#[inline]
fn timestamp_error(
    header: &BatchHeader,
    record: &RecordView<'_>,
    timestamp: i64,
    config: &LogConfig,
    now: i64,
) -> Option<String> {
    if config.message_timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
        let (before, after) =
            (config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms);
        // Wrapping as Java's long does.
        let age = now.wrapping_sub(timestamp);
        return (age > before || age.wrapping_neg() > after).then(|| {
            format!(
                "Timestamp {timestamp} of message with offset {} is out of range. The timestamp should be within [{}, {}]",
                header.base_offset.plus(i64::from(record.offset_delta)),
                now.wrapping_sub(before),
                now.wrapping_add(after)
            )
        });
    }
    (header.attributes.timestamp_type() == TimestampType::LogAppendTime).then(|| {
        format!(
            "Invalid timestamp type in message DefaultRecord(offset={}, timestamp={timestamp}, key={} bytes, value={} bytes). Producer should not set timestamp type to LogAppendTime.",
            header.base_offset.plus(i64::from(record.offset_delta)),
            record.key.map_or(0, <[u8]>::len),
            record.value.map_or(0, <[u8]>::len)
        )
    })
}

/// Writes the records anew: another codec, or inner offsets that do not count from 0.
fn rebuild(
    batch: &Batch,
    target: Compression,
    config: &LogConfig,
    place: Placement,
) -> Result<Batch, BatchError> {
    let header = batch.header();
    let mut builder = BatchBuilder::new(BatchOptions {
        compression: target,
        timestamp_type: config.message_timestamp_type,
        log_append_time: place.now,
        base_offset: place.base_offset,
        partition_leader_epoch: place.leader_epoch,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
        control: false,
        delete_horizon_ms: None,
    });
    for record in batch.records()? {
        builder.append(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
    }
    Batch::parse_trusted(builder.build()?)
}
