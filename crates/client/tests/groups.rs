//! Consumers in groups against a real broker: rebalances, commits, members that come and go.

mod common;

use logbrook_sorted::SortedMap;

use common::{Fate, World, produce, sorted_values};
use logbrook_broker::wire::Request;
use logbrook_client::consumer::Subscription;
use logbrook_client::{OffsetAndMetadata, TopicPartition};

const GROUP: (&str, &str) = ("group.id", "g");
const FROM_START: (&str, &str) = ("auto.offset.reset", "earliest");
const COOPERATIVE: (&str, &str) = ("partition.assignment.strategy", "cooperative-sticky");

#[test]
fn a_thousand_records_are_read_once_by_groups_of_one_two_and_three() {
    for members in 1..=3 {
        for strategy in ["range", "cooperative-sticky"] {
            let mut world = World::new();
            world.create_topic("orders", 6);
            let consumers: Vec<usize> = (0..members)
                .map(|_| {
                    let strategy = ("partition.assignment.strategy", strategy);
                    world.subscribed("orders", &[GROUP, FROM_START, strategy])
                })
                .collect();
            world.run_for(15_000);
            produce(&mut world, "orders", 0, 1000);
            world.run_for(5_000);
            let expected: Vec<usize> = (0..1000).collect();
            assert_eq!(sorted_values(&world, &consumers), expected, "{members} with {strategy}");
            let shares: Vec<usize> =
                consumers.iter().map(|c| world.c(*c).assignment().len()).collect();
            assert!(shares.iter().all(|share| *share == 6 / members), "{shares:?}");
        }
    }
}

#[test]
fn eager_members_give_everything_back_before_each_rebalance() {
    let mut world = World::new();
    world.create_topic("orders", 4);
    let first = world.subscribed("orders", &[GROUP]);
    world.run_for(5_000);
    let second = world.subscribed("orders", &[GROUP]);
    world.run_for(10_000);
    let now = world.now;
    world.c(second).close(now);
    world.run_for(10_000);
    assert_eq!(
        world.seen[first].rebalances,
        [
            "assigned [orders-0, orders-1, orders-2, orders-3]",
            "revoked [orders-0, orders-1, orders-2, orders-3]",
            "assigned [orders-0, orders-1]",
            "revoked [orders-0, orders-1]",
            "assigned [orders-0, orders-1, orders-2, orders-3]",
        ]
    );
    assert_eq!(
        world.seen[second].rebalances,
        ["assigned [orders-2, orders-3]", "revoked [orders-2, orders-3]"]
    );
    assert!(world.seen[second].closed);
}

#[test]
fn cooperative_members_give_back_only_what_moves() {
    let mut world = World::new();
    world.create_topic("orders", 4);
    let first = world.subscribed("orders", &[GROUP, COOPERATIVE]);
    world.run_for(5_000);
    let second = world.subscribed("orders", &[GROUP, COOPERATIVE]);
    world.run_for(15_000);
    let seen = &world.seen[first].rebalances;
    assert_eq!(seen[0], "assigned [orders-0, orders-1, orders-2, orders-3]");
    assert!(seen[1].starts_with("revoked [orders-"), "{seen:?}");
    assert_eq!(seen[1].matches("orders").count(), 2, "{seen:?}");
    assert_eq!(world.c(first).assignment().len(), 2);
    assert_eq!(world.c(second).assignment().len(), 2);
    let gained: Vec<&String> =
        world.seen[second].rebalances.iter().filter(|text| *text != "assigned []").collect();
    assert_eq!(gained.len(), 1, "{:?}", world.seen[second].rebalances);
}

#[test]
fn what_was_read_before_a_rebalance_is_not_read_again() {
    let mut world = World::new();
    world.create_topic("orders", 4);
    produce(&mut world, "orders", 0, 400);
    let first = world.subscribed("orders", &[GROUP, FROM_START]);
    world.run_for(1_000);
    let second = world.subscribed("orders", &[GROUP, FROM_START]);
    world.run_for(10_000);
    produce(&mut world, "orders", 0, 400);
    world.run_for(5_000);
    assert_eq!(world.values(first).len() + world.values(second).len(), 800);
}

#[test]
fn a_commit_sync_in_the_revoked_callback_lands_before_the_others_read() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    produce(&mut world, "orders", 0, 100);
    let manual = [GROUP, FROM_START, ("enable.auto.commit", "false")];
    let first = world.subscribed("orders", &manual);
    world.run_for(1_000);
    assert_eq!(world.values(first).len(), 100);
    world.commits_on_revoke.push(first);
    let second = world.subscribed("orders", &manual);
    world.run_for(20_000);
    assert_eq!(world.c(second).assignment().len(), 1);
    let results: Vec<_> = world.seen[first].commits.iter().map(|(_, result)| result).collect();
    assert_eq!(results, [&Ok(())], "committed in the generation that was ending");
    assert_eq!(world.values(second), Vec::<String>::new(), "everything was committed");
}

#[test]
fn commit_sync_and_async_end_in_order_and_are_found_by_the_next_member() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    produce(&mut world, "orders", 0, 10);
    let manual = [GROUP, FROM_START, ("enable.auto.commit", "false")];
    let first = world.subscribed("orders", &manual);
    world.run_for(1_000);
    let now = world.now;
    let offsets = SortedMap::from([(TopicPartition::new("orders", 0), OffsetAndMetadata::new(4))]);
    let one = world.c(first).commit(now, false, Some(offsets.clone()));
    let two = world.c(first).commit(now, true, Some(offsets));
    world.run_for(1_000);
    assert_eq!(world.seen[first].commits, [(Some(one), Ok(())), (Some(two), Ok(()))]);
    let now = world.now;
    world.c(first).close(now);
    world.run_for(1_000);
    let second = world.subscribed("orders", &manual);
    world.run_for(5_000);
    assert_eq!(world.values(second), ["4", "5", "6", "7", "8", "9"]);
}

#[test]
fn an_application_that_does_not_poll_is_thrown_out_and_comes_back() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    produce(&mut world, "orders", 0, 1);
    let slow = world.subscribed("orders", &[GROUP, FROM_START, ("max.poll.interval.ms", "10000")]);
    world.run_until(|world| world.seen[slow].records.len() == 1);
    // It works on the record: not inside poll.
    world.busy.push(slow);
    world.c(slow).leave_poll();
    world.run_for(20_000);
    let warned = world.seen[slow]
        .logs
        .iter()
        .any(|line| line.text.contains("consumer poll timeout has expired. This means"));
    assert!(warned, "{:?}", world.seen[slow].logs);
    world.busy.clear();
    world.read(slow);
    world.run_for(10_000);
    assert_eq!(
        world.seen[slow].rebalances,
        ["assigned [orders-0]", "lost [orders-0]", "assigned [orders-0]"]
    );
}

#[test]
fn heartbeats_keep_a_busy_member_in_its_group() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    produce(&mut world, "orders", 0, 1);
    let busy = world.subscribed("orders", &[GROUP, FROM_START]);
    world.run_until(|world| world.seen[busy].records.len() == 1);
    world.busy.push(busy);
    world.c(busy).leave_poll();
    world.run_for(200_000);
    assert_eq!(world.seen[busy].rebalances, ["assigned [orders-0]"]);
    assert!(world.seen[busy].errors.is_empty(), "{:?}", world.seen[busy].errors);
}

#[test]
fn a_pattern_finds_topics_that_appear_later() {
    let mut world = World::new();
    world.create_topic("orders-eu", 1);
    let consumer = world.consumer(&[GROUP, FROM_START, ("metadata.max.age.ms", "5000")]);
    let now = world.now;
    let pattern = Subscription::Pattern("orders-.*".to_owned());
    world.c(consumer).subscribe(now, pattern).expect("a pattern");
    world.read(consumer);
    world.run_for(10_000);
    world.create_topic("orders-us", 1);
    world.create_topic("payments", 1);
    world.run_for(20_000);
    let topics: Vec<String> =
        world.c(consumer).assignment().iter().map(ToString::to_string).collect();
    assert_eq!(topics, ["orders-eu-0", "orders-us-0"]);
}

#[test]
fn a_leader_sees_new_partitions_and_rebalances() {
    let mut world = World::new();
    let consumer = world.subscribed(
        "later",
        &[
            GROUP,
            FROM_START,
            ("metadata.max.age.ms", "5000"),
            ("allow.auto.create.topics", "false"),
        ],
    );
    world.run_for(10_000);
    assert!(world.c(consumer).assignment().is_empty());
    world.create_topic("later", 2);
    world.run_for(20_000);
    assert_eq!(world.c(consumer).assignment().len(), 2);
}

#[test]
fn a_static_member_comes_back_to_its_partitions_without_a_rebalance() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    let one = [GROUP, FROM_START, ("group.instance.id", "one")];
    let first = world.subscribed("orders", &one);
    let second = world.subscribed("orders", &[GROUP, FROM_START, ("group.instance.id", "two")]);
    world.run_for(15_000);
    let had = world.c(first).assignment();
    let rebalances = world.seen[second].rebalances.len();
    let now = world.now;
    world.c(first).close(now);
    world.run_for(5_000);
    let again = world.subscribed("orders", &one);
    world.run_for(10_000);
    assert_eq!(world.c(again).assignment(), had);
    assert_eq!(world.seen[second].rebalances.len(), rebalances);
}

#[test]
fn lost_group_responses_are_survived() {
    let mut world = World::new();
    world.create_topic("orders", 3);
    let mut n = 0u32;
    world.weather = Box::new(move |frame| {
        n += 1;
        let group_request = matches!(
            frame.body,
            Request::JoinGroup(_)
                | Request::SyncGroup(_)
                | Request::Heartbeat(_)
                | Request::OffsetCommit(_)
                | Request::OffsetFetch(_)
                | Request::FindCoordinator(_)
        );
        if group_request && n.is_multiple_of(3) { Fate::ResponseLost } else { Fate::Delivered }
    });
    let one = world.subscribed("orders", &[GROUP, FROM_START]);
    let two = world.subscribed("orders", &[GROUP, FROM_START]);
    produce(&mut world, "orders", 0, 300);
    world.run_for(120_000);
    world.weather = Box::new(|_| Fate::Delivered);
    world.run_for(120_000);
    let mut values = sorted_values(&world, &[one, two]);
    values.dedup();
    assert_eq!(values.len(), 300, "at least once");
    let mut all = world.c(one).assignment();
    all.extend(world.c(two).assignment());
    all.sort();
    assert_eq!(all.len(), 3, "{all:?}");
}

/// JoinGroup may take a whole rebalance; SyncGroup has only `request.timeout.ms`, 30 s.
#[test]
fn a_sync_without_an_answer_times_out_like_any_request() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let mut late = false;
    world.weather = Box::new(move |frame| {
        if matches!(frame.body, Request::SyncGroup(_)) && !late {
            late = true;
            return Fate::Late(31_000);
        }
        Fate::Delivered
    });
    let consumer = world.subscribed("orders", &[GROUP]);
    world.run_until(|world| !world.seen[consumer].rebalances.is_empty());
    assert_eq!(world.seen[consumer].rebalances, ["assigned [orders-0]"]);
    let timed_out = "Disconnecting from node 2147483646 due to request timeout.";
    let logs: Vec<&str> = world.seen[consumer].logs.iter().map(|l| l.text.as_str()).collect();
    assert!(logs.iter().any(|text| text.ends_with(timed_out)), "{logs:#?}");
}
