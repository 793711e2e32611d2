//! What can be wrong with the way between two ends: cut, slow, or lossy.
//!
//! What crosses a cut waits and arrives after the cut has healed, as TCP sends again what was not
//! acknowledged. Whoever waits for an answer does not know that, and gives up after its own time. Loss is
//! delay for the same reason.

use std::collections::VecDeque;

use logbrook_sorted::SortedMap;

use crate::cluster::Cluster;
use crate::process_table::ProcessId;
use crate::queue::Item;
use crate::trace::{Actor, TraceKind};

/// One end of a way that messages take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A broker, or the controller.
    Node(i32),
    /// An application with all its instances (`worker`), one of them (`worker/2`), a tool by its terminal's
    /// name.
    Client(String),
    /// Every process: applications and tools.
    AllClients,
}

impl core::fmt::Display for End {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            End::Node(node) => write!(f, "broker {node}"),
            End::Client(name) => f.write_str(name),
            End::AllClients => f.write_str("clients"),
        }
    }
}

/// What is wrong with a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WayFault {
    pub(crate) cut: bool,
    /// Beside the usual latency.
    pub(crate) delay_us: u64,
    /// Of a hundred messages so many are lost once.
    pub(crate) drop_percent: u32,
}

/// The ways with something wrong, and what waits for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NetworkFaults {
    pub(crate) ways: SortedMap<(End, End), WayFault>,
    held: VecDeque<Item>,
}

/// TCP's first retransmission, as for loss everywhere ([`crate::ClusterConfig::loss_ppm`]).
const RETRANSMIT_US: u64 = 200_000;

impl Cluster {
    /// From now on nothing gets from one end to the other; the way back is a way of its own.
    pub fn cut(&mut self, from: End, to: End) {
        self.tell_of_way(&from, &to, "is cut");
        self.network_faults.ways.entry((from, to)).or_default().cut = true;
    }

    /// Every message on the way takes so much longer, in ms.
    pub fn delay(&mut self, from: End, to: End, ms: u32) {
        self.tell_of_way(&from, &to, &format!("takes {ms} ms more"));
        let way = self.network_faults.ways.entry((from, to)).or_default();
        way.delay_us = u64::from(ms) * 1_000;
    }

    /// So many of a hundred messages on the way are lost once, and sent again.
    pub fn drop_messages(&mut self, from: End, to: End, percent: u32) {
        self.tell_of_way(&from, &to, &format!("loses {percent} %"));
        let way = self.network_faults.ways.entry((from, to)).or_default();
        way.drop_percent = percent.min(100);
    }

    /// Nothing is wrong with the network any more, and what waited arrives.
    pub fn heal(&mut self) {
        self.network_faults.ways.clear();
        let what = "the network heals".to_owned();
        self.record(Actor::Operator, TraceKind::Fault { what }, self.operator_cause);
        for item in core::mem::take(&mut self.network_faults.held) {
            let latency = i64::try_from(self.config.latency_us.0).unwrap_or_default();
            self.queue.push(self.now_us.saturating_add(latency), item);
        }
    }

    /// Whether something is wrong with the network.
    pub fn has_network_faults(&self) -> bool {
        !self.network_faults.ways.is_empty()
    }

    fn tell_of_way(&mut self, from: &End, to: &End, what: &str) {
        let what = format!("the way from {from} to {to} {what}");
        let id = self.record(Actor::Operator, TraceKind::Fault { what }, self.operator_cause);
        for end in [from, to] {
            if let End::Node(node) = end
                && let Some(node) = self.nodes.get_mut(node)
            {
                node.fault = Some(id);
            }
        }
    }

    /// Holds back what crosses a cut.
    pub(crate) fn hold_if_cut(&mut self, item: Item) -> Option<Item> {
        if self.network_faults.ways.is_empty() {
            return Some(item);
        }
        let cut = self.way_of(&item).is_some_and(|way| self.faults_of(&way).any(|fault| fault.cut));
        if cut {
            self.network_faults.held.push_back(item);
            return None;
        }
        Some(item)
    }

    /// How much longer a message between a process and a node takes, in µs; `draw` gives a number below
    /// its argument.
    pub(crate) fn extra_latency_us(&self, way: &Way, mut draw: impl FnMut(u64) -> u64) -> u64 {
        if self.network_faults.ways.is_empty() {
            return 0;
        }
        let mut extra = 0_u64;
        for fault in self.faults_of(way) {
            extra = extra.saturating_add(fault.delay_us);
            if fault.drop_percent > 0 && draw(100) < u64::from(fault.drop_percent) {
                extra = extra.saturating_add(RETRANSMIT_US);
            }
        }
        extra
    }

    fn faults_of<'a>(&'a self, way: &'a Way) -> impl Iterator<Item = WayFault> + 'a {
        let froms = &way.0;
        froms.iter().flat_map(move |from| {
            way.1.iter().filter_map(move |to| {
                self.network_faults.ways.get(&(from.clone(), to.clone())).copied()
            })
        })
    }

    /// The names that a process goes by.
    pub(crate) fn ends_of_process(&self, process: ProcessId) -> Vec<End> {
        let name = self.process(process).map(|state| state.name.clone()).unwrap_or_default();
        let app = name.split('/').next().unwrap_or_default().to_owned();
        let mut ends = vec![End::AllClients, End::Client(name.clone())];
        if app != name {
            ends.push(End::Client(app));
        }
        ends
    }

    /// From where to where something travels, if it does.
    fn way_of(&self, item: &Item) -> Option<Way> {
        match item {
            Item::ConnectArrives { connection } | Item::Request { connection, .. } => {
                let state = self.connections.get(connection)?;
                Some((self.ends_of_process(state.process), vec![End::Node(state.node?)]))
            }
            Item::Connected { connection }
            | Item::ConnectRefused { connection, .. }
            | Item::Response { connection, .. }
            | Item::ProcessSeesClose { connection, .. } => {
                let state = self.connections.get(connection)?;
                Some((vec![End::Node(state.node?)], self.ends_of_process(state.process)))
            }
            Item::BrokerSeesClose { node, connection, .. } => {
                let state = self.connections.get(connection)?;
                Some((self.ends_of_process(state.process), vec![End::Node(*node)]))
            }
            Item::PeerRequest { connection, .. } => {
                let link = self.links.get(connection)?;
                Some((vec![End::Node(link.client)], vec![End::Node(link.server)]))
            }
            Item::PeerResponse { connection, .. } | Item::PeerClosed { connection, .. } => {
                let link = self.links.get(connection)?;
                Some((vec![End::Node(link.server)], vec![End::Node(link.client)]))
            }
            Item::BrokerTick { .. }
            | Item::Wake { .. }
            | Item::Input { .. }
            | Item::StoreRequest { .. }
            | Item::StoreReply { .. }
            | Item::Resume { .. }
            | Item::ResumeNode { .. }
            | Item::Delayed { .. }
            | Item::AppStart { .. }
            | Item::AppRestart { .. }
            | Item::RolloutNext { .. }
            | Item::GraceOver { .. } => None,
        }
    }
}

/// A way by the names of its ends.
pub(crate) type Way = (Vec<End>, Vec<End>);
