//! What is left of a log in memory after a loss of power: what was flushed, and what the system has written
//! back since.

mod common;

use common::{NOW, batch, idempotent};
use logbrook_log::{Log, LogConfig};
use logbrook_record::{LeaderEpoch, Offset, ProducerId};

const SECOND: i64 = 1_000;

fn append(log: &mut Log, seconds: i64) {
    let now = NOW + seconds * SECOND;
    log.append_as_leader(batch(2, now), LeaderEpoch(3), now).expect("a good batch");
}

/// Where the log ends if the power goes after so many seconds.
fn left(log: &Log, seconds: i64) -> i64 {
    log.clone().lose_unflushed(NOW + seconds * SECOND).0
}

#[test]
fn what_is_half_a_minute_old_has_been_written_back() {
    let mut log = Log::new(LogConfig::default(), Offset(10));
    assert_eq!(left(&log, 0), 10);
    for seconds in 0..50 {
        append(&mut log, seconds);
    }
    assert_eq!(left(&log, 49), 10 + 2 * 20, "those of the seconds 0 to 19");
    assert_eq!(left(&log, 60), 10 + 2 * 31);
    assert_eq!(left(&log, 500), 110);
    log.set_high_watermark(Offset(110));
    log.lose_unflushed(NOW + 49 * SECOND);
    assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(50), Offset(50)));
    append(&mut log, 51);
    assert_eq!(log.log_end_offset(), Offset(52), "it goes on from there");
    assert_eq!(left(&log, 52), 50, "what was recovered is on the disk");
}

#[test]
fn a_closed_segment_a_flush_and_the_settings_make_safe() {
    let mut log = Log::new(LogConfig { segment_bytes: 300, ..LogConfig::default() }, Offset(0));
    (0..4).for_each(|_| append(&mut log, 0));
    assert_eq!(log.segments().len(), 2);
    assert_eq!(left(&log, 1), 6, "three batches of 95 bytes are in the segment that is closed");
    log.flush(NOW).expect("memory");
    assert_eq!(left(&log, 1), 8);
    append(&mut log, 1);
    assert_eq!(left(&log, 2), 8);

    let mut log = Log::new(LogConfig { flush_messages: 4, ..LogConfig::default() }, Offset(0));
    (0..3).for_each(|_| append(&mut log, 0));
    assert_eq!(left(&log, 1), 4);
    let mut log = Log::new(LogConfig { flush_ms: 5_000, ..LogConfig::default() }, Offset(0));
    append(&mut log, 0);
    append(&mut log, 3);
    assert_eq!((left(&log, 4), left(&log, 6), left(&log, 9)), (0, 2, 4));
}

#[test]
fn producers_are_as_what_is_left_has_them() {
    let mut log = Log::new(LogConfig::default(), Offset(0));
    let write = |log: &mut Log, sequence: i32, seconds: i64| {
        let now = NOW + seconds * SECOND;
        log.append_as_leader(idempotent(7, 0, sequence, 1), LeaderEpoch(0), now)
    };
    write(&mut log, 0, 0).expect("the first");
    write(&mut log, 1, 20).expect("the second");
    assert_eq!(log.lose_unflushed(NOW + 40 * SECOND), Offset(1));
    assert!(log.producer_state().active_producers().any(|(id, _)| id == ProducerId(7)));
    let again = write(&mut log, 1, 41).expect("its retry is no duplicate any more");
    assert_eq!((again.first_offset, again.duplicate), (Offset(1), false));
}
