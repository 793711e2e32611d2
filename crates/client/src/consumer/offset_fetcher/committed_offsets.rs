//! Committed offsets: OffsetFetch (`initWithCommittedOffsetsIfNeeded`, `fetchCommittedOffsets` and
//! `OffsetFetchResponseHandler` of `ConsumerCoordinator`).

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    ApiKey, GroupId, OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::{LeaderEpoch, Offset};

use super::LookupFor;
use crate::consumer::subscription_state::{FetchPosition, FetchState};
use crate::consumer::{Consumer, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::response_errors::code;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

/// The first OffsetFetch version with several groups (KIP-709).
const FIRST_VERSION_WITH_GROUPS: i16 = 8;

impl Consumer {
    /// OffsetFetch for these partitions, if the coordinator is ready.
    pub(super) fn fetch_committed(
        &mut self,
        now: i64,
        partitions: &[TopicPartition],
        why: LookupFor,
    ) -> bool {
        let Some(node) = self.ready_coordinator(now) else { return false };
        if self.coordinator.offset_fetch_retry_ms > now {
            return false;
        }
        let group = self.config.group_id.clone().unwrap_or_default();
        let mut topics: Vec<(&str, Vec<i32>)> = Vec::new();
        for partition in partitions {
            match topics.iter_mut().find(|(name, _)| *name == partition.topic) {
                Some((_, indexes)) => indexes.push(partition.partition.0),
                None => topics.push((&partition.topic, vec![partition.partition.0])),
            }
        }
        let group_id = GroupId(StrBytes::from_string(group));
        let name = |topic: &str| TopicName(StrBytes::from_string(topic.to_owned()));
        let version = self.client.version(node.id, ApiKey::OffsetFetch).unwrap_or_default();
        let request = OffsetFetchRequest::default().with_require_stable(true);
        let request = if version >= FIRST_VERSION_WITH_GROUPS {
            let topics = topics
                .into_iter()
                .map(|(topic, indexes)| {
                    OffsetFetchRequestTopics::default()
                        .with_name(name(topic))
                        .with_partition_indexes(indexes)
                })
                .collect();
            request.with_groups(vec![
                OffsetFetchRequestGroup::default()
                    .with_group_id(group_id)
                    .with_member_id(None)
                    .with_member_epoch(-1)
                    .with_topics(Some(topics)),
            ])
        } else {
            let topics = topics
                .into_iter()
                .map(|(topic, indexes)| {
                    OffsetFetchRequestTopic::default()
                        .with_name(name(topic))
                        .with_partition_indexes(indexes)
                })
                .collect();
            request.with_group_id(group_id).with_topics(Some(topics))
        };
        let token = self.pending(Pending::OffsetFetch { partitions: partitions.to_vec(), why });
        if self.client.send(now, node.id, token, Request::OffsetFetch(request)).is_none() {
            self.pending.remove(&token);
            return false;
        }
        if why == LookupFor::Positions {
            for partition in partitions {
                if let Some(state) = self.subscriptions.state_mut(partition) {
                    state.lookup_in_flight = true;
                }
            }
        }
        true
    }

    pub(in crate::consumer) fn offset_fetch_response(
        &mut self,
        now: i64,
        partitions: Vec<TopicPartition>,
        why: LookupFor,
        result: Option<Response>,
    ) {
        let read = match result {
            Some(Response::OffsetFetch(response)) => read_committed(&response),
            Some(_) | None => Err(ErrorCode::NetworkException),
        };
        if let LookupFor::Query(id) = why
            && let Some(query) = self.queries.get_mut(&id)
        {
            query.in_flight = query.in_flight.saturating_sub(1);
        } else {
            for partition in &partitions {
                if let Some(state) = self.subscriptions.state_mut(partition) {
                    state.lookup_in_flight = false;
                }
            }
        }
        match read {
            Err(error) => {
                match error {
                    ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::NotCoordinator
                    | ErrorCode::NetworkException => self.mark_coordinator_unknown(now),
                    _ if !error.is_retriable() => {
                        self.raise(KafkaError::client(
                            KAFKA,
                            format!(
                                "Unexpected error in fetch offset response: {}",
                                error.message()
                            ),
                        ));
                    }
                    _ => {}
                }
                let retry = now.saturating_add(self.config.common.retry_backoff_ms);
                self.coordinator.offset_fetch_retry_ms = retry;
                if let LookupFor::Query(id) = why
                    && let Some(query) = self.queries.get_mut(&id)
                {
                    query.next_try_ms = retry;
                }
            }
            Ok(offsets) => {
                let complete = offsets.values().all(Result::is_ok);
                for partition in partitions {
                    let found = offsets.get(&partition).cloned().unwrap_or(Ok(None));
                    self.committed_found(now, &partition, found, why);
                }
                if why == LookupFor::Positions
                    && complete
                    && let Err(error) = self.subscriptions.reset_initializing_positions()
                {
                    self.raise(error);
                }
            }
        }
    }

    fn committed_found(
        &mut self,
        now: i64,
        partition: &TopicPartition,
        found: Result<Option<OffsetAndMetadata>, ErrorCode>,
        why: LookupFor,
    ) {
        match (why, found) {
            (LookupFor::Positions, Ok(Some(committed))) => {
                let Some(state) = self.subscriptions.state_mut(partition) else { return };
                if state.fetch_state == FetchState::Initializing {
                    state.fetch_state = FetchState::Fetching(FetchPosition {
                        offset: committed.offset,
                        offset_epoch: committed.leader_epoch,
                    });
                }
            }
            // Nothing committed: the policy decides, in `reset_initializing_positions`.
            (LookupFor::Positions, Ok(None)) => {}
            (LookupFor::Positions, Err(_)) => {
                // UNSTABLE_OFFSET_COMMIT, or a topic that is not there: asked again, and the policy
                // does not decide before.
                self.coordinator.offset_fetch_retry_ms =
                    now.saturating_add(self.config.common.retry_backoff_ms);
            }
            (LookupFor::Query(id), Ok(found)) => {
                let Some(query) = self.queries.get_mut(&id) else { return };
                query.missing.retain(|other| other != partition);
                query.found.insert(partition.clone(), found);
            }
            (LookupFor::Query(_), Err(_)) => self.offset_missing(now, partition, why),
        }
    }
}

type Committed = BTreeMap<TopicPartition, Result<Option<OffsetAndMetadata>, ErrorCode>>;

/// Committed offsets of the only group in the response; -1 is none.
fn read_committed(response: &OffsetFetchResponse) -> Result<Committed, ErrorCode> {
    let mut offsets = Committed::new();
    let mut add = |topic: &str, index: i32, error: i16, offset: i64, epoch: i32, text: &str| {
        let error = code(error);
        let found = if error != ErrorCode::None {
            Err(error)
        } else if offset < 0 {
            Ok(None)
        } else {
            Ok(Some(OffsetAndMetadata {
                offset: Offset(offset),
                leader_epoch: Some(LeaderEpoch(epoch)).filter(|epoch| epoch.0 >= 0),
                metadata: text.to_owned(),
            }))
        };
        offsets.insert(TopicPartition::new(topic, index), found);
    };
    if let Some(group) = response.groups.first() {
        let error = code(group.error_code);
        if error != ErrorCode::None {
            return Err(error);
        }
        for topic in &group.topics {
            for p in &topic.partitions {
                let text = p.metadata.as_ref().map_or("", |text| text.as_str());
                let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
                add(topic.name.0.as_str(), p.partition_index, p.error_code, offset, epoch, text);
            }
        }
        return Ok(offsets);
    }
    let error = code(response.error_code);
    if error != ErrorCode::None {
        return Err(error);
    }
    for topic in &response.topics {
        for p in &topic.partitions {
            let text = p.metadata.as_ref().map_or("", |text| text.as_str());
            let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
            add(topic.name.0.as_str(), p.partition_index, p.error_code, offset, epoch, text);
        }
    }
    Ok(offsets)
}
