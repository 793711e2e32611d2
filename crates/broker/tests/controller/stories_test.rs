//! Faults as the controller sees them, with what each does to leaders, ISRs and epochs.

use crate::sim::*;

const BEAT: Beat = Beat { fenced: false, should_shut_down: false };

#[test]
fn a_broker_is_unfenced_once_it_has_applied_its_registration() {
    let mut cluster = Cluster::without_brokers(&[]);
    let request = cluster.registration(1);
    let epoch = cluster.register(request).unwrap();
    assert_eq!(epoch, cluster.controller.log().log_end_offset().0 - 1);
    cluster.broker(1).epoch = epoch;
    // It has applied nothing.
    assert_eq!(cluster.beat(1), Beat { fenced: true, ..BEAT });
    assert!(!cluster.controller.metadata().is_unfenced(1));
    cluster.follow(1);
    assert_eq!(cluster.beat(1), BEAT);
    assert!(cluster.controller.metadata().is_unfenced(1));
    cluster.follow(1);
    assert_eq!(cluster.brokers[0].image, *cluster.controller.metadata());
}

#[test]
fn an_isr_shrinks_and_grows_and_only_the_partition_epoch_rises() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 0, 0)");
    assert_eq!(cluster.alter_isr("t", &[1, 2]), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2 (epochs 0, 1)");
    assert_eq!(cluster.alter_isr("t", &[1, 2, 3]), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 0, 2)");
}

#[test]
fn who_leaves_an_isr_that_is_too_small_stays_eligible() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    assert_eq!(cluster.alter_isr("t", &[1]), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1 elr 2,3 (epochs 0, 1)");
    assert_eq!(cluster.alter_isr("t", &[1, 3]), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,3 (epochs 0, 2)");
}

#[test]
fn a_broker_that_falls_silent_loses_what_it_leads_after_its_session() {
    let mut cluster = Cluster::new(&[("broker.session.timeout.ms", "9000")]);
    cluster.create("t", &[1, 2, 3], &[]);
    cluster.kill(1);
    cluster.advance(9000);
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 0, 0)");
    // Eight checks in a session.
    cluster.advance(9000 / 8);
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
    assert!(!cluster.controller.metadata().is_unfenced(1));
    // It is back, in sync again, and leads again only when it is asked to.
    cluster.start(1);
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
    assert_eq!(cluster.alter_isr("t", &[2, 3, 1]), "ok");
    assert_eq!(cluster.elect("t", false), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 2,3,1 (epochs 2, 3)");
    assert_eq!(cluster.elect("t", false), "ELECTION_NOT_NEEDED");
}

#[test]
fn the_preferred_leader_leads_again_by_itself() {
    let mut cluster = Cluster::new(&[("leader.imbalance.check.interval.seconds", "60")]);
    cluster.create("t", &[1, 2, 3], &[]);
    cluster.kill(1);
    cluster.advance(12_000);
    cluster.start(1);
    assert_eq!(cluster.alter_isr("t", &[1, 2, 3]), "ok");
    cluster.advance(60_000);
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 2, 3)");
}

#[test]
fn a_cluster_that_is_told_not_to_leaves_leaders_where_they_are() {
    let mut cluster = Cluster::new(&[("auto.leader.rebalance.enable", "false")]);
    cluster.create("t", &[1, 2, 3], &[]);
    cluster.kill(1);
    cluster.advance(12_000);
    cluster.start(1);
    assert_eq!(cluster.alter_isr("t", &[1, 2, 3]), "ok");
    cluster.advance(1_000_000);
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 1,2,3 (epochs 1, 2)");
}

/// As `repl-unclean.session` has it of Apache Kafka.
#[test]
fn the_last_in_sync_dies_and_an_unclean_election_takes_another() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("u", &[2, 3], &[("min.insync.replicas", "1")]);
    cluster.kill(2);
    cluster.advance(12_000);
    assert_eq!(cluster.describe("u"), "leader 3 replicas 2,3 isr 3 (epochs 1, 1)");
    cluster.kill(3);
    cluster.advance(12_000);
    assert_eq!(cluster.describe("u"), "leader -1 replicas 2,3 isr  elr 3 last 3 (epochs 2, 2)");
    // Who fell out of the ISR is back, but is not eligible.
    cluster.start(2);
    assert_eq!(cluster.describe("u"), "leader -1 replicas 2,3 isr  elr 3 last 3 (epochs 2, 2)");
    assert_eq!(cluster.elect("u", false), "PREFERRED_LEADER_NOT_AVAILABLE");
    assert_eq!(cluster.elect("u", true), "ok");
    assert_eq!(cluster.describe("u"), "leader 2 replicas 2,3 isr 2 recovering (epochs 3, 3)");
    assert_eq!(cluster.elect("u", true), "ELECTION_NOT_NEEDED");
    // The leader has mended what it could.
    assert_eq!(cluster.alter_isr("u", &[2]), "ok");
    assert_eq!(cluster.describe("u"), "leader 2 replicas 2,3 isr 2 (epochs 3, 4)");
}

#[test]
fn an_eligible_replica_that_stopped_in_order_leads_again_without_loss() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("u", &[2, 3], &[]);
    for id in [2, 3] {
        cluster.kill(id);
        cluster.advance(12_000);
    }
    assert_eq!(cluster.describe("u"), "leader -1 replicas 2,3 isr  elr 3 last 3 (epochs 2, 2)");
    cluster.start_after(3, true);
    assert_eq!(cluster.describe("u"), "leader 3 replicas 2,3 isr 3 (epochs 3, 3)");
}

#[test]
fn the_last_known_leader_leads_again_after_a_crash_of_all() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("u", &[2, 3], &[]);
    for id in [2, 3] {
        cluster.kill(id);
        cluster.advance(12_000);
    }
    cluster.start_after(2, false);
    assert_eq!(cluster.describe("u"), "leader -1 replicas 2,3 isr  elr 3 last 3 (epochs 2, 2)");
    // A crash: 3 is eligible no more, but it is the last known leader.
    cluster.start_after(3, false);
    assert_eq!(cluster.describe("u"), "leader 3 replicas 2,3 isr 3 recovering (epochs 3, 4)");
}

#[test]
fn a_topic_that_allows_it_has_an_unclean_leader_by_itself() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("u", &[2, 3], &[("unclean.leader.election.enable", "true")]);
    cluster.kill(2);
    cluster.advance(12_000);
    cluster.kill(3);
    cluster.advance(12_000);
    cluster.start(2);
    assert_eq!(cluster.describe("u"), "leader 2 replicas 2,3 isr 2 recovering (epochs 3, 3)");
}

#[test]
fn the_periodic_election_sees_a_config_that_was_changed() {
    let mut cluster = Cluster::new(&[("unclean.leader.election.interval.ms", "60000")]);
    cluster.create("u", &[2, 3], &[]);
    cluster.kill(2);
    cluster.advance(12_000);
    cluster.kill(3);
    cluster.advance(12_000);
    cluster.start(2);
    let before = "leader -1 replicas 2,3 isr  elr 3 last 3 (epochs 2, 2)";
    cluster.advance(120_000);
    assert_eq!(cluster.describe("u"), before);
    cluster.set_config("", "unclean.leader.election.enable", Some("true"));
    cluster.advance(60_000);
    assert_eq!(cluster.describe("u"), "leader 2 replicas 2,3 isr 2 recovering (epochs 3, 3)");
}

#[test]
fn a_broker_stops_once_others_lead_and_know_it() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    let goes = Ok(Beat { fenced: false, should_shut_down: false });
    assert_eq!(cluster.heartbeat(1, false, true), goes);
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
    assert!(!cluster.controller.metadata().is_active(1));
    // A leader cannot take it into the ISR again.
    assert_eq!(cluster.alter_isr("t", &[1, 2, 3]), "INELIGIBLE_REPLICA");
    // The others have not applied the change yet.
    assert_eq!(cluster.heartbeat(1, false, true), goes);
    for id in [2, 3] {
        cluster.follow(id);
        cluster.beat(id);
    }
    let stops = Ok(Beat { fenced: true, should_shut_down: true });
    assert_eq!(cluster.heartbeat(1, false, true), stops);
    assert!(!cluster.controller.metadata().is_unfenced(1));
}

#[test]
fn a_broker_that_leads_nothing_stops_at_once() {
    let mut cluster = Cluster::new(&[]);
    let stops = Ok(Beat { fenced: true, should_shut_down: true });
    assert_eq!(cluster.heartbeat(3, false, true), stops);
}

#[test]
fn another_start_of_a_broker_waits_for_the_session_of_the_first() {
    let mut cluster = Cluster::new(&[]);
    let again = cluster.registration(1);
    let epoch = cluster.brokers[0].epoch;
    // The same start may register again.
    assert_eq!(cluster.register(again.clone()), Ok(epoch));
    let other = again.with_incarnation_id(uuid::Uuid::from_u128(99));
    assert_eq!(cluster.register(other.clone()), Err("DUPLICATE_BROKER_REGISTRATION"));
    cluster.kill(1);
    cluster.advance(12_000);
    let new = cluster.register(other).unwrap();
    assert!(new > epoch);
    // What the first start says does not count any more.
    assert_eq!(cluster.heartbeat(1, false, false), Err("STALE_BROKER_EPOCH"));
}

#[test]
fn a_restarted_controller_gives_every_broker_a_session() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    cluster.kill(1);
    cluster.advance(8000);
    let image = cluster.controller.metadata().clone();
    cluster.controller.restart(cluster.now);
    assert_eq!(cluster.controller.metadata(), &image);
    assert_eq!(cluster.controller.leader_epoch(), 2);
    cluster.advance(8000);
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 0, 0)");
    cluster.advance(3000);
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
}

#[test]
fn a_broker_that_is_unregistered_is_in_no_isr() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    assert_eq!(cluster.unregister(1), "ok");
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
    assert!(cluster.controller.metadata().broker(1).is_none());
    assert_eq!(cluster.unregister(1), "BROKER_ID_NOT_REGISTERED");
    assert_eq!(cluster.heartbeat(1, false, false), Err("STALE_BROKER_EPOCH"));
}

/// As `repl-reassign.session` has it of Apache Kafka.
#[test]
fn replicas_are_added_moved_reordered_and_taken_away() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("m", &[1], &[]);
    assert_eq!(cluster.reassign("m", Some(&[1, 2, 3])), "ok");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 1,2,3 isr 1 adding 2,3 (epochs 0, 1)");
    assert_eq!(cluster.alter_isr("m", &[1, 2]), "ok");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 1,2,3 isr 1,2 adding 2,3 (epochs 0, 2)");
    assert_eq!(cluster.alter_isr("m", &[1, 2, 3]), "ok");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 1,2,3 isr 1,2,3 (epochs 0, 3)");
    // Another order only.
    assert_eq!(cluster.reassign("m", Some(&[3, 2, 1])), "ok");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 3,2,1 isr 1,2,3 (epochs 0, 4)");
    // The leader goes: it is told so when its change completes the reassignment.
    assert_eq!(cluster.reassign("m", Some(&[3, 2])), "ok");
    assert_eq!(cluster.describe("m"), "leader 3 replicas 3,2 isr 2,3 (epochs 1, 5)");
    assert_eq!(cluster.reassign("m", Some(&[1])), "ok");
    assert_eq!(
        cluster.describe("m"),
        "leader 3 replicas 1,2,3 isr 2,3 adding 1 removing 2,3 (epochs 1, 6)"
    );
    assert_eq!(cluster.reassigning(), ["m-0 replicas 1,2,3 adding 1 removing 2,3"]);
    assert_eq!(cluster.alter_isr("m", &[1, 2, 3]), "NEW_LEADER_ELECTED");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 1 isr 1 (epochs 2, 7)");
    assert_eq!(cluster.reassigning(), [] as [&str; 0]);
}

/// `testReassignPartitionsHandlesNewReassignmentThatRemovesPreviouslyAddingReplicas`.
#[test]
fn a_new_target_takes_away_what_the_last_one_brought() {
    let mut cluster = Cluster::new(&[]);
    cluster.start(4);
    cluster.create("m", &[1], &[]);
    assert_eq!(cluster.reassign("m", Some(&[2, 3])), "ok");
    assert_eq!(cluster.reassigning(), ["m-0 replicas 2,3,1 adding 2,3 removing 1"]);
    assert_eq!(cluster.alter_isr("m", &[1, 2]), "ok");
    assert_eq!(cluster.elect("m", false), "ok");
    assert_eq!(cluster.partition("m").leader, 2);
    assert_eq!(cluster.reassign("m", Some(&[4])), "ok");
    assert_eq!(cluster.reassigning(), ["m-0 replicas 4,1,2,3 adding 4 removing 1,2,3"]);
    assert_eq!(cluster.partition("m").leader, 2);
    assert_eq!(cluster.alter_isr("m", &[1, 2, 3, 4]), "NEW_LEADER_ELECTED");
    assert_eq!(cluster.describe("m"), "leader 4 replicas 4 isr 4 (epochs 2, 5)");
}

/// `testEligibleLeaderReplicas_CleanElection`, `testEligibleLeaderReplicas_UncleanShutdown`.
#[test]
fn an_eligible_replica_leads_and_one_that_crashed_does_not() {
    let mut cluster = Cluster::new(&[]);
    cluster.start(4);
    cluster.create("foo", &[1, 2, 3, 4], &[("min.insync.replicas", "3")]);
    for id in [2, 3, 4] {
        cluster.kill(id);
        cluster.advance(12_000);
    }
    assert_eq!(cluster.describe("foo"), "leader 1 replicas 1,2,3,4 isr 1 elr 3,4 (epochs 0, 3)");
    let mut other = cluster.clone();
    // It crashed: what it had may be lost.
    cluster.start_after(4, false);
    assert_eq!(cluster.describe("foo"), "leader 1 replicas 1,2,3,4 isr 1 elr 3 (epochs 0, 4)");
    // It stopped in order.
    other.start_after(3, true);
    other.kill(1);
    other.advance(12_000);
    assert_eq!(other.describe("foo"), "leader 3 replicas 1,2,3,4 isr 3 elr 1,4 (epochs 1, 4)");
}

/// As Apache Kafka 4.4.0 has it: an ISR that is too small when replicas are taken away leaves them eligible,
/// though they are no replicas any more.
#[test]
fn a_replica_that_was_taken_away_can_stay_eligible() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("r", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    assert_eq!(cluster.reassign("r", Some(&[1])), "ok");
    assert_eq!(cluster.describe("r"), "leader 1 replicas 1 isr 1 elr 2,3 (epochs 1, 1)");
}

#[test]
fn a_log_directory_that_fails_takes_its_replicas_out_of_isrs() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    assert_eq!(cluster.fail_directory(1), "ok");
    assert_eq!(cluster.describe("t"), "leader 2 replicas 1,2,3 isr 2,3 (epochs 1, 1)");
}

#[test]
fn a_reassignment_is_cancelled() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("m", &[1, 2], &[]);
    assert_eq!(cluster.reassign("m", None), "NO_REASSIGNMENT_IN_PROGRESS");
    assert_eq!(cluster.reassign("m", Some(&[2, 3])), "ok");
    assert_eq!(
        cluster.describe("m"),
        "leader 1 replicas 2,3,1 isr 1,2 adding 3 removing 1 (epochs 0, 1)"
    );
    assert_eq!(cluster.reassign("m", None), "ok");
    assert_eq!(cluster.describe("m"), "leader 1 replicas 2,1 isr 1,2 (epochs 1, 2)");
    assert_eq!(cluster.reassign("m", Some(&[2, 9])), "INVALID_REPLICA_ASSIGNMENT");
}

#[test]
fn who_is_eligible_is_forgotten_when_min_insync_replicas_changes() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[("min.insync.replicas", "2")]);
    assert_eq!(cluster.alter_isr("t", &[1]), "ok");
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1 elr 2,3 (epochs 0, 1)");
    cluster.set_config("t", "min.insync.replicas", Some("1"));
    assert_eq!(cluster.describe("t"), "leader 1 replicas 1,2,3 isr 1 (epochs 0, 2)");
}
