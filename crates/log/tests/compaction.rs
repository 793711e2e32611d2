//! Compaction beside Kafka's own result, in files that fail, and under random histories.

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use common::NOW;
use disk::Disk;
use logbrook_log::{
    AppendOrigin, CleanerConfig, CleanupPolicy, FileSystem, LoadOptions, Log, LogConfig, LogFolder,
    LogToClean, TransactionIndex,
};
use logbrook_record::{
    Batch, BatchBuilder, BatchOptions, Compression, EndTransactionMarker, LeaderEpoch, Offset,
    ProducerEpoch, ProducerId, Record, batches,
};
use proptest::collection::vec;
use proptest::prelude::*;

const EPOCH: LeaderEpoch = LeaderEpoch(0);

macro_rules! golden {
    ($path:literal) => {
        include_bytes!(concat!("../../record/tests/data/", $path)).as_slice()
    };
}

fn config() -> LogConfig {
    LogConfig {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        transaction_verification_enable: false,
        message_timestamp_after_max_ms: i64::MAX,
        ..LogConfig::default()
    }
}

/// What a producer sends: records from a sequence number on.
fn sent(
    (id, epoch, base_sequence): (i64, i16, i32),
    compression: Compression,
    transactional: bool,
    records: &[(i64, &str, Option<&str>)],
) -> Bytes {
    let mut builder = BatchBuilder::new(BatchOptions {
        compression,
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
        transactional,
        ..BatchOptions::default()
    });
    for (timestamp, key, value) in records {
        builder.append(*timestamp, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
    }
    builder.build().expect("a codec")
}

fn append(log: &mut Log, bytes: Bytes, now: i64) {
    log.append(bytes, EPOCH, AppendOrigin::Client, now).expect("a good batch");
    log.set_high_watermark(log.log_end_offset());
}

fn end(log: &mut Log, id: i64, epoch: i16, committed: bool, timestamp: i64) {
    let marker = EndTransactionMarker { committed, coordinator_epoch: 0 }
        .batch(timestamp, ProducerId(id), ProducerEpoch(epoch))
        .expect("no codec");
    log.append(marker, EPOCH, AppendOrigin::Coordinator, timestamp).expect("a good marker");
    log.set_high_watermark(log.log_end_offset());
}

fn clean(log: &mut Log, now: i64) -> LogToClean {
    let cleanable = log.log_to_clean(now);
    if cleanable.cleanable_bytes > 0 {
        log.clean(&cleanable, CleanerConfig::default(), now).expect("it can be read");
    }
    cleanable
}

fn segment_bytes(log: &Log, from: i64, to: i64) -> Vec<u8> {
    log.batches(Offset(from), Offset(to)).flat_map(|batch| batch.into_bytes()).collect()
}

#[test]
fn the_cleaner_leaves_the_bytes_that_kafkas_leaves() {
    let golden = golden!("compacted-0/00000000000000000000.log");
    let mut log = Log::new(
        LogConfig { segment_ms: 60_000, index_interval_bytes: 200, ..config() },
        Offset(0),
    );
    let at = |ms: i64| 1_700_000_000_000 + ms;
    let mut send = |producer, records: &[(i64, &str, Option<&str>)]| {
        append(&mut log, sent(producer, Compression::None, false, records), NOW);
    };
    send((9, 0, 0), &[(at(0), "k1", Some("old")), (at(1), "k2", Some("gone"))]);
    send((7, 0, 0), &[(at(2), "k1", Some("newer")), (at(3), "k3", Some("kept"))]);
    send((9, 0, 2), &[(at(4), "k2", None)]);
    send((8, 0, 0), &[(at(5), "k1", Some("soon-superseded"))]);
    send((7, 0, 2), &[(at(6), "k1", Some("newest"))]);
    send((9, 0, 3), &[(at(200_000), "k9", Some("new-segment"))]);
    send((9, 0, 4), &[(at(400_000), "k9", Some("active-segment"))]);

    // When the cleaner came, the tombstone says.
    let tombstone =
        batches(&Bytes::from_static(golden)).nth(1).expect("the second").expect("whole");
    let horizon = tombstone.header().delete_horizon_ms().expect("set by Kafka's cleaner");
    let now = horizon - log.config().delete_retention_ms;
    let cleanable = clean(&mut log, now);
    assert!(cleanable.is_worth_it(0.01));
    assert_eq!(segment_bytes(&log, 0, 8), golden);
    assert_eq!(segment_bytes(&log, 8, 9), golden!("compacted-0/00000000000000000008.log"));
    let segments = log.segments();
    let bases: Vec<_> = segments.iter().map(|segment| segment.base_offset.0).collect();
    assert_eq!(bases, [0, 8]);
    let index: Vec<u8> = segments[0]
        .offset_index
        .iter()
        .flat_map(|entry| {
            [(entry.offset.0 as u32).to_be_bytes(), (entry.position as u32).to_be_bytes()].concat()
        })
        .collect();
    assert_eq!(index, golden!("compacted-0/00000000000000000000.index"));
    let time_index: Vec<u8> = segments[0]
        .time_index
        .iter()
        .flat_map(|entry| {
            [&entry.timestamp.to_be_bytes()[..], &(entry.offset.0 as u32).to_be_bytes()].concat()
        })
        .collect();
    assert_eq!(time_index, golden!("compacted-0/00000000000000000000.timeindex"));
}

#[test]
fn gzip_batches_and_an_aborted_transaction_are_cleaned_as_by_kafka() {
    let golden = golden!("compactedgzip-0/00000000000000000000.log");
    let mut log = Log::new(LogConfig { segment_ms: 60_000, ..config() }, Offset(0));
    let at = |ms: i64| 1_700_000_000_000 + ms;
    let gzip = Compression::Gzip;
    let texts: Vec<_> = (0..20)
        .map(|i| {
            (format!("k{}", i % 4), format!("the quick brown fox jumps over the lazy dog {i}"))
        })
        .collect();
    let records: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(i, (k, v))| (at(i as i64), k.as_str(), Some(v.as_str())))
        .collect();
    append(&mut log, sent((10, 0, 0), gzip, false, &records), NOW);
    append(&mut log, sent((11, 0, 0), gzip, true, &[(at(100), "k0", Some("aborted"))]), NOW);
    end(&mut log, 11, 1, false, 1_795_441_184_635);
    append(&mut log, sent((11, 1, 0), gzip, true, &[(at(101), "k1", Some("committed"))]), NOW);
    end(&mut log, 11, 2, true, 1_795_441_184_670);
    append(
        &mut log,
        sent((10, 0, 20), gzip, false, &[(1_900_000_000_000, "k9", Some("new-segment"))]),
        NOW,
    );
    clean(&mut log, NOW);

    let ours: Vec<Batch> = log.batches(Offset(0), Offset(24)).collect();
    let kafkas: Vec<Batch> =
        batches(&Bytes::from_static(golden)).map(|batch| batch.expect("whole")).collect();
    assert_eq!(ours.len(), kafkas.len());
    for (ours, kafkas) in ours.iter().zip(&kafkas) {
        let mut header = *ours.header();
        // Another deflate encoder.
        header.batch_length = kafkas.header().batch_length;
        header.crc = kafkas.header().crc;
        assert_eq!(&header, kafkas.header());
        assert_eq!(ours.records(), kafkas.records());
    }
    let index = golden!("compactedgzip-0/00000000000000000000.txnindex");
    let index = TransactionIndex::decode(index, Offset(0)).expect("Kafka's own");
    assert_eq!(log.segments()[0].txn_index, index.entries());
}

#[derive(Clone, Debug)]
enum Op {
    Put { producer: i64, keys: Vec<(u8, bool)> },
    Transactional { producer: i64, keys: Vec<u8> },
    End { producer: i64, commit: bool },
    Roll,
    Clean { after_ms: i64 },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let keys = || vec(0u8..6, 1..4);
    prop_oneof![
        6 => (-1i64..3, vec((0u8..6, any::<bool>()), 1..4)).prop_map(|(producer, keys)| Op::Put { producer, keys }),
        5 => (10i64..13, keys()).prop_map(|(producer, keys)| Op::Transactional { producer, keys }),
        4 => (10i64..13, any::<bool>()).prop_map(|(producer, commit)| Op::End { producer, commit }),
        3 => Just(Op::Roll),
        4 => (0i64..80).prop_map(|after_ms| Op::Clean { after_ms }),
        1 => Just(Op::Restart),
    ]
}

/// What was written, and what a reader of committed records must find.
#[derive(Default)]
struct Model {
    /// Everything, by offset.
    written: BTreeMap<i64, Record>,
    /// The last committed value of each key, and its offset.
    last: BTreeMap<Bytes, (i64, Option<Bytes>)>,
    /// Of transactions that are open.
    open: BTreeMap<i64, Vec<Record>>,
    sequences: BTreeMap<i64, i32>,
}

impl Model {
    fn commit(&mut self, records: Vec<Record>) {
        for record in records {
            let key = record.key.clone().expect("keyed");
            let last = self.last.entry(key).or_insert((-1, None));
            if record.offset.0 > last.0 {
                *last = (record.offset.0, record.value.clone());
            }
        }
    }
}

fn property_config() -> LogConfig {
    LogConfig {
        segment_bytes: 700,
        index_interval_bytes: 100,
        segment_index_bytes: 4096,
        retention_ms: -1,
        delete_retention_ms: 40,
        ..config()
    }
}

fn open(disk: &Disk) -> Log {
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let folder = LogFolder::new(files, "orders-0");
    Log::open(folder, property_config(), LoadOptions::default(), NOW)
        .expect("a disk that works")
        .log
}

fn apply(log: &mut Log, model: &mut Model, disk: &Disk, now: &mut i64, op: &Op) {
    let write =
        |log: &mut Log, model: &mut Model, producer: i64, keys: &[(u8, bool)], transactional| {
            let sequence = model.sequences.entry(producer).or_default();
            let named: Vec<_> = keys.iter().map(|(key, _)| format!("key-{key}")).collect();
            let value = format!("value-{}", log.log_end_offset());
            let records: Vec<_> = named
                .iter()
                .zip(keys)
                .map(|(key, (_, tombstone))| {
                    (NOW, key.as_str(), (!tombstone).then_some(value.as_str()))
                })
                .collect();
            let producer = if producer < 0 { (-1, -1, -1) } else { (producer, 0, *sequence) };
            *sequence += keys.len() as i32;
            let base = log.log_end_offset();
            append(log, sent(producer, Compression::None, transactional, &records), NOW);
            let batch = log.batches(base, log.log_end_offset()).next().expect("just written");
            batch.records().expect("ours")
        };
    match op {
        Op::Put { producer, keys } => {
            let records = write(log, model, *producer, keys, false);
            model.written.extend(records.iter().map(|record| (record.offset.0, record.clone())));
            model.commit(records);
        }
        Op::Transactional { producer, keys } => {
            let keys: Vec<_> = keys.iter().map(|key| (*key, false)).collect();
            let records = write(log, model, *producer, &keys, true);
            model.written.extend(records.iter().map(|record| (record.offset.0, record.clone())));
            model.open.entry(*producer).or_default().extend(records);
        }
        Op::End { producer, commit } => {
            if let Some(records) = model.open.remove(producer) {
                end(log, *producer, 0, *commit, NOW);
                if *commit {
                    model.commit(records);
                }
            }
        }
        Op::Roll => log.roll_active_segment(NOW).expect("a disk that works"),
        Op::Clean { after_ms } => {
            *now += after_ms;
            let _ = clean(log, *now);
        }
        Op::Restart => {
            let checkpoint = log.cleaner_checkpoint();
            *log = open(&disk.after_kill());
            log.set_high_watermark(log.log_end_offset());
            log.set_cleaner_checkpoint(checkpoint);
        }
    }
}

/// Values by key as a reader of committed records sees them; every record met was written so.
fn committed(
    log: &Log,
    model: &Model,
) -> Result<BTreeMap<Bytes, (i64, Option<Bytes>)>, TestCaseError> {
    let (mut seen, mut last_offset) = (BTreeMap::new(), -1);
    let end = log.last_stable_offset();
    let aborted = log.aborted_transactions(Offset(0), end);
    for batch in log.batches(Offset(0), end) {
        let header = batch.header();
        prop_assert!(header.base_offset.0 > last_offset, "offsets rise");
        last_offset = header.last_offset().0;
        let hidden = aborted.iter().any(|txn| {
            txn.producer_id == header.producer_id
                && (txn.first_offset..=txn.last_offset).contains(&header.base_offset)
        });
        if header.attributes.is_control() {
            continue;
        }
        for record in batch.records().expect("ours") {
            prop_assert_eq!(Some(&record), model.written.get(&record.offset.0));
            if !(hidden && header.attributes.is_transactional()) {
                let key = record.key.clone().expect("keyed");
                seen.insert(key, (record.offset.0, record.value.clone()));
            }
        }
    }
    Ok(seen)
}

fn check(log: &Log, model: &Model) -> Result<(), TestCaseError> {
    let seen = committed(log, model)?;
    let end = log.last_stable_offset().0;
    if model.open.is_empty() {
        for (key, (offset, value)) in &model.last {
            match (value, seen.get(key)) {
                // A tombstone may be gone, and with it everything before.
                (None, None) => {}
                (_, found) => prop_assert_eq!(found, Some(&(*offset, value.clone())), "{:?}", key),
            }
        }
        prop_assert!(seen.keys().all(|key| model.last.contains_key(key)));
    }
    // From every offset a read begins with the batch that holds it, or with the next.
    for from in 0..end {
        let data = log.read(Offset(from), 1, true, Offset(end)).expect("within the log");
        let first = batches(&data.into_bytes()).next().transpose().expect("whole");
        let expected =
            log.headers(Offset(0), Offset(end)).find(|header| header.last_offset().0 >= from);
        prop_assert_eq!(first.map(|batch| *batch.header()), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_last_committed_value_of_each_key_stays(ops in vec(op(), 1..60), in_files in any::<bool>()) {
        let disk = Disk::default();
        let mut log = if in_files { open(&disk) } else { Log::new(property_config(), Offset(0)) };
        let mut model = Model::default();
        let mut now = NOW;
        for op in &ops {
            if matches!(op, Op::Restart) && !in_files {
                continue;
            }
            let before = (log.log_end_offset(), log.producer_state().encode_snapshot());
            apply(&mut log, &mut model, &disk, &mut now, op);
            check(&log, &model)?;
            if matches!(op, Op::Clean { .. } | Op::Restart) {
                // Neither loses a sequence number or an epoch.
                let after = (log.log_end_offset(), log.producer_state().encode_snapshot());
                prop_assert_eq!(after, before);
            }
            if matches!(op, Op::Restart) {
                // It goes on in the copy of the disk that it was opened from.
                break;
            }
        }
        // What another broker makes of the batches that are left.
        let mut replica = Log::new(property_config(), Offset(0));
        let bytes = Bytes::from(segment_bytes(&log, 0, i64::MAX));
        replica.append_as_follower(bytes, NOW).expect("gaps are allowed");
        for (id, entry) in log.producer_state().active_producers() {
            let there = replica.producer_state().last_entry(id);
            prop_assert_eq!(
                there.map(|entry| (entry.producer_epoch, entry.last_sequence())),
                Some((entry.producer_epoch, entry.last_sequence()))
            );
        }
    }

    /// The disk fails somewhere in a round of cleaning: what comes back has every committed value.
    #[test]
    fn a_crash_within_a_round_loses_nothing(ops in vec(op(), 5..50), budget in 0usize..4000) {
        let disk = Disk::default();
        let mut log = open(&disk);
        let mut model = Model::default();
        let mut now = NOW;
        for op in &ops {
            if !matches!(op, Op::Restart) {
                apply(&mut log, &mut model, &disk, &mut now, op);
            }
        }
        log.roll_active_segment(NOW).expect("a disk that works");
        let end = log.log_end_offset();
        disk.fail_after(budget);
        let cleanable = log.log_to_clean(now + 50);
        let _ = log.clean(&cleanable, CleanerConfig::default(), now + 50);
        let mut again = open(&disk.after_kill());
        again.set_high_watermark(again.log_end_offset());
        prop_assert_eq!(again.log_end_offset(), end);
        check(&again, &model)?;
    }

    /// Whatever stands in a file: an error or entries, never a panic.
    #[test]
    fn files_of_arbitrary_bytes_are_refused_or_read(bytes in vec(any::<u8>(), 0..300), base in 0i64..1000) {
        let _ = TransactionIndex::decode(&bytes, Offset(base));
        let _ = logbrook_log::ProducerStateManager::decode_snapshot(&bytes);
        let mut snapshot = golden!("transactions-0/00000000000000000013.snapshot").to_vec();
        for (at, byte) in bytes.iter().take(3).enumerate() {
            let at = usize::from(*byte) * (at + 1) % snapshot.len();
            snapshot[at] ^= 0x55;
        }
        if snapshot != golden!("transactions-0/00000000000000000013.snapshot") {
            prop_assert!(logbrook_log::ProducerStateManager::decode_snapshot(&snapshot).is_err());
        }
    }
}
