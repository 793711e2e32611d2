//! Reading, finding by time, rolling, deleting, truncating, forking.

mod common;

use bytes::Bytes;
use common::{NOW, batch, idempotent};
use logbrook_log::{AppendErrorKind, Log, LogConfig, Maintenance, ReadError};
use logbrook_record::{LeaderEpoch, Offset, ProducerId, batches};

const EPOCH: LeaderEpoch = LeaderEpoch(0);

fn filled(config: LogConfig, batches: i64) -> Log {
    let mut log = Log::new(config, Offset(0));
    for index in 0..batches {
        log.append_as_leader(batch(2, NOW + index * 10), EPOCH, NOW).expect("a good batch");
    }
    log.set_high_watermark(log.log_end_offset());
    log
}

/// Base offsets of what a read gives.
fn read(log: &Log, from: i64, max_bytes: usize, min_one_message: bool, upper: i64) -> Vec<i64> {
    let data =
        log.read(Offset(from), max_bytes, min_one_message, Offset(upper)).expect("within the log");
    batches(&data.into_bytes()).map(|batch| batch.expect("our own batch").base_offset().0).collect()
}

/// Bytes of a batch of two.
const BATCH: usize = 95;

#[test]
fn a_read_gives_whole_batches_from_the_one_that_holds_the_offset() {
    let log = filled(LogConfig::default(), 4);
    assert_eq!(log.size_bytes(), 4 * BATCH);
    assert_eq!(read(&log, 0, 10_000, true, 8), [0, 2, 4, 6]);
    assert_eq!(read(&log, 3, 10_000, true, 8), [2, 4, 6]);
    assert_eq!(read(&log, 0, 2 * BATCH, true, 8), [0, 2]);
    assert_eq!(read(&log, 0, 2 * BATCH - 1, true, 8), [0]);
    let cut = log.read(Offset(0), 2 * BATCH - 1, true, Offset(8)).expect("within the log");
    assert_eq!(cut.len(), 2 * BATCH - 1, "the last one is cut, as a slice of Kafka's file is");
    assert_eq!(read(&log, 0, 1, true, 8), [0], "one comes however large it is");
    assert_eq!(read(&log, 0, 1, false, 8), [0; 0]);
    assert_eq!(read(&log, 0, 10_000, true, 4), [0, 2], "up to the high watermark");
    let below = log.read(Offset(0), 10_000, true, Offset(4)).expect("within the log");
    assert_eq!(below.len(), 2 * BATCH, "and not a byte of what is above it");
    assert_eq!(read(&log, 8, 10_000, true, 8), [0; 0]);
    let error = log.read(Offset(9), 1, true, Offset(8)).expect_err("above the end");
    let ReadError::OffsetOutOfRange(range) = error else { panic!("{error}") };
    assert_eq!((range.log_start_offset, range.log_end_offset), (Offset(0), Offset(8)));
}

#[test]
fn segments_roll_by_bytes_by_time_and_when_an_index_is_full() {
    let by_bytes = filled(LogConfig { segment_bytes: 2 * BATCH, ..LogConfig::default() }, 5);
    let bases =
        |log: &Log| log.segments().iter().map(|segment| segment.base_offset.0).collect::<Vec<_>>();
    assert_eq!(bases(&by_bytes), [0, 4, 8]);
    let by_time = filled(LogConfig { segment_ms: 15, ..LogConfig::default() }, 5);
    assert_eq!(
        bases(&by_time),
        [0, 4, 8],
        "a batch more than 15 ms after the first begins a new one"
    );
    let by_index = filled(
        LogConfig { segment_index_bytes: 24, index_interval_bytes: 0, ..LogConfig::default() },
        6,
    );
    assert_eq!(bases(&by_index), [0, 4, 8], "a time index of two entries keeps one place free");
    for log in [by_bytes, by_time] {
        assert_eq!(read(&log, 0, 10_000, true, 10), [0, 2], "a read ends with its segment");
        assert_eq!(read(&log, 9, 10_000, true, 10), [8]);
        assert_eq!(log.batches(Offset(3), Offset(9)).count(), 4);
    }
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let mut log = Log::new(LogConfig { segment_bytes: 100, ..LogConfig::default() }, Offset(0));
    let error = log.append_as_leader(batch(3, NOW), EPOCH, NOW).expect_err("112 bytes");
    assert_eq!((error.kind, error.kind.code()), (AppendErrorKind::RecordBatchTooLarge, 18));
}

#[test]
fn records_are_found_by_their_time() {
    let config =
        LogConfig { segment_bytes: 3 * BATCH, index_interval_bytes: 100, ..LogConfig::default() };
    let mut log = Log::new(config, Offset(0));
    // Timestamps out of order: the first record at or after the time counts, not the nearest.
    for time in [0, 50, 20, 70, 60, 70, 10] {
        log.append_as_leader(batch(2, NOW + time), EPOCH, NOW).expect("a good batch");
    }
    let find = |time: i64| {
        log.offset_for_timestamp(NOW + time).map(|found| (found.timestamp - NOW, found.offset.0))
    };
    assert_eq!(find(-5), Some((0, 0)));
    assert_eq!(find(1), Some((1, 1)), "within a batch");
    assert_eq!(find(2), Some((50, 2)));
    assert_eq!(find(52), Some((70, 6)));
    assert_eq!(find(71), Some((71, 7)));
    assert_eq!(find(72), None);
    assert_eq!(
        log.max_timestamp().map(|found| (found.timestamp - NOW, found.offset.0)),
        Some((71, 7)),
        "the first of two"
    );
    assert_eq!(Log::new(LogConfig::default(), Offset(0)).max_timestamp(), None);

    log.set_high_watermark(Offset(14));
    assert_eq!(log.increment_log_start_offset(Offset(3)), Ok(true));
    let found = log.offset_for_timestamp(NOW).expect("one at or after the log start");
    assert_eq!(found.offset, Offset(3));
}

#[test]
fn retention_deletes_by_age_by_size_and_below_the_log_start() {
    let rolled = LogConfig { segment_bytes: 2 * BATCH, retention_ms: 100, ..LogConfig::default() };
    let mut log = filled(rolled.clone(), 5);
    assert_eq!(
        log.maintain(NOW + 111),
        Maintenance::default(),
        "the newest of the first segment is 100 ms old"
    );
    let done = log.maintain(NOW + 112);
    assert_eq!((done.deleted_segments, done.new_log_start), (vec![Offset(0)], Some(Offset(4))));
    assert!(log.read(Offset(3), 1, true, Offset(10)).is_err());
    let done = log.maintain(NOW + 1_000);
    assert_eq!(done.new_log_start, Some(Offset(10)), "the active one too: a new one is begun");
    assert_eq!((log.segments().len(), log.size_bytes(), log.log_end_offset()), (1, 0, Offset(10)));
    log.append_as_leader(batch(1, NOW), EPOCH, NOW).expect("on it goes");
    assert_eq!(log.log_end_offset(), Offset(11));

    let by_size =
        LogConfig { retention_bytes: 3 * BATCH as i64, retention_ms: -1, ..rolled.clone() };
    assert_eq!(
        filled(by_size.clone(), 4).maintain(NOW),
        Maintenance::default(),
        "three would not be left"
    );
    assert_eq!(filled(by_size.clone(), 5).maintain(NOW).deleted_segments, [Offset(0)]);

    let mut behind = filled(by_size, 5);
    behind.set_high_watermark(Offset(3));
    assert_eq!(
        behind.maintain(NOW),
        Maintenance::default(),
        "nothing above the high watermark goes"
    );

    let mut trimmed = filled(LogConfig { retention_ms: -1, ..rolled }, 5);
    assert_eq!(trimmed.increment_log_start_offset(Offset(7)), Ok(true));
    assert!(trimmed.increment_log_start_offset(Offset(11)).is_err(), "above the high watermark");
    let done = trimmed.maintain(NOW);
    assert_eq!((done.deleted_segments, done.new_log_start), (vec![Offset(0)], None));
}

#[test]
fn silent_producers_are_forgotten() {
    let mut log = Log::new(LogConfig { retention_ms: -1, ..LogConfig::default() }, Offset(0));
    log.append_as_leader(idempotent(1, 0, 0, 1), EPOCH, NOW).expect("a good batch");
    let day = 24 * 60 * 60 * 1000;
    log.remove_expired_producers(NOW + day - 1);
    assert!(log.producer_state().last_entry(ProducerId(1)).is_some());
    log.remove_expired_producers(NOW + day);
    assert!(log.producer_state().last_entry(ProducerId(1)).is_none());
}

#[test]
fn a_fork_goes_its_own_way() {
    let mut log = filled(LogConfig { segment_bytes: 3 * BATCH, ..LogConfig::default() }, 4);
    let mut fork = log.clone();
    fork.append_as_leader(batch(1, NOW), EPOCH, NOW).expect("a good batch");
    log.append_as_leader(batch(3, NOW), LeaderEpoch(1), NOW).expect("a good batch");
    assert_eq!((fork.log_end_offset(), log.log_end_offset()), (Offset(9), Offset(11)));
    assert_eq!(read(&fork, 6, 10_000, true, 9), [6, 8]);
    assert_eq!(read(&log, 6, 10_000, true, 11), [6, 8]);
    assert_eq!(
        (fork.latest_epoch(), log.latest_epoch()),
        (Some(LeaderEpoch(0)), Some(LeaderEpoch(1)))
    );
}

#[test]
fn a_follower_cuts_off_what_its_leader_does_not_have() {
    let config = LogConfig { segment_bytes: 2 * BATCH, ..LogConfig::default() };
    let mut leader = filled(config.clone(), 3);
    let mut follower = Log::new(config, Offset(0));
    let fetch = |follower: &mut Log, leader: &Log| {
        while follower.log_end_offset() < leader.log_end_offset() {
            let from = follower.log_end_offset();
            let data =
                leader.read(from, 150, true, leader.log_end_offset()).expect("within the log");
            follower.append_as_follower(data.into_bytes(), NOW).expect("the leader's bytes");
        }
    };
    fetch(&mut follower, &leader);
    follower
        .append_as_leader(idempotent(1, 0, 0, 2), LeaderEpoch(1), NOW)
        .expect("it led for a while");
    leader.append_as_leader(batch(1, NOW), LeaderEpoch(2), NOW).expect("and the other does again");

    let (epoch, end) = leader.end_offset_for_epoch(LeaderEpoch(1)).expect("epoch 2 is known");
    assert_eq!((epoch, end), (LeaderEpoch(0), Offset(6)));
    assert!(follower.truncate_to(end, 0));
    assert_eq!(
        follower.producer_state().active_producers().count(),
        0,
        "its batch is gone, and so is its producer"
    );
    fetch(&mut follower, &leader);
    assert_eq!(
        follower.batches(Offset(0), Offset(7)).collect::<Vec<_>>(),
        leader.batches(Offset(0), Offset(7)).collect::<Vec<_>>()
    );
    let again = leader.read(Offset(0), 1, true, Offset(7)).expect("within the log").into_bytes();
    let error = follower.append_as_follower(again, NOW).expect_err("it has this batch");
    assert_eq!(error.kind, AppendErrorKind::UnexpectedAppendOffset);
    assert!(follower.append_as_follower(Bytes::new(), NOW).is_ok(), "an empty fetch");
}
