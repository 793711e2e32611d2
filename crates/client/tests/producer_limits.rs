//! The producer at its limits: batches that the broker finds too large, and memory that runs out.

mod common;

use common::{World, value};
use logbrook_client::{KafkaError, TopicPartition};

const FROM_START: (&str, &str) = ("auto.offset.reset", "earliest");

fn text(len: usize, n: usize) -> String {
    format!("{n:0>len$}")
}

fn failures(world: &World, producer: usize) -> Vec<&KafkaError> {
    world.seen[producer].completed.iter().filter_map(|(_, result)| result.as_ref().err()).collect()
}

/// Every record once, in the order of the sends.
fn assert_all_in_order(world: &mut World, producer: usize, count: usize, len: usize) {
    let offsets: Vec<i64> = world.seen[producer]
        .completed
        .iter()
        .map(|(_, result)| result.as_ref().expect("written").offset.0)
        .collect();
    assert_eq!(offsets, (0..count as i64).collect::<Vec<_>>());
    let consumer = world.assigned(&[TopicPartition::new("orders", 0)], &[FROM_START]);
    world.run_until(|world| world.seen[consumer].records.len() >= count);
    world.run_for(1000);
    let expected: Vec<String> = (0..count).map(|n| text(len, n)).collect();
    let values: Vec<String> = world.seen[consumer].records.iter().map(value).collect();
    assert_eq!(values, expected);
}

fn splits(world: &World, producer: usize) -> usize {
    world.seen[producer].logs.iter().filter(|line| line.text.contains("splitting and")).count()
}

#[test]
fn a_batch_that_the_broker_finds_too_large_is_split_until_it_fits() {
    // Without idempotence the order holds with one request in flight, as in Java.
    for (idempotence, in_flight) in [("true", "5"), ("false", "1")] {
        // Far under batch.size: one split into batches of batch.size changes nothing.
        let mut world = World::with_broker_properties(&[("message.max.bytes", "1000")]);
        world.create_topic("orders", 1);
        let producer = world.producer(&[
            ("linger.ms", "50"),
            ("enable.idempotence", idempotence),
            ("max.in.flight.requests.per.connection", in_flight),
        ]);
        let started = world.now;
        for n in 0..40 {
            world.send(producer, "orders", None, &text(100, n));
        }
        world.idle(producer);
        assert!(world.now - started < 10_000, "{} ms", world.now - started);
        assert!(splits(&world, producer) >= 4, "{}", splits(&world, producer));
        assert_all_in_order(&mut world, producer, 40, 100);
    }
}

#[test]
fn the_memory_of_a_split_batch_is_given_back() {
    let mut world = World::with_broker_properties(&[("message.max.bytes", "1000")]);
    world.create_topic("orders", 1);
    // Room for two batches; each of them is split into many.
    let producer = world.producer(&[("buffer.memory", "32768"), ("max.block.ms", "5000")]);
    for n in 0..400 {
        world.send(producer, "orders", None, &text(200, n));
    }
    world.idle(producer);
    assert!(failures(&world, producer).is_empty(), "{:?}", failures(&world, producer));
    assert_all_in_order(&mut world, producer, 400, 200);
}

#[test]
fn a_record_that_is_too_large_alone_fails_and_the_next_one_is_written() {
    let mut world = World::with_broker_properties(&[("message.max.bytes", "1000")]);
    world.create_topic("orders", 1);
    let producer = world.producer(&[]);
    world.send(producer, "orders", None, &text(2000, 1));
    world.idle(producer);
    assert_eq!(
        failures(&world, producer).first().map(|error| error.to_string()).as_deref(),
        Some(
            "org.apache.kafka.common.errors.RecordTooLargeException: The request included a message larger than the max message size the server will accept."
        )
    );
    world.send(producer, "orders", None, "small");
    world.idle(producer);
    let (_, last) = world.seen[producer].completed.last().expect("completed");
    assert_eq!(last.as_ref().map(|metadata| metadata.offset.0), Ok(0));
}

#[test]
fn a_record_over_max_request_size_never_leaves() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("max.request.size", "500")]);
    world.send(producer, "orders", None, &text(500, 1));
    world.idle(producer);
    let failures = failures(&world, producer);
    assert_eq!(
        failures[0].message,
        "The message is 586 bytes when serialized which is larger than 500, which is the value of the max.request.size configuration."
    );
}

#[test]
fn memory_that_others_wait_for_sends_what_lingers() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("buffer.memory", "32768"), ("linger.ms", "60000")]);
    let started = world.now;
    for n in 0..7 {
        world.send(producer, "orders", None, &text(10_000, n));
    }
    world.run_until(|world| world.seen[producer].completed.len() >= 4);
    assert!(world.now - started < 5000, "{} ms", world.now - started);
    // The last ones linger, as nobody waits for their memory.
    world.idle(producer);
    assert!(world.now - started >= 60_000, "{} ms", world.now - started);
    assert_all_in_order(&mut world, producer, 7, 10_000);
}

#[test]
fn a_send_waits_for_memory_at_most_max_block_ms() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("buffer.memory", "32768"), ("max.block.ms", "1000")]);
    world.send(producer, "orders", None, &text(10_000, 0));
    world.idle(producer);
    world.broker_down = true;
    // Two batches fit, the third record waits.
    for n in 1..4 {
        world.send(producer, "orders", None, &text(10_000, n));
    }
    let blocked_at = world.now;
    world.run_until(|world| world.seen[producer].completed.len() >= 2);
    assert_eq!(world.now - blocked_at, 1000);
    assert_eq!(
        failures(&world, producer).first().map(|error| error.to_string()).as_deref(),
        Some(
            "org.apache.kafka.clients.producer.BufferExhaustedException: Failed to allocate 16384 bytes within the configured max blocking time 1000 ms. Total memory: 32768 bytes. Available memory: 0 bytes. Poolable size: 16384 bytes"
        )
    );
    // The two that have memory are written when the broker is back, and theirs is free again.
    world.broker_down = false;
    world.idle(producer);
    for n in 4..6 {
        world.send(producer, "orders", None, &text(10_000, n));
    }
    world.idle(producer);
    assert_eq!(failures(&world, producer).len(), 1);
    assert_eq!(world.seen[producer].completed.len(), 6);
}

#[test]
fn a_batch_larger_than_all_memory_is_refused() {
    let mut world = World::new();
    world.create_topic("orders", 1);
    let producer = world.producer(&[("buffer.memory", "1000")]);
    world.send(producer, "orders", None, "small");
    world.idle(producer);
    assert_eq!(
        failures(&world, producer)[0].to_string(),
        "java.lang.IllegalArgumentException: Attempt to allocate 16384 bytes, but there is a hard limit of 1000 on memory allocations."
    );
    // A record that no configuration of batches could hold says so itself.
    world.send(producer, "orders", None, &text(2000, 1));
    world.run_for(10);
    assert_eq!(
        failures(&world, producer)[1].message,
        "The message is 2086 bytes when serialized which is larger than the total memory buffer you have configured with the buffer.memory configuration."
    );
}
