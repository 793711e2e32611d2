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

mod callbacks;
mod record;

use core::any::Any;
use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use logbrook_client::consumer::{CommitId, Subscription};
use logbrook_client::process::{AppEvent, Input, Io, Process, Signal};
use logbrook_client::{Consumer, ConsumerConfig, ConsumerRecord, KafkaError, TopicPartition};

use crate::client_config::{properties, refused};
use crate::code_values::{Commit, OnExit};
use crate::instance::Instance;
use crate::random::Random;
use crate::read_event::ReadEvent;
use crate::spec::{AppSpec, SettingError};
use record::{place, read};

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
    failures: SortedMap<(TopicPartition, i64), u32>,
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
            failures: SortedMap::new(),
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

    /// An exception that nothing catches: the process ends without leaving its group.
    fn crash(&mut self, io: &mut Io, error: &KafkaError) -> Step {
        io.stderr(&format!("Exception in thread \"main\" {error}\n"));
        io.exit(EXIT_CRASH);
        Step::Crashed
    }
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
