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

/// One codec's code.
struct Codec {
    decompress: fn(&[u8]) -> Result<Vec<u8>, BatchError>,
    compress: fn(&[u8], &mut Vec<u8>),
}

struct Codecs {
    gzip: Codec,
    snappy: Codec,
    lz4: Codec,
    zstd: Codec,
}

static CODECS: Codecs = Codecs {
    gzip: Codec { decompress: gzip::decompress, compress: gzip::compress },
    snappy: Codec { decompress: snappy::decompress, compress: snappy::compress },
    lz4: Codec { decompress: lz4::decompress, compress: lz4::compress },
    zstd: Codec { decompress: zstd::decompress, compress: zstd::compress },
};

/// Set by [`codecs_have_come`] alone, so that nothing else leads to their code.
#[cfg(feature = "apart")]
static COME: once_cell::race::OnceRef<'static, Codecs> = once_cell::race::OnceRef::new();

/// The file with the codecs has come.
#[cfg(feature = "apart")]
pub fn codecs_have_come() {
    let _again = COME.set(&CODECS);
}

/// All codecs, or none while they have not come.
fn codecs() -> Option<&'static Codecs> {
    #[cfg(feature = "apart")]
    return COME.get();
    #[cfg(not(feature = "apart"))]
    return Some(&CODECS);
}

/// Whether batches can be compressed, and read when they are: always, unless the codecs come later
/// (feature `apart`).
#[must_use]
pub fn has_codecs() -> bool {
    codecs().is_some()
}

fn code(codec: Compression) -> Option<&'static Codec> {
    let codecs = codecs()?;
    match codec {
        Compression::None => None,
        Compression::Gzip => Some(&codecs.gzip),
        Compression::Snappy => Some(&codecs.snappy),
        Compression::Lz4 => Some(&codecs.lz4),
        Compression::Zstd => Some(&codecs.zstd),
    }
}

/// Decompresses the bytes behind a batch's header.
///
/// # Errors
/// [`BatchErrorKind::Compression`] at damage, where the bytes become more than
/// [`MAX_DECOMPRESSED_BYTES`], or without [`has_codecs`].
pub fn decompress(codec: Compression, bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    match (codec, code(codec)) {
        (Compression::None, _) => Ok(bytes.to_vec()),
        (_, Some(code)) => (code.decompress)(bytes),
        (_, None) => Err(corrupt(codec, 0, "a codec that has been loaded", "none")),
    }
}

/// Appends `bytes`, compressed, to `out`. The codec must be there: see [`has_codecs`].
pub fn compress(codec: Compression, bytes: &[u8], out: &mut Vec<u8>) {
    match code(codec) {
        Some(code) => (code.compress)(bytes, out),
        None => out.extend_from_slice(bytes),
    }
}
