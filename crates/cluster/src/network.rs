//! How frames travel between processes and brokers.

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use logbrook_broker::wire::{RequestFrame, ResponseFrame};
use logbrook_broker::{BrokerEventKind, ClientInfo, ConnectionId, Effects};
use logbrook_client::net::{NetEvent, Outgoing};
use logbrook_client::process::Input;

use crate::cluster::Cluster;
use crate::connection::{Connection, Phase, node_at};
use crate::network_faults::End;
use crate::process_table::ProcessId;
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

/// TCP's first retransmission timeout (RFC 6298 allows 1 s; Linux takes 200 ms).
const RETRANSMIT_US: u64 = 200_000;

/// A connection gives up after so many losses of one message; with any sane loss it never happens.
const MAX_RETRANSMITS: u32 = 8;

impl Cluster {
    /// How long one message between a process and anything else travels. Both directions draw from
    /// the process's own generator: what another process does shifts nothing here.
    pub(crate) fn latency_us(&mut self, process: ProcessId) -> i64 {
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

    /// What faults of the network add, in µs. It is drawn from the process's generator too, where there is
    /// something to draw.
    fn extra_to(&mut self, process: ProcessId, node: Option<i32>, to_broker: bool) -> i64 {
        let Some(node) = node.filter(|_| self.has_network_faults()) else { return 0 };
        let client = self.ends_of_process(process);
        let way = if to_broker {
            (client, vec![End::Node(node)])
        } else {
            (vec![End::Node(node)], client)
        };
        let Some(state) = self.processes.get(process.0 as usize) else { return 0 };
        let mut network = state.network.clone();
        let extra = self.extra_latency_us(&way, |below| network.below(below));
        if let Some(state) = self.processes.get_mut(process.0 as usize) {
            state.network = network;
        }
        i64::try_from(extra).unwrap_or(i64::MAX)
    }

    /// When something that the process sends now over a connection arrives, in order.
    pub(crate) fn arrival_at_broker(&mut self, connection: ConnectionId) -> i64 {
        let Some((process, node)) = self.connections.get(&connection).map(|c| (c.process, c.node))
        else {
            return self.now_us;
        };
        let extra = self.extra_to(process, node, true);
        let arrives = self.now_us.saturating_add(self.latency_us(process)).saturating_add(extra);
        match self.connections.get_mut(&connection) {
            Some(state) => {
                state.last_to_broker_us = state.last_to_broker_us.max(arrives);
                state.last_to_broker_us
            }
            None => arrives,
        }
    }

    /// When something that the broker sends now over a connection arrives, in order.
    pub(crate) fn arrival_at_process(&mut self, connection: ConnectionId) -> i64 {
        let Some((process, node)) = self.connections.get(&connection).map(|c| (c.process, c.node))
        else {
            return self.now_us;
        };
        let extra = self.extra_to(process, node, false);
        let arrives = self.now_us.saturating_add(self.latency_us(process)).saturating_add(extra);
        match self.connections.get_mut(&connection) {
            Some(state) => {
                state.last_to_process_us = state.last_to_process_us.max(arrives);
                state.last_to_process_us
            }
            None => arrives,
        }
    }

    pub(crate) fn send(&mut self, process: ProcessId, outgoing: Outgoing, cause: Option<EventId>) {
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
                    closed_by_process: None,
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

    pub(crate) fn connect_arrives(&mut self, connection: ConnectionId) {
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

    pub(crate) fn connected(&mut self, connection: ConnectionId) {
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
        if let Some(cause) = self.connections.get(&connection).and_then(|c| c.closed_by_process) {
            let arrives = self.arrival_at_broker(connection);
            self.queue.push(arrives, Item::BrokerSeesClose { node, connection, cause });
        }
    }

    pub(crate) fn connect_refused(&mut self, connection: ConnectionId, cause: EventId) {
        let Some(state) = self.forget_connection(connection) else { return };
        if state.closed_by_process.is_some() {
            return;
        }
        let kind = TraceKind::ConnectFailed { connection, to: state.endpoint.to_string() };
        let Some(event) = self.record_for(state.process, kind, Some(cause)) else { return };
        let failed = NetEvent::ConnectFailed { to: state.endpoint, channel: state.channel };
        self.deliver(state.process, Input::Net(failed), Some(event));
    }

    pub(crate) fn request_arrives(
        &mut self,
        connection: ConnectionId,
        frame: RequestFrame,
        sent: EventId,
    ) {
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
        let now = self.now_ms_at(node);
        if let Some(state) = self.nodes.get_mut(&node) {
            let effects = state.handle(now, &ClientInfo { connection, host }, frame);
            self.take_effects(node, effects, Some(handled));
        }
    }

    pub(crate) fn response_arrives(
        &mut self,
        connection: ConnectionId,
        frame: ResponseFrame,
        sent: EventId,
    ) {
        let Some(state) = self.connections.get(&connection) else { return };
        if state.closed_by_process.is_some() {
            return;
        }
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
    pub(crate) fn take_effects(&mut self, node: i32, effects: Effects, call: Option<EventId>) {
        let mut last = None;
        let mut last_of_request = SortedMap::new();
        // That nothing is heard of a broker has no message behind it.
        let unheard = effects.events.iter().find_map(|event| match &event.kind {
            BrokerEventKind::BrokerFenced { broker, .. } if call.is_none() => {
                self.nodes.get(broker)?.fault
            }
            _else => None,
        });
        let call = call.or(unheard);
        for event in effects.events {
            let request = event.cause.map(|cause| (cause.connection, cause.correlation_id));
            let handled = request.and_then(|request| self.unanswered.get(&request).copied());
            // What waited in the purgatory goes on because of what happened in this call.
            let waited = handled.is_some() && handled != call;
            let cause = if waited { last.or(handled) } else { handled.or(call) };
            let id = self.record(Actor::Broker(node), TraceKind::Broker(event.kind), cause);
            last = Some(id);
            last_of_request.extend(request.map(|request| (request, id)));
        }
        for (connection, frame) in effects.responses {
            let request = (connection, frame.correlation_id);
            let handled = self.unanswered.remove(&request);
            let waited = handled.is_some() && handled != call;
            let by_this_call = if waited { last } else { None };
            let cause =
                last_of_request.get(&request).copied().or(by_this_call).or(handled).or(call);
            let Some(process) = self.connections.get(&connection).map(|state| state.process) else {
                self.answer_peer(connection, frame, cause);
                continue;
            };
            let kind = TraceKind::ResponseSent {
                connection,
                process,
                request: frame.body.name(),
                correlation_id: frame.correlation_id,
            };
            let sent = self.record(Actor::Broker(node), kind, cause);
            let arrives = self.arrival_at_process(connection);
            self.queue.push(arrives, Item::Response { connection, frame, sent });
        }
        for (server, channel) in effects.peer_disconnects {
            self.close_peer(node, server, channel);
        }
        for request in effects.requests {
            self.send_to_peer(node, request, last.or(call));
        }
        self.schedule_tick(node);
        self.maybe_finish_stop(node);
    }

    pub(crate) fn schedule_tick(&mut self, node: i32) {
        let Some(state) = self.nodes.get(&node) else { return };
        // A node that is down or stands still is not woken: it looks again once it goes on.
        let may_wake = state.up && state.pause.is_none();
        // In the time of everybody: a node waits by its own clock.
        let skew = state.clock_skew_ms;
        let wanted = state.next_wakeup().filter(|_| may_wake).map(|at| at.saturating_sub(skew));
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

    pub(crate) fn forget_connection(&mut self, connection: ConnectionId) -> Option<Connection> {
        let state = self.connections.remove(&connection)?;
        let channel = (state.process, state.endpoint.clone(), state.channel);
        // After a close by the process the channel may already name another connection.
        if self.by_channel.get(&channel) == Some(&connection) {
            self.by_channel.remove(&channel);
        }
        Some(state)
    }

    /// The process closes: nothing on its way to it matters any more. What it had sent before still
    /// arrives, as TCP delivers it, and then the broker hears of the end.
    pub(crate) fn close_at_process(&mut self, connection: ConnectionId, cause: Option<EventId>) {
        let arrives = self.arrival_at_broker(connection);
        let Some(state) = self.connections.get(&connection) else { return };
        if state.closed_by_process.is_some() {
            return;
        }
        let kind = TraceKind::Disconnected { connection };
        let event = self.record(Actor::Process(state.process), kind, cause);
        let Some(state) = self.connections.get_mut(&connection) else { return };
        let goes_on = match (&state.phase, state.node) {
            (Phase::Open, Some(node)) if !state.closed_by_broker => {
                self.queue.push(arrives, Item::BrokerSeesClose { node, connection, cause: event });
                true
            }
            // Frames that wait for the broker's answer go out with it, before the end.
            (Phase::Opening { waiting }, Some(_)) => !waiting.is_empty(),
            (Phase::Open | Phase::Opening { .. }, _) => false,
        };
        if goes_on {
            state.closed_by_process = Some(event);
            let channel = (state.process, state.endpoint.clone(), state.channel);
            self.by_channel.remove(&channel);
        } else {
            self.forget_connection(connection);
        }
    }

    pub(crate) fn broker_sees_close(
        &mut self,
        node: i32,
        connection: ConnectionId,
        cause: EventId,
    ) {
        if self.is_broker_up(node) {
            let event = self.record(
                Actor::Broker(node),
                TraceKind::Disconnected { connection },
                Some(cause),
            );
            let now = self.now_ms_at(node);
            if let Some(state) = self.nodes.get_mut(&node) {
                let effects = state.disconnect(now, connection);
                self.take_effects(node, effects, Some(event));
            }
        }
        self.forget_unanswered(connection);
        self.forget_connection(connection);
    }

    /// The broker's end is gone at once; what it would have answered is not.
    pub(crate) fn close_at_broker(&mut self, node: i32, connection: ConnectionId) {
        let now = self.now_ms_at(node);
        if let Some(state) = self.nodes.get_mut(&node) {
            let _ = state.disconnect(now, connection);
        }
        self.forget_unanswered(connection);
    }

    pub(crate) fn forget_unanswered(&mut self, connection: ConnectionId) {
        let keys: Vec<_> = self
            .unanswered
            .range((connection, i32::MIN)..=(connection, i32::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.unanswered.remove(&key);
        }
    }

    pub(crate) fn process_sees_close(&mut self, connection: ConnectionId, cause: EventId) {
        let Some(state) = self.forget_connection(connection) else { return };
        if state.closed_by_process.is_some() {
            return;
        }
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
}
