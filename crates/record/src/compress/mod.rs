//! The codecs of a batch's records.

use alloc::format;
use alloc::vec::Vec;

use crate::attributes::Compression;
use crate::error::{BatchError, BatchErrorKind};
use crate::header::RECORD_BATCH_OVERHEAD;

mod gzip;
mod lz4;

/// Decompressed records may take this many times the bytes of a batch at the most permissive
/// `message.max.bytes`; beyond it the payload is a bomb, and memory is not given to it.
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

fn unsupported(codec: Compression) -> BatchError {
    BatchError::new(
        BatchErrorKind::UnsupportedCompression,
        crate::header::ATTRIBUTES,
        "header/attributes",
        "a codec that this build has (none, gzip, lz4)",
        codec,
    )
}

/// Decompresses the bytes behind a batch's header.
///
/// # Errors
/// [`BatchErrorKind::Compression`] at damage, [`BatchErrorKind::UnsupportedCompression`].
pub fn decompress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    match codec {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => gzip::decompress(bytes),
        Compression::Lz4 => lz4::decompress(bytes),
        Compression::Snappy | Compression::Zstd => Err(unsupported(codec)),
    }
}

/// Appends `bytes`, compressed, to `out`.
///
/// # Errors
/// [`BatchErrorKind::UnsupportedCompression`].
pub fn compress(codec: Compression, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BatchError> {
    match codec {
        Compression::None => out.extend_from_slice(bytes),
        Compression::Gzip => gzip::compress(bytes, out),
        Compression::Lz4 => lz4::compress(bytes, out),
        Compression::Snappy | Compression::Zstd => {
            return Err(unsupported(codec));
        }
    }
    Ok(())
}
