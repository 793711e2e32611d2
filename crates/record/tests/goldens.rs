//! Segments that Apache Kafka 4.4.0 wrote, beside what its own reader says of them.

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchBuilder, BatchErrorKind, BatchOptions, Compression, EndTransactionMarker,
    NO_SEQUENCE, Record, SpanKind, TimestampType, batches, increment_sequence, spans,
};
use serde_json::{Value, json};

macro_rules! segment {
    ($dir:literal, $offset:literal) => {
        (
            concat!($dir, "/", $offset),
            include_bytes!(concat!("data/", $dir, "/000000000000000000", $offset, ".log"))
                .as_slice(),
            include_str!(concat!("data/", $dir, "/000000000000000000", $offset, ".json")),
        )
    };
}

const SEGMENTS: [(&str, &[u8], &str); 17] = [
    segment!("plain-0", "00"),
    segment!("idempotent-0", "00"),
    segment!("gzip-0", "00"),
    segment!("snappy-0", "00"),
    segment!("lz4-0", "00"),
    segment!("zstd-0", "00"),
    segment!("recompressed-0", "00"),
    segment!("appendtime-0", "00"),
    segment!("transactions-0", "00"),
    segment!("segments-0", "00"),
    segment!("segments-0", "05"),
    segment!("segments-0", "10"),
    segment!("compacted-0", "00"),
    segment!("compacted-0", "08"),
    segment!("compactedgzip-0", "00"),
    segment!("compactedgzip-0", "24"),
    segment!("__consumer_offsets-0", "00"),
];

fn hex(bytes: &Bytes) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn record_json(record: &Record, batch: &Batch) -> Value {
    let header = batch.header();
    let sequence = if header.base_sequence < 0 {
        NO_SEQUENCE
    } else {
        increment_sequence(header.base_sequence, (record.offset.0 - header.base_offset.0) as i32)
    };
    let headers: Vec<Value> = record
        .headers
        .iter()
        .map(|header| json!([header.key, header.value.as_ref().map(hex)]))
        .collect();
    json!({
        "offset": record.offset.0,
        "timestamp": record.timestamp,
        "sequence": sequence,
        "key": record.key.as_ref().map(hex),
        "value": record.value.as_ref().map(hex),
        "headers": headers,
    })
}

fn batch_json(batch: &Batch, position: usize) -> Value {
    let header = batch.header();
    let mut records: Vec<Value> = batch
        .records()
        .expect("a golden batch decodes")
        .iter()
        .map(|record| record_json(record, batch))
        .collect();
    if header.attributes.is_control()
        && let Some((marker, _)) =
            EndTransactionMarker::read(batch).expect("a golden marker decodes")
    {
        records[0]["control_type"] = json!(if marker.committed { "COMMIT" } else { "ABORT" });
    }
    json!({
        "position": position,
        "size_bytes": batch.bytes().len(),
        "base_offset": header.base_offset.0,
        "last_offset": header.last_offset().0,
        "partition_leader_epoch": header.partition_leader_epoch.0,
        "magic": header.magic,
        "crc": header.crc,
        "valid": true,
        "attributes": header.attributes.0,
        "compression": header.compression().expect("a known codec").name(),
        "timestamp_type": header.attributes.timestamp_type().name(),
        "base_timestamp": header.base_timestamp,
        "max_timestamp": header.max_timestamp,
        "delete_horizon_ms": header.delete_horizon_ms(),
        "producer_id": header.producer_id.0,
        "producer_epoch": header.producer_epoch.0,
        "base_sequence": header.base_sequence,
        "last_sequence": header.last_sequence(),
        "transactional": header.attributes.is_transactional(),
        "control": header.attributes.is_control(),
        "records_count": header.records_count,
        "records": records,
    })
}

#[test]
fn every_batch_decodes_to_what_kafkas_reader_says() {
    for (name, log, expected) in SEGMENTS {
        let expected: Vec<Value> = serde_json::from_str(expected).expect("golden JSON");
        let mut position = 0;
        let mut read = batches(&Bytes::from_static(log));
        for (index, expected) in expected.iter().enumerate() {
            let batch = read
                .next()
                .expect("a batch")
                .unwrap_or_else(|error| panic!("{name} batch {index}: {error}"));
            assert_eq!(&batch_json(&batch, position), expected, "{name} batch {index}");
            position += batch.bytes().len();
        }
        assert!(read.next().is_none(), "{name} has no more batches");
        assert!(read.rest().is_empty(), "{name} has no more bytes");
    }
}

fn write_again(batch: &Batch, compression: Compression) -> Bytes {
    let header = batch.header();
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        timestamp_type: header.attributes.timestamp_type(),
        log_append_time: header.max_timestamp,
        base_offset: header.base_offset,
        partition_leader_epoch: header.partition_leader_epoch,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        delete_horizon_ms: header.delete_horizon_ms(),
    });
    for record in batch.records().expect("a golden batch decodes") {
        builder.append_with_offset(
            record.offset,
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
    }
    builder.override_last_offset(header.last_offset());
    builder.build().expect("a codec that is there")
}

#[test]
fn uncompressed_batches_are_written_again_byte_for_byte() {
    let mut equal = 0;
    for (name, log, _) in SEGMENTS {
        for batch in batches(&Bytes::from_static(log)) {
            let batch = batch.expect("a golden batch");
            let header = batch.header();
            let written_by_a_builder = header.attributes.compression() == Some(Compression::None)
                // The broker stamped these after their records were written.
                && header.attributes.timestamp_type() == TimestampType::CreateTime
                // The cleaner writes a bare header, not a batch.
                && header.records_count > 0;
            if written_by_a_builder {
                assert_eq!(
                    write_again(&batch, Compression::None),
                    batch.bytes(),
                    "{name} at {}",
                    header.base_offset
                );
                equal += 1;
            }
        }
    }
    assert_eq!(equal, 44, "batches compared");
}

#[test]
fn compressed_batches_survive_being_written_again() {
    let mut written = 0;
    for (_, log, _) in SEGMENTS {
        for batch in batches(&Bytes::from_static(log)) {
            let batch = batch.expect("a golden batch");
            let codec = batch.header().compression().expect("a known codec");
            if codec != Compression::None && batch.header().records_count > 0 {
                let again = Batch::parse(write_again(&batch, codec)).expect("our own batch");
                assert_eq!(again.records(), batch.records());
                assert_eq!(again.header().base_timestamp, batch.header().base_timestamp);
                written += 1;
            }
        }
    }
    assert!(written >= 6, "only {written} compressed batches");
}

/// Every byte of every golden batch is explained, once.
#[test]
fn spans_cover_each_batch_without_gap_or_overlap() {
    for (name, log, _) in SEGMENTS {
        for batch in batches(&Bytes::from_static(log)) {
            let batch = batch.expect("a golden batch");
            let spans = spans(batch.bytes());
            assert!(spans.iter().all(|span| span.error.is_none()), "{name}: {spans:?}");
            for decompressed in [false, true] {
                let mut at = 0;
                for span in spans.iter().filter(|span| span.decompressed == decompressed) {
                    assert_eq!(span.start, at, "{name}: {}", span.path);
                    at += span.len;
                }
                let compressed = spans.iter().any(|span| span.kind == SpanKind::Compressed);
                let expected = match (decompressed, compressed) {
                    (false, _) => batch.bytes().len(),
                    (true, true) => batch.payload().expect("it decompresses").len(),
                    (true, false) => 0,
                };
                assert_eq!(at, expected, "{name}");
            }
        }
    }
}

#[test]
fn a_codec_number_that_kafka_does_not_know_is_named() {
    let mut bytes = BatchBuilder::new(BatchOptions::default());
    bytes.append(0, None, Some(b"v"), &[]);
    let mut bytes = bytes.build().expect("no codec").to_vec();
    bytes[22] |= 7;
    let crc = logbrook_record::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let batch = Batch::parse(Bytes::from(bytes)).expect("length, magic and CRC are right");
    let error = batch.records().expect_err("codec 7");
    assert_eq!(error.kind, BatchErrorKind::UnsupportedCompression);
    assert_eq!(
        error.to_string(),
        "header/attributes at byte 21: expected a codec from 0 to 4, found 7"
    );
}

/// More than one block of each codec, of bytes that compress and of bytes that do not.
#[test]
fn large_records_go_through_every_codec() {
    let mut noise = 1u32;
    let mut value = vec![b'a'; 100_000];
    value.extend((0..200_000).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    }));
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let mut builder =
            BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
        builder.append(0, None, Some(&value), &[]);
        let bytes = builder.build().expect("a codec that is there");
        let records = Batch::parse(bytes).expect("our own batch").records().expect("it decodes");
        assert_eq!(records[0].value.as_deref(), Some(value.as_slice()), "{compression}");
    }
}
