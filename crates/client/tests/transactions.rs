//! A transactional producer against a real broker: what an application sees of it, and what a reader
//! of committed records sees whatever the network, the coordinator and zombies do.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Fate, World, value};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::admin::Target;
use logbrook_client::{
    ConsumerGroupMetadata, KafkaError, ProducerRecord, TopicPartition, TransactionCall,
};
use logbrook_record::Offset;
use proptest::prelude::*;

const READ_COMMITTED: &[(&str, &str)] =
    &[("isolation.level", "read_committed"), ("auto.offset.reset", "earliest")];
const READ_UNCOMMITTED: &[(&str, &str)] = &[("auto.offset.reset", "earliest")];

fn world() -> World {
    let mut world = World::with_broker_properties(&[
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "2"),
        ("offsets.topic.num.partitions", "2"),
    ]);
    world.create_topic("t", 2);
    world
}

fn partitions() -> Vec<TopicPartition> {
    (0..2).map(|index| TopicPartition::new("t", index)).collect()
}

impl World {
    fn transactional(&mut self, id: &str, more: &[(&str, &str)]) -> usize {
        let mut settings = vec![("transactional.id", id)];
        settings.extend_from_slice(more);
        self.producer(&settings)
    }

    /// Waits until a call has ended, once more where it had timed out.
    fn told(&mut self, id: usize, call: TransactionCall) -> Result<(), KafkaError> {
        let before = self.seen[id].transactions.len();
        let found = move |world: &World| {
            let told = world.seen[id].transactions[before..].iter();
            told.rev().find(|(done, _)| *done == call).cloned()
        };
        self.run_until(|world| found(world).is_some());
        found(self).map_or(Ok(()), |(_, result)| result)
    }

    fn init(&mut self, id: usize) -> Result<(), KafkaError> {
        let now = self.now;
        let call = self.p(id).init_transactions(now)?;
        self.told(id, call)
    }

    fn commit(&mut self, id: usize) -> Result<(), KafkaError> {
        let now = self.now;
        let call = self.p(id).commit_transaction(now)?;
        self.told(id, call)
    }

    fn abort(&mut self, id: usize) -> Result<(), KafkaError> {
        let now = self.now;
        let call = self.p(id).abort_transaction(now)?;
        self.told(id, call)
    }

    fn offsets(&mut self, id: usize, group: &str, offset: i64) -> Result<(), KafkaError> {
        let now = self.now;
        let offsets = vec![(TopicPartition::new("t", 0), Offset(offset))];
        let group = ConsumerGroupMetadata::new(group);
        let call = self.p(id).send_offsets_to_transaction(now, offsets, group)?;
        self.told(id, call)
    }

    fn put(&mut self, id: usize, partition: i32, text: &str) {
        let now = self.now;
        self.p(id).send(
            now,
            ProducerRecord {
                topic: "t".to_owned(),
                partition: Some(partition.into()),
                value: Some(text.as_bytes().to_vec().into()),
                ..ProducerRecord::default()
            },
        );
    }

    fn flush(&mut self, id: usize) {
        let now = self.now;
        self.p(id).flush(now);
        self.idle(id);
    }

    /// The stable committed offset of a group for `t-0`; -1 for none.
    fn committed_offset(&mut self, group: &str) -> i64 {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let topic = OffsetFetchRequestTopics::default()
            .with_name(TopicName(text("t")))
            .with_partition_indexes(vec![0]);
        let asked = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(group)))
            .with_member_epoch(-1)
            .with_topics(Some(vec![topic]));
        let request =
            OffsetFetchRequest::default().with_require_stable(true).with_groups(vec![asked]);
        let admin = self.admin();
        let now = self.now;
        let to = Target::Coordinator(group.to_owned());
        let id = self.a(admin).call(now, Request::OffsetFetch(request), to);
        self.run_until(|world| world.seen[admin].answers.contains_key(&id));
        let Some(Ok(Response::OffsetFetch(response))) = self.seen[admin].answers.get(&id) else {
            panic!("{:?}", self.seen[admin].answers);
        };
        let partition = &response.groups[0].topics[0].partitions[0];
        assert_eq!(partition.error_code, 0, "nothing is pending any more");
        let offset = partition.committed_offset;
        self.clients[admin] = None;
        offset
    }

    /// What a new consumer reads of everything.
    fn read_all(&mut self, settings: &[(&str, &str)]) -> Vec<String> {
        let consumer = self.assigned(&partitions(), settings);
        self.run_for(3_000);
        let mut values = self.values(consumer);
        values.sort();
        self.clients[consumer] = None;
        values
    }
}

fn class(result: &Result<(), KafkaError>) -> &str {
    match result {
        Ok(()) => "ok",
        Err(error) => error.simple_class(),
    }
}

#[test]
fn a_transaction_is_read_whole_or_not_at_all() {
    let mut world = world();
    let p = world.transactional("p", &[]);
    world.init(p).unwrap();
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "a");
    world.put(p, 1, "b");
    world.flush(p);
    assert_eq!(world.read_all(READ_COMMITTED), [""; 0]);
    assert_eq!(world.read_all(READ_UNCOMMITTED), ["a", "b"]);
    world.commit(p).unwrap();
    assert_eq!(world.read_all(READ_COMMITTED), ["a", "b"]);
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "no");
    world.flush(p);
    world.abort(p).unwrap();
    assert_eq!(world.read_all(READ_COMMITTED), ["a", "b"]);
    // Sent and not flushed: commit flushes, abort drops.
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "c");
    world.commit(p).unwrap();
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "never");
    world.abort(p).unwrap();
    assert_eq!(world.read_all(READ_COMMITTED), ["a", "b", "c"]);
}

#[test]
fn a_zombie_is_told_in_javas_words() {
    let mut world = world();
    let zombie = world.transactional("p", &[]);
    world.init(zombie).unwrap();
    world.p(zombie).begin_transaction().unwrap();
    world.put(zombie, 0, "zombie");
    world.flush(zombie);
    let owner = world.transactional("p", &[]);
    world.init(owner).unwrap();
    world.p(owner).begin_transaction().unwrap();
    world.put(owner, 1, "owner");
    world.commit(owner).unwrap();
    let error = world.commit(zombie).unwrap_err();
    assert_eq!(
        error.to_string(),
        "org.apache.kafka.common.errors.ProducerFencedException: There is a newer producer with the same transactionalId which fences the current one."
    );
    world.put(zombie, 0, "more");
    world.run_for(10);
    let (_, sent) = world.seen[zombie].completed.last().unwrap();
    assert_eq!(
        sent.as_ref().unwrap_err().message,
        "Producer with transactionalId 'p' and (producerId=0, epoch=0) has been fenced by another producer with the same transactionalId"
    );
    assert_eq!(world.read_all(READ_COMMITTED), ["owner"]);
}

#[test]
fn calls_out_of_turn_are_refused() {
    let mut world = world();
    let p = world.transactional("p", &[]);
    let refused = world.p(p).begin_transaction().unwrap_err();
    assert_eq!(
        refused.message,
        "TransactionalId p: Invalid transition attempted from state UNINITIALIZED to state IN_TRANSACTION"
    );
    let plain = world.producer(&[]);
    let refused = world.init(plain).unwrap_err();
    assert_eq!(refused.message, "Transactional method invoked on a non-transactional producer.");
    world.init(p).unwrap();
    assert_eq!(class(&world.commit(p)), "IllegalStateException");
    let refused = world.offsets(p, "g", 1).unwrap_err();
    assert_eq!(
        refused.message,
        "Cannot send offsets if a transaction is not in progress (currentState= READY)"
    );
    // Without anything in it, a transaction ends without a word to the broker.
    world.p(p).begin_transaction().unwrap();
    world.commit(p).unwrap();
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "inside");
    world.commit(p).unwrap();
    assert_eq!(world.read_all(READ_COMMITTED), ["inside"]);
    world.put(p, 0, "outside");
    world.run_for(10);
    let (_, sent) = world.seen[p].completed.last().unwrap();
    assert_eq!(
        sent.as_ref().unwrap_err().message,
        "Cannot add partition t-0 to transaction while in state  READY"
    );
}

#[test]
fn offsets_go_with_the_transaction() {
    let mut world = world();
    let p = world.transactional("p", &[]);
    world.init(p).unwrap();
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "a");
    world.flush(p);
    world.offsets(p, "g", 1).unwrap();
    world.commit(p).unwrap();
    world.p(p).begin_transaction().unwrap();
    world.offsets(p, "g", 2).unwrap();
    world.abort(p).unwrap();
    // A member of the group goes on from what was committed.
    world.p(p).begin_transaction().unwrap();
    world.put(p, 0, "b");
    world.commit(p).unwrap();
    let settings = [("group.id", "g"), ("isolation.level", "read_committed")];
    let consumer = world.subscribed("t", &settings);
    world.run_for(10_000);
    assert_eq!(world.values(consumer), ["b"]);
}

#[test]
fn without_a_coordinator_the_call_waits_for_max_block_ms_and_goes_on_when_repeated() {
    let mut world = world();
    let p = world.transactional("p", &[("max.block.ms", "2000")]);
    world.broker_down = true;
    let error = world.init(p).unwrap_err();
    assert_eq!(error.message, "Timeout expired after 2000ms while awaiting InitProducerId");
    let other = world.p(p).begin_transaction().unwrap_err();
    assert_eq!(
        other.message,
        "Cannot attempt operation `beginTransaction` because the previous call to `initTransactions` timed out and must be retried"
    );
    world.broker_down = false;
    world.init(p).unwrap();
    world.p(p).begin_transaction().unwrap();
}

/// What one producer does in one transaction.
#[derive(Clone, Debug)]
struct Step {
    producer: usize,
    records: Vec<i32>,
    offsets: bool,
    commit: bool,
    wait_ms: i64,
    trouble: Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// The process hangs with its transaction open, and another one takes its id.
    Zombie,
    /// The broker's process is killed and comes back.
    Restart,
    /// The transaction stays open until its time is over.
    Timeout,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let trouble = prop_oneof![
        6 => Just(Trouble::None),
        1 => Just(Trouble::Zombie),
        1 => Just(Trouble::Restart),
        1 => Just(Trouble::Timeout),
    ];
    let step = (
        0..3usize,
        proptest::collection::vec(0..2i32, 0..4),
        any::<bool>(),
        proptest::bool::weighted(0.7),
        0..60i64,
        trouble,
    )
        .prop_map(|(producer, records, offsets, commit, wait_ms, trouble)| Step {
            producer,
            records,
            offsets,
            commit,
            wait_ms,
            trouble,
        });
    proptest::collection::vec(step, 1..14)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        10 => Just(Fate::Delivered),
        1 => Just(Fate::ResponseLost),
        1 => Just(Fate::RequestLost),
        1 => (1..200i64).prop_map(Fate::Late),
    ];
    proptest::collection::vec(fate, 1..80)
}

/// What is known of a transaction from outside.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The application was told that it is committed.
    Committed,
    /// It was told that it is aborted, or never asked for a commit.
    Aborted,
    /// It asked, and was told of an error: whole or nothing.
    Either,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_transaction_is_torn_and_nothing_that_was_aborted_is_read(
        steps in steps(),
        fates in fates(),
    ) {
        const IDS: [&str; 3] = ["p0", "p1", "p2"];
        let settings = [("transaction.timeout.ms", "30000"), ("max.block.ms", "300000")];
        let mut world = world();
        let live = world.assigned(&partitions(), READ_COMMITTED);
        let mut fates = fates.into_iter();
        world.weather = Box::new(move |frame| match frame.body {
            Request::Fetch(_) | Request::Metadata(_) | Request::ListOffsets(_) => Fate::Delivered,
            _ => fates.next().unwrap_or(Fate::Delivered),
        });
        let mut producers: Vec<usize> = IDS
            .iter()
            .map(|id| {
                let producer = world.transactional(id, &settings);
                world.init(producer).map(|()| producer)
            })
            .collect::<Result<_, _>>()
            .expect("producers begin");
        // By transaction: how many records it has, its producer, and how it ended.
        let mut transactions: Vec<(usize, usize, Outcome)> = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let mut producer = producers[step.producer];
            let began = world.p(producer).begin_transaction();
            prop_assert!(began.is_ok(), "{:?}", began);
            for (n, partition) in step.records.iter().enumerate() {
                world.put(producer, *partition, &format!("{number}/{n}"));
            }
            world.run_for(step.wait_ms);
            let group = format!("g{}", step.producer);
            let mut broken = false;
            if step.offsets {
                broken |= world.offsets(producer, &group, number as i64 + 1).is_err();
            }
            match step.trouble {
                Trouble::None => {}
                Trouble::Restart => world.broker.restart(world.now),
                Trouble::Timeout => world.run_for(45_000),
                Trouble::Zombie => {
                    let successor = world.transactional(IDS[step.producer], &settings);
                    let begun = world.init(successor);
                    prop_assert!(begun.is_ok(), "{:?}", begun);
                    producers[step.producer] = successor;
                }
            }
            let result = if step.commit && !broken {
                world.commit(producer)
            } else {
                world.abort(producer)
            };
            let outcome = match (step.commit && !broken, &result) {
                (true, Ok(())) => Outcome::Committed,
                (true, Err(_)) => Outcome::Either,
                (false, _) => Outcome::Aborted,
            };
            transactions.push((step.records.len(), step.producer, outcome));
            if let Err(error) = result {
                // As an application does: abort and go on, or begin anew.
                if step.trouble != Trouble::Zombie && world.abort(producer).is_err() {
                    producer = world.transactional(IDS[step.producer], &settings);
                    let begun = world.init(producer);
                    prop_assert!(begun.is_ok(), "{:?} after {:?}", begun, error);
                    producers[step.producer] = producer;
                }
            }
            for index in 0..2 {
                let log = world.broker.partition("t", index).expect("it is there").log();
                let undecided = log.producer_state().first_unstable_offset();
                let expected = undecided.unwrap_or(log.high_watermark());
                prop_assert_eq!(log.last_stable_offset(), expected);
            }
        }
        // Whatever is open is over by now, and nothing holds readers back.
        world.run_for(60_000);
        for index in 0..2 {
            let log = world.broker.partition("t", index).expect("it is there").log();
            prop_assert_eq!(log.last_stable_offset(), log.high_watermark());
        }
        let read = world.read_all(READ_COMMITTED);
        let unique: BTreeSet<&String> = read.iter().collect();
        prop_assert_eq!(unique.len(), read.len(), "read twice: {:?}", read);
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for text in &read {
            let number = text.split('/').next().unwrap_or_default();
            *counts.entry(number.parse().expect("a number")).or_default() += 1;
        }
        for (number, (records, _, outcome)) in transactions.iter().enumerate() {
            let count = counts.get(&number).copied().unwrap_or(0);
            match outcome {
                Outcome::Committed => prop_assert_eq!(count, *records, "transaction {}", number),
                Outcome::Aborted => prop_assert_eq!(count, 0, "transaction {}", number),
                Outcome::Either => prop_assert!(
                    count == 0 || count == *records,
                    "transaction {} is torn: {} of {}", number, count, records
                ),
            }
        }
        // Who read all along saw the same, and nothing that was not committed.
        let mut seen: Vec<String> = world.seen[live].records.iter().map(value).collect();
        seen.sort();
        prop_assert_eq!(seen, read);
        // Offsets count if and only if their transaction does.
        for producer in 0..IDS.len() {
            let committed = steps
                .iter()
                .enumerate()
                .filter(|(number, step)| {
                    let is_committed = transactions[*number].2 == Outcome::Committed;
                    step.producer == producer && step.offsets && is_committed
                })
                .map(|(number, _)| number as i64 + 1)
                .max();
            let either: Vec<i64> = steps
                .iter()
                .enumerate()
                .filter(|(number, step)| {
                    let either = transactions[*number].2 == Outcome::Either;
                    step.producer == producer && step.offsets && either
                })
                .map(|(number, _)| number as i64 + 1)
                .collect();
            let expected = committed.unwrap_or(-1);
            let found = world.committed_offset(&format!("g{producer}"));
            prop_assert!(
                found == expected || (found > expected && either.contains(&found)),
                "group g{}: {} where {} is committed", producer, found, expected
            );
        }
    }
}
