//! One record in the code's hands: the work, the store, the commit, and what happens when it fails.

use bytes::Bytes;
use logbrook_client::process::{
    AppEvent, Io, Outcome, RecordRef, StoreError, StoreOp, StoreReply, StoreWrite,
};
use logbrook_client::{
    ConsumerRecord, KafkaError, OffsetAndMetadata, ProducerRecord, TopicPartition,
};
use logbrook_sorted::SortedMap;

use super::{AfterCommit, ConsumerApp, Phase, Step, Work};
use crate::code_values::{Commit, Dedupe, Fold, Key, WriteOrder};
use crate::read_event::{Defect, ReadEvent, field_of};
use crate::writer::transformed;

/// Exit code of a JVM with `-XX:+ExitOnOutOfMemoryError`.
const EXIT_OUT_OF_MEMORY: i32 = 3;

impl ConsumerApp {
    pub(super) fn start(&mut self, io: &mut Io, record: ConsumerRecord) -> Step {
        if self.is_not_due(io.now, &record) {
            return match self.put_off(io.now, &record) {
                Ok(()) => Step::GoesOn,
                Err(error) => self.crash(io, &error),
            };
        }
        if let Step::Crashed = self.begin_transaction(io, &record) {
            return Step::Crashed;
        }
        io.event(AppEvent::ProcessingStarted { record: place(&record) });
        match read(&record) {
            Ok(event) => {
                let work = Box::new(Work { record, event });
                match self.time_of(&work.event) {
                    Some(ms) => {
                        let until_ms = io.now.saturating_add(ms);
                        self.phase = Phase::Processing { work, until_ms };
                        Step::GoesOn
                    }
                    None => self.killed_by(io, &work),
                }
            }
            Err(reason) => self.failed(io, &record, None, &reason),
        }
    }

    /// How long the work on an event takes, in ms; `None` if it ends the process.
    pub(super) fn time_of(&mut self, event: &ReadEvent) -> Option<i64> {
        let span = self.spec.code.process_ms;
        let ms = self.times.between(span.min, span.max);
        let ms = match event.defect {
            Some(Defect::Slow { ms: more }) => ms.saturating_add(more),
            Some(Defect::Fatal) => return None,
            Some(Defect::Invalid | Defect::BusyUntil { .. }) | None => ms,
        };
        Some(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// A record that ends the process that reads it, whatever its code would do with an exception.
    pub(super) fn killed_by(&mut self, io: &mut Io, work: &Work) -> Step {
        report(io, &work.record, Some(&work.event), Outcome::Failed);
        io.stderr("java.lang.OutOfMemoryError: Java heap space\n");
        io.exit(EXIT_OUT_OF_MEMORY);
        Step::Crashed
    }

    /// Why an event is refused now, once the work on it is done.
    pub(super) fn refused(now: i64, event: &ReadEvent) -> Option<String> {
        match event.defect {
            Some(Defect::Invalid) => Some("refused: it breaks a rule of the business".to_owned()),
            Some(Defect::BusyUntil { ms }) if now < ms => {
                Some("refused for now: the other side is busy".to_owned())
            }
            Some(Defect::BusyUntil { .. } | Defect::Slow { .. } | Defect::Fatal) | None => None,
        }
    }

    /// Whether the code leaves an event out because it has had it, or one like it.
    pub(super) fn has_seen(&mut self, event: &ReadEvent) -> Result<bool, String> {
        let in_memory = match self.spec.code.dedupe {
            Dedupe::InMemory => true,
            Dedupe::ById => self.spec.store.is_none(),
            Dedupe::None | Dedupe::ByOffset => false,
        };
        if in_memory && !self.seen.insert(format!("id {}", event.id)) {
            return Ok(true);
        }
        match self.spec.code.fold {
            Fold::Last => Ok(false),
            Fold::First => Ok(!self.seen.insert(format!("row {}", event.entity))),
            Fold::RefuseDuplicates if self.seen.insert(format!("row {}", event.entity)) => {
                Ok(false)
            }
            Fold::RefuseDuplicates => Err(format!("a second record of {}", event.entity)),
        }
    }

    /// The record's time is over: its effect is written, or that was all.
    pub(super) fn apply(&mut self, io: &mut Io, work: Box<Work>) -> Step {
        if let Some(reason) = Self::refused(io.now, &work.event) {
            return self.failed(io, &work.record, Some(&work.event), &reason);
        }
        match self.has_seen(&work.event) {
            Ok(false) => {}
            Ok(true) => return self.done(io, &work, Outcome::Duplicate),
            Err(reason) => return self.failed(io, &work.record, Some(&work.event), &reason),
        }
        if self.spec.code.write_order == WriteOrder::KafkaThenDb {
            self.write_output(io, &work);
        }
        let Some(store) = self.spec.store.clone() else {
            return self.stored(io, &work);
        };
        self.next_token += 1;
        io.store(&store, self.next_token, self.store_op(&work));
        self.phase = Phase::Storing { work, token: self.next_token };
        Step::Waits
    }

    pub(super) fn store_op(&self, work: &Work) -> StoreOp {
        let write = StoreWrite {
            id: work.event.id.clone(),
            entity: work.event.entity.clone(),
            n: work.event.n,
            amount: work.event.amount,
            value: String::from_utf8_lossy(work.record.value.as_deref().unwrap_or_default())
                .into_owned(),
            source: Some(place(&work.record)),
        };
        match (self.spec.code.write_order, self.spec.code.dedupe) {
            (WriteOrder::Outbox, _) => StoreOp::OutboxInsert(write),
            (_, Dedupe::ById) => StoreOp::ApplyOnce { key: write.id.clone(), write },
            (_, Dedupe::ByOffset) => {
                let record = &work.record;
                let (topic, partition) = (&record.topic, record.partition.0);
                let key = format!("{topic}-{partition}@{}", record.offset.0);
                StoreOp::ApplyOnce { key, write }
            }
            (_, Dedupe::None | Dedupe::InMemory) => StoreOp::Apply(write),
        }
    }

    /// The effect outside Kafka is there; a processor's output follows.
    fn stored(&mut self, io: &mut Io, work: &Work) -> Step {
        if self.spec.code.write_order == WriteOrder::DbThenKafka {
            self.write_output(io, work);
        }
        self.done(io, work, Outcome::Done)
    }

    /// Hands a processor's output to its producer, without waiting for its acknowledgement.
    pub(super) fn write_output(&mut self, io: &mut Io, work: &Work) {
        let (Some(writer), Some(topic)) = (&mut self.writer, &self.spec.output) else { return };
        let value = work.record.value.as_deref().unwrap_or_default();
        let key = match &self.spec.code.key {
            Key::None => None,
            Key::Id => Some(Bytes::from(work.event.id.clone())),
            Key::Random => Some(Bytes::from(format!("{:08x}", self.keys.next_u64() as u32))),
            Key::Field(field) => field_of(value, field).map(Bytes::from),
        };
        let record = ProducerRecord {
            topic: topic.clone(),
            key,
            value: Some(transformed(value, &self.spec.name)),
            ..ProducerRecord::default()
        };
        writer.send_output(io, &work.event, record);
    }

    pub(super) fn store_answered(&mut self, io: &mut Io, reply: StoreReply) -> Step {
        let work = match &self.phase {
            Phase::Storing { work, token } if *token == reply.token => work.clone(),
            // The answer to a write of the pool, or to one that nobody waits for any more.
            _ => return self.pool_store_answered(io, reply),
        };
        let reason = match reply.result {
            Ok(_) => {
                io.event(AppEvent::Stored {
                    store: reply.store,
                    id: work.event.id.clone(),
                    entity: work.event.entity.clone(),
                    n: work.event.n,
                    record: Some(place(&work.record)),
                });
                return self.stored(io, &work);
            }
            Err(StoreError::Duplicate { .. }) => return self.done(io, &work, Outcome::Duplicate),
            Err(error) => no_store(&reply.store, &error),
        };
        self.failed(io, &work.record, Some(&work.event), &reason)
    }

    fn done(&mut self, io: &mut Io, work: &Work, outcome: Outcome) -> Step {
        self.processed(io, &work.record, Some(&work.event), outcome)
    }

    /// The code is through with a record.
    pub(super) fn processed(
        &mut self,
        io: &mut Io,
        record: &ConsumerRecord,
        event: Option<&ReadEvent>,
        outcome: Outcome,
    ) -> Step {
        let partition = partition_of(record);
        self.failures.remove(&(partition.clone(), record.offset.0));
        let offset = OffsetAndMetadata {
            leader_epoch: record.leader_epoch,
            ..OffsetAndMetadata::new(record.offset.0.saturating_add(1))
        };
        if let Some(transaction) = &mut self.transaction {
            // It counts when the transaction has committed.
            transaction.done(record.clone(), event.cloned(), outcome);
            if transaction.is_each() {
                return self.end_transaction(io, AfterCommit::Next);
            }
            self.phase = Phase::Next;
            return Step::GoesOn;
        }
        report(io, record, event, outcome);
        match self.spec.code.commit {
            Commit::AfterEach => {
                let offsets = [(partition, offset)].into();
                self.commit_after_flush(io, Some(offsets), AfterCommit::Next);
            }
            Commit::Auto
            | Commit::AfterBatch
            | Commit::Before
            | Commit::None
            | Commit::LowestDone
            | Commit::HighestDone => self.phase = Phase::Next,
        }
        self.sends_done(io)
    }

    /// The next poll returns the failed record again, and all that was polled with it and not reached.
    pub(super) fn seek_back(&mut self, failed: &ConsumerRecord) -> Result<(), KafkaError> {
        let mut firsts = SortedMap::new();
        for record in core::iter::once(failed).chain(&self.batch) {
            firsts.entry(partition_of(record)).or_insert(record.offset);
        }
        self.batch.clear();
        firsts.iter().try_for_each(|(partition, offset)| self.consumer.seek(partition, *offset))
    }
}

pub(super) fn read(record: &ConsumerRecord) -> Result<ReadEvent, String> {
    ReadEvent::read(record.value.as_deref().unwrap_or_default())
}

pub(super) fn place(record: &ConsumerRecord) -> RecordRef {
    RecordRef { topic: record.topic.clone(), partition: record.partition, offset: record.offset }
}

pub(super) fn partition_of(record: &ConsumerRecord) -> TopicPartition {
    TopicPartition { topic: record.topic.clone(), partition: record.partition }
}

/// What the code says of a store that did nothing.
pub(super) fn no_store(store: &str, error: &StoreError) -> String {
    match error {
        StoreError::Unavailable => format!("store {store} is down"),
        StoreError::UnknownStore => format!("there is no store {store}"),
        StoreError::NotSupported => format!("store {store} cannot do this"),
        StoreError::Duplicate { id } => format!("store {store} has {id} already"),
    }
}

pub(super) fn report(
    io: &mut Io,
    record: &ConsumerRecord,
    event: Option<&ReadEvent>,
    outcome: Outcome,
) {
    io.event(AppEvent::Processed {
        record: place(record),
        id: event.map(|event| event.id.clone()),
        entity: event.map(|event| event.entity.clone()),
        n: event.map(|event| event.n),
        outcome,
    });
}
