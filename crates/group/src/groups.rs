//! The groups of one partition of `__consumer_offsets`, and the operations on them.

mod classic_members;
mod consumer_heartbeat;
mod consumer_step;
mod conversion;
mod offsets;
mod transactional_offsets;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use crate::classic_group::Context;
use crate::consumer_group::{ConsumerGroupTimers, MemberState};
use crate::records::{ConsumerGroupRecord, GroupMetadataValue, OffsetCommitValue};
use crate::{
    ClassicGroup, ClassicGroupState, ConsumerGroup, ConsumerGroupState, Decided, Decision,
    DeletedGroup, DynamicGroupConfig, GroupConfig, GroupDescription, GroupError, GroupEvent,
    GroupRecord, GroupType, Heartbeat, JoinGroup, JoinGroupReply, LeaveGroup, LeftMember,
    ListedGroup, Reply, SyncGroup, SyncGroupReply, Token, TopicPartition, TopicsImage,
};

pub use transactional_offsets::PendingOffsets;

/// The groups of one partition of `__consumer_offsets`, of both kinds; an id belongs to one group.
///
/// One coordinator may hold all its groups in one of these, or one a partition. Share groups
/// (KIP-932) will be one more map here, and one more arm wherever a request asks what a group is.
#[derive(Clone, Debug)]
pub struct Groups {
    config: GroupConfig,
    durable: Durable,
    /// The classic groups as they live: what [`Durable`] says of them, and what is volatile.
    groups: SortedMap<String, ClassicGroup>,
    /// What is volatile of consumer groups.
    consumer_timers: SortedMap<String, ConsumerGroupTimers>,
    /// The topics, as the metadata say now.
    topics: Arc<TopicsImage>,
    /// The version of the image in which a topic was last new.
    last_image_with_new_topics: i64,
    /// Of groups with a configuration of their own.
    dynamic_configs: SortedMap<String, DynamicGroupConfig>,
    /// When offsets are next looked at for their retention.
    next_expiration: Option<i64>,
}

/// What the log says: the last record of each group and of each offset. Equal logs give equal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The classic groups, by id.
    pub groups: SortedMap<String, GroupMetadataValue>,
    /// The consumer groups, by id.
    pub consumer_groups: SortedMap<String, ConsumerGroup>,
    /// By group and partition.
    pub offsets: SortedMap<String, SortedMap<TopicPartition, OffsetCommitValue>>,
    /// Of transactions that are open.
    pub pending_offsets: PendingOffsets,
}

impl Groups {
    /// No groups.
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            durable: Durable::default(),
            groups: SortedMap::new(),
            consumer_timers: SortedMap::new(),
            topics: Arc::default(),
            last_image_with_new_topics: -1,
            dynamic_configs: SortedMap::new(),
            next_expiration: None,
        }
    }

    /// The topics are these now (`GroupMetadataManager.onMetadataUpdate`): groups that subscribe to
    /// one that changed look at them with the next heartbeat.
    pub fn on_metadata_update(&mut self, topics: Arc<TopicsImage>) {
        let before = core::mem::replace(&mut self.topics, topics);
        if self.last_image_with_new_topics == -1 || self.topics.has_new_topics(&before) {
            self.last_image_with_new_topics = self.topics.version();
        }
        let names: SortedSet<&str> =
            before.topic_names().chain(self.topics.topic_names()).collect();
        let changed: Vec<&str> =
            names.iter().copied().filter(|name| self.topics.differs(&before, name)).collect();
        for (group_id, group) in &self.durable.consumer_groups {
            if changed.iter().any(|name| group.is_subscribed_to_topic(name))
                && let Some(timers) = self.consumer_timers.get_mut(group_id)
            {
                timers.request_metadata_refresh();
            }
        }
    }

    /// The topics that this shard knows of.
    pub fn topics(&self) -> &TopicsImage {
        &self.topics
    }

    /// A group's own configuration (`GroupConfigManager`); the default removes it.
    pub fn update_group_config(&mut self, group_id: &str, config: DynamicGroupConfig) {
        if config == DynamicGroupConfig::default() {
            self.dynamic_configs.remove(group_id);
        } else {
            self.dynamic_configs.insert(group_id.to_string(), config);
        }
    }

    fn dynamic_config(&self, group_id: &str) -> DynamicGroupConfig {
        self.dynamic_configs.get(group_id).cloned().unwrap_or_default()
    }

    /// The broker's configuration changed (`group.consumer.assignment.interval.ms` may, while it
    /// runs).
    pub fn update_config(&mut self, config: GroupConfig) {
        self.config = config;
    }

    /// The configuration.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// What the log says.
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// JoinGroup. The answer comes in a [`Decision`] of this or of a later call, under `token`.
    pub fn join_group(&mut self, now: i64, token: Token, request: JoinGroup) -> Decision {
        let mut out = Decision::default();
        let session_timeouts =
            self.config.min_session_timeout_ms..=self.config.max_session_timeout_ms;
        let error = if request.group_id.is_empty() {
            Some(GroupError::InvalidGroupId)
        } else if !session_timeouts.contains(&request.session_timeout_ms) {
            Some(GroupError::InvalidSessionTimeout)
        } else if self.has_consumer_members(&request.group_id) {
            return self.join_consumer_group(now, token, request);
        } else if !self.groups.contains_key(&request.group_id) && !request.member_id.is_empty() {
            Some(GroupError::UnknownMemberId)
        } else {
            None
        };
        if let Some(error) = error {
            let reply = JoinGroupReply::failed(error, &request.member_id);
            out.replies.push((token, Reply::JoinGroup(reply)));
            return out;
        }
        self.schedule_expiration(now);
        // An empty consumer group turns classic.
        self.delete_consumer_group(&request.group_id, &mut out);
        let is_new_group = !self.groups.contains_key(&request.group_id);
        let group = self
            .groups
            .entry(request.group_id.clone())
            .or_insert_with(|| ClassicGroup::new(&request.group_id, now));
        if is_new_group {
            // Kafka writes it after the join, with the same content.
            out.records.push(group.empty_metadata_record());
        }
        group.join(&mut Context { now, config: &self.config, out: &mut out }, token, request);
        out
    }

    /// SyncGroup. The answer comes in a [`Decision`] of this or of a later call, under `token`.
    pub fn sync_group(&mut self, now: i64, token: Token, request: SyncGroup) -> Decision {
        let mut out = Decision::default();
        if self.has_consumer_members(&request.group_id) {
            return self.sync_consumer_group(now, token, &request);
        }
        let group = self.groups.get_mut(&request.group_id).filter(|group| !group.is_empty());
        if request.group_id.is_empty() {
            let reply = SyncGroupReply::failed(GroupError::InvalidGroupId);
            out.replies.push((token, Reply::SyncGroup(reply)));
        } else if let Some(group) = group {
            group.sync(&mut Context { now, config: &self.config, out: &mut out }, token, request);
        } else {
            let reply = SyncGroupReply::failed(GroupError::UnknownMemberId);
            out.replies.push((token, Reply::SyncGroup(reply)));
        }
        out
    }

    /// Heartbeat.
    pub fn heartbeat(&mut self, now: i64, request: &Heartbeat) -> Result<(), GroupError> {
        if request.group_id.is_empty() {
            return Err(GroupError::InvalidGroupId);
        }
        if self.durable.consumer_groups.contains_key(&request.group_id) {
            return self.heartbeat_consumer_group(now, request);
        }
        let mut out = Decision::default();
        let group = self.groups.get_mut(&request.group_id).ok_or(GroupError::UnknownMemberId)?;
        group.heartbeat(&mut Context { now, config: &self.config, out: &mut out }, request)
    }

    /// LeaveGroup; one result a member, in the order asked.
    pub fn leave_group(
        &mut self,
        now: i64,
        request: &LeaveGroup,
    ) -> Decided<Result<Vec<LeftMember>, GroupError>> {
        let mut decision = Decision::default();
        let response = if request.group_id.is_empty() {
            Err(GroupError::InvalidGroupId)
        } else if self.durable.consumer_groups.contains_key(&request.group_id) {
            return self.leave_consumer_group(now, request);
        } else if let Some(group) = self.groups.get_mut(&request.group_id) {
            let mut cx = Context { now, config: &self.config, out: &mut decision };
            group.leave(&mut cx, &request.members)
        } else {
            Ok(request
                .members
                .iter()
                .map(|member| LeftMember {
                    member_id: member.member_id.clone(),
                    group_instance_id: member.group_instance_id.clone(),
                    error: Some(GroupError::UnknownMemberId),
                })
                .collect())
        };
        Decided { response, decision }
    }

    /// DescribeGroups, of one group; a group that is not known, or is a consumer group, is described
    /// as Dead, which the caller answers as `GROUP_ID_NOT_FOUND` from version 6 on (KIP-1043).
    pub fn describe_group(&self, group_id: &str) -> GroupDescription {
        self.groups.get(group_id).map(ClassicGroup::describe).unwrap_or_else(|| GroupDescription {
            group_id: group_id.into(),
            state: ClassicGroupState::Dead,
            protocol_type: String::new(),
            protocol: String::new(),
            generation_id: 0,
            members: Vec::new(),
        })
    }

    /// ListGroups, in the order of their ids.
    pub fn list_groups(&self) -> Vec<ListedGroup> {
        let consumer_groups = self.durable.consumer_groups.values().map(|group| ListedGroup {
            group_id: group.group_id().to_string(),
            protocol_type: crate::consumer_protocol::PROTOCOL_TYPE.into(),
            state: group.state().name(),
            group_type: GroupType::Consumer,
        });
        let mut listed: Vec<ListedGroup> =
            self.groups.values().map(ClassicGroup::listed).chain(consumer_groups).collect();
        logbrook_sorted::sort_by(&mut listed, |a, b| a.group_id.cmp(&b.group_id));
        listed
    }

    /// What kind of group has this id.
    pub fn group_type(&self, group_id: &str) -> Option<GroupType> {
        if self.durable.consumer_groups.contains_key(group_id) {
            Some(GroupType::Consumer)
        } else {
            self.groups.contains_key(group_id).then_some(GroupType::Classic)
        }
    }

    fn has_consumer_members(&self, group_id: &str) -> bool {
        self.durable.consumer_groups.get(group_id).is_some_and(|group| !group.is_empty())
    }

    /// The tombstones of a group of either kind, with its timers.
    fn delete_group(&self, group_id: &str, out: &mut Decision) {
        if self.durable.consumer_groups.contains_key(group_id) {
            self.delete_consumer_group(group_id, out);
        } else {
            out.records
                .push(GroupRecord::GroupMetadata { group_id: group_id.to_string(), value: None });
        }
        out.events.push(GroupEvent::GroupDeleted { group_id: group_id.to_string() });
    }

    fn delete_consumer_group(&self, group_id: &str, out: &mut Decision) {
        if let Some(group) = self.durable.consumer_groups.get(group_id) {
            let members = group.members().keys().cloned().collect();
            let records = conversion::deleted_records(group, &members);
            out.records.extend(records.into_iter().map(|record| group_record(group_id, record)));
        }
    }

    /// DeleteGroups; one result a group, in the order asked.
    pub fn delete_groups(&mut self, group_ids: &[String]) -> Decided<Vec<DeletedGroup>> {
        let mut decision = Decision::default();
        let response = group_ids
            .iter()
            .map(|group_id| {
                let valid = match self.durable.consumer_groups.get(group_id) {
                    Some(group) if group.state() == ConsumerGroupState::Empty => Ok(()),
                    Some(_) => Err(GroupError::NonEmptyGroup),
                    None => self
                        .groups
                        .get(group_id)
                        .ok_or(GroupError::GroupIdNotFound)
                        .and_then(ClassicGroup::validate_delete),
                };
                if valid.is_ok() {
                    self.remove_offsets(group_id, |_| true, &mut decision);
                    self.delete_group(group_id, &mut decision);
                }
                DeletedGroup { group_id: group_id.clone(), error: valid.err() }
            })
            .collect();
        Decided { response, decision }
    }

    /// Lets what is due happen: rebalances complete, members expire, offsets expire. To be called
    /// at [`next_wakeup`](Self::next_wakeup), or whenever, and again while that says that more is
    /// due: a member of a consumer group that is removed is removed from what the records of the
    /// one before left.
    pub fn tick(&mut self, now: i64) -> Decision {
        let mut out = Decision::default();
        self.tick_consumer_groups(now, &mut out);
        if !out.is_empty() {
            return out;
        }
        for group in self.groups.values_mut() {
            if group.next_deadline().is_some_and(|at| at <= now) {
                group.tick(&mut Context { now, config: &self.config, out: &mut out });
            }
        }
        if self.next_expiration.is_some_and(|at| at <= now) {
            self.expire_offsets(now, &mut out);
            self.next_expiration = None;
            self.schedule_expiration(now);
        }
        out
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_wakeup(&self) -> Option<i64> {
        let expiration = self.next_expiration.filter(|_| self.has_groups());
        let consumer = self.consumer_timers.values().filter_map(ConsumerGroupTimers::next_deadline);
        let classic = self.groups.values().filter_map(ClassicGroup::next_deadline);
        classic.chain(consumer).chain(expiration).min()
    }

    fn has_groups(&self) -> bool {
        !self.groups.is_empty() || !self.durable.consumer_groups.is_empty()
    }

    fn schedule_expiration(&mut self, now: i64) {
        if self.next_expiration.is_none() || !self.has_groups() {
            let interval_ms = self.config.offsets_retention_check_interval_ms;
            self.next_expiration = Some(now.saturating_add(interval_ms));
        }
    }

    /// Applies a record that was appended: the only place where durable state changes. After the
    /// replay of a log from its start, call [`on_loaded`](Self::on_loaded).
    pub fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::GroupMetadata { group_id, value: Some(value) } => {
                self.durable.groups.insert(group_id.clone(), value.clone());
                // A group that lives already decided this record, and may have gone on since.
                let now = value.current_state_timestamp;
                self.groups
                    .entry(group_id.clone())
                    .or_insert_with(|| ClassicGroup::from_metadata(group_id, value, now));
            }
            GroupRecord::GroupMetadata { group_id, value: None } => {
                self.durable.groups.remove(group_id);
                self.groups.remove(group_id);
            }
            GroupRecord::ConsumerGroup { group_id, record } => {
                self.replay_consumer_group(group_id, record);
            }
            GroupRecord::OffsetCommit { group_id, topic, partition, value } => {
                let key = TopicPartition::new(topic.clone(), *partition);
                match value {
                    Some(value) => {
                        self.create_for_offsets(group_id, value.commit_timestamp);
                        self.durable.pending_offsets.supersede(group_id, &key, u64::MAX);
                        let offsets = self.durable.offsets.entry(group_id.clone()).or_default();
                        offsets.insert(key, value.clone());
                    }
                    None => {
                        self.durable.pending_offsets.remove(group_id, &key);
                        if let Some(offsets) = self.durable.offsets.get_mut(group_id) {
                            offsets.remove(&key);
                            if offsets.is_empty() {
                                self.durable.offsets.remove(group_id);
                            }
                        }
                    }
                }
            }
        }
    }

    /// A group that only keeps offsets comes into being with its first one.
    fn create_for_offsets(&mut self, group_id: &str, now: i64) {
        if self.group_type(group_id).is_none() {
            self.groups.insert(group_id.to_string(), ClassicGroup::new(group_id, now));
        }
    }

    fn replay_consumer_group(&mut self, group_id: &str, record: &ConsumerGroupRecord) {
        let is_tombstone = record.is_tombstone();
        let Some(group) = self.durable.consumer_groups.get_mut(group_id) else {
            // The removal of what is not there.
            if is_tombstone {
                return;
            }
            let mut group = ConsumerGroup::new(group_id);
            group.replay(record);
            self.durable.consumer_groups.insert(group_id.to_string(), group);
            // A group that only kept offsets has no record of its own.
            if !self.durable.groups.contains_key(group_id) {
                self.groups.remove(group_id);
            }
            return;
        };
        if !group.replay(record) {
            self.durable.consumer_groups.remove(group_id);
            self.consumer_timers.remove(group_id);
            // What is left are offsets: with them the group lives on, as one that only keeps them.
            if self.durable.offsets.contains_key(group_id)
                || self.durable.pending_offsets.contains_group(group_id)
            {
                self.create_for_offsets(group_id, -1);
            }
        }
    }

    /// The log has been replayed: the groups live as it says, and the sessions of their members
    /// start anew at `now` (`GroupMetadataManager.onLoaded`).
    pub fn on_loaded(&mut self, now: i64) -> Decision {
        let mut out = Decision::default();
        self.groups.clear();
        for (group_id, value) in &self.durable.groups {
            let mut group = ClassicGroup::from_metadata(group_id, value, now);
            group.loaded(&mut Context { now, config: &self.config, out: &mut out });
            self.groups.insert(group_id.clone(), group);
        }
        let pending = self.durable.pending_offsets.group_ids();
        for group_id in self.durable.offsets.keys().chain(pending) {
            if !self.durable.consumer_groups.contains_key(group_id) {
                let new = || ClassicGroup::new(group_id, now);
                self.groups.entry(group_id.clone()).or_insert_with(new);
            }
        }
        self.consumer_timers.clear();
        for (group_id, group) in &self.durable.consumer_groups {
            let timeout_ms = self
                .dynamic_config(group_id)
                .consumer_session_timeout_ms
                .unwrap_or(self.config.consumer.session_timeout_ms);
            let timers = self.consumer_timers.entry(group_id.clone()).or_default();
            for member in group.members().values() {
                timers.schedule_session(member.member_id(), now, timeout_ms);
                if member.state() == MemberState::UnrevokedPartitions {
                    timers.schedule_rebalance(
                        member.member_id(),
                        now,
                        member.rebalance_timeout_ms,
                        member.member_epoch(),
                    );
                }
            }
        }
        if self.has_groups() {
            self.schedule_expiration(now);
        }
        out
    }

    /// Another broker coordinates these groups now: everything parked is answered with
    /// `NOT_COORDINATOR` (`onUnloaded`).
    pub fn unload(mut self, now: i64) -> Decision {
        let mut out = Decision::default();
        for group in self.groups.values_mut() {
            group.unload(&mut Context { now, config: &self.config, out: &mut out });
        }
        out
    }

    /// A consumer group, for views.
    pub fn consumer_group(&self, group_id: &str) -> Option<&ConsumerGroup> {
        self.durable.consumer_groups.get(group_id)
    }

    /// The consumer groups, in the order of their ids.
    pub fn consumer_groups(&self) -> impl Iterator<Item = &ConsumerGroup> {
        self.durable.consumer_groups.values()
    }

    /// The timers of a consumer group, for views.
    pub fn consumer_group_timers(&self, group_id: &str) -> Option<&ConsumerGroupTimers> {
        self.consumer_timers.get(group_id)
    }

    /// A classic group, for views.
    pub fn group(&self, group_id: &str) -> Option<&ClassicGroup> {
        self.groups.get(group_id)
    }

    /// The classic groups, in the order of their ids.
    pub fn groups(&self) -> impl Iterator<Item = &ClassicGroup> {
        self.groups.values()
    }
}

/// A record of a consumer group, under its id.
fn group_record(group_id: &str, record: ConsumerGroupRecord) -> GroupRecord {
    GroupRecord::ConsumerGroup { group_id: group_id.to_string(), record }
}
