//! LZ4 frames of independent 64 KiB blocks (`Lz4BlockOutputStream`).
//!
//! ```text
//! 04 22 4d 18 | flags | block size | checksum | { block length u32 LE, block }… | 0 u32 | content checksum?
//! ```
//! A block length with its highest bit set says that the block stands uncompressed.

use alloc::vec::Vec;

use lz4_flex::block::{compress as compress_block, decompress_into};

use super::{MAX_DECOMPRESSED_BYTES, corrupt};
use crate::attributes::Compression;
use crate::error::BatchError;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Version 1, independent blocks, no checksums, no content size: what Kafka's producer writes.
const FLAGS: u8 = 0x60;
/// Blocks of 64 KiB.
const BLOCK_SIZE: u8 = 0x40;
const BLOCK_BYTES: usize = 64 * 1024;
const UNCOMPRESSED: u32 = 0x8000_0000;

/// XXH32 with seed 0 of fewer than 16 bytes: a frame's descriptor has at most 14.
fn xxh32(bytes: &[u8]) -> u32 {
    const PRIME: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    let mut hash = PRIME[4].wrapping_add(bytes.len() as u32);
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(PRIME[2]));
        hash = hash.rotate_left(17).wrapping_mul(PRIME[3]);
    }
    for byte in rest {
        hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(PRIME[4]));
        hash = hash.rotate_left(11).wrapping_mul(PRIME[0]);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(PRIME[1]);
    hash = (hash ^ hash >> 13).wrapping_mul(PRIME[2]);
    hash ^ hash >> 16
}

pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    let descriptor = [FLAGS, BLOCK_SIZE];
    out.extend_from_slice(&descriptor);
    out.push((xxh32(&descriptor) >> 8) as u8);
    for block in bytes.chunks(BLOCK_BYTES) {
        let compressed = compress_block(block);
        if compressed.len() < block.len() {
            out.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
            out.extend_from_slice(&compressed);
        } else {
            out.extend_from_slice(&(block.len() as u32 | UNCOMPRESSED).to_le_bytes());
            out.extend_from_slice(block);
        }
    }
    out.extend_from_slice(&0u32.to_le_bytes());
}

pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    let error =
        |at: usize, expected: &str, found: &str| corrupt(Compression::Lz4, at, expected, found);
    let cut = || error(bytes.len(), "the rest of the LZ4 frame", "the end of the bytes");
    if bytes.get(..4).ok_or_else(cut)? != MAGIC {
        return Err(error(0, "an LZ4 frame (04 22 4d 18)", "other bytes"));
    }
    let [flags, block_size] =
        *bytes.get(4..6).and_then(|bytes| bytes.first_chunk::<2>()).ok_or_else(cut)?;
    if flags & 0xe3 != FLAGS {
        return Err(error(4, "version 1 with independent blocks", "other flags"));
    }
    let block_checksums = flags & 0x10 != 0;
    let descriptor_end = if flags & 0x08 == 0 { 6 } else { 14 };
    let descriptor = bytes.get(4..descriptor_end).ok_or_else(cut)?;
    let checksum = *bytes.get(descriptor_end).ok_or_else(cut)?;
    // Brokers before 0.10 hashed the magic too; magic 2 never did (KAFKA-3160).
    if checksum != (xxh32(descriptor) >> 8) as u8 {
        return Err(error(descriptor_end, "the checksum of the frame's descriptor", "another"));
    }
    let block_bytes = match block_size >> 4 & 7 {
        size @ 4..=7 => 1usize << (8 + 2 * u32::from(size)),
        _ => return Err(error(5, "blocks of 64 KiB to 4 MiB", "another size")),
    };

    let mut out = Vec::new();
    let mut at = descriptor_end + 1;
    loop {
        let length =
            bytes.get(at..at + 4).and_then(|length| length.first_chunk::<4>()).ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length);
        at += 4;
        if length == 0 {
            // A content checksum may follow; the batch's CRC covers what it would.
            return Ok(out);
        }
        let size = (length & !UNCOMPRESSED) as usize;
        let block = bytes.get(at..).and_then(|rest| rest.get(..size)).ok_or_else(cut)?;
        if size > block_bytes || out.len() + block_bytes > MAX_DECOMPRESSED_BYTES {
            return Err(error(at - 4, "a block within the frame's block size", "a larger one"));
        }
        if length & UNCOMPRESSED != 0 {
            out.extend_from_slice(block);
        } else {
            let start = out.len();
            out.resize(start + block_bytes, 0);
            let written = decompress_into(block, &mut out[start..])
                .map_err(|_| error(at, "an LZ4 block", "bytes that do not decode"))?;
            out.truncate(start + written);
        }
        at += size + if block_checksums { 4 } else { 0 };
    }
}
