//! The codecs of a batch's records.

use alloc::format;
use alloc::vec::Vec;

use crate::attributes::Compression;
use crate::error::{BatchError, BatchErrorKind};
use crate::header::RECORD_BATCH_OVERHEAD;

mod gzip;
mod lz4;
mod snappy;
mod zstd;

/// Bytes that the records of one batch may have when they are decompressed. Kafka decompresses as it
/// reads and needs no such limit; here they stand in memory at once. It is more than twice the largest
/// request (`socket.request.max.bytes`), far above what records compress to; beyond it the payload is a
/// bomb, and memory is not given to it.
pub const MAX_DECOMPRESSED_BYTES: usize = 256 * 1024 * 1024;

pub(crate) fn corrupt(
    codec: Compression,
    at: usize,
    expected: &str,
    found: impl alloc::string::ToString,
) -> BatchError {
    BatchError::new(
        BatchErrorKind::Compression,
        RECORD_BATCH_OVERHEAD + at,
        format!("records ({codec})"),
        expected,
        found,
    )
}

/// Decompresses the bytes behind a batch's header.
///
/// # Errors
/// [`BatchErrorKind::Compression`] at damage, or where the bytes become more than [`MAX_DECOMPRESSED_BYTES`].
pub fn decompress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    match codec {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => gzip::decompress(bytes),
        Compression::Snappy => snappy::decompress(bytes),
        Compression::Lz4 => lz4::decompress(bytes),
        Compression::Zstd => zstd::decompress(bytes),
    }
}

/// Appends `bytes`, compressed, to `out`.
pub fn compress(codec: Compression, bytes: &[u8], out: &mut Vec<u8>) {
    match codec {
        Compression::None => out.extend_from_slice(bytes),
        Compression::Gzip => gzip::compress(bytes, out),
        Compression::Snappy => snappy::compress(bytes, out),
        Compression::Lz4 => lz4::compress(bytes, out),
        Compression::Zstd => zstd::compress(bytes, out),
    }
}
