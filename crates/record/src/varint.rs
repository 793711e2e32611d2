//! Zigzag varints (`ByteUtils.writeVarint`, `writeVarlong`): small numbers of either sign in few bytes.

use alloc::vec::Vec;

/// Why a varint could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarintError {
    /// The bytes end inside the number.
    Truncated,
    /// More than 5 bytes (varint) or 10 bytes (varlong).
    TooLong,
}

/// Appends `value` as a zigzag varint of 1 to 10 bytes. An `i32` takes at most 5 and has the same
/// bytes as Java's `writeVarint`.
pub fn write_varlong(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends `value` as a zigzag varint of 1 to 5 bytes.
pub fn write_varint(value: i32, out: &mut Vec<u8>) {
    write_varlong(i64::from(value), out);
}

/// Bytes that [`write_varlong`] takes for `value`.
#[must_use]
pub const fn size_of_varlong(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    let bits = 64 - (zigzag | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Bytes that [`write_varint`] takes for `value`.
#[must_use]
pub const fn size_of_varint(value: i32) -> usize {
    size_of_varlong(value as i64)
}

const fn zigzag_u64(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

const fn zigzag_u32(value: u32) -> i32 {
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

/// Reads a varlong from the front of `bytes`: the number and its length.
///
/// # Errors
/// [`VarintError`] as Java's `readVarlong` throws.
#[inline]
pub fn read_varlong(bytes: &[u8]) -> Result<(i64, usize), VarintError> {
    // Most lengths and deltas take one byte or two.
    match *bytes {
        [a, ..] if a < 0x80 => return Ok((zigzag_u64(u64::from(a)), 1)),
        [a, b, ..] if b < 0x80 => {
            return Ok((zigzag_u64(u64::from(a & 0x7f) | u64::from(b) << 7), 2));
        }
        _ => {}
    }
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Ok((zigzag_u64(value), at + 1));
        }
    }
    Err(if bytes.len() < 10 { VarintError::Truncated } else { VarintError::TooLong })
}

/// Reads a varint from the front of `bytes`: the number and its length.
///
/// # Errors
/// [`VarintError`] as Java's `readVarint` throws.
#[inline]
pub fn read_varint(bytes: &[u8]) -> Result<(i32, usize), VarintError> {
    // Most lengths and deltas take one byte or two.
    match *bytes {
        [a, ..] if a < 0x80 => return Ok((zigzag_u32(u32::from(a)), 1)),
        [a, b, ..] if b < 0x80 => {
            return Ok((zigzag_u32(u32::from(a & 0x7f) | u32::from(b) << 7), 2));
        }
        _ => {}
    }
    let mut value = 0u32;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        // The fifth byte has four bits of use; Java shifts the rest out too.
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Ok((zigzag_u32(value), at + 1));
        }
    }
    Err(if bytes.len() < 5 { VarintError::Truncated } else { VarintError::TooLong })
}
