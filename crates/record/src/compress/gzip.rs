//! gzip (RFC 1952): a frame with a CRC-32 around deflate.

use alloc::vec::Vec;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate};

use super::{MAX_DECOMPRESSED_BYTES, corrupt};
use crate::attributes::Compression;
use crate::error::BatchError;

/// `compression.gzip.level`'s default (KIP-390).
const LEVEL: u8 = 6;

/// CRC-32 (IEEE), four bits at a time: gzip's own checksum is small beside deflate.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut nibble = 0;
        while nibble < 16 {
            let mut crc = nibble as u32;
            let mut bit = 0;
            while bit < 4 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
                bit += 1;
            }
            table[nibble] = crc;
            nibble += 1;
        }
        table
    };
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        crc = (crc >> 4) ^ TABLE[(crc & 15) as usize];
        crc = (crc >> 4) ^ TABLE[(crc & 15) as usize];
    }
    !crc
}

pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) {
    // Java's GZIPOutputStream: no flags, no time, unknown OS (255 since Java 16).
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    out.extend_from_slice(&compress_to_vec(bytes, LEVEL));
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
}

pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::new();
    let mut at = 0;
    // Members may follow each other (RFC 1952 2.2); Java reads them all.
    while at < bytes.len() {
        at = member(bytes, at, &mut out)?;
    }
    Ok(out)
}

fn member(bytes: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, BatchError> {
    let error =
        |at: usize, expected: &str, found: &str| corrupt(Compression::Gzip, at, expected, found);
    let cut = |at: usize| error(at, "the rest of the gzip frame", "the end of the bytes");
    let head = bytes.get(start..start + 10).ok_or_else(|| cut(bytes.len()))?;
    if head[..3] != [0x1f, 0x8b, 8] {
        return Err(error(start, "a gzip frame (1f 8b 08)", "other bytes"));
    }
    let flags = head[3];
    let mut at = start + 10;
    if flags & 4 != 0 {
        let length = bytes.get(at..at + 2).ok_or_else(|| cut(bytes.len()))?;
        at += 2 + usize::from(length[0]) + usize::from(length[1]) * 256;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let text = bytes.get(at..).ok_or_else(|| cut(bytes.len()))?;
            at += 1 + text.iter().position(|&byte| byte == 0).ok_or_else(|| cut(bytes.len()))?;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    let deflated = bytes.get(at..).ok_or_else(|| cut(bytes.len()))?;

    let first = out.len();
    let mut state = DecompressorOxide::new();
    let (mut read, mut written) = (0, first);
    out.resize(first + deflated.len().saturating_mul(4).clamp(256, MAX_DECOMPRESSED_BYTES), 0);
    loop {
        let (status, consumed, produced) = inflate(
            &mut state,
            &deflated[read..],
            &mut out[first..],
            written - first,
            TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        );
        read += consumed;
        written += produced;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput if out.len() < MAX_DECOMPRESSED_BYTES => {
                let more = out.len().saturating_mul(2).min(MAX_DECOMPRESSED_BYTES);
                out.resize(more, 0);
            }
            TINFLStatus::HasMoreOutput => {
                return Err(error(at + read, "at most 256 MiB of records", "more"));
            }
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                return Err(cut(bytes.len()));
            }
            // BadParam, Adler32Mismatch, Failed; the enum is non-exhaustive.
            _ => return Err(error(at + read, "a deflate block", "bytes that do not decode")),
        }
    }
    out.truncate(written);
    at += read;
    let trailer = bytes.get(at..at + 8).ok_or_else(|| cut(bytes.len()))?;
    let stored_crc = u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]);
    let stored_size = u32::from_le_bytes([trailer[4], trailer[5], trailer[6], trailer[7]]);
    let inflated = &out[first..];
    if stored_crc != crc32(inflated) {
        return Err(error(at, "the CRC-32 of the inflated bytes", "another"));
    }
    if stored_size != inflated.len() as u32 {
        return Err(error(at + 4, "the size of the inflated bytes", "another"));
    }
    Ok(at + 8)
}
