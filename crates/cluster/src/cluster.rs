//! The simulation: the queue, the clock, and what each kind of event does.

use core::fmt;
use logbrook_sorted::SortedMap;

use logbrook_app::{Random, Store, StoreSpec, split_seed};
use logbrook_broker::{
    Broker, BrokerConfig, BrokerState, ConnectionId, ControllerNode, MetadataImage, PeerChannel,
};
use logbrook_client::net::{Channel, Endpoint};
use logbrook_client::process::{Input, Signal};

use crate::apps::AppState;
use crate::config::{ClusterConfig, log_dir};
use crate::connection::{Connection, advertised_port};
use crate::links::Link;
use crate::network_faults::NetworkFaults;
use crate::node::{Node, Server};
use crate::process_table::{ProcessId, ProcessState};
use crate::queue::{Item, Queue};
use crate::trace::{Actor, EventId, Trace, TraceKind};

/// The node id of the controller, where it is a node of its own.
pub const CONTROLLER_NODE: i32 = 100;
/// Its port. No client is told of it.
const CONTROLLER_PORT: u16 = 9290;
/// How long before the start time a cluster of several nodes is started, in µs.
const BOOT_US: i64 = 5_000_000;

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
                write!(
                    f,
                    "the simulation was stopped at {} ms after {max_steps} steps: something goes round without \
                     end, such as a client that tries again without a pause",
                    time_us / 1_000
                )
            }
            Self::TimeStandsStill { time_us, last } => write!(
                f,
                "the simulation stopped at {time_us} µs: {MAX_STEPS_AT_ONE_TIME} steps without time passing, last {last}"
            ),
        }
    }
}

impl core::error::Error for ClusterError {}

/// A cluster with everything around it. `Clone` is a fork.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) config: ClusterConfig,
    pub(crate) now_us: i64,
    steps: u64,
    steps_at_this_time: u64,
    error: Option<ClusterError>,
    pub(crate) queue: Queue,
    pub(crate) nodes: SortedMap<i32, Node>,
    pub(crate) processes: Vec<ProcessState>,
    pub(crate) connections: SortedMap<ConnectionId, Connection>,
    pub(crate) by_channel: SortedMap<(ProcessId, Endpoint, Channel), ConnectionId>,
    /// Connections between nodes.
    pub(crate) links: SortedMap<ConnectionId, Link>,
    pub(crate) by_peer: SortedMap<(i32, PeerChannel, i32), ConnectionId>,
    pub(crate) network_faults: NetworkFaults,
    pub(crate) next_connection: u64,
    /// The `RequestHandled` event of each request that a broker has not answered.
    pub(crate) unanswered: SortedMap<(ConnectionId, i32), EventId>,
    pub(crate) stores: SortedMap<String, Store>,
    pub(crate) apps: SortedMap<String, AppState>,
    pub(crate) trace: Trace,
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
            nodes: SortedMap::new(),
            processes: Vec::new(),
            connections: SortedMap::new(),
            by_channel: SortedMap::new(),
            links: SortedMap::new(),
            by_peer: SortedMap::new(),
            network_faults: NetworkFaults::default(),
            next_connection: 0,
            unanswered: SortedMap::new(),
            stores: SortedMap::new(),
            apps: SortedMap::new(),
            trace: Trace::default(),
            operator_cause: None,
            config,
        };
        cluster.boot();
        cluster
    }

    /// Starts the nodes. A broker alone is its own controller; several have one beside them, and are
    /// started so early that all of them serve at the start time.
    fn boot(&mut self) {
        let alone = self.config.brokers == 1;
        if !alone {
            self.now_us = self.config.start_us.saturating_sub(BOOT_US);
            let controller = self.new_controller();
            self.add_node(CONTROLLER_NODE, Server::Controller(Box::new(controller)));
        }
        for node in 1..=self.config.brokers {
            let config = self.broker_config(node);
            let seed = self.seed_for("broker", &node.to_string());
            let now = self.now_ms();
            let broker = if alone {
                Broker::new(config, seed, now)
            } else {
                Broker::member(config, CONTROLLER_NODE, seed, now)
            };
            self.add_node(node, Server::Broker(Box::new(broker)));
        }
        self.run_until_us(self.config.start_us);
    }

    fn add_node(&mut self, node: i32, server: Server) {
        let network = Random::new(self.config.seed, "network", &format!("node-{node}"));
        self.nodes.insert(node, Node::new(server, network));
        // What it has to do at once.
        let now = self.now_ms();
        if let Some(state) = self.nodes.get_mut(&node) {
            let effects = state.tick(now);
            self.take_effects(node, effects, None);
        }
    }

    fn new_controller(&self) -> ControllerNode {
        let config = BrokerConfig {
            node_id: CONTROLLER_NODE,
            host: "localhost".to_owned(),
            port: CONTROLLER_PORT,
            properties: self.config.server_properties(),
            ..BrokerConfig::default()
        };
        let seed = self.seed_for("broker", &CONTROLLER_NODE.to_string());
        ControllerNode::new(config, seed, self.now_ms())
    }

    fn broker_config(&self, node: i32) -> BrokerConfig {
        let mut properties = self.config.server_properties();
        properties.entry("log.dirs".to_owned()).or_insert_with(|| log_dir(node));
        let rack = usize::try_from(node - 1).ok().and_then(|i| self.config.racks.get(i));
        BrokerConfig {
            node_id: node,
            host: "localhost".to_owned(),
            port: advertised_port(node),
            rack: rack.cloned(),
            properties,
            ..BrokerConfig::default()
        }
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
            self.error = Some(ClusterError::TimeStandsStill { time_us, last: item.what() });
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

    /// A copy at this point, which goes on by itself. Like `clone`, and cheaper: record bytes that are
    /// still being filled up are shared too.
    pub fn fork(&mut self) -> Cluster {
        self.seal();
        self.clone()
    }

    /// Makes the next clone cheap. Nothing else changes.
    pub(crate) fn seal(&mut self) {
        self.nodes.values_mut().for_each(Node::seal);
    }

    // ---- what is in it ----

    /// Everything that happened.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A broker by its node id, whether it runs or not.
    pub fn broker(&self, node: i32) -> Option<&Broker> {
        self.nodes.get(&node)?.broker()
    }

    /// The controller, where it is a node of its own.
    pub fn controller(&self) -> Option<&ControllerNode> {
        match &self.nodes.get(&CONTROLLER_NODE)?.server {
            Server::Controller(controller) => Some(controller),
            Server::Broker(_) => None,
        }
    }

    /// The cluster's metadata as its controller has them.
    pub fn metadata(&self) -> Option<&MetadataImage> {
        match self.controller() {
            Some(controller) => Some(controller.metadata()),
            None => self.broker_ids().next().and_then(|id| self.broker(id)).map(Broker::metadata),
        }
    }

    /// The node ids of all brokers.
    pub fn broker_ids(&self) -> impl Iterator<Item = i32> {
        self.nodes.iter().filter(|(_, node)| node.broker().is_some()).map(|(id, _)| *id)
    }

    /// Whether a broker runs.
    pub fn is_broker_up(&self, node: i32) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.up && node.broker().is_some())
    }

    /// Whether a broker runs and serves clients: it has read the metadata, and is not fenced as far as it
    /// knows.
    pub fn is_broker_running(&self, node: i32) -> bool {
        let broker = self.broker(node).filter(|_| self.is_broker_up(node));
        broker.is_some_and(|broker| broker.state() == BrokerState::Running)
    }

    /// Whether the process of a node, a broker's or the controller's, is there.
    pub fn is_node_up(&self, node: i32) -> bool {
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
    pub fn stores(&self) -> &SortedMap<String, Store> {
        &self.stores
    }

    /// Adds an empty outside store.
    pub fn add_store(&mut self, spec: StoreSpec) {
        self.stores.insert(spec.name.clone(), Store::new(spec));
    }

    // ---- inside ----

    pub(crate) fn record(
        &mut self,
        actor: Actor,
        kind: TraceKind,
        cause: Option<EventId>,
    ) -> EventId {
        let of_node = match (&actor, &kind) {
            (Actor::Broker(node), TraceKind::Fault { .. }) => Some(*node),
            _else => None,
        };
        let id = self.trace.push(self.now_us, actor, kind, cause);
        if let Some(node) = of_node.and_then(|node| self.nodes.get_mut(&node)) {
            node.fault = Some(id);
        }
        id
    }

    /// Records an event of a process that runs.
    pub(crate) fn record_for(
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

    pub(crate) fn carry_out(&mut self, item: Item) {
        // What a slow disk has held back is there already.
        let (item, from_disk) = match item {
            Item::Delayed { item } => (*item, true),
            item => (item, false),
        };
        let arrived = if from_disk { Some(item) } else { self.hold_if_cut(item) };
        let Some(item) = arrived.and_then(|item| self.hold_if_paused(item)) else { return };
        let ready = if from_disk { Some(item) } else { self.hold_for_disk(item) };
        let Some(item) = ready else { return };
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
            Item::PeerRequest { connection, frame, sent } => {
                self.peer_request_arrives(connection, frame, sent)
            }
            Item::PeerResponse { connection, frame, sent } => {
                self.peer_response_arrives(connection, frame, sent)
            }
            Item::PeerClosed { connection, cause } => self.peer_closed(connection, cause),
            // Unpacked above.
            Item::Delayed { .. } => {}
            Item::BrokerTick { node } => {
                let now = self.now_ms_at(node);
                if let Some(state) = self.nodes.get_mut(&node) {
                    state.tick = None;
                    let effects = state.tick(now);
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
            Item::ResumeNode { node, cause } => self.resume_node(node, cause),
            Item::Resume { process, cause } => self.resume(process, cause),
            Item::AppStart { app, number, cause } => self.app_start_due(&app, number, cause),
            Item::AppRestart { app, number, cause } => self.app_restart_due(&app, number, cause),
            Item::RolloutNext { app, cause } => self.rollout_next(&app, cause),
            Item::GraceOver { process, cause } => {
                self.signal_because(process, Signal::Kill, Some(cause))
            }
        }
    }
}
