//! A reader for a first pass over a response, which keeps claimed lengths small.
//!
//! `kafka-protocol` allocates an array as long as the frame says, before it reads its elements:
//! eight bytes could ask for 300 GB. In this reader an integer that says more elements than there are
//! bytes reads as a negative one, which is no length, and a varint that says so is an error, so that a
//! frame that claims too much fails in the first pass. A frame that passes is then read for good from its bytes as they are.
//!
//! Requests come from anybody, responses from the server that a client has chosen: those are looked
//! over by [`super::request_schema`], which knows the fields; these by this, which needs no table.

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::buf::ByteBuf;

/// Neither a length nor -1, which stands for null.
const NO_LENGTH: i32 = -2;

/// More than any number of a tagged field, and few as elements.
const ALWAYS: u64 = 4_096;

#[derive(Debug)]
pub(super) struct BoundedBuf {
    bytes: Bytes,
    /// The unsigned varint being read, and how far it is shifted. Booleans are read byte by byte as well: after
    /// one above 127, which nobody writes, the next varint may be refused.
    varint: u64,
    shift: u32,
}

impl BoundedBuf {
    pub(super) fn new(bytes: Bytes) -> BoundedBuf {
        BoundedBuf { bytes, varint: 0, shift: 0 }
    }

    /// An array's element takes a byte at least: one element more than bytes must fail. Room for so few as
    /// [`ALWAYS`] is made in any case; the number of a tagged field is a varint too, and counts nothing.
    fn limit(&self) -> u64 {
        (self.bytes.len() as u64 + 1).max(ALWAYS)
    }
}

impl Buf for BoundedBuf {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let value = self.bytes.try_get_i32()?;
        // As an ordinary field the value does not matter in this pass.
        let claims_too_much = u64::try_from(value).is_ok_and(|value| value > self.limit());
        Ok(if claims_too_much { NO_LENGTH } else { value })
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        self.varint |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        if byte & 0x80 == 0 || self.shift > 28 {
            let value = core::mem::take(&mut self.varint);
            self.shift = 0;
            if value > self.limit() {
                // Whatever it counts is not there.
                let requested = usize::try_from(value).unwrap_or(usize::MAX);
                return Err(TryGetError { requested, available: self.bytes.len() });
            }
        }
        Ok(byte)
    }
}

impl ByteBuf for BoundedBuf {
    fn peek_bytes(&mut self, range: core::ops::Range<usize>) -> Bytes {
        self.bytes.peek_bytes(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.bytes.get_bytes(size)
    }
}
