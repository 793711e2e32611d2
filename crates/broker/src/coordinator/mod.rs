//! The group coordinator of a broker: `__consumer_offsets` and the groups kept in it.
//!
//! Each partition of `__consumer_offsets` that this broker leads is a shard with the groups whose
//! id hashes to it (`GroupCoordinatorService`, `CoordinatorRuntime`). An operation decides records
//! and answers; the records go into the partition's log as one batch, are replayed, and then the
//! answers go out. A shard is loaded by replaying the log when its groups are first asked for.
//!
//! Different from Kafka 4.4: where an append fails (it cannot with one broker), the shard is loaded
//! anew and everything that waits is told `NOT_COORDINATOR`, where Kafka reverts the one operation.
//! Regular expressions are resolved at once, where Kafka lets a background thread do it. Share and
//! streams groups are not modelled.

mod records;
pub(crate) mod regex;
mod topics;
mod transactions;
mod view;

use std::sync::Arc;

use logbrook_sorted::SortedMap;

use logbrook_group::{
    ConsumerGroup, ConsumerGroupConfig, ConsumerGroupState, Decision, DynamicGroupConfig,
    GroupConfig, GroupError, GroupEvent, GroupRecord, Groups, MigrationPolicy, OffsetResult,
    OffsetToCommit, Reply as GroupReply, ServerAssignor, Token, TopicPartition, TopicsImage,
    records::partition_for,
};
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::api::{ResponseTo, join_group, sync_group};
use crate::{
    Broker, BrokerConfig, BrokerEvent, BrokerEventKind, Cause, ConnectionId, Effects, ErrorCode,
};

pub(crate) use topics::on_metadata_update;
pub(crate) use transactions::{TransactionOf, complete_transaction, txn_offset_commit};
pub use view::{GroupDescription, GroupMemberDescription};

/// The topic that holds groups and offsets.
pub(crate) const GROUP_METADATA_TOPIC_NAME: &str = "__consumer_offsets";

/// The groups that this broker coordinates.
#[derive(Clone, Debug)]
pub struct GroupCoordinator {
    config: GroupConfig,
    /// The groups by partition of `__consumer_offsets`, as far as they are loaded.
    shards: SortedMap<i32, Groups>,
    /// Requests that wait for other members.
    parked: SortedMap<Token, ResponseTo>,
    next_token: Token,
    member_ids: Pcg32,
    /// The topics, as all shards see them.
    topics: Arc<TopicsImage>,
    /// Of groups with a configuration of their own.
    dynamic_configs: SortedMap<String, DynamicGroupConfig>,
}

// A stream of the generator of its own: draws for member ids do not shift others.
const MEMBER_ID_STREAM: u64 = 0x6d65_6d62_6572;

impl GroupCoordinator {
    pub(crate) fn new(config: &BrokerConfig, seed: u64) -> GroupCoordinator {
        GroupCoordinator {
            config: group_config(config),
            shards: SortedMap::new(),
            parked: SortedMap::new(),
            next_token: 0,
            member_ids: Pcg32::new(seed, MEMBER_ID_STREAM),
            topics: Arc::default(),
            dynamic_configs: SortedMap::new(),
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.shards.values().filter_map(Groups::next_wakeup).min()
    }

    /// Nothing is loaded any more, and nobody waits.
    pub(crate) fn forget(&mut self) {
        self.shards.clear();
        self.parked.clear();
    }

    /// Random bits for a member's id.
    pub(crate) fn member_uuid(&mut self) -> u128 {
        let mut bytes = [0; 16];
        self.member_ids.fill_bytes(&mut bytes);
        u128::from_be_bytes(bytes)
    }

    /// Parks a request; its answer comes under the token.
    pub(crate) fn park(&mut self, to: ResponseTo) -> Token {
        self.next_token += 1;
        self.parked.insert(self.next_token, to);
        self.next_token
    }

    /// The request is answered by other means.
    pub(crate) fn unpark(&mut self, token: Token) {
        self.parked.remove(&token);
    }
}

fn group_config(config: &BrokerConfig) -> GroupConfig {
    let int = |name| i32::try_from(config.number(name)).unwrap_or(i32::MAX);
    let size = |name| usize::try_from(config.number(name)).unwrap_or(0);
    GroupConfig {
        initial_rebalance_delay_ms: int("group.initial.rebalance.delay.ms"),
        min_session_timeout_ms: int("group.min.session.timeout.ms"),
        max_session_timeout_ms: int("group.max.session.timeout.ms"),
        max_size: size("group.max.size"),
        offset_metadata_max_bytes: size("offset.metadata.max.bytes"),
        offsets_retention_ms: config.number("offsets.retention.minutes").saturating_mul(60_000),
        offsets_retention_check_interval_ms: config.number("offsets.retention.check.interval.ms"),
        consumer: consumer_group_config(config),
        ..GroupConfig::default()
    }
}

fn consumer_group_config(config: &BrokerConfig) -> ConsumerGroupConfig {
    let int = |name| i32::try_from(config.number(name)).unwrap_or(i32::MAX);
    let text = |name: &str| config.value(name).map(|value| value.to_string()).unwrap_or_default();
    let default = ConsumerGroupConfig::default();
    ConsumerGroupConfig {
        session_timeout_ms: int("group.consumer.session.timeout.ms"),
        heartbeat_interval_ms: int("group.consumer.heartbeat.interval.ms"),
        max_size: usize::try_from(config.number("group.consumer.max.size")).unwrap_or(0),
        assignors: text("group.consumer.assignors")
            .split(',')
            .filter_map(|name| ServerAssignor::of(name.trim()))
            .collect(),
        migration_policy: MigrationPolicy::of(&text("group.consumer.migration.policy"))
            .unwrap_or(default.migration_policy),
        assignment_interval_ms: int("group.consumer.assignment.interval.ms"),
        regex_refresh_interval_ms: config.number("group.consumer.regex.refresh.interval.ms"),
    }
}

/// A group's error as a code of the protocol.
pub(crate) fn error_code(error: Option<GroupError>) -> i16 {
    error.map_or(0, GroupError::code)
}

/// The answer for one partition of a commit: what was not asked of the group does not exist, and an error
/// of the whole counts for each.
pub(crate) fn commit_code(
    asked: &[OffsetToCommit],
    results: &Result<Vec<OffsetResult>, i16>,
    partition: &TopicPartition,
) -> i16 {
    if !asked.iter().any(|offset| offset.partition == *partition) {
        return ErrorCode::UnknownTopicOrPartition.code();
    }
    match results {
        Ok(results) => results
            .iter()
            .find(|result| result.partition == *partition)
            .map_or(0, |result| error_code(result.error)),
        Err(code) => *code,
    }
}

/// The partition of `__consumer_offsets` that holds a group.
pub(crate) fn partition_of(broker: &Broker, group_id: &str) -> i32 {
    let partitions = match broker.image.topic(GROUP_METADATA_TOPIC_NAME) {
        Some(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        None => {
            i32::try_from(broker.config.number("offsets.topic.num.partitions")).unwrap_or(i32::MAX)
        }
    };
    partition_for(group_id, partitions)
}

/// The shard of a group, loaded where it is not yet; `NOT_COORDINATOR` where another broker, or
/// nobody, leads its partition.
pub(crate) fn shard<'a>(
    broker: &'a mut Broker,
    now: i64,
    group_id: &str,
    effects: &mut Effects,
) -> Result<(i32, &'a mut Groups), ErrorCode> {
    let index = partition_of(broker, group_id);
    load(broker, now, index, effects)?;
    let shard = broker.coordinator.shards.get_mut(&index).ok_or(ErrorCode::NotCoordinator)?;
    Ok((index, shard))
}

/// All shards that this broker coordinates, loaded: for ListGroups.
pub(crate) fn load_all(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let partitions = broker.image.topic(GROUP_METADATA_TOPIC_NAME).map(|topic| &topic.partitions);
    let indexes: Vec<i32> = partitions.into_iter().flat_map(|all| all.keys().copied()).collect();
    for index in indexes {
        // Other brokers answer for the partitions that they lead.
        let _ = load(broker, now, index, effects);
    }
}

/// A partition of `__consumer_offsets` has a new term: this broker loads its groups, or gives them up.
pub(crate) fn follow_leader(broker: &mut Broker, now: i64, index: i32, effects: &mut Effects) {
    // The error says who is not the coordinator; nobody asked.
    let _ = load(broker, now, index, effects);
}

/// The groups of all shards that are loaded.
pub(crate) fn shards(broker: &Broker) -> impl Iterator<Item = &Groups> {
    broker.coordinator.shards.values()
}

fn load(broker: &mut Broker, now: i64, index: i32, effects: &mut Effects) -> Result<(), ErrorCode> {
    let partition = broker
        .replica_manager
        .partition(GROUP_METADATA_TOPIC_NAME, index)
        .filter(|partition| partition.is_leader());
    let Some(partition) = partition else {
        if broker.coordinator.shards.contains_key(&index) {
            unload(broker, now, index, effects);
        }
        return Err(ErrorCode::NotCoordinator);
    };
    if broker.coordinator.shards.contains_key(&index) {
        return Ok(());
    }
    let mut groups = Groups::new(broker.coordinator.config.clone());
    groups.on_metadata_update(broker.coordinator.topics.clone());
    for (group_id, config) in &broker.coordinator.dynamic_configs {
        groups.update_group_config(group_id, config.clone());
    }
    records::replay(partition.log(), &mut groups);
    let decision = groups.on_loaded(now);
    broker.coordinator.shards.insert(index, groups);
    apply(broker, now, index, decision, None, effects)
}

/// The partition is led elsewhere: whoever waits looks for the new coordinator.
fn unload(broker: &mut Broker, now: i64, index: i32, effects: &mut Effects) {
    let Some(groups) = broker.coordinator.shards.remove(&index) else { return };
    let decision = groups.unload(now);
    reply(broker, decision.replies, effects);
}

/// Makes a decision true: its records are appended and replayed, its answers sent, its events told.
/// The error is for an operation that has an answer of its own to give.
pub(crate) fn apply(
    broker: &mut Broker,
    now: i64,
    index: i32,
    decision: Decision,
    cause: Option<Cause>,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let Decision { records, replies, events, regex_refresh } = decision;
    let before = consumer_states(broker, index, &records);
    if !records.is_empty() {
        let appended = records::append(broker, now, index, &records, cause, effects);
        if appended.is_err() {
            let failed = replies.into_iter().map(|(token, reply)| (token, not_coordinator(reply)));
            let failed: Vec<(Token, GroupReply)> = failed.collect();
            reply(broker, failed, effects);
            unload(broker, now, index, effects);
            return Err(ErrorCode::NotCoordinator);
        }
        if let Some(groups) = broker.coordinator.shards.get_mut(&index) {
            for record in &records {
                groups.replay(record);
            }
        }
    }
    for event in events {
        effects.events.extend(broker_event(event).map(|kind| BrokerEvent { cause, kind }));
    }
    for kind in consumer_state_events(broker, index, before) {
        effects.events.push(BrokerEvent { cause, kind });
    }
    reply(broker, replies, effects);
    if let Some(refresh) = regex_refresh
        && let Some(groups) = broker.coordinator.shards.get_mut(&index)
    {
        let matches = regex::resolve(&refresh, groups.topics());
        let decision = groups.regular_expressions_resolved(now, &refresh.group_id, matches);
        return apply(broker, now, index, decision, cause, effects);
    }
    Ok(())
}

fn not_coordinator(reply: GroupReply) -> GroupReply {
    let error = Some(GroupError::NotCoordinator);
    match reply {
        GroupReply::JoinGroup(reply) => {
            GroupReply::JoinGroup(logbrook_group::JoinGroupReply { error, ..reply })
        }
        GroupReply::SyncGroup(reply) => {
            GroupReply::SyncGroup(logbrook_group::SyncGroupReply { error, ..reply })
        }
    }
}

fn reply(broker: &mut Broker, replies: Vec<(Token, GroupReply)>, effects: &mut Effects) {
    for (token, reply) in replies {
        let Some(to) = broker.coordinator.parked.remove(&token) else { continue };
        match reply {
            GroupReply::JoinGroup(reply) => {
                let body = join_group::response(reply, to.api_version);
                broker.respond(to, body, effects);
            }
            GroupReply::SyncGroup(reply) => {
                let body = sync_group::response(reply, to.api_version);
                broker.respond(to, body, effects);
            }
        }
    }
}

/// The states of the consumer groups that records are about.
fn consumer_states(
    broker: &Broker,
    index: i32,
    records: &[GroupRecord],
) -> SortedMap<String, ConsumerGroupState> {
    let state = |group_id: &str| {
        let group = broker.coordinator.shards.get(&index)?.consumer_group(group_id);
        Some(group.map_or(ConsumerGroupState::Dead, ConsumerGroup::state))
    };
    let mut states = SortedMap::new();
    for record in records {
        if let GroupRecord::ConsumerGroup { group_id, .. } = record
            && !states.contains_key(group_id)
            && let Some(state) = state(group_id)
        {
            states.insert(group_id.clone(), state);
        }
    }
    states
}

/// What follows from the records for whoever watches: the state of a consumer group is computed
/// from its epochs, so it is compared with that before.
fn consumer_state_events(
    broker: &Broker,
    index: i32,
    before: SortedMap<String, ConsumerGroupState>,
) -> Vec<BrokerEventKind> {
    let Some(groups) = broker.coordinator.shards.get(&index) else { return Vec::new() };
    let mut kinds = Vec::new();
    for (group, from) in before {
        let Some(now) = groups.consumer_group(&group) else { continue };
        if now.state() != from {
            kinds.push(BrokerEventKind::GroupState {
                from: from.name().into(),
                to: now.state().name().into(),
                generation: now.group_epoch(),
                members: now.members().len(),
                group,
            });
        }
    }
    kinds
}

/// What a broker tells of a group's event.
fn broker_event(event: GroupEvent) -> Option<BrokerEventKind> {
    Some(match event {
        GroupEvent::StateChanged { group_id, from, to, generation_id, members, reason: _ } => {
            BrokerEventKind::GroupState {
                group: group_id,
                from: from.name().into(),
                to: to.name().into(),
                generation: generation_id,
                members: members.len(),
            }
        }
        GroupEvent::MemberJoined { group_id, member_id, client_id, group_instance_id: _ } => {
            BrokerEventKind::MemberJoined { group: group_id, member_id, client_id }
        }
        GroupEvent::MemberLeft { group_id, member_id, reason: _ } => {
            BrokerEventKind::MemberLeft { group: group_id, member_id }
        }
        GroupEvent::MemberExpired { group_id, member_id } => {
            BrokerEventKind::MemberExpired { group: group_id, member_id }
        }
        GroupEvent::OffsetCommitted {
            group_id: group,
            topic,
            partition,
            offset,
            member_id,
            generation_id: generation,
        } => BrokerEventKind::OffsetCommitted {
            group,
            topic,
            partition,
            offset,
            member_id,
            generation,
        },
        GroupEvent::StaticMemberReplaced { group_id, group_instance_id, new_member_id, .. } => {
            BrokerEventKind::MemberJoined {
                group: group_id,
                member_id: new_member_id,
                client_id: group_instance_id,
            }
        }
        GroupEvent::OffsetRemoved { .. } | GroupEvent::GroupDeleted { .. } => return None,
    })
}

/// Session and rebalance timeouts, expired offsets.
pub(crate) fn tick(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let indexes: Vec<i32> = broker.coordinator.shards.keys().copied().collect();
    for index in indexes {
        // Members of a consumer group are fenced one at a time.
        while let Some(groups) = broker.coordinator.shards.get_mut(&index)
            && groups.next_wakeup().is_some_and(|at| at <= now)
        {
            let decision = groups.tick(now);
            // A failed append has unloaded the shard; nobody else waits for this.
            let _ = apply(broker, now, index, decision, None, effects);
        }
    }
}

/// A client is gone. Its members stay until their sessions end, as in Kafka; only the answers that
/// nobody reads are dropped.
pub(crate) fn disconnect(
    broker: &mut Broker,
    _now: i64,
    connection: ConnectionId,
    _effects: &mut Effects,
) {
    broker.coordinator.parked.retain(|_, to| to.connection != connection);
}

/// Offsets of topics that are no more are to be deleted (`GroupCoordinator.onPartitionsDeleted`).
pub(crate) fn on_topics_deleted(
    broker: &mut Broker,
    now: i64,
    topics: &[String],
    effects: &mut Effects,
) {
    let indexes: Vec<i32> = broker.coordinator.shards.keys().copied().collect();
    if topics.iter().any(|topic| topic == GROUP_METADATA_TOPIC_NAME) {
        for index in indexes {
            unload(broker, now, index, effects);
        }
        return;
    }
    for index in indexes {
        let Some(groups) = broker.coordinator.shards.get_mut(&index) else { continue };
        let deleted: Vec<TopicPartition> = groups
            .durable()
            .offsets
            .values()
            .flat_map(|offsets| offsets.keys())
            .filter(|partition| topics.contains(&partition.topic))
            .cloned()
            .collect();
        let decision = groups.partitions_deleted(&deleted);
        let _ = apply(broker, now, index, decision, None, effects);
    }
}

/// Whether the cluster has turned on groups of the consumer protocol: `group.version` is 1 at least
/// (`KafkaApis.isConsumerGroupProtocolEnabled`).
pub(crate) fn is_consumer_protocol_enabled(broker: &Broker) -> bool {
    broker.image.feature_level("group.version") >= 1
}
