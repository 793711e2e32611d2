//! What producers sent to Apache Kafka 4.4.0, appended here, must give the files that Kafka wrote.

use std::fmt::Write;

use bytes::Bytes;
use logbrook_log::{
    AppendOrigin, CleanupPolicy, Log, LogConfig, ProducerStateManager, TransactionIndex,
};
use logbrook_record::{
    Batch, LeaderEpoch, Offset, TimestampType, batches, patch, patch_timestamps,
};

/// A file of Kafka's, kept with the tests of `record`.
macro_rules! golden {
    ($path:literal) => {
        include_bytes!(concat!("../../record/tests/data/", $path)).as_slice()
    };
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a text file")
}

/// The batches as their producer sent them: base offset 0, no epoch.
fn sent(log: &'static [u8]) -> Vec<(Bytes, Batch)> {
    batches(&Bytes::from_static(log))
        .map(|batch| {
            let batch = batch.expect("a golden batch");
            let mut bytes = batch.bytes().to_vec();
            patch(&mut bytes, Offset(0), LeaderEpoch::NONE, None).expect("a whole batch");
            if batch.header().attributes.timestamp_type() == TimestampType::LogAppendTime {
                patch_timestamps(
                    &mut bytes,
                    TimestampType::CreateTime,
                    batch.header().base_timestamp,
                )
                .expect("a whole batch");
            }
            (Bytes::from(bytes), batch)
        })
        .collect()
}

/// The configuration of the recorded topics.
fn config() -> LogConfig {
    LogConfig {
        segment_ms: i64::MAX,
        index_interval_bytes: 200,
        retention_ms: -1,
        // The producers' transactions were verified when they were recorded.
        transaction_verification_enable: false,
        ..LogConfig::default()
    }
}

fn append_all(log: &mut Log, segment: &'static [u8]) {
    for (bytes, golden) in sent(segment) {
        let header = golden.header();
        let origin = if header.attributes.is_control() {
            AppendOrigin::Coordinator
        } else {
            AppendOrigin::Client
        };
        let info = log
            .append(bytes, header.partition_leader_epoch, origin, header.max_timestamp)
            .unwrap_or_else(|error| panic!("at {}: {error}", header.base_offset));
        assert_eq!(
            (info.first_offset, info.last_offset),
            (golden.base_offset(), golden.last_offset())
        );
    }
}

fn read_all(log: &Log) -> Bytes {
    let mut out = Vec::new();
    let mut from = log.log_start_offset();
    while from < log.log_end_offset() {
        let data =
            log.read(from, 300, true, log.log_end_offset()).expect("within the log").into_bytes();
        // The last one may be cut.
        for batch in batches(&data) {
            let batch = batch.expect("our own batch");
            from = batch.header().next_offset();
            out.extend_from_slice(batch.bytes());
        }
    }
    Bytes::from(out)
}

#[test]
fn what_producers_sent_becomes_the_bytes_that_kafka_wrote() {
    for (name, golden) in [
        ("plain", golden!("plain-0/00000000000000000000.log")),
        ("idempotent", golden!("idempotent-0/00000000000000000000.log")),
        ("gzip", golden!("gzip-0/00000000000000000000.log")),
        ("transactions", golden!("transactions-0/00000000000000000000.log")),
        ("epochs", golden!("epochs-0/00000000000000000000.log")),
    ] {
        let mut log = Log::new(config(), Offset(0));
        append_all(&mut log, golden);
        assert_eq!(read_all(&log), golden, "{name}");

        let mut follower = Log::new(config(), Offset(0));
        follower.append_as_follower(Bytes::from_static(golden), 0).expect("a leader's bytes");
        assert_eq!(read_all(&follower), golden, "{name}, followed");
        assert_eq!(follower.producer_state(), log.producer_state(), "{name}, followed");
    }
}

#[test]
fn a_topic_with_append_time_gets_the_brokers_timestamps() {
    let golden = golden!("appendtime-0/00000000000000000000.log");
    let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..config() };
    let mut log = Log::new(config, Offset(0));
    append_all(&mut log, golden);
    assert_eq!(read_all(&log), golden);
}

fn offset_index_dump(log: &Log, segment: usize) -> String {
    let mut out = String::new();
    for entry in log.segments().swap_remove(segment).offset_index {
        let _ = writeln!(out, "offset: {} position: {}", entry.offset, entry.position);
    }
    out
}

/// Lines of kafka-dump-log, without its first, which names the file, and without remarks.
fn dump(golden: &'static [u8]) -> String {
    text(golden)
        .lines()
        .skip(1)
        .filter(|line| !line.ends_with("is empty."))
        .fold(String::new(), |out, line| out + line + "\n")
}

#[test]
fn segments_roll_and_are_indexed_as_kafkas() {
    let mut log = Log::new(LogConfig { segment_ms: 60_000, ..config() }, Offset(0));
    let files = [
        golden!("segments-0/00000000000000000000.log"),
        golden!("segments-0/00000000000000000005.log"),
        golden!("segments-0/00000000000000000010.log"),
    ];
    for file in files {
        append_all(&mut log, file);
    }
    let segments = log.segments();
    assert_eq!(
        segments.iter().map(|segment| segment.base_offset.0).collect::<Vec<_>>(),
        [0, 5, 10]
    );
    assert_eq!(
        segments.iter().map(|segment| segment.bytes).collect::<Vec<_>>(),
        files.map(<[u8]>::len)
    );
    let offset_indexes = [
        golden!("segments-0/00000000000000000000.index.dump.txt"),
        golden!("segments-0/00000000000000000005.index.dump.txt"),
        golden!("segments-0/00000000000000000010.index.dump.txt"),
    ];
    let time_indexes = [
        golden!("segments-0/00000000000000000000.timeindex.dump.txt"),
        golden!("segments-0/00000000000000000005.timeindex.dump.txt"),
    ];
    for (index, golden) in offset_indexes.into_iter().enumerate() {
        assert_eq!(offset_index_dump(&log, index), dump(golden), "segment {index}");
    }
    // Kafka writes the last entry of the active segment when it shuts down; here it stays open.
    for (index, golden) in time_indexes.into_iter().enumerate() {
        let entries = segments[index].time_index.iter().fold(String::new(), |mut out, entry| {
            let _ = writeln!(out, "timestamp: {} offset: {}", entry.timestamp, entry.offset);
            out
        });
        assert_eq!(entries, dump(golden), "segment {index}");
    }

    let mut plain = Log::new(config(), Offset(0));
    append_all(&mut plain, golden!("plain-0/00000000000000000000.log"));
    assert_eq!(
        offset_index_dump(&plain, 0),
        dump(golden!("plain-0/00000000000000000000.index.dump.txt"))
    );
}

#[test]
fn aborted_transactions_are_indexed_as_kafkas() {
    let mut log = Log::new(config(), Offset(0));
    append_all(&mut log, golden!("transactions-0/00000000000000000000.log"));
    let mut index = String::new();
    for txn in log.aborted_transactions(Offset(0), log.log_end_offset()) {
        let _ = writeln!(
            index,
            "version: 0 producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
            txn.producer_id, txn.first_offset, txn.last_offset, txn.last_stable_offset
        );
    }
    assert_eq!(index, dump(golden!("transactions-0/00000000000000000000.txnindex.dump.txt")));

    let file = golden!("transactions-0/00000000000000000000.txnindex");
    let read = TransactionIndex::decode(file, Offset(0)).expect("Kafka's own");
    assert_eq!(read.entries(), log.segments()[0].txn_index);
    assert_eq!(read.encode(), file);
}

/// kafka-dump-log of a producer snapshot: one producer a line, with its last batch.
fn snapshot_dump(log: &Log) -> String {
    let mut out = String::new();
    for (id, entry) in log.producer_state().active_producers() {
        let txn = entry
            .current_txn_first_offset
            .map_or("OptionalLong.empty".into(), |offset| format!("OptionalLong[{offset}]"));
        let _ = write!(
            out,
            "producerId: {id} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {txn} lastTimestamp: {} ",
            entry.producer_epoch, entry.coordinator_epoch, entry.last_timestamp
        );
        if let Some(batch) = entry.batches.back() {
            let _ = write!(
                out,
                "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                batch.first_sequence(),
                batch.last_sequence,
                batch.last_offset,
                batch.offset_delta,
                batch.timestamp
            );
        }
        out.push('\n');
    }
    out
}

#[test]
fn producers_are_remembered_as_kafkas_snapshots_say() {
    for (segment, snapshot, file) in [
        (
            golden!("idempotent-0/00000000000000000000.log"),
            golden!("idempotent-0/00000000000000000006.snapshot.dump.txt"),
            golden!("idempotent-0/00000000000000000006.snapshot"),
        ),
        (
            golden!("transactions-0/00000000000000000000.log"),
            golden!("transactions-0/00000000000000000013.snapshot.dump.txt"),
            golden!("transactions-0/00000000000000000013.snapshot"),
        ),
    ] {
        let mut log = Log::new(config(), Offset(0));
        append_all(&mut log, segment);
        let trim = |text: &str| {
            text.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
        };
        assert_eq!(trim(&snapshot_dump(&log)), trim(&dump(snapshot)));

        assert_eq!(log.producer_state().encode_snapshot(), file, "Kafka's bytes");
        let again = ProducerStateManager::from_snapshot(file, 0, i64::MAX).expect("Kafka's own");
        assert_eq!(again.encode_snapshot(), file);
    }
}

#[test]
fn leader_epochs_begin_where_kafkas_checkpoint_says() {
    let mut log = Log::new(config(), Offset(0));
    append_all(&mut log, golden!("epochs-0/00000000000000000000.log"));
    let mut checkpoint = String::from("0\n");
    let entries: Vec<_> = log.leader_epoch_cache().entries().collect();
    let _ = writeln!(checkpoint, "{}", entries.len());
    for (epoch, start) in entries {
        let _ = writeln!(checkpoint, "{epoch} {start}");
    }
    assert_eq!(checkpoint, text(golden!("epochs-0/leader-epoch-checkpoint")));
}

#[test]
fn a_compacted_log_with_gaps_is_followed_and_read() {
    let config =
        LogConfig { cleanup_policy: CleanupPolicy { delete: false, compact: true }, ..config() };
    let golden = golden!("compacted-0/00000000000000000000.log");
    let mut log = Log::new(config, Offset(0));
    log.append_as_follower(Bytes::from_static(golden), 0).expect("gaps are allowed");
    assert_eq!(log.log_end_offset(), Offset(8));
    let data =
        log.read(Offset(0), 1, true, log.log_end_offset()).expect("within the log").into_bytes();
    assert_eq!(
        Batch::parse(data).expect("one batch").base_offset(),
        Offset(2),
        "the first that is left"
    );
    assert_eq!(
        log.offset_for_timestamp(1_700_000_000_004).map(|found| found.offset),
        Some(Offset(4))
    );
}
