//! Whatever the network does: with acks=all nothing acknowledged is lost, with idempotence nothing is
//! written twice, and a partition keeps the order in which one producer sent to it.

mod common;

use logbrook_sorted::SortedMap;

use common::{Fate, World, value};
use logbrook_broker::wire::Request;
use logbrook_client::{ProducerRecord, TopicPartition};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Send {
    partition: i32,
    wait_ms: i64,
    large: bool,
}

fn sends() -> impl Strategy<Value = Vec<Send>> {
    let send = (0..3i32, 0..40i64, proptest::bool::weighted(0.1))
        .prop_map(|(partition, wait_ms, large)| Send { partition, wait_ms, large });
    proptest::collection::vec(send, 1..60)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        8 => Just(Fate::Delivered),
        1 => Just(Fate::ResponseLost),
        1 => Just(Fate::RequestLost),
        1 => (1..200i64).prop_map(Fate::Late),
    ];
    proptest::collection::vec(fate, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_once_and_in_order(sends in sends(), fates in fates(), in_flight in 1..=5usize) {
        let mut world = World::new();
        world.create_topic("t", 3);
        let in_flight = in_flight.to_string();
        let producer =
            world.producer(&[("max.in.flight.requests.per.connection", in_flight.as_str())]);
        let mut fates = fates.into_iter();
        world.weather = Box::new(move |frame| match frame.body {
            Request::Produce(_) | Request::Metadata(_) | Request::InitProducerId(_) => {
                fates.next().unwrap_or(Fate::Delivered)
            }
            _ => Fate::Delivered,
        });
        for (n, send) in sends.iter().enumerate() {
            let now = world.now;
            let filler = if send.large { "x".repeat(9000) } else { String::new() };
            world.p(producer).send(now, ProducerRecord {
                topic: "t".to_owned(),
                partition: Some(send.partition.into()),
                value: Some(format!("{n} {filler}").into_bytes().into()),
                ..ProducerRecord::default()
            });
            world.run_for(send.wait_ms);
        }
        world.idle(producer);
        let completed = &world.seen[producer].completed;
        prop_assert_eq!(completed.len(), sends.len());
        for (id, result) in completed {
            prop_assert!(result.is_ok(), "{:?}: {:?}", id, result);
        }
        let mut acked: SortedMap<(i32, i64), u64> = SortedMap::new();
        for (id, result) in completed {
            let metadata = result.as_ref().expect("checked");
            if metadata.offset.0 >= 0 {
                acked.insert((metadata.partition.0, metadata.offset.0), id.0);
            }
        }
        let partitions: Vec<TopicPartition> =
            (0..3).map(|index| TopicPartition::new("t", index)).collect();
        let consumer = world.assigned(&partitions, &[("auto.offset.reset", "earliest")]);
        world.run_for(3_000);
        let mut read: Vec<Vec<u64>> = vec![Vec::new(); 3];
        for record in &world.seen[consumer].records {
            let text = value(record);
            let n: u64 = text.split(' ').next().unwrap_or_default().parse().expect("a number");
            if let Some(id) = acked.get(&(record.partition.0, record.offset.0)) {
                prop_assert_eq!(*id, n, "the acknowledged offset is the record's");
            }
            read[record.partition.0 as usize].push(n);
        }
        for (index, values) in read.iter().enumerate() {
            let expected: Vec<u64> = sends
                .iter()
                .enumerate()
                .filter(|(_, send)| send.partition as usize == index)
                .map(|(n, _)| n as u64)
                .collect();
            prop_assert_eq!(values, &expected, "partition {}", index);
        }
    }

    #[test]
    fn groups_read_everything_at_least_once_and_share_the_partitions(
        fates in fates(),
        changes in proptest::collection::vec((0..3usize, 100..8000i64), 1..8),
        cooperative in any::<bool>(),
    ) {
        let mut world = World::new();
        world.create_topic("t", 4);
        let producer = world.producer(&[]);
        for n in 0..200 {
            world.send(producer, "t", Some(&format!("k{n}")), &format!("{n}"));
        }
        world.idle(producer);
        let mut fates = fates.into_iter();
        world.weather = Box::new(move |_| fates.next().unwrap_or(Fate::Delivered));
        let strategy = if cooperative { "cooperative-sticky" } else { "range" };
        let settings = [
            ("group.id", "g"),
            ("auto.offset.reset", "earliest"),
            ("partition.assignment.strategy", strategy),
        ];
        let mut members: Vec<Option<usize>> = vec![None; 3];
        let mut all = Vec::new();
        for (slot, wait) in changes {
            members[slot] = match members[slot] {
                None => {
                    let member = world.subscribed("t", &settings);
                    all.push(member);
                    Some(member)
                }
                Some(member) => {
                    let now = world.now;
                    world.c(member).close(now);
                    None
                }
            };
            world.run_for(wait);
        }
        if members.iter().all(Option::is_none) {
            let member = world.subscribed("t", &settings);
            all.push(member);
            members[0] = Some(member);
        }
        world.weather = Box::new(|_| Fate::Delivered);
        world.run_for(120_000);
        let mut values: Vec<u64> = all
            .iter()
            .flat_map(|member| world.values(*member))
            .map(|value| value.parse().expect("a number"))
            .collect();
        values.sort_unstable();
        values.dedup();
        prop_assert_eq!(values.len(), 200, "{:?}", world.summary());
        let mut assigned = Vec::new();
        for member in members.into_iter().flatten() {
            assigned.extend(world.c(member).assignment());
        }
        assigned.sort();
        let partitions: Vec<TopicPartition> =
            (0..4).map(|index| TopicPartition::new("t", index)).collect();
        prop_assert_eq!(assigned, partitions, "{:?}", world.summary());
    }
}
