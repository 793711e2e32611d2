//! Connections between processes and brokers, and the names that brokers answer to.

use std::collections::VecDeque;

use logbrook_broker::wire::RequestFrame;
use logbrook_client::net::{Channel, Endpoint};

use crate::process_table::ProcessId;
use crate::trace::EventId;

/// The port of broker 1 on `localhost`; broker N listens two higher for each.
const FIRST_PORT: u16 = 9092;

/// The port at which a broker advertises itself on `localhost`: 9092, 9094, 9096, …
pub(crate) fn advertised_port(node: i32) -> u16 {
    let step = u16::try_from(node.saturating_sub(1)).unwrap_or(0);
    FIRST_PORT.saturating_add(step.saturating_mul(2))
}

/// The broker that an address leads to: `localhost` by port, `broker-N` at 9092 or its own port.
pub(crate) fn node_at(endpoint: &Endpoint, brokers: i32) -> Option<i32> {
    if let Some(number) = endpoint.host.strip_prefix("broker-") {
        let node = number.parse().ok().filter(|node| (1..=brokers).contains(node))?;
        return [FIRST_PORT, advertised_port(node)].contains(&endpoint.port).then_some(node);
    }
    matches!(endpoint.host.as_str(), "localhost" | "127.0.0.1")
        .then(|| (1..=brokers).find(|node| advertised_port(*node) == endpoint.port))
        .flatten()
}

/// How far a connection is.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// The process waits for the broker's answer; its frames wait with it.
    Opening { waiting: VecDeque<(RequestFrame, EventId)> },
    /// Both ends know of each other.
    Open,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The process's end.
    pub(crate) process: ProcessId,
    /// The address that the process named.
    pub(crate) endpoint: Endpoint,
    /// The process's name for the connection.
    pub(crate) channel: Channel,
    /// The broker's end.
    pub(crate) node: Option<i32>,
    /// How far it is.
    pub(crate) phase: Phase,
    /// The frame that opened it.
    pub(crate) opened_by: EventId,
    /// When the last frame to the broker arrives: the next one arrives no earlier.
    pub(crate) last_to_broker_us: i64,
    /// The same towards the process.
    pub(crate) last_to_process_us: i64,
    /// The broker's end is gone; the process has yet to hear of it.
    pub(crate) closed_by_broker: bool,
    /// The process's end is gone, and this closed it; what it had sent is still on its way.
    pub(crate) closed_by_process: Option<EventId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_found_by_port_and_by_name() {
        let node = |host: &str, port| node_at(&Endpoint::new(host, port), 3);
        assert_eq!(node("localhost", 9092), Some(1));
        assert_eq!(node("127.0.0.1", 9096), Some(3));
        assert_eq!(node("broker-2", 9092), Some(2));
        assert_eq!(node("broker-2", 9094), Some(2));
        for (host, port) in [
            ("localhost", 9093),
            ("localhost", 9098),
            ("broker-4", 9092),
            ("broker-2", 9096),
            ("kafka", 9092),
        ] {
            assert_eq!(node(host, port), None, "{host}:{port}");
        }
    }
}
