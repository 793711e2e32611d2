//! Append and read, beside memcpy of the same bytes in the same run. Each figure is the best of several
//! rounds: what the code can do, not what the machine was busy with.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use logbrook_log::{Log, LogConfig};
use logbrook_record::{BatchBuilder, BatchOptions, LeaderEpoch, Offset, batches, crc32c};

const ROUNDS: usize = 7;
/// Bytes that one round appends or reads.
const ROUND_BYTES: usize = 64 * 1024 * 1024;
const FETCH_BYTES: usize = 64 * 1024;
const NOW: i64 = 1_700_000_000_000;

/// One figure.
pub(crate) struct Measurement {
    /// `log/append 1 x 100 B/throughput`.
    pub(crate) name: String,
    /// `GB/s`, `ns/batch`, `ns/fetch`.
    pub(crate) unit: &'static str,
    /// In that unit.
    pub(crate) value: f64,
}

fn batch(records: usize, value_bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for index in 0..records {
        builder.append(NOW + index as i64, None, Some(&vec![b'x'; value_bytes]), &[]);
    }
    builder.build().expect("no codec")
}

/// Seconds of the fastest round; `prepare` is not measured.
fn best<T>(mut prepare: impl FnMut() -> T, mut measured: impl FnMut(T)) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let input = prepare();
            let start = Instant::now();
            measured(input);
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

fn gigabytes_per_second(bytes: usize, seconds: f64) -> f64 {
    bytes as f64 / seconds / 1e9
}

/// Copies every source behind the last into one buffer that was written before.
fn memcpy(sources: &[Bytes]) -> f64 {
    let size = sources.iter().map(Bytes::len).sum();
    let mut target = vec![1u8; size];
    best(
        || (),
        |()| {
            let mut at = 0;
            for source in sources {
                target[at..at + source.len()].copy_from_slice(source);
                at += source.len();
            }
            black_box(&target);
        },
    )
}

fn append(name: &str, records: usize, value_bytes: usize, out: &mut Vec<Measurement>) {
    let one = batch(records, value_bytes);
    let count = (ROUND_BYTES / one.len()).max(1);
    let bytes = count * one.len();
    // Each batch in a buffer of its own, as a connection reads it.
    let sent = || (0..count).map(|_| Bytes::from(one.to_vec())).collect::<Vec<_>>();
    let mut kept = Log::new(LogConfig::default(), Offset(0));
    let seconds = best(
        || (sent(), Log::new(LogConfig::default(), Offset(0))),
        |(batches, mut log)| {
            for batch in batches {
                log.append_as_leader(batch, LeaderEpoch(0), NOW).expect("a good batch");
            }
            // Dropped at the next round, outside of the measurement.
            kept = log;
        },
    );
    assert_eq!(kept.size_bytes(), bytes);
    let copy = memcpy(&sent());
    let crc = best(
        || (),
        |()| {
            for _ in 0..count {
                black_box(crc32c(black_box(&one)));
            }
        },
    );
    let mut push = |what: &str, unit, value| {
        out.push(Measurement { name: format!("log/append {name}/{what}"), unit, value })
    };
    push("throughput", "GB/s", gigabytes_per_second(bytes, seconds));
    push("time", "ns/batch", seconds * 1e9 / count as f64);
    push("memcpy", "GB/s", gigabytes_per_second(bytes, copy));
    push("memcpy time", "ns/batch", copy * 1e9 / count as f64);
    push("crc32c alone", "GB/s", gigabytes_per_second(bytes, crc));
}

fn read(out: &mut Vec<Measurement>) {
    let mut log = Log::new(LogConfig::default(), Offset(0));
    let one = batch(50, 100);
    while log.size_bytes() < ROUND_BYTES {
        log.append_as_leader(Bytes::from(one.to_vec()), LeaderEpoch(0), NOW).expect("a good batch");
    }
    let end = log.log_end_offset();
    // In pieces, as the server writes them: a read seldom ends where a chunk does.
    let read = |from| log.read(from, FETCH_BYTES, true, end).expect("within the log").pieces;
    let fetch = |from| Bytes::from(read(from).concat());
    // Where each fetch begins, so that only the reads are measured.
    let (mut from, mut offsets, mut fetched) = (Offset(0), Vec::new(), Vec::new());
    while from < end {
        let data = fetch(from);
        offsets.push(from);
        from =
            batches(&data).last().expect("a batch").expect("our own batch").header().next_offset();
        fetched.push(data);
    }
    let bytes = log.size_bytes();
    let shared = best(|| (), |()| offsets.iter().for_each(|from| drop(black_box(read(*from)))));
    // What a connection does with it: into its buffer.
    let mut socket = vec![0u8; FETCH_BYTES];
    let sent = best(
        || (),
        |()| {
            for from in &offsets {
                let mut at = 0;
                for piece in read(*from) {
                    socket[at..at + piece.len()].copy_from_slice(&piece);
                    at += piece.len();
                }
                black_box(&socket);
            }
        },
    );
    let copy = best(
        || (),
        |()| {
            for data in &fetched {
                socket[..data.len()].copy_from_slice(data);
                black_box(&socket);
            }
        },
    );
    let mut push = |what: &str, unit, value| {
        out.push(Measurement { name: format!("log/read 64 KiB/{what}"), unit, value })
    };
    push("time, bytes shared", "ns/fetch", shared * 1e9 / offsets.len() as f64);
    push("throughput with a copy out", "GB/s", gigabytes_per_second(bytes, sent));
    push("memcpy", "GB/s", gigabytes_per_second(bytes, copy));
}

/// Takes a few seconds.
pub(crate) fn measure() -> Vec<Measurement> {
    let mut out = Vec::new();
    append("1 x 100 B", 1, 100, &mut out);
    append("50 x 100 B", 50, 100, &mut out);
    append("100 x 1 KiB", 100, 1024, &mut out);
    read(&mut out);
    out
}
