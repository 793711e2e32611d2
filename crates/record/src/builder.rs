//! Records to a batch's bytes, as `MemoryRecordsBuilder` writes them.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::attributes::{Attributes, Compression, TimestampType};
use crate::compress;
use crate::crc32c::crc32c;
use crate::error::{BatchError, BatchErrorKind};
use crate::header::{
    ATTRIBUTES, BATCH_LENGTH, BatchHeader, CRC, LOG_OVERHEAD, MAGIC_V2, RECORD_BATCH_OVERHEAD,
};
use crate::ids::{LeaderEpoch, NO_SEQUENCE, NO_TIMESTAMP, Offset, ProducerEpoch, ProducerId};
use crate::record::{Header, size_of_body, write_record};
use crate::varint::size_of_varlong;

/// What is said of the batch as a whole. The default is what a plain producer writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchOptions {
    /// Codec of the records.
    pub compression: Compression,
    /// Who sets the timestamps.
    pub timestamp_type: TimestampType,
    /// Append time in ms for [`TimestampType::LogAppendTime`].
    pub log_append_time: i64,
    /// Offset of the first record; a producer writes 0.
    pub base_offset: Offset,
    /// Term of the leader; a producer writes -1.
    pub partition_leader_epoch: LeaderEpoch,
    /// Id of an idempotent producer.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of the first record.
    pub base_sequence: i32,
    /// Part of a transaction.
    pub transactional: bool,
    /// Control records (transaction markers).
    pub control: bool,
    /// Time at which tombstones may go, set by the cleaner (KIP-534).
    pub delete_horizon_ms: Option<i64>,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            compression: Compression::None,
            timestamp_type: TimestampType::CreateTime,
            log_append_time: NO_TIMESTAMP,
            base_offset: Offset(0),
            partition_leader_epoch: LeaderEpoch::NONE,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: NO_SEQUENCE,
            transactional: false,
            control: false,
            delete_horizon_ms: None,
        }
    }
}

/// Collects records and builds one batch.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    options: BatchOptions,
    /// Room for the header, then the uncompressed records.
    buffer: Vec<u8>,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    last_offset: Option<Offset>,
    count: i32,
}

impl BatchBuilder {
    /// An empty batch.
    #[must_use]
    pub fn new(options: BatchOptions) -> Self {
        let mut buffer = Vec::with_capacity(256);
        buffer.resize(RECORD_BATCH_OVERHEAD, 0);
        Self {
            options,
            buffer,
            base_timestamp: options.delete_horizon_ms,
            max_timestamp: NO_TIMESTAMP,
            last_offset: None,
            count: 0,
        }
    }

    /// What was said of the batch as a whole.
    #[must_use]
    pub const fn options(&self) -> &BatchOptions {
        &self.options
    }

    /// Adds a record behind the last one; returns the bytes that it takes uncompressed.
    /// `timestamp` in ms, -1 for none.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> usize {
        self.append_with_offset(self.next_offset(), timestamp, key, value, headers)
    }

    /// Adds a record at an offset of its own, at or after the base offset: how the cleaner leaves gaps.
    pub fn append_with_offset(
        &mut self,
        offset: Offset,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> usize {
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);
        let offset_delta = self.offset_delta(offset);
        let size = write_record(
            &mut self.buffer,
            offset_delta,
            timestamp.wrapping_sub(base_timestamp),
            key,
            value,
            headers,
        );
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset = Some(offset);
        self.count += 1;
        size
    }

    /// Bytes that [`append`](Self::append) would take for this record (`hasRoomFor`).
    #[must_use]
    pub fn next_record_size(
        &self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header],
    ) -> usize {
        let timestamp_delta = self.base_timestamp.map_or(0, |base| timestamp.wrapping_sub(base));
        let body = size_of_body(
            self.offset_delta(self.next_offset()),
            timestamp_delta,
            key,
            value,
            headers,
        );
        size_of_varlong(body as i64) + body
    }

    fn next_offset(&self) -> Offset {
        self.last_offset.map_or(self.options.base_offset, Offset::next)
    }

    fn offset_delta(&self, offset: Offset) -> i32 {
        offset.0.wrapping_sub(self.options.base_offset.0) as i32
    }

    /// Sets the producer's id, epoch and sequence, which a producer knows only when it drains the batch
    /// (`setProducerState`).
    pub fn set_producer_state(
        &mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        base_sequence: i32,
        transactional: bool,
    ) {
        self.options.producer_id = id;
        self.options.producer_epoch = epoch;
        self.options.base_sequence = base_sequence;
        self.options.transactional = transactional;
    }

    /// Keeps the last offset of a batch from which the cleaner removed the last records (`overrideLastOffset`).
    pub fn override_last_offset(&mut self, last_offset: Offset) {
        self.last_offset = Some(last_offset);
    }

    /// Bytes so far, header included, uncompressed: exact without a codec.
    #[must_use]
    pub fn size_estimate(&self) -> usize {
        self.buffer.len()
    }

    /// Records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// No record yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch's bytes.
    ///
    /// # Errors
    /// [`BatchErrorKind::Size`] if it is longer than a batch can say.
    pub fn build(self) -> Result<Bytes, BatchError> {
        let options = self.options;
        // Without codecs a batch is whole too, only longer.
        let compression =
            if compress::has_codecs() { options.compression } else { Compression::None };
        let mut buffer = match compression {
            Compression::None => self.buffer,
            codec => {
                let mut out = Vec::with_capacity(RECORD_BATCH_OVERHEAD + self.buffer.len() / 2);
                out.resize(RECORD_BATCH_OVERHEAD, 0);
                compress::compress(codec, &self.buffer[RECORD_BATCH_OVERHEAD..], &mut out);
                out
            }
        };
        let attributes = Attributes(compression.id())
            .with(
                Attributes::LOG_APPEND_TIME,
                options.timestamp_type == TimestampType::LogAppendTime,
            )
            .with(Attributes::TRANSACTIONAL, options.transactional)
            .with(Attributes::CONTROL, options.control)
            .with(Attributes::DELETE_HORIZON, options.delete_horizon_ms.is_some());
        let last_offset = self.last_offset.unwrap_or(options.base_offset);
        let batch_length = i32::try_from(buffer.len() - LOG_OVERHEAD).map_err(|_| {
            BatchError::new(
                BatchErrorKind::Size,
                BATCH_LENGTH,
                "header/batchLength",
                i32::MAX,
                buffer.len() - LOG_OVERHEAD,
            )
        })?;
        let header = BatchHeader {
            base_offset: options.base_offset,
            batch_length,
            partition_leader_epoch: options.partition_leader_epoch,
            magic: MAGIC_V2,
            crc: 0,
            attributes,
            last_offset_delta: last_offset.0.wrapping_sub(options.base_offset.0) as i32,
            base_timestamp: self.base_timestamp.unwrap_or(NO_TIMESTAMP),
            max_timestamp: match options.timestamp_type {
                TimestampType::CreateTime => self.max_timestamp,
                TimestampType::LogAppendTime => options.log_append_time,
            },
            producer_id: options.producer_id,
            producer_epoch: options.producer_epoch,
            base_sequence: options.base_sequence,
            records_count: self.count,
        };
        if let Some(front) = buffer.first_chunk_mut::<RECORD_BATCH_OVERHEAD>() {
            header.write(front);
        }
        let crc = crc32c(&buffer[ATTRIBUTES..]);
        buffer[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
        Ok(Bytes::from(buffer))
    }
}
