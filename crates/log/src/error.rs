//! Why a log refuses. The texts are Kafka's; the partition's name is the caller's to give.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use logbrook_record::{BatchError, BatchErrorKind, Offset};

use crate::file_system::StorageError;

/// The error that an append is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendErrorKind {
    /// Damaged bytes.
    CorruptMessage,
    /// A batch larger than `max.message.bytes`.
    RecordTooLarge,
    /// All batches together larger than `segment.bytes`.
    RecordBatchTooLarge,
    /// Fields of the batch or a record that a client may not send so.
    InvalidRecord,
    /// A timestamp outside `message.timestamp.{before,after}.max.ms`, or of the wrong type.
    InvalidTimestamp,
    /// Not record batch v2.
    UnsupportedForMessageFormat,
    /// A codec that this build does not have.
    UnsupportedCompressionType,
    /// A number of a codec that Kafka does not know either.
    UnknownCompressionType,
    /// A gap or repetition in an idempotent producer's sequence numbers.
    OutOfOrderSequence,
    /// An older incarnation of the producer.
    InvalidProducerEpoch,
    /// A plain batch inside a transaction of the same producer.
    InvalidTxnState,
    /// A transaction marker of an older coordinator.
    TransactionCoordinatorFenced,
    /// The files cannot be written.
    StorageError,
    /// A follower was given offsets that it has already.
    UnexpectedAppendOffset,
    /// A follower was given offsets that do not rise.
    OffsetsOutOfOrder,
}

impl AppendErrorKind {
    /// Kafka's error code (`Errors`). The follower's two have none on the wire, and what Java throws for a codec
    /// nobody expects: -1, unknown server error.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::CorruptMessage => 2,
            Self::RecordTooLarge => 10,
            Self::RecordBatchTooLarge => 18,
            Self::InvalidTimestamp => 32,
            Self::UnsupportedForMessageFormat => 43,
            Self::OutOfOrderSequence => 45,
            Self::InvalidProducerEpoch => 47,
            Self::InvalidTxnState => 48,
            Self::TransactionCoordinatorFenced => 52,
            Self::StorageError => StorageError::CODE,
            Self::UnsupportedCompressionType => 76,
            Self::InvalidRecord => 87,
            Self::UnknownCompressionType
            | Self::UnexpectedAppendOffset
            | Self::OffsetsOutOfOrder => -1,
        }
    }
}

/// What is wrong with one record of a refused batch (KIP-467).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordError {
    /// Number of the record in the batch, from 0.
    pub batch_index: i32,
    /// Kafka's text; `{tp}` stands for the partition.
    text: String,
}

impl RecordError {
    pub(crate) fn new(batch_index: i32, text: String) -> Self {
        Self { batch_index, text }
    }

    /// Kafka's text, for example `message("orders-0")`.
    #[must_use]
    pub fn message(&self, topic_partition: &str) -> String {
        self.text.replace("{tp}", topic_partition)
    }
}

/// An append that was refused; the log is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppendError {
    /// Which error.
    pub kind: AppendErrorKind,
    /// Kafka's text; `{tp}` stands for the partition.
    text: String,
    /// The records at fault, where it is single records.
    pub record_errors: Vec<RecordError>,
}

impl AppendError {
    pub(crate) fn new(kind: AppendErrorKind, text: impl ToString) -> Self {
        Self { kind, text: text.to_string(), record_errors: Vec::new() }
    }

    pub(crate) fn with_record_errors(mut self, record_errors: Vec<RecordError>) -> Self {
        self.record_errors = record_errors;
        self
    }

    /// Kafka's text, for example `message("orders-0")`.
    #[must_use]
    pub fn message(&self, topic_partition: &str) -> String {
        self.text.replace("{tp}", topic_partition)
    }
}

impl From<BatchError> for AppendError {
    fn from(error: BatchError) -> Self {
        let kind = match error.kind {
            BatchErrorKind::Size | BatchErrorKind::Crc | BatchErrorKind::Compression => {
                AppendErrorKind::CorruptMessage
            }
            BatchErrorKind::Magic => AppendErrorKind::UnsupportedForMessageFormat,
            BatchErrorKind::Header | BatchErrorKind::Record => AppendErrorKind::InvalidRecord,
            BatchErrorKind::UnsupportedCompression => AppendErrorKind::UnsupportedCompressionType,
        };
        Self::new(kind, error)
    }
}

impl From<StorageError> for AppendError {
    fn from(error: StorageError) -> Self {
        Self::new(AppendErrorKind::StorageError, error)
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text.replace("{tp}", "this partition"))
    }
}

impl core::error::Error for AppendError {}

/// `OFFSET_OUT_OF_RANGE`: an offset outside what the log holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OffsetOutOfRange {
    /// The offset asked for.
    pub requested: Offset,
    /// First offset of the log.
    pub log_start_offset: Offset,
    /// Offset that the next record gets.
    pub log_end_offset: Offset,
}

impl OffsetOutOfRange {
    /// Kafka's error code.
    pub const CODE: i16 = 1;
}

impl fmt::Display for OffsetOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!(
            "Received request for offset {} for partition, but we only have log segments from offset {} to {}.",
            self.requested, self.log_start_offset, self.log_end_offset
        ))
    }
}

impl core::error::Error for OffsetOutOfRange {}

/// Why a read gives nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// An offset outside what the log holds.
    OffsetOutOfRange(OffsetOutOfRange),
    /// The files cannot be read, or not be written any more.
    Storage(StorageError),
}

impl ReadError {
    /// Kafka's error code.
    #[must_use]
    pub const fn code(&self) -> i16 {
        match self {
            Self::OffsetOutOfRange(_) => OffsetOutOfRange::CODE,
            Self::Storage(_) => StorageError::CODE,
        }
    }
}

impl From<OffsetOutOfRange> for ReadError {
    fn from(error: OffsetOutOfRange) -> Self {
        Self::OffsetOutOfRange(error)
    }
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffsetOutOfRange(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReadError {}
