//! Random operations against the simplest log there is: a list of records.

mod common;

use common::NOW;
use logbrook_log::{Log, LogConfig};
use logbrook_record::{BatchBuilder, BatchOptions, Compression, LeaderEpoch, Offset, batches};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Append { records: usize, value_bytes: usize, timestamp: i64, gzip: bool, keep_buffer: bool },
    Truncate { back: i64 },
    HighWatermark { back: i64 },
    DeleteRecords { back: i64 },
    Maintain { at: i64 },
    Fork,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1usize..4, prop_oneof![0usize..50, 9_000usize..20_000], 0i64..100, any::<bool>(), any::<bool>()).prop_map(
            |(records, value_bytes, timestamp, gzip, keep_buffer)| Op::Append { records, value_bytes, timestamp, gzip, keep_buffer }
        ),
        1 => (0i64..8).prop_map(|back| Op::Truncate { back }),
        2 => (0i64..4).prop_map(|back| Op::HighWatermark { back }),
        1 => (0i64..8).prop_map(|back| Op::DeleteRecords { back }),
        1 => (0i64..200).prop_map(|at| Op::Maintain { at }),
        1 => Just(Op::Fork),
    ]
}

/// Offset, timestamp and length of the value of every record, and where the log starts.
#[derive(Clone, Default)]
struct Model {
    records: Vec<(i64, i64, usize)>,
    /// First offsets of batches: a log is cut between batches only.
    batches: Vec<i64>,
    end: i64,
}

fn check(log: &Log, model: &Model, max_bytes: usize) -> Result<(), TestCaseError> {
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    prop_assert_eq!(end.0, model.end);
    prop_assert!(
        start <= log.last_stable_offset()
            && log.last_stable_offset() <= log.high_watermark()
            && log.high_watermark() <= end
    );
    let expected: Vec<_> =
        model.records.iter().copied().filter(|(offset, ..)| *offset >= start.0).collect();

    let mut found = Vec::new();
    let mut from = start;
    while from < end {
        let data = log.read(from, max_bytes, true, end).expect("within the log").into_bytes();
        prop_assert!(!data.is_empty(), "a read at {} below the end {} gives something", from, end);
        for batch in batches(&data) {
            let batch = batch.expect("every CRC is right");
            for record in batch.records().expect("it decodes") {
                if record.offset >= start {
                    found.push((
                        record.offset.0,
                        record.timestamp,
                        record.value.map_or(0, |value| value.len()),
                    ));
                }
            }
            from = batch.header().next_offset();
        }
    }
    prop_assert_eq!(&found, &expected);
    prop_assert_eq!(log.batches(start, end).count(), log.headers(start, end).count());

    // Kafka looks into one segment only, that whose largest timestamp is late enough, even if the records
    // that made it so are below the log start: such a log may answer with nothing.
    if log.segments()[0].base_offset == start {
        for time in [NOW, NOW + 37, NOW + 99, NOW + 200] {
            let first = expected
                .iter()
                .find(|(_, timestamp, _)| *timestamp >= time)
                .map(|(offset, timestamp, _)| (*timestamp, *offset));
            prop_assert_eq!(
                log.offset_for_timestamp(time).map(|found| (found.timestamp, found.offset.0)),
                first
            );
        }
    }
    let bytes: usize = log.segments().iter().map(|segment| segment.bytes).sum();
    prop_assert_eq!(log.size_bytes(), bytes);
    Ok(())
}

fn apply(log: &mut Log, model: &mut Model, op: &Op) {
    match *op {
        Op::Append { records, value_bytes, timestamp, gzip, keep_buffer } => {
            let compression = if gzip { Compression::Gzip } else { Compression::None };
            let mut builder =
                BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
            model.batches.push(model.end);
            for index in 0..records {
                let time = NOW + timestamp + index as i64;
                builder.append(time, None, Some(&vec![index as u8; value_bytes]), &[]);
                model.records.push((model.end, time, value_bytes));
                model.end += 1;
            }
            let bytes = builder.build().expect("none and gzip are there");
            let kept = keep_buffer.then(|| bytes.clone());
            log.append_as_leader(bytes, LeaderEpoch(0), NOW).expect("a good batch");
            drop(kept);
        }
        Op::Truncate { back } => {
            let offset = (model.end - back).max(log.log_start_offset().0);
            // A follower's leader ends its epoch between two batches of this log.
            let offset = model
                .batches
                .iter()
                .copied()
                .filter(|base| *base >= log.log_start_offset().0)
                .find(|base| *base >= offset)
                .unwrap_or(model.end);
            log.truncate_to(Offset(offset), 0);
            model.records.retain(|(at, ..)| *at < offset);
            model.batches.retain(|base| *base < offset);
            model.end = offset;
        }
        Op::HighWatermark { back } => {
            log.set_high_watermark(Offset(model.end - back));
        }
        Op::DeleteRecords { back } => {
            let offset = log.high_watermark().0 - back;
            log.increment_log_start_offset(Offset(offset)).expect("not above the high watermark");
        }
        Op::Maintain { at } => {
            log.maintain(NOW + at);
        }
        Op::Fork => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_log_is_a_list_of_records(ops in vec(op(), 1..40), segment_bytes in 60_000usize..200_000, max_bytes in 1usize..100_000) {
        let config = LogConfig { segment_bytes, segment_ms: 60, retention_ms: 100, retention_bytes: 300_000, ..LogConfig::default() };
        let mut log = Log::new(config, Offset(0));
        let mut model = Model::default();
        let mut forks: Vec<(Log, Model)> = Vec::new();
        for op in &ops {
            if matches!(op, Op::Fork) {
                forks.push((log.clone(), model.clone()));
            }
            apply(&mut log, &mut model, op);
            check(&log, &model, max_bytes)?;
        }
        // What the original did since left its forks alone.
        for (mut fork, mut model) in forks {
            check(&fork, &model, max_bytes)?;
            apply(&mut fork, &mut model, &Op::Append { records: 1, value_bytes: 10, timestamp: 5, gzip: false, keep_buffer: false });
            check(&fork, &model, max_bytes)?;
        }
        check(&log, &model, max_bytes)?;
    }
}
