//! A service that writes events as they come: a loop around `KafkaProducer.send`.

mod transaction;

use core::any::Any;
use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use bytes::Bytes;
use logbrook_client::process::{AppEvent, Input, Io, Process, Signal};
use logbrook_client::{
    KafkaError, Producer, ProducerConfig, ProducerOutput, ProducerRecord, SendId,
};

use crate::client_config::{producer_properties, refused};
use crate::code_values::{Key, OnExit, OnSendError, Resume, SendMode, Timestamp};
use crate::generator::{Cursor, Event, Generator};
use crate::instance::{Instance, log, timestamp};
use crate::poison::PoisonKind;
use crate::random::Random;
use crate::spec::{AppSpec, Rate, SettingError};
use transaction::Transactions;

/// Without a rate, so many events are in the producer's hands at most.
const MAX_UNACKED: usize = 1_000;

/// How often the cursor's file is written, in ms.
const SAVE_MS: i64 = 1_000;

/// Exit code of a JVM that SIGTERM ended in order.
const EXIT_TERM: i32 = 143;

/// One instance of a producer.
///
/// Event k of the application is due k / rate after its start; an instance takes every n-th. After a
/// restart the source goes on behind its cursor, from now on at its rate: events do not pile up while the
/// application is down. The cursor is a file that is written once a second, and at an orderly end: it says
/// which events are acknowledged without a gap, so that a crash has the events since then sent again.
/// When all of its `count` events are acknowledged the program ends; with `on_exit=abrupt` it ends when all
/// are handed to `send`.
#[derive(Clone)]
pub(crate) struct ProducerApp {
    spec: AppSpec,
    topic: String,
    number: u64,
    instances: u64,
    t0_ms: i64,
    source: Generator,
    keys: Random,
    producer: Producer,
    /// The regular events: due from here, counted from this many.
    base: Option<(i64, u64)>,
    bursts: Vec<Burst>,
    /// Given to the producer, not yet acknowledged.
    unacked: SortedMap<SendId, Event>,
    /// Given back by the producer, to be sent again (`on_send_error=keep`).
    held: VecDeque<Event>,
    held_until_ms: i64,
    closing: bool,
    /// With `transaction=each` or `batch`.
    transactions: Option<Transactions>,
    /// The cursor's file, and when it is written next.
    saved: Cursor,
    save_ms: i64,
    /// Events handed over whose end nobody knows yet.
    open: SortedSet<u64>,
    ended: bool,
    close_called: bool,
}

/// Events on top of the rate.
#[derive(Clone, Copy)]
struct Burst {
    start_ms: i64,
    rate: Rate,
    /// How many this instance has sent of it, and how many it will.
    sent: u64,
    total: u64,
}

impl ProducerApp {
    pub(crate) fn new(spec: &AppSpec, instance: Instance) -> Result<Self, SettingError> {
        let config = ProducerConfig::from_properties(&producer_properties(spec, &instance))
            .map_err(|error| refused(spec, error))?;
        let missing = |setting: &str| SettingError::Invalid {
            app: spec.name.clone(),
            setting: setting.to_owned(),
            found: "nothing".to_owned(),
            expected: "a value".to_owned(),
        };
        let saved = match spec.code.resume {
            Resume::FromCursor | Resume::TransactionalCursor => {
                instance.cursor.clone().unwrap_or_default()
            }
            Resume::FromStart => Cursor::default(),
        };
        let events = spec.events.clone().ok_or_else(|| missing("events"))?;
        let mut source = Generator::new(&spec.name, events, spec.poison.clone(), instance.seed);
        source.resume(&saved);
        Ok(Self {
            topic: spec.topic.clone().ok_or_else(|| missing("topic"))?,
            number: u64::from(instance.number.max(1)),
            instances: u64::from(instance.instances.max(1)),
            t0_ms: instance.t0_ms,
            source,
            keys: Random::new(instance.own_seed("keys", &spec.name), "keys", ""),
            producer: Producer::new(config, instance.own_seed("client", &spec.name)),
            base: None,
            bursts: Vec::new(),
            unacked: SortedMap::new(),
            held: VecDeque::new(),
            held_until_ms: 0,
            closing: false,
            transactions: Transactions::new(spec.code.transaction),
            saved,
            save_ms: i64::MIN,
            open: SortedSet::new(),
            ended: false,
            close_called: false,
            spec: spec.clone(),
        })
    }

    /// What the cursor's file says.
    pub(crate) fn saved(&self) -> &Cursor {
        &self.saved
    }

    fn save_cursor(&mut self) {
        let before_open = self.open.first().map(|number| number - 1);
        self.saved = self.source.cursor(before_open.unwrap_or_else(|| self.source.made()));
    }

    /// The program ends.
    fn end(&mut self, io: &mut Io, code: i32) {
        self.ended = true;
        io.exit(code);
    }

    /// The next event of the application that is this instance's, by its number from 0.
    fn next_own(&self) -> u64 {
        let (made, mine) = (self.source.made(), self.number - 1);
        let ahead = (mine + self.instances - made % self.instances) % self.instances;
        made + ahead
    }

    fn exhausted(&self, now: i64) -> bool {
        self.spec.count.is_some_and(|count| self.next_own() >= count)
            || self.spec.stop_ms.is_some_and(|stop| now >= self.t0_ms.saturating_add(stop))
    }

    /// When the next regular event is due.
    fn regular_due_ms(&self) -> Option<i64> {
        let (start_ms, counted_from) = self.base?;
        let Some(rate) = self.spec.rate else { return Some(start_ms) };
        let due_us = rate.due_us(self.next_own().saturating_sub(counted_from));
        // At the end of the ms that it falls into: a clock of ms never is early.
        Some(start_ms.saturating_add(i64::try_from(due_us.div_ceil(1_000)).unwrap_or(i64::MAX)))
    }

    fn burst_due_ms(&self, burst: &Burst) -> i64 {
        let due_us = burst.rate.due_us(burst.sent * self.instances + self.number - 1);
        burst.start_ms.saturating_add(i64::try_from(due_us.div_ceil(1_000)).unwrap_or(i64::MAX))
    }

    /// When there is something to send next; `None` while the code waits for an acknowledgement.
    fn next_due_ms(&self, now: i64) -> Option<i64> {
        let may_send = match self.spec.code.send {
            SendMode::Sync => self.unacked.is_empty(),
            SendMode::Async => self.spec.rate.is_some() || self.unacked.len() < MAX_UNACKED,
        };
        let in_turn = self.transactions.as_ref().is_none_or(Transactions::may_send);
        if self.closing || !may_send || !in_turn {
            return None;
        }
        let held = (!self.held.is_empty()).then_some(self.held_until_ms);
        let fresh = self
            .bursts
            .iter()
            .map(|burst| self.burst_due_ms(burst))
            .chain(self.regular_due_ms())
            .min();
        let fresh = fresh.filter(|due| !self.exhausted((*due).max(now)));
        held.into_iter().chain(fresh).min()
    }

    fn send_one(&mut self, io: &mut Io) {
        if self.held_until_ms <= io.now
            && let Some(event) = self.held.pop_front()
        {
            self.hand_over(io, event);
            return;
        }
        let burst = self.bursts.iter().position(|burst| self.burst_due_ms(burst) <= io.now);
        let due_ms = match burst {
            Some(at) => self.burst_due_ms(&self.bursts[at]),
            None => self.regular_due_ms().unwrap_or(io.now),
        };
        if let Some(at) = burst {
            self.bursts[at].sent += 1;
            if self.bursts[at].sent >= self.bursts[at].total {
                self.bursts.remove(at);
            }
            // The regular events keep their times: one more has been made outside of them.
            if let Some((_, counted_from)) = &mut self.base {
                *counted_from += self.instances;
            }
        }
        let own = self.next_own();
        while self.source.made() < own {
            self.source.next_event(due_ms);
        }
        let event = self.source.next_event(due_ms);
        self.open.insert(event.number);
        io.event(AppEvent::Sent {
            id: event.id.clone(),
            entity: event.entity.clone(),
            n: event.n,
            topic: self.topic.clone(),
        });
        self.hand_over(io, event);
    }

    fn hand_over(&mut self, io: &mut Io, event: Event) {
        if !self.in_transaction(io) {
            return;
        }
        let key = match &self.spec.code.key {
            Key::None => None,
            Key::Id => Some(event.id.clone()),
            Key::Random => Some(format!("{:08x}", self.keys.next_u64() as u32)),
            Key::Field(field) => event.field(field).map(str::to_owned),
        };
        let record = ProducerRecord {
            topic: self.topic.clone(),
            key: key.map(Bytes::from),
            value: Some(Bytes::from(event.value.clone())),
            timestamp: match self.spec.code.timestamp {
                Timestamp::Now => None,
                Timestamp::Event => Some(event.time_ms),
            },
            ..ProducerRecord::default()
        };
        let id = self.producer.send(io.now, record);
        self.unacked.insert(id, event);
    }

    /// Everything that is due, as long as the producer's answers make more of it possible.
    fn drive(&mut self, io: &mut Io) {
        while !self.ended {
            while !self.ended && self.next_due_ms(io.now).is_some_and(|due| due <= io.now) {
                self.send_one(io);
            }
            // Both: what the one does may make room for the other.
            let (ended, completed) = (self.end_transaction(io), self.take_outputs(io));
            if !ended && !completed {
                break;
            }
        }
        self.finish(io);
        if self.ended {
            return;
        }
        if io.now >= self.save_ms {
            self.save_cursor();
            self.save_ms = io.now.saturating_add(SAVE_MS);
        }
        let transaction = self.transactions.as_ref().and_then(Transactions::due_ms);
        let own = self.next_due_ms(io.now).into_iter().chain(transaction);
        for wake in own.chain(self.producer.next_wakeup()) {
            io.wake_at(wake);
        }
    }

    /// A program with a `count` has an end: it closes its producer, or just returns.
    fn finish(&mut self, io: &mut Io) {
        let all_made = self.spec.count.is_some_and(|count| self.next_own() >= count);
        if !all_made || !self.held.is_empty() || self.base.is_none() {
            return;
        }
        match self.spec.code.on_exit {
            // A sync send returns with its answer, so the last one is not left behind.
            OnExit::Abrupt if self.spec.code.send == SendMode::Sync && !self.unacked.is_empty() => {
            }
            OnExit::Abrupt => self.end(io, 0),
            OnExit::Flush if !self.closing && self.open.is_empty() => {
                self.save_cursor();
                self.end(io, 0);
            }
            OnExit::Flush => {}
        }
    }

    /// Carries out what the producer wants. Whether a send ended, which may make room for another.
    fn take_outputs(&mut self, io: &mut Io) -> bool {
        let mut completed = false;
        for output in self.producer.poll(io.now) {
            match output {
                ProducerOutput::Request(outgoing) => io.send(outgoing),
                ProducerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                ProducerOutput::Log(line) => log(io, &line),
                ProducerOutput::TransactionCompleted { call, result } => {
                    completed = true;
                    self.transaction_completed(io, call, result);
                }
                ProducerOutput::Closed => {
                    self.save_cursor();
                    self.end(io, EXIT_TERM);
                }
                ProducerOutput::Completed { id, result } => {
                    completed = true;
                    let Some(event) = self.unacked.remove(&id) else { continue };
                    if let Some(transactions) = &mut self.transactions {
                        transactions.completed(event, result);
                        continue;
                    }
                    self.open.remove(&event.number);
                    match result {
                        Ok(metadata) => io.event(AppEvent::Acked {
                            id: event.id,
                            topic: metadata.topic,
                            partition: metadata.partition,
                            offset: metadata.offset,
                        }),
                        Err(error) => self.send_failed(io, event, &error),
                    }
                }
            }
        }
        completed
    }

    fn send_failed(&mut self, io: &mut Io, event: Event, error: &KafkaError) {
        io.event(AppEvent::SendFailed {
            id: event.id.clone(),
            topic: self.topic.clone(),
            error: error.to_string(),
        });
        let time = timestamp(io.now);
        io.stderr(&format!(
            "[{time}] ERROR [{}] could not send {}: {error}\n",
            self.spec.name, event.id
        ));
        match self.spec.code.on_send_error {
            OnSendError::Drop => {}
            OnSendError::Keep if self.closing => {}
            OnSendError::Keep => {
                self.open.insert(event.number);
                self.held.push_back(event);
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                self.held_until_ms = io.now.saturating_add(backoff_ms);
            }
            OnSendError::Stop => self.end(io, 1),
        }
    }

    /// A line of the control console: `burst EVENTS PER_US DURATION_US`, `poison KIND [ENTITY]`.
    fn control(&mut self, now: i64, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["burst", events, per_us, duration_us] => {
                let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
                let (Some(events), Some(per_us), Some(duration_us)) =
                    (number(events), number(per_us), number(duration_us))
                else {
                    return;
                };
                let rate = Rate { events, per_us };
                let all = u128::from(events) * u128::from(duration_us) / u128::from(per_us);
                let all = u64::try_from(all).unwrap_or(u64::MAX);
                let total = all / self.instances + u64::from(all % self.instances >= self.number);
                if total > 0 {
                    self.bursts.push(Burst { start_ms: now, rate, sent: 0, total });
                }
            }
            ["poison", kind, entity @ ..] => {
                let entity = entity.first().map(|entity| (*entity).to_owned());
                if let Ok(kind) = PoisonKind::read(kind) {
                    self.source.poison_next(kind, entity);
                }
            }
            _ => {}
        }
    }
}

impl Process for ProducerApp {
    fn handle(&mut self, input: Input, io: &mut Io) {
        match input {
            Input::Start => {
                let start_ms = self.t0_ms.saturating_add(self.spec.start_ms).max(io.now);
                self.base = Some((start_ms, self.source.made()));
                self.start_transactions(io);
            }
            Input::Net(event) => self.producer.handle(io.now, event),
            Input::Stdin(line) => self.control(io.now, &line),
            Input::Signal(Signal::Int | Signal::Term) => match self.spec.code.on_exit {
                OnExit::Flush => self.closing = true,
                OnExit::Abrupt => self.end(io, EXIT_TERM),
            },
            Input::Wake | Input::StdinClosed | Input::Signal(Signal::Kill) | Input::Store(_) => {}
        }
        self.drive(io);
        // `close()` waits for the transaction that was under way.
        let at_rest = self.transactions.as_ref().is_none_or(Transactions::at_rest);
        if self.closing && !self.ended && !self.close_called && at_rest {
            self.close_called = true;
            self.producer.close(io.now);
            self.drive(io);
        }
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
