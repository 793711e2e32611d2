//! Snappy blocks in the framing of snappy-java ("xerial", `SnappyOutputStream`), which is what Kafka's
//! clients write; a single block without framing, as some others write it, is read too.
//!
//! ```text
//! 82 "SNAPPY" 00 | version i32 = 1 | compatible i32 = 1 | { block length i32 BE, block }…
//! block: uncompressed length varint | { literal: tag, bytes | copy: tag, offset }…
//! ```
//! A tag's lowest two bits say what it is: 0 a literal, 1 to 3 a copy whose offset takes 1, 2 or 4 bytes.

use alloc::vec;
use alloc::vec::Vec;

use super::{MAX_DECOMPRESSED_BYTES, corrupt};
use crate::attributes::Compression;
use crate::error::BatchError;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version 1, and the lowest version that can read it, 1.
const HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
/// `SnappyOutputStream.DEFAULT_BLOCK_SIZE`.
const BLOCK_BYTES: usize = 32 * 1024;
/// No element says more: a copy of 64 bytes takes 3.
const MAX_RATIO: usize = 22;

const HASH_BITS: u32 = 12;
const MIN_MATCH: usize = 4;

pub(super) fn compress(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&HEADER);
    let mut table = vec![0u16; 1 << HASH_BITS];
    for block in bytes.chunks(BLOCK_BYTES) {
        let length_at = out.len();
        out.extend_from_slice(&[0; 4]);
        table.fill(0);
        compress_block(block, &mut table, out);
        let length = (out.len() - length_at - 4) as u32;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_le_bytes(*word))
}

/// One block of at most [`BLOCK_BYTES`]. `table` has the last place of each hash, and is zeroed.
fn compress_block(block: &[u8], table: &mut [u16], out: &mut Vec<u8>) {
    let mut length = block.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);

    let (mut at, mut emitted) = (1, 0);
    // The further nothing was found, the larger the steps: data that do not compress are soon left.
    let mut misses = 32;
    while at + MIN_MATCH <= block.len() {
        let wanted = word(block, at);
        let slot = &mut table[(wanted.wrapping_mul(0x1e35_a7bd) >> (32 - HASH_BITS)) as usize];
        let candidate = usize::from(*slot);
        *slot = at as u16;
        if word(block, candidate) != wanted {
            at += misses >> 5;
            misses += 1;
            continue;
        }
        misses = 32;
        literal(&block[emitted..at], out);
        let matching = block[at + MIN_MATCH..]
            .iter()
            .zip(&block[candidate + MIN_MATCH..])
            .take_while(|(here, there)| here == there)
            .count();
        let length = MIN_MATCH + matching;
        copy(at - candidate, length, out);
        at += length;
        emitted = at;
    }
    literal(&block[emitted..], out);
}

fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    match last {
        0..60 => out.push((last << 2) as u8),
        60..256 => out.extend_from_slice(&[60 << 2, last as u8]),
        // A block has at most 32 KiB.
        _ => out.extend_from_slice(&[61 << 2, last as u8, (last >> 8) as u8]),
    }
    out.extend_from_slice(bytes);
}

fn copy(offset: usize, mut length: usize, out: &mut Vec<u8>) {
    while length > 0 {
        // At least 4 have to be left for what follows: a copy of one byte of offset takes 4 to 11.
        let now = if length >= 68 {
            64
        } else if length > 64 {
            60
        } else {
            length
        };
        if (4..12).contains(&now) && offset < 2048 {
            out.extend_from_slice(&[
                (((offset >> 8) << 5) | ((now - 4) << 2) | 1) as u8,
                offset as u8,
            ]);
        } else {
            out.extend_from_slice(&[((now - 1) << 2 | 2) as u8, offset as u8, (offset >> 8) as u8]);
        }
        length -= now;
    }
}

pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, BatchError> {
    let mut out = Vec::new();
    if !bytes.starts_with(&MAGIC) {
        decompress_block(bytes, 0, &mut out)?;
        return Ok(out);
    }
    let cut = || {
        let expected = "the rest of the snappy frame";
        corrupt(Compression::Snappy, bytes.len(), expected, "the end of the bytes")
    };
    let mut at = 0;
    while at < bytes.len() {
        // Streams may follow each other; each begins with a header.
        if bytes[at..].starts_with(&MAGIC) {
            at += HEADER.len();
            if at > bytes.len() {
                return Err(cut());
            }
            continue;
        }
        let length = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        at += 4;
        let block = bytes.get(at..).and_then(|rest| rest.get(..length)).ok_or_else(cut)?;
        decompress_block(block, at, &mut out)?;
        at += length;
    }
    Ok(out)
}

/// Decompresses one block behind `out`; `start` is where it stands, for errors.
fn decompress_block(block: &[u8], start: usize, out: &mut Vec<u8>) -> Result<(), BatchError> {
    let error = |at: usize, expected: &str, found: &str| {
        corrupt(Compression::Snappy, start + at, expected, found)
    };
    let cut = || error(block.len(), "the rest of the snappy block", "its end");
    let mut at = 0;
    let (mut length, mut shift) = (0u64, 0);
    loop {
        let byte = *block.get(at).ok_or_else(cut)?;
        at += 1;
        length |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            break;
        }
        if shift > 28 {
            return Err(error(0, "a length of at most 5 bytes", "a longer one"));
        }
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > block.len().saturating_mul(MAX_RATIO)
        || length > MAX_DECOMPRESSED_BYTES - out.len().min(MAX_DECOMPRESSED_BYTES)
    {
        return Err(error(0, "a length that the block can have", "a larger one"));
    }
    let base = out.len();
    let end = base + length;
    out.reserve(length);
    while at < block.len() {
        let tag = block[at];
        at += 1;
        let high = usize::from(tag >> 2);
        let mut number = |count: usize| {
            let bytes = block.get(at..at + count)?;
            at += count;
            Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
        };
        let (offset, length) = match tag & 3 {
            0 => {
                let extra = high.saturating_sub(59);
                let length = if extra == 0 { high } else { number(extra).ok_or_else(cut)? };
                let bytes = block.get(at..).and_then(|rest| rest.get(..length.saturating_add(1)));
                let bytes = bytes.ok_or_else(cut)?;
                if bytes.len() > end - out.len() {
                    return Err(error(at, "no more bytes than the block's length", "more"));
                }
                out.extend_from_slice(bytes);
                at += bytes.len();
                continue;
            }
            1 => {
                let low = number(1).ok_or_else(cut)?;
                ((high >> 3) << 8 | low, (high & 7) + 4)
            }
            2 => (number(2).ok_or_else(cut)?, high + 1),
            _ => (number(4).ok_or_else(cut)?, high + 1),
        };
        if offset == 0 || offset > out.len() - base {
            return Err(error(at, "a copy from within the block", "one from before it"));
        }
        if length > end - out.len() {
            return Err(error(at, "no more bytes than the block's length", "more"));
        }
        let from = out.len() - offset;
        if offset >= length {
            out.extend_from_within(from..from + length);
        } else {
            // It repeats what it writes.
            for index in from..from + length {
                out.push(out[index]);
            }
        }
    }
    if out.len() != end {
        return Err(error(block.len(), "as many bytes as the block's length", "fewer"));
    }
    Ok(())
}
