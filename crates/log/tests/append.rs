//! What a leader accepts, refuses and rewrites.

mod common;

use bytes::Bytes;
use common::{NOW, batch, build, idempotent};
use logbrook_log::{AppendError, AppendErrorKind, AppendInfo, CleanupPolicy, Log, LogConfig};
use logbrook_record::{
    Batch, BatchBuilder, BatchOptions, Compression, LeaderEpoch, Offset, ProducerId, TimestampType,
};

const EPOCH: LeaderEpoch = LeaderEpoch(5);

fn log_with(config: LogConfig) -> Log {
    Log::new(config, Offset(0))
}

fn log() -> Log {
    log_with(LogConfig::default())
}

fn append(log: &mut Log, batch: Bytes) -> Result<AppendInfo, AppendError> {
    let before = (log.log_end_offset(), log.size_bytes(), log.producer_state().clone());
    let result = log.append_as_leader(batch, EPOCH, NOW);
    if result.is_err() {
        assert_eq!(
            (log.log_end_offset(), log.size_bytes(), log.producer_state().clone()),
            before,
            "nothing half done"
        );
    }
    result
}

fn refused(log: &mut Log, batch: Bytes) -> (AppendErrorKind, String) {
    let error = append(log, batch).expect_err("a bad batch");
    (error.kind, error.message("orders-0"))
}

fn only(log: &Log) -> Batch {
    log.batches(Offset(0), log.log_end_offset()).last().expect("a batch")
}

#[test]
fn offsets_and_epoch_are_patched_in() {
    let mut log = log();
    append(&mut log, batch(3, NOW)).expect("a good batch");
    let info = append(&mut log, batch(2, NOW)).expect("a good batch");
    assert_eq!(
        (info.first_offset, info.last_offset, info.log_append_time),
        (Offset(3), Offset(4), -1)
    );
    let stored = Batch::parse(only(&log).into_bytes()).expect("its CRC is right");
    assert_eq!((stored.base_offset(), stored.header().partition_leader_epoch), (Offset(3), EPOCH));
}

#[test]
fn a_large_batch_is_kept_in_the_buffer_that_it_came_in() {
    let mut log = log();
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, None, Some(&[7; 100_000]), &[]);
    let bytes = builder.build().expect("no codec");
    let address = bytes.as_ptr();
    append(&mut log, bytes).expect("a good batch");
    let read = log.read(Offset(0), 1, true, Offset(1)).expect("within the log").into_bytes();
    assert_eq!(read.as_ptr(), address, "neither append nor read copied it");

    let kept_by_the_producer = read.clone();
    let mut resent = kept_by_the_producer.to_vec();
    resent[7] = 0;
    let resent = Bytes::from(resent);
    append(&mut log, resent.clone()).expect("a good batch");
    assert_eq!(
        Batch::parse(resent).expect("untouched").base_offset(),
        Offset(0),
        "a shared buffer is copied before the patch"
    );
    assert_eq!(only(&log).base_offset(), Offset(1));
}

#[test]
fn damage_is_refused() {
    let mut bytes = batch(1, NOW).to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let (kind, message) = refused(&mut log(), Bytes::from(bytes));
    assert_eq!(kind, AppendErrorKind::CorruptMessage);
    assert!(
        message.starts_with("Record is corrupt (stored crc = ")
            && message.ends_with(" in topic partition orders-0."),
        "{message}"
    );

    let whole = batch(1, NOW);
    for end in 0..whole.len() {
        assert_eq!(refused(&mut log(), whole.slice(..end)).0, AppendErrorKind::CorruptMessage);
    }
}

#[test]
fn a_batch_above_max_message_bytes_is_too_large() {
    let mut log = log_with(LogConfig { max_message_bytes: 100, ..LogConfig::default() });
    append(&mut log, batch(1, NOW)).expect("80 bytes");
    let (kind, message) = refused(&mut log, batch(3, NOW));
    assert_eq!((kind, kind.code()), (AppendErrorKind::RecordTooLarge, 10));
    assert_eq!(
        message,
        "The record batch size in the append to orders-0 is 112 bytes which exceeds the maximum configured value of 100."
    );
}

#[test]
fn timestamps_out_of_bounds_name_each_record() {
    let config = LogConfig { message_timestamp_before_max_ms: 1000, ..LogConfig::default() };
    let mut log = log_with(config);
    let error = append(&mut log, batch(3, NOW - 1002)).expect_err("two are too old");
    assert_eq!((error.kind, error.kind.code()), (AppendErrorKind::InvalidTimestamp, 32));
    assert_eq!(
        error.message("orders-0"),
        "One or more records have been rejected due to invalid timestamp"
    );
    let records: Vec<_> = error.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(records, [0, 1]);
    assert_eq!(
        error.record_errors[0].message("orders-0"),
        "Timestamp 1699999998998 of message with offset 0 is out of range. The timestamp should be within [1699999999000, 1700003600000]"
    );
    assert_eq!(
        refused(&mut log, batch(1, NOW + 3_600_001)).0,
        AppendErrorKind::InvalidTimestamp,
        "an hour ahead, KIP-937"
    );
    append(&mut log, batch(1, NOW + 3_600_000)).expect("just within");
}

#[test]
fn append_time_is_the_brokers() {
    let config =
        LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
    let mut log = log_with(config);
    let info = append(&mut log, batch(2, 0)).expect("any timestamp will do");
    assert_eq!(info.log_append_time, NOW);
    let stored = Batch::parse(only(&log).into_bytes()).expect("its CRC is right again");
    assert!(stored.records().expect("it decodes").iter().all(|record| record.timestamp == NOW));
}

#[test]
fn what_a_client_may_not_send() {
    let compacted = CleanupPolicy { delete: false, compact: true };
    let mut compact = log_with(LogConfig { cleanup_policy: compacted, ..LogConfig::default() });
    let mut keyless = BatchBuilder::new(BatchOptions::default());
    keyless.append(NOW, None, Some(b"v"), &[]);
    let keyless = keyless.build().expect("no codec");
    let (kind, message) = refused(&mut compact, keyless);
    assert_eq!((kind, kind.code()), (AppendErrorKind::InvalidRecord, 87));
    assert_eq!(
        message,
        "One or more records have been rejected due to 1 record errors in total, and only showing the first three errors at most: \
         [RecordError(batchIndex=0, message='Compacted topic cannot accept message without key in topic partition orders-0')]"
    );

    let control = build(BatchOptions { control: true, ..BatchOptions::default() }, 1, NOW);
    assert_eq!(
        refused(&mut log(), control).1,
        "Clients are not allowed to write control records in topic partition orders-0"
    );
    let moved = build(BatchOptions { base_offset: Offset(7), ..BatchOptions::default() }, 1, NOW);
    assert_eq!(
        refused(&mut log(), moved).1,
        "The baseOffset of the record batch in the append to orders-0 should be 0, but it is 7"
    );
    assert_eq!(
        refused(&mut log(), idempotent(1, 0, -1, 1)).1,
        "Invalid sequence number -1 in record batch with producerId 1 in topic partition orders-0"
    );
    let two = Bytes::from([batch(1, NOW), batch(1, NOW)].concat());
    assert_eq!(refused(&mut log(), two).1, "Compressed outer record has more than one batch");
    let mut old = batch(1, NOW).to_vec();
    old[16] = 1;
    assert_eq!(refused(&mut log(), Bytes::from(old)).0, AppendErrorKind::InvalidRecord);
}

#[test]
fn a_topic_with_a_codec_of_its_own_compresses_anew() {
    let mut log =
        log_with(LogConfig { compression_type: Some(Compression::Gzip), ..LogConfig::default() });
    append(&mut log, batch(2, NOW)).expect("a good batch");
    append(&mut log, batch(40, NOW)).expect("a good batch");
    let stored = Batch::parse(only(&log).into_bytes()).expect("its CRC is right");
    assert_eq!(stored.header().attributes.compression(), Some(Compression::Gzip));
    assert_eq!((stored.base_offset(), stored.last_offset()), (Offset(2), Offset(41)));
    assert_eq!(
        stored.records().expect("it decodes")[39].value.as_deref(),
        Some(b"value-39".as_slice())
    );
}

#[test]
fn a_batch_sent_again_is_answered_with_its_first_offset() {
    let mut log = log();
    for sequence in 0..6 {
        append(&mut log, idempotent(1, 0, sequence * 2, 2)).expect("in sequence");
    }
    let end = log.log_end_offset();
    for sequence in 1..6 {
        let info =
            append(&mut log, idempotent(1, 0, sequence * 2, 2)).expect("one of the last five");
        assert_eq!((info.duplicate, info.first_offset), (true, Offset(i64::from(sequence) * 2)));
    }
    assert_eq!(log.log_end_offset(), end, "nothing was written again");
    let (kind, message) = refused(&mut log, idempotent(1, 0, 0, 2));
    assert_eq!(
        (kind, kind.code()),
        (AppendErrorKind::OutOfOrderSequence, 45),
        "the sixth is forgotten"
    );
    assert_eq!(
        message,
        "Out of order sequence number for producer 1 at offset 12 in partition orders-0: 0 (incoming seq. number), 11 (current end sequence number)"
    );
}

#[test]
fn gaps_and_old_incarnations_are_refused() {
    let mut log = log();
    append(&mut log, idempotent(1, 3, 17, 1)).expect("nothing is known yet: any sequence begins");
    assert_eq!(refused(&mut log, idempotent(1, 3, 19, 1)).0, AppendErrorKind::OutOfOrderSequence);
    let (kind, message) = refused(&mut log, idempotent(1, 2, 18, 1));
    assert_eq!((kind, kind.code()), (AppendErrorKind::InvalidProducerEpoch, 47));
    assert_eq!(
        message,
        "Epoch of producer 1 at offset 1 in orders-0 is 2, which is < the last seen epoch 3 (TV-1)"
    );
    assert_eq!(
        refused(&mut log, idempotent(1, 4, 18, 1)).0,
        AppendErrorKind::OutOfOrderSequence,
        "a new one begins at 0"
    );
    append(&mut log, idempotent(1, 4, 0, 1)).expect("a new incarnation");
    append(&mut log, idempotent(2, 0, 0, 1)).expect("another producer has a count of its own");
}

#[test]
fn sequence_numbers_wrap_around() {
    let mut log = log();
    append(&mut log, idempotent(1, 0, i32::MAX - 1, 2)).expect("the last two numbers");
    append(&mut log, idempotent(1, 0, 0, 1)).expect("then 0");
    let mut log = self::log();
    append(&mut log, idempotent(1, 0, i32::MAX - 1, 4)).expect("over the end within a batch");
    let entry = log.producer_state().last_entry(ProducerId(1)).expect("known").clone();
    assert_eq!((entry.batches[0].first_sequence(), entry.last_sequence()), (i32::MAX - 1, 1));
    append(&mut log, idempotent(1, 0, 2, 1)).expect("on it goes");
}

#[test]
fn a_record_that_decompresses_to_too_much_is_refused() {
    let compressed = |bytes: usize| {
        let options = BatchOptions { compression: Compression::Zstd, ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        builder.append(NOW, None, Some(&vec![b'x'; bytes]), &[]);
        builder.build().expect("a codec")
    };
    let config = LogConfig { max_decompressed_message_bytes: 1000, ..LogConfig::default() };
    let mut log = log_with(config);
    append(&mut log, compressed(990)).expect("with its fields 997 bytes");
    let (kind, text) = refused(&mut log, compressed(1000));
    assert_eq!(kind, AppendErrorKind::InvalidRecord);
    assert_eq!(
        text,
        "Invalid record size: 1007 exceeds the configured maximum record size of 1000."
    );
    append(&mut log, batch(1, NOW)).expect("not compressed");
}

#[test]
fn segments_close_earlier_by_their_jitter() {
    let bases = |jitter_ms| {
        let mut log = log_with(LogConfig {
            segment_ms: 1000,
            segment_jitter_ms: jitter_ms,
            ..LogConfig::default()
        });
        for at in 0..100 {
            log.append_as_leader(batch(1, NOW + at * 20), EPOCH, NOW + at * 20).expect("good");
        }
        log.segments().iter().map(|segment| segment.base_offset.0).collect::<Vec<_>>()
    };
    assert_eq!(bases(0), [0, 51]);
    let early = bases(1000);
    assert!(early.len() > 2 && early != bases(500), "{early:?}");
    assert_eq!(early, bases(1000), "the same each time");
}
