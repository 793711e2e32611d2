//! Members of the classic protocol in a consumer group: JoinGroup, SyncGroup, Heartbeat and
//! LeaveGroup in the new group's terms (KIP-848, the way up and down).
//!
//! The generation that they see is their member epoch. They have no leader: the coordinator assigns,
//! and SyncGroup brings each its part.

use alloc::string::String;
use alloc::vec::Vec;

use logbrook_sorted::SortedSet;

use super::consumer_step::{RegexUpdate, Step, Target};
use super::{Groups, group_record};
use crate::consumer_group::{
    ConsumerGroup, ConsumerGroupMember, LEAVE_GROUP_STATIC_MEMBER_EPOCH, MemberState,
    TopicPartitionsList, without_epochs,
};
use crate::consumer_protocol::{self, PROTOCOL_TYPE, Subscription};
use crate::records::ClassicMemberMetadata;
use crate::{
    ClassicGroup, Decided, Decision, GroupError, GroupEvent, Heartbeat, JoinGroup, JoinGroupReply,
    LeaveGroup, LeftMember, Reply, SyncGroup, SyncGroupReply, Token, TopicPartition, TopicsImage,
};

impl Groups {
    /// `classicGroupJoinToConsumerGroup`: answered at once.
    pub(super) fn join_consumer_group(
        &mut self,
        now: i64,
        token: Token,
        request: JoinGroup,
    ) -> Decision {
        let mut out = Decision::default();
        let reply = match self.join_consumer_group_or_fail(now, request, &mut out) {
            Ok(reply) => reply,
            Err(JoinError { error, member_id }) => {
                out = Decision::default();
                JoinGroupReply::failed(error, &member_id)
            }
        };
        out.replies.push((token, Reply::JoinGroup(reply)));
        out
    }

    fn join_consumer_group_or_fail(
        &mut self,
        now: i64,
        request: JoinGroup,
        out: &mut Decision,
    ) -> Result<JoinGroupReply, JoinError> {
        let group_id = request.group_id.clone();
        let Some(group) = self.durable.consumer_groups.get(&group_id) else {
            return Err(GroupError::UnknownMemberId.into());
        };
        if self.config.consumer.migration_policy == crate::MigrationPolicy::Disabled {
            return Err(GroupError::InconsistentGroupProtocol.into());
        }
        let is_unknown_member = request.member_id.is_empty();
        let member_id = if is_unknown_member {
            crate::primitives::random_uuid(request.new_member_uuid)
        } else {
            request.member_id.clone()
        };
        let instance = request.group_instance_id.as_deref();
        let existing = instance.and_then(|instance| group.static_member(instance)).cloned();
        let is_known = existing.is_some() || group.members.contains_key(&member_id);
        if group.members.len() >= self.config.consumer.max_size && !is_known {
            return Err(GroupError::GroupMaxSizeReached.into());
        }
        let names = ClassicGroup::protocol_names(&request.protocols);
        if !group.supports_classic_protocols(&request.protocol_type, &names) {
            return Err(GroupError::InconsistentGroupProtocol.into());
        }
        if request.requires_known_member_id && is_unknown_member && instance.is_none() {
            return Err(JoinError { error: GroupError::MemberIdRequired, member_id });
        }
        let first = request.protocols.first().ok_or(GroupError::InconsistentGroupProtocol)?;
        let subscription =
            Subscription::decode(&first.metadata).map_err(|_| GroupError::UnknownServerError)?;
        let protocol_name = first.name.clone();
        let downgrade = existing.as_ref().is_some_and(|e| self.may_downgrade_replacing(group, e));
        let dynamic = self.dynamic_config(&group_id);
        let interval_ms = dynamic
            .consumer_assignment_interval_ms
            .unwrap_or(self.config.consumer.assignment_interval_ms);

        let mut timers = self.consumer_timers.remove(&group_id).unwrap_or_default();
        let mut step = Step {
            now,
            config: &self.config.consumer,
            image: &self.topics,
            last_image_with_new_topics: self.last_image_with_new_topics,
            group,
            timers: &mut timers,
            records: Vec::new(),
            to_resolve: None,
        };
        let joined = step.classic_join(&request, &member_id, &subscription, downgrade, interval_ms);
        let records = step.records;
        let was_member = group.members.contains_key(&member_id);
        let group = downgrade.then(|| group.clone());
        if joined.is_ok() {
            timers.cancel_join(&member_id);
            timers.schedule_session(&member_id, now, request.session_timeout_ms);
            timers.schedule_sync(&member_id, now, request.rebalance_timeout_ms);
        }
        self.consumer_timers.insert(group_id.clone(), timers);
        let ClassicJoined { member, must_rebalance } = joined?;
        out.records.extend(records.into_iter().map(|record| group_record(&group_id, record)));
        if !was_member {
            out.events.push(GroupEvent::MemberJoined {
                group_id: group_id.clone(),
                member_id: member.member_id.clone(),
                client_id: member.client_id.clone(),
                group_instance_id: member.instance_id.clone(),
            });
        }
        if let Some(group) = group {
            let reason = must_rebalance.then(|| {
                alloc::format!(
                    "Downgrade group {group_id} from consumer to classic with stale assignment."
                )
            });
            let none = SortedSet::new();
            if !self.convert_to_classic_group(now, &group, &none, Some(&member), reason, out) {
                return Err(GroupError::GroupIdNotFound.into());
            }
        }
        Ok(JoinGroupReply {
            error: None,
            generation_id: member.member_epoch,
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: Some(protocol_name),
            leader: String::new(),
            skip_assignment: false,
            member_id: member.member_id,
            members: Vec::new(),
        })
    }

    /// `classicGroupSyncToConsumerGroup`: answered at once.
    pub(super) fn sync_consumer_group(
        &mut self,
        now: i64,
        token: Token,
        request: &SyncGroup,
    ) -> Decision {
        let reply =
            self.sync_consumer_group_or_fail(now, request).unwrap_or_else(SyncGroupReply::failed);
        Decision { replies: [(token, Reply::SyncGroup(reply))].into(), ..Decision::default() }
    }

    fn sync_consumer_group_or_fail(
        &mut self,
        now: i64,
        request: &SyncGroup,
    ) -> Result<SyncGroupReply, GroupError> {
        let group = self.durable.consumer_groups.get(&request.group_id);
        let group = group.ok_or(GroupError::UnknownMemberId)?;
        let member =
            group.classic_member(&request.member_id, request.group_instance_id.as_deref())?;
        if member.member_epoch != request.generation_id {
            return Err(GroupError::IllegalGeneration);
        }
        let protocol = member.classic_protocols().first().ok_or(GroupError::UnknownMemberId)?;
        let differs =
            |asked: &Option<String>, ours: &str| asked.as_deref().is_some_and(|a| a != ours);
        if differs(&request.protocol_type, PROTOCOL_TYPE)
            || differs(&request.protocol_name, &protocol.name)
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        let timers = self.consumer_timers.entry(request.group_id.clone()).or_default();
        if group.assignment_epoch > member.member_epoch
            && member.state != MemberState::UnrevokedPartitions
        {
            let timeout_ms = member.rebalance_timeout_ms;
            timers.schedule_join_if_absent(&member.member_id, now, timeout_ms);
            return Err(GroupError::RebalanceInProgress);
        }
        let version = Subscription::decode_version(&protocol.metadata)
            .map_err(|_| GroupError::UnknownServerError)?;
        timers.cancel_sync(&member.member_id);
        timers.schedule_session(&member.member_id, now, session_timeout_ms(member));
        Ok(SyncGroupReply {
            error: None,
            protocol_type: request.protocol_type.clone(),
            protocol_name: request.protocol_name.clone(),
            assignment: assignment_of(member, &self.topics).encode_version(version).into(),
        })
    }

    /// `classicGroupHeartbeatToConsumerGroup`.
    pub(super) fn heartbeat_consumer_group(
        &mut self,
        now: i64,
        request: &Heartbeat,
    ) -> Result<(), GroupError> {
        let group = self.durable.consumer_groups.get(&request.group_id);
        let group = group.ok_or(GroupError::UnknownMemberId)?;
        let member =
            group.classic_member(&request.member_id, request.group_instance_id.as_deref())?;
        if member.member_epoch != request.generation_id {
            return Err(GroupError::IllegalGeneration);
        }
        let timers = self.consumer_timers.entry(request.group_id.clone()).or_default();
        timers.schedule_session(&member.member_id, now, session_timeout_ms(member));
        let must_rejoin = member.member_epoch < group.assignment_epoch
            || match member.state {
                MemberState::UnrevokedPartitions => true,
                MemberState::UnreleasedPartitions => {
                    !group.is_waiting_on_unreleased_partition(member)
                }
                MemberState::Stable | MemberState::Unknown => false,
            };
        if must_rejoin {
            let timeout_ms = member.rebalance_timeout_ms;
            timers.schedule_join_if_absent(&member.member_id, now, timeout_ms);
            return Err(GroupError::RebalanceInProgress);
        }
        Ok(())
    }

    /// `classicGroupLeaveToConsumerGroup`: also how an admin client removes members of either
    /// protocol.
    pub(super) fn leave_consumer_group(
        &mut self,
        now: i64,
        request: &LeaveGroup,
    ) -> Decided<Result<Vec<LeftMember>, GroupError>> {
        let mut decision = Decision::default();
        let mut leaving = SortedSet::new();
        let mut left = Vec::new();
        if let Some(group) = self.durable.consumer_groups.get(&request.group_id) {
            for member in &request.members {
                let found =
                    leaving_member(group, &member.member_id, member.group_instance_id.as_deref());
                if let Ok(member_id) = &found {
                    leaving.insert(member_id.clone());
                    decision.events.push(GroupEvent::MemberLeft {
                        group_id: request.group_id.clone(),
                        member_id: member_id.clone(),
                        reason: member.reason.clone(),
                    });
                }
                left.push(LeftMember {
                    member_id: member.member_id.clone(),
                    group_instance_id: member.group_instance_id.clone(),
                    error: found.err(),
                });
            }
        }
        self.fence_members(now, &request.group_id, &leaving, &mut decision);
        Decided { response: Ok(left), decision }
    }
}

/// Why a join is refused, and the id that a new member is given with that; else empty.
struct JoinError {
    error: GroupError,
    member_id: String,
}

impl From<GroupError> for JoinError {
    fn from(error: GroupError) -> Self {
        Self { error, member_id: String::new() }
    }
}

struct ClassicJoined {
    member: ConsumerGroupMember,
    /// Of a downgrade: the target is behind, so the classic group must assign anew.
    must_rebalance: bool,
}

impl Step<'_> {
    fn classic_join(
        &mut self,
        request: &JoinGroup,
        member_id: &str,
        subscription: &Subscription,
        downgrade: bool,
        assignment_interval_ms: i32,
    ) -> Result<ClassicJoined, GroupError> {
        let member = match request.group_instance_id.as_deref() {
            None => {
                let member = self.group.members.get(member_id).cloned();
                member.unwrap_or_else(|| ConsumerGroupMember::new(member_id))
            }
            Some(instance) if request.member_id.is_empty() => self
                .static_member_joins(member_id, instance, true)
                .map_err(|failure| failure.error)?,
            Some(instance) => {
                let member =
                    self.group.static_member(instance).ok_or(GroupError::UnknownMemberId)?;
                if member.member_id != member_id {
                    return Err(GroupError::FencedInstanceId);
                }
                member.clone()
            }
        };
        let mut updated = member.clone();
        if request.group_instance_id.is_some() {
            updated.instance_id = request.group_instance_id.clone();
        }
        if let Some(rack) = subscription.rack_id.as_ref().filter(|rack| !rack.is_empty()) {
            updated.rack_id = Some(rack.clone());
        }
        if request.rebalance_timeout_ms != -1 {
            updated.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        updated.subscribed_topic_names = subscription.topics.iter().cloned().collect();
        updated.subscribed_topic_regex = Some(String::new());
        updated.client_id = request.client_id.clone();
        updated.client_host = request.client_host.clone();
        updated.classic = Some(ClassicMemberMetadata {
            session_timeout_ms: request.session_timeout_ms,
            supported_protocols: request.protocols.clone(),
        });

        let names_changed = self.member_updated(&member, &updated);
        let regex = self
            .update_regular_expressions(&member, &updated, None)
            .map_err(|failure| failure.error)?;
        let bump = names_changed || regex != RegexUpdate::NoChange;
        let epoch = if bump || self.timers.has_metadata_expired(self.now, self.group.group_epoch) {
            self.update_subscription_metadata(bump, &member, &updated)
        } else {
            self.epoch()
        };
        let owned = owned_partitions(subscription, self.image);
        if downgrade {
            let must_rebalance = self.group.assignment_epoch < epoch.group_epoch;
            if !must_rebalance {
                let target = Target {
                    epoch: self.group.assignment_epoch,
                    assignment: self.group.target_of(&updated),
                };
                updated = self
                    .reconcile(updated, &target, bump, Some(&owned))
                    .map_err(|failure| failure.error)?;
            }
            return Ok(ClassicJoined { member: updated, must_rebalance });
        }
        let target = self
            .update_target(epoch, assignment_interval_ms, &member, &updated)
            .map_err(|failure| failure.error)?;
        let updated = self
            .reconcile(updated, &target, bump, Some(&owned))
            .map_err(|failure| failure.error)?;
        Ok(ClassicJoined { member: updated, must_rebalance: false })
    }
}

fn leaving_member(
    group: &ConsumerGroup,
    member_id: &str,
    instance_id: Option<&str>,
) -> Result<String, GroupError> {
    match instance_id {
        None => {
            let member = group.members.get(member_id).ok_or(GroupError::UnknownMemberId)?;
            Ok(member.member_id.clone())
        }
        Some(instance) => {
            let member = group.static_member(instance).ok_or(GroupError::UnknownMemberId)?;
            // Without a member id an administrator removes whoever has the instance id.
            if !member_id.is_empty() && member.member_id != member_id {
                return Err(GroupError::FencedInstanceId);
            }
            Ok(member.member_id.clone())
        }
    }
}

fn session_timeout_ms(member: &ConsumerGroupMember) -> i32 {
    member.classic.as_ref().map_or(0, |classic| classic.session_timeout_ms)
}

/// What a member may read, in the words of the classic protocol (`toConsumerProtocolAssignment`).
fn assignment_of(
    member: &ConsumerGroupMember,
    image: &TopicsImage,
) -> consumer_protocol::Assignment {
    debug_assert_ne!(member.member_epoch, LEAVE_GROUP_STATIC_MEMBER_EPOCH);
    let assigned = without_epochs(&member.assigned_partitions);
    let mut partitions = Vec::new();
    for (topic, indexes) in &assigned {
        if let Some(name) = image.name(topic) {
            partitions.extend(indexes.iter().map(|index| TopicPartition::new(name, *index)));
        }
    }
    consumer_protocol::Assignment::of(partitions)
}

/// What a member says that it owns (`toTopicPartitions`).
fn owned_partitions(subscription: &Subscription, image: &TopicsImage) -> TopicPartitionsList {
    let mut owned = TopicPartitionsList::new();
    for partition in &subscription.owned_partitions {
        let Some(topic) = image.topic(&partition.topic) else { continue };
        match owned.iter_mut().find(|(id, _)| *id == topic.id) {
            Some((_, partitions)) => partitions.push(partition.partition),
            None => owned.push((topic.id, [partition.partition].into())),
        }
    }
    owned
}
