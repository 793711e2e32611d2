//! A stored batch, byte by byte: the decode tree of the inspector.

use std::sync::Arc;

use logbrook_record::{Batch, BatchHeader, Span, SpanKind, spans};

use crate::view::{ByteRow, Bytes, Moment, Purpose, RecordCard, Rich};

/// Where a batch stands, for the inspector's head.
pub(crate) struct Place<'a> {
    pub(crate) partition: String,
    pub(crate) broker: i32,
    /// Position of the batch in the log, from 1, and how many there are.
    pub(crate) number: (usize, usize),
    pub(crate) written: Option<Moment>,
    /// The record that is selected.
    pub(crate) offset: i64,
    pub(crate) batch: &'a Batch,
}

/// First byte that the checksum covers: the attributes.
const CRC_FROM: usize = 21;
/// Bytes of a batch's header.
const HEADER_LEN: usize = 61;

pub(crate) fn bytes(place: &Place<'_>) -> Bytes {
    let batch = place.batch;
    let header = batch.header();
    let (first, last) = (header.base_offset.0, header.last_offset().0);
    let all = batch.bytes();
    let rows = rows(batch, first, last);
    let start = rows.iter().position(|r| r.record == Some(place.offset)).unwrap_or_default();
    let stored = header.crc;
    let computed = logbrook_record::crc32c(&all[CRC_FROM..]);
    let end = all.len() - 1;
    let said = if stored == computed { "as stored" } else { "which is not what is stored" };
    let crc = format!(
        "CRC-32C over bytes {CRC_FROM} to {end} is `0x{computed:08x}`, {said}. The leader epoch lies \
         outside it, so that a broker can set it without computing it again."
    );
    let span =
        if first == last { format!("batch {first}") } else { format!("batch {first} to {last}") };
    let (number, of) = place.number;
    Bytes {
        partition: place.partition.clone(),
        place: format!("{span}, on broker {}; batch {number} of {of}", place.broker),
        neighbours: (number > 1, number < of),
        written: place.written,
        bytes: Arc::new(all.to_vec()),
        rows,
        start,
        crc_covers: (CRC_FROM, end),
        crc: (stored == computed, Rich::parse(&crc)),
        records: records(batch, header),
    }
}

fn rows(batch: &Batch, first: i64, last: i64) -> Vec<ByteRow> {
    let all = batch.bytes();
    let title =
        if first == last { format!("batch {first}") } else { format!("batch {first} to {last}") };
    let mut out = vec![
        group(0, title, 0, all.len(), None),
        group(1, "header".to_owned(), 0, HEADER_LEN, None),
    ];
    // Spans of one record follow each other; a group row opens each record.
    let mut open: Option<(String, usize)> = None;
    for span in spans(all).into_iter().filter(|s| !s.decompressed) {
        let (owner, name) = span.path.split_once('/').unwrap_or(("", &span.path));
        let record = owner.strip_prefix("record ").and_then(|n| n.parse::<i64>().ok());
        let offset = record.map(|n| first + n);
        if let Some(offset) = offset {
            if open.as_ref().is_none_or(|(o, _)| o != owner) {
                open = Some((owner.to_owned(), out.len()));
                out.push(group(1, format!("record {offset}"), span.start, 0, Some(offset)));
            }
            if let Some((_, at)) = &open {
                let row = &mut out[*at];
                row.len = span.start + span.len - row.start;
                row.value = format!("{} bytes", row.len);
            }
        }
        out.push(field(&span, name, offset));
    }
    out
}

fn group(depth: u8, name: String, start: usize, len: usize, record: Option<i64>) -> ByteRow {
    ByteRow {
        depth,
        name,
        number: None,
        purpose: Purpose::Group,
        kind: String::new(),
        start,
        len,
        value: format!("{len} bytes"),
        doc: Rich::default(),
        record,
        error: None,
    }
}

fn field(span: &Span, name: &str, record: Option<i64>) -> ByteRow {
    let purpose = match span.kind {
        SpanKind::Place => Purpose::Place,
        SpanKind::Integrity => Purpose::Integrity,
        SpanKind::Shape => Purpose::Shape,
        SpanKind::Time => Purpose::Time,
        SpanKind::Producer => Purpose::Producer,
        SpanKind::Count => Purpose::Count,
        SpanKind::Key => Purpose::RecordKey,
        SpanKind::Varint if name == "length" => Purpose::RecordLength,
        SpanKind::Varint
        | SpanKind::RecordAttributes
        | SpanKind::Value
        | SpanKind::Header
        | SpanKind::Compressed
        | SpanKind::Error => Purpose::Record,
    };
    let kind = match (span.number, span.kind, span.len) {
        (Some(5), _, _) => "uint32",
        (Some(_), _, 1) => "int8",
        (Some(_), _, 2) => "int16",
        (Some(_), _, 4) => "int32",
        (Some(_), _, _) => "int64",
        (None, SpanKind::Varint, _) => "varint",
        (None, SpanKind::RecordAttributes, _) => "int8",
        (None, _, _) => "bytes",
    };
    let error = (span.kind == SpanKind::Error).then(|| Rich::parse(&span.value));
    ByteRow {
        depth: 2,
        name: name.to_owned(),
        number: span.number,
        purpose,
        kind: kind.to_owned(),
        start: span.start,
        len: span.len,
        value: span.value.clone(),
        doc: Rich::parse(span.doc),
        record,
        error,
    }
}

fn records(batch: &Batch, header: &BatchHeader) -> Vec<RecordCard> {
    let time = header.attributes.timestamp_type().name();
    // A batch that does not decode still shows its bytes; the tree says what is wrong.
    let records = batch.records().unwrap_or_default();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let card = |r: &logbrook_record::Record| RecordCard {
        offset: r.offset.0,
        timestamp: format!("{time} {}", r.timestamp),
        key: r.key.as_deref().map(text),
        value: r.value.as_deref().map(text),
        headers: r.headers.iter().map(|h| (h.key.clone(), h.value.as_deref().map(text))).collect(),
    };
    records.iter().map(card).collect()
}
