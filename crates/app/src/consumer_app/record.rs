//! One record in the code's hands: the work, the store, the commit, and what happens when it fails.

use logbrook_sorted::SortedMap;

use logbrook_client::process::{
    AppEvent, Io, Outcome, RecordRef, StoreError, StoreOp, StoreReply, StoreWrite,
};
use logbrook_client::{ConsumerRecord, KafkaError, OffsetAndMetadata, TopicPartition};

use super::{AfterCommit, ConsumerApp, EXIT_CRASH, Phase, Step, Work};
use crate::code_values::{Commit, OnError};
use crate::instance::timestamp;
use crate::read_event::ReadEvent;

impl ConsumerApp {
    pub(super) fn start(&mut self, io: &mut Io, record: ConsumerRecord) -> Step {
        io.event(AppEvent::ProcessingStarted { record: place(&record) });
        match read(&record) {
            Ok(event) => {
                let span = self.spec.code.process_ms;
                let ms = i64::try_from(self.times.between(span.min, span.max)).unwrap_or(i64::MAX);
                let work = Box::new(Work { record, event });
                self.phase = Phase::Processing { work, until_ms: io.now.saturating_add(ms) };
                Step::GoesOn
            }
            Err(reason) => self.failed(io, &record, None, &reason),
        }
    }

    /// The record's time is over: its effect is written, or that was all.
    pub(super) fn apply(&mut self, io: &mut Io, work: Box<Work>) -> Step {
        let Some(store) = self.spec.store.clone() else {
            return self.done(io, &work, Outcome::Done);
        };
        self.next_token += 1;
        let write = StoreWrite {
            id: work.event.id.clone(),
            entity: work.event.entity.clone(),
            n: work.event.n,
            amount: work.event.amount,
            value: String::from_utf8_lossy(work.record.value.as_deref().unwrap_or_default())
                .into_owned(),
            source: Some(place(&work.record)),
        };
        io.store(&store, self.next_token, StoreOp::Apply(write));
        self.phase = Phase::Storing { work, token: self.next_token };
        Step::Waits
    }

    pub(super) fn store_answered(&mut self, io: &mut Io, reply: StoreReply) -> Step {
        let work = match &self.phase {
            Phase::Storing { work, token } if *token == reply.token => work.clone(),
            // The answer to a write that the code does not wait for any more.
            Phase::Storing { .. }
            | Phase::Polling
            | Phase::Next
            | Phase::Processing { .. }
            | Phase::Committing { .. }
            | Phase::Backoff { .. }
            | Phase::Closing => return Step::GoesOn,
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
                return self.done(io, &work, Outcome::Done);
            }
            Err(StoreError::Duplicate { .. }) => return self.done(io, &work, Outcome::Duplicate),
            Err(StoreError::Unavailable) => format!("store {} is down", reply.store),
            Err(StoreError::UnknownStore) => format!("there is no store {}", reply.store),
            Err(StoreError::NotSupported) => format!("store {} cannot do this", reply.store),
        };
        self.failed(io, &work.record, Some(&work.event), &reason)
    }

    fn done(&mut self, io: &mut Io, work: &Work, outcome: Outcome) -> Step {
        self.processed(io, &work.record, Some(&work.event), outcome);
        Step::GoesOn
    }

    /// The code is through with a record.
    fn processed(
        &mut self,
        io: &mut Io,
        record: &ConsumerRecord,
        event: Option<&ReadEvent>,
        outcome: Outcome,
    ) {
        report(io, record, event, outcome);
        let partition = TopicPartition { topic: record.topic.clone(), partition: record.partition };
        self.failures.remove(&(partition.clone(), record.offset.0));
        self.phase = match self.spec.code.commit {
            Commit::AfterEach => {
                let offset = OffsetAndMetadata {
                    leader_epoch: record.leader_epoch,
                    ..OffsetAndMetadata::new(record.offset.0.saturating_add(1))
                };
                let id = self.consumer.commit(io.now, true, Some([(partition, offset)].into()));
                Phase::Committing { id, then: AfterCommit::Next }
            }
            Commit::Auto
            | Commit::AfterBatch
            | Commit::Before
            | Commit::None
            | Commit::LowestDone
            | Commit::HighestDone => Phase::Next,
        };
    }

    /// The code threw while it processed a record.
    fn failed(
        &mut self,
        io: &mut Io,
        record: &ConsumerRecord,
        event: Option<&ReadEvent>,
        reason: &str,
    ) -> Step {
        let partition = TopicPartition { topic: record.topic.clone(), partition: record.partition };
        let at = format!("{partition} at offset {}", record.offset.0);
        let failures = self.failures.entry((partition, record.offset.0)).or_default();
        *failures = failures.saturating_add(1);
        let retries_left = *failures <= self.spec.code.retries;
        let time = timestamp(io.now);
        let what = match (retries_left, self.spec.code.on_error) {
            (true, _) | (false, OnError::RetryForever) => "tries again",
            (false, OnError::Skip) => "skips it",
            (false, OnError::Crash | OnError::Dlq | OnError::RetryTopic | OnError::ParkKey) => {
                "ends"
            }
        };
        io.stderr(&format!("[{time}] ERROR [{}] {at}: {reason}; {what}\n", self.spec.name));
        match (retries_left, self.spec.code.on_error) {
            (true, _) | (false, OnError::RetryForever) => {
                report(io, record, event, Outcome::Failed);
                if let Err(error) = self.seek_back(record) {
                    return self.crash(io, &error);
                }
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                self.phase = Phase::Backoff { until_ms: io.now.saturating_add(backoff_ms) };
                Step::GoesOn
            }
            (false, OnError::Skip) => {
                self.processed(io, record, event, Outcome::Skipped);
                Step::GoesOn
            }
            // The three that are not crashes are refused by AppSpec::validate.
            (false, OnError::Crash | OnError::Dlq | OnError::RetryTopic | OnError::ParkKey) => {
                report(io, record, event, Outcome::Failed);
                io.exit(EXIT_CRASH);
                Step::Crashed
            }
        }
    }

    /// The next poll returns the failed record again, and all that was polled with it and not reached.
    fn seek_back(&mut self, failed: &ConsumerRecord) -> Result<(), KafkaError> {
        let mut firsts = SortedMap::new();
        for record in core::iter::once(failed).chain(&self.batch) {
            let partition =
                TopicPartition { topic: record.topic.clone(), partition: record.partition };
            firsts.entry(partition).or_insert(record.offset);
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

fn report(io: &mut Io, record: &ConsumerRecord, event: Option<&ReadEvent>, outcome: Outcome) {
    io.event(AppEvent::Processed {
        record: place(record),
        id: event.map(|event| event.id.clone()),
        entity: event.map(|event| event.entity.clone()),
        n: event.map(|event| event.n),
        outcome,
    });
}
