//! One record within a batch.
//!
//! ```text
//! length varint | attributes i8 | timestamp delta varlong | offset delta varint
//! key length varint (-1: null) | key | value length varint (-1: null) | value
//! headers count varint | per header: key length varint | key (UTF-8) | value length varint (-1: null) | value
//! ```
//! The length counts what follows it (`DefaultRecord`).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::error::{BatchError, BatchErrorKind};
use crate::ids::Offset;
use crate::varint::{
    VarintError, read_varint, read_varlong, size_of_varint, size_of_varlong, write_varint,
    write_varlong,
};

/// A record as an application sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// Offset in the partition.
    pub offset: Offset,
    /// Ms since the Unix epoch; -1 for none.
    pub timestamp: i64,
    /// Null in a record without a key.
    pub key: Option<Bytes>,
    /// Null in a tombstone.
    pub value: Option<Bytes>,
    /// In the order of the producer; keys may repeat (KIP-82).
    pub headers: Vec<Header>,
}

/// A header of a record (KIP-82).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// UTF-8 by definition; other bytes read as U+FFFD, as in Java.
    pub key: String,
    /// May be null.
    pub value: Option<Bytes>,
}

impl Header {
    /// A header with a value.
    pub fn new(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }
}

/// A record still in its bytes: what a broker looks at when it validates one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordView<'a> {
    /// Bytes of the record, its length field included.
    pub size: usize,
    /// Without it.
    body: usize,
    /// Record attributes, unused so far.
    pub attributes: i8,
    /// Ms after the base timestamp.
    pub timestamp_delta: i64,
    /// Records after the base offset.
    pub offset_delta: i32,
    /// Null in a record without a key.
    pub key: Option<&'a [u8]>,
    /// Null in a tombstone.
    pub value: Option<&'a [u8]>,
    /// Number of headers.
    pub headers_count: i32,
    /// The headers' bytes, after their count.
    headers: &'a [u8],
}

/// Reads the fields of one record, for [`RecordView`] and for the spans of the inspector.
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
    /// Which record this is, for errors.
    pub(crate) index: usize,
}

impl<'a> Reader<'a> {
    #[cold]
    pub(crate) fn error(
        &self,
        field: &str,
        expected: impl alloc::string::ToString,
        found: impl alloc::string::ToString,
    ) -> BatchError {
        BatchError::new(
            BatchErrorKind::Record,
            self.at,
            format!("record {}/{field}", self.index),
            expected,
            found,
        )
    }

    #[cold]
    fn varint_error(&self, field: &str, longest: usize, error: VarintError) -> BatchError {
        match error {
            VarintError::Truncated => self.error(field, "a varint", "the end of the bytes"),
            VarintError::TooLong => self.error(
                field,
                format!("a varint of at most {longest} bytes"),
                format!("one longer than {longest} bytes"),
            ),
        }
    }

    #[inline]
    pub(crate) fn varint(&mut self, field: &str) -> Result<i32, BatchError> {
        match read_varint(&self.bytes[self.at..]) {
            Ok((value, length)) => {
                self.at += length;
                Ok(value)
            }
            Err(error) => Err(self.varint_error(field, 5, error)),
        }
    }

    #[inline]
    pub(crate) fn varlong(&mut self, field: &str) -> Result<i64, BatchError> {
        match read_varlong(&self.bytes[self.at..]) {
            Ok((value, length)) => {
                self.at += length;
                Ok(value)
            }
            Err(error) => Err(self.varint_error(field, 10, error)),
        }
    }

    #[inline]
    pub(crate) fn byte(&mut self, field: &str) -> Result<i8, BatchError> {
        let Some(&byte) = self.bytes.get(self.at) else {
            return Err(self.error(field, "1 byte", "the end of the bytes"));
        };
        self.at += 1;
        Ok(byte as i8)
    }

    /// `length` bytes, or null for a negative length (`Utils.readBytes`).
    #[inline]
    pub(crate) fn nullable(
        &mut self,
        field: &str,
        length: i32,
    ) -> Result<Option<&'a [u8]>, BatchError> {
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        let left = self.bytes.len() - self.at;
        if length > left {
            return Err(self.error(field, format!("{length} bytes"), format!("{left} left")));
        }
        let out = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(Some(out))
    }
}

#[inline]
fn varint(rest: &mut &[u8]) -> Option<i32> {
    let (value, length) = read_varint(rest).ok()?;
    *rest = &rest[length..];
    Some(value)
}

#[inline]
fn varlong(rest: &mut &[u8]) -> Option<i64> {
    let (value, length) = read_varlong(rest).ok()?;
    *rest = &rest[length..];
    Some(value)
}

/// Bytes behind their length, or null; `None` if they are not there.
#[inline]
#[allow(clippy::option_option, reason = "outer: could be read; inner: null")]
fn nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Ok(length) = usize::try_from(varint(rest)?) else { return Some(None) };
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(Some(bytes))
}

impl<'a> RecordView<'a> {
    /// Reads the record at `at` of `bytes`; `index` is its number in the batch, for the error.
    ///
    /// # Errors
    /// [`BatchErrorKind::Record`] at the first field that cannot be read, as `DefaultRecord.readFrom`.
    #[inline]
    pub fn read(bytes: &'a [u8], at: usize, index: usize) -> Result<Self, BatchError> {
        // Every record of every append comes through here. An error is worth a second, slower look.
        match Self::read_good(bytes, at) {
            Some(view) => Ok(view),
            None => Self::read_explained(bytes, at, index),
        }
    }

    /// The record, if it is right.
    #[inline]
    fn read_good(bytes: &'a [u8], at: usize) -> Option<Self> {
        let mut rest = bytes.get(at..)?;
        let before = rest.len();
        let body = usize::try_from(varint(&mut rest)?).ok()?;
        let length_size = before - rest.len();
        rest = rest.get(..body)?;
        let (&attributes, after) = rest.split_first()?;
        rest = after;
        let timestamp_delta = varlong(&mut rest)?;
        let offset_delta = varint(&mut rest)?;
        let key = nullable(&mut rest)?;
        let value = nullable(&mut rest)?;
        let headers_count = varint(&mut rest)?;
        let headers = rest;
        if headers_count < 0 || headers_count as usize > headers.len() {
            return None;
        }
        for _ in 0..headers_count {
            nullable(&mut rest)??;
            nullable(&mut rest)?;
        }
        rest.is_empty().then_some(Self {
            size: length_size + body,
            body,
            attributes: attributes as i8,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers_count,
            headers,
        })
    }

    /// The same, field by field, to say which is wrong.
    #[cold]
    #[inline(never)]
    fn read_explained(bytes: &'a [u8], at: usize, index: usize) -> Result<Self, BatchError> {
        let mut outer = Reader { bytes, at: at.min(bytes.len()), index };
        let body = outer.varint("length")?;
        let left = bytes.len() - outer.at;
        let Some(body) = usize::try_from(body).ok().filter(|body| *body <= left) else {
            return Err(outer.error("length", format!("at most the {left} bytes left"), body));
        };
        let start = outer.at;
        let end = start + body;
        let mut reader = Reader { bytes: &bytes[..end], at: start, index };
        let attributes = reader.byte("attributes")?;
        let timestamp_delta = reader.varlong("timestamp delta")?;
        let offset_delta = reader.varint("offset delta")?;
        let key_length = reader.varint("key length")?;
        let key = reader.nullable("key", key_length)?;
        let value_length = reader.varint("value length")?;
        let value = reader.nullable("value", value_length)?;
        let headers_count = reader.varint("headers count")?;
        let headers_left = end - reader.at;
        if headers_count < 0 || headers_count as usize > headers_left {
            return Err(reader.error(
                "headers count",
                format!("0 to {headers_left}"),
                headers_count,
            ));
        }
        let headers = &bytes[reader.at..end];
        for _ in 0..headers_count {
            let key_length = reader.varint("header key length")?;
            if reader.nullable("header key", key_length)?.is_none() {
                return Err(reader.error("header key length", "0 or more", key_length));
            }
            let value_length = reader.varint("header value length")?;
            reader.nullable("header value", value_length)?;
        }
        if reader.at != end {
            return Err(reader.error(
                "length",
                format!("{} bytes, as its fields take", reader.at - start),
                format!("{body} bytes"),
            ));
        }
        Ok(Self {
            size: end - at,
            body,
            attributes,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers_count,
            headers,
        })
    }

    /// Bytes of the record without its length field: what the length field says.
    #[inline]
    #[must_use]
    pub const fn size_of_body(&self) -> usize {
        self.body
    }

    /// The headers, read into owned values.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'a [u8], Option<&'a [u8]>)> {
        let mut reader = Reader { bytes: self.headers, at: 0, index: 0 };
        let mut out = Vec::with_capacity(self.headers_count as usize);
        // `read` went over the same bytes, so nothing fails here.
        for _ in 0..self.headers_count {
            let Ok(Some(key)) = reader.varint("").and_then(|length| reader.nullable("", length))
            else {
                break;
            };
            let Ok(value) = reader.varint("").and_then(|length| reader.nullable("", length)) else {
                break;
            };
            out.push((key, value));
        }
        out
    }
}

/// Bytes of a record's body, after its length field (`DefaultRecord.sizeOfBodyInBytes`).
pub(crate) fn size_of_body(
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) -> usize {
    let nullable = |bytes: Option<&[u8]>| match bytes {
        None => 1,
        Some(bytes) => size_of_varlong(bytes.len() as i64) + bytes.len(),
    };
    let headers_size: usize = headers
        .iter()
        .map(|header| nullable(Some(header.key.as_bytes())) + nullable(header.value.as_deref()))
        .sum();
    1 + size_of_varint(offset_delta)
        + size_of_varlong(timestamp_delta)
        + nullable(key)
        + nullable(value)
        + size_of_varlong(headers.len() as i64)
        + headers_size
}

/// Appends one record as `DefaultRecord.writeTo` does; returns its size with the length field.
pub(crate) fn write_record(
    out: &mut Vec<u8>,
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header],
) -> usize {
    let start = out.len();
    let body = size_of_body(offset_delta, timestamp_delta, key, value, headers);
    let nullable = |bytes: Option<&[u8]>, out: &mut Vec<u8>| match bytes {
        None => write_varint(-1, out),
        Some(bytes) => {
            write_varlong(bytes.len() as i64, out);
            out.extend_from_slice(bytes);
        }
    };
    write_varlong(body as i64, out);
    out.push(0);
    write_varlong(timestamp_delta, out);
    write_varint(offset_delta, out);
    nullable(key, out);
    nullable(value, out);
    write_varlong(headers.len() as i64, out);
    for header in headers {
        nullable(Some(header.key.as_bytes()), out);
        nullable(header.value.as_deref(), out);
    }
    out.len() - start
}
