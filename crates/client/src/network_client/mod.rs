//! Connections, requests in flight, timeouts and metadata updates: `NetworkClient` without sockets.
//!
//! ```text
//!   ready(node) --> ApiVersions --> connected --> send(node, request) --> completions
//!   poll(now)   --> metadata update when due, on the least loaded node; request timeouts
//! ```
//!
//! Not modelled: throttling, idle connections closing, telemetry, and a new bootstrap while brokers are
//! known (KIP-899): the known brokers are tried for ever.

mod connections;
mod metadata_updater;

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use logbrook_broker::wire::{Request, RequestFrame, Response, ResponseFrame};
use rand_pcg::Pcg32;

use crate::backoff::{backoff_ms, generator};
use crate::config::CommonConfig;
use crate::error::KafkaError;
use crate::log_line::{Level, LogLine};
use crate::metadata::Metadata;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
use connections::{Connection, State};

const LOGGER: &str = "org.apache.kafka.clients.NetworkClient";

/// A broker under the id that names the connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// -1, -2, … for bootstrap servers, the broker's id, `i32::MAX - id` for a coordinator.
    pub(crate) id: i32,
    pub(crate) endpoint: Endpoint,
}

/// What the network client wants done.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never stored in bulk")]
#[derive(Clone, Debug)]
pub(crate) enum NetOutput {
    Request(Outgoing),
    Disconnect { to: Endpoint, channel: Channel },
    Log(LogLine),
}

/// Why a request got no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendFailure {
    /// The connection was lost.
    Disconnected,
    /// `request.timeout.ms` passed; the connection was closed.
    TimedOut,
}

/// The end of a request.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    /// What the sender passed to [`NetworkClient::send`].
    pub(crate) token: u64,
    pub(crate) node: i32,
    pub(crate) correlation_id: i32,
    pub(crate) api_version: i16,
    pub(crate) result: Result<Response, SendFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    ApiVersions,
    Metadata,
    Owner(u64),
}

#[derive(Clone, Debug)]
struct InFlight {
    node: i32,
    purpose: Purpose,
    api_version: i16,
    deadline_ms: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct NetworkClient {
    pub(crate) metadata: Metadata,
    /// `[Producer clientId=producer-1] `.
    pub(crate) log_prefix: String,
    /// Whether the log names a bootstrap broker that is lost; `AdminMetadataManager` does not.
    pub(crate) tells_of_bootstrap: bool,
    pub(crate) client_number: u16,
    config: CommonConfig,
    connections: SortedMap<i32, Connection>,
    /// The cluster's finalized level of `transaction.version`, and the epoch of that.
    transaction_version: (i64, i16),
    in_flight: SortedMap<i32, InFlight>,
    next_correlation_id: i32,
    max_in_flight: usize,
    metadata_in_flight: bool,
    random: Pcg32,
    outputs: VecDeque<NetOutput>,
    completions: VecDeque<Completion>,
}

impl NetworkClient {
    pub(crate) fn new(
        config: CommonConfig,
        metadata: Metadata,
        log_prefix: String,
        max_in_flight: usize,
        seed: u64,
    ) -> Self {
        Self {
            metadata,
            log_prefix,
            client_number: 0,
            tells_of_bootstrap: true,
            config,
            connections: SortedMap::new(),
            transaction_version: (-1, 0),
            in_flight: SortedMap::new(),
            next_correlation_id: 0,
            max_in_flight,
            metadata_in_flight: false,
            random: generator(seed, 1),
            outputs: VecDeque::new(),
            completions: VecDeque::new(),
        }
    }

    /// Sends a request to a node for which [`NetworkClient::ready`] said yes. Its end comes out of
    /// [`NetworkClient::take_completion`] with `token`. `None`: the node does not know the API.
    pub(crate) fn send(&mut self, now: i64, node: i32, token: u64, body: Request) -> Option<i32> {
        let version = self.version(node, body.api_key())?;
        Some(self.dispatch(now, node, Purpose::Owner(token), body, version))
    }

    /// The same in a version of at most `most`.
    pub(crate) fn send_up_to(
        &mut self,
        now: i64,
        node: i32,
        token: u64,
        body: Request,
        most: i16,
    ) -> Option<i32> {
        let version = self.version(node, body.api_key())?.min(most);
        Some(self.dispatch(now, node, Purpose::Owner(token), body, version))
    }

    /// The same with a timeout of its own (JoinGroup waits for a whole rebalance).
    pub(crate) fn send_with_timeout(
        &mut self,
        now: i64,
        node: i32,
        token: u64,
        body: Request,
        timeout_ms: i64,
    ) -> Option<i32> {
        let correlation_id = self.send(now, node, token, body)?;
        if let Some(request) = self.in_flight.get_mut(&correlation_id) {
            request.deadline_ms = now.saturating_add(timeout_ms);
        }
        Some(correlation_id)
    }

    /// Sends a request that gets no response (`acks=0`).
    pub(crate) fn send_without_response(&mut self, now: i64, node: i32, body: Request) {
        if let Some(version) = self.version(node, body.api_key()) {
            let id = self.dispatch(now, node, Purpose::Owner(0), body, version);
            self.forget(id);
        }
    }

    fn forget(&mut self, correlation_id: i32) -> Option<InFlight> {
        let request = self.in_flight.remove(&correlation_id)?;
        if let Some(connection) = self.connections.get_mut(&request.node) {
            connection.in_flight = connection.in_flight.saturating_sub(1);
        }
        Some(request)
    }

    fn dispatch(
        &mut self,
        now: i64,
        node: i32,
        purpose: Purpose,
        body: Request,
        api_version: i16,
    ) -> i32 {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = self.next_correlation_id.wrapping_add(1).max(0);
        let deadline_ms = now.saturating_add(self.config.request_timeout_ms);
        self.in_flight.insert(correlation_id, InFlight { node, purpose, api_version, deadline_ms });
        if let Some(connection) = self.connections.get_mut(&node) {
            connection.in_flight += 1;
            self.outputs.push_back(NetOutput::Request(Outgoing {
                to: connection.endpoint.clone(),
                channel: Channel::node(node).within(self.client_number),
                frame: RequestFrame {
                    api_version,
                    correlation_id,
                    client_id: Some(self.config.client_id.clone()),
                    body,
                },
            }));
        }
        correlation_id
    }

    /// Takes what the network says. Responses nobody waits for are ignored.
    pub(crate) fn handle(&mut self, now: i64, event: NetEvent) {
        match event {
            NetEvent::Response { channel, frame, .. } => self.response(now, channel.node, frame),
            NetEvent::Disconnected { channel, .. } => self.disconnected(now, channel.node, false),
            NetEvent::ConnectFailed { channel, .. } => self.disconnected(now, channel.node, true),
        }
    }

    fn response(&mut self, now: i64, node: i32, frame: ResponseFrame) {
        // A late response of a connection that was closed since has another node or no entry.
        if self.in_flight.get(&frame.correlation_id).is_none_or(|request| request.node != node) {
            return;
        }
        let Some(request) = self.forget(frame.correlation_id) else { return };
        match (request.purpose, frame.body) {
            (Purpose::ApiVersions, Response::ApiVersions(response)) => {
                self.api_versions(now, node, frame.correlation_id, &response);
            }
            (Purpose::Metadata, Response::Metadata(response)) => {
                self.metadata_in_flight = false;
                self.metadata_response(now, frame.correlation_id, &response);
            }
            (Purpose::Owner(token), body) => self.completions.push_back(Completion {
                token,
                node,
                correlation_id: frame.correlation_id,
                api_version: request.api_version,
                result: Ok(body),
            }),
            // A response of another API than asked for: the connection is not to be trusted.
            (Purpose::ApiVersions | Purpose::Metadata, _) => {
                self.metadata_in_flight &= request.purpose != Purpose::Metadata;
                if let Some(endpoint) = self.connections.get(&node).map(|c| c.endpoint.clone()) {
                    self.close(now, node, endpoint);
                }
            }
        }
    }

    /// Timeouts, and the metadata update if it is due.
    pub(crate) fn poll(&mut self, now: i64) {
        let late: Vec<i32> = self
            .in_flight
            .values()
            .filter(|request| request.deadline_ms <= now)
            .map(|request| request.node)
            .collect();
        for node in late {
            let Some(connection) = self.connections.get(&node) else { continue };
            if matches!(connection.state, State::Disconnected { .. }) {
                continue;
            }
            let to = connection.endpoint.clone();
            self.log(
                Level::Info,
                LOGGER,
                format!("Disconnecting from node {node} due to request timeout."),
            );
            let channel = Channel::node(node).within(self.client_number);
            self.outputs.push_back(NetOutput::Disconnect { to, channel });
            self.drop_connection(now, node, SendFailure::TimedOut);
        }
        let due = self.metadata.next_update_at().is_some_and(|at| at <= now);
        if due && !self.metadata_in_flight {
            self.update_metadata(now);
        }
    }

    /// What to do, in order.
    pub(crate) fn take_output(&mut self) -> Option<NetOutput> {
        self.outputs.pop_front()
    }

    /// Requests that ended, in order.
    pub(crate) fn take_completion(&mut self) -> Option<Completion> {
        self.completions.pop_front()
    }

    /// When [`NetworkClient::poll`] has something to do by itself.
    pub(crate) fn next_wakeup(&self, now: i64) -> Option<i64> {
        let timeouts = self.in_flight.values().map(|request| request.deadline_ms);
        let reconnects =
            self.connections.values().filter_map(|connection| match connection.state {
                State::Disconnected { retry_at_ms } if connection.wanted && retry_at_ms > now => {
                    Some(retry_at_ms)
                }
                State::Disconnected { .. } | State::CheckingApiVersions | State::Ready => None,
            });
        // An update that is due waits for a connection (an event, or the reconnects above).
        let metadata =
            self.metadata.next_update_at().filter(|at| !self.metadata_in_flight && *at > now);
        timeouts.chain(reconnects).chain(metadata).min()
    }

    /// A jittered wait before the retry after `attempts` failed ones.
    pub(crate) fn retry_backoff(&mut self, attempts: u32) -> i64 {
        backoff_ms(
            self.config.retry_backoff_ms,
            self.config.retry_backoff_max_ms,
            attempts,
            &mut self.random,
        )
    }

    fn warn(&mut self, text: String) {
        self.log(Level::Warn, LOGGER, text);
    }

    /// Logs a line with the client's prefix.
    pub(crate) fn log(&mut self, level: Level, logger: &'static str, text: String) {
        let text = format!("{}{text}", self.log_prefix);
        self.outputs.push_back(NetOutput::Log(LogLine { level, logger, text, thrown: None }));
    }

    /// Logs a line with an exception.
    pub(crate) fn log_thrown(
        &mut self,
        level: Level,
        logger: &'static str,
        text: String,
        error: &KafkaError,
    ) {
        let text = format!("{}{text}", self.log_prefix);
        let thrown = Some(error.to_string());
        self.outputs.push_back(NetOutput::Log(LogLine { level, logger, text, thrown }));
    }
}
