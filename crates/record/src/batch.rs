//! A record batch over its bytes, and batches in a row.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::attributes::{Compression, TimestampType};
use crate::compress;
use crate::crc32c::crc32c;
use crate::error::{BatchError, BatchErrorKind};
use crate::header::{
    ATTRIBUTES, BatchHeader, CRC, LOG_OVERHEAD, RECORD_BATCH_OVERHEAD, RECORDS_COUNT,
};
use crate::ids::Offset;
use crate::record::{Header, Record, RecordView};

/// One batch whose length, magic and CRC were found right, sharing the bytes that it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    header: BatchHeader,
    bytes: Bytes,
}

impl Batch {
    /// Takes `bytes` as exactly one batch.
    ///
    /// # Errors
    /// [`BatchErrorKind::Size`], [`BatchErrorKind::Magic`] or [`BatchErrorKind::Crc`].
    pub fn parse(bytes: Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::read(&bytes)?;
        if header.size_in_bytes() != bytes.len() || header.size_in_bytes() < RECORD_BATCH_OVERHEAD {
            return Err(length_error(&header, bytes.len()));
        }
        let computed = crc32c(&bytes[ATTRIBUTES..]);
        if computed != header.crc {
            return Err(BatchError::new(
                BatchErrorKind::Crc,
                CRC,
                "header/crc",
                computed,
                header.crc,
            ));
        }
        Ok(Self { header, bytes })
    }

    /// A batch whose bytes were checked before, by this process: no CRC is computed.
    ///
    /// # Errors
    /// [`BatchErrorKind::Size`] or [`BatchErrorKind::Magic`].
    pub fn parse_trusted(bytes: Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::read(&bytes)?;
        if header.size_in_bytes() != bytes.len() {
            return Err(length_error(&header, bytes.len()));
        }
        Ok(Self { header, bytes })
    }

    /// The 13 header fields.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Offset of the first record.
    #[must_use]
    pub const fn base_offset(&self) -> Offset {
        self.header.base_offset
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.header.last_offset()
    }

    /// The whole batch as it stands in the log and on the wire.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Gives the bytes back.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The bytes behind the header as they stand, compressed or not.
    #[must_use]
    pub fn stored_records(&self) -> &[u8] {
        self.bytes.get(RECORD_BATCH_OVERHEAD..).unwrap_or_default()
    }

    /// The records' bytes, decompressed if need be.
    ///
    /// # Errors
    /// [`BatchErrorKind::Compression`] or [`BatchErrorKind::UnsupportedCompression`].
    pub fn payload(&self) -> Result<Bytes, BatchError> {
        let stored = self.bytes.slice(RECORD_BATCH_OVERHEAD..);
        match self.header.compression()? {
            Compression::None => Ok(stored),
            codec => compress::decompress(codec, &stored).map(Bytes::from),
        }
    }

    /// Every record, decompressed and decoded; control records too.
    ///
    /// # Errors
    /// The first record or codec error, or [`BatchErrorKind::Header`] if the count does not fit.
    pub fn records(&self) -> Result<Vec<Record>, BatchError> {
        let payload = self.payload()?;
        // The count is not to be trusted with memory: a record takes at least 7 bytes.
        let count = usize::try_from(self.header.records_count).unwrap_or(0);
        let mut out = Vec::with_capacity(count.min(payload.len() / 7));
        for_each_record(&self.header, &payload, |view| {
            out.push(Record {
                offset: self.header.base_offset.plus(i64::from(view.offset_delta)),
                timestamp: record_timestamp(&self.header, view),
                key: view.key.map(|key| payload.slice_ref(key)),
                value: view.value.map(|value| payload.slice_ref(value)),
                headers: view
                    .headers()
                    .into_iter()
                    .map(|(key, value)| Header {
                        key: String::from_utf8_lossy(key).into_owned(),
                        value: value.map(|value| payload.slice_ref(value)),
                    })
                    .collect(),
            });
        })?;
        Ok(out)
    }
}

/// The timestamp of a record in ms: the batch's append time, or its own (`DefaultRecordBatch.RecordIterator`).
#[must_use]
pub fn record_timestamp(header: &BatchHeader, view: &RecordView<'_>) -> i64 {
    match header.attributes.timestamp_type() {
        TimestampType::LogAppendTime => header.max_timestamp,
        TimestampType::CreateTime => header.base_timestamp.wrapping_add(view.timestamp_delta),
    }
}

/// Calls `visit` for each record of an uncompressed `payload`, without allocating, and checks that
/// there are exactly as many as the header says.
///
/// # Errors
/// [`BatchErrorKind::Record`] at the first that cannot be read; [`BatchErrorKind::Header`] if bytes
/// or records are left over.
pub fn for_each_record<'a>(
    header: &BatchHeader,
    payload: &'a [u8],
    mut visit: impl FnMut(&RecordView<'a>),
) -> Result<(), BatchError> {
    let Ok(count) = usize::try_from(header.records_count) else {
        return Err(BatchError::new(
            BatchErrorKind::Header,
            RECORDS_COUNT,
            "header/recordsCount",
            "0 or more",
            header.records_count,
        ));
    };
    let mut at = 0;
    for index in 0..count {
        let view = RecordView::read(payload, at, index).map_err(|error| located(header, error))?;
        at += view.size;
        visit(&view);
    }
    if at != payload.len() {
        return Err(BatchError::new(
            BatchErrorKind::Header,
            RECORDS_COUNT,
            "header/recordsCount",
            format!("records up to the end of the {} payload bytes", payload.len()),
            format!("{count} records that end at {at}"),
        ));
    }
    Ok(())
}

/// Makes a position in the records one in the batch, or says that it is one in the decompressed records.
fn located(header: &BatchHeader, mut error: BatchError) -> BatchError {
    if header.attributes.compression() == Some(Compression::None) {
        error.position += RECORD_BATCH_OVERHEAD;
    } else {
        error.field.push_str(" (decompressed)");
    }
    error
}

fn length_error(header: &BatchHeader, available: usize) -> BatchError {
    BatchError::new(
        BatchErrorKind::Size,
        crate::header::BATCH_LENGTH,
        "header/batchLength",
        format!("{} (what follows the field)", available.saturating_sub(LOG_OVERHEAD)),
        header.batch_length,
    )
}

/// The batches that stand in a row in `bytes`, for example a fetch response. A last batch that is
/// cut off is left out, as Kafka's clients do; a bad one is an error and ends the iteration.
pub fn batches(bytes: &Bytes) -> Batches {
    Batches { rest: bytes.clone(), trusted: false }
}

/// Like [`batches`] for bytes that were checked before: no CRC is computed.
pub fn batches_trusted(bytes: &Bytes) -> Batches {
    Batches { rest: bytes.clone(), trusted: true }
}

/// Iterator of [`batches`].
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
    trusted: bool,
}

impl Batches {
    /// Bytes not yet read: after the end, the batch that was cut off.
    #[must_use]
    pub const fn rest(&self) -> &Bytes {
        &self.rest
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        // `ByteBufferLogInputStream.nextBatchSize`: fewer than 17 bytes cannot even say how long they are.
        let length: [u8; 4] = self.rest.get(8..12)?.try_into().ok()?;
        self.rest.get(16)?;
        let length = i32::from_be_bytes(length);
        let size = usize::try_from(length).map_or(0, |length| length + LOG_OVERHEAD);
        if size < RECORD_BATCH_OVERHEAD {
            let error = BatchError::new(
                BatchErrorKind::Size,
                8,
                "header/batchLength",
                format!("at least {}", RECORD_BATCH_OVERHEAD - LOG_OVERHEAD),
                length,
            );
            self.rest.clear();
            return Some(Err(error));
        }
        if self.rest.len() < size {
            return None;
        }
        let bytes = self.rest.split_to(size);
        let batch = if self.trusted { Batch::parse_trusted(bytes) } else { Batch::parse(bytes) };
        if batch.is_err() {
            self.rest.clear();
        }
        Some(batch)
    }
}
