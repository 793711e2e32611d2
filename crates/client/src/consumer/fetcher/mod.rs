//! Fetch requests and what they bring (`AbstractFetch`, `FetchBuffer`).
//!
//! | concept | file |
//! |---|---|
//! | from the buffer to the application | `fetch_collector.rs` |
//! | one partition's bytes, opened batch by batch | `completed_fetch.rs` |
//! | what a broker remembers of the last fetch (KIP-227) | `fetch_session_handler.rs` |
//! | reading from the nearest replica (KIP-392) | `read_replica.rs` |
//!
//! Not modelled: the check for truncation by leader epoch (KIP-320).

mod completed_fetch;
mod fetch_collector;
mod fetch_session_handler;
mod read_replica;

use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::Offset;

use super::close::Closing;
use super::subscription_state::FetchState;
use super::{Consumer, Pending};
use crate::response_errors::code;
use crate::topic_partition::TopicPartition;
use completed_fetch::CompletedFetch;
use fetch_session_handler::{FetchSessionHandler, PartitionData};

/// The first Fetch version that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;

/// The fetcher's own state.
#[derive(Clone, Debug, Default)]
pub(in crate::consumer) struct Fetcher {
    buffer: VecDeque<CompletedFetch>,
    /// Nodes with a fetch under way.
    pub(in crate::consumer) pending_nodes: SortedSet<i32>,
    /// The fetch session with each node.
    sessions: SortedMap<i32, FetchSessionHandler>,
    /// Nodes that are being told to forget their session.
    closing_nodes: SortedSet<i32>,
}

impl Fetcher {
    fn is_buffered(&self, partition: &TopicPartition) -> bool {
        self.buffer.iter().any(|fetch| fetch.partition == *partition)
    }

    /// Drops what was fetched for partitions that are not assigned any more.
    pub(in crate::consumer) fn retain(&mut self, assigned: impl Fn(&TopicPartition) -> bool) {
        self.buffer.retain(|fetch| assigned(&fetch.partition));
    }
}

impl Consumer {
    /// `sendFetches`: one request to each leader that has none under way, for all its partitions.
    /// While records of a node wait in the buffer, nothing is asked of it: a fetch without those
    /// partitions would drop them from the session.
    pub(super) fn send_fetches(&mut self, now: i64) {
        self.check_read_replicas(now);
        let mut by_node: Vec<(i32, Vec<(TopicPartition, PartitionData)>)> = Vec::new();
        let mut buffered_nodes = SortedSet::new();
        let mut metadata_needed = false;
        for (partition, state) in self.subscriptions.assigned() {
            let FetchState::Fetching(position) = state.fetch_state else { continue };
            if state.paused || state.pending_revocation {
                continue;
            }
            let metadata = &self.client.metadata;
            let Some(leader) = metadata.leader(partition) else {
                metadata_needed |= !self.fetcher.is_buffered(partition);
                continue;
            };
            let preferred = state.preferred_read_replica.map(|preferred| preferred.node);
            let read_from = preferred.unwrap_or(leader);
            if self.fetcher.is_buffered(partition) {
                buffered_nodes.insert(read_from);
                continue;
            }
            let data = PartitionData {
                topic_id: metadata.topic_id(&partition.topic),
                fetch_offset: position.offset,
                max_bytes: self.config.max_partition_fetch_bytes,
                current_leader_epoch: metadata.leader_epoch(partition),
            };
            let entry = (partition.clone(), data);
            match by_node.iter_mut().find(|(node, _)| *node == read_from) {
                Some((_, partitions)) => partitions.push(entry),
                None => by_node.push((read_from, vec![entry])),
            }
        }
        if metadata_needed {
            self.client.metadata.request_update(false);
        }
        for (id, partitions) in by_node {
            if buffered_nodes.contains(&id) || self.fetcher.pending_nodes.contains(&id) {
                continue;
            }
            let Some(node) = self.client.broker(id) else { continue };
            if self.client.ready(now, &node) {
                self.send_fetch(now, id, partitions);
            }
        }
    }

    /// The next fetch of the session with a node; one for no partition where it was told to end.
    fn send_fetch(
        &mut self,
        now: i64,
        node: i32,
        partitions: Vec<(TopicPartition, PartitionData)>,
    ) {
        let by_id = self
            .client
            .version(node, ApiKey::Fetch)
            .is_some_and(|version| version >= FIRST_VERSION_WITH_TOPIC_IDS);
        let name = |topic: &str| TopicName(StrBytes::from_string(topic.to_owned()));
        let session = self.fetcher.sessions.entry(node).or_default();
        let data = session.build(partitions);
        let positions = session.positions();
        let mut topics: Vec<(&str, FetchTopic)> = Vec::new();
        for (partition, data) in &data.to_send {
            let entry = FetchPartition::default()
                .with_partition(partition.partition.0)
                .with_current_leader_epoch(data.current_leader_epoch)
                .with_fetch_offset(data.fetch_offset.0)
                .with_last_fetched_epoch(-1)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(data.max_bytes);
            // Partitions of a topic that stand together go together (`FetchRequest.Builder`).
            match topics.last_mut() {
                Some((name, topic)) if *name == partition.topic => topic.partitions.push(entry),
                Some(_) | None => {
                    let topic = FetchTopic::default().with_partitions(vec![entry]);
                    let topic = if by_id {
                        topic.with_topic_id(data.topic_id)
                    } else {
                        topic.with_topic(name(&partition.topic))
                    };
                    topics.push((&partition.topic, topic));
                }
            }
        }
        let mut forgotten: Vec<(&str, ForgottenTopic)> = Vec::new();
        let replaced = by_id.then_some(&data.to_replace);
        for (topic_id, partition) in data.to_forget.iter().chain(replaced.into_iter().flatten()) {
            let index = partition.partition.0;
            match forgotten.iter_mut().find(|(topic, _)| *topic == partition.topic) {
                Some((_, topic)) => topic.partitions.push(index),
                None => {
                    let topic = ForgottenTopic::default().with_partitions(vec![index]);
                    let topic = if by_id {
                        topic.with_topic_id(*topic_id)
                    } else {
                        topic.with_topic(name(&partition.topic))
                    };
                    forgotten.push((&partition.topic, topic));
                }
            }
        }
        let request = FetchRequest::default()
            .with_max_wait_ms(self.config.fetch_max_wait_ms)
            .with_min_bytes(self.config.fetch_min_bytes)
            .with_max_bytes(self.config.fetch_max_bytes)
            .with_isolation_level(self.config.isolation_level.id())
            .with_session_id(data.metadata.session_id)
            .with_session_epoch(data.metadata.epoch)
            .with_rack_id(StrBytes::from_string(self.config.client_rack.clone()))
            .with_forgotten_topics_data(forgotten.into_iter().map(|(_, topic)| topic).collect())
            .with_topics(topics.into_iter().map(|(_, topic)| topic).collect());
        let closes = self.closing != Closing::No;
        let token = self.pending(if closes {
            Pending::CloseFetchSession { node }
        } else {
            Pending::Fetch { node, positions }
        });
        if self.client.send(now, node, token, Request::Fetch(request)).is_some() {
            let nodes = match closes {
                true => &mut self.fetcher.closing_nodes,
                false => &mut self.fetcher.pending_nodes,
            };
            nodes.insert(node);
        } else {
            self.pending.remove(&token);
            // What was built is not sent: the session cannot go on from it.
            if let Some(session) = self.fetcher.sessions.get_mut(&node) {
                session.handle_error();
            }
        }
    }

    /// A fetch response: what it brought goes into the buffer, in its order.
    pub(super) fn fetch_response(
        &mut self,
        now: i64,
        node: i32,
        positions: &SortedMap<TopicPartition, Offset>,
        version: i16,
        result: Option<Response>,
    ) {
        let Some(session) = self.fetcher.sessions.get_mut(&node) else { return };
        let Some(Response::Fetch(response)) = result else {
            session.handle_error();
            let partitions: Vec<TopicPartition> = session.positions().keys().cloned().collect();
            for partition in partitions {
                self.clear_read_replica(&partition);
            }
            self.client.metadata.request_update(false);
            return;
        };
        if session.handle_response(&response, version) {
            self.take_partitions(now, node, positions, version, response);
        } else if code(response.error_code) == ErrorCode::FetchSessionTopicIdError {
            self.client.metadata.request_update(false);
        }
    }

    fn take_partitions(
        &mut self,
        now: i64,
        node: i32,
        positions: &SortedMap<TopicPartition, Offset>,
        version: i16,
        response: FetchResponse,
    ) {
        for topic in response.responses {
            let name = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
                let session = self.fetcher.sessions.get(&node);
                session.and_then(|s| s.topic_name(topic.topic_id)).map(str::to_owned)
            } else {
                Some(topic.topic.0.to_string())
            };
            let Some(name) = name else { continue };
            for data in topic.partitions {
                let partition = TopicPartition::new(name.clone(), data.partition_index);
                let Some(offset) = positions.get(&partition).copied() else { continue };
                let error = code(data.error_code);
                if error != ErrorCode::None {
                    self.fetch_error(&partition, offset, error);
                    self.subscriptions.move_to_end(&partition);
                    continue;
                }
                let position = self.subscriptions.position(&partition);
                // Sought or reassigned since the request: stale.
                if position.is_none_or(|position| position.offset != offset) {
                    continue;
                }
                if let Some(state) = self.subscriptions.state_mut(&partition) {
                    state.high_watermark = Some(data.high_watermark);
                }
                self.learn_read_replica(now, &partition, data.preferred_read_replica.0);
                let records = data.records.unwrap_or_default();
                if records.is_empty() {
                    continue;
                }
                let aborted = data
                    .aborted_transactions
                    .unwrap_or_default()
                    .iter()
                    .map(|transaction| (transaction.producer_id.0, transaction.first_offset))
                    .collect();
                let fetch = CompletedFetch::new(partition, offset, records, aborted);
                self.fetcher.buffer.push_back(fetch);
            }
        }
    }

    /// `maybeCloseFetchSessions`: tells the nodes that are connected to forget their sessions.
    pub(super) fn close_fetch_sessions(&mut self, now: i64) {
        let nodes: Vec<i32> = self.fetcher.sessions.keys().copied().collect();
        for leader in nodes {
            if let Some(session) = self.fetcher.sessions.get_mut(&leader) {
                session.notify_close();
            }
            let Some(node) = self.client.broker(leader) else { continue };
            if self.client.ready(now, &node) {
                self.send_fetch(now, leader, Vec::new());
            }
        }
    }

    pub(super) fn fetch_session_closed(&mut self, node: i32) {
        self.fetcher.closing_nodes.remove(&node);
    }

    pub(super) fn is_closing_fetch_sessions(&self) -> bool {
        !self.fetcher.closing_nodes.is_empty()
    }

    /// What is fetched for partitions that went away goes away.
    pub(super) fn drop_unassigned_fetches(&mut self) {
        let subscriptions = &self.subscriptions;
        self.fetcher.retain(|partition| subscriptions.state(partition).is_some());
    }
}
