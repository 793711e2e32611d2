//! The simulation: the queue, the clock, and what each kind of event does.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use logbrook_app::{Random, Store, StoreSpec, split_seed};
use logbrook_broker::wire::{RequestFrame, ResponseFrame};
use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId, Effects};
use logbrook_client::net::{Channel, Endpoint, NetEvent, Outgoing};
use logbrook_client::process::{
    AppEvent, Input, Io, IoAction, Outcome, Process, RecordRef, Signal, StoreError, StoreReply,
    StoreRequest,
};

use crate::apps::AppState;
use crate::config::ClusterConfig;
use crate::connection::{Connection, Phase, advertised_port, node_at};
use crate::process_table::{OutputChunk, Pause, ProcessId, ProcessState, Wake};
use crate::queue::{Item, Queue, Slot};
use crate::shared_vec::SharedVec;
use crate::trace::{Actor, EventId, Trace, TraceKind};

/// TCP's first retransmission timeout (RFC 6298 allows 1 s; Linux takes 200 ms).
const RETRANSMIT_US: u64 = 200_000;

/// A connection gives up after so many losses of one message; with any sane loss it never happens.
const MAX_RETRANSMITS: u32 = 8;

/// So many events without virtual time passing are a program that asks to be woken for ever.
const MAX_STEPS_AT_ONE_TIME: u64 = 200_000;

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterError {
    /// [`ClusterConfig::max_steps`] is reached.
    TooManyEvents {
        /// The limit.
        max_steps: u64,
        /// When, in µs of virtual time.
        time_us: i64,
    },
    /// Events follow each other without time passing.
    TimeStandsStill {
        /// When, in µs of virtual time.
        time_us: i64,
        /// What happened last, and to whom.
        last: String,
    },
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyEvents { max_steps, time_us } => {
                write!(f, "the simulation stopped at {time_us} µs: more than {max_steps} steps")
            }
            Self::TimeStandsStill { time_us, last } => write!(
                f,
                "the simulation stopped at {time_us} µs: {MAX_STEPS_AT_ONE_TIME} steps without time passing, last {last}"
            ),
        }
    }
}

impl core::error::Error for ClusterError {}

/// One broker and whether it runs.
#[derive(Clone, Debug)]
struct Node {
    broker: Broker,
    up: bool,
    /// The wake-up that is in the queue: for when (ms), and where.
    tick: Option<(i64, Slot)>,
}

/// A cluster with everything around it. `Clone` is a fork.
#[derive(Clone, Debug)]
pub struct Cluster {
    config: ClusterConfig,
    now_us: i64,
    steps: u64,
    steps_at_this_time: u64,
    error: Option<ClusterError>,
    pub(crate) queue: Queue,
    nodes: BTreeMap<i32, Node>,
    processes: Vec<ProcessState>,
    connections: BTreeMap<ConnectionId, Connection>,
    by_channel: BTreeMap<(ProcessId, Endpoint, Channel), ConnectionId>,
    next_connection: u64,
    /// The `RequestHandled` event of each request that a broker has not answered.
    unanswered: BTreeMap<(ConnectionId, i32), EventId>,
    stores: BTreeMap<String, Store>,
    pub(crate) apps: BTreeMap<String, AppState>,
    trace: Trace,
    /// What the operator's verbs are caused by: the last [`Cluster::action`].
    pub(crate) operator_cause: Option<EventId>,
}

impl Cluster {
    /// A running cluster at its start time.
    pub fn new(config: ClusterConfig) -> Self {
        let mut cluster = Self {
            now_us: config.start_us,
            steps: 0,
            steps_at_this_time: 0,
            error: None,
            queue: Queue::default(),
            nodes: BTreeMap::new(),
            processes: Vec::new(),
            connections: BTreeMap::new(),
            by_channel: BTreeMap::new(),
            next_connection: 0,
            unanswered: BTreeMap::new(),
            stores: BTreeMap::new(),
            apps: BTreeMap::new(),
            trace: Trace::default(),
            operator_cause: None,
            config,
        };
        for node in 1..=cluster.config.brokers {
            let broker_config = BrokerConfig {
                node_id: node,
                host: "localhost".to_owned(),
                port: advertised_port(node),
                rack: usize::try_from(node - 1)
                    .ok()
                    .and_then(|i| cluster.config.racks.get(i))
                    .cloned(),
                properties: cluster.config.broker_properties.clone(),
                ..BrokerConfig::default()
            };
            let seed = cluster.seed_for("broker", &node.to_string());
            let broker = Broker::new(broker_config, seed, cluster.now_ms());
            cluster.nodes.insert(node, Node { broker, up: true, tick: None });
            cluster.schedule_tick(node);
        }
        cluster
    }

    /// What it was made of.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// The seed that belongs to a purpose and a name, for what is drawn outside of the cluster (a
    /// process's own generator, a selector): adding one shifts no other.
    pub fn seed_for(&self, purpose: &str, name: &str) -> u64 {
        split_seed(self.config.seed, purpose, name)
    }

    // ---- time ----

    /// Virtual time, in µs from t = 0.
    pub fn now_us(&self) -> i64 {
        self.now_us
    }

    /// The wall clock, in ms since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.config.epoch_ms.saturating_add(self.now_us.div_euclid(1_000))
    }

    /// When the next event happens, if any is scheduled.
    pub fn next_event_us(&self) -> Option<i64> {
        self.queue.next_time_us()
    }

    /// Why the run cannot go on. [`Cluster::step`] does nothing more.
    pub fn error(&self) -> Option<&ClusterError> {
        self.error.as_ref()
    }

    /// How many events have been carried out.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Carries out the next scheduled event. `false` if there is none, or the run has failed.
    pub fn step(&mut self) -> bool {
        if self.error.is_some() {
            return false;
        }
        if self.steps >= self.config.max_steps {
            self.error = Some(ClusterError::TooManyEvents {
                max_steps: self.config.max_steps,
                time_us: self.now_us,
            });
            return false;
        }
        let Some((time_us, item)) = self.queue.pop() else { return false };
        if time_us > self.now_us {
            self.now_us = time_us;
            self.steps_at_this_time = 0;
        }
        self.steps += 1;
        self.steps_at_this_time += 1;
        if self.steps_at_this_time > MAX_STEPS_AT_ONE_TIME {
            self.error = Some(ClusterError::TimeStandsStill { time_us, last: format!("{item:?}") });
            return false;
        }
        self.carry_out(item);
        true
    }

    /// Carries out everything up to and including a time, and lets the clock come to it.
    pub fn run_until_us(&mut self, time_us: i64) {
        self.run_until_us_while(time_us, |_| true);
    }

    /// Like [`Cluster::run_until_us`] from now on.
    pub fn run_for_us(&mut self, duration_us: i64) {
        self.run_until_us(self.now_us.saturating_add(duration_us));
    }

    /// Carries out events as long as the condition holds before each; also ends when there is none.
    pub fn run_while(&mut self, mut condition: impl FnMut(&Cluster) -> bool) {
        while condition(self) && self.step() {}
    }

    /// Carries out events up to a time, as long as the condition holds before each. Whether the time
    /// was reached: if so the clock stands at it, if not at the event after which the condition failed.
    pub fn run_until_us_while(
        &mut self,
        time_us: i64,
        mut condition: impl FnMut(&Cluster) -> bool,
    ) -> bool {
        loop {
            if !condition(self) {
                return false;
            }
            match self.next_event_us() {
                Some(next) if next <= time_us => {
                    if !self.step() {
                        return false;
                    }
                }
                Some(_) | None => {
                    if time_us > self.now_us {
                        self.now_us = time_us;
                        self.steps_at_this_time = 0;
                    }
                    return true;
                }
            }
        }
    }

    // ---- what is in it ----

    /// Everything that happened.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A broker by its node id, whether it runs or not.
    pub fn broker(&self, node: i32) -> Option<&Broker> {
        self.nodes.get(&node).map(|node| &node.broker)
    }

    /// The node ids of all brokers.
    pub fn broker_ids(&self) -> impl Iterator<Item = i32> {
        self.nodes.keys().copied()
    }

    /// Whether a broker runs.
    pub fn is_broker_up(&self, node: i32) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.up)
    }

    /// A process, running or ended.
    pub fn process(&self, process: ProcessId) -> Option<&ProcessState> {
        self.processes.get(process.0 as usize)
    }

    /// All processes, in the order in which they were started.
    pub fn processes(&self) -> impl Iterator<Item = (ProcessId, &ProcessState)> {
        self.processes.iter().enumerate().map(|(index, state)| (ProcessId(index as u32), state))
    }

    /// The running process of a name, the latest if there are several.
    pub fn process_named(&self, name: &str) -> Option<ProcessId> {
        self.processes()
            .filter(|(_, state)| state.name == name && state.is_running())
            .map(|(id, _)| id)
            .last()
    }

    /// The outside stores by name.
    pub fn stores(&self) -> &BTreeMap<String, Store> {
        &self.stores
    }

    /// Adds an empty outside store.
    pub fn add_store(&mut self, spec: StoreSpec) {
        self.stores.insert(spec.name.clone(), Store::new(spec));
    }

    // ---- the operator ----

    /// Records that an action of the operator begins; what the operator does from now on is caused by
    /// it.
    pub fn action(&mut self, line: &str) -> EventId {
        let id = self.record(Actor::Operator, TraceKind::Action { line: line.to_owned() }, None);
        self.operator_cause = Some(id);
        id
    }

    /// Starts a process. `host` is its address as brokers see it, such as `/127.0.0.1`.
    pub fn spawn(&mut self, name: &str, host: &str, program: Box<dyn Process>) -> ProcessId {
        let cause = self.operator_cause;
        self.spawn_because(name, host, program, cause)
    }

    /// Gives a process one line of standard input.
    pub fn stdin(&mut self, process: ProcessId, line: &str) {
        let cause = self.record_for(
            process,
            TraceKind::Stdin { line: Some(line.to_owned()) },
            self.operator_cause,
        );
        self.input_now(process, Input::Stdin(line.to_owned()), cause);
    }

    /// Ends a process's standard input (Ctrl-D).
    pub fn close_stdin(&mut self, process: ProcessId) {
        let cause = self.record_for(process, TraceKind::Stdin { line: None }, self.operator_cause);
        self.input_now(process, Input::StdinClosed, cause);
    }

    /// Sends a signal. `Kill` ends the process here and now, with exit code 137.
    pub fn signal(&mut self, process: ProcessId, signal: Signal) {
        self.signal_because(process, signal, self.operator_cause);
    }

    /// Stops a process for a while: nothing reaches it, and it goes on where it was.
    pub fn pause(&mut self, process: ProcessId, duration_us: i64) {
        if self.running(process).is_none() {
            return;
        }
        let what = format!("paused for {} ms", duration_us / 1_000);
        let Some(cause) = self.record_for(process, TraceKind::Fault { what }, self.operator_cause)
        else {
            return;
        };
        let resume_us = self.now_us.saturating_add(duration_us.max(0));
        let slot = self.queue.push(resume_us, Item::Resume { process, cause });
        let Some(state) = self.running(process) else { return };
        let earlier = state.pause.replace(Pause { resume: slot, waiting: VecDeque::new() });
        if let Some(earlier) = earlier {
            self.queue.cancel(earlier.resume);
            if let Some(pause) = self.running(process).and_then(|state| state.pause.as_mut()) {
                pause.waiting = earlier.waiting;
            }
        }
    }

    /// Ends a broker: its connections close, new ones are refused. What it has written stays; a group
    /// goes on where it was, as Kafka's does after loading its log.
    ///
    /// `false` if there is no such broker or it is down already.
    pub fn stop_broker(&mut self, node: i32) -> bool {
        if !self.is_broker_up(node) {
            return false;
        }
        let cause = self.record(
            Actor::Broker(node),
            TraceKind::Fault { what: "stopped".into() },
            self.operator_cause,
        );
        let gone: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| c.node == Some(node))
            .map(|(id, _)| *id)
            .collect();
        for connection in gone {
            self.close_at_broker(node, connection);
            if let Some(state) = self.connections.get_mut(&connection) {
                state.closed_by_broker = true;
            }
            let arrives = self.arrival_at_process(connection);
            self.queue.push(arrives, Item::ProcessSeesClose { connection, cause });
        }
        if let Some(state) = self.nodes.get_mut(&node) {
            state.up = false;
            if let Some((_, slot)) = state.tick.take() {
                self.queue.cancel(slot);
            }
        }
        true
    }

    /// Starts a broker that is down. `false` if there is none or it runs.
    pub fn start_broker(&mut self, node: i32) -> bool {
        match self.nodes.get_mut(&node) {
            Some(state) if !state.up => state.up = true,
            Some(_) | None => return false,
        }
        self.record(
            Actor::Broker(node),
            TraceKind::Fault { what: "started".into() },
            self.operator_cause,
        );
        self.schedule_tick(node);
        true
    }

    /// Takes a store down or up. `false` if there is no such store.
    pub fn set_store_down(&mut self, store: &str, down: bool) -> bool {
        let Some(state) = self.stores.get_mut(store) else { return false };
        state.set_down(down);
        let what = if down { "down" } else { "up" };
        self.record(
            Actor::Store(store.to_owned()),
            TraceKind::Fault { what: what.into() },
            self.operator_cause,
        );
        true
    }

    /// Makes each operation of a store take so much longer; 0 ends that. `false` if there is none.
    pub fn set_store_slow(&mut self, store: &str, slow_ms: u64) -> bool {
        let Some(state) = self.stores.get_mut(store) else { return false };
        state.set_slow_ms(slow_ms);
        let what = format!("slow {slow_ms} ms");
        self.record(Actor::Store(store.to_owned()), TraceKind::Fault { what }, self.operator_cause);
        true
    }

    // ---- inside ----

    pub(crate) fn record(
        &mut self,
        actor: Actor,
        kind: TraceKind,
        cause: Option<EventId>,
    ) -> EventId {
        self.trace.push(self.now_us, actor, kind, cause)
    }

    /// Records an event of a process that runs.
    fn record_for(
        &mut self,
        process: ProcessId,
        kind: TraceKind,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        self.running(process)?;
        Some(self.record(Actor::Process(process), kind, cause))
    }

    pub(crate) fn running(&mut self, process: ProcessId) -> Option<&mut ProcessState> {
        self.processes.get_mut(process.0 as usize).filter(|state| state.is_running())
    }

    fn input_now(&mut self, process: ProcessId, input: Input, cause: Option<EventId>) {
        if self.running(process).is_some() {
            self.queue.push(self.now_us, Item::Input { process, input, cause });
        }
    }

    pub(crate) fn spawn_because(
        &mut self,
        name: &str,
        host: &str,
        program: Box<dyn Process>,
        cause: Option<EventId>,
    ) -> ProcessId {
        let process = ProcessId(self.processes.len() as u32);
        let started = self.record(
            Actor::Process(process),
            TraceKind::ProcessStarted { name: name.to_owned() },
            cause,
        );
        self.processes.push(ProcessState {
            name: name.to_owned(),
            host: host.to_owned(),
            started_us: self.now_us,
            stdout: SharedVec::default(),
            stderr: SharedVec::default(),
            exit: None,
            started,
            program: Some(program),
            network: Random::new(self.config.seed, "network", name),
            wake: None,
            pause: None,
            records: BTreeMap::new(),
        });
        self.queue
            .push(self.now_us, Item::Input { process, input: Input::Start, cause: Some(started) });
        process
    }

    pub(crate) fn signal_because(
        &mut self,
        process: ProcessId,
        signal: Signal,
        cause: Option<EventId>,
    ) {
        let Some(event) = self.record_for(process, TraceKind::Signal { signal }, cause) else {
            return;
        };
        match signal {
            Signal::Kill => self.end_process(process, 137, Some(event)),
            Signal::Int | Signal::Term => {
                self.queue.push(
                    self.now_us,
                    Item::Input { process, input: Input::Signal(signal), cause: Some(event) },
                );
            }
        }
    }

    fn carry_out(&mut self, item: Item) {
        let Some(item) = self.hold_if_paused(item) else { return };
        match item {
            Item::ConnectArrives { connection } => self.connect_arrives(connection),
            Item::Connected { connection } => self.connected(connection),
            Item::ConnectRefused { connection, cause } => self.connect_refused(connection, cause),
            Item::Request { connection, frame, sent } => {
                self.request_arrives(connection, frame, sent)
            }
            Item::Response { connection, frame, sent } => {
                self.response_arrives(connection, frame, sent)
            }
            Item::BrokerSeesClose { node, connection, cause } => {
                self.broker_sees_close(node, connection, cause)
            }
            Item::ProcessSeesClose { connection, cause } => {
                self.process_sees_close(connection, cause)
            }
            Item::BrokerTick { node } => {
                let now = self.now_ms();
                if let Some(state) = self.nodes.get_mut(&node) {
                    state.tick = None;
                    let effects = state.broker.tick(now);
                    self.take_effects(node, effects, None);
                }
            }
            Item::Wake { process } => {
                if let Some(state) = self.running(process) {
                    let cause = state.wake.take().and_then(|wake| wake.cause);
                    self.deliver(process, Input::Wake, cause);
                }
            }
            Item::Input { process, input, cause } => self.deliver(process, input, cause),
            Item::StoreRequest { process, request, sent } => {
                self.store_request_arrives(process, request, sent)
            }
            Item::StoreReply { process, reply, sent } => {
                let kind = TraceKind::StoreAnswered {
                    store: reply.store.clone(),
                    ok: reply.result.is_ok(),
                };
                if let Some(cause) = self.record_for(process, kind, Some(sent)) {
                    self.deliver(process, Input::Store(reply), Some(cause));
                }
            }
            Item::Resume { process, cause } => self.resume(process, cause),
            Item::AppStart { app, number, cause } => self.app_start_due(&app, number, cause),
            Item::RolloutNext { app, cause } => self.rollout_next(&app, cause),
            Item::GraceOver { process, cause } => {
                self.signal_because(process, Signal::Kill, Some(cause))
            }
        }
    }

    /// What reaches a paused process waits with it.
    fn hold_if_paused(&mut self, item: Item) -> Option<Item> {
        let process = match &item {
            Item::Connected { connection }
            | Item::ConnectRefused { connection, .. }
            | Item::Response { connection, .. }
            | Item::ProcessSeesClose { connection, .. } => {
                self.connections.get(connection)?.process
            }
            Item::Wake { process }
            | Item::Input { process, .. }
            | Item::StoreReply { process, .. } => *process,
            Item::ConnectArrives { .. }
            | Item::Request { .. }
            | Item::BrokerSeesClose { .. }
            | Item::BrokerTick { .. }
            | Item::StoreRequest { .. }
            | Item::Resume { .. }
            | Item::AppStart { .. }
            | Item::RolloutNext { .. }
            | Item::GraceOver { .. } => return Some(item),
        };
        match self.running(process).and_then(|state| state.pause.as_mut()) {
            Some(pause) => {
                pause.waiting.push_back(item);
                None
            }
            None => Some(item),
        }
    }

    fn resume(&mut self, process: ProcessId, cause: EventId) {
        let Some(pause) = self.running(process).and_then(|state| state.pause.take()) else {
            return;
        };
        self.record_for(process, TraceKind::Fault { what: "goes on".into() }, Some(cause));
        // All of it now, in order: put back in the queue it could be overtaken by what arrives now.
        for item in pause.waiting {
            self.carry_out(item);
        }
    }

    // ---- processes ----

    fn deliver(&mut self, process: ProcessId, input: Input, cause: Option<EventId>) {
        let now_ms = self.now_ms();
        let Some(state) = self.running(process) else { return };
        let Some(program) = state.program.as_mut() else { return };
        let mut io = Io::new(now_ms);
        program.handle(input, &mut io);
        let (actions, wake_at) = io.finish();
        for action in actions {
            match action {
                IoAction::Send(outgoing) => self.send(process, outgoing, cause),
                IoAction::Disconnect { to, channel } => {
                    if let Some(connection) = self.by_channel.get(&(process, to, channel)).copied()
                    {
                        self.close_at_process(connection, cause);
                    }
                }
                IoAction::Stdout(text) => {
                    self.record_for(process, TraceKind::Stdout { text: text.clone() }, cause);
                    let chunk = OutputChunk { time_us: self.now_us, text };
                    if let Some(state) = self.running(process) {
                        state.stdout.push(chunk);
                    }
                }
                IoAction::Stderr(text) => {
                    self.record_for(process, TraceKind::Stderr { text: text.clone() }, cause);
                    let chunk = OutputChunk { time_us: self.now_us, text };
                    if let Some(state) = self.running(process) {
                        state.stderr.push(chunk);
                    }
                }
                IoAction::Store(request) => self.send_to_store(process, request, cause),
                IoAction::Event(event) => self.record_app_event(process, event, cause),
                IoAction::Exit(code) => {
                    self.end_process(process, code, cause);
                    return;
                }
            }
        }
        self.set_wake(process, wake_at, cause);
    }

    /// A process's wake-up is the one that it asked for last, or none.
    fn set_wake(&mut self, process: ProcessId, wake_at: Option<i64>, cause: Option<EventId>) {
        let Some(state) = self.running(process) else { return };
        let earlier = state.wake.take();
        match (earlier, wake_at) {
            (None, None) => {}
            (Some(earlier), Some(at_ms)) if earlier.at_ms == at_ms => state.wake = Some(earlier),
            (earlier, wake_at) => {
                if let Some(earlier) = earlier {
                    self.queue.cancel(earlier.slot);
                }
                if let Some(at_ms) = wake_at {
                    let slot = self.queue.push(self.us_of(at_ms), Item::Wake { process });
                    if let Some(state) = self.running(process) {
                        state.wake = Some(Wake { at_ms, slot, cause });
                    }
                }
            }
        }
    }

    /// When the wall clock shows `at_ms`; now if that is past.
    fn us_of(&self, at_ms: i64) -> i64 {
        at_ms.saturating_sub(self.config.epoch_ms).saturating_mul(1_000).max(self.now_us)
    }

    /// What an application does with a record is caused by what it did with it before, from its
    /// delivery on; what it sends by itself is caused by its start.
    fn record_app_event(&mut self, process: ProcessId, event: AppEvent, cause: Option<EventId>) {
        let record = match &event {
            AppEvent::Delivered { record, .. }
            | AppEvent::ProcessingStarted { record }
            | AppEvent::Processed { record, .. } => Some(record),
            AppEvent::Stored { record, .. } => record.as_ref(),
            AppEvent::Displayed { .. }
            | AppEvent::Sent { .. }
            | AppEvent::Acked { .. }
            | AppEvent::SendFailed { .. }
            | AppEvent::Committed { .. }
            | AppEvent::Assigned { .. }
            | AppEvent::Revoked { .. }
            | AppEvent::Lost { .. }
            | AppEvent::Note { .. } => None,
        };
        let key = record
            .map(|record: &RecordRef| (record.topic.clone(), record.partition.0, record.offset.0));
        let Some(state) = self.running(process) else { return };
        let cause = match &event {
            AppEvent::Sent { .. } => Some(state.started),
            AppEvent::ProcessingStarted { .. } | AppEvent::Processed { .. } => {
                key.as_ref().and_then(|key| state.records.get(key).copied()).or(cause)
            }
            _ => cause,
        };
        let is_last = match &event {
            AppEvent::Processed { outcome, .. } => *outcome != Outcome::Failed,
            _ => false,
        };
        let lets_go = matches!(event, AppEvent::Revoked { .. } | AppEvent::Lost { .. });
        let id = self.record(Actor::Process(process), TraceKind::App(event), cause);
        let Some(state) = self.running(process) else { return };
        if lets_go {
            state.records.clear();
        }
        match key {
            Some(key) if is_last => {
                state.records.remove(&key);
            }
            Some(key) => {
                state.records.insert(key, id);
            }
            None => {}
        }
    }

    pub(crate) fn end_process(&mut self, process: ProcessId, code: i32, cause: Option<EventId>) {
        let Some(event) = self.record_for(process, TraceKind::Exit { code }, cause) else { return };
        let open: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| c.process == process)
            .map(|(id, _)| *id)
            .collect();
        for connection in open {
            self.close_at_process(connection, Some(event));
        }
        let Some(state) = self.running(process) else { return };
        state.exit = Some(code);
        state.records.clear();
        let program = state.program.take();
        let (wake, pause) = (state.wake.take(), state.pause.take());
        for slot in wake.map(|wake| wake.slot).into_iter().chain(pause.map(|pause| pause.resume)) {
            self.queue.cancel(slot);
        }
        self.app_process_ended(process, program, event);
    }

    // ---- network ----

    /// How long one message between a process and anything else travels. Both directions draw from
    /// the process's own generator: what another process does shifts nothing here.
    fn latency_us(&mut self, process: ProcessId) -> i64 {
        let (min, max) = self.config.latency_us;
        let loss_ppm = u64::from(self.config.loss_ppm);
        let Some(state) = self.processes.get_mut(process.0 as usize) else { return 0 };
        let mut latency = state.network.between(min, max);
        if loss_ppm > 0 {
            let mut again = 0;
            while again < MAX_RETRANSMITS && state.network.below(1_000_000) < loss_ppm {
                latency += RETRANSMIT_US << again;
                again += 1;
            }
        }
        i64::try_from(latency).unwrap_or(i64::MAX)
    }

    /// When something that the process sends now over a connection arrives, in order.
    fn arrival_at_broker(&mut self, connection: ConnectionId) -> i64 {
        let Some(process) = self.connections.get(&connection).map(|c| c.process) else {
            return self.now_us;
        };
        let arrives = self.now_us.saturating_add(self.latency_us(process));
        match self.connections.get_mut(&connection) {
            Some(state) => {
                state.last_to_broker_us = state.last_to_broker_us.max(arrives);
                state.last_to_broker_us
            }
            None => arrives,
        }
    }

    /// When something that the broker sends now over a connection arrives, in order.
    fn arrival_at_process(&mut self, connection: ConnectionId) -> i64 {
        let Some(process) = self.connections.get(&connection).map(|c| c.process) else {
            return self.now_us;
        };
        let arrives = self.now_us.saturating_add(self.latency_us(process));
        match self.connections.get_mut(&connection) {
            Some(state) => {
                state.last_to_process_us = state.last_to_process_us.max(arrives);
                state.last_to_process_us
            }
            None => arrives,
        }
    }

    fn send(&mut self, process: ProcessId, outgoing: Outgoing, cause: Option<EventId>) {
        let Outgoing { to, channel, frame } = outgoing;
        let known = self.by_channel.get(&(process, to.clone(), channel)).copied();
        let connection = known.unwrap_or_else(|| {
            self.next_connection += 1;
            ConnectionId(self.next_connection)
        });
        let node = node_at(&to, self.config.brokers);
        let kind = TraceKind::RequestSent {
            connection,
            node,
            request: frame.body.name(),
            api_version: frame.api_version,
            correlation_id: frame.correlation_id,
        };
        let sent = self.record(Actor::Process(process), kind, cause);
        if known.is_none() {
            self.by_channel.insert((process, to.clone(), channel), connection);
            self.connections.insert(
                connection,
                Connection {
                    process,
                    endpoint: to,
                    channel,
                    node,
                    phase: Phase::Opening { waiting: VecDeque::new() },
                    opened_by: sent,
                    last_to_broker_us: self.now_us,
                    last_to_process_us: self.now_us,
                    closed_by_broker: false,
                },
            );
            let arrives = self.arrival_at_broker(connection);
            self.queue.push(arrives, Item::ConnectArrives { connection });
        }
        match self.connections.get_mut(&connection).map(|state| &mut state.phase) {
            Some(Phase::Opening { waiting }) => waiting.push_back((frame, sent)),
            Some(Phase::Open) => {
                let arrives = self.arrival_at_broker(connection);
                self.queue.push(arrives, Item::Request { connection, frame, sent });
            }
            None => {}
        }
    }

    fn connect_arrives(&mut self, connection: ConnectionId) {
        let Some(state) = self.connections.get(&connection) else { return };
        let (node, cause) = (state.node, state.opened_by);
        let accepted = node.is_some_and(|node| self.is_broker_up(node));
        let arrives = self.arrival_at_process(connection);
        let item = if accepted {
            Item::Connected { connection }
        } else {
            Item::ConnectRefused { connection, cause }
        };
        self.queue.push(arrives, item);
    }

    fn connected(&mut self, connection: ConnectionId) {
        let Some(state) = self.connections.get_mut(&connection) else { return };
        let (process, opened_by) = (state.process, state.opened_by);
        let Some(node) = state.node else { return };
        let phase = core::mem::replace(&mut state.phase, Phase::Open);
        self.record_for(process, TraceKind::Connected { connection, node }, Some(opened_by));
        if let Phase::Opening { waiting } = phase {
            for (frame, sent) in waiting {
                let arrives = self.arrival_at_broker(connection);
                self.queue.push(arrives, Item::Request { connection, frame, sent });
            }
        }
    }

    fn connect_refused(&mut self, connection: ConnectionId, cause: EventId) {
        let Some(state) = self.forget_connection(connection) else { return };
        let kind = TraceKind::ConnectFailed { connection, to: state.endpoint.to_string() };
        let Some(event) = self.record_for(state.process, kind, Some(cause)) else { return };
        let failed = NetEvent::ConnectFailed { to: state.endpoint, channel: state.channel };
        self.deliver(state.process, Input::Net(failed), Some(event));
    }

    fn request_arrives(&mut self, connection: ConnectionId, frame: RequestFrame, sent: EventId) {
        let Some(state) = self.connections.get(&connection) else { return };
        let process = state.process;
        if state.closed_by_broker {
            return;
        }
        let Some(node) = state.node.filter(|node| self.is_broker_up(*node)) else { return };
        let kind = TraceKind::RequestHandled {
            connection,
            process,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let handled = self.record(Actor::Broker(node), kind, Some(sent));
        self.unanswered.insert((connection, frame.correlation_id), handled);
        let host = self.process(process).map(|state| state.host.clone()).unwrap_or_default();
        let now = self.now_ms();
        if let Some(state) = self.nodes.get_mut(&node) {
            let effects = state.broker.handle(now, &ClientInfo { connection, host }, frame);
            self.take_effects(node, effects, Some(handled));
        }
    }

    fn response_arrives(&mut self, connection: ConnectionId, frame: ResponseFrame, sent: EventId) {
        let Some(state) = self.connections.get(&connection) else { return };
        let (process, endpoint, channel) = (state.process, state.endpoint.clone(), state.channel);
        let Some(node) = state.node else { return };
        let kind = TraceKind::ResponseReceived {
            connection,
            node,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let Some(received) = self.record_for(process, kind, Some(sent)) else { return };
        let response = NetEvent::Response { from: endpoint, channel, frame };
        self.deliver(process, Input::Net(response), Some(received));
    }

    /// Records what a broker did and sends its responses. A response is caused by the last thing that
    /// happened in the call that gave it; one that only waited, by its request.
    fn take_effects(&mut self, node: i32, effects: Effects, call: Option<EventId>) {
        let mut last = None;
        for event in effects.events {
            let cause = event
                .cause
                .and_then(|cause| {
                    self.unanswered.get(&(cause.connection, cause.correlation_id)).copied()
                })
                .or(call);
            last = Some(self.record(Actor::Broker(node), TraceKind::Broker(event.kind), cause));
        }
        for (connection, frame) in effects.responses {
            let handled = self.unanswered.remove(&(connection, frame.correlation_id));
            let Some(process) = self.connections.get(&connection).map(|state| state.process) else {
                continue;
            };
            let kind = TraceKind::ResponseSent {
                connection,
                process,
                request: frame.body.name(),
                correlation_id: frame.correlation_id,
            };
            let cause = last.or(handled).or(call);
            let sent = self.record(Actor::Broker(node), kind, cause);
            let arrives = self.arrival_at_process(connection);
            self.queue.push(arrives, Item::Response { connection, frame, sent });
        }
        self.schedule_tick(node);
    }

    fn schedule_tick(&mut self, node: i32) {
        let Some(state) = self.nodes.get(&node) else { return };
        let wanted = state.broker.next_wakeup().filter(|_| state.up);
        let tick = state.tick;
        if tick.map(|(at_ms, _)| at_ms) == wanted {
            return;
        }
        if let Some((_, slot)) = tick {
            self.queue.cancel(slot);
        }
        let tick = wanted
            .map(|at_ms| (at_ms, self.queue.push(self.us_of(at_ms), Item::BrokerTick { node })));
        if let Some(state) = self.nodes.get_mut(&node) {
            state.tick = tick;
        }
    }

    fn forget_connection(&mut self, connection: ConnectionId) -> Option<Connection> {
        let state = self.connections.remove(&connection)?;
        self.by_channel.remove(&(state.process, state.endpoint.clone(), state.channel));
        Some(state)
    }

    /// The process closes: nothing on its way to it matters any more, the broker hears of it later.
    fn close_at_process(&mut self, connection: ConnectionId, cause: Option<EventId>) {
        let arrives = self.arrival_at_broker(connection);
        let Some(state) = self.forget_connection(connection) else { return };
        let event = self.record(
            Actor::Process(state.process),
            TraceKind::Disconnected { connection },
            cause,
        );
        if let (Phase::Open, Some(node), false) = (state.phase, state.node, state.closed_by_broker)
        {
            self.queue.push(arrives, Item::BrokerSeesClose { node, connection, cause: event });
        }
    }

    fn broker_sees_close(&mut self, node: i32, connection: ConnectionId, cause: EventId) {
        if self.is_broker_up(node) {
            let event = self.record(
                Actor::Broker(node),
                TraceKind::Disconnected { connection },
                Some(cause),
            );
            let now = self.now_ms();
            if let Some(state) = self.nodes.get_mut(&node) {
                let effects = state.broker.disconnect(now, connection);
                self.take_effects(node, effects, Some(event));
            }
        }
        self.forget_unanswered(connection);
    }

    /// The broker's end is gone at once; what it would have answered is not.
    fn close_at_broker(&mut self, node: i32, connection: ConnectionId) {
        let now = self.now_ms();
        if let Some(state) = self.nodes.get_mut(&node) {
            let _ = state.broker.disconnect(now, connection);
        }
        self.forget_unanswered(connection);
    }

    fn forget_unanswered(&mut self, connection: ConnectionId) {
        let keys: Vec<_> = self
            .unanswered
            .range((connection, i32::MIN)..=(connection, i32::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.unanswered.remove(&key);
        }
    }

    fn process_sees_close(&mut self, connection: ConnectionId, cause: EventId) {
        let Some(state) = self.forget_connection(connection) else { return };
        let Some(event) =
            self.record_for(state.process, TraceKind::Disconnected { connection }, Some(cause))
        else {
            return;
        };
        let closed = match state.phase {
            Phase::Open => NetEvent::Disconnected { from: state.endpoint, channel: state.channel },
            Phase::Opening { .. } => {
                NetEvent::ConnectFailed { to: state.endpoint, channel: state.channel }
            }
        };
        self.deliver(state.process, Input::Net(closed), Some(event));
    }

    // ---- stores ----

    fn send_to_store(&mut self, process: ProcessId, request: StoreRequest, cause: Option<EventId>) {
        let kind = TraceKind::StoreAsked { store: request.store.clone(), op: request.op.clone() };
        let Some(sent) = self.record_for(process, kind, cause) else { return };
        let arrives = self.now_us.saturating_add(self.latency_us(process));
        self.queue.push(arrives, Item::StoreRequest { process, request, sent });
    }

    /// A store applies what reached it, also if the process that asked has died since.
    fn store_request_arrives(&mut self, process: ProcessId, request: StoreRequest, sent: EventId) {
        let StoreRequest { store, token, op } = request;
        let (result, latency_ms) = match self.stores.get_mut(&store) {
            Some(state) => (state.apply(&op), state.latency_ms()),
            None => (Err(StoreError::UnknownStore), 0),
        };
        let kind = TraceKind::StoreApplied { process, op, result: result.clone() };
        let applied = self.record(Actor::Store(store.clone()), kind, Some(sent));
        let travel = self.latency_us(process);
        let arrives = self
            .now_us
            .saturating_add(travel)
            .saturating_add(i64::try_from(latency_ms.saturating_mul(1_000)).unwrap_or(i64::MAX));
        let reply = StoreReply { store, token, result };
        self.queue.push(arrives, Item::StoreReply { process, reply, sent: applied });
    }
}
