//! Connections to brokers: opening, ApiVersions, which one to use, closing and backoff
//! (`ClusterConnectionStates`, `ApiVersions`, `NetworkClient.leastLoadedNode`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, ServedApi};
use rand_pcg::rand_core::Rng;

use super::{Completion, NetOutput, NetworkClient, Node, Purpose, SendFailure};
use crate::backoff::backoff_ms;
use crate::net::{Channel, Endpoint};

/// `client.software.name` of ApiVersions (KIP-511).
const SOFTWARE_NAME: &str = "apache-kafka-java";
const SOFTWARE_VERSION: &str = "4.4.0";

#[derive(Clone, Debug)]
pub(super) enum State {
    Disconnected { retry_at_ms: i64 },
    CheckingApiVersions,
    Ready,
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) endpoint: Endpoint,
    pub(super) state: State,
    /// Highest version that both sides know, by API key.
    pub(super) versions: SortedMap<i16, i16>,
    pub(super) in_flight: usize,
    pub(super) failed_attempts: u32,
    /// Somebody waits for the end of the reconnect backoff.
    pub(super) wanted: bool,
}

impl NetworkClient {
    /// The broker of this id.
    pub(crate) fn broker(&self, id: i32) -> Option<Node> {
        self.metadata.brokers.get(&id).map(|endpoint| Node { id, endpoint: endpoint.clone() })
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
                versions: SortedMap::new(),
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

    pub(super) fn api_versions(
        &mut self,
        now: i64,
        node: i32,
        correlation_id: i32,
        response: &ApiVersionsResponse,
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
        // `ApiVersions.update`: the newest of what the brokers say.
        let epoch = response.finalized_features_epoch;
        if epoch > self.transaction_version.0 {
            let level = response
                .finalized_features
                .iter()
                .find(|feature| feature.name.as_str() == "transaction.version")
                .map_or(0, |feature| feature.max_version_level);
            self.transaction_version = (epoch, level);
        }
    }

    /// The finalized level of `transaction.version`, 0 where no broker said one.
    pub(crate) fn transaction_version(&self) -> i16 {
        self.transaction_version.1
    }

    /// Whether the last attempt to connect failed.
    pub(crate) fn has_failed(&self, node: i32) -> bool {
        self.connections.get(&node).is_some_and(|connection| {
            matches!(connection.state, State::Disconnected { .. }) && connection.failed_attempts > 0
        })
    }

    /// The version in which a request of this API goes to a connected node.
    pub(crate) fn version(&self, node: i32, api: ApiKey) -> Option<i16> {
        self.connections.get(&node)?.versions.get(&(api as i16)).copied()
    }

    pub(super) fn disconnected(&mut self, now: i64, node: i32, failed_to_connect: bool) {
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
        if node < 0 && self.metadata.brokers.is_empty() && self.tells_of_bootstrap {
            self.warn(format!(
                "Bootstrap broker {endpoint} (id: {node} rack: null isFenced: false) disconnected"
            ));
        }
        self.drop_connection(now, node, SendFailure::Disconnected);
    }

    /// Closes a connection; its requests end as disconnected.
    pub(super) fn close(&mut self, now: i64, node: i32, endpoint: Endpoint) {
        let channel = Channel::node(node).within(self.client_number);
        self.outputs.push_back(NetOutput::Disconnect { to: endpoint, channel });
        self.drop_connection(now, node, SendFailure::Disconnected);
    }

    pub(super) fn drop_connection(&mut self, now: i64, node: i32, why: SendFailure) {
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
}
