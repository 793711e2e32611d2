//! Connections, requests in flight, timeouts and metadata updates: `NetworkClient` without sockets.
//!
//! ```text
//!   ready(node) --> ApiVersions --> connected --> send(node, request) --> completions
//!   poll(now)   --> metadata update when due, on the least loaded node; request timeouts
//! ```
//!
//! Not modelled: throttling, idle connections closing, telemetry, and a new bootstrap while brokers are
//! known (KIP-899): the known brokers are tried for ever.

use std::collections::{BTreeMap, VecDeque};

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, RequestFrame, Response, ResponseFrame, ServedApi};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::backoff::{backoff_ms, generator};
use crate::config::CommonConfig;
use crate::log_line::{Level, LogLine};
use crate::metadata::Metadata;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};

const LOGGER: &str = "org.apache.kafka.clients.NetworkClient";
/// `client.software.name` of ApiVersions (KIP-511).
const SOFTWARE_NAME: &str = "apache-kafka-java";
const SOFTWARE_VERSION: &str = "4.4.0";

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

#[derive(Clone, Debug)]
enum State {
    Disconnected { retry_at_ms: i64 },
    CheckingApiVersions,
    Ready,
}

#[derive(Clone, Debug)]
struct Connection {
    endpoint: Endpoint,
    state: State,
    /// Highest version that both sides know, by API key.
    versions: BTreeMap<i16, i16>,
    in_flight: usize,
    failed_attempts: u32,
    /// Somebody waits for the end of the reconnect backoff.
    wanted: bool,
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
    pub(crate) client_number: u16,
    config: CommonConfig,
    connections: BTreeMap<i32, Connection>,
    in_flight: BTreeMap<i32, InFlight>,
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
            config,
            connections: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_correlation_id: 0,
            max_in_flight,
            metadata_in_flight: false,
            random: generator(seed, 1),
            outputs: VecDeque::new(),
            completions: VecDeque::new(),
        }
    }

    /// The broker of this id.
    pub(crate) fn broker(&self, id: i32) -> Option<Node> {
        self.metadata.brokers.get(&id).map(|endpoint| Node { id, endpoint: endpoint.clone() })
    }

    /// Whether a request can go to the node now; if not, connects where the backoff allows.
    pub(crate) fn ready(&mut self, now: i64, node: &Node) -> bool {
        if let Some(connection) = self.connections.get_mut(&node.id) {
            match &connection.state {
                State::Ready if connection.endpoint == node.endpoint => {
                    return connection.in_flight < self.max_in_flight;
                }
                State::CheckingApiVersions if connection.endpoint == node.endpoint => return false,
                State::Disconnected { retry_at_ms } if now < *retry_at_ms => {
                    connection.wanted = true;
                    return false;
                }
                State::Disconnected { .. } => {}
                // The broker moved to another address.
                State::Ready | State::CheckingApiVersions => {
                    let endpoint = connection.endpoint.clone();
                    self.close(now, node.id, endpoint);
                }
            }
        }
        self.connect(now, node);
        false
    }

    fn connect(&mut self, now: i64, node: &Node) {
        let failed_attempts = self.connections.get(&node.id).map_or(0, |c| c.failed_attempts);
        self.connections.insert(
            node.id,
            Connection {
                endpoint: node.endpoint.clone(),
                state: State::CheckingApiVersions,
                versions: BTreeMap::new(),
                in_flight: 0,
                failed_attempts,
                wanted: false,
            },
        );
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(SOFTWARE_NAME))
            .with_client_software_version(StrBytes::from_static_str(SOFTWARE_VERSION));
        let body = Request::ApiVersions(request);
        let version = body.latest_version();
        self.dispatch(now, node.id, Purpose::ApiVersions, body, version);
    }

    /// The version in which a request of this API goes to a connected node.
    pub(crate) fn version(&self, node: i32, api: ApiKey) -> Option<i16> {
        self.connections.get(&node)?.versions.get(&(api as i16)).copied()
    }

    /// Sends a request to a node for which [`NetworkClient::ready`] said yes. Its end comes out of
    /// [`NetworkClient::take_completion`] with `token`. `None`: the node does not know the API.
    pub(crate) fn send(&mut self, now: i64, node: i32, token: u64, body: Request) -> Option<i32> {
        let version = self.version(node, body.api_key())?;
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

    fn api_versions(
        &mut self,
        now: i64,
        node: i32,
        correlation_id: i32,
        response: &kafka_protocol::messages::ApiVersionsResponse,
    ) {
        let error = ErrorCode::from_code(response.error_code).unwrap_or_default();
        let Some(connection) = self.connections.get_mut(&node) else { return };
        if error != ErrorCode::None {
            let supported = response
                .api_keys
                .iter()
                .find(|api| api.api_key == ApiKey::ApiVersions as i16)
                .map_or(0, |api| api.max_version);
            if error == ErrorCode::UnsupportedVersion {
                let request = ApiVersionsRequest::default();
                self.dispatch(
                    now,
                    node,
                    Purpose::ApiVersions,
                    Request::ApiVersions(request),
                    supported,
                );
                return;
            }
            let endpoint = connection.endpoint.clone();
            self.warn(format!(
                "Received error {} from node {node} when making an ApiVersionsRequest with correlation id {correlation_id}. Disconnecting.",
                error.name(),
            ));
            self.close(now, node, endpoint);
            return;
        }
        connection.versions = response
            .api_keys
            .iter()
            .filter_map(|range| {
                let ours = ServedApi::ALL.iter().find(|api| api.key as i16 == range.api_key)?;
                let version = ours.max_version.min(range.max_version);
                (version >= ours.min_version.max(range.min_version))
                    .then_some((range.api_key, version))
            })
            .collect();
        connection.state = State::Ready;
        connection.failed_attempts = 0;
    }

    fn metadata_response(
        &mut self,
        now: i64,
        correlation_id: i32,
        response: &kafka_protocol::messages::MetadataResponse,
    ) {
        if response.brokers.is_empty() {
            // A broker in its start-up phase: ask again later.
            self.metadata_failed(now);
            return;
        }
        let errors = self.metadata.update(now, response);
        if !errors.is_empty() {
            let listed: Vec<String> =
                errors.iter().map(|(topic, error)| format!("{topic}={}", error.name())).collect();
            self.warn(format!(
                "The metadata response from the cluster reported a recoverable issue with correlation id {correlation_id} : {{{}}}",
                listed.join(", ")
            ));
            for (fatal, text) in [
                (ErrorCode::InvalidTopicException, "Metadata response reported invalid topics "),
                (ErrorCode::TopicAuthorizationFailed, "Topic authorization failed for topics "),
            ] {
                let topics: Vec<&str> = errors
                    .iter()
                    .filter(|(_, error)| **error == fatal)
                    .map(|(topic, _)| topic.as_str())
                    .collect();
                if !topics.is_empty() {
                    self.log(
                        Level::Error,
                        "org.apache.kafka.clients.Metadata",
                        format!("{text}[{}]", topics.join(", ")),
                    );
                }
            }
        }
        self.metadata_backoff(now);
        if errors.is_empty() && !self.metadata.update_wanted() {
            self.metadata.attempts = 0;
        }
    }

    fn metadata_failed(&mut self, now: i64) {
        self.metadata.request_update(false);
        self.metadata_backoff(now);
    }

    /// At least `retry.backoff.ms` between two updates, growing while they do not bring what is wanted.
    fn metadata_backoff(&mut self, now: i64) {
        let wait = backoff_ms(
            self.config.retry_backoff_ms,
            self.config.retry_backoff_max_ms,
            self.metadata.attempts,
            &mut self.random,
        );
        self.metadata.attempts = self.metadata.attempts.saturating_add(1);
        self.metadata.not_before_ms = now.saturating_add(wait);
    }

    fn disconnected(&mut self, now: i64, node: i32, failed_to_connect: bool) {
        let Some(connection) = self.connections.get(&node) else { return };
        if matches!(connection.state, State::Disconnected { .. }) {
            return;
        }
        let endpoint = connection.endpoint.clone();
        if failed_to_connect {
            self.warn(format!(
                "Connection to node {node} ({}/127.0.0.1:{}) could not be established. Node may not be available.",
                endpoint.host, endpoint.port
            ));
        }
        if node < 0 && self.metadata.brokers.is_empty() {
            self.warn(format!(
                "Bootstrap broker {endpoint} (id: {node} rack: null isFenced: false) disconnected"
            ));
        }
        self.drop_connection(now, node, SendFailure::Disconnected);
    }

    /// Closes a connection; its requests end as disconnected.
    fn close(&mut self, now: i64, node: i32, endpoint: Endpoint) {
        let channel = Channel::node(node).within(self.client_number);
        self.outputs.push_back(NetOutput::Disconnect { to: endpoint, channel });
        self.drop_connection(now, node, SendFailure::Disconnected);
    }

    fn drop_connection(&mut self, now: i64, node: i32, why: SendFailure) {
        let Some(connection) = self.connections.get_mut(&node) else { return };
        let wait = backoff_ms(
            self.config.reconnect_backoff_ms,
            self.config.reconnect_backoff_max_ms,
            connection.failed_attempts,
            &mut self.random,
        );
        connection.failed_attempts = connection.failed_attempts.saturating_add(1);
        connection.state = State::Disconnected { retry_at_ms: now.saturating_add(wait) };
        connection.in_flight = 0;
        let lost: Vec<i32> = self
            .in_flight
            .iter()
            .filter(|(_, request)| request.node == node)
            .map(|(id, _)| *id)
            .collect();
        for correlation_id in lost {
            let Some(request) = self.in_flight.remove(&correlation_id) else { continue };
            match request.purpose {
                Purpose::ApiVersions => {}
                Purpose::Metadata => {
                    self.metadata_in_flight = false;
                    self.metadata_failed(now);
                }
                Purpose::Owner(token) => self.completions.push_back(Completion {
                    token,
                    node,
                    correlation_id,
                    api_version: request.api_version,
                    result: Err(why),
                }),
            }
        }
        // A node that went away: somebody else may know more.
        self.metadata.request_update(false);
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

    fn update_metadata(&mut self, now: i64) {
        let Some(node) = self.least_loaded_node(now) else { return };
        if self.ready(now, &node) {
            let body = Request::Metadata(self.metadata.request());
            if let Some(version) = self.version(node.id, ApiKey::Metadata) {
                self.metadata_in_flight = true;
                self.dispatch(now, node.id, Purpose::Metadata, body, version);
            }
        }
    }

    /// The brokers known, or the bootstrap servers before the first metadata.
    fn nodes(&self) -> Vec<Node> {
        if self.metadata.brokers.is_empty() {
            let bootstrap = self.config.bootstrap.iter().zip(1..);
            bootstrap.map(|(endpoint, n)| Node { id: -n, endpoint: endpoint.clone() }).collect()
        } else {
            let brokers = self.metadata.brokers.iter();
            brokers.map(|(id, endpoint)| Node { id: *id, endpoint: endpoint.clone() }).collect()
        }
    }

    /// `leastLoadedNode`: an idle connection, else the least busy, else one under way, else one to
    /// connect to; starting at a random place. `None` if all are waiting to reconnect.
    pub(crate) fn least_loaded_node(&mut self, now: i64) -> Option<Node> {
        let nodes = self.nodes();
        let start = if nodes.len() > 1 { self.random.next_u32() as usize % nodes.len() } else { 0 };
        let mut ready: Option<(usize, Node)> = None;
        let mut connecting = None;
        let mut connectable = None;
        for i in 0..nodes.len() {
            let Some(node) = nodes.get((start + i) % nodes.len()) else { continue };
            match self.connections.get_mut(&node.id) {
                Some(connection) => match connection.state {
                    State::Ready if connection.in_flight < self.max_in_flight => {
                        if ready.as_ref().is_none_or(|(least, _)| connection.in_flight < *least) {
                            ready = Some((connection.in_flight, node.clone()));
                        }
                    }
                    State::Ready => {}
                    State::CheckingApiVersions => connecting = Some(node.clone()),
                    State::Disconnected { retry_at_ms } if retry_at_ms <= now => {
                        connectable = Some(node.clone());
                    }
                    State::Disconnected { .. } => connection.wanted = true,
                },
                None => connectable = Some(node.clone()),
            }
        }
        ready.map(|(_, node)| node).or(connecting).or(connectable)
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
        self.outputs.push_back(NetOutput::Log(LogLine { level, logger, text }));
    }
}
