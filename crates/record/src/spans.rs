//! The byte span of every field: what the inspector shows.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

/// What a field is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// Fields 1 to 3: where the batch stands.
    Place,
    /// Fields 4 and 5: format and checksum.
    Integrity,
    /// Fields 6 and 7: how the records are packed.
    Shape,
    /// Fields 8 and 9.
    Time,
    /// Fields 10 to 12: who wrote it, for idempotence.
    Producer,
    /// Field 13.
    Count,
    /// A length or number of a record.
    Varint,
    /// The single attributes byte of a record.
    RecordAttributes,
    /// A record's key.
    Key,
    /// A record's value.
    Value,
    /// A key or value of a record header.
    Header,
    /// All records, compressed.
    Compressed,
    /// Bytes that cannot be decoded; `value` says why.
    Error,
}

/// One field in the bytes of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// `header/baseOffset`, `record 3/key`.
    pub path: String,
    /// 1 to 13 for the header's fields.
    pub number: Option<u8>,
    /// What the field is for.
    pub kind: SpanKind,
    /// First byte from the start of the batch; of the decompressed records if `decompressed`.
    pub start: usize,
    /// Bytes.
    pub len: usize,
    /// The positions count in the decompressed records.
    pub decompressed: bool,
    /// The decoded value, as text.
    pub value: String,
    /// One sentence in plain words.
    pub doc: &'static str,
}

/// Every field of the batch at the front of `bytes`.
#[must_use]
pub fn spans(_bytes: &Bytes) -> Vec<Span> {
    Vec::new()
}
