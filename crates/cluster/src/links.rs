//! How requests travel between nodes: from followers to leaders, from brokers to the controller.
//!
//! Different from the connections of processes: opening one takes no time of its own.

use logbrook_broker::wire::{RequestFrame, ResponseFrame};
use logbrook_broker::{ClientInfo, ConnectionId, Effects, PeerChannel, PeerRequest};

use crate::cluster::Cluster;
use crate::network_faults::End;
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

/// A connection from one node to another.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The node that sends requests.
    pub(crate) client: i32,
    pub(crate) channel: PeerChannel,
    /// The node that answers them.
    pub(crate) server: i32,
    /// When the last message to the server arrives: the next one arrives no earlier.
    last_to_server_us: i64,
    /// The same towards the client.
    last_to_client_us: i64,
}

impl Cluster {
    /// How long one message from a node to another travels. It is drawn from the sender's own generator.
    fn link_latency_us(&mut self, from: i32, to: i32) -> i64 {
        let (min, max) = self.config.latency_us;
        let Some(node) = self.nodes.get(&from) else { return 0 };
        let mut network = node.network.clone();
        let way = (vec![End::Node(from)], vec![End::Node(to)]);
        let latency = network.between(min, max);
        let latency =
            latency.saturating_add(self.extra_latency_us(&way, |below| network.below(below)));
        if let Some(node) = self.nodes.get_mut(&from) {
            node.network = network;
        }
        i64::try_from(latency).unwrap_or(i64::MAX)
    }

    fn arrival_at_server(&mut self, connection: ConnectionId) -> i64 {
        let Some((client, server)) = self.links.get(&connection).map(|l| (l.client, l.server))
        else {
            return self.now_us;
        };
        let arrives = self.now_us.saturating_add(self.link_latency_us(client, server));
        self.links.get_mut(&connection).map_or(arrives, |link| {
            link.last_to_server_us = link.last_to_server_us.max(arrives);
            link.last_to_server_us
        })
    }

    fn arrival_at_client(&mut self, connection: ConnectionId) -> i64 {
        let Some((client, server)) = self.links.get(&connection).map(|l| (l.client, l.server))
        else {
            return self.now_us;
        };
        let arrives = self.now_us.saturating_add(self.link_latency_us(server, client));
        self.links.get_mut(&connection).map_or(arrives, |link| {
            link.last_to_client_us = link.last_to_client_us.max(arrives);
            link.last_to_client_us
        })
    }

    /// Sends a node's own request to another node.
    pub(crate) fn send_to_peer(
        &mut self,
        client: i32,
        request: PeerRequest,
        cause: Option<EventId>,
    ) {
        let PeerRequest { to: server, channel, frame } = request;
        let known = self.by_peer.get(&(client, channel, server)).copied();
        let connection = known.unwrap_or_else(|| {
            self.next_connection += 1;
            let connection = ConnectionId(self.next_connection);
            let (last_to_server_us, last_to_client_us) = (self.now_us, self.now_us);
            let link = Link { client, channel, server, last_to_server_us, last_to_client_us };
            self.links.insert(connection, link);
            self.by_peer.insert((client, channel, server), connection);
            connection
        });
        let kind = TraceKind::PeerRequestSent {
            connection,
            to: server,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let sent = self.record(Actor::Broker(client), kind, cause);
        let arrives = self.arrival_at_server(connection);
        self.queue.push(arrives, Item::PeerRequest { connection, frame, sent });
    }

    pub(crate) fn peer_request_arrives(
        &mut self,
        connection: ConnectionId,
        frame: RequestFrame,
        sent: EventId,
    ) {
        let Some(Link { client, server, .. }) = self.links.get(&connection).cloned() else {
            return;
        };
        if !self.is_node_up(server) {
            let arrives = self.arrival_at_client(connection);
            self.queue.push(arrives, Item::PeerClosed { connection, cause: sent });
            return;
        }
        let kind = TraceKind::PeerRequestHandled {
            connection,
            from: client,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let handled = self.record(Actor::Broker(server), kind, Some(sent));
        self.unanswered.insert((connection, frame.correlation_id), handled);
        let now = self.now_ms_at(server);
        let info = ClientInfo { connection, host: NODE_ADDRESS.to_owned() };
        if let Some(node) = self.nodes.get_mut(&server) {
            let effects = node.handle(now, &info, frame);
            self.take_effects(server, effects, Some(handled));
        }
    }

    /// Sends the answer to a node's request.
    pub(crate) fn answer_peer(
        &mut self,
        connection: ConnectionId,
        frame: ResponseFrame,
        cause: Option<EventId>,
    ) {
        let Some(Link { client, server, .. }) = self.links.get(&connection).cloned() else {
            return;
        };
        let kind = TraceKind::PeerResponseSent {
            connection,
            to: client,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let sent = self.record(Actor::Broker(server), kind, cause);
        let arrives = self.arrival_at_client(connection);
        self.queue.push(arrives, Item::PeerResponse { connection, frame, sent });
    }

    pub(crate) fn peer_response_arrives(
        &mut self,
        connection: ConnectionId,
        frame: ResponseFrame,
        sent: EventId,
    ) {
        let Some(Link { client, server, channel, .. }) = self.links.get(&connection).cloned()
        else {
            return;
        };
        if !self.is_node_up(client) {
            return;
        }
        let kind = TraceKind::PeerResponseReceived {
            connection,
            from: server,
            request: frame.body.name(),
            correlation_id: frame.correlation_id,
        };
        let received = self.record(Actor::Broker(client), kind, Some(sent));
        let now = self.now_ms_at(client);
        let broker = self.nodes.get_mut(&client).and_then(|node| node.broker_mut());
        if let Some(broker) = broker {
            let effects = broker.handle_response(now, server, channel, frame);
            self.take_effects(client, effects, Some(received));
        }
    }

    /// The client learns that the server's end is gone.
    pub(crate) fn peer_closed(&mut self, connection: ConnectionId, cause: EventId) {
        let Some(Link { client, server, channel, .. }) = self.forget_link(connection) else {
            return;
        };
        if !self.is_node_up(client) {
            return;
        }
        let kind = TraceKind::PeerDisconnected { connection, node: server };
        let event = self.record(Actor::Broker(client), kind, Some(cause));
        let now = self.now_ms_at(client);
        let broker = self.nodes.get_mut(&client).and_then(|node| node.broker_mut());
        if let Some(broker) = broker {
            let effects: Effects = broker.peer_disconnected(now, server, channel);
            self.take_effects(client, effects, Some(event));
        }
    }

    /// A node gives up a connection of its own.
    pub(crate) fn close_peer(&mut self, client: i32, server: i32, channel: PeerChannel) {
        let Some(connection) = self.by_peer.get(&(client, channel, server)).copied() else {
            return;
        };
        self.forget_link(connection);
        self.forget_unanswered(connection);
        let now = self.now_ms_at(server);
        if let Some(node) = self.nodes.get_mut(&server).filter(|node| node.up) {
            let effects = node.disconnect(now, connection);
            self.take_effects(server, effects, None);
        }
    }

    /// A node is gone: whoever is connected to it learns of that.
    pub(crate) fn close_links_of(&mut self, node: i32, cause: EventId) {
        let all: Vec<(ConnectionId, i32, i32, PeerChannel)> = self
            .links
            .iter()
            .map(|(id, link)| (*id, link.client, link.server, link.channel))
            .collect();
        for (connection, client, server, channel) in all {
            if client == node {
                self.close_peer(client, server, channel);
            } else if server == node {
                self.forget_unanswered(connection);
                let arrives = self.arrival_at_client(connection);
                self.queue.push(arrives, Item::PeerClosed { connection, cause });
            }
        }
    }

    fn forget_link(&mut self, connection: ConnectionId) -> Option<Link> {
        let link = self.links.remove(&connection)?;
        self.by_peer.remove(&(link.client, link.channel, link.server));
        Some(link)
    }
}

/// Nodes see each other at this address, as everything on one machine does.
const NODE_ADDRESS: &str = "/127.0.0.1";
