//! Faults of one node: it stands still, its disk is slow or full, its clock is wrong.

use std::collections::VecDeque;

use logbrook_broker::wire::Request;

use crate::cluster::Cluster;
use crate::process_table::{Pause, ProcessId};
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

/// How a node's disk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disk {
    /// As it should be.
    #[default]
    Ok,
    /// What writes takes so many ms more.
    Slow(u32),
    /// No space is left: the log directory fails with the next write, and a broker with one directory ends
    /// with it (`LogDirFailureHandler`).
    Full,
}

impl Cluster {
    /// Stops a node for a while, as a long garbage collection does: nothing reaches it, and it goes on where
    /// it was. `false` if it is down or stands still already.
    pub fn pause_node(&mut self, node: i32, duration_us: i64) -> bool {
        let runs = self.nodes.get(&node).is_some_and(|state| state.up && state.pause.is_none());
        if !runs {
            return false;
        }
        let cause = self.tell_of_node(node, format!("paused for {} ms", duration_us / 1_000));
        let resume_us = self.now_us.saturating_add(duration_us.max(0));
        let resume = self.queue.push(resume_us, Item::ResumeNode { node, cause });
        if let Some(state) = self.nodes.get_mut(&node) {
            state.pause = Some(Pause { resume, waiting: VecDeque::new() });
        }
        self.schedule_tick(node);
        true
    }

    pub(crate) fn resume_node(&mut self, node: i32, cause: EventId) {
        let pause = self.nodes.get_mut(&node).and_then(|state| state.pause.take());
        let Some(pause) = pause else { return };
        let kind = TraceKind::Fault { what: "goes on".into() };
        self.record(Actor::Broker(node), kind, Some(cause));
        for item in pause.waiting {
            self.carry_out(item);
        }
        self.schedule_tick(node);
    }

    /// Changes how a node's disk is. `false` if there is no such node.
    pub fn set_disk(&mut self, node: i32, disk: Disk) -> bool {
        let Some(state) = self.nodes.get_mut(&node) else { return false };
        state.disk = disk;
        let what = match disk {
            Disk::Ok => "its disk is well again".to_owned(),
            Disk::Slow(ms) => format!("its disk takes {ms} ms more"),
            Disk::Full => "its disk is full".to_owned(),
        };
        self.tell_of_node(node, what);
        true
    }

    /// How a node's disk is; `None` if there is no such node.
    pub fn disk(&self, node: i32) -> Option<Disk> {
        self.nodes.get(&node).map(|state| state.disk)
    }

    /// Puts a node's wall clock so many ms ahead of everybody else's (behind, below 0). `false` if there is
    /// no such node.
    pub fn set_clock(&mut self, node: i32, skew_ms: i64) -> bool {
        let Some(state) = self.nodes.get_mut(&node) else { return false };
        state.clock_skew_ms = skew_ms;
        self.tell_of_node(node, format!("its clock is off by {skew_ms} ms"));
        self.schedule_tick(node);
        true
    }

    pub(crate) fn tell_of_node(&mut self, node: i32, what: String) -> EventId {
        self.record(Actor::Broker(node), TraceKind::Fault { what }, self.operator_cause)
    }

    /// The wall clock of a node, in ms since the Unix epoch.
    pub(crate) fn now_ms_at(&self, node: i32) -> i64 {
        let skew = self.nodes.get(&node).map_or(0, |state| state.clock_skew_ms);
        self.now_ms().saturating_add(skew)
    }

    /// Holds back what writes to a slow disk, and lets a node end that writes to a full one.
    pub(crate) fn hold_for_disk(&mut self, item: Item) -> Option<Item> {
        let writes = match &item {
            Item::Request { frame, .. } => is_write(&frame.body),
            Item::PeerResponse { frame, .. } => frame.body.name() == "Fetch",
            _ => return Some(item),
        };
        let node = self.node_that_gets(&item).filter(|_| writes);
        let disk = node.and_then(|node| self.nodes.get(&node)).map_or(Disk::Ok, |node| node.disk);
        match (disk, node) {
            (Disk::Slow(ms), Some(_)) => {
                let at = self.now_us.saturating_add(i64::from(ms) * 1_000);
                self.queue.push(at, Item::Delayed { item: Box::new(item) });
                None
            }
            (Disk::Full, Some(node)) => {
                self.node_is_gone(node, "halted: no space left on device", self.operator_cause);
                None
            }
            (Disk::Ok | Disk::Slow(_) | Disk::Full, _) => Some(item),
        }
    }

    /// The node that something happens to, if it is one.
    pub(crate) fn node_that_gets(&self, item: &Item) -> Option<i32> {
        match item {
            Item::Request { connection, .. } => self.connections.get(connection)?.node,
            Item::BrokerSeesClose { node, .. } | Item::BrokerTick { node } => Some(*node),
            Item::PeerRequest { connection, .. } => Some(self.links.get(connection)?.server),
            Item::PeerResponse { connection, .. } | Item::PeerClosed { connection, .. } => {
                Some(self.links.get(connection)?.client)
            }
            Item::Delayed { item } => self.node_that_gets(item),
            _ => None,
        }
    }

    /// The process that something happens to, if it is one.
    pub(crate) fn process_that_gets(&self, item: &Item) -> Option<ProcessId> {
        match item {
            Item::Connected { connection }
            | Item::ConnectRefused { connection, .. }
            | Item::Response { connection, .. }
            | Item::ProcessSeesClose { connection, .. } => {
                Some(self.connections.get(connection)?.process)
            }
            Item::Wake { process }
            | Item::Input { process, .. }
            | Item::StoreReply { process, .. } => Some(*process),
            _ => None,
        }
    }
}

/// Whether a request makes its broker write to its disk.
fn is_write(request: &Request) -> bool {
    matches!(
        request,
        Request::Produce(_)
            | Request::OffsetCommit(_)
            | Request::TxnOffsetCommit(_)
            | Request::JoinGroup(_)
            | Request::SyncGroup(_)
            | Request::ConsumerGroupHeartbeat(_)
            | Request::InitProducerId(_)
            | Request::AddPartitionsToTxn(_)
            | Request::EndTxn(_)
            | Request::WriteTxnMarkers(_)
    )
}
