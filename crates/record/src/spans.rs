//! The byte span of every field: what the inspector shows beside the hex.
//!
//! Unlike [`Batch::parse`](crate::Batch::parse), this never fails: what can be read is read, and what
//! cannot becomes an [`SpanKind::Error`] span that says what was expected.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use bytes::Bytes;

use crate::attributes::{Attributes, Compression};
use crate::compress::decompress;
use crate::crc32c::crc32c;
use crate::error::BatchError;
use crate::header::{
    ATTRIBUTES, BatchHeader, FIELDS, LOG_OVERHEAD, MAGIC, MAGIC_V2, RECORD_BATCH_OVERHEAD,
};
use crate::record::Reader;

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
    /// Bytes that cannot be decoded; `error` says why.
    Error,
}

/// One field in the bytes of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// `header/baseOffset`, `record 3/key`, `record 3/header 0/value`, counted from 0.
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
    /// The decoded value: a number, or text in quotes, or hex; long ones are cut.
    pub value: String,
    /// One sentence in plain words.
    pub doc: &'static str,
    /// What is wrong: what was expected, what stood there.
    pub error: Option<String>,
}

/// What there is to say of the 13 header fields, in the order of [`FIELDS`].
const HEADER_DOCS: [(SpanKind, &str); 13] = [
    (
        SpanKind::Place,
        "Offset of the first record; the producer writes 0 and the leader puts the real one here on append.",
    ),
    (SpanKind::Place, "How many bytes of this batch follow this field."),
    (
        SpanKind::Place,
        "Term of the leader that appended the batch, so that replicas can tell where their histories part.",
    ),
    (SpanKind::Integrity, "Version of the batch format; 2 is the only one that Kafka 4 writes."),
    (
        SpanKind::Integrity,
        "CRC-32C checksum of everything from the attributes to the end; the three fields of the place may change without it.",
    ),
    (
        SpanKind::Shape,
        "Sixteen bits: codec (0-2), who set the timestamps (3), transactional (4), control (5), delete horizon (6).",
    ),
    (
        SpanKind::Shape,
        "Last offset minus base offset; it stays when the cleaner removes records, so offsets never move.",
    ),
    (
        SpanKind::Time,
        "Milliseconds since 1970 from which the records count their timestamps; with the delete horizon bit, that time.",
    ),
    (
        SpanKind::Time,
        "Largest timestamp in the batch, or the time of the append where the broker sets the timestamps.",
    ),
    (
        SpanKind::Producer,
        "Id that the broker gave an idempotent producer; -1 means that duplicates are not detected.",
    ),
    (SpanKind::Producer, "Incarnation of the producer: an older one is fenced off."),
    (
        SpanKind::Producer,
        "Number of the first record in the producer's own count for this partition; a gap or a repetition shows here.",
    ),
    (SpanKind::Count, "How many records follow."),
];

/// Text of a value is cut after this many bytes.
const SHOWN_BYTES: usize = 256;

/// Every field of the batch at the front of `bytes`, in the order of the bytes. For a compressed batch one
/// span for the payload, then the decompressed records with `decompressed` set.
#[must_use]
pub fn spans(bytes: &Bytes) -> Vec<Span> {
    let mut out = Vec::with_capacity(64);
    if !header_spans(bytes, &mut out) {
        return out;
    }
    let Ok(header) = BatchHeader::read(bytes) else { return out };
    let end = header.size_in_bytes().clamp(RECORD_BATCH_OVERHEAD, bytes.len());
    let payload = &bytes[RECORD_BATCH_OVERHEAD..end];
    match header.attributes.compression() {
        Some(Compression::None) => {
            record_spans(&header, payload, RECORD_BATCH_OVERHEAD, false, &mut out)
        }
        Some(codec) => compressed_spans(&header, codec, payload, &mut out),
        None => out.push(error_span(
            "records",
            RECORD_BATCH_OVERHEAD,
            payload.len(),
            format!(
                "expected a codec from 0 to 4, found {}",
                header.attributes.0 & Attributes::CODEC_MASK
            ),
        )),
    }
    if end < bytes.len() {
        let error = format!(
            "expected the end of the batch at byte {end}, found {} more bytes",
            bytes.len() - end
        );
        out.push(error_span("rest", end, bytes.len() - end, error));
    }
    out
}

fn error_span(path: &str, start: usize, len: usize, error: String) -> Span {
    Span {
        path: path.to_string(),
        number: None,
        kind: SpanKind::Error,
        start,
        len,
        decompressed: false,
        value: String::new(),
        doc: "These bytes cannot be decoded.",
        error: Some(error),
    }
}

/// The fields that are there; false if what follows cannot be read.
fn header_spans(bytes: &[u8], out: &mut Vec<Span>) -> bool {
    for (index, ((name, start, len), (kind, doc))) in
        FIELDS.into_iter().zip(HEADER_DOCS).enumerate()
    {
        let path = format!("header/{name}");
        let Some(field) = bytes.get(start..start + len) else {
            let left = bytes.len().saturating_sub(start);
            out.push(error_span(&path, start, left, format!("expected {len} bytes, found {left}")));
            return false;
        };
        let number = field.iter().fold(0i64, |number, byte| number << 8 | i64::from(*byte));
        let shift = 64 - 8 * len as u32;
        let number = number << shift >> shift;
        let (value, error) = header_value(bytes, start, number);
        out.push(Span {
            path,
            number: Some(index as u8 + 1),
            kind,
            start,
            len,
            decompressed: false,
            value,
            doc,
            error,
        });
        if start == MAGIC && number != i64::from(MAGIC_V2) {
            let rest = start + len;
            let error = format!("expected a batch of magic {MAGIC_V2}, found magic {number}");
            out.push(error_span("rest", rest, bytes.len() - rest, error));
            return false;
        }
    }
    true
}

fn header_value(bytes: &[u8], start: usize, number: i64) -> (String, Option<String>) {
    match start {
        crate::header::BATCH_LENGTH => {
            let there = bytes.len().saturating_sub(LOG_OVERHEAD);
            let wrong = number != there as i64;
            (
                number.to_string(),
                wrong.then(|| format!("expected {there}, the bytes that follow, found {number}")),
            )
        }
        MAGIC => {
            let wrong = number != i64::from(MAGIC_V2);
            (number.to_string(), wrong.then(|| format!("expected {MAGIC_V2}, found {number}")))
        }
        crate::header::CRC => {
            let stored = number as u32;
            let size =
                BatchHeader::read(bytes).map_or(bytes.len(), |header| header.size_in_bytes());
            let computed = crc32c(
                bytes
                    .get(ATTRIBUTES..size.clamp(ATTRIBUTES, bytes.len().max(ATTRIBUTES)))
                    .unwrap_or_default(),
            );
            let error = format!(
                "expected {computed:#010x}, the checksum of these bytes, found {stored:#010x}"
            );
            (format!("{stored:#010x}"), (stored != computed).then_some(error))
        }
        ATTRIBUTES => (attributes_text(Attributes(number as i16)), None),
        _ => (number.to_string(), None),
    }
}

fn attributes_text(attributes: Attributes) -> String {
    let mut text = format!("{:#06x}: ", attributes.0);
    text.push_str(attributes.compression().map_or("unknown codec", Compression::name));
    text.push_str(", ");
    text.push_str(attributes.timestamp_type().name());
    for (set, name) in [
        (attributes.is_transactional(), "transactional"),
        (attributes.is_control(), "control"),
        (attributes.has_delete_horizon(), "delete horizon"),
    ] {
        if set {
            text.push_str(", ");
            text.push_str(name);
        }
    }
    text
}

fn compressed_spans(header: &BatchHeader, codec: Compression, payload: &[u8], out: &mut Vec<Span>) {
    let mut span = Span {
        path: "records".into(),
        number: None,
        kind: SpanKind::Compressed,
        start: RECORD_BATCH_OVERHEAD,
        len: payload.len(),
        decompressed: false,
        value: format!("{codec}, {} bytes", payload.len()),
        doc: "All records together, compressed; the header above never is.",
        error: None,
    };
    match decompress(codec, payload) {
        Ok(records) => {
            let _ = write!(span.value, ", {} decompressed", records.len());
            out.push(span);
            record_spans(header, &records, 0, true, out);
        }
        Err(error) => {
            span.kind = SpanKind::Error;
            span.error = Some(error.to_string());
            out.push(span);
        }
    }
}

fn record_spans(
    header: &BatchHeader,
    payload: &[u8],
    shift: usize,
    decompressed: bool,
    out: &mut Vec<Span>,
) {
    let mut walk = Walk {
        reader: Reader { bytes: payload, at: 0, index: 0 },
        shift,
        decompressed,
        prefix: String::new(),
        out,
    };
    for index in 0..usize::try_from(header.records_count).unwrap_or(0) {
        walk.reader.index = index;
        walk.reader.bytes = payload;
        walk.prefix = format!("record {index}");
        if let Err(mut error) = walk.record(header) {
            error.position += shift;
            walk.reader.bytes = payload;
            walk.rest(error.to_string());
            return;
        }
    }
    walk.reader.bytes = payload;
    if walk.reader.at < payload.len() {
        walk.prefix = "records".into();
        walk.rest(format!(
            "expected the end of the records after {} of them, found {} more bytes",
            header.records_count,
            payload.len() - walk.reader.at
        ));
    }
}

/// Reads records and notes a span for each field.
struct Walk<'a, 'o> {
    reader: Reader<'a>,
    /// Added to positions in the payload.
    shift: usize,
    decompressed: bool,
    /// `record 3` or `record 3/header 0`.
    prefix: String,
    out: &'o mut Vec<Span>,
}

impl<'a> Walk<'a, '_> {
    fn push(&mut self, name: &str, kind: SpanKind, start: usize, value: String, doc: &'static str) {
        self.out.push(Span {
            path: format!("{}/{name}", self.prefix),
            number: None,
            kind,
            start: start + self.shift,
            len: self.reader.at - start,
            decompressed: self.decompressed,
            value,
            doc,
            error: None,
        });
    }

    fn rest(&mut self, error: String) {
        let len = self.reader.bytes.len() - self.reader.at;
        let mut span = error_span(&self.prefix, self.reader.at + self.shift, len, error);
        span.decompressed = self.decompressed;
        self.out.push(span);
    }

    fn varint(&mut self, name: &str, doc: &'static str) -> Result<i32, BatchError> {
        let start = self.reader.at;
        let value = self.reader.varint(name)?;
        self.push(name, SpanKind::Varint, start, value.to_string(), doc);
        Ok(value)
    }

    /// A length and the bytes that it counts; a negative length is null. True if there are bytes.
    fn nullable(
        &mut self,
        name: &str,
        kind: SpanKind,
        length_doc: &'static str,
        doc: &'static str,
    ) -> Result<bool, BatchError> {
        let start = self.reader.at;
        let length_name = format!("{name} length");
        let length = self.reader.varint(&length_name)?;
        let text = if length < 0 { format!("{length} (null)") } else { length.to_string() };
        self.push(&length_name, SpanKind::Varint, start, text, length_doc);
        let start = self.reader.at;
        let bytes = self.reader.nullable(name, length)?;
        if let Some(bytes) = bytes {
            self.push(name, kind, start, bytes_text(bytes), doc);
        }
        Ok(bytes.is_some())
    }

    fn record(&mut self, header: &BatchHeader) -> Result<(), BatchError> {
        let length = self.varint("length", "How many bytes of this record follow.")?;
        let left = self.reader.bytes.len() - self.reader.at;
        let Some(length) = usize::try_from(length).ok().filter(|length| *length <= left) else {
            return Err(self.reader.error(
                "length",
                format!("at most the {left} bytes left"),
                length,
            ));
        };
        let end = self.reader.at + length;
        self.reader.bytes = &self.reader.bytes[..end];

        let start = self.reader.at;
        let attributes = self.reader.byte("attributes")?;
        self.push(
            "attributes",
            SpanKind::RecordAttributes,
            start,
            attributes.to_string(),
            "Bits of this record; none has a meaning yet.",
        );
        let start = self.reader.at;
        let delta = self.reader.varlong("timestamp delta")?;
        let timestamp = header.base_timestamp.wrapping_add(delta);
        self.push(
            "timestamp delta",
            SpanKind::Varint,
            start,
            format!("{delta} (timestamp {timestamp})"),
            "Milliseconds after the batch's base timestamp.",
        );
        let start = self.reader.at;
        let delta = self.reader.varint("offset delta")?;
        let offset = header.base_offset.plus(i64::from(delta));
        self.push(
            "offset delta",
            SpanKind::Varint,
            start,
            format!("{delta} (offset {offset})"),
            "Records after the batch's base offset.",
        );
        self.nullable(
            "key",
            SpanKind::Key,
            "Bytes of the key; -1 means that there is none.",
            "The key: records with the same key go to the same partition.",
        )?;
        self.nullable(
            "value",
            SpanKind::Value,
            "Bytes of the value; -1 means null, a tombstone.",
            "The value: Kafka does not look into it.",
        )?;
        let count = self.varint("headers count", "How many headers follow.")?;
        if count < 0 {
            return Err(self.reader.error("headers count", "0 or more", count));
        }
        let prefix = self.prefix.clone();
        for index in 0..count {
            self.prefix = format!("{prefix}/header {index}");
            let present = self.nullable(
                "key",
                SpanKind::Header,
                "Bytes of the header's key.",
                "The header's name, in UTF-8.",
            )?;
            if !present {
                return Err(self.reader.error("header key length", "0 or more", "a negative one"));
            }
            self.nullable(
                "value",
                SpanKind::Header,
                "Bytes of the header's value; -1 means null.",
                "The header's value.",
            )?;
        }
        self.prefix = prefix;
        if self.reader.at != end {
            let used = length - (end - self.reader.at);
            return Err(self.reader.error(
                "length",
                format!("{used} bytes, as its fields take"),
                format!("{length} bytes"),
            ));
        }
        Ok(())
    }
}

/// Text in quotes if it is text, else hex; cut after [`SHOWN_BYTES`].
fn bytes_text(bytes: &[u8]) -> String {
    let mut shown = bytes.len().min(SHOWN_BYTES);
    // Not within a character.
    while shown < bytes.len() && shown > 0 && bytes[shown] & 0xc0 == 0x80 {
        shown -= 1;
    }
    let mut text = match core::str::from_utf8(&bytes[..shown]) {
        Ok(text) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
            format!("{text:?}")
        }
        _ => bytes[..shown].iter().fold(String::from("0x"), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
    };
    if shown < bytes.len() {
        let _ = write!(text, "… ({} bytes)", bytes.len());
    }
    text
}
