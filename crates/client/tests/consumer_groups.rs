//! Consumers of the new protocol (KIP-848) against a real broker: the coordinator assigns, and
//! members give up before others are given.

mod common;

use common::{World, produce, sorted_values};
use logbrook_client::consumer::Subscription;

const GROUP: (&str, &str) = ("group.id", "g");
const FROM_START: (&str, &str) = ("auto.offset.reset", "earliest");
const CONSUMER: (&str, &str) = ("group.protocol", "consumer");

#[test]
fn a_thousand_records_are_read_once_by_groups_of_one_two_and_three() {
    for members in 1..=3 {
        let mut world = World::new();
        world.create_topic("orders", 6);
        let consumers: Vec<usize> = (0..members)
            .map(|_| world.subscribed("orders", &[GROUP, FROM_START, CONSUMER]))
            .collect();
        world.run_for(30_000);
        produce(&mut world, "orders", 0, 1000);
        world.run_for(5_000);
        let expected: Vec<usize> = (0..1000).collect();
        assert_eq!(sorted_values(&world, &consumers), expected, "{members} members");
        let shares: Vec<usize> = consumers.iter().map(|c| world.c(*c).assignment().len()).collect();
        assert!(shares.iter().all(|share| *share == 6 / members), "{shares:?}");
    }
}

#[test]
fn a_second_member_takes_half_and_the_first_gives_up_only_that() {
    let mut world = World::new();
    world.create_topic("orders", 4);
    let first = world.subscribed("orders", &[GROUP, CONSUMER]);
    world.run_for(8_000);
    let second = world.subscribed("orders", &[GROUP, CONSUMER]);
    world.run_for(30_000);
    let now = world.now;
    world.c(second).close(now);
    world.run_for(20_000);
    assert_eq!(
        world.seen[first].rebalances,
        [
            "assigned [orders-0, orders-1, orders-2, orders-3]",
            "revoked [orders-2, orders-3]",
            "assigned []",
            "assigned [orders-2, orders-3]",
        ]
    );
    let seen = &world.seen[second].rebalances;
    assert_eq!(seen.last().map(String::as_str), Some("revoked [orders-2, orders-3]"), "{seen:?}");
    assert!(world.seen[second].closed);
}

#[test]
fn what_was_read_before_a_revocation_is_not_read_again() {
    let mut world = World::new();
    world.create_topic("orders", 4);
    produce(&mut world, "orders", 0, 400);
    let first = world.subscribed("orders", &[GROUP, FROM_START, CONSUMER]);
    world.run_for(3_000);
    let second = world.subscribed("orders", &[GROUP, FROM_START, CONSUMER]);
    world.run_for(30_000);
    produce(&mut world, "orders", 400, 400);
    world.run_for(5_000);
    assert_eq!(sorted_values(&world, &[first, second]), (0..800).collect::<Vec<_>>());
}

#[test]
fn a_commit_sync_in_the_revoked_callback_lands_before_the_others_read() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    produce(&mut world, "orders", 0, 100);
    let manual = [GROUP, FROM_START, CONSUMER, ("enable.auto.commit", "false")];
    let first = world.subscribed("orders", &manual);
    world.run_for(3_000);
    assert_eq!(world.values(first).len(), 100);
    world.commits_on_revoke.push(first);
    let second = world.subscribed("orders", &manual);
    world.run_for(30_000);
    assert_eq!(world.c(second).assignment().len(), 1);
    assert_eq!(world.values(second), Vec::<String>::new(), "everything was committed");
}

#[test]
fn the_coordinator_resolves_a_regular_expression() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    world.create_topic("payments", 1);
    world.create_topic("people", 1);
    let consumer = world.consumer(&[GROUP, CONSUMER]);
    let now = world.now;
    world.c(consumer).subscribe(now, Subscription::ServerPattern("orders|pay.*".into())).unwrap();
    world.read(consumer);
    world.run_for(20_000);
    let assigned: Vec<String> =
        world.c(consumer).assignment().iter().map(ToString::to_string).collect();
    assert_eq!(assigned, ["orders-0", "payments-0"]);
}

#[test]
fn classic_and_consumer_members_share_a_group_on_the_way_up_and_down() {
    let mut world = World::new();
    world.create_topic("orders", 6);
    let old = world.subscribed("orders", &[GROUP, FROM_START]);
    world.run_for(10_000);
    let new = world.subscribed("orders", &[GROUP, FROM_START, CONSUMER]);
    world.run_for(40_000);
    let shares =
        |world: &mut World| [old, new].map(|consumer| world.c(consumer).assignment().len());
    assert_eq!(shares(&mut world), [3, 3]);
    produce(&mut world, "orders", 0, 300);
    world.run_for(5_000);
    let now = world.now;
    world.c(new).close(now);
    world.run_for(40_000);
    assert_eq!(shares(&mut world)[0], 6, "the group is a classic one again");
    produce(&mut world, "orders", 300, 300);
    world.run_for(10_000);
    assert_eq!(sorted_values(&world, &[old, new]), (0..600).collect::<Vec<_>>());
}

#[test]
fn a_member_that_crashes_loses_its_partitions_after_its_session() {
    let mut world = World::new();
    world.create_topic("orders", 6);
    let old = world.subscribed("orders", &[GROUP, FROM_START]);
    let members: Vec<usize> =
        (0..2).map(|_| world.subscribed("orders", &[GROUP, FROM_START, CONSUMER])).collect();
    world.run_for(60_000);
    produce(&mut world, "orders", 0, 300);
    // Long enough for an automatic commit of everything.
    world.run_for(12_000);
    world.kill(members[0]);
    world.run_for(90_000);
    let share = |world: &mut World, consumer: usize| world.c(consumer).assignment().len();
    let shares = [share(&mut world, old), share(&mut world, members[1])];
    assert_eq!(shares, [3, 3], "the other two have what the third had");
    produce(&mut world, "orders", 300, 300);
    world.run_for(10_000);
    let all = sorted_values(&world, &[old, members[0], members[1]]);
    assert_eq!(all, (0..600).collect::<Vec<_>>());
}

#[test]
fn an_application_that_does_not_poll_loses_its_partitions() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    let slow = [GROUP, FROM_START, CONSUMER, ("max.poll.interval.ms", "20000")];
    let first = world.subscribed("orders", &slow);
    world.run_for(8_000);
    assert_eq!(world.c(first).assignment().len(), 2);
    let now = world.now;
    world.c(first).leave_poll();
    // The heartbeats go on, and then the member leaves by itself.
    let mut at = now;
    let mut lost = false;
    while at < now + 30_000 {
        at += 500;
        let outputs = world.c(first).poll(at);
        lost |= outputs
            .iter()
            .any(|output| matches!(output, logbrook_client::consumer::ConsumerOutput::Lost(_)));
    }
    assert!(lost, "its partitions may be others' by now");
    assert_eq!(world.c(first).assignment(), []);
}
