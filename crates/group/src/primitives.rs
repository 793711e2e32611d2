//! Kafka's primitive types: big-endian integers, strings and byte arrays with an i16/i32 length,
//! and the unsigned varints of flexible versions.

use alloc::string::String;
use alloc::vec::Vec;

/// Where and why bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The byte at which reading stopped.
    pub at: usize,
    /// The field, by Kafka's name.
    pub field: &'static str,
    /// What was expected there.
    pub expected: &'static str,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "byte {}, field {}: expected {}", self.at, self.field, self.expected)
    }
}

impl core::error::Error for DecodeError {}

/// Reads fields one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// What is wrong at this byte.
    #[must_use]
    pub fn error(&self, field: &'static str, expected: &'static str) -> DecodeError {
        DecodeError { at: self.at, field, expected }
    }

    /// `len` bytes.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn take(
        &mut self,
        len: usize,
        field: &'static str,
        expected: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let error = self.error(field, expected);
        let end = self.at.checked_add(len).ok_or(error.clone())?;
        let taken = self.bytes.get(self.at..end).ok_or(error)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N, field, expected)?);
        Ok(out)
    }

    /// int8.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn i8(&mut self, field: &'static str) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array(field, "1 byte (int8)")?))
    }

    /// int16.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn i16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array(field, "2 bytes (int16)")?))
    }

    /// int32.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array(field, "4 bytes (int32)")?))
    }

    /// int64.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn i64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array(field, "8 bytes (int64)")?))
    }

    /// 16 bytes.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn uuid(&mut self, field: &'static str) -> Result<[u8; 16], DecodeError> {
        self.array(field, "16 bytes (uuid)")
    }

    /// An unsigned varint of a flexible version.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn unsigned_varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        for shift in [0_u32, 7, 14, 21, 28] {
            let [byte] = self.array(field, "an unsigned varint")?;
            value |= u32::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error(field, "an unsigned varint of at most 5 bytes"))
    }

    fn utf8(&mut self, len: usize, field: &'static str) -> Result<String, DecodeError> {
        let error = self.error(field, "UTF-8");
        let bytes = self.take(len, field, "as many bytes as the string's length says")?;
        Ok(core::str::from_utf8(bytes).map_err(|_| error)?.into())
    }

    /// A string or null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn nullable_string(&mut self, field: &'static str) -> Result<Option<String>, DecodeError> {
        let error = self.error(field, "a string length of -1 or more");
        match self.i16(field)? {
            -1 => Ok(None),
            len => self.utf8(usize::try_from(len).map_err(|_| error)?, field).map(Some),
        }
    }

    /// A string that is not null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn string(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let error = self.error(field, "a string that is not null");
        self.nullable_string(field)?.ok_or(error)
    }

    /// A string of a flexible version.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn compact_nullable_string(
        &mut self,
        field: &'static str,
    ) -> Result<Option<String>, DecodeError> {
        match self.unsigned_varint(field)? {
            0 => Ok(None),
            len => self.utf8(len as usize - 1, field).map(Some),
        }
    }

    /// A string of a flexible version that is not null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn compact_string(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let error = self.error(field, "a string that is not null");
        self.compact_nullable_string(field)?.ok_or(error)
    }

    /// Bytes or null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn nullable_bytes(&mut self, field: &'static str) -> Result<Option<Vec<u8>>, DecodeError> {
        let error = self.error(field, "a length of -1 or more");
        match self.i32(field)? {
            -1 => Ok(None),
            len => {
                let len = usize::try_from(len).map_err(|_| error)?;
                Ok(Some(self.take(len, field, "as many bytes as the length says")?.to_vec()))
            }
        }
    }

    /// Bytes that are not null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn bytes(&mut self, field: &'static str) -> Result<Vec<u8>, DecodeError> {
        let error = self.error(field, "bytes that are not null");
        self.nullable_bytes(field)?.ok_or(error)
    }

    /// Bytes of a flexible version that are not null.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn compact_bytes(&mut self, field: &'static str) -> Result<Vec<u8>, DecodeError> {
        let error = self.error(field, "bytes that are not null");
        match self.unsigned_varint(field)? {
            0 => Err(error),
            len => {
                Ok(self.take(len as usize - 1, field, "as many bytes as the length says")?.to_vec())
            }
        }
    }

    /// The length of an array. A length that the bytes left cannot hold is refused, so that a
    /// loop over it ends.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn array_len(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let error = self.error(field, "an array length that the bytes can hold");
        let len = usize::try_from(self.i32(field)?).map_err(|_| error.clone())?;
        if len > self.remaining() { Err(error) } else { Ok(len) }
    }

    /// The length of an array of a flexible version, as [`array_len`](Self::array_len).
    ///
    /// # Errors
    /// The bytes are none.
    pub fn compact_array_len(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let error = self.error(field, "an array length that the bytes can hold");
        let len = (self.unsigned_varint(field)? as usize).checked_sub(1).ok_or(error.clone())?;
        if len > self.remaining() { Err(error) } else { Ok(len) }
    }

    /// The tagged fields at the end of a flexible struct: each tag with its bytes.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn tagged_fields(&mut self) -> Result<Vec<(u32, &'a [u8])>, DecodeError> {
        let mut fields = Vec::new();
        for _ in 0..self.unsigned_varint("tagged fields")? {
            let tag = self.unsigned_varint("tag")?;
            let len = self.unsigned_varint("tag")? as usize;
            fields.push((tag, self.take(len, "tag", "as many bytes as the tag's length says")?));
        }
        Ok(fields)
    }

    /// Bytes left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }
}

/// Writes fields one after the other.
#[derive(Debug, Default)]
pub struct Writer {
    /// What is written so far.
    pub out: Vec<u8>,
}

impl Writer {
    /// int8.
    pub fn i8(&mut self, value: i8) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// int16.
    pub fn i16(&mut self, value: i16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// int32.
    pub fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// int64.
    pub fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Bytes without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An unsigned varint.
    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    /// A string longer than Kafka's 32767 bytes is cut at a character: callers check before.
    pub fn string(&mut self, value: &str) {
        let value = &value[..value.floor_char_boundary(i16::MAX as usize)];
        self.i16(value.len() as i16);
        self.raw(value.as_bytes());
    }

    /// A string or null.
    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.i16(-1),
        }
    }

    /// A string of a flexible version.
    pub fn compact_string(&mut self, value: &str) {
        self.unsigned_varint(value.len() as u32 + 1);
        self.raw(value.as_bytes());
    }

    /// A string of a flexible version, or null.
    pub fn compact_nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.compact_string(value),
            None => self.unsigned_varint(0),
        }
    }

    /// Bytes with their length.
    pub fn bytes(&mut self, value: &[u8]) {
        self.i32(value.len() as i32);
        self.raw(value);
    }

    /// Bytes with their length in a flexible version.
    pub fn compact_bytes(&mut self, value: &[u8]) {
        self.unsigned_varint(value.len() as u32 + 1);
        self.raw(value);
    }

    /// Bytes with their length, or null.
    pub fn nullable_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.i32(-1),
        }
    }
}

impl Writer {
    /// An array of a flexible version.
    pub fn compact_array<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.unsigned_varint(items.len() as u32 + 1);
        items.iter().for_each(|each| item(self, each));
    }

    /// The tagged fields at the end of a flexible struct, in the order of their tags.
    pub fn tagged_fields(&mut self, fields: &[(u32, Vec<u8>)]) {
        self.unsigned_varint(fields.len() as u32);
        for (tag, bytes) in fields {
            self.unsigned_varint(*tag);
            self.unsigned_varint(bytes.len() as u32);
            self.raw(bytes);
        }
    }
}

/// A random id as Kafka prints it (`Uuid.randomUuid().toString()`): version 4, in base64 for URLs
/// without padding, and never beginning with a dash.
pub fn random_uuid(random: u128) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0x3 << 62;
    const DASH: u128 = 0b11_1110;
    let mut bits = random & !VERSION & !VARIANT | (0x4 << 76) | (0x2 << 62);
    if bits >> 122 == DASH {
        bits &= !(1 << 127);
    }
    // 22 digits of 6 bits: the last has 2 bits of the number, and 4 of zeros.
    (0..22)
        .map(|digit| {
            let shift = 122_i32 - 6 * digit;
            let six = if shift >= 0 { bits >> shift } else { bits << -shift };
            char::from(ALPHABET[(six & 0x3f) as usize])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::random_uuid;

    #[test]
    fn an_id_is_22_digits_and_begins_with_no_dash() {
        assert_eq!(random_uuid(0), "AAAAAAAAQACAAAAAAAAAAA");
        assert_eq!(random_uuid(u128::MAX), "________T_-__________w");
        assert!(random_uuid(0b11_1110 << 122).starts_with('e'));
    }
}
