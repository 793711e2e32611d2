//! What the inspector shows, as text.

use std::fmt::Write;

use bytes::Bytes;
use expect_test::{Expect, expect};
use logbrook_record::{
    BatchBuilder, BatchOptions, Compression, Header, ProducerEpoch, ProducerId, spans,
};

fn check(bytes: &Bytes, expected: Expect) {
    let mut text = String::new();
    for span in spans(bytes) {
        let number = span.number.map_or_else(String::new, |number| number.to_string());
        let place = if span.decompressed { "~" } else { "" };
        let _ = write!(
            text,
            "{number:<2} {place}{}+{} {:?} {} = {}",
            span.start, span.len, span.kind, span.path, span.value
        );
        if let Some(error) = span.error {
            let _ = write!(text, " ! {error}");
        }
        text.push('\n');
    }
    expected.assert_eq(&text);
}

fn one_record(compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        producer_id: ProducerId(4),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        ..BatchOptions::default()
    });
    builder.append(
        1_700_000_000_000,
        Some(b"alice"),
        Some(b"42 EUR"),
        &[Header::new("trace", vec![0x00, 0xff])],
    );
    builder.append(1_700_000_000_007, None, None, &[]);
    builder.build().expect("a codec that is there")
}

#[test]
fn every_field_of_a_batch() {
    check(
        &one_record(Compression::None),
        expect![[r#"
            1  0+8 Place header/baseOffset = 0
            2  8+4 Place header/batchLength = 83
            3  12+4 Place header/partitionLeaderEpoch = -1
            4  16+1 Integrity header/magic = 2
            5  17+4 Integrity header/crc = 0x5423b983
            6  21+2 Shape header/attributes = 0x0000: none, CreateTime
            7  23+4 Shape header/lastOffsetDelta = 1
            8  27+8 Time header/baseTimestamp = 1700000000000
            9  35+8 Time header/maxTimestamp = 1700000000007
            10 43+8 Producer header/producerId = 4
            11 51+2 Producer header/producerEpoch = 0
            12 53+4 Producer header/baseSequence = 0
            13 57+4 Count header/recordsCount = 2
               61+1 Varint record 0/length = 26
               62+1 RecordAttributes record 0/attributes = 0
               63+1 Varint record 0/timestamp delta = 0 (timestamp 1700000000000)
               64+1 Varint record 0/offset delta = 0 (offset 0)
               65+1 Varint record 0/key length = 5
               66+5 Key record 0/key = "alice"
               71+1 Varint record 0/value length = 6
               72+6 Value record 0/value = "42 EUR"
               78+1 Varint record 0/headers count = 1
               79+1 Varint record 0/header 0/key length = 5
               80+5 Header record 0/header 0/key = "trace"
               85+1 Varint record 0/header 0/value length = 2
               86+2 Header record 0/header 0/value = 0x00ff
               88+1 Varint record 1/length = 6
               89+1 RecordAttributes record 1/attributes = 0
               90+1 Varint record 1/timestamp delta = 7 (timestamp 1700000000007)
               91+1 Varint record 1/offset delta = 1 (offset 1)
               92+1 Varint record 1/key length = -1 (null)
               93+1 Varint record 1/value length = -1 (null)
               94+1 Varint record 1/headers count = 0
        "#]],
    );
}

#[test]
fn a_compressed_batch_is_one_payload_and_its_decoded_records() {
    check(
        &one_record(Compression::Gzip),
        expect![[r#"
            1  0+8 Place header/baseOffset = 0
            2  8+4 Place header/batchLength = 106
            3  12+4 Place header/partitionLeaderEpoch = -1
            4  16+1 Integrity header/magic = 2
            5  17+4 Integrity header/crc = 0xcc5b5f81
            6  21+2 Shape header/attributes = 0x0001: gzip, CreateTime
            7  23+4 Shape header/lastOffsetDelta = 1
            8  27+8 Time header/baseTimestamp = 1700000000000
            9  35+8 Time header/maxTimestamp = 1700000000007
            10 43+8 Producer header/producerId = 4
            11 51+2 Producer header/producerEpoch = 0
            12 53+4 Producer header/baseSequence = 0
            13 57+4 Count header/recordsCount = 2
               61+57 Compressed records = gzip, 57 bytes, 34 decompressed
               ~0+1 Varint record 0/length = 26
               ~1+1 RecordAttributes record 0/attributes = 0
               ~2+1 Varint record 0/timestamp delta = 0 (timestamp 1700000000000)
               ~3+1 Varint record 0/offset delta = 0 (offset 0)
               ~4+1 Varint record 0/key length = 5
               ~5+5 Key record 0/key = "alice"
               ~10+1 Varint record 0/value length = 6
               ~11+6 Value record 0/value = "42 EUR"
               ~17+1 Varint record 0/headers count = 1
               ~18+1 Varint record 0/header 0/key length = 5
               ~19+5 Header record 0/header 0/key = "trace"
               ~24+1 Varint record 0/header 0/value length = 2
               ~25+2 Header record 0/header 0/value = 0x00ff
               ~27+1 Varint record 1/length = 6
               ~28+1 RecordAttributes record 1/attributes = 0
               ~29+1 Varint record 1/timestamp delta = 7 (timestamp 1700000000007)
               ~30+1 Varint record 1/offset delta = 1 (offset 1)
               ~31+1 Varint record 1/key length = -1 (null)
               ~32+1 Varint record 1/value length = -1 (null)
               ~33+1 Varint record 1/headers count = 0
        "#]],
    );
}

#[test]
fn damage_is_shown_where_it_is() {
    let mut bytes = one_record(Compression::None).to_vec();
    // The length of the first key now says 61.
    bytes[65] = 122;
    check(
        &Bytes::from(bytes),
        expect![[r#"
            1  0+8 Place header/baseOffset = 0
            2  8+4 Place header/batchLength = 83
            3  12+4 Place header/partitionLeaderEpoch = -1
            4  16+1 Integrity header/magic = 2
            5  17+4 Integrity header/crc = 0x5423b983 ! expected 0xca46fc55, the checksum of these bytes, found 0x5423b983
            6  21+2 Shape header/attributes = 0x0000: none, CreateTime
            7  23+4 Shape header/lastOffsetDelta = 1
            8  27+8 Time header/baseTimestamp = 1700000000000
            9  35+8 Time header/maxTimestamp = 1700000000007
            10 43+8 Producer header/producerId = 4
            11 51+2 Producer header/producerEpoch = 0
            12 53+4 Producer header/baseSequence = 0
            13 57+4 Count header/recordsCount = 2
               61+1 Varint record 0/length = 26
               62+1 RecordAttributes record 0/attributes = 0
               63+1 Varint record 0/timestamp delta = 0 (timestamp 1700000000000)
               64+1 Varint record 0/offset delta = 0 (offset 0)
               65+1 Varint record 0/key length = 61
               66+29 Error record 0 =  ! record 0/key at byte 66: expected 61 bytes, found 22 left
        "#]],
    );
}

#[test]
fn an_old_format_is_not_read_as_a_new_one() {
    let mut bytes = one_record(Compression::None).to_vec();
    bytes[16] = 1;
    check(
        &Bytes::from(bytes),
        expect![[r#"
            1  0+8 Place header/baseOffset = 0
            2  8+4 Place header/batchLength = 83
            3  12+4 Place header/partitionLeaderEpoch = -1
            4  16+1 Integrity header/magic = 1 ! expected 2, found 1
               17+78 Error rest =  ! expected a batch of magic 2, found magic 1
        "#]],
    );
}
