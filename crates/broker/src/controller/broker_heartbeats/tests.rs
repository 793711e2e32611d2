//! The cases of Kafka's `BrokerHeartbeatManagerTest` and `BrokerHeartbeatTrackerTest`.

use super::BrokerControlState::{ControlledShutdown, Fenced, ShutdownNow, Unfenced};
use super::*;

fn heartbeats(brokers: i32) -> BrokerHeartbeats {
    let mut heartbeats = BrokerHeartbeats::activate(&MetadataImage::default(), 10, 0);
    for id in 0..brokers {
        heartbeats.register(id, true);
    }
    heartbeats
}

#[test]
fn a_session_is_of_one_start_of_a_broker() {
    let mut heartbeats = heartbeats(3);
    assert!(!heartbeats.has_valid_session(0, 100, 0));
    heartbeats.update_contact_time(0, 100, 0);
    heartbeats.update_contact_time(1, 100, 5);
    heartbeats.update_contact_time(2, 200, 5);
    assert!(heartbeats.has_valid_session(0, 100, 5));
    assert!(!heartbeats.has_valid_session(0, 200, 5));
    assert!(heartbeats.has_valid_session(1, 100, 5));
    assert!(heartbeats.has_valid_session(2, 200, 5));
    assert!(!heartbeats.has_valid_session(3, 300, 5));
}

#[test]
fn a_session_is_over_after_its_time_and_only_once() {
    let mut heartbeats = heartbeats(2);
    heartbeats.update_contact_time(0, 100, 0);
    heartbeats.update_contact_time(1, 100, 3);
    assert_eq!(heartbeats.remove_expired(10), None);
    assert_eq!(heartbeats.remove_expired(11), Some((0, 100)));
    assert_eq!(heartbeats.remove_expired(11), None);
    assert!(!heartbeats.has_valid_session(0, 100, 11));
    assert_eq!(heartbeats.remove_expired(14), Some((1, 100)));
}

#[test]
fn the_slowest_active_broker_is_what_a_shutdown_waits_for() {
    let mut heartbeats = heartbeats(5);
    for (id, fenced, offset) in
        [(0, false, 100), (1, false, 100), (2, false, 98), (3, false, 100), (4, true, 90)]
    {
        heartbeats.touch(id, fenced, offset);
    }
    assert_eq!(heartbeats.lowest_active_offset(), 98);
    heartbeats.begin_controlled_shutdown(2, 98);
    assert_eq!(heartbeats.lowest_active_offset(), 100);
    // Where it began counts.
    heartbeats.begin_controlled_shutdown(2, 99);
    assert_eq!(heartbeats.brokers[&2].controlled_shutdown_offset, Some(98));
}

#[test]
fn a_heartbeat_takes_a_broker_from_state_to_state() {
    let mut heartbeats = heartbeats(6);
    for (id, fenced, offset) in [
        (0, true, 100),
        (1, false, 98),
        (2, false, 100),
        (3, false, 100),
        (4, true, 100),
        (5, false, 99),
    ] {
        heartbeats.touch(id, fenced, offset);
    }
    heartbeats.begin_controlled_shutdown(5, 99);
    let next = |heartbeats: &BrokerHeartbeats, id, fence, shut_down, offset, leads| {
        let heartbeat = Heartbeat {
            broker_id: id,
            broker_epoch: 0,
            current_metadata_offset: offset,
            want_fence: fence,
            want_shut_down: shut_down,
        };
        heartbeats.next_state(&heartbeat, 100, leads)
    };
    let is = |id, fence, shut_down, offset, leads| {
        next(&heartbeats, id, fence, shut_down, offset, leads)
    };
    assert_eq!(is(0, false, true, 0, false), Some((Fenced, ShutdownNow)));
    assert_eq!(is(0, false, false, 100, false), Some((Fenced, Unfenced)));
    assert_eq!(is(0, false, false, 50, false), Some((Fenced, Fenced)));
    assert_eq!(is(0, true, false, 100, false), Some((Fenced, Fenced)));
    assert_eq!(is(1, false, true, 0, true), Some((Unfenced, ControlledShutdown)));
    assert_eq!(is(1, false, true, 0, false), Some((Unfenced, ShutdownNow)));
    assert_eq!(is(1, false, false, 0, false), Some((Unfenced, Unfenced)));
    assert_eq!(is(1, true, false, 0, false), Some((Unfenced, Fenced)));
    assert_eq!(is(5, false, true, 0, true), Some((ControlledShutdown, ControlledShutdown)));
    assert_eq!(is(5, false, true, 0, false), Some((ControlledShutdown, ControlledShutdown)));
    assert_eq!(is(6, false, true, 0, true), None);
    heartbeats.fence(1);
    let then = next(&heartbeats, 5, false, true, 0, false);
    assert_eq!(then, Some((ControlledShutdown, ShutdownNow)));
    let then = next(&heartbeats, 5, false, true, 0, true);
    assert_eq!(then, Some((ControlledShutdown, ControlledShutdown)));
}
