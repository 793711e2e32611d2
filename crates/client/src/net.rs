//! The words between a client and its network: where a frame goes, and what comes back.
//!
//! A client never opens a socket. It names an [`Endpoint`] and a [`Channel`]; whoever carries the
//! frames (the simulated cluster, or a TCP loop) opens a connection at the first frame for that pair.

use core::fmt;

use logbrook_broker::wire::{RequestFrame, ResponseFrame};

/// A host and a port, as in `bootstrap.servers` or in a Metadata response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Host name or address, as written.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// `host:port` from its two parts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A client's own name for one connection, as Java's `NetworkClient` names it by node id: `-1`, `-2`, …
/// for bootstrap servers, the broker's id, and `Integer.MAX_VALUE - id` for a group coordinator.
///
/// Two channels to one endpoint are two connections, so that a heartbeat does not wait behind a fetch.
/// Channels of different clients inside one process must be kept apart by the process
/// ([`Channel::within`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// Which client inside the process; 0 unless the process has several.
    pub client: u16,
    /// The node id as Java's `NetworkClient` would name the connection.
    pub node: i32,
}

impl Channel {
    /// The connection of the only client of a process to `node`.
    pub fn node(node: i32) -> Self {
        Self { client: 0, node }
    }

    /// The same connection, for the client number `client` of a process that runs several.
    pub fn within(self, client: u16) -> Self {
        Self { client, ..self }
    }
}

/// One request on its way to a broker.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The broker's address.
    pub to: Endpoint,
    /// The connection to that address.
    pub channel: Channel,
    /// The request.
    pub frame: RequestFrame,
}

/// What the network tells a client.
#[derive(Clone, Debug)]
pub enum NetEvent {
    /// A response arrived.
    Response {
        /// The broker's address.
        from: Endpoint,
        /// The connection it came over.
        channel: Channel,
        /// The response.
        frame: ResponseFrame,
    },
    /// An open connection was closed by the other side or by the network; requests in flight are lost.
    Disconnected {
        /// The broker's address.
        from: Endpoint,
        /// The connection that closed.
        channel: Channel,
    },
    /// No connection could be established; the frame that asked for it is lost.
    ConnectFailed {
        /// The address that did not answer.
        to: Endpoint,
        /// The connection that was asked for.
        channel: Channel,
    },
}

impl NetEvent {
    /// The connection that the event is about: a process with several clients routes by it.
    pub fn channel(&self) -> Channel {
        match self {
            NetEvent::Response { channel, .. }
            | NetEvent::Disconnected { channel, .. }
            | NetEvent::ConnectFailed { channel, .. } => *channel,
        }
    }
}
