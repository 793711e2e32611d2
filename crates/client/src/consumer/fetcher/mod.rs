//! Fetch requests and what they bring (`AbstractFetch`, `FetchBuffer`).
//!
//! | concept | file |
//! |---|---|
//! | from the buffer to the application | `fetch_collector.rs` |
//! | one partition's bytes, opened batch by batch | `completed_fetch.rs` |
//!
//! Not modelled: fetch sessions (KIP-227, every fetch names all its partitions), reading from the
//! closest replica (KIP-392), and the check for truncation by leader epoch (KIP-320).

mod completed_fetch;
mod fetch_collector;

use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::Offset;

use super::subscription_state::{FetchPosition, FetchState};
use super::{Consumer, Pending};
use crate::response_errors::code;
use crate::topic_partition::TopicPartition;
use completed_fetch::CompletedFetch;

/// The first Fetch version that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
/// `FetchMetadata.FINAL_EPOCH`: no fetch session.
const FINAL_EPOCH: i32 = -1;

/// The fetcher's own state.
#[derive(Clone, Debug, Default)]
pub(in crate::consumer) struct Fetcher {
    buffer: VecDeque<CompletedFetch>,
    /// Nodes with a fetch under way.
    pub(in crate::consumer) pending_nodes: SortedSet<i32>,
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
    /// `sendFetches`: one request to each leader that has none under way, for all its partitions
    /// without records in the buffer.
    pub(super) fn send_fetches(&mut self, now: i64) {
        let mut by_node: Vec<(i32, Vec<(TopicPartition, FetchPosition)>)> = Vec::new();
        let mut metadata_needed = false;
        for (partition, state) in self.subscriptions.assigned() {
            let FetchState::Fetching(position) = state.fetch_state else { continue };
            if state.paused || state.pending_revocation || self.fetcher.is_buffered(partition) {
                continue;
            }
            let Some(leader) = self.client.metadata.leader(partition) else {
                metadata_needed = true;
                continue;
            };
            if self.fetcher.pending_nodes.contains(&leader) {
                continue;
            }
            let entry = (partition.clone(), position);
            match by_node.iter_mut().find(|(node, _)| *node == leader) {
                Some((_, partitions)) => partitions.push(entry),
                None => by_node.push((leader, vec![entry])),
            }
        }
        if metadata_needed {
            self.client.metadata.request_update(false);
        }
        for (leader, partitions) in by_node {
            let Some(node) = self.client.broker(leader) else { continue };
            if self.client.ready(now, &node) {
                self.send_fetch(now, leader, &partitions);
            }
        }
    }

    fn send_fetch(&mut self, now: i64, node: i32, partitions: &[(TopicPartition, FetchPosition)]) {
        let by_id = self
            .client
            .version(node, ApiKey::Fetch)
            .is_some_and(|version| version >= FIRST_VERSION_WITH_TOPIC_IDS);
        let mut topics: Vec<(&str, FetchTopic)> = Vec::new();
        for (partition, position) in partitions {
            let metadata = &self.client.metadata;
            let entry = FetchPartition::default()
                .with_partition(partition.partition.0)
                .with_current_leader_epoch(metadata.leader_epoch(partition))
                .with_fetch_offset(position.offset.0)
                .with_last_fetched_epoch(-1)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(self.config.max_partition_fetch_bytes);
            // Partitions of a topic that stand together go together (`FetchRequest.Builder`).
            match topics.last_mut() {
                Some((name, topic)) if *name == partition.topic => topic.partitions.push(entry),
                Some(_) | None => {
                    let topic = FetchTopic::default().with_partitions(vec![entry]);
                    let topic = if by_id {
                        topic.with_topic_id(metadata.topic_id(&partition.topic))
                    } else {
                        topic.with_topic(TopicName(StrBytes::from_string(partition.topic.clone())))
                    };
                    topics.push((&partition.topic, topic));
                }
            }
        }
        let request = FetchRequest::default()
            .with_max_wait_ms(self.config.fetch_max_wait_ms)
            .with_min_bytes(self.config.fetch_min_bytes)
            .with_max_bytes(self.config.fetch_max_bytes)
            .with_isolation_level(self.config.isolation_level.id())
            .with_session_id(0)
            .with_session_epoch(FINAL_EPOCH)
            .with_rack_id(StrBytes::from_string(self.config.client_rack.clone()))
            .with_topics(topics.into_iter().map(|(_, topic)| topic).collect());
        let positions = partitions
            .iter()
            .map(|(partition, position)| (partition.clone(), position.offset))
            .collect();
        let token = self.pending(Pending::Fetch { node, positions });
        if self.client.send(now, node, token, Request::Fetch(request)).is_some() {
            self.fetcher.pending_nodes.insert(node);
        } else {
            self.pending.remove(&token);
        }
    }

    /// A fetch response: what it brought goes into the buffer, in its order.
    pub(super) fn fetch_response(
        &mut self,
        positions: &SortedMap<TopicPartition, Offset>,
        version: i16,
        result: Option<Response>,
    ) {
        let Some(Response::Fetch(response)) = result else {
            self.client.metadata.request_update(false);
            return;
        };
        if response.error_code != 0 {
            // A session error or the like: the next fetch is a full one anyway.
            self.client.metadata.request_update(false);
            return;
        }
        self.take_partitions(positions, version, response);
    }

    fn take_partitions(
        &mut self,
        positions: &SortedMap<TopicPartition, Offset>,
        version: i16,
        response: FetchResponse,
    ) {
        for topic in response.responses {
            let name = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
                self.client.metadata.topic_name(topic.topic_id).map(str::to_owned)
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

    /// What is fetched for partitions that went away goes away.
    pub(super) fn drop_unassigned_fetches(&mut self) {
        let subscriptions = &self.subscriptions;
        self.fetcher.retain(|partition| subscriptions.state(partition).is_some());
    }
}
