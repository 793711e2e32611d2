//! Positions: committed offsets, resets by ListOffsets, and the offsets an application asks for
//! (`OffsetFetcher`, and `initWithCommittedOffsetsIfNeeded` of `ConsumerCoordinator`).

use std::collections::BTreeMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    ApiKey, BrokerId, GroupId, ListOffsetsRequest, OffsetFetchRequest, OffsetFetchResponse,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::{LeaderEpoch, Offset};

use super::config::AutoOffsetReset;
use super::subscription_state::{FetchPosition, FetchState, list};
use super::{Consumer, ConsumerOutput, OffsetSpec, Pending, QueryId};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::response_errors::code;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.OffsetFetcher";
/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
const LATEST_TIMESTAMP: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
const EARLIEST_TIMESTAMP: i64 = -2;
/// The first OffsetFetch version with several groups (KIP-709).
const FIRST_VERSION_WITH_GROUPS: i16 = 8;

/// Why offsets are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupFor {
    /// The consumer's own positions.
    Positions,
    /// An application's question.
    Query(QueryId),
}

/// An application's question under way.
#[derive(Clone, Debug)]
pub(super) struct Query {
    spec: OffsetSpec,
    missing: Vec<TopicPartition>,
    in_flight: usize,
    found: BTreeMap<TopicPartition, Option<OffsetAndMetadata>>,
    asked_ms: i64,
    pub(super) deadline_ms: i64,
    pub(super) next_try_ms: i64,
    all: Vec<TopicPartition>,
}

fn timestamp_of(spec: OffsetSpec) -> i64 {
    match spec {
        OffsetSpec::Earliest => EARLIEST_TIMESTAMP,
        OffsetSpec::Latest | OffsetSpec::Committed => LATEST_TIMESTAMP,
        OffsetSpec::Timestamp(timestamp) => timestamp,
    }
}

impl Consumer {
    /// `updateFetchPositions`: committed offsets first, then the reset policy, then ListOffsets.
    pub(super) fn update_fetch_positions(&mut self, now: i64) {
        let initializing: Vec<TopicPartition> = self
            .subscriptions
            .assigned()
            .filter(|(_, state)| {
                state.fetch_state == FetchState::Initializing && !state.lookup_in_flight
            })
            .map(|(partition, _)| partition.clone())
            .collect();
        if !initializing.is_empty() {
            if self.config.group_id.is_some() {
                self.fetch_committed(now, &initializing, LookupFor::Positions);
                // The reset waits for the answer, as `initWithCommittedOffsetsIfNeeded` does.
            } else if let Err(error) = self.subscriptions.reset_initializing_positions() {
                self.raise(error);
            }
        }
        self.reset_positions_if_needed(now);
    }

    fn reset_positions_if_needed(&mut self, now: i64) {
        let wanted: Vec<(TopicPartition, i64)> = self
            .subscriptions
            .assigned()
            .filter(|(_, state)| !state.lookup_in_flight && state.next_retry_ms <= now)
            .filter_map(|(partition, state)| match state.fetch_state {
                FetchState::AwaitReset(AutoOffsetReset::Earliest) => {
                    Some((partition.clone(), EARLIEST_TIMESTAMP))
                }
                FetchState::AwaitReset(AutoOffsetReset::Latest | AutoOffsetReset::None) => {
                    Some((partition.clone(), LATEST_TIMESTAMP))
                }
                FetchState::AwaitReset(AutoOffsetReset::ByDuration(ms)) => {
                    Some((partition.clone(), now - ms))
                }
                FetchState::Initializing | FetchState::Fetching(_) => None,
            })
            .collect();
        let sent = self.list_offsets(now, wanted, LookupFor::Positions);
        for partition in sent {
            if let Some(state) = self.subscriptions.state_mut(&partition) {
                state.lookup_in_flight = true;
            }
        }
    }

    /// Asks the leaders; gives the partitions that were asked for.
    fn list_offsets(
        &mut self,
        now: i64,
        wanted: Vec<(TopicPartition, i64)>,
        why: LookupFor,
    ) -> Vec<TopicPartition> {
        let mut by_node: BTreeMap<i32, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        for (partition, timestamp) in wanted {
            match self.client.metadata.leader(&partition) {
                Some(leader) => by_node.entry(leader).or_default().push((partition, timestamp)),
                None => {
                    self.watch_topic(&partition.topic);
                    self.client.metadata.request_update(false);
                }
            }
        }
        let mut sent = Vec::new();
        for (leader, partitions) in by_node {
            let Some(node) = self.client.broker(leader) else { continue };
            if !self.client.ready(now, &node) {
                continue;
            }
            let mut topics: Vec<ListOffsetsTopic> = Vec::new();
            for (partition, timestamp) in &partitions {
                let entry = ListOffsetsPartition::default()
                    .with_partition_index(partition.partition.0)
                    .with_current_leader_epoch(self.client.metadata.leader_epoch(partition))
                    .with_timestamp(*timestamp);
                match topics.iter_mut().find(|topic| topic.name.0.as_str() == partition.topic) {
                    Some(topic) => topic.partitions.push(entry),
                    None => topics.push(
                        ListOffsetsTopic::default()
                            .with_name(TopicName(StrBytes::from_string(partition.topic.clone())))
                            .with_partitions(vec![entry]),
                    ),
                }
            }
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_isolation_level(self.config.isolation_level.id())
                .with_timeout_ms(
                    i32::try_from(self.config.common.request_timeout_ms).unwrap_or(i32::MAX),
                )
                .with_topics(topics);
            let names: Vec<TopicPartition> =
                partitions.into_iter().map(|(partition, _)| partition).collect();
            let token = self.pending(Pending::ListOffsets { partitions: names.clone(), why });
            if self.client.send(now, leader, token, Request::ListOffsets(request)).is_some() {
                sent.extend(names);
            } else {
                self.pending.remove(&token);
            }
        }
        sent
    }

    pub(super) fn list_offsets_response(
        &mut self,
        now: i64,
        partitions: Vec<TopicPartition>,
        why: LookupFor,
        result: Option<Response>,
    ) {
        let mut answers = BTreeMap::new();
        if let Some(Response::ListOffsets(response)) = result {
            for topic in response.topics {
                for partition in topic.partitions {
                    let key =
                        TopicPartition::new(topic.name.0.to_string(), partition.partition_index);
                    answers.insert(key, partition);
                }
            }
        }
        for partition in partitions {
            let answer = answers.get(&partition);
            let error = answer.map_or(ErrorCode::NetworkException, |a| code(a.error_code));
            let found = answer.map(|a| (a.offset, a.leader_epoch, a.timestamp));
            match (error, found) {
                (ErrorCode::None, Some((offset, epoch, _))) => {
                    let epoch = Some(LeaderEpoch(epoch)).filter(|epoch| epoch.0 >= 0);
                    self.offset_found(&partition, offset, epoch, why);
                }
                (ErrorCode::TopicAuthorizationFailed, _) => {
                    self.raise(KafkaError::with_message(
                        error,
                        format!("Not authorized to access topics: [{}]", partition.topic),
                    ));
                    self.offset_missing(now, &partition, why);
                }
                (error, _) => {
                    if error == ErrorCode::UnknownTopicOrPartition {
                        self.client.log(
                            Level::Warn,
                            LOGGER,
                            format!("Received unknown topic or partition error in ListOffset request for partition {partition}"),
                        );
                    }
                    self.client.metadata.request_update(false);
                    self.offset_missing(now, &partition, why);
                }
            }
        }
        if let LookupFor::Query(id) = why
            && let Some(query) = self.queries.get_mut(&id)
        {
            query.in_flight = query.in_flight.saturating_sub(1);
        }
    }

    fn offset_found(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        epoch: Option<LeaderEpoch>,
        why: LookupFor,
    ) {
        match why {
            LookupFor::Positions => {
                let Some(state) = self.subscriptions.state_mut(partition) else { return };
                state.lookup_in_flight = false;
                // Sought in the meantime: the answer is of no use.
                if !matches!(state.fetch_state, FetchState::AwaitReset(_)) {
                    return;
                }
                if offset < 0 {
                    // by_duration, and nothing that young: the end.
                    state.fetch_state = FetchState::AwaitReset(AutoOffsetReset::Latest);
                    return;
                }
                state.fetch_state = FetchState::Fetching(FetchPosition {
                    offset: Offset(offset),
                    // As `resetPositionIfNeeded`: so that a position nothing was read at is not
                    // validated against an epoch.
                    offset_epoch: None,
                });
                self.client.log(
                    Level::Info,
                    LOGGER,
                    format!("Resetting offset for partition {partition} to position {offset}."),
                );
            }
            LookupFor::Query(id) => {
                let Some(query) = self.queries.get_mut(&id) else { return };
                query.missing.retain(|other| other != partition);
                let found = (offset >= 0).then(|| OffsetAndMetadata {
                    offset: Offset(offset),
                    leader_epoch: epoch,
                    metadata: String::new(),
                });
                query.found.insert(partition.clone(), found);
            }
        }
    }

    fn offset_missing(&mut self, now: i64, partition: &TopicPartition, why: LookupFor) {
        let retry = now.saturating_add(self.config.common.retry_backoff_ms);
        match why {
            LookupFor::Positions => {
                if let Some(state) = self.subscriptions.state_mut(partition) {
                    state.lookup_in_flight = false;
                    state.next_retry_ms = retry;
                }
            }
            LookupFor::Query(id) => {
                if let Some(query) = self.queries.get_mut(&id) {
                    query.next_try_ms = retry;
                }
            }
        }
    }

    /// OffsetFetch for these partitions, if the coordinator is ready.
    fn fetch_committed(&mut self, now: i64, partitions: &[TopicPartition], why: LookupFor) -> bool {
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

    pub(super) fn offset_fetch_response(
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

    /// Asks for offsets; ends in [`ConsumerOutput::Offsets`], at the latest after
    /// `default.api.timeout.ms`. `None` for a partition: nothing committed, or no record that late.
    pub fn query_offsets(
        &mut self,
        now: i64,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> QueryId {
        let id = QueryId(self.next_query);
        self.next_query += 1;
        let query = Query {
            spec,
            missing: partitions.to_vec(),
            in_flight: 0,
            found: BTreeMap::new(),
            asked_ms: now,
            deadline_ms: now.saturating_add(self.config.default_api_timeout_ms),
            next_try_ms: now,
            all: partitions.to_vec(),
        };
        self.queries.insert(id, query);
        id
    }

    pub(super) fn run_queries(&mut self, now: i64) {
        let ids: Vec<QueryId> = self.queries.keys().copied().collect();
        for id in ids {
            let Some(query) = self.queries.get(&id) else { continue };
            if query.missing.is_empty() {
                if let Some(query) = self.queries.remove(&id) {
                    self.outputs.push_back(ConsumerOutput::Offsets { id, result: Ok(query.found) });
                }
                continue;
            }
            if now >= query.deadline_ms {
                let waited = query.deadline_ms - query.asked_ms;
                let message = match query.spec {
                    OffsetSpec::Committed => format!(
                        "Timeout of {waited}ms expired before the last committed offset for partitions {} could be determined. Try tuning default.api.timeout.ms larger to relax the threshold.",
                        list(&query.all)
                    ),
                    OffsetSpec::Earliest | OffsetSpec::Latest | OffsetSpec::Timestamp(_) => {
                        format!("Failed to get offsets by times in {waited}ms")
                    }
                };
                self.queries.remove(&id);
                let result = Err(KafkaError::timeout(message));
                self.outputs.push_back(ConsumerOutput::Offsets { id, result });
                continue;
            }
            if query.in_flight > 0 || query.next_try_ms > now {
                continue;
            }
            let missing = query.missing.clone();
            let spec = query.spec;
            let sent = match spec {
                OffsetSpec::Committed => {
                    usize::from(self.fetch_committed(now, &missing, LookupFor::Query(id)))
                }
                OffsetSpec::Earliest | OffsetSpec::Latest | OffsetSpec::Timestamp(_) => {
                    let wanted = missing.into_iter().map(|p| (p, timestamp_of(spec))).collect();
                    let before = self.pending.len();
                    self.list_offsets(now, wanted, LookupFor::Query(id));
                    self.pending.len() - before
                }
            };
            if let Some(query) = self.queries.get_mut(&id) {
                query.in_flight = sent;
            }
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
