//! Producers and consumers against a real broker.

mod common;

use logbrook_sorted::SortedMap;

use common::{Fate, World, value};
use logbrook_broker::wire::Request;
use logbrook_client::TopicPartition;

fn tps(topic: &str, count: i32) -> Vec<TopicPartition> {
    (0..count).map(|index| TopicPartition::new(topic, index)).collect()
}

const FROM_START: (&str, &str) = ("auto.offset.reset", "earliest");

#[test]
fn a_thousand_records_without_keys_are_read_back() {
    let mut world = World::new();
    world.create_topic("orders", 3);
    let producer = world.producer(&[]);
    for n in 0..1000 {
        world.send(producer, "orders", None, &format!("order {n}"));
    }
    world.idle(producer);
    let offsets = world.seen[producer].completed.iter().map(|(_, result)| {
        result.as_ref().map(|metadata| (metadata.partition, metadata.offset)).expect("written")
    });
    let mut offsets: Vec<_> = offsets.collect();
    offsets.sort();
    offsets.dedup();
    assert_eq!(offsets.len(), 1000, "each record has a place of its own");

    let consumer = world.assigned(&tps("orders", 3), &[FROM_START]);
    world.run_until(|world| world.seen[consumer].records.len() >= 1000);
    world.run_for(2000);
    let mut values = world.values(consumer);
    assert_eq!(values.len(), 1000);
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 1000);
}

#[test]
fn a_key_keeps_its_partition_and_its_order() {
    let mut world = World::new();
    world.create_topic("accounts", 4);
    let producer = world.producer(&[]);
    for n in 0..200 {
        let key = format!("acc-{}", n % 7);
        world.send(producer, "accounts", Some(&key), &format!("{n}"));
    }
    world.idle(producer);
    let consumer = world.subscribed("accounts", &[FROM_START, ("group.id", "g")]);
    world.run_until(|world| world.seen[consumer].records.len() >= 200);
    let mut by_key: SortedMap<Vec<u8>, Vec<(i32, i64)>> = SortedMap::new();
    for record in &world.seen[consumer].records {
        let key = record.key.clone().unwrap_or_default().to_vec();
        let n: i64 = value(record).parse().expect("a number");
        by_key.entry(key).or_default().push((record.partition.0, n));
    }
    assert_eq!(by_key.len(), 7);
    for (key, places) in by_key {
        let partition = places[0].0;
        assert!(places.iter().all(|(p, _)| *p == partition), "{key:?}");
        assert!(places.is_sorted_by_key(|(_, n)| *n), "{key:?}: {places:?}");
    }
}

#[test]
fn auto_commit_and_a_restart_continue_where_the_first_one_closed() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    let producer = world.producer(&[]);
    for n in 0..50 {
        world.send(producer, "orders", None, &format!("first {n}"));
    }
    world.idle(producer);
    let first = world.subscribed("orders", &[FROM_START, ("group.id", "g")]);
    world.run_until(|world| world.seen[first].records.len() == 50);
    let now = world.now;
    world.c(first).close(now);
    world.run_until(|world| world.seen[first].closed);
    assert!(world.seen[first].commits.iter().all(|(_, result)| result.is_ok()));

    for n in 0..20 {
        world.send(producer, "orders", None, &format!("second {n}"));
    }
    world.idle(producer);
    let second = world.subscribed("orders", &[FROM_START, ("group.id", "g")]);
    world.run_until(|world| world.seen[second].records.len() >= 20);
    world.run_for(1000);
    let values = world.values(second);
    assert_eq!(values.len(), 20, "{values:?}");
    assert!(values.iter().all(|value| value.starts_with("second")));
}

#[test]
fn auto_commit_happens_by_time_too_and_survives_a_kill() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    for n in 0..10 {
        world.send(producer, "orders", None, &format!("{n}"));
    }
    world.idle(producer);
    let first = world.subscribed("orders", &[FROM_START, ("group.id", "g")]);
    world.run_for(7000);
    assert_eq!(world.seen[first].records.len(), 10);
    world.kill(first);
    // The dead member holds its partition until its session is over.
    let second = world.subscribed("orders", &[FROM_START, ("group.id", "g")]);
    world.run_for(60_000);
    assert_eq!(world.seen[second].rebalances, ["assigned [orders-0]"]);
    assert_eq!(world.values(second), Vec::<String>::new());
}

#[test]
fn latest_starts_at_the_end_and_earliest_at_the_start() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    world.send(producer, "orders", None, "before");
    world.idle(producer);
    let latest = world.assigned(&tps("orders", 1), &[]);
    let earliest = world.assigned(&tps("orders", 1), &[FROM_START]);
    world.run_for(1000);
    world.send(producer, "orders", None, "after");
    world.idle(producer);
    world.run_for(1000);
    assert_eq!(world.values(latest), ["after"]);
    assert_eq!(world.values(earliest), ["before", "after"]);
}

#[test]
fn a_lost_response_is_retried_and_not_written_twice() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    let mut produced = 0;
    world.weather = Box::new(move |frame| {
        if matches!(frame.body, Request::Produce(_)) {
            produced += 1;
            if produced == 1 {
                return Fate::ResponseLost;
            }
        }
        Fate::Delivered
    });
    world.send(producer, "orders", None, "once");
    world.idle(producer);
    let (_, result) = &world.seen[producer].completed[0];
    assert_eq!(result.as_ref().map(|metadata| metadata.offset.0), Ok(0));
    assert_eq!(
        world.seen[producer].logs.iter().map(|line| line.text.as_str()).next(),
        Some(
            "[Producer clientId=producer-1] Got error produce response with correlation id 4 on topic-partition orders-0, retrying (2147483646 attempts left). Error: NETWORK_EXCEPTION. Error Message: Disconnected from node 1"
        )
    );
    let consumer = world.assigned(&tps("orders", 1), &[FROM_START]);
    world.run_for(1000);
    assert_eq!(world.values(consumer), ["once"]);
}

#[test]
fn without_idempotence_a_lost_response_may_write_twice() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("enable.idempotence", "false")]);
    let mut produced = 0;
    world.weather = Box::new(move |frame| {
        if matches!(frame.body, Request::Produce(_)) {
            produced += 1;
            if produced == 1 {
                return Fate::ResponseLost;
            }
        }
        Fate::Delivered
    });
    world.send(producer, "orders", None, "twice");
    world.idle(producer);
    let consumer = world.assigned(&tps("orders", 1), &[FROM_START]);
    world.run_for(1000);
    assert_eq!(world.values(consumer), ["twice", "twice"]);
}

#[test]
fn an_unknown_topic_fails_after_max_block_ms_and_says_why_meanwhile() {
    let mut world = World::with_broker_properties(&[("auto.create.topics.enable", "false")]);
    let producer = world.producer(&[("max.block.ms", "3000")]);
    world.send(producer, "nowhere", None, "lost");
    world.idle(producer);
    let (_, result) = &world.seen[producer].completed[0];
    let error = result.as_ref().expect_err("no such topic");
    assert_eq!(
        error.to_string(),
        "org.apache.kafka.common.errors.TimeoutException: Topic nowhere not present in metadata after 3000 ms."
    );
    let line = &world.seen[producer].logs[0];
    assert_eq!(
        line.render("T"),
        "[T] WARN [Producer clientId=producer-1] The metadata response from the cluster reported a recoverable issue with correlation id 1 : {nowhere=UNKNOWN_TOPIC_OR_PARTITION} (org.apache.kafka.clients.NetworkClient)"
    );
    // 100 ms, doubling to a second: about five lines in three seconds.
    assert!((4..=8).contains(&world.seen[producer].logs.len()), "{:?}", world.seen[producer].logs);
}

#[test]
fn a_topic_that_appears_in_time_gets_the_records() {
    let mut world = World::with_broker_properties(&[("auto.create.topics.enable", "false")]);
    let producer = world.producer(&[]);
    world.send(producer, "late", None, "patient");
    world.run_for(5000);
    assert!(world.seen[producer].completed.is_empty());
    world.create_topic("late", 1);
    world.idle(producer);
    assert!(world.seen[producer].completed[0].1.is_ok());
}

#[test]
fn without_a_broker_sends_expire_and_the_log_says_that_nobody_answers() {
    let mut world = World::new();
    world.broker_down = true;
    let producer = world.producer(&[("max.block.ms", "2000")]);
    world.send(producer, "orders", None, "lost");
    world.idle(producer);
    let logs: Vec<&str> =
        world.seen[producer].logs.iter().map(|l| l.text.as_str()).take(2).collect();
    assert_eq!(
        logs,
        [
            "[Producer clientId=producer-1] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Node may not be available.",
            "[Producer clientId=producer-1] Bootstrap broker localhost:9092 (id: -1 rack: null isFenced: false) disconnected",
        ]
    );
}

#[test]
fn a_record_over_the_limit_is_refused_at_once() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("max.request.size", "100")]);
    world.send(producer, "orders", None, &"x".repeat(100));
    world.idle(producer);
    let error = world.seen[producer].completed[0].1.clone().expect_err("too large");
    assert_eq!(
        error.to_string(),
        "org.apache.kafka.common.errors.RecordTooLargeException: The message is 186 bytes when serialized which is larger than 100, which is the value of the max.request.size configuration."
    );
}

#[test]
fn max_poll_records_drains_one_partition_after_the_other() {
    let mut world = World::new();
    world.create_topic("orders", 2);
    let producer = world.producer(&[]);
    for n in 0..20 {
        let now = world.now;
        world.p(producer).send(
            now,
            logbrook_client::ProducerRecord {
                topic: "orders".to_owned(),
                partition: Some((n % 2).into()),
                value: Some(format!("{n}").into_bytes().into()),
                ..Default::default()
            },
        );
    }
    world.idle(producer);
    let consumer = world.assigned(&tps("orders", 2), &[FROM_START, ("max.poll.records", "7")]);
    world.busy.push(consumer);
    world.run_for(1000);
    let mut sizes = Vec::new();
    let mut partitions = Vec::new();
    loop {
        let now = world.now;
        let records = world.c(consumer).fetch_records(now, usize::MAX);
        if records.is_empty() {
            break;
        }
        sizes.push(records.len());
        partitions.extend(records.iter().map(|record| record.partition.0));
    }
    assert_eq!(sizes, [7, 7, 6]);
    let switches = partitions.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(switches, 1, "{partitions:?}");
}

#[test]
fn an_offset_out_of_range_is_reset_by_the_policy() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    world.send(producer, "orders", None, "only");
    world.idle(producer);
    let partition = TopicPartition::new("orders", 0);
    let consumer = world.assigned(&tps("orders", 1), &[FROM_START]);
    world.c(consumer).seek(&partition, 1000.into()).expect("assigned");
    world.run_for(1000);
    assert_eq!(world.values(consumer), ["only"]);

    let strict = world.consumer(&[("auto.offset.reset", "none")]);
    let now = world.now;
    world.c(strict).assign(now, &tps("orders", 1)).expect("assigns");
    world.c(strict).seek(&partition, 1000.into()).expect("assigned");
    world.read(strict);
    world.run_for(1000);
    let error = &world.seen[strict].errors[0];
    assert_eq!(error.simple_class(), "OffsetOutOfRangeException");
    assert!(error.message.ends_with("is out of range for partition orders-0"), "{error}");
}

#[test]
fn a_paused_partition_gives_nothing_until_it_is_resumed() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    let consumer = world.assigned(&tps("orders", 1), &[FROM_START]);
    world.run_for(100);
    world.c(consumer).pause(&tps("orders", 1)).expect("assigned");
    world.send(producer, "orders", None, "held");
    world.idle(producer);
    world.run_for(2000);
    assert!(world.values(consumer).is_empty());
    world.c(consumer).resume(&tps("orders", 1)).expect("assigned");
    world.read(consumer);
    world.run_for(2000);
    assert_eq!(world.values(consumer), ["held"]);
}
