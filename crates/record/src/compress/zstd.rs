//! Zstandard frames (RFC 8878, KIP-110).

use alloc::vec::Vec;

use ruzstd::decoding::errors::ReadFrameHeaderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, errors::FrameDecoderError};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{MAX_DECOMPRESSED_BYTES, corrupt};
use crate::attributes::Compression;
use crate::error::BatchError;

pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&compress_to_vec(bytes, CompressionLevel::Fastest));
}

pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    let mut rest = bytes;
    let mut out = Vec::new();
    // Frames may follow each other, and some are to be skipped; zstd-jni reads them all.
    while !rest.is_empty() {
        // A decoder for each frame: one that is used again sets memory aside for the whole window.
        let mut decoder = FrameDecoder::new();
        match decoder.reset(&mut rest) {
            Ok(()) => frame(&mut decoder, bytes.len(), &mut rest, &mut out)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                rest = rest.get(length as usize..).ok_or_else(|| {
                    error(bytes.len(), "the rest of a skippable frame", "the end of the bytes")
                })?;
            }
            Err(_) => {
                let at = bytes.len() - rest.len();
                return Err(error(at, "the header of a zstd frame", "bytes that are none"));
            }
        }
    }
    Ok(out)
}

fn error(at: usize, expected: &str, found: &str) -> BatchError {
    corrupt(Compression::Zstd, at, expected, found)
}

/// The blocks of one frame, one at a time: a block is at most 128 KiB, so the limit is never far exceeded.
fn frame(
    decoder: &mut FrameDecoder,
    size: usize,
    rest: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BatchError> {
    loop {
        let at = size - rest.len();
        let finished = decoder
            .decode_blocks(&mut *rest, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| error(at, "a zstd block", "bytes that do not decode"))?;
        if decoder.can_collect().saturating_add(out.len()) > MAX_DECOMPRESSED_BYTES {
            return Err(error(at, "at most 256 MiB of records", "more"));
        }
        if let Some(bytes) = decoder.collect() {
            out.extend_from_slice(&bytes);
        }
        if finished {
            return Ok(());
        }
    }
}
