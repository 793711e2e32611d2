//! A service that writes events as they come: a loop around `KafkaProducer.send`.

use core::any::Any;
use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use bytes::Bytes;
use logbrook_client::process::{AppEvent, Input, Io, Process, Signal};
use logbrook_client::{
    KafkaError, Producer, ProducerConfig, ProducerOutput, ProducerRecord, SendId,
};

use crate::client_config::{properties, refused};
use crate::code_values::{Key, OnExit, OnSendError, Resume, SendMode};
use crate::generator::{Event, Generator};
use crate::instance::{Instance, log, timestamp};
use crate::poison::PoisonKind;
use crate::random::Random;
use crate::spec::{AppSpec, Rate, SettingError};

/// Without a rate, so many events are in the producer's hands at most.
const MAX_UNACKED: usize = 1_000;

/// Exit code of a JVM that SIGTERM ended in order.
const EXIT_TERM: i32 = 143;

/// One instance of a producer.
///
/// Event k of the application is due k / rate after its start; an instance takes every n-th. After a
/// restart the source goes on with the next event that was not handed to `send`, from now on at its
/// rate: events do not pile up while the application is down. A source that has given all its events
/// leaves the process running and idle.
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
        let config =
            ProducerConfig::from_properties(&properties(spec, &instance.bootstrap_servers))
                .map_err(|error| refused(spec, error))?;
        let missing = |setting: &str| SettingError::Invalid {
            app: spec.name.clone(),
            setting: setting.to_owned(),
            found: "nothing".to_owned(),
            expected: "a value".to_owned(),
        };
        let kept = match spec.code.resume {
            Resume::FromCursor | Resume::TransactionalCursor => instance.generator.clone(),
            Resume::FromStart => None,
        };
        let source = match kept {
            Some(generator) => generator,
            None => {
                let events = spec.events.clone().ok_or_else(|| missing("events"))?;
                Generator::new(&spec.name, events, spec.poison.clone(), instance.seed)
            }
        };
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
            spec: spec.clone(),
        })
    }

    pub(crate) fn generator(&self) -> &Generator {
        &self.source
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
        if self.closing || !may_send {
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
            self.source.next_event();
        }
        let event = self.source.next_event();
        io.event(AppEvent::Sent {
            id: event.id.clone(),
            entity: event.entity.clone(),
            n: event.n,
            topic: self.topic.clone(),
        });
        self.hand_over(io, event);
    }

    fn hand_over(&mut self, io: &mut Io, event: Event) {
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
            ..ProducerRecord::default()
        };
        let id = self.producer.send(io.now, record);
        self.unacked.insert(id, event);
    }

    /// Everything that is due, as long as the producer's answers make more of it possible.
    fn drive(&mut self, io: &mut Io) {
        loop {
            while self.next_due_ms(io.now).is_some_and(|due| due <= io.now) {
                self.send_one(io);
            }
            if !self.take_outputs(io) {
                break;
            }
        }
        for wake in self.next_due_ms(io.now).into_iter().chain(self.producer.next_wakeup()) {
            io.wake_at(wake);
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
                // An application that generates events has no transactions.
                ProducerOutput::TransactionCompleted { .. } => {}
                ProducerOutput::Closed => io.exit(EXIT_TERM),
                ProducerOutput::Completed { id, result } => {
                    completed = true;
                    let Some(event) = self.unacked.remove(&id) else { continue };
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
                self.held.push_back(event);
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                self.held_until_ms = io.now.saturating_add(backoff_ms);
            }
            OnSendError::Stop => io.exit(1),
        }
    }

    /// A line of the control console: `burst EVENTS PER_US DURATION_US`, `poison malformed [ENTITY]`.
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
            ["poison", "malformed", entity @ ..] => {
                let entity = entity.first().map(|entity| (*entity).to_owned());
                self.source.poison_next(PoisonKind::Malformed, entity);
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
            }
            Input::Net(event) => self.producer.handle(io.now, event),
            Input::Stdin(line) => self.control(io.now, &line),
            Input::Signal(Signal::Int | Signal::Term) => match self.spec.code.on_exit {
                OnExit::Flush if !self.closing => {
                    self.closing = true;
                    self.producer.close(io.now);
                }
                OnExit::Flush => {}
                OnExit::Abrupt => io.exit(EXIT_TERM),
            },
            Input::Wake | Input::StdinClosed | Input::Signal(Signal::Kill) | Input::Store(_) => {}
        }
        self.drive(io);
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
