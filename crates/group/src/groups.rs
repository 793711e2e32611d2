//! The groups of one partition of `__consumer_offsets`, and the operations on them.

mod offsets;
mod transactional_offsets;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use crate::classic_group::Context;
use crate::records::{GroupMetadataValue, OffsetCommitValue};
use crate::{
    ClassicGroup, ClassicGroupState, Decided, Decision, DeletedGroup, GroupConfig,
    GroupDescription, GroupError, GroupEvent, GroupRecord, Heartbeat, JoinGroup, JoinGroupReply,
    LeaveGroup, LeftMember, ListedGroup, Reply, SyncGroup, SyncGroupReply, Token, TopicPartition,
};

pub use transactional_offsets::PendingOffsets;

/// The groups of one partition of `__consumer_offsets`.
///
/// One coordinator may hold all its groups in one of these, or one a partition.
#[derive(Clone, Debug)]
pub struct Groups {
    config: GroupConfig,
    durable: Durable,
    /// As they live: what [`Durable`] says of them, and what is volatile.
    groups: SortedMap<String, ClassicGroup>,
    /// When offsets are next looked at for their retention.
    next_expiration: Option<i64>,
}

/// What the log says: the last record of each group and of each offset. Equal logs give equal ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// By group.
    pub groups: SortedMap<String, GroupMetadataValue>,
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
            next_expiration: None,
        }
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

    /// DescribeGroups, of one group; a group that is not known is described as Dead, which the
    /// caller answers as `GROUP_ID_NOT_FOUND` from version 6 on (KIP-1043).
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
        self.groups.values().map(ClassicGroup::listed).collect()
    }

    /// DeleteGroups; one result a group, in the order asked.
    pub fn delete_groups(&mut self, group_ids: &[String]) -> Decided<Vec<DeletedGroup>> {
        let mut decision = Decision::default();
        let response = group_ids
            .iter()
            .map(|group_id| {
                let valid = self
                    .groups
                    .get(group_id)
                    .ok_or(GroupError::GroupIdNotFound)
                    .and_then(ClassicGroup::validate_delete);
                if valid.is_ok() {
                    self.remove_offsets(group_id, |_| true, &mut decision);
                    delete_group(group_id, &mut decision);
                }
                DeletedGroup { group_id: group_id.clone(), error: valid.err() }
            })
            .collect();
        Decided { response, decision }
    }

    /// Lets what is due happen: rebalances complete, members expire, offsets expire. To be called
    /// at [`next_wakeup`](Self::next_wakeup), or whenever.
    pub fn tick(&mut self, now: i64) -> Decision {
        let mut out = Decision::default();
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
        let expiration = self.next_expiration.filter(|_| !self.groups.is_empty());
        self.groups.values().filter_map(ClassicGroup::next_deadline).chain(expiration).min()
    }

    fn schedule_expiration(&mut self, now: i64) {
        if self.next_expiration.is_none() || self.groups.is_empty() {
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
        if !self.groups.contains_key(group_id) {
            self.groups.insert(group_id.to_string(), ClassicGroup::new(group_id, now));
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
            self.groups.entry(group_id.clone()).or_insert_with(|| ClassicGroup::new(group_id, now));
        }
        if !self.groups.is_empty() {
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

    /// A group, for views.
    pub fn group(&self, group_id: &str) -> Option<&ClassicGroup> {
        self.groups.get(group_id)
    }

    /// The groups, in the order of their ids.
    pub fn groups(&self) -> impl Iterator<Item = &ClassicGroup> {
        self.groups.values()
    }
}

fn delete_group(group_id: &str, out: &mut Decision) {
    out.records.push(GroupRecord::GroupMetadata { group_id: group_id.to_string(), value: None });
    out.events.push(GroupEvent::GroupDeleted { group_id: group_id.to_string() });
}
