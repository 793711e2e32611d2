//! Kafka's record batch v2: bytes to records and back, CRC-32C, codecs, and the byte span of every field.
//!
//! [`BatchBuilder`] writes what Java's `MemoryRecordsBuilder` writes, [`Batch`] reads what
//! `DefaultRecordBatch` reads, [`spans`] explains each byte. No clock, no std, nothing panics on bad input.
#![no_std]

extern crate alloc;

mod attributes;
mod batch;
mod builder;
mod compress;
mod control;
mod crc32c;
mod error;
mod header;
mod ids;
mod patch;
mod record;
mod spans;
mod varint;

pub use attributes::{Attributes, Compression, TimestampType};
pub use batch::{Batch, Batches, batches, batches_trusted, for_each_record, record_timestamp};
pub use builder::{BatchBuilder, BatchOptions};
#[cfg(feature = "apart")]
pub use compress::codecs_have_come;
pub use compress::{MAX_DECOMPRESSED_BYTES, compress, decompress, has_codecs};
pub use control::EndTransactionMarker;
pub use crc32c::crc32c;
pub use error::{BatchError, BatchErrorKind};
pub use header::{BatchHeader, LOG_OVERHEAD, MAGIC_V2, RECORD_BATCH_OVERHEAD};
pub use ids::{
    LeaderEpoch, NO_SEQUENCE, NO_TIMESTAMP, Offset, PartitionIndex, ProducerEpoch, ProducerId,
    decrement_sequence, increment_sequence,
};
pub use patch::{empty_batch, patch, patch_timestamps};
pub use record::{Header, Record, RecordView};
pub use spans::{Span, SpanKind, spans};
pub use varint::{
    VarintError, read_varint, read_varlong, size_of_varint, size_of_varlong, write_varint,
    write_varlong,
};
