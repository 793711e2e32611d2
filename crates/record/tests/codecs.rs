//! The codecs on their own: what comes back, what other encoders write, and what is meant to do harm.

use bytes::Bytes;
use logbrook_record::{
    BatchErrorKind, Compression, MAX_DECOMPRESSED_BYTES, batches, compress, decompress,
};
use proptest::collection::vec;
use proptest::prelude::*;

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn compressed(codec: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compress(codec, bytes, &mut out);
    out
}

/// Bytes with runs, repetitions near and far, and noise.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..200),
        (any::<u8>(), 1usize..3000).prop_map(|(byte, count)| vec![byte; count]),
        ("[a-e]{1,12}", 1usize..400).prop_map(|(word, count)| word.repeat(count).into_bytes()),
    ];
    vec((piece, 1usize..4), 0..12).prop_map(|pieces| {
        let mut out = Vec::new();
        for (piece, times) in &pieces {
            for _ in 0..*times {
                out.extend_from_slice(piece);
            }
        }
        for (piece, _) in &pieces {
            out.extend_from_slice(piece);
        }
        out
    })
}

/// The stored records of the batches in a segment that Kafka wrote.
fn golden_payloads(log: &'static [u8]) -> Vec<Bytes> {
    batches(&Bytes::from_static(log))
        .map(|batch| Bytes::copy_from_slice(batch.expect("a golden batch").stored_records()))
        .collect()
}

fn goldens() -> Vec<(Compression, Bytes)> {
    let files: [(Compression, &'static [u8]); 4] = [
        (Compression::Gzip, include_bytes!("data/gzip-0/00000000000000000000.log")),
        (Compression::Snappy, include_bytes!("data/snappy-0/00000000000000000000.log")),
        (Compression::Lz4, include_bytes!("data/lz4-0/00000000000000000000.log")),
        (Compression::Zstd, include_bytes!("data/zstd-0/00000000000000000000.log")),
    ];
    files
        .into_iter()
        .flat_map(|(codec, log)| golden_payloads(log).into_iter().map(move |bytes| (codec, bytes)))
        .collect()
}

fn damaged(bytes: &[u8], damage: &[(prop::sample::Index, u8)], cut: Option<usize>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(cut) = cut {
        bytes.truncate(bytes.len().saturating_sub(cut));
    }
    for (at, byte) in damage {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    bytes
}

fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, Option<usize>)> {
    (vec(any::<(prop::sample::Index, u8)>(), 0..6), prop::option::of(0usize..40))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_come_back(bytes in text()) {
        for codec in CODECS {
            prop_assert_eq!(&decompress(codec, &compressed(codec, &bytes)).expect("ours"), &bytes, "{}", codec);
        }
    }

    /// A damaged frame is an error or other bytes, never a panic and never more memory than the limit.
    #[test]
    fn damaged_frames_never_panic(bytes in text(), (damage, cut) in damage()) {
        for codec in CODECS {
            let bad = damaged(&compressed(codec, &bytes), &damage, cut);
            if let Err(error) = decompress(codec, &bad) {
                prop_assert_eq!(error.kind, BatchErrorKind::Compression);
            }
        }
    }

    #[test]
    fn damaged_frames_of_kafkas_encoders_never_panic((damage, cut) in damage()) {
        for (codec, bytes) in goldens() {
            if let Ok(out) = decompress(codec, &damaged(&bytes, &damage, cut)) {
                prop_assert!(out.len() <= MAX_DECOMPRESSED_BYTES);
            }
        }
    }
}

#[test]
fn frames_in_a_row_are_read_as_one() {
    for codec in CODECS {
        if codec == Compression::Lz4 {
            // Kafka's reader ends with the first frame.
            continue;
        }
        let mut bytes = compressed(codec, b"first, ");
        bytes.extend(compressed(codec, b"then the second"));
        let out = decompress(codec, &bytes).expect("two frames");
        assert_eq!(out, b"first, then the second", "{codec}");
    }
}

#[test]
fn snappy_without_a_frame_is_read() {
    // A block as Google's snappy writes it: length 11, a literal of 6 bytes, a copy of 5 from 6 before.
    let block = b"\x0b\x14abcde \x05\x06";
    assert_eq!(decompress(Compression::Snappy, block).expect("a raw block"), b"abcde abcde");
    let framed = compressed(Compression::Snappy, &[b'x'; 100_000]);
    assert!(framed.starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"), "what Java's clients read");
}

#[test]
fn what_does_not_fit_into_memory_is_refused_without_taking_it() {
    // A snappy block that says it has 4 GiB.
    let error = decompress(Compression::Snappy, b"\xff\xff\xff\xff\x0f\x00a").expect_err("a bomb");
    assert_eq!(error.kind, BatchErrorKind::Compression);

    // A zstd frame of RLE blocks of 128 KiB, four bytes each; its header allows a window of 1 MiB.
    let mut bomb = b"\x28\xb5\x2f\xfd\x00\x50".to_vec();
    for _ in 0..=MAX_DECOMPRESSED_BYTES / (128 * 1024) {
        let header: u32 = (128 * 1024) << 3 | 1 << 1;
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(b'a');
    }
    let error = decompress(Compression::Zstd, &bomb).expect_err("a bomb of some 8 kB");
    assert_eq!(error.kind, BatchErrorKind::Compression);

    // A window larger than the decoder allows is refused by the header.
    let error =
        decompress(Compression::Zstd, b"\x28\xb5\x2f\xfd\x00\xff\x01\0\0").expect_err("a window");
    assert_eq!(error.kind, BatchErrorKind::Compression);
}

#[test]
fn nothing_at_all_comes_back_too() {
    for codec in CODECS {
        assert_eq!(decompress(codec, &compressed(codec, b"")).expect("ours"), b"", "{codec}");
    }
}
