//! What follows from a member's heartbeat or join in a consumer group: the member, the topics, the
//! target, the member's next step.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::SortedSet;

use crate::consumer_group::{
    Assignment, ConsumerGroup, ConsumerGroupMember, ConsumerGroupTimers, CurrentAssignmentBuilder,
    LEAVE_GROUP_STATIC_MEMBER_EPOCH, MemberState, SubscriptionType, TargetAssignment,
    TopicPartitionsList,
};
use crate::records::{
    ConsumerGroupMetadataValue, ConsumerGroupRecord, TargetAssignmentMetadataValue,
};
use crate::{
    ConsumerGroupConfig, GroupError, GroupFailure, ResolvedRegularExpression, TopicsImage,
};

/// Regular expressions are not resolved more often than this (`REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`).
const REGEX_BATCH_REFRESH_MIN_INTERVAL_MS: i64 = 10_000;

/// One decision about a consumer group. Nothing of the group changes; records are gathered.
pub(super) struct Step<'a> {
    pub(super) now: i64,
    pub(super) config: &'a ConsumerGroupConfig,
    pub(super) image: &'a TopicsImage,
    /// The version of the first image that had the newest topic.
    pub(super) last_image_with_new_topics: i64,
    pub(super) group: &'a ConsumerGroup,
    pub(super) timers: &'a mut ConsumerGroupTimers,
    pub(super) records: Vec<ConsumerGroupRecord>,
    /// Regular expressions that are to be resolved.
    pub(super) to_resolve: Option<SortedSet<String>>,
}

/// How a member's regular expression changed (`UpdateRegularExpressionStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegexUpdate {
    NoChange,
    Updated,
    /// To one whose topics are known already.
    UpdatedAndResolved,
}

/// The group's epoch and kind after the topics were looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    pub(super) group_epoch: i32,
    pub(super) subscription_type: SubscriptionType,
}

/// What a member is to go to.
pub(super) struct Target {
    pub(super) epoch: i32,
    pub(super) assignment: Assignment,
}

impl Step<'_> {
    /// The epoch as it is.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch {
            group_epoch: self.group.group_epoch,
            subscription_type: self.group.subscriptions().subscription_type(),
        }
    }

    /// `getOrMaybeSubscribeStaticConsumerGroupMember` where a static member joins or comes back.
    pub(super) fn static_member_joins(
        &mut self,
        member_id: &str,
        instance_id: &str,
        uses_classic_protocol: bool,
    ) -> Result<ConsumerGroupMember, GroupFailure> {
        let Some(existing) = self.group.static_member(instance_id) else {
            let member = self.group.members.get(member_id).cloned();
            return Ok(member.unwrap_or_else(|| ConsumerGroupMember::new(member_id)));
        };
        if !uses_classic_protocol && !existing.uses_classic_protocol() {
            existing.validate_released(member_id, instance_id)?;
        }
        let mut member = existing.clone();
        member.member_id = member_id.into();
        member.member_epoch = 0;
        member.previous_member_epoch = 0;
        let existing_id = existing.member_id.clone();
        let target = self.group.target_assignment.get(&existing_id).cloned().unwrap_or_default();
        self.remove_member(&existing_id);
        self.records.push(ConsumerGroupRecord::MemberMetadata {
            member_id: member_id.into(),
            value: Some(member.metadata_value()),
        });
        self.records.push(ConsumerGroupRecord::TargetAssignmentMember {
            member_id: member_id.into(),
            value: Some(target),
        });
        self.records.push(ConsumerGroupRecord::CurrentMemberAssignment {
            member_id: member_id.into(),
            value: Some(member.assignment_value()),
        });
        Ok(member)
    }

    /// The tombstones of a member.
    pub(super) fn remove_member(&mut self, member_id: &str) {
        let member_id = || String::from(member_id);
        self.records.extend([
            ConsumerGroupRecord::CurrentMemberAssignment { member_id: member_id(), value: None },
            ConsumerGroupRecord::TargetAssignmentMember { member_id: member_id(), value: None },
            ConsumerGroupRecord::MemberMetadata { member_id: member_id(), value: None },
        ]);
    }

    /// `hasMemberSubscriptionChanged`: writes the member where something about it changed; whether
    /// it names other topics.
    pub(super) fn member_updated(
        &mut self,
        old: &ConsumerGroupMember,
        updated: &ConsumerGroupMember,
    ) -> bool {
        if updated == old {
            return false;
        }
        self.records.push(ConsumerGroupRecord::MemberMetadata {
            member_id: updated.member_id.clone(),
            value: Some(updated.metadata_value()),
        });
        updated.subscribed_topic_names != old.subscribed_topic_names
    }

    /// `maybeUpdateRegularExpressions`. `invalid` says what is wrong with the new one.
    pub(super) fn update_regular_expressions(
        &mut self,
        old: &ConsumerGroupMember,
        updated: &ConsumerGroupMember,
        invalid: Option<&str>,
    ) -> Result<RegexUpdate, GroupFailure> {
        let mut must_refresh = false;
        let mut status = RegexUpdate::NoChange;
        if old.subscribed_topic_regex != updated.subscribed_topic_regex {
            status = RegexUpdate::Updated;
            if let Some(regex) = old.regex()
                && self.group.num_subscribed_members(regex) == 1
            {
                self.records.push(ConsumerGroupRecord::RegularExpression {
                    regex: regex.into(),
                    value: None,
                });
            }
            if let Some(regex) = updated.regex() {
                if self.group.num_subscribed_members(regex) == 0 {
                    if let Some(why) = invalid {
                        return Err(GroupFailure::new(
                            GroupError::InvalidRegularExpression,
                            format!(
                                "SubscribedTopicRegex `{regex}` is not a valid regular \
                                 expression: {why}."
                            ),
                        ));
                    }
                    must_refresh = true;
                } else if self.group.resolved_regular_expressions.contains_key(regex) {
                    status = RegexUpdate::UpdatedAndResolved;
                }
            } else if old.regex().is_some() {
                status = RegexUpdate::UpdatedAndResolved;
            }
        }
        let subscribed: SortedSet<String> = self
            .group
            .subscriptions_with(old, updated)
            .members()
            .iter()
            .filter_map(|member| member.regex().map(String::from))
            .collect();
        if !must_refresh && self.group.members.values().all(|member| member.regex().is_none()) {
            return Ok(status);
        }
        let last = self.group.resolved_regular_expressions.values().next();
        let last_refresh = last.map_or(i64::MIN, |resolved| resolved.timestamp);
        let last_version = last.map_or(0, |resolved| resolved.version);
        if self.now <= last_refresh.saturating_add(REGEX_BATCH_REFRESH_MIN_INTERVAL_MS)
            && last.is_some()
        {
            return Ok(status);
        }
        must_refresh |= subscribed.len() != self.group.resolved_regular_expressions.len();
        must_refresh |= last_version < self.last_image_with_new_topics;
        let interval_ms = self.config.regex_refresh_interval_ms;
        must_refresh |= self.now > last_refresh.saturating_add(interval_ms);
        if must_refresh && !subscribed.is_empty() {
            self.to_resolve = Some(subscribed);
        }
        Ok(status)
    }

    /// `updateSubscriptionMetadata`: the topics are looked at; where they are others, or `bump`
    /// says so, the group's epoch rises.
    pub(super) fn update_subscription_metadata(
        &mut self,
        mut bump: bool,
        old: &ConsumerGroupMember,
        updated: &ConsumerGroupMember,
    ) -> Epoch {
        let subscriptions = self.group.subscriptions_with(old, updated);
        let metadata_hash = subscriptions.metadata_hash(self.image);
        let subscription_type = subscriptions.subscription_type();
        let mut group_epoch = self.group.group_epoch;
        bump |= metadata_hash != self.group.metadata_hash;
        if bump {
            group_epoch = group_epoch.wrapping_add(1);
            self.records.push(ConsumerGroupRecord::Metadata {
                value: Some(ConsumerGroupMetadataValue { epoch: group_epoch, metadata_hash }),
            });
        }
        self.timers.schedule_metadata_refresh(self.now, group_epoch);
        if self.group.has_subscription_metadata_record {
            self.records.push(ConsumerGroupRecord::PartitionMetadata { is_tombstone: true });
        }
        Epoch { group_epoch, subscription_type }
    }

    /// `maybeUpdateTargetAssignment`: a new target, where the group's epoch is ahead of it and the
    /// last one is old enough.
    pub(super) fn update_target(
        &mut self,
        epoch: Epoch,
        assignment_interval_ms: i32,
        old: &ConsumerGroupMember,
        updated: &ConsumerGroupMember,
    ) -> Result<Target, GroupFailure> {
        let is_up_to_date = self.group.assignment_epoch >= epoch.group_epoch;
        let timestamp = self.group.assignment_timestamp;
        let is_too_soon = timestamp != 0
            && assignment_interval_ms != 0
            && self.now < timestamp.saturating_add(i64::from(assignment_interval_ms));
        if is_up_to_date || is_too_soon {
            return Ok(Target {
                epoch: self.group.assignment_epoch,
                assignment: self.group.target_of(updated),
            });
        }
        let subscriptions = self.group.subscriptions_with(old, updated);
        let default = self.config.default_assignor();
        let assignor = subscriptions
            .preferred_server_assignor()
            .and_then(|name| self.config.assignor(name))
            .unwrap_or(default);
        let (mut targets, records) = TargetAssignment {
            group: self.group,
            group_epoch: epoch.group_epoch,
            assignor,
            subscription_type: epoch.subscription_type,
            image: self.image,
            members: subscriptions.members(),
            now: self.now,
        }
        .build()?;
        self.records.extend(records);
        let assignment = targets.remove(&updated.member_id).unwrap_or_default();
        Ok(Target { epoch: epoch.group_epoch, assignment })
    }

    /// `maybeReconcile`: the member's next step towards its target.
    pub(super) fn reconcile(
        &mut self,
        member: ConsumerGroupMember,
        target: &Target,
        has_subscription_changed: bool,
        owned: Option<&TopicPartitionsList>,
    ) -> Result<ConsumerGroupMember, GroupFailure> {
        if !has_subscription_changed && member.is_reconciled_to(target.epoch) {
            return Ok(member);
        }
        let updated = CurrentAssignmentBuilder {
            image: self.image,
            group: self.group,
            target_epoch: target.epoch,
            target: &target.assignment,
            has_subscription_changed,
            resolved: &self.group.resolved_regular_expressions,
            owned,
        }
        .build(&member)?;
        if updated != member {
            self.records.push(ConsumerGroupRecord::CurrentMemberAssignment {
                member_id: updated.member_id.clone(),
                value: Some(updated.assignment_value()),
            });
            // Members of the classic protocol have a join and a sync timer instead.
            if !updated.uses_classic_protocol() {
                if updated.state == MemberState::UnrevokedPartitions {
                    self.timers.schedule_rebalance(
                        &updated.member_id,
                        self.now,
                        updated.rebalance_timeout_ms,
                        updated.member_epoch,
                    );
                } else {
                    self.timers.cancel_rebalance(&updated.member_id);
                }
            }
        }
        Ok(updated)
    }

    /// The regular expressions that only these members subscribe to are removed
    /// (`maybeDeleteResolvedRegularExpressions`).
    pub(super) fn delete_regular_expressions(
        &mut self,
        members: &SortedSet<String>,
    ) -> SortedSet<String> {
        let leaving = self.group.members.iter().filter(|(id, _)| members.contains(*id));
        let regexes: SortedSet<String> =
            leaving.filter_map(|(_, member)| member.regex().map(String::from)).collect();
        let deleted: SortedSet<String> = regexes
            .into_iter()
            .filter(|regex| {
                self.group
                    .members
                    .values()
                    .filter(|member| member.regex() == Some(regex))
                    .all(|member| members.contains(&member.member_id))
            })
            .collect();
        for regex in &deleted {
            self.records
                .push(ConsumerGroupRecord::RegularExpression { regex: regex.clone(), value: None });
        }
        deleted
    }

    /// Members are removed, and the group's epoch rises.
    pub(super) fn remove_members(&mut self, members: &SortedSet<String>) {
        for member_id in members {
            self.remove_member(member_id);
        }
        let deleted = self.delete_regular_expressions(members);
        let subscriptions = self.group.subscriptions_without(members, &deleted);
        let epoch = self.group.group_epoch.wrapping_add(1);
        let metadata_hash = subscriptions.metadata_hash(self.image);
        self.records.push(ConsumerGroupRecord::Metadata {
            value: Some(ConsumerGroupMetadataValue { epoch, metadata_hash }),
        });
        // Nobody is left to assign to: the target is that of the epoch (since 4.4).
        if members.len() == self.group.members.len() {
            self.records.push(ConsumerGroupRecord::TargetAssignmentMetadata {
                value: Some(TargetAssignmentMetadataValue {
                    assignment_epoch: epoch,
                    assignment_timestamp: 0,
                }),
            });
        }
        for member_id in members {
            self.timers.cancel_all(member_id);
        }
    }

    /// `handleRegularExpressionsResult`.
    pub(super) fn regular_expressions_resolved(
        &mut self,
        resolved: &logbrook_sorted::SortedMap<String, ResolvedRegularExpression>,
    ) {
        let mut bump = false;
        for (regex, new) in resolved {
            let old = self.group.resolved_regular_expressions.get(regex);
            bump |= old.map_or(!new.topics.is_empty(), |old| old.topics != new.topics);
            self.records.push(ConsumerGroupRecord::RegularExpression {
                regex: regex.clone(),
                value: Some(new.clone()),
            });
        }
        let metadata_hash = self.group.subscriptions_resolved(resolved).metadata_hash(self.image);
        bump |= metadata_hash != self.group.metadata_hash;
        if bump {
            let epoch = self.group.group_epoch.wrapping_add(1);
            self.records.push(ConsumerGroupRecord::Metadata {
                value: Some(ConsumerGroupMetadataValue { epoch, metadata_hash }),
            });
            self.timers.schedule_metadata_refresh(self.now, epoch);
        }
    }

    /// A static member leaves for a while: its partitions stay with it
    /// (`consumerGroupStaticMemberGroupLeave`).
    pub(super) fn static_member_leaves(&mut self, member: &ConsumerGroupMember) {
        let mut leaving = member.clone();
        leaving.member_epoch = LEAVE_GROUP_STATIC_MEMBER_EPOCH;
        leaving.partitions_pending_revocation.clear();
        for epochs in leaving.assigned_partitions.values_mut() {
            epochs.values_mut().for_each(|epoch| *epoch = 0);
        }
        self.records.push(ConsumerGroupRecord::CurrentMemberAssignment {
            member_id: member.member_id.clone(),
            value: Some(leaving.assignment_value()),
        });
    }
}
