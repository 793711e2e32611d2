//! A log in files whose disk or process dies at any byte comes back as the longest valid prefix of what
//! was appended, with the state that this prefix makes.

mod common;
#[path = "common/disk.rs"]
mod disk;

use std::sync::Arc;

use bytes::Bytes;
use common::{NOW, build};
use disk::Disk;
use logbrook_log::{
    AppendErrorKind, AppendOrigin, FileSystem, LoadOptions, Log, LogConfig, LogFolder,
};
use logbrook_record::{
    BatchOptions, EndTransactionMarker, LeaderEpoch, Offset, ProducerEpoch, ProducerId, batches,
};
use proptest::collection::vec;
use proptest::prelude::*;

const FOLDER: &str = "orders-0";

#[derive(Clone, Debug)]
enum Op {
    Plain {
        records: usize,
        at: i64,
    },
    Idempotent {
        producer: i64,
        records: usize,
    },
    Transactional {
        producer: i64,
        records: usize,
    },
    End {
        producer: i64,
        commit: bool,
    },
    NewEpoch,
    Flush,
    Truncate {
        back: i64,
    },
    DeleteRecords {
        back: i64,
    },
    Maintain,
    /// Closed and opened again.
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (1usize..6, 0i64..60).prop_map(|(records, at)| Op::Plain { records, at }),
        6 => (1i64..4, 1usize..4).prop_map(|(producer, records)| Op::Idempotent { producer, records }),
        6 => (10i64..13, 1usize..4).prop_map(|(producer, records)| Op::Transactional { producer, records }),
        4 => (10i64..13, any::<bool>()).prop_map(|(producer, commit)| Op::End { producer, commit }),
        1 => Just(Op::NewEpoch),
        2 => Just(Op::Flush),
        1 => (0i64..6).prop_map(|back| Op::Truncate { back }),
        1 => (0i64..12).prop_map(|back| Op::DeleteRecords { back }),
        1 => Just(Op::Maintain),
        1 => Just(Op::Restart),
    ]
}

fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 900,
        segment_index_bytes: 96,
        index_interval_bytes: 150,
        retention_ms: -1,
        transaction_verification_enable: false,
        ..LogConfig::default()
    }
}

/// A broker's view of its log: what it acknowledged and what it has checkpointed.
struct Story {
    disk: Disk,
    log: Log,
    epoch: i32,
    options: LoadOptions,
    /// The batches that it acknowledged, by base offset.
    acknowledged: Vec<(Offset, Vec<u8>)>,
    /// A batch was being appended when the disk failed.
    in_flight: bool,
}

fn open(disk: &Disk, options: LoadOptions) -> Log {
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    Log::open(LogFolder::new(files, FOLDER), config(), options, NOW).expect("a disk that works").log
}

impl Story {
    fn new() -> Self {
        let disk = Disk::default();
        let options = LoadOptions::default();
        let log = open(&disk, options);
        Self::continued(disk, log, 0, options)
    }

    fn continued(disk: Disk, log: Log, epoch: i32, options: LoadOptions) -> Self {
        Self { disk, log, epoch, options, acknowledged: Vec::new(), in_flight: false }
    }

    fn append(&mut self, bytes: Bytes, origin: AppendOrigin) {
        let end = self.log.log_end_offset();
        match self.log.append(bytes, LeaderEpoch(self.epoch), origin, NOW) {
            Ok(info) => {
                assert_eq!(info.first_offset, end);
                self.log.set_high_watermark(self.log.log_end_offset());
                let appended: Vec<u8> = self
                    .log
                    .batches(end, self.log.log_end_offset())
                    .flat_map(|batch| batch.bytes().to_vec())
                    .collect();
                self.acknowledged.push((end, appended));
            }
            Err(error) => {
                assert_eq!(error.kind, AppendErrorKind::StorageError, "{error}");
                self.in_flight = true;
            }
        }
    }

    /// One operation; false once the disk has failed.
    fn apply(&mut self, op: &Op) -> bool {
        let producer_state = |log: &Log, producer| {
            log.producer_state().last_entry(ProducerId(producer)).map_or((-1, false), |entry| {
                (entry.last_sequence(), entry.current_txn_first_offset.is_some())
            })
        };
        match *op {
            Op::Plain { records, at } => {
                self.append(
                    build(BatchOptions::default(), records, NOW + at),
                    AppendOrigin::Client,
                );
            }
            Op::Idempotent { producer, records } | Op::Transactional { producer, records } => {
                let options = BatchOptions {
                    producer_id: ProducerId(producer),
                    producer_epoch: ProducerEpoch(0),
                    base_sequence: producer_state(&self.log, producer).0 + 1,
                    transactional: matches!(op, Op::Transactional { .. }),
                    ..BatchOptions::default()
                };
                self.append(build(options, records, NOW), AppendOrigin::Client);
            }
            Op::End { producer, commit } => {
                if producer_state(&self.log, producer).1 {
                    let marker = EndTransactionMarker { committed: commit, coordinator_epoch: 3 };
                    let (id, epoch) = (ProducerId(producer), ProducerEpoch(0));
                    let bytes = marker.batch(NOW, id, epoch).expect("a marker");
                    self.append(bytes, AppendOrigin::Coordinator);
                }
            }
            Op::NewEpoch => self.epoch += 1,
            Op::Flush => {
                if self.log.flush(NOW).is_ok() {
                    self.checkpoint();
                }
            }
            Op::Truncate { back } => {
                let offset = Offset(self.log.log_end_offset().0 - back);
                let batch = self
                    .log
                    .headers(self.log.log_start_offset(), self.log.log_end_offset())
                    .map(|header| header.base_offset)
                    .find(|base| *base >= offset);
                // A marker whose transaction lies before the log start stays: see below.
                if let Some(batch) = batch
                    && self.log.log_start_offset() == Offset(0)
                {
                    self.log.truncate_to(batch, NOW);
                    self.acknowledged.retain(|(base, _)| *base < batch);
                    self.options.recovery_point = self.options.recovery_point.min(batch);
                }
            }
            Op::DeleteRecords { back } => {
                // Not into an open transaction: what is left of it is another one to whom reads it again.
                let offset = self.log.last_stable_offset().plus(-back);
                self.log.increment_log_start_offset(offset).expect("below the high watermark");
                self.checkpoint();
            }
            Op::Maintain => {
                self.log.maintain(NOW);
                let _ = self.log.purge_deleted_files(NOW + 60_000);
            }
            Op::Restart => {
                if self.log.close(NOW).is_ok() {
                    let before = (self.log.log_start_offset(), self.log.log_end_offset());
                    let options = LoadOptions {
                        clean_shutdown: true,
                        recovery_point: self.log.recovery_point(),
                        log_start_offset: self.log.log_start_offset(),
                    };
                    let files: Arc<dyn FileSystem> = Arc::new(self.disk.clone());
                    let folder = LogFolder::new(files, FOLDER);
                    match Log::open(folder, config(), options, NOW) {
                        Ok(loaded) => {
                            assert_eq!(loaded.remarks, [] as [&str; 0], "a clean start");
                            self.log = loaded.log;
                            let after = (self.log.log_start_offset(), self.log.log_end_offset());
                            assert_eq!(before, after);
                            self.log.set_high_watermark(after.1);
                            self.checkpoint();
                        }
                        Err(_the_disk_failed) => return false,
                    }
                }
            }
        }
        self.log.storage_failure().is_none()
    }

    fn checkpoint(&mut self) {
        self.options.recovery_point = self.log.recovery_point();
        self.options.log_start_offset = self.log.log_start_offset();
    }
}

fn all_bytes(log: &Log) -> Vec<u8> {
    log.batches(Offset(0), log.log_end_offset()).flat_map(|batch| batch.bytes().to_vec()).collect()
}

/// What a reader sees of a log's indexes and state.
fn state_of(log: &Log, from: Offset) -> String {
    let end = log.log_end_offset();
    let mut out = format!("{end} {}\n", log.last_stable_offset());
    for (id, entry) in log.producer_state().active_producers() {
        let last = entry.batches.back();
        // A producer that wrote before the log start only is known by its snapshot.
        if let Some(last) = last.filter(|last| last.first_offset() >= from) {
            let open = entry.current_txn_first_offset;
            out += &format!("{id} {} {} {open:?}\n", last.last_sequence, last.last_offset);
        }
    }
    for offset in from.0..end.0 {
        let data = log.read(Offset(offset), 1, true, end).expect("within the log").into_bytes();
        let first = batches(&data).next().expect("a batch").expect("a valid one");
        out += &format!("{offset}: {}\n", first.base_offset());
    }
    for at in [NOW, NOW + 17, NOW + 63, NOW + 100] {
        out += &format!("{at}: {:?}\n", log.offset_for_timestamp(at).map(|found| found.offset));
    }
    out
}

/// The log that the same bytes make in memory.
fn replayed(log: &Log) -> Log {
    let first = log.segments()[0].base_offset;
    let mut replayed = Log::new(config(), first);
    for batch in log.batches(first, log.log_end_offset()) {
        replayed.append_as_follower(batch.into_bytes(), NOW).expect("valid batches in order");
    }
    replayed.set_high_watermark(replayed.log_end_offset());
    replayed.increment_log_start_offset(log.log_start_offset()).expect("within the log");
    replayed
}

fn check_recovered(log: &mut Log, acknowledged: &[u8], in_flight: bool) {
    log.set_high_watermark(log.log_end_offset());
    let found = all_bytes(log);
    assert!(found.starts_with(acknowledged), "acknowledged batches are lost");
    let more = batches(&Bytes::from(found[acknowledged.len()..].to_vec())).count();
    assert!(more <= usize::from(in_flight), "{more} batches that nobody appended");
    check_state(log);
}

fn check_state(log: &Log) {
    let from = log.log_start_offset().max(log.segments()[0].base_offset);
    let replayed = replayed(log);
    assert_eq!(state_of(log, from), state_of(&replayed, from));
    // A transaction may have begun before what is left: then one of both knows less of it.
    let aborted = |log: &Log, first: Offset| -> Vec<(ProducerId, Offset)> {
        log.aborted_transactions(from, log.log_end_offset())
            .into_iter()
            .filter(|txn| txn.first_offset >= first)
            .map(|txn| (txn.producer_id, txn.last_offset))
            .collect()
    };
    for (one, other) in [(log, &replayed), (&replayed, log)] {
        let known = aborted(other, Offset(0));
        assert!(aborted(one, from).iter().all(|txn| known.contains(txn)), "{known:?}");
    }
    let latest = log.headers(from, log.log_end_offset()).map(|h| h.partition_leader_epoch).max();
    if latest.is_some() {
        assert_eq!(log.latest_epoch(), latest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_process_that_dies_at_any_byte_loses_nothing_that_was_acknowledged(
        ops in vec(op(), 1..60),
        budget in 0usize..30_000,
        again in 0usize..3_000,
    ) {
        let mut story = Story::new();
        story.disk.fail_after(budget);
        for op in &ops {
            let truncates = matches!(op, Op::Truncate { .. });
            if !story.apply(op) {
                // A truncation that was not finished leaves what it has not come to.
                prop_assume!(!truncates);
                break;
            }
        }
        let options = LoadOptions { clean_shutdown: false, ..story.options };
        let mut disk = story.disk.after_kill();
        // Recovery may be killed as well.
        disk.fail_after(again);
        let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
        let _ = Log::open(LogFolder::new(files, FOLDER), config(), options, NOW);
        disk = disk.after_kill();

        let mut recovered = open(&disk, options);
        let first = recovered.segments()[0].base_offset;
        let acknowledged: Vec<u8> = story
            .acknowledged
            .iter()
            .filter(|(base, _)| *base >= first)
            .flat_map(|(_, bytes)| bytes.clone())
            .collect();
        check_recovered(&mut recovered, &acknowledged, story.in_flight);

        // It goes on as if nothing had happened.
        let mut story = Story::continued(disk, recovered, story.epoch + 1, options);
        for op in &ops {
            prop_assert!(story.apply(op));
        }
        check_state(&story.log);
    }

    #[test]
    fn a_machine_that_loses_power_keeps_what_was_flushed_and_a_valid_prefix(
        ops in vec(op(), 1..60),
        kept in vec((0usize..2_000, any::<bool>()), 1..20),
    ) {
        let mut story = Story::new();
        for op in &ops {
            if !matches!(op, Op::Truncate { .. } | Op::DeleteRecords { .. } | Op::Maintain) {
                prop_assert!(story.apply(op));
            }
        }
        let mut kept = kept.into_iter().cycle();
        let disk = story.disk.after_power_loss(|_| kept.next().unwrap_or_default());
        let mut recovered = open(&disk, LoadOptions { clean_shutdown: false, ..story.options });
        recovered.set_high_watermark(recovered.log_end_offset());
        prop_assert!(recovered.log_end_offset() >= story.options.recovery_point);
        prop_assert!(all_bytes(&story.log).starts_with(&all_bytes(&recovered)));
        check_state(&recovered);
    }

    #[test]
    fn flipped_bits_are_recovered_from_or_cut_off_but_never_a_panic(
        ops in vec(op(), 1..40),
        flips in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..8), 1..6),
        clean: bool,
    ) {
        let mut story = Story::new();
        for op in &ops {
            prop_assert!(story.apply(op));
        }
        if clean {
            story.log.close(NOW).expect("a disk that works");
            story.checkpoint();
        }
        let disk = story.disk.after_kill();
        for (file, byte, bit) in flips {
            let names = disk.names();
            disk.edit(file.get(&names[..]).as_str(), |bytes| {
                if !bytes.is_empty() {
                    let index = byte.index(bytes.len());
                    bytes[index] ^= 1 << bit;
                }
            });
        }
        let mut log = open(&disk, LoadOptions { clean_shutdown: clean, ..story.options });
        log.set_high_watermark(log.log_end_offset());
        let mut from = log.log_start_offset();
        while from < log.log_end_offset() {
            let Ok(data) = log.read(from, 500, true, log.log_end_offset()) else { break };
            let _ = log.aborted_transactions(from, log.log_end_offset());
            match batches(&data.into_bytes()).last() {
                Some(Ok(batch)) if batch.header().next_offset() > from => {
                    from = batch.header().next_offset();
                }
                _damaged_or_nothing => break,
            }
        }
        let _ = log.offset_for_timestamp(NOW + 20);
        let _ = log.max_timestamp();
        story = Story::continued(disk, log, story.epoch + 1, story.options);
        let end = story.log.log_end_offset();
        story.append(build(BatchOptions::default(), 2, NOW), AppendOrigin::Client);
        prop_assert_eq!(story.log.log_end_offset(), end.plus(2));
    }
}

/// Found by the fuzzer: a segment that a crash has left without its indexes is given up with what comes
/// after a bad batch, and its log with it.
#[test]
fn a_segment_without_indexes_can_be_given_up() {
    let disk = Disk::default();
    disk.put(&format!("{FOLDER}/00000000000000000000.log"), &[7; 100]);
    disk.put(
        &format!("{FOLDER}/00000000000000000005.log"),
        &build(BatchOptions::default(), 1, NOW),
    );
    let folder = LogFolder::new(Arc::new(disk.clone()), FOLDER);
    let options = LoadOptions {
        clean_shutdown: false,
        recovery_point: Offset(0),
        log_start_offset: Offset(0),
    };
    let loaded = Log::open(folder, LogConfig::default(), options, NOW).expect("it opens");
    assert_eq!(loaded.log.log_end_offset(), Offset(0));
    assert!(disk.names().iter().any(|name| name.ends_with("5.log.deleted")), "{:?}", disk.names());
}
