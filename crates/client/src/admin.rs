//! The admin client: one request, one answer, with metadata and retries (`KafkaAdminClient`).
//!
//! ```text
//!   call --> node (any | controller | coordinator | leader | id) --> request --> response
//!              ^                                                        |
//!              +--- retriable error, disconnect: backoff, again --------+--> Completed
//! ```

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use kafka_protocol::messages::FindCoordinatorRequest;
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};

use crate::config::{CommonConfig, Properties, Reader};
use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::metadata::Metadata;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
use crate::network_client::{Completion, NetOutput, NetworkClient, Node, SendFailure};
use crate::response_errors::{first_retriable_error, read_coordinator};
use crate::topic_partition::TopicPartition;

/// Configuration of an [`Admin`], `AdminClientConfig` of Kafka 4.4. Times in ms.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminConfig {
    /// What every client has.
    pub common: CommonConfig,
    /// `default.api.timeout.ms`.
    pub default_api_timeout_ms: i64,
    /// `retries`.
    pub retries: i32,
}

impl AdminConfig {
    /// From properties by Kafka's names. Unknown names are ignored.
    pub fn from_properties(properties: &Properties) -> Result<Self, KafkaError> {
        let reader = Reader::new(properties);
        let common = CommonConfig::read(reader, "adminclient-1")?;
        let timeout = i64::from(reader.int("default.api.timeout.ms", 60_000, 0)?);
        let retries = reader.int("retries", i32::MAX, 0)?;
        // `configureDefaultApiTimeoutMs`.
        let default_api_timeout_ms = if timeout >= common.request_timeout_ms {
            timeout
        } else if reader.is_set("default.api.timeout.ms") {
            return Err(KafkaError::config(format!(
                "The specified value of default.api.timeout.ms must be no smaller than the value of request.timeout.ms. ({timeout} < {})",
                common.request_timeout_ms
            )));
        } else {
            common.request_timeout_ms
        };
        Ok(Self { common, default_api_timeout_ms, retries })
    }
}

/// The handle of one [`Admin::call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Which broker answers a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any broker.
    Any,
    /// The controller, or the broker that forwards to it.
    Controller,
    /// The coordinator of this group.
    Coordinator(String),
    /// The coordinator of this transactional id.
    TransactionCoordinator(String),
    /// The leader of this partition.
    Leader(TopicPartition),
    /// This broker.
    Node(i32),
}

/// What an admin client asks for or reports.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never stored in bulk")]
#[derive(Clone, Debug)]
pub enum AdminOutput {
    /// Send this.
    Request(Outgoing),
    /// Close this connection.
    Disconnect {
        /// The broker's address.
        to: Endpoint,
        /// The connection.
        channel: Channel,
    },
    /// A call ended. Errors that do not pass by waiting stand in the response's items: they are the
    /// caller's to read.
    Completed {
        /// Which.
        id: CallId,
        /// The response, or why there is none.
        result: Box<Result<Response, KafkaError>>,
    },
    /// A line of the log.
    Log(LogLine),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for metadata, a coordinator, a connection or the end of a backoff.
    Pending,
    FindingCoordinator,
    InFlight,
}

#[derive(Clone, Debug)]
struct Call {
    name: String,
    request: Request,
    target: Target,
    deadline_ms: i64,
    next_try_ms: i64,
    tries: u32,
    stage: Stage,
    end_on_disconnect: bool,
    /// The error of the last try: what a timeout has as its cause.
    last_error: Option<KafkaError>,
}

/// Kafka's admin client as a state machine.
#[derive(Clone, Debug)]
pub struct Admin {
    config: AdminConfig,
    client: NetworkClient,
    calls: SortedMap<CallId, Call>,
    /// By type (group 0, transaction 1) and key.
    coordinators: SortedMap<(i8, String), Node>,
    next_call: u64,
    outputs: VecDeque<AdminOutput>,
    last_poll_ms: i64,
}

/// As many requests to one node as it likes (`KafkaAdminClient` sends one call a node at a time).
const MAX_IN_FLIGHT: usize = 1;

/// `CoordinatorType` and key, where a call goes to a coordinator.
fn coordinator_of(target: &Target) -> Option<(i8, String)> {
    match target {
        Target::Coordinator(group) => Some((0, group.clone())),
        Target::TransactionCoordinator(id) => Some((1, id.clone())),
        Target::Any | Target::Controller | Target::Leader(_) | Target::Node(_) => None,
    }
}

impl Admin {
    /// An admin client; `seed` feeds its backoff jitter.
    pub fn new(config: AdminConfig, seed: u64) -> Self {
        let log_prefix = format!("[AdminClient clientId={}] ", config.common.client_id);
        let mut metadata = Metadata::new(config.common.metadata_max_age_ms, false);
        metadata.request_update(true);
        let mut client =
            NetworkClient::new(config.common.clone(), metadata, log_prefix, MAX_IN_FLIGHT, seed);
        client.tells_of_bootstrap = false;
        Self {
            client,
            calls: SortedMap::new(),
            coordinators: SortedMap::new(),
            next_call: 0,
            outputs: VecDeque::new(),
            last_poll_ms: i64::MIN,
            config,
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &AdminConfig {
        &self.config
    }

    /// Gives this client a number of its own where a process runs several: it is in the
    /// [`Channel`]s of all its requests. Call before the first poll.
    pub fn set_client_number(&mut self, number: u16) {
        self.client.client_number = number;
    }

    /// The brokers known so far, by id.
    pub fn brokers(&self) -> &SortedMap<i32, Endpoint> {
        &self.client.metadata.brokers
    }

    /// The cluster's id, once known.
    pub fn cluster_id(&self) -> Option<&str> {
        self.client.metadata.cluster_id.as_deref()
    }

    /// Starts a call, named in errors after its API as Java names it (`createTopics`); it ends in an
    /// [`AdminOutput::Completed`], at the latest after `default.api.timeout.ms`.
    pub fn call(&mut self, now: i64, request: Request, target: Target) -> CallId {
        let name = call_name(&request);
        let timeout_ms = self.config.default_api_timeout_ms;
        self.call_named(now, name, request, target, timeout_ms)
    }

    /// The same with a name (`listTopics`) and a timeout of its own.
    pub fn call_named(
        &mut self,
        now: i64,
        name: impl Into<String>,
        request: Request,
        target: Target,
        timeout_ms: i64,
    ) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(
            id,
            Call {
                name: name.into(),
                request,
                target,
                deadline_ms: now.saturating_add(timeout_ms),
                next_try_ms: now,
                tries: 0,
                stage: Stage::Pending,
                end_on_disconnect: false,
                last_error: None,
            },
        );
        id
    }

    /// A broken connection ends this call with a `DisconnectException`: whoever made it looks for
    /// another broker (`AdminApiDriver.onFailure`).
    pub fn end_on_disconnect(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.end_on_disconnect = true;
        }
    }

    /// No call is under way.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        self.client.handle(now, event);
    }

    /// What to do now. Call after every other call and at [`Admin::next_wakeup`], until it gives nothing.
    pub fn poll(&mut self, now: i64) -> Vec<AdminOutput> {
        self.last_poll_ms = now;
        self.client.poll(now);
        while let Some(completion) = self.client.take_completion() {
            self.completion(now, completion);
        }
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            self.advance(now, id);
        }
        self.client.poll(now);
        while let Some(output) = self.client.take_output() {
            self.outputs.push_back(match output {
                NetOutput::Request(outgoing) => AdminOutput::Request(outgoing),
                NetOutput::Disconnect { to, channel } => AdminOutput::Disconnect { to, channel },
                NetOutput::Log(line) => AdminOutput::Log(line),
            });
        }
        self.outputs.drain(..).collect()
    }

    /// When to poll again if nothing happens before, ms. `None` while no call is under way.
    pub fn next_wakeup(&self) -> Option<i64> {
        if self.calls.is_empty() {
            return None;
        }
        let calls = self.calls.values().flat_map(|call| {
            let retry = (call.stage == Stage::Pending).then_some(call.next_try_ms);
            [Some(call.deadline_ms), retry.filter(|at| *at > self.last_poll_ms)]
        });
        calls.flatten().chain(self.client.next_wakeup(self.last_poll_ms)).min()
    }

    fn advance(&mut self, now: i64, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        if now >= call.deadline_ms {
            let known = match &call.target {
                Target::Node(node) => self.client.broker(*node).is_some(),
                Target::Any
                | Target::Controller
                | Target::Leader(_)
                | Target::Coordinator(_)
                | Target::TransactionCoordinator(_) => !self.client.metadata.brokers.is_empty(),
            };
            let error = timed_out(call, now, known);
            self.complete(id, Err(error));
            return;
        }
        if call.stage != Stage::Pending || now < call.next_try_ms {
            return;
        }
        let target = call.target.clone();
        let node = match self.node(now, id, &target) {
            Some(node) => node,
            None => return,
        };
        if !self.client.ready(now, &node) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        let sent = self.client.send(now, node.id, id.0 * 2, call.request.clone());
        if sent.is_some() {
            call.stage = Stage::InFlight;
        } else {
            let name = call.request.name();
            let error = KafkaError::with_message(
                ErrorCode::UnsupportedVersion,
                format!("The node does not support {}", name.to_uppercase()),
            );
            self.complete(id, Err(error));
        }
    }

    /// The node for a call; asks for what is missing to know it.
    fn node(&mut self, now: i64, id: CallId, target: &Target) -> Option<Node> {
        if self.client.metadata.brokers.is_empty() {
            self.client.metadata.request_update(false);
            return None;
        }
        match target {
            Target::Any => self.client.least_loaded_node(now),
            Target::Controller => {
                let node = self
                    .client
                    .metadata
                    .controller
                    .and_then(|controller| self.client.broker(controller));
                if node.is_none() {
                    self.client.metadata.request_update(false);
                }
                node
            }
            Target::Node(node) => {
                let known = self.client.broker(*node);
                if known.is_none() {
                    self.client.metadata.request_update(false);
                }
                known
            }
            Target::Leader(partition) => {
                self.client.metadata.add_topic(&partition.topic);
                let node = self
                    .client
                    .metadata
                    .leader(partition)
                    .and_then(|leader| self.client.broker(leader));
                if node.is_none() {
                    self.client.metadata.request_update(false);
                }
                node
            }
            Target::Coordinator(_) | Target::TransactionCoordinator(_) => {
                let wanted = coordinator_of(target)?;
                if let Some(node) = self.coordinators.get(&wanted) {
                    return Some(node.clone());
                }
                let (key_type, key) = wanted;
                let node = self.client.least_loaded_node(now)?;
                if !self.client.ready(now, &node) {
                    return None;
                }
                let key = StrBytes::from_string(key);
                let request = FindCoordinatorRequest::default().with_key_type(key_type);
                let version =
                    self.client.version(node.id, kafka_protocol::messages::ApiKey::FindCoordinator);
                // Version 4 asks for several keys at once (KIP-699).
                let request = if version.is_some_and(|version| version >= 4) {
                    request.with_coordinator_keys(vec![key])
                } else {
                    request.with_key(key)
                };
                let request = Request::FindCoordinator(request);
                if self.client.send(now, node.id, id.0 * 2 + 1, request).is_some()
                    && let Some(call) = self.calls.get_mut(&id)
                {
                    call.stage = Stage::FindingCoordinator;
                }
                None
            }
        }
    }

    fn completion(&mut self, now: i64, completion: Completion) {
        let id = CallId(completion.token / 2);
        let finding = completion.token % 2 == 1;
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.stage = Stage::Pending;
        let target = call.target.clone();
        match completion.result {
            Ok(Response::FindCoordinator(response)) if finding => {
                let Some(wanted) = coordinator_of(&target) else { return };
                match read_coordinator(&response, &wanted.1) {
                    Ok(node) => {
                        self.coordinators.insert(wanted, node);
                    }
                    Err(error) if error.retriable => self.retry(now, id, error),
                    Err(error) => self.complete(id, Err(error)),
                }
            }
            Ok(response) => match first_retriable_error(&response) {
                Some(code) => {
                    match &target {
                        Target::Coordinator(_) | Target::TransactionCoordinator(_) => {
                            if let Some(wanted) = coordinator_of(&target) {
                                self.coordinators.remove(&wanted);
                            }
                        }
                        Target::Any | Target::Controller | Target::Leader(_) | Target::Node(_) => {
                            self.client.metadata.request_update(false);
                        }
                    }
                    self.retry(now, id, KafkaError::of(code));
                }
                None => self.complete(id, Ok(response)),
            },
            Err(failure) => {
                if let Some(wanted) = coordinator_of(&target) {
                    self.coordinators.remove(&wanted);
                }
                let message = match failure {
                    SendFailure::Disconnected => format!(
                        "Cancelled {} request with correlation id {} due to node {} being disconnected",
                        call_api(&self.calls, id),
                        completion.correlation_id,
                        completion.node
                    ),
                    SendFailure::TimedOut => format!(
                        "Cancelled {} request with correlation id {} due to node {} being disconnected due to timeout",
                        call_api(&self.calls, id),
                        completion.correlation_id,
                        completion.node
                    ),
                };
                let error = KafkaError {
                    code: None,
                    class: "org.apache.kafka.common.errors.DisconnectException".into(),
                    message,
                    retriable: true,
                    cause: None,
                };
                if self.calls.get(&id).is_some_and(|call| call.end_on_disconnect) {
                    self.client.metadata.request_update(false);
                    self.complete(id, Err(error));
                } else {
                    self.retry(now, id, error);
                }
            }
        }
    }

    fn retry(&mut self, now: i64, id: CallId, error: KafkaError) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let wait = self.client.retry_backoff(call.tries);
        call.tries = call.tries.saturating_add(1);
        call.next_try_ms = now.saturating_add(wait);
        if i64::from(call.tries) > i64::from(self.config.retries) {
            self.complete(id, Err(error));
        } else {
            call.last_error = Some(error);
        }
    }

    fn complete(&mut self, id: CallId, result: Result<Response, KafkaError>) {
        if self.calls.remove(&id).is_some() {
            self.outputs.push_back(AdminOutput::Completed { id, result: Box::new(result) });
        }
    }
}

fn call_api(calls: &SortedMap<CallId, Call>, id: CallId) -> &'static str {
    calls.get(&id).map_or("", |call| call.request.name())
}

/// Java's name of a call, which is in its timeout: `createTopics`.
#[must_use]
pub fn call_name(request: &Request) -> String {
    match request {
        Request::Metadata(_) => "listTopics".to_owned(),
        Request::DescribeGroups(_) => "describeConsumerGroups(api=DESCRIBE_GROUPS)".to_owned(),
        Request::OffsetFetch(_) => "offsetFetch(api=OFFSET_FETCH)".to_owned(),
        Request::DeleteGroups(_) => "deleteConsumerGroups(api=DELETE_GROUPS)".to_owned(),
        Request::DescribeCluster(_) => "listNodes".to_owned(),
        other => {
            let mut name = other.name().to_owned();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            name
        }
    }
}

/// `TimeoutProcessor.handleTimeouts`, and `Call.handleTimeoutFailure` of one that was sent.
fn timed_out(call: &Call, now: i64, knows_node: bool) -> KafkaError {
    // Of a call in two steps it is the first that waits here.
    let name = match (&call.target, call.name.split_once("(api=")) {
        (Target::Coordinator(_), Some((name, _))) => format!("{name}(api=FIND_COORDINATOR)"),
        _ => call.name.clone(),
    };
    KafkaError::timeout(match call.stage {
        Stage::Pending | Stage::FindingCoordinator if knows_node => {
            format!("Timed out waiting to send the call. Call: {name}")
        }
        Stage::Pending | Stage::FindingCoordinator => {
            format!("Timed out waiting for a node assignment. Call: {name}")
        }
        Stage::InFlight => {
            let tries = call.tries + 1;
            format!(
                "Call(callName={}, deadlineMs={}, tries={tries}, nextAllowedTryMs={}) timed out at {now} after {tries} attempt(s)",
                call.name, call.deadline_ms, call.next_try_ms,
            )
        }
    })
}
