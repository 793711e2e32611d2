//! Kafka's flexible encoding, as far as metadata records need it.

use bytes::{Buf, BufMut, Bytes};
use uuid::Uuid;

/// Writes fields one after the other.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.0.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.put_u8(value as u8);
    }

    /// Compact lengths count from 1: 0 is null.
    fn length(&mut self, length: usize) {
        self.varint(u32::try_from(length).unwrap_or(u32::MAX - 1) + 1);
    }

    pub(super) fn i8(&mut self, value: i8) {
        self.0.put_i8(value);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.0.put_u8(value.into());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.0.put_i16(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.put_u16(value);
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.put_i32(value);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.put_i64(value);
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.0.put_slice(value.as_bytes());
    }

    pub(super) fn string(&mut self, value: &str) {
        self.length(value.len());
        self.0.put_slice(value.as_bytes());
    }

    pub(super) fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.varint(0),
        }
    }

    pub(super) fn array<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        items.iter().for_each(|each| item(self, each));
    }

    /// The tagged fields that close a structure, in the order of their tags.
    pub(super) fn tags(&mut self, fields: &[(u32, Vec<u8>)]) {
        self.varint(u32::try_from(fields.len()).unwrap_or(u32::MAX));
        for (tag, bytes) in fields {
            self.varint(*tag);
            self.varint(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            self.0.put_slice(bytes);
        }
    }
}

/// Reads fields; `None` as soon as one is not there whole.
pub(super) struct Reader(pub(super) Bytes);

impl Reader {
    fn has(&self, bytes: usize) -> Option<()> {
        (self.0.remaining() >= bytes).then_some(())
    }

    pub(super) fn varint(&mut self) -> Option<u32> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            self.has(1)?;
            let byte = self.0.get_u8();
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn i8(&mut self) -> Option<i8> {
        self.has(1)?;
        Some(self.0.get_i8())
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.has(4)?;
        Some(self.0.get_i32())
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.has(8)?;
        Some(self.0.get_i64())
    }

    pub(super) fn uuid(&mut self) -> Option<Uuid> {
        self.has(16)?;
        Some(Uuid::from_u128(self.0.get_u128()))
    }

    pub(super) fn nullable_string(&mut self) -> Option<Option<String>> {
        let Some(length) = self.varint()?.checked_sub(1) else { return Some(None) };
        let length = usize::try_from(length).ok()?;
        self.has(length)?;
        String::from_utf8(self.0.split_to(length).to_vec()).ok().map(Some)
    }

    pub(super) fn string(&mut self) -> Option<String> {
        self.nullable_string()?
    }

    /// An array, empty for null.
    pub(super) fn array<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.varint()?.saturating_sub(1);
        // Each item takes a byte at least: a count beyond that is no count.
        self.has(usize::try_from(count).ok()?)?;
        (0..count).map(|_| item(self)).collect()
    }

    /// The tagged fields that close a structure.
    pub(super) fn tags(&mut self) -> Option<Vec<(u32, Reader)>> {
        let count = self.varint()?;
        self.has(usize::try_from(count).ok()?)?;
        (0..count)
            .map(|_| {
                let tag = self.varint()?;
                let length = usize::try_from(self.varint()?).ok()?;
                self.has(length)?;
                Some((tag, Reader(self.0.split_to(length))))
            })
            .collect()
    }
}
