//! What is wrong with bytes that should be a batch.

use alloc::string::{String, ToString};
use core::fmt;

/// The sort of damage, for those who answer with one of Kafka's error codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BatchErrorKind {
    /// The bytes end before the batch does, or its length is impossible: `CORRUPT_MESSAGE`.
    Size,
    /// Not magic 2: `UNSUPPORTED_FOR_MESSAGE_FORMAT` for 0 and 1, else `CORRUPT_MESSAGE`.
    Magic,
    /// The CRC-32C does not fit the bytes: `CORRUPT_MESSAGE`.
    Crc,
    /// Header fields contradict each other or the records: `INVALID_RECORD`.
    Header,
    /// A record cannot be decoded: `INVALID_RECORD`.
    Record,
    /// The compressed payload cannot be decompressed: `CORRUPT_MESSAGE`.
    Compression,
    /// A codec number that Kafka does not know: `UNSUPPORTED_COMPRESSION_TYPE`.
    UnsupportedCompression,
}

/// A batch that cannot be read: where, which field, what was expected and what stood there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchError {
    /// The sort of damage.
    pub kind: BatchErrorKind,
    /// Byte from the start of the batch; within the decompressed records where `field` says so.
    pub position: usize,
    /// Path of the field as in [`crate::Span::path`]: `header/magic`, `record 3/key length`.
    pub field: String,
    /// What Kafka expects there.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

impl BatchError {
    pub(crate) fn new(
        kind: BatchErrorKind,
        position: usize,
        field: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self {
            kind,
            position,
            field: field.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at byte {}: expected {}, found {}",
            self.field, self.position, self.expected, self.found
        )
    }
}

impl core::error::Error for BatchError {}
