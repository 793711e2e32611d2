//! Committed offsets: OffsetFetch (`initWithCommittedOffsetsIfNeeded`, `fetchCommittedOffsets` and
//! `OffsetFetchResponseHandler` of `ConsumerCoordinator`).

use logbrook_sorted::{SortedMap, SortedSet};

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
use crate::consumer::coordinator::NO_GENERATION;
use crate::consumer::subscription_state::{FetchPosition, FetchState};
use crate::consumer::{Consumer, ConsumerOutput, Pending};
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
        // A member of the new protocol names itself, and is told if its epoch is stale.
        let generation = &self.coordinator.generation;
        let is_member = self.uses_consumer_protocol() && generation.id != NO_GENERATION;
        let member = is_member.then(|| StrBytes::from_string(generation.member_id.clone()));
        let member_epoch = if is_member { generation.id } else { NO_GENERATION };
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
                    .with_member_id(member)
                    .with_member_epoch(member_epoch)
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
            Some(Response::OffsetFetch(response)) => {
                read_committed(&response, self.config.group_id.as_deref().unwrap_or_default())
            }
            Some(_) | None => Err(KafkaError::of(ErrorCode::NetworkException)),
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
            Err(error) => self.offset_fetch_failed(now, error, why),
            Ok(mut offsets) => {
                for partition in partitions {
                    let found = offsets.remove(&partition).flatten();
                    self.committed_found(&partition, found, why);
                }
                if why == LookupFor::Positions
                    && let Err(error) = self.subscriptions.reset_initializing_positions()
                {
                    self.raise(error);
                }
            }
        }
    }

    /// Again after the backoff if that may help; else poll throws, or the question ends with it.
    fn offset_fetch_failed(&mut self, now: i64, error: KafkaError, why: LookupFor) {
        if matches!(
            error.code,
            Some(
                ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::NotCoordinator
                    | ErrorCode::NetworkException
            )
        ) {
            self.mark_coordinator_unknown(now);
        }
        let retry = now.saturating_add(self.config.common.retry_backoff_ms);
        self.coordinator.offset_fetch_retry_ms = retry;
        match why {
            LookupFor::Positions if error.retriable => {}
            LookupFor::Positions => self.raise(error),
            LookupFor::Query(id) if error.retriable => {
                if let Some(query) = self.queries.get_mut(&id) {
                    query.next_try_ms = retry;
                }
            }
            LookupFor::Query(id) => {
                if self.queries.remove(&id).is_some() {
                    self.outputs.push_back(ConsumerOutput::Offsets { id, result: Err(error) });
                }
            }
        }
    }

    fn committed_found(
        &mut self,
        partition: &TopicPartition,
        found: Option<OffsetAndMetadata>,
        why: LookupFor,
    ) {
        match (why, found) {
            (LookupFor::Positions, Some(committed)) => {
                let Some(state) = self.subscriptions.state_mut(partition) else { return };
                if state.fetch_state == FetchState::Initializing {
                    state.fetch_state = FetchState::Fetching(FetchPosition {
                        offset: committed.offset,
                        offset_epoch: committed.leader_epoch,
                    });
                }
            }
            // Nothing committed: the policy decides, in `reset_initializing_positions`.
            (LookupFor::Positions, None) => {}
            (LookupFor::Query(id), found) => {
                let Some(query) = self.queries.get_mut(&id) else { return };
                query.missing.retain(|other| other != partition);
                query.found.insert(partition.clone(), found);
            }
        }
    }
}

type Committed = SortedMap<TopicPartition, Option<OffsetAndMetadata>>;

/// Committed offsets of the only group in the response; -1 is none. One partition with an error and
/// there are none at all (`OffsetFetchResponseHandler`).
fn read_committed(response: &OffsetFetchResponse, group_id: &str) -> Result<Committed, KafkaError> {
    let mut answers = Vec::new();
    let group_error = match response.groups.first() {
        Some(group) => {
            for topic in &group.topics {
                for p in &topic.partitions {
                    let place = TopicPartition::new(topic.name.0.as_str(), p.partition_index);
                    let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
                    answers.push((place, p.error_code, offset, epoch, p.metadata.as_ref()));
                }
            }
            group.error_code
        }
        None => {
            for topic in &response.topics {
                for p in &topic.partitions {
                    let place = TopicPartition::new(topic.name.0.as_str(), p.partition_index);
                    let (offset, epoch) = (p.committed_offset, p.committed_leader_epoch);
                    answers.push((place, p.error_code, offset, epoch, p.metadata.as_ref()));
                }
            }
            response.error_code
        }
    };
    match code(group_error) {
        ErrorCode::None => {}
        error @ ErrorCode::GroupAuthorizationFailed => {
            let message = format!("Not authorized to access group: {group_id}");
            return Err(KafkaError::with_message(error, message));
        }
        // Again, once a heartbeat has brought the epoch that counts.
        error @ (ErrorCode::StaleMemberEpoch | ErrorCode::UnknownMemberId) => {
            return Err(KafkaError { retriable: true, ..KafkaError::of(error) });
        }
        error if error.is_retriable() => return Err(KafkaError::of(error)),
        error => {
            let message = format!("Unexpected error in fetch offset response: {}", error.message());
            return Err(KafkaError::client(KAFKA, message));
        }
    }
    let mut offsets = Committed::new();
    let mut unstable = false;
    let mut unauthorized = SortedSet::new();
    for (partition, error, offset, epoch, metadata) in answers {
        match code(error) {
            ErrorCode::None => {
                let found = (offset >= 0).then(|| OffsetAndMetadata {
                    offset: Offset(offset),
                    leader_epoch: Some(LeaderEpoch(epoch)).filter(|epoch| epoch.0 >= 0),
                    metadata: metadata.map_or("", |text| text.as_str()).to_owned(),
                });
                offsets.insert(partition, found);
            }
            ErrorCode::UnknownTopicOrPartition => {
                let message = format!("Topic or Partition {partition} does not exist");
                return Err(KafkaError::client(KAFKA, message));
            }
            ErrorCode::TopicAuthorizationFailed => {
                unauthorized.insert(partition.topic);
            }
            ErrorCode::UnstableOffsetCommit => unstable = true,
            error => {
                let message = format!(
                    "Unexpected error in fetch offset response for partition {partition}: {}",
                    error.message()
                );
                return Err(KafkaError::client(KAFKA, message));
            }
        }
    }
    if !unauthorized.is_empty() {
        let topics: Vec<String> = unauthorized.into_iter().collect();
        return Err(KafkaError::with_message(
            ErrorCode::TopicAuthorizationFailed,
            format!("Not authorized to access topics: [{}]", topics.join(", ")),
        ));
    }
    if unstable {
        return Err(KafkaError::with_message(
            ErrorCode::UnstableOffsetCommit,
            "There are unstable offsets for the requested topic partitions",
        ));
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
    };

    use super::*;
    use crate::consumer::{ConsumerConfig, OffsetSpec};

    fn orders_0() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    fn consumer() -> Consumer {
        let properties = [("bootstrap.servers", "localhost:9092"), ("group.id", "g")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = ConsumerConfig::from_properties(&properties.into()).expect("valid");
        let mut consumer = Consumer::new(config, 1);
        consumer.assign(0, &[orders_0()]).expect("assigns");
        consumer
    }

    /// A response in which `orders-0` has this error.
    fn refused(error: ErrorCode) -> Option<Response> {
        let partition = OffsetFetchResponsePartitions::default()
            .with_committed_offset(-1)
            .with_error_code(error.code());
        let topic = OffsetFetchResponseTopics::default()
            .with_name(TopicName(StrBytes::from_static_str("orders")))
            .with_partitions(vec![partition]);
        let group = OffsetFetchResponseGroup::default().with_topics(vec![topic]);
        Some(Response::OffsetFetch(OffsetFetchResponse::default().with_groups(vec![group])))
    }

    fn thrown(consumer: &Consumer) -> Vec<String> {
        consumer
            .outputs
            .iter()
            .filter_map(|output| match output {
                ConsumerOutput::Error(error) => Some(error.to_string()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_partition_that_does_not_exist_is_thrown_and_not_asked_for_ever() {
        let mut consumer = consumer();
        let answer = refused(ErrorCode::UnknownTopicOrPartition);
        consumer.offset_fetch_response(0, vec![orders_0()], LookupFor::Positions, answer);
        assert_eq!(
            thrown(&consumer),
            ["org.apache.kafka.common.KafkaException: Topic or Partition orders-0 does not exist"]
        );
    }

    #[test]
    fn an_unstable_offset_is_asked_for_again_and_the_policy_waits() {
        let mut consumer = consumer();
        let answer = refused(ErrorCode::UnstableOffsetCommit);
        consumer.offset_fetch_response(0, vec![orders_0()], LookupFor::Positions, answer);
        assert_eq!(thrown(&consumer), Vec::<String>::new());
        let state = consumer.subscriptions.state(&orders_0()).map(|state| state.fetch_state);
        assert_eq!(state, Some(FetchState::Initializing));
        assert_eq!(consumer.coordinator.offset_fetch_retry_ms, 100);
    }

    #[test]
    fn a_question_ends_with_the_error() {
        let mut consumer = consumer();
        let id = consumer.query_offsets(0, &[orders_0()], OffsetSpec::Committed);
        let answer = refused(ErrorCode::TopicAuthorizationFailed);
        consumer.offset_fetch_response(0, vec![orders_0()], LookupFor::Query(id), answer);
        assert_eq!(thrown(&consumer), Vec::<String>::new());
        let Some(ConsumerOutput::Offsets { id: ended, result: Err(error) }) =
            consumer.outputs.back()
        else {
            panic!("{:?}", consumer.outputs);
        };
        assert_eq!(*ended, id);
        assert_eq!(error.message, "Not authorized to access topics: [orders]");
    }
}
