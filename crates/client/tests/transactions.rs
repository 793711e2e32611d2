//! A transactional producer against a real broker: what an application sees of it.

mod common;

use common::World;
use logbrook_client::{
    ConsumerGroupMetadata, KafkaError, ProducerRecord, TopicPartition, TransactionCall,
};
use logbrook_record::Offset;

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
            let told = world.seen[id].transactions.iter().skip(before);
            told.filter(|(done, _)| *done == call).last().cloned()
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
