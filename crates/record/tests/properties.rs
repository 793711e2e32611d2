//! Whatever the records: they come back; whatever the damage: it is noticed, and nothing panics.

use bytes::Bytes;
use logbrook_record::{
    Batch, BatchBuilder, BatchOptions, Compression, Header, LeaderEpoch, Offset, ProducerEpoch,
    ProducerId, Record, batches, patch, read_varint, read_varlong, size_of_varint, size_of_varlong,
    spans, write_varint, write_varlong,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn header() -> impl Strategy<Value = Header> {
    ("\\PC{0,6}", option::of(bytes())).prop_map(|(key, value)| Header { key, value })
}

fn record() -> impl Strategy<Value = Record> {
    (0i64..1 << 42, option::of(bytes()), option::of(bytes()), vec(header(), 0..3)).prop_map(
        |(timestamp, key, value, headers)| Record {
            offset: Offset(0),
            timestamp,
            key,
            value,
            headers,
        },
    )
}

fn options() -> impl Strategy<Value = BatchOptions> {
    (
        prop_oneof![
            Just(Compression::None),
            Just(Compression::Gzip),
            Just(Compression::Snappy),
            Just(Compression::Lz4),
            Just(Compression::Zstd),
        ],
        0i64..1 << 40,
        -1i64..5,
        0i32..=i32::MAX,
    )
        .prop_map(|(compression, base_offset, producer_id, base_sequence)| BatchOptions {
            compression,
            base_offset: Offset(base_offset),
            partition_leader_epoch: LeaderEpoch(3),
            producer_id: ProducerId(producer_id),
            producer_epoch: ProducerEpoch(7),
            base_sequence,
            transactional: producer_id > 2,
            ..BatchOptions::default()
        })
}

fn build(options: BatchOptions, records: &[Record]) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let expected = builder.next_record_size(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
        let before = builder.size_estimate();
        let size = builder.append(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            &record.headers,
        );
        assert_eq!((size, builder.size_estimate() - before), (expected, expected));
    }
    builder.build().expect("a codec that is there")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back(options in options(), records in vec(record(), 1..12)) {
        let batch = Batch::parse(build(options, &records)).expect("our own batch");
        let expected: Vec<Record> = records
            .into_iter()
            .enumerate()
            .map(|(index, record)| Record { offset: options.base_offset.plus(index as i64), ..record })
            .collect();
        prop_assert_eq!(batch.header().max_timestamp, expected.iter().map(|record| record.timestamp).max().unwrap_or(-1));
        prop_assert_eq!(batch.last_offset(), expected[expected.len() - 1].offset);
        prop_assert_eq!(batch.records().expect("our own records"), expected);
    }

    /// One changed byte is an error, but for base offset and leader epoch, which the broker rewrites:
    /// there it changes that field and nothing else.
    #[test]
    fn one_changed_byte_is_noticed(options in options(), records in vec(record(), 1..4), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let good = build(options, &records);
        let mut bad = good.to_vec();
        let at = at.index(bad.len());
        bad[at] ^= flip;
        let bad = Bytes::from(bad);
        let parsed = Batch::parse(bad.clone());
        match at {
            0..8 | 12..16 => {
                let (parsed, good) = (parsed.expect("outside of the CRC"), Batch::parse(good).expect("our own batch"));
                prop_assert!(parsed.header() != good.header());
                prop_assert_eq!(parsed.header().crc, good.header().crc);
                prop_assert_eq!(parsed.records().expect("intact").len(), good.records().expect("our own").len());
            }
            _ => {
                let error = parsed.expect_err("inside of the CRC, or the frame").to_string();
                prop_assert!(error.starts_with("header"), "{}", error);
                prop_assert!(spans(&bad).iter().any(|span| span.error.is_some()), "the inspector shows it");
            }
        }
    }

    #[test]
    fn a_cut_never_panics(options in options(), records in vec(record(), 1..4)) {
        let whole = build(options, &records);
        for end in 0..whole.len() {
            let cut = whole.slice(..end);
            prop_assert!(Batch::parse(cut.clone()).is_err());
            prop_assert!(batches(&cut).next().is_none(), "a cut last batch is left out");
            let covered: usize = spans(&cut).iter().filter(|span| !span.decompressed).map(|span| span.len).sum();
            prop_assert_eq!(covered, end, "the inspector accounts for every byte");
        }
    }

    /// With the CRC made right again, damage reaches the record decoder and the codec.
    #[test]
    fn damaged_records_with_a_right_crc_never_panic(options in options(), records in vec(record(), 1..4), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = build(options, &records).to_vec();
        for (at, byte) in damage {
            let at = 21 + at.index(bytes.len() - 21);
            bytes[at] = byte;
        }
        let crc = logbrook_record::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        let batch = Batch::parse(Bytes::from(bytes)).expect("frame and CRC are right");
        let decoded = batch.records();
        let spans = spans(batch.bytes());
        if decoded.is_err() {
            prop_assert!(spans.iter().any(|span| span.error.is_some()), "{:?}", decoded);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = Batch::parse(bytes.clone());
        let covered: usize = spans(&bytes).iter().filter(|span| !span.decompressed).map(|span| span.len).sum();
        prop_assert_eq!(covered, bytes.len());
        for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
            let _ = logbrook_record::decompress(codec, &bytes);
        }
    }

    #[test]
    fn varints_come_back(value in any::<i64>()) {
        let mut out = Vec::new();
        write_varlong(value, &mut out);
        prop_assert_eq!(out.len(), size_of_varlong(value));
        prop_assert_eq!(read_varlong(&out), Ok((value, out.len())));
        let short = value as i32;
        out.clear();
        write_varint(short, &mut out);
        prop_assert_eq!(out.len(), size_of_varint(short));
        prop_assert_eq!(read_varint(&out), Ok((short, out.len())));
    }

    /// A broker's patch moves the batch and leaves its records alone.
    #[test]
    fn a_patch_moves_a_batch(options in options(), records in vec(record(), 1..4), base in 0i64..1 << 40, append_time in option::of(0i64..1 << 42)) {
        let before = Batch::parse(build(options, &records)).expect("our own batch");
        let mut bytes = before.bytes().to_vec();
        patch(&mut bytes, Offset(base), LeaderEpoch(9), append_time).expect("a whole batch");
        let after = Batch::parse(Bytes::from(bytes)).expect("the CRC is right again");
        prop_assert_eq!((after.base_offset(), after.header().partition_leader_epoch), (Offset(base), LeaderEpoch(9)));
        for (before, after) in before.records().expect("ours").iter().zip(after.records().expect("ours")) {
            prop_assert_eq!(after.timestamp, append_time.unwrap_or(before.timestamp));
            prop_assert_eq!((&before.key, &before.value), (&after.key, &after.value));
        }
    }
}
