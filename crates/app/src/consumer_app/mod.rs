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
mod failure;
mod pool;
mod record;
mod transaction;

use core::any::Any;
use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use logbrook_client::consumer::{CommitId, Subscription};
use logbrook_client::net::NetEvent;
use logbrook_client::process::{AppEvent, Input, Io, Outcome, Process, ProcessView, Signal};
use logbrook_client::producer::TransactionCall;
use logbrook_client::{
    Consumer, ConsumerConfig, ConsumerRecord, KafkaError, OffsetAndMetadata, TopicPartition,
};

use crate::client_config::{consumer_properties, refused};
use crate::code_values::{Commit, OnError, OnExit, OnSendError};
use crate::instance::{Instance, timestamp};
use crate::random::Random;
use crate::read_event::ReadEvent;
use crate::spec::{AppSpec, Role, SettingError};
use crate::writer::{WRITER, Writer};
use pool::Pool;
use record::{place, read};
use transaction::OpenTransaction;

/// Exit code of a JVM that SIGTERM ended in order.
const EXIT_TERM: i32 = 143;

/// Exit code of a JVM whose main thread threw.
const EXIT_CRASH: i32 = 1;

/// One instance of a consumer, or of a processor.
#[derive(Clone)]
pub(crate) struct ConsumerApp {
    spec: AppSpec,
    group: String,
    consumer: Consumer,
    /// Where the application writes to Kafka too.
    writer: Option<Writer>,
    /// With `transaction=each` or `batch`.
    transaction: Option<OpenTransaction>,
    /// With `pool` above 1.
    pool: Option<Pool>,
    times: Random,
    keys: Random,
    phase: Phase,
    /// What the last poll returned and the code has not yet taken up.
    batch: VecDeque<ConsumerRecord>,
    /// How often the record at this place has failed.
    failures: SortedMap<(TopicPartition, i64), u32>,
    /// Partitions of retry topics whose next record is not due yet, and when it is.
    not_due: SortedMap<TopicPartition, i64>,
    /// Ids that the process has seen (`dedupe`), entities that it has a row of (`fold`).
    seen: SortedSet<String>,
    next_token: u64,
    /// SIGTERM came: no further poll.
    stopping: bool,
}

/// What the one thread of the application is doing.
#[derive(Clone)]
enum Phase {
    /// Inside `initTransactions`.
    Starting(TransactionCall),
    /// Inside `poll`.
    Polling,
    /// Between two records of a batch.
    Next,
    /// Working on a record until a time.
    Processing { work: Box<Work>, until_ms: i64 },
    /// Waiting for the store.
    Storing { work: Box<Work>, token: u64 },
    /// Inside `flush`, or the `get` of a dead letter's send.
    Flushing { then: AfterFlush },
    /// Inside `commitSync`.
    Committing { id: CommitId, then: AfterCommit },
    /// Inside `sendOffsetsToTransaction`.
    SendingOffsets { call: TransactionCall, then: AfterCommit },
    /// Inside `commitTransaction`.
    CommittingTransaction { call: TransactionCall, then: AfterCommit },
    /// Inside `abortTransaction`.
    Aborting { call: TransactionCall, backoff_ms: i64 },
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

impl AfterCommit {
    fn phase(self) -> Phase {
        match self {
            Self::Next => Phase::Next,
            Self::Poll => Phase::Polling,
        }
    }
}

/// Where the thread goes on when all that was sent is answered.
#[derive(Clone)]
enum AfterFlush {
    /// This record has been put aside.
    SetAside { record: Box<ConsumerRecord>, event: Option<Box<ReadEvent>> },
    /// `commitSync` of these offsets, or of all positions.
    Commit { offsets: Option<Offsets>, then: AfterCommit },
    /// `close`.
    Close,
}

type Offsets = SortedMap<TopicPartition, OffsetAndMetadata>;

/// A record in the code's hands, with what it says.
#[derive(Clone)]
struct Work {
    record: ConsumerRecord,
    event: ReadEvent,
}

impl ConsumerApp {
    pub(crate) fn new(spec: &AppSpec, instance: &Instance) -> Result<Self, SettingError> {
        let config = ConsumerConfig::from_properties(&consumer_properties(spec, instance))
            .map_err(|error| refused(spec, error))?;
        let writes = spec.role == Role::Processor
            || matches!(spec.code.on_error, OnError::Dlq | OnError::RetryTopic | OnError::ParkKey);
        Ok(Self {
            writer: if writes { Some(Writer::new(spec, instance)?) } else { None },
            transaction: OpenTransaction::new(spec),
            pool: Pool::new(&spec.code),
            keys: Random::new(instance.own_seed("keys", &spec.name), "keys", ""),
            not_due: SortedMap::new(),
            seen: SortedSet::new(),
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
            let wrote = self.writer.as_mut().is_some_and(|writer| writer.poll(io));
            if let Phase::Committing { id, then } = self.phase
                && outputs.commits_ended.contains(&id)
            {
                self.phase = then.phase();
            }
            let pool = match self.advance_pool(io, &outputs.commits_ended) {
                Step::Crashed => return,
                Step::GoesOn => true,
                Step::Waits => false,
            };
            match self.advance(io) {
                Step::Waits if wrote || pool => {}
                Step::Waits => break,
                Step::GoesOn => {}
                Step::Crashed => return,
            }
        }
        let own = match &self.phase {
            Phase::Processing { until_ms, .. } | Phase::Backoff { until_ms } => Some(*until_ms),
            Phase::Starting(_)
            | Phase::Polling
            | Phase::Next
            | Phase::Storing { .. }
            | Phase::Flushing { .. }
            | Phase::Committing { .. }
            | Phase::SendingOffsets { .. }
            | Phase::CommittingTransaction { .. }
            | Phase::Aborting { .. }
            | Phase::Closing => None,
        };
        // What is due already is resumed by the next poll; to wake a thread at work for it would be in vain,
        // and again at once.
        let due = self.not_due.values().copied().filter(|due| *due > io.now).min();
        let pool = self.pool.as_ref().and_then(Pool::next_wakeup);
        let clients =
            [self.consumer.next_wakeup(), self.writer.as_ref().and_then(Writer::next_wakeup)];
        for wake in [own, due, pool].into_iter().chain(clients).flatten() {
            io.wake_at(wake);
        }
    }

    /// One step of the thread.
    fn advance(&mut self, io: &mut Io) -> Step {
        match &self.phase {
            Phase::Starting(call) => match self.returned(*call) {
                None => Step::Waits,
                Some(Ok(())) => {
                    self.phase = Phase::Polling;
                    Step::GoesOn
                }
                Some(Err(error)) => self.crash(io, &error),
            },
            Phase::Polling if self.stopping => self.stop(io),
            Phase::Polling if self.pool.as_ref().is_some_and(Pool::is_full) => Step::Waits,
            Phase::Polling => {
                self.resume_what_is_due(io.now);
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
                None => self.batch_done(io),
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
            Phase::Flushing { .. } => self.flushed(io),
            Phase::SendingOffsets { .. }
            | Phase::CommittingTransaction { .. }
            | Phase::Aborting { .. } => self.advance_transaction(io),
            Phase::Storing { .. } | Phase::Committing { .. } | Phase::Closing => Step::Waits,
        }
    }

    /// SIGTERM came: what is in hand is done, then the clients are closed.
    fn stop(&mut self, io: &mut Io) -> Step {
        if self.pool.as_ref().is_some_and(|pool| !pool.is_idle()) {
            return Step::Waits;
        }
        if let Some(writer) = &mut self.writer
            && !writer.is_idle()
        {
            writer.client().flush(io.now);
            self.phase = Phase::Flushing { then: AfterFlush::Close };
            return Step::GoesOn;
        }
        self.close(io.now);
        Step::GoesOn
    }

    fn close(&mut self, now: i64) {
        self.commit_of_pool(now, true);
        self.phase = Phase::Closing;
        self.consumer.close(now);
    }

    /// Inside `flush`: what comes next when everything is answered, and what became of it.
    fn flushed(&mut self, io: &mut Io) -> Step {
        let Phase::Flushing { then } = &self.phase else { return Step::GoesOn };
        let Some(writer) = &mut self.writer else { return Step::GoesOn };
        if !writer.is_idle() {
            return Step::Waits;
        }
        let then = then.clone();
        if self.transaction.is_none()
            && let Step::Crashed = self.take_write_errors(io)
        {
            return Step::Crashed;
        }
        match then {
            AfterFlush::SetAside { record, event } => {
                self.processed(io, &record, event.as_deref(), Outcome::SetAside)
            }
            AfterFlush::Commit { offsets, then } => {
                // Sent again, it is not over.
                if self.writer.as_ref().is_some_and(|writer| !writer.is_idle()) {
                    return Step::GoesOn;
                }
                let id = self.consumer.commit(io.now, true, offsets);
                self.phase = Phase::Committing { id, then };
                Step::GoesOn
            }
            AfterFlush::Close => {
                self.close(io.now);
                Step::GoesOn
            }
        }
    }

    /// Sends that failed: dropped, sent again, or the end of the program, as `on_send_error` says. A dead
    /// letter that cannot be written is an exception that nothing catches.
    fn take_write_errors(&mut self, io: &mut Io) -> Step {
        let Some(writer) = &mut self.writer else { return Step::GoesOn };
        for (sent, error) in writer.take_failed() {
            let Some(id) = &sent.id else {
                return self.crash(io, &error);
            };
            io.event(AppEvent::SendFailed {
                id: id.clone(),
                topic: sent.record.topic.clone(),
                error: error.to_string(),
            });
            match self.spec.code.on_send_error {
                OnSendError::Drop => {
                    let (time, name) = (timestamp(io.now), &self.spec.name);
                    io.stderr(&format!("[{time}] ERROR [{name}] could not send {id}: {error}\n"));
                }
                OnSendError::Keep => writer.send(io.now, sent.id, sent.record),
                OnSendError::Stop => return self.crash(io, &error),
            }
        }
        Step::GoesOn
    }

    /// `commitSync`, after everything sent so far is answered.
    fn commit_after_flush(&mut self, io: &mut Io, offsets: Option<Offsets>, then: AfterCommit) {
        match &mut self.writer {
            Some(writer) if !writer.is_idle() => {
                writer.client().flush(io.now);
                self.phase = Phase::Flushing { then: AfterFlush::Commit { offsets, then } };
            }
            Some(_) | None => {
                let id = self.consumer.commit(io.now, true, offsets);
                self.phase = Phase::Committing { id, then };
            }
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
        if let Some(pool) = &mut self.pool {
            pool.take(records);
            if matches!(self.spec.code.commit, Commit::Before | Commit::AfterBatch) {
                let id = self.consumer.commit(io.now, true, None);
                self.phase = Phase::Committing { id, then: AfterCommit::Poll };
            }
            return;
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

    fn batch_done(&mut self, io: &mut Io) -> Step {
        if let Step::Crashed = self.sends_done(io) {
            return Step::Crashed;
        }
        if self.transaction.as_ref().is_some_and(OpenTransaction::is_open) {
            return self.end_transaction(io, AfterCommit::Poll);
        }
        match self.spec.code.commit {
            Commit::AfterBatch if self.transaction.is_none() => {
                self.commit_after_flush(io, None, AfterCommit::Poll);
            }
            Commit::Auto
            | Commit::AfterBatch
            | Commit::AfterEach
            | Commit::Before
            | Commit::None
            | Commit::LowestDone
            | Commit::HighestDone => self.phase = Phase::Polling,
        }
        Step::GoesOn
    }

    /// Errors that callbacks have brought meanwhile.
    fn sends_done(&mut self, io: &mut Io) -> Step {
        if self.transaction.is_some() { Step::GoesOn } else { self.take_write_errors(io) }
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
            Input::Start => {
                match self.consumer.subscribe(io.now, Subscription::Topics(self.subscribed())) {
                    Ok(()) => self.start_transactions(io),
                    Err(error) => self.crash(io, &error),
                }
            }
            Input::Net(mut event) => {
                match (event.channel().client, &mut self.writer) {
                    (WRITER, Some(writer)) => {
                        let (NetEvent::Response { channel, .. }
                        | NetEvent::Disconnected { channel, .. }
                        | NetEvent::ConnectFailed { channel, .. }) = &mut event;
                        *channel = channel.within(0);
                        writer.handle(io.now, event);
                    }
                    _ => self.consumer.handle(io.now, event),
                }
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

    fn view(&self) -> ProcessView {
        self.consumer.view()
    }
}
