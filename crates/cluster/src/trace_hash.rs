//! The digest of a trace: equal for equal runs on every platform.

use core::hash::{Hash, Hasher};

use crate::trace::TraceEvent;

/// A rolling digest of 64 bits: FNV-1a (offset basis `cbf29ce484222325`, prime `100000001b3`) over
/// words of 8 bytes, little endian, each followed by `hash ^= hash >> 32`, so that high bits count too.
///
/// What goes in, for each event in order, is what `#[derive(Hash)]` writes of a
/// [`TraceEvent`]: its fields in the order of their declaration, each variant of an enum by its number.
/// Every number is one word, sign-extended, whatever its width, so that `usize` is the same natively
/// and on wasm32; a text is its bytes, filled up with zeros, and a closing word. Nothing of it is an
/// address or a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(u64);

impl Default for TraceHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl TraceHash {
    /// The digest so far.
    pub fn value(self) -> u64 {
        self.0
    }

    /// Adds one event.
    pub(crate) fn add(&mut self, event: &TraceEvent) {
        event.hash(self);
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
        self.0 ^= self.0 >> 32;
    }
}

impl Hasher for TraceHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.word(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    fn write_i8(&mut self, number: i8) {
        self.word(i64::from(number) as u64);
    }

    fn write_i16(&mut self, number: i16) {
        self.word(i64::from(number) as u64);
    }

    fn write_i32(&mut self, number: i32) {
        self.word(i64::from(number) as u64);
    }

    fn write_i64(&mut self, number: i64) {
        self.word(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.word(number as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(value: impl Hash) -> u64 {
        let mut hash = TraceHash::default();
        value.hash(&mut hash);
        hash.value()
    }

    #[test]
    fn the_width_of_a_number_does_not_count_and_its_value_does() {
        assert_eq!(digest(7_usize), digest(7_u64));
        assert_eq!(digest(-1_isize), digest(-1_i64));
        assert_ne!(digest(7_u64), digest(8_u64));
        assert_ne!(digest(1_u64 << 63), digest(0_u64));
        assert_ne!(digest((1_u64 << 63, 1_u64 << 63)), digest((0_u64, 0_u64)));
        assert_ne!(digest(("a", "b")), digest(("ab", "")));
        // A fixed point, so that a change of the digest is noticed.
        assert_eq!(format!("{:016x}", digest("logbrook")), "e1ab4634a35766f3");
    }
}
