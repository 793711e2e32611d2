//! The consumer: `KafkaConsumer`, with the classic group protocol and with that of KIP-848.
//!
//! ```text
//!   subscribe --> coordinator (join, sync, heartbeat) --+
//!             or membership (heartbeats that assign)  --+
//!   assign -----------------------------------------> subscription_state
//!                                                       |
//!          offset_fetcher (committed, reset) <----------+--> fetcher --> fetch_records
//! ```

mod close;
mod commit;
pub mod config;
mod consumer_record;
mod coordinator;
mod fetcher;
mod membership;
mod offset_fetcher;
mod output;
mod seek;
mod subscribe;
mod subscription_state;

use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use logbrook_broker::wire::Response;
use logbrook_record::Offset;

use crate::error::KafkaError;
use crate::metadata::Metadata;
use crate::net::NetEvent;
use crate::network_client::{NetOutput, NetworkClient};
use crate::process::ProcessView;
use crate::producer::ConsumerGroupMetadata;
use crate::topic_partition::TopicPartition;
use close::Closing;
use commit::{Commit, CommitKind};
pub use config::{AutoOffsetReset, ConsumerConfig, GroupProtocol, IsolationLevel};
pub use consumer_record::ConsumerRecord;
use coordinator::{Coordinator, Generation};
use fetcher::Fetcher;
use membership::Membership;
pub use offset_fetcher::OffsetSpec;
use offset_fetcher::{LookupFor, Query};
pub use output::{CommitId, ConsumerOutput, QueryId};
pub use subscribe::Subscription;
use subscription_state::{SubscriptionState, SubscriptionType};

/// What a request in flight was for.
#[derive(Clone, Debug)]
enum Pending {
    FindCoordinator,
    Join,
    Sync,
    Heartbeat { generation: Generation },
    Leave,
    ConsumerHeartbeat { is_leaving: bool },
    Commit { kind: CommitKind, started_ms: i64 },
    OffsetFetch { partitions: Vec<TopicPartition>, why: LookupFor },
    ListOffsets { partitions: Vec<TopicPartition>, why: LookupFor },
    Fetch { node: i32, positions: SortedMap<TopicPartition, Offset> },
    CloseFetchSession { node: i32 },
}

/// Requests in flight to one node; consumers are not limited (`ConsumerNetworkClient`: 100).
const MAX_IN_FLIGHT: usize = 100;

/// Kafka's consumer as a state machine.
///
/// [`Consumer::fetch_records`] is `KafkaConsumer.poll`: when it returns nothing the application is
/// inside that poll, and joining, rebalances and automatic commits happen, until
/// [`ConsumerOutput::RecordsReady`] and the next call. When it returned records, the application is
/// busy with them until it calls again: only heartbeats and prefetching go on, and after
/// `max.poll.interval.ms` the member leaves its group, as in Java.
///
/// [`ConsumerOutput::Revoked`] and [`ConsumerOutput::Lost`] are callbacks: what the application does
/// before its next call to [`Consumer::poll`] (a `commit(sync)`, say) happens before the rebalance
/// goes on.
#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
    client: NetworkClient,
    subscriptions: SubscriptionState,
    coordinator: Coordinator,
    /// With `group.protocol=consumer`; else it stays out of every group.
    membership: Membership,
    fetcher: Fetcher,
    commits: Vec<Commit>,
    queries: SortedMap<QueryId, Query>,
    /// Topics asked about besides the subscription.
    watched_topics: SortedSet<String>,
    pending: SortedMap<u64, Pending>,
    next_token: u64,
    next_commit: u64,
    next_query: u64,
    /// The application is inside `KafkaConsumer.poll`.
    in_poll: bool,
    ready_told: bool,
    /// A callback is with the application: the rebalance goes on with the next poll.
    fence: bool,
    closing: Closing,
    seen_metadata_version: u64,
    outputs: VecDeque<ConsumerOutput>,
    last_poll_ms: i64,
}

impl Consumer {
    /// A consumer; `seed` feeds its backoff jitter.
    pub fn new(config: ConsumerConfig, seed: u64) -> Self {
        let id = &config.common.client_id;
        let log_prefix = match (&config.group_instance_id, &config.group_id) {
            (Some(instance), Some(group)) => {
                format!("[Consumer instanceId={instance}, clientId={id}, groupId={group}] ")
            }
            (None, Some(group)) => format!("[Consumer clientId={id}, groupId={group}] "),
            (Some(_) | None, None) => format!("[Consumer clientId={id}, groupId=null] "),
        };
        let metadata =
            Metadata::new(config.common.metadata_max_age_ms, config.allow_auto_create_topics);
        Self {
            client: NetworkClient::new(
                config.common.clone(),
                metadata,
                log_prefix,
                MAX_IN_FLIGHT,
                seed,
            ),
            subscriptions: SubscriptionState::new(config.auto_offset_reset),
            coordinator: Coordinator::new(),
            membership: Membership::new(seed),
            fetcher: Fetcher::default(),
            commits: Vec::new(),
            queries: SortedMap::new(),
            watched_topics: SortedSet::new(),
            pending: SortedMap::new(),
            next_token: 0,
            next_commit: 0,
            next_query: 0,
            in_poll: false,
            ready_told: false,
            fence: false,
            closing: Closing::No,
            seen_metadata_version: 0,
            outputs: VecDeque::new(),
            last_poll_ms: i64::MIN,
            config,
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    /// Gives this client a number of its own where a process runs several: it is in the
    /// [`Channel`]s of all its requests. Call before the first poll.
    pub fn set_client_number(&mut self, number: u16) {
        self.client.client_number = number;
    }

    /// The member id that the coordinator gave, empty before.
    pub fn member_id(&self) -> &str {
        &self.coordinator.generation.member_id
    }

    /// `groupMetadata`: who commits, for offsets in a producer's transaction.
    pub fn group_metadata(&self) -> ConsumerGroupMetadata {
        ConsumerGroupMetadata {
            group_id: self.config.group_id.clone().unwrap_or_default(),
            generation_id: self.coordinator.group_metadata.id,
            member_id: self.coordinator.group_metadata.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
        }
    }

    /// What a stage shows of it.
    pub fn view(&self) -> ProcessView {
        ProcessView {
            group: self.config.group_id.clone(),
            member_id: self.member_id().to_owned(),
            positions: self
                .assignment()
                .into_iter()
                .map(|partition| {
                    let position = self.position(&partition);
                    (partition.topic, partition.partition, position)
                })
                .collect(),
        }
    }

    /// How many partitions a topic has, once metadata say so.
    pub fn partition_count(&self, topic: &str) -> Option<usize> {
        self.client.metadata.partition_count(topic)
    }

    /// Asks for the metadata of a topic besides the subscription (`partitionsFor`).
    pub fn watch_topic(&mut self, topic: &str) {
        if self.watched_topics.insert(topic.to_owned()) {
            self.update_interest();
        }
    }

    /// `KafkaConsumer.poll`: at most `max` records (and at most `max.poll.records`) of what has arrived.
    pub fn fetch_records(&mut self, now: i64, max: usize) -> Vec<ConsumerRecord> {
        if self.closing != Closing::No {
            return Vec::new();
        }
        if matches!(self.subscriptions.kind, SubscriptionType::None) {
            self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                "Consumer is not subscribed to any topics or assigned any partitions",
            ));
            return Vec::new();
        }
        self.in_poll = true;
        self.ready_told = false;
        self.foreground(now);
        let records = self.collect_fetch(max.min(self.config.max_poll_records));
        if self.in_poll {
            // What comes next is asked for before the application works on this.
            self.send_fetches(now);
        }
        if !records.is_empty() {
            self.in_poll = false;
        }
        records
    }

    /// `KafkaConsumer.poll` returned without records (its timeout passed): the application is outside
    /// until it calls [`Consumer::fetch_records`] again.
    pub fn leave_poll(&mut self) {
        self.in_poll = false;
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        self.client.handle(now, event);
    }

    /// What to do now. Call after every other call and at [`Consumer::next_wakeup`], until it gives nothing.
    pub fn poll(&mut self, now: i64) -> Vec<ConsumerOutput> {
        self.last_poll_ms = now;
        self.fence = false;
        if self.closing != Closing::Done {
            self.client.poll(now);
            while let Some(completion) = self.client.take_completion() {
                if let Some(pending) = self.pending.remove(&completion.token) {
                    self.completed(now, pending, completion.api_version, completion.result.ok());
                }
            }
            self.update_pattern_subscription();
            if self.closing == Closing::No {
                if self.uses_consumer_protocol() {
                    self.membership_tick(now, self.in_poll);
                } else {
                    self.heartbeat_tick(now, self.in_poll);
                }
                if self.in_poll {
                    self.foreground(now);
                }
            }
            self.run_commits(now);
            self.run_queries(now);
            self.advance_close(now);
            self.client.poll(now);
            if self.in_poll && !self.ready_told && self.has_available_fetches() {
                self.ready_told = true;
                self.outputs.push_back(ConsumerOutput::RecordsReady);
            }
        }
        while let Some(output) = self.client.take_output() {
            self.outputs.push_back(match output {
                NetOutput::Request(outgoing) => ConsumerOutput::Request(outgoing),
                NetOutput::Disconnect { to, channel } => ConsumerOutput::Disconnect { to, channel },
                NetOutput::Log(line) => ConsumerOutput::Log(line),
            });
        }
        self.outputs.drain(..).collect()
    }

    /// When to poll again if nothing happens before, ms.
    pub fn next_wakeup(&self) -> Option<i64> {
        if self.closing == Closing::Done {
            return None;
        }
        let last = self.last_poll_ms;
        let interval = i64::from(self.config.max_poll_interval_ms);
        let mut times: Vec<i64> = Vec::new();
        times.extend(self.client.next_wakeup(last));
        times.extend(self.commit_wakeup());
        times.extend(self.queries.values().flat_map(|q| [q.deadline_ms, q.next_try_ms]));
        if self.config.group_id.is_some() {
            times.extend(if self.uses_consumer_protocol() {
                let poll_deadline_ms = self.coordinator.last_poll_ms.saturating_add(interval);
                let mut times = self.membership.times(poll_deadline_ms);
                times.extend(self.coordinator.lookup_times());
                times
            } else {
                self.coordinator.times(interval)
            });
            if self.in_poll && self.config.enable_auto_commit {
                times.push(self.coordinator.next_auto_commit_ms);
            }
        }
        if self.in_poll {
            times.extend(self.subscriptions.assigned().map(|(_, state)| state.next_retry_ms));
        }
        match self.closing {
            Closing::Committing { deadline_ms }
            | Closing::Revoking { deadline_ms }
            | Closing::Leaving { deadline_ms }
            | Closing::FetchSessions { deadline_ms } => times.push(deadline_ms),
            Closing::No | Closing::Done => {}
        }
        if self.fence {
            times.push(last.saturating_add(1));
        }
        times.into_iter().filter(|at| *at > last && *at != i64::MAX).min()
    }

    fn pending(&mut self, what: Pending) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.pending.insert(token, what);
        token
    }

    fn raise(&mut self, error: KafkaError) {
        // `KafkaConsumer.poll` throws: the application is outside it.
        self.in_poll = false;
        self.outputs.push_back(ConsumerOutput::Error(error));
    }

    fn completed(&mut self, now: i64, pending: Pending, version: i16, result: Option<Response>) {
        match pending {
            Pending::FindCoordinator => self.find_coordinator_response(now, result),
            Pending::Join => self.join_response(now, result),
            Pending::Sync => self.sync_response(now, result),
            Pending::Heartbeat { generation } => self.heartbeat_response(now, &generation, result),
            Pending::Leave => self.leave_response(),
            Pending::ConsumerHeartbeat { is_leaving } => {
                self.consumer_heartbeat_response(now, is_leaving, result);
            }
            Pending::Commit { kind, started_ms } => {
                self.commit_response(now, kind, started_ms, result);
            }
            Pending::OffsetFetch { partitions, why } => {
                self.offset_fetch_response(now, partitions, why, result);
            }
            Pending::ListOffsets { partitions, why } => {
                self.list_offsets_response(now, partitions, why, result);
            }
            Pending::Fetch { node, positions } => {
                self.fetcher.pending_nodes.remove(&node);
                self.fetch_response(now, node, &positions, version, result);
            }
            Pending::CloseFetchSession { node } => self.fetch_session_closed(node),
        }
    }

    /// What `KafkaConsumer.poll` does besides waiting.
    fn foreground(&mut self, now: i64) {
        if self.fence {
            return;
        }
        if self.uses_consumer_protocol() {
            self.membership_poll(now);
        } else {
            self.coordinator_poll(now);
        }
        if self.fence || !self.in_poll {
            return;
        }
        self.update_fetch_positions(now);
        // `pollForFetches` returns what has arrived before it sends: a fetch sent now would leave out
        // the partitions whose records wait here, and their next ones would wait out its max.wait.
        if self.in_poll && !self.has_available_fetches() {
            self.send_fetches(now);
        }
    }
}
