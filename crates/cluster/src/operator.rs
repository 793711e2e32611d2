//! What is done to a cluster from outside: programs started and told things, and faults.

use logbrook_broker::Effects;
use logbrook_client::process::{Input, Process, Signal};

use crate::cluster::Cluster;
use crate::process_table::{Pause, ProcessId};
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

use std::collections::VecDeque;

/// What the trace says of a node that was started again.
pub const STARTED: &str = "started";

impl Cluster {
    /// Records that an action of the operator begins; what the operator does from now on is caused by
    /// it.
    pub fn action(&mut self, line: &str) -> EventId {
        let id = self.record(Actor::Operator, TraceKind::Action { line: line.to_owned() }, None);
        self.operator_cause = Some(id);
        id
    }

    /// An action that may turn out not to apply: then it leaves no trace.
    ///
    /// # Errors
    /// Those of `act`, which must have changed nothing then.
    pub fn try_action<T, E>(
        &mut self,
        line: &str,
        act: impl FnOnce(&mut Cluster) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = (self.trace.rolling_hash(), self.operator_cause);
        let id = self.action(line);
        act(self).inspect_err(|_| {
            self.trace.take_back(id, before.0);
            self.operator_cause = before.1;
        })
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

    /// Kills a node (`kill -9`): its connections close, new ones are refused. What it has written to its disk
    /// stays.
    ///
    /// `false` if there is no such node or it is down already.
    pub fn kill_node(&mut self, node: i32) -> bool {
        if !self.is_node_up(node) {
            return false;
        }
        self.node_is_gone(node, "killed", self.operator_cause);
        true
    }

    pub(crate) fn node_is_gone(&mut self, node: i32, what: &str, cause: Option<EventId>) {
        let kind = TraceKind::Fault { what: what.into() };
        let cause = self.record(Actor::Broker(node), kind, cause);
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
            state.stopping = None;
            if let Some(pause) = state.pause.take() {
                self.queue.cancel(pause.resume);
            }
            state.crash();
            if let Some((_, slot)) = state.tick.take() {
                self.queue.cancel(slot);
            }
        }
        self.close_links_of(node, cause);
    }

    /// The machine of a node loses its power: it is killed, and what its logs had not flushed is gone. The
    /// metadata log is flushed with each write.
    ///
    /// `false` if there is no such node or it is down already.
    pub fn crash_node(&mut self, node: i32) -> bool {
        if !self.is_node_up(node) {
            return false;
        }
        let now = self.now_ms_at(node);
        self.node_is_gone(node, "lost its power", self.operator_cause);
        if let Some(broker) = self.nodes.get_mut(&node).and_then(|state| state.broker_mut()) {
            broker.lose_power(now);
        }
        true
    }

    /// The machine of a broker is gone, with its disk: it is killed if it runs, and starts again with nothing.
    /// `false` if there is no such broker, or the metadata of the cluster would be gone with it: those of a
    /// broker alone, and the controller's.
    pub fn lose_node(&mut self, node: i32) -> bool {
        if self.config.brokers == 1 || self.broker(node).is_none() {
            return false;
        }
        self.kill_node(node);
        self.tell_of_node(node, "its disk is lost".to_owned());
        if let Some(state) = self.nodes.get_mut(&node) {
            state.lose_disk();
        }
        true
    }

    /// Ends a node in order, as SIGTERM does. A broker of a cluster lets the controller move what it leads
    /// first: it goes on until then.
    ///
    /// `false` if there is no such node or it is down already.
    pub fn stop_node(&mut self, node: i32) -> bool {
        let now = self.now_ms_at(node);
        let Some(state) = self.nodes.get_mut(&node).filter(|state| state.up) else { return false };
        state.stopping = Some(self.operator_cause);
        let effects = match state.broker_mut() {
            Some(broker) => broker.begin_controlled_shutdown(now),
            None => Effects::default(),
        };
        self.take_effects(node, effects, self.operator_cause);
        true
    }

    /// A node that was asked to stop ends once nothing holds it any more.
    pub(crate) fn maybe_finish_stop(&mut self, node: i32) {
        let now = self.now_ms_at(node);
        let Some(state) = self.nodes.get_mut(&node).filter(|state| state.up) else { return };
        let Some(cause) = state.stopping else { return };
        if let Some(broker) = state.broker_mut() {
            if !broker.may_stop() {
                return;
            }
            broker.shut_down(now);
        }
        self.node_is_gone(node, "stopped", cause);
    }

    /// Starts a node that is down. `false` if there is none or it runs.
    pub fn start_node(&mut self, node: i32) -> bool {
        let now = self.now_ms_at(node);
        match self.nodes.get_mut(&node) {
            Some(state) if !state.up => {
                state.up = true;
                // What it knew besides its disk went with the process.
                state.restart(now);
            }
            Some(_) | None => return false,
        }
        let kind = TraceKind::Fault { what: STARTED.into() };
        self.record(Actor::Broker(node), kind, self.operator_cause);
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
}
