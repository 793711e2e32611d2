//! ConsumerGroupHeartbeat: a member of a consumer group comes, stays, or leaves
//! (`GroupMetadataManager.consumerGroupHeartbeat`, `consumerGroupLeave`).

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use logbrook_sorted::{SortedMap, SortedSet};

use super::consumer_step::{RegexUpdate, Step};
use super::{Groups, group_record};
use crate::consumer_group::{
    ConsumerGroup, ConsumerGroupMember, ConsumerGroupTimers, LEAVE_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_STATIC_MEMBER_EPOCH, TimedOut, list,
};
use crate::{
    ConsumerGroupDescription, ConsumerGroupHeartbeat, ConsumerGroupHeartbeatReply, Decided,
    Decision, GroupError, GroupEvent, GroupFailure, GroupRecord, RegexRefresh,
    ResolvedRegularExpression,
};

impl Groups {
    /// ConsumerGroupHeartbeat.
    pub fn consumer_group_heartbeat(
        &mut self,
        now: i64,
        request: &ConsumerGroupHeartbeat,
    ) -> Decided<Result<ConsumerGroupHeartbeatReply, GroupFailure>> {
        let mut decision = Decision::default();
        let response = self.validate_heartbeat(request).and_then(|()| match request.member_epoch {
            LEAVE_GROUP_MEMBER_EPOCH | LEAVE_GROUP_STATIC_MEMBER_EPOCH => {
                self.consumer_group_leave(now, request, &mut decision)
            }
            _ => {
                let mut timers = core::mem::take(&mut self.consumer_timers);
                let stayed = self.consumer_group_stay(now, request, &mut timers, &mut decision);
                self.consumer_timers = timers;
                stayed.map(|(reply, was_classic)| {
                    if was_classic {
                        self.leave_classic(now, &request.group_id, &mut decision);
                    }
                    reply
                })
            }
        });
        if response.is_err() {
            decision = Decision::default();
        }
        Decided { response, decision }
    }

    /// `GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid`.
    fn validate_heartbeat(&self, request: &ConsumerGroupHeartbeat) -> Result<(), GroupFailure> {
        let invalid = |message: &str| Err(GroupFailure::new(GroupError::InvalidRequest, message));
        let is_blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
        let epoch = request.member_epoch;
        if (request.requires_member_id || epoch > 0 || epoch == LEAVE_GROUP_MEMBER_EPOCH)
            && is_blank(Some(&request.member_id))
        {
            return invalid("MemberId can't be empty.");
        }
        if is_blank(Some(&request.group_id)) {
            return invalid("GroupId can't be empty.");
        }
        if is_blank(request.instance_id.as_deref()) {
            return invalid("InstanceId can't be empty.");
        }
        if is_blank(request.rack_id.as_deref()) {
            return invalid("RackId can't be empty.");
        }
        if epoch == 0 {
            if request.rebalance_timeout_ms == -1 {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none()
            {
                return invalid(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when \
                     (re-)joining.",
                );
            }
        } else if epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            if request.instance_id.is_none() {
                return invalid("InstanceId can't be null.");
            }
        } else if epoch < LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            return invalid("MemberEpoch is invalid.");
        }
        match &request.server_assignor {
            Some(name) if self.config.consumer.assignor(name).is_none() => {
                let supported: Vec<&str> =
                    self.config.consumer.assignors.iter().map(|assignor| assignor.name()).collect();
                Err(GroupFailure::new(
                    GroupError::UnsupportedAssignor,
                    format!(
                        "ServerAssignor {name} is not supported. Supported assignors: {}.",
                        supported.join(", ")
                    ),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The answer, and whether the group was a classic one until now.
    fn consumer_group_stay(
        &self,
        now: i64,
        request: &ConsumerGroupHeartbeat,
        all_timers: &mut SortedMap<String, ConsumerGroupTimers>,
        out: &mut Decision,
    ) -> Result<(ConsumerGroupHeartbeatReply, bool), GroupFailure> {
        let is_joining = request.member_epoch == 0;
        let group_id = request.group_id.as_str();
        let dynamic = self.dynamic_config(group_id);
        let config = &self.config.consumer;
        let session_timeout_ms =
            dynamic.consumer_session_timeout_ms.unwrap_or(config.session_timeout_ms);
        let heartbeat_interval_ms =
            dynamic.consumer_heartbeat_interval_ms.unwrap_or(config.heartbeat_interval_ms);
        let assignment_interval_ms =
            dynamic.consumer_assignment_interval_ms.unwrap_or(config.assignment_interval_ms);

        let (group, is_converted) =
            self.group_to_heartbeat(group_id, is_joining, &mut out.records)?;
        let is_known = request
            .instance_id
            .as_deref()
            .is_some_and(|instance| group.static_member(instance).is_some())
            || group.members.contains_key(&request.member_id);
        if group.members.len() >= config.max_size && !is_known {
            return Err(GroupFailure::new(
                GroupError::GroupMaxSizeReached,
                format!(
                    "The consumer group has reached its maximum capacity of {} members.",
                    config.max_size
                ),
            ));
        }
        let member_id = if request.member_id.is_empty() {
            crate::primitives::random_uuid(request.new_member_uuid)
        } else {
            request.member_id.clone()
        };

        let had_timers = all_timers.contains_key(group_id);
        let mut timers = all_timers.remove(group_id).unwrap_or_default();
        if is_converted {
            for member in group.members.values() {
                let timeout_ms =
                    member.classic.as_ref().map_or(0, |classic| classic.session_timeout_ms);
                timers.schedule_session(&member.member_id, now, timeout_ms);
            }
        }
        let mut step = Step {
            now,
            config,
            image: &self.topics,
            last_image_with_new_topics: self.last_image_with_new_topics,
            group: &group,
            timers: &mut timers,
            records: Vec::new(),
            to_resolve: None,
        };
        let decided = step.heartbeat(request, &member_id, assignment_interval_ms);
        let Step { records, to_resolve, .. } = step;
        if decided.is_ok() {
            timers.schedule_session(&member_id, now, session_timeout_ms);
        }
        if decided.is_ok() || had_timers {
            all_timers.insert(group_id.to_string(), timers);
        }
        let (old, updated) = decided?;
        out.records.extend(records.into_iter().map(|record| group_record(group_id, record)));
        out.regex_refresh =
            to_resolve.map(|regexes| RegexRefresh { group_id: group_id.to_string(), regexes });
        if is_joining && !group.members.contains_key(&updated.member_id) {
            out.events.push(match &old.instance_id {
                Some(instance) if group.static_member(instance).is_some() => {
                    GroupEvent::StaticMemberReplaced {
                        group_id: group_id.to_string(),
                        group_instance_id: instance.clone(),
                        old_member_id: group
                            .static_member(instance)
                            .map(|member| member.member_id.clone())
                            .unwrap_or_default(),
                        new_member_id: updated.member_id.clone(),
                    }
                }
                Some(_) | None => GroupEvent::MemberJoined {
                    group_id: group_id.to_string(),
                    member_id: updated.member_id.clone(),
                    client_id: updated.client_id.clone(),
                    group_instance_id: updated.instance_id.clone(),
                },
            });
        }
        let is_full_request = request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some()
                || request.subscribed_topic_regex.is_some())
            && request.topic_partitions.is_some();
        let tells_assignment =
            is_joining || is_full_request || old.assigned_partitions != updated.assigned_partitions;
        let reply = ConsumerGroupHeartbeatReply {
            assignment: tells_assignment.then(|| list(&updated.assigned_partitions)),
            member_id: updated.member_id,
            member_epoch: updated.member_epoch,
            heartbeat_interval_ms,
        };
        Ok((reply, is_converted))
    }

    /// `getOrMaybeCreateConsumerGroup`: the group, which may be new or a classic group converted;
    /// whether it is that.
    fn group_to_heartbeat(
        &self,
        group_id: &str,
        is_joining: bool,
        records: &mut Vec<GroupRecord>,
    ) -> Result<(Cow<'_, ConsumerGroup>, bool), GroupFailure> {
        if let Some(group) = self.durable.consumer_groups.get(group_id) {
            return Ok((Cow::Borrowed(group), false));
        }
        let new = || (Cow::Owned(ConsumerGroup::new(group_id)), false);
        let not_found = |message| Err(GroupFailure::new(GroupError::GroupIdNotFound, message));
        match self.groups.get(group_id) {
            None if is_joining => Ok(new()),
            None => not_found(format!("Consumer group {group_id} not found.")),
            Some(classic) if is_joining && classic.is_empty() => {
                records.push(GroupRecord::GroupMetadata { group_id: group_id.into(), value: None });
                Ok(new())
            }
            Some(classic) if is_joining => {
                Ok((Cow::Owned(self.convert_to_consumer_group(classic, records)?), true))
            }
            Some(_) => not_found(format!("Group {group_id} is not a consumer group.")),
        }
    }

    fn consumer_group_leave(
        &mut self,
        now: i64,
        request: &ConsumerGroupHeartbeat,
        out: &mut Decision,
    ) -> Result<ConsumerGroupHeartbeatReply, GroupFailure> {
        let group_id = request.group_id.as_str();
        let group = self.consumer_group_or_fail(group_id)?;
        let member = match request.instance_id.as_deref() {
            None => group.member_or_fail(&request.member_id)?,
            Some(instance) => {
                let member = group.static_member_or_fail(instance)?;
                member.validate_instance(&request.member_id, instance)?;
                member
            }
        };
        let member_id = member.member_id.clone();
        let is_for_a_while = request.instance_id.is_some()
            && request.member_epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH;
        if is_for_a_while {
            let member = member.clone();
            self.with_step(now, group_id, out, |step| step.static_member_leaves(&member));
        } else {
            self.fence_members(now, group_id, &SortedSet::from([member_id.clone()]), out);
        }
        out.events.push(GroupEvent::MemberLeft {
            group_id: group_id.to_string(),
            member_id: member_id.clone(),
            reason: None,
        });
        Ok(ConsumerGroupHeartbeatReply {
            member_id,
            member_epoch: request.member_epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        })
    }

    /// Members leave or are fenced (`consumerGroupFenceMembers`). Where only members of the
    /// classic protocol are left, the group becomes a classic one.
    pub(super) fn fence_members(
        &mut self,
        now: i64,
        group_id: &str,
        members: &SortedSet<String>,
        out: &mut Decision,
    ) {
        let Some(group) = self.durable.consumer_groups.get(group_id) else { return };
        if members.is_empty() {
            return;
        }
        if self.may_downgrade_without(group, members) {
            let reason =
                format!("Downgrade group {group_id} from consumer to classic for member leaving.");
            let group = group.clone();
            if self.convert_to_classic_group(now, &group, members, None, Some(reason), out) {
                return;
            }
        }
        self.with_step(now, group_id, out, |step| step.remove_members(members));
    }

    /// Runs a step of a group that is there, and takes its records.
    pub(super) fn with_step(
        &mut self,
        now: i64,
        group_id: &str,
        out: &mut Decision,
        run: impl FnOnce(&mut Step<'_>),
    ) {
        let Some(group) = self.durable.consumer_groups.get(group_id) else { return };
        let timers = self.consumer_timers.entry(group_id.to_string()).or_default();
        let mut step = Step {
            now,
            config: &self.config.consumer,
            image: &self.topics,
            last_image_with_new_topics: self.last_image_with_new_topics,
            group,
            timers,
            records: Vec::new(),
            to_resolve: None,
        };
        run(&mut step);
        let records = step.records;
        out.records.extend(records.into_iter().map(|record| group_record(group_id, record)));
    }

    /// One timer of a consumer group that is due. Its records must be replayed before the next.
    pub(super) fn tick_consumer_groups(&mut self, now: i64, out: &mut Decision) {
        let due = self
            .consumer_timers
            .iter_mut()
            .find_map(|(group_id, timers)| Some((group_id.clone(), timers.take_due(now)?)));
        let Some((group_id, (member_id, timed_out))) = due else { return };
        let Some(group) = self.durable.consumer_groups.get(&group_id) else {
            self.consumer_timers.remove(&group_id);
            return;
        };
        let Some(member) = group.members.get(&member_id) else { return };
        let is_fenced = match timed_out {
            TimedOut::Session | TimedOut::Join | TimedOut::Sync => true,
            TimedOut::Rebalance { member_epoch } => member.member_epoch == member_epoch,
        };
        if is_fenced {
            out.events.push(GroupEvent::MemberExpired {
                group_id: group_id.clone(),
                member_id: member_id.clone(),
            });
            self.fence_members(now, &group_id, &SortedSet::from([member_id]), out);
        }
    }

    /// What the regular expressions of a [`RegexRefresh`] match, in the image of the topics that
    /// this shard has (`handleRegularExpressionsResult`).
    pub fn regular_expressions_resolved(
        &mut self,
        now: i64,
        group_id: &str,
        matches: SortedMap<String, SortedSet<String>>,
    ) -> Decision {
        let mut out = Decision::default();
        let Some(group) = self.durable.consumer_groups.get(group_id) else { return out };
        let version = self.topics.version();
        let resolved: SortedMap<String, ResolvedRegularExpression> = matches
            .into_iter()
            .filter(|(regex, _)| group.num_subscribed_members(regex) > 0)
            .map(|(regex, topics)| {
                (regex, ResolvedRegularExpression { topics, version, timestamp: now })
            })
            .collect();
        self.with_step(now, group_id, &mut out, |step| {
            step.regular_expressions_resolved(&resolved)
        });
        out
    }

    /// ConsumerGroupDescribe, of one group.
    pub fn consumer_group_describe(
        &self,
        group_id: &str,
    ) -> Result<ConsumerGroupDescription, GroupFailure> {
        let group = self.consumer_group_or_fail(group_id)?;
        Ok(group.describe(self.config.consumer.default_assignor().name(), &self.topics))
    }

    pub(super) fn consumer_group_or_fail(
        &self,
        group_id: &str,
    ) -> Result<&ConsumerGroup, GroupFailure> {
        self.durable.consumer_groups.get(group_id).ok_or_else(|| {
            let message = if self.groups.contains_key(group_id) {
                format!("Group {group_id} is not a consumer group.")
            } else {
                format!("Group {group_id} not found.")
            };
            GroupFailure::new(GroupError::GroupIdNotFound, message)
        })
    }
}

impl Step<'_> {
    /// The member before and after its heartbeat.
    fn heartbeat(
        &mut self,
        request: &ConsumerGroupHeartbeat,
        member_id: &str,
        assignment_interval_ms: i32,
    ) -> Result<(ConsumerGroupMember, ConsumerGroupMember), GroupFailure> {
        let is_joining = request.member_epoch == 0;
        let owned = request.topic_partitions.as_ref();
        let member = match request.instance_id.as_deref() {
            Some(instance) if is_joining => self.static_member_joins(member_id, instance, false)?,
            Some(instance) => {
                let member = self.group.static_member_or_fail(instance)?;
                member.validate_instance(member_id, instance)?;
                member.validate_epoch(request.member_epoch, owned)?;
                member.clone()
            }
            None => {
                let member = match self.group.members.get(member_id) {
                    None if is_joining => ConsumerGroupMember::new(member_id),
                    _ => self.group.member_or_fail(member_id)?.clone(),
                };
                member.validate_epoch(request.member_epoch, owned)?;
                member
            }
        };
        let mut updated = member.clone();
        if request.instance_id.is_some() {
            updated.instance_id = request.instance_id.clone();
        }
        if request.rack_id.is_some() {
            updated.rack_id = request.rack_id.clone();
        }
        if request.rebalance_timeout_ms != -1 {
            updated.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if request.server_assignor.is_some() {
            updated.server_assignor = request.server_assignor.clone();
        }
        if let Some(names) = &request.subscribed_topic_names {
            updated.subscribed_topic_names = names.iter().cloned().collect();
        }
        if request.subscribed_topic_regex.is_some() {
            updated.subscribed_topic_regex = request.subscribed_topic_regex.clone();
        }
        updated.client_id = request.client_id.clone();
        updated.client_host = request.client_host.clone();
        updated.classic = None;

        let names_changed = self.member_updated(&member, &updated);
        let regex =
            self.update_regular_expressions(&member, &updated, request.invalid_regex.as_deref())?;
        let assignor_changed = self.preferred_assignor_changed(&member, &updated);
        let has_subscription_changed = names_changed || regex != RegexUpdate::NoChange;
        // A regular expression that is not resolved yet raises the epoch when it is.
        let bump = names_changed || regex == RegexUpdate::UpdatedAndResolved || assignor_changed;
        let epoch = if bump || self.timers.has_metadata_expired(self.now, self.group.group_epoch) {
            self.update_subscription_metadata(bump, &member, &updated)
        } else {
            self.epoch()
        };
        let target = self.update_target(epoch, assignment_interval_ms, &member, &updated)?;
        let updated = self.reconcile(updated, &target, has_subscription_changed, owned)?;
        Ok((member, updated))
    }

    /// `hasPreferredServerAssignorChanged` (since 4.4).
    pub(super) fn preferred_assignor_changed(
        &self,
        old: &ConsumerGroupMember,
        updated: &ConsumerGroupMember,
    ) -> bool {
        let default = self.config.default_assignor().name();
        let before = self.group.subscriptions();
        let after = self.group.subscriptions_with(old, updated);
        before.preferred_server_assignor().unwrap_or(default)
            != after.preferred_server_assignor().unwrap_or(default)
    }
}
