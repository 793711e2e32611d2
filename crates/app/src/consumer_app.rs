//! A service that reads and applies records: the poll loop of a Java consumer.
//!
//! ```java
//! while (running) {
//!     var records = consumer.poll(Duration.ofMillis(100));
//!     for (var record : records) process(record);      // process_ms each, then the store
//!     consumer.commitSync();                           // commit=after-batch
//! }
//! consumer.close();
//! ```
//!
//! One record after the other; while the code is busy, the client's heartbeat goes on and a rebalance
//! waits for the next poll. SIGTERM is `consumer.wakeup()`: the records in hand are finished first.

use core::any::Any;
use std::collections::{BTreeMap, VecDeque};

use logbrook_client::consumer::{CommitId, Subscription};
use logbrook_client::process::{
    AppEvent, Input, Io, Outcome, Process, RecordRef, Signal, StoreError, StoreOp, StoreReply,
    StoreWrite,
};
use logbrook_client::{
    Consumer, ConsumerConfig, ConsumerOutput, ConsumerRecord, KafkaError, OffsetAndMetadata,
    TopicPartition,
};
use logbrook_record::PartitionIndex;

use crate::client_config::{properties, refused};
use crate::code_values::{Commit, OnError, OnExit, OnRevoke};
use crate::instance::{Instance, log, timestamp};
use crate::random::Random;
use crate::read_event::ReadEvent;
use crate::spec::{AppSpec, SettingError};

/// Exit code of a JVM that SIGTERM ended in order.
const EXIT_TERM: i32 = 143;

/// Exit code of a JVM whose main thread threw.
const EXIT_CRASH: i32 = 1;

/// One instance of a consumer.
#[derive(Clone)]
pub(crate) struct ConsumerApp {
    spec: AppSpec,
    group: String,
    consumer: Consumer,
    times: Random,
    phase: Phase,
    /// What the last poll returned and the code has not yet taken up.
    batch: VecDeque<ConsumerRecord>,
    /// How often the record at this place has failed.
    failures: BTreeMap<(TopicPartition, i64), u32>,
    next_token: u64,
    /// SIGTERM came: no further poll.
    stopping: bool,
}

/// What the one thread of the application is doing.
#[derive(Clone)]
enum Phase {
    /// Inside `poll`.
    Polling,
    /// Between two records of a batch.
    Next,
    /// Working on a record until a time.
    Processing { work: Box<Work>, until_ms: i64 },
    /// Waiting for the store.
    Storing { work: Box<Work>, token: u64 },
    /// Inside `commitSync`.
    Committing { id: CommitId, then: AfterCommit },
    /// `Thread.sleep` before the next try.
    Backoff { until_ms: i64 },
    /// Inside `close`.
    Closing,
}

/// Where the thread goes on when `commitSync` returns.
#[derive(Clone, Copy)]
enum AfterCommit {
    Next,
    Poll,
}

/// A record in the code's hands, with what it says.
#[derive(Clone)]
struct Work {
    record: ConsumerRecord,
    event: ReadEvent,
}

impl ConsumerApp {
    pub(crate) fn new(spec: &AppSpec, instance: &Instance) -> Result<Self, SettingError> {
        let config =
            ConsumerConfig::from_properties(&properties(spec, &instance.bootstrap_servers))
                .map_err(|error| refused(spec, error))?;
        Ok(Self {
            group: spec.group.clone().unwrap_or_default(),
            consumer: Consumer::new(config, instance.own_seed("client", &spec.name)),
            times: Random::new(instance.own_seed("process_ms", &spec.name), "process_ms", ""),
            phase: Phase::Polling,
            batch: VecDeque::new(),
            failures: BTreeMap::new(),
            next_token: 0,
            stopping: false,
            spec: spec.clone(),
        })
    }

    /// Goes on until the thread has to wait for something.
    fn drive(&mut self, io: &mut Io) {
        loop {
            let Some(outputs) = self.take_outputs(io) else { return };
            if let Phase::Committing { id, then } = self.phase
                && outputs.commits_ended.contains(&id)
            {
                self.phase = match then {
                    AfterCommit::Next => Phase::Next,
                    AfterCommit::Poll => Phase::Polling,
                };
            }
            match self.advance(io) {
                Step::Waits => break,
                Step::GoesOn => {}
                Step::Crashed => return,
            }
        }
        let own = match &self.phase {
            Phase::Processing { until_ms, .. } | Phase::Backoff { until_ms } => Some(*until_ms),
            Phase::Polling
            | Phase::Next
            | Phase::Storing { .. }
            | Phase::Committing { .. }
            | Phase::Closing => None,
        };
        for wake in own.into_iter().chain(self.consumer.next_wakeup()) {
            io.wake_at(wake);
        }
    }

    /// One step of the thread.
    fn advance(&mut self, io: &mut Io) -> Step {
        match &self.phase {
            Phase::Polling if self.stopping => {
                self.phase = Phase::Closing;
                self.consumer.close(io.now);
                Step::GoesOn
            }
            Phase::Polling => {
                let records = self.consumer.fetch_records(io.now, usize::MAX);
                if records.is_empty() {
                    // What the call started (a join, a fetch) has to leave the client.
                    return match self.take_outputs(io) {
                        None => Step::Crashed,
                        Some(outputs) if outputs.records_ready => Step::GoesOn,
                        Some(_) => Step::Waits,
                    };
                }
                self.take_batch(io, records);
                Step::GoesOn
            }
            Phase::Next => match self.batch.pop_front() {
                Some(record) => self.start(io, record),
                None => {
                    self.batch_done(io.now);
                    Step::GoesOn
                }
            },
            Phase::Processing { until_ms, .. } if *until_ms > io.now => Step::Waits,
            Phase::Processing { work, .. } => {
                let work = work.clone();
                self.apply(io, work)
            }
            Phase::Backoff { until_ms } if *until_ms > io.now && !self.stopping => Step::Waits,
            Phase::Backoff { .. } => {
                self.phase = Phase::Polling;
                Step::GoesOn
            }
            Phase::Storing { .. } | Phase::Committing { .. } | Phase::Closing => Step::Waits,
        }
    }

    fn take_batch(&mut self, io: &mut Io, records: Vec<ConsumerRecord>) {
        for record in &records {
            let event = read(record).ok();
            io.event(AppEvent::Delivered {
                record: place(record),
                id: event.as_ref().map(|event| event.id.clone()),
                entity: event.as_ref().map(|event| event.entity.clone()),
                n: event.as_ref().map(|event| event.n),
            });
        }
        self.batch = records.into();
        self.phase = match self.spec.code.commit {
            Commit::Before => {
                let id = self.consumer.commit(io.now, true, None);
                Phase::Committing { id, then: AfterCommit::Next }
            }
            Commit::Auto
            | Commit::AfterBatch
            | Commit::AfterEach
            | Commit::None
            | Commit::LowestDone
            | Commit::HighestDone => Phase::Next,
        };
    }

    fn batch_done(&mut self, now: i64) {
        self.phase = match self.spec.code.commit {
            Commit::AfterBatch => {
                let id = self.consumer.commit(now, true, None);
                Phase::Committing { id, then: AfterCommit::Poll }
            }
            Commit::Auto
            | Commit::AfterEach
            | Commit::Before
            | Commit::None
            | Commit::LowestDone
            | Commit::HighestDone => Phase::Polling,
        };
    }

    fn start(&mut self, io: &mut Io, record: ConsumerRecord) -> Step {
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
    fn apply(&mut self, io: &mut Io, work: Box<Work>) -> Step {
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

    fn store_answered(&mut self, io: &mut Io, reply: StoreReply) -> Step {
        let work = match &self.phase {
            Phase::Storing { work, token } if *token == reply.token => work.clone(),
            _ => return Step::GoesOn,
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
        let mut firsts = BTreeMap::new();
        for record in core::iter::once(failed).chain(&self.batch) {
            let partition =
                TopicPartition { topic: record.topic.clone(), partition: record.partition };
            firsts.entry(partition).or_insert(record.offset);
        }
        self.batch.clear();
        firsts.iter().try_for_each(|(partition, offset)| self.consumer.seek(partition, *offset))
    }

    /// An exception that nothing catches: the process ends without leaving its group.
    fn crash(&mut self, io: &mut Io, error: &KafkaError) -> Step {
        io.stderr(&format!("Exception in thread \"main\" {error}\n"));
        io.exit(EXIT_CRASH);
        Step::Crashed
    }

    /// Carries out what the client wants. `None` if the process has ended.
    fn take_outputs(&mut self, io: &mut Io) -> Option<Outputs> {
        let mut outputs = Outputs::default();
        for output in self.consumer.poll(io.now) {
            match output {
                ConsumerOutput::Request(outgoing) => io.send(outgoing),
                ConsumerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                ConsumerOutput::Log(line) => log(io, &line),
                ConsumerOutput::Assigned(partitions) => {
                    io.event(AppEvent::Assigned {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Revoked(partitions) => {
                    // The callback runs inside `poll`: everything polled is processed.
                    match self.spec.code.on_revoke {
                        OnRevoke::Nothing => {}
                        OnRevoke::Commit => {
                            self.consumer.commit(io.now, true, None);
                        }
                    }
                    io.event(AppEvent::Revoked {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Lost(partitions) => {
                    io.event(AppEvent::Lost {
                        group: self.group.clone(),
                        partitions: pairs(partitions),
                    });
                }
                ConsumerOutput::Committed { id, offsets, result } => {
                    outputs.commits_ended.extend(id);
                    match result {
                        Ok(()) => {
                            for (partition, offset) in offsets {
                                io.event(AppEvent::Committed {
                                    group: self.group.clone(),
                                    topic: partition.topic,
                                    partition: partition.partition,
                                    offset: offset.offset,
                                });
                            }
                        }
                        // The usual code catches it, logs it and polls on: what was not committed is
                        // processed again by whoever gets the partition.
                        Err(error) => {
                            let time = timestamp(io.now);
                            io.stderr(&format!(
                                "[{time}] WARN [{}] commit failed: {error}\n",
                                self.spec.name
                            ));
                        }
                    }
                }
                ConsumerOutput::Error(error) => {
                    self.crash(io, &error);
                    return None;
                }
                ConsumerOutput::Closed => {
                    io.exit(EXIT_TERM);
                    return None;
                }
                ConsumerOutput::RecordsReady => outputs.records_ready = true,
                ConsumerOutput::Offsets { .. } => {}
            }
        }
        Some(outputs)
    }
}

/// What the application's thread has to know of what its client did.
#[derive(Default)]
struct Outputs {
    commits_ended: Vec<CommitId>,
    records_ready: bool,
}

/// What one step of the application's thread came to.
enum Step {
    /// It can take the next one.
    GoesOn,
    /// It waits for time or for an answer.
    Waits,
    /// The process has ended.
    Crashed,
}

fn read(record: &ConsumerRecord) -> Result<ReadEvent, String> {
    ReadEvent::read(record.value.as_deref().unwrap_or_default())
}

fn place(record: &ConsumerRecord) -> RecordRef {
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

fn pairs(partitions: Vec<TopicPartition>) -> Vec<(String, PartitionIndex)> {
    partitions.into_iter().map(|partition| (partition.topic, partition.partition)).collect()
}

impl Process for ConsumerApp {
    fn handle(&mut self, input: Input, io: &mut Io) {
        let step = match input {
            Input::Start => match self
                .consumer
                .subscribe(io.now, Subscription::Topics(self.spec.topics.clone()))
            {
                Ok(()) => Step::GoesOn,
                Err(error) => self.crash(io, &error),
            },
            Input::Net(event) => {
                self.consumer.handle(io.now, event);
                Step::GoesOn
            }
            Input::Store(reply) => self.store_answered(io, reply),
            Input::Signal(Signal::Int | Signal::Term) => match self.spec.code.on_exit {
                OnExit::Flush => {
                    self.stopping = true;
                    Step::GoesOn
                }
                OnExit::Abrupt => {
                    io.exit(EXIT_TERM);
                    Step::Crashed
                }
            },
            Input::Wake | Input::Stdin(_) | Input::StdinClosed | Input::Signal(Signal::Kill) => {
                Step::GoesOn
            }
        };
        match step {
            Step::GoesOn | Step::Waits => self.drive(io),
            Step::Crashed => {}
        }
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
