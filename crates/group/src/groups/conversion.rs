//! A group changes its protocol while it has members: from classic to consumer when the first
//! member of the new protocol joins, and back when the last one leaves (KIP-848,
//! `group.consumer.migration.policy`).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use logbrook_sorted::SortedSet;

use super::{Groups, group_record};
use crate::classic_group::Context;
use crate::consumer_group::{Assignment, ConsumerGroup, ConsumerGroupMember, with_epochs};
use crate::consumer_protocol::{self, Subscription};
use crate::records::{
    ClassicMemberMetadata, ConsumerGroupMetadataValue, ConsumerGroupRecord,
    TargetAssignmentMetadataValue,
};
use crate::{ClassicGroup, Decision, GroupError, GroupFailure, GroupRecord};

impl Groups {
    /// `validateOnlineUpgrade` and `convertToConsumerGroup`: the consumer group that a classic group
    /// with members becomes, and the records of that.
    pub(super) fn convert_to_consumer_group(
        &self,
        classic: &ClassicGroup,
        records: &mut Vec<GroupRecord>,
    ) -> Result<ConsumerGroup, GroupFailure> {
        let group_id = classic.group_id();
        let refused = |because: &str| {
            let message = format!(
                "Cannot upgrade classic group {group_id} to consumer group because {because}."
            );
            GroupFailure::new(GroupError::GroupIdNotFound, message)
        };
        if !self.config.consumer.migration_policy.is_upgrade_enabled() {
            return Err(refused("online upgrade is disabled"));
        }
        if !classic.uses_consumer_group_protocol() {
            return Err(refused("the group does not use the consumer embedded protocol"));
        }
        if classic.members().len() > self.config.consumer.max_size {
            return Err(refused("the group size exceeds the consumer group maximum size"));
        }
        // Before the end of its first rebalance a group has no protocol yet. Kafka stumbles there.
        let Some(protocol) = classic.protocol_name() else {
            return Err(GroupFailure::new(
                GroupError::UnknownServerError,
                "The server experienced an unexpected error when processing the request.",
            ));
        };
        let malformed = || refused("the embedded consumer protocol is malformed");
        let generation = classic.generation_id();
        let mut group = ConsumerGroup::new(group_id);
        for member in classic.members() {
            let assignment = consumer_protocol::Assignment::decode(member.assignment())
                .map_err(|_| malformed())?;
            if assignment.user_data.is_some_and(|data| !data.is_empty()) {
                return Err(refused(
                    "an unsupported custom assignor is in use. Please refer to the documentation \
                     or switch to a default assignor before re-attempting the upgrade",
                ));
            }
            let mut target = Assignment::new();
            for partition in &assignment.partitions {
                if let Some(topic) = self.topics.topic(&partition.topic) {
                    target.entry(topic.id).or_default().insert(partition.partition);
                }
            }
            let metadata = member.metadata(protocol).cloned().unwrap_or_default();
            let subscription = Subscription::decode(&metadata).map_err(|_| malformed())?;
            let mut converted = ConsumerGroupMember::new(member.member_id());
            converted.member_epoch = generation;
            converted.previous_member_epoch = generation;
            converted.instance_id = member.group_instance_id().map(String::from);
            converted.rack_id = subscription.rack_id;
            converted.rebalance_timeout_ms = member.rebalance_timeout_ms;
            converted.client_id = member.client_id().into();
            converted.client_host = member.client_host().into();
            converted.subscribed_topic_names = subscription.topics.into_iter().collect();
            converted.assigned_partitions = with_epochs(&target, generation);
            converted.classic = Some(ClassicMemberMetadata {
                session_timeout_ms: member.session_timeout_ms(),
                supported_protocols: member.protocols.clone(),
            });
            group.target_assignment.insert(converted.member_id.clone(), target);
            group.members.insert(converted.member_id.clone(), converted);
        }
        group.group_epoch = generation;
        group.assignment_epoch = generation;
        group.metadata_hash = group.subscriptions().metadata_hash(&self.topics);

        records.push(GroupRecord::GroupMetadata { group_id: group_id.into(), value: None });
        let created = created_records(&group);
        // The group is what its records say, with the epochs of its partitions.
        let mut replayed = ConsumerGroup::new(group_id);
        for record in &created {
            replayed.replay(record);
        }
        records.extend(created.into_iter().map(|record| group_record(group_id, record)));
        Ok(replayed)
    }

    /// The classic group that was converted is gone; whoever waits in it is told to join again.
    pub(super) fn leave_classic(&mut self, now: i64, group_id: &str, out: &mut Decision) {
        if let Some(mut classic) = self.groups.remove(group_id) {
            classic.become_consumer_group(&mut Context { now, config: &self.config, out });
        }
    }

    /// `validateOnlineDowngradeWithFencedMembers`.
    pub(super) fn may_downgrade_without(
        &self,
        group: &ConsumerGroup,
        leaving: &SortedSet<String>,
    ) -> bool {
        let staying =
            group.members.keys().filter(|member_id| !leaving.contains(*member_id)).count();
        group.all_use_classic_protocol_except(leaving)
            && staying > 0
            && self.config.consumer.migration_policy.is_downgrade_enabled()
            && staying <= self.config.max_size
    }

    /// `validateOnlineDowngradeWithReplacedMember`: a static member comes back with the classic
    /// protocol, and was the last that used the new one.
    pub(super) fn may_downgrade_replacing(
        &self,
        group: &ConsumerGroup,
        replaced: &ConsumerGroupMember,
    ) -> bool {
        !replaced.uses_classic_protocol()
            && group.all_use_classic_protocol_except(&SortedSet::from([replaced.member_id.clone()]))
            && self.config.consumer.migration_policy.is_downgrade_enabled()
            && group.members.len() <= self.config.max_size
    }

    /// `convertToClassicGroup`: false, and nothing done, where a member's subscription cannot be
    /// read. With a `rebalance` reason the classic members are asked to join again.
    pub(super) fn convert_to_classic_group(
        &mut self,
        now: i64,
        group: &ConsumerGroup,
        leaving: &SortedSet<String>,
        joining: Option<&ConsumerGroupMember>,
        rebalance: Option<String>,
        out: &mut Decision,
    ) -> bool {
        let group_id = group.group_id();
        let is_replaced = |member: &ConsumerGroupMember| {
            joining.is_some_and(|joining| {
                joining.instance_id.is_some() && joining.instance_id == member.instance_id
            })
        };
        let staying: Vec<&ConsumerGroupMember> = group
            .members
            .values()
            .filter(|member| !leaving.contains(&member.member_id) && !is_replaced(member))
            .collect();
        let classic =
            ClassicGroup::from_consumer_group(group, &staying, joining, now, &self.topics);
        let Some(mut classic) = classic else { return false };
        // The member that joins was written in the place of the one that it replaces.
        let ids = group.members.values().map(|member| match joining {
            Some(joining) if is_replaced(member) => joining.member_id.clone(),
            Some(_) | None => member.member_id.clone(),
        });
        let removed = deleted_records(group, &ids.collect());
        out.records.extend(removed.into_iter().map(|record| group_record(group_id, record)));
        out.records.push(classic.record());
        if let Some(reason) = rebalance {
            classic.prepare_rebalance(&mut Context { now, config: &self.config, out }, reason);
        }
        self.consumer_timers.remove(group_id);
        self.groups.insert(group_id.to_string(), classic);
        true
    }
}

/// `createConsumerGroupRecords`.
fn created_records(group: &ConsumerGroup) -> Vec<ConsumerGroupRecord> {
    let mut records: Vec<ConsumerGroupRecord> = Vec::new();
    records.extend(group.members.values().map(|member| ConsumerGroupRecord::MemberMetadata {
        member_id: member.member_id.clone(),
        value: Some(member.metadata_value()),
    }));
    records.push(ConsumerGroupRecord::Metadata {
        value: Some(ConsumerGroupMetadataValue {
            epoch: group.group_epoch,
            metadata_hash: group.metadata_hash,
        }),
    });
    records.extend(group.target_assignment.iter().map(|(member_id, target)| {
        ConsumerGroupRecord::TargetAssignmentMember {
            member_id: member_id.clone(),
            value: Some(target.clone()),
        }
    }));
    records.push(ConsumerGroupRecord::TargetAssignmentMetadata {
        value: Some(TargetAssignmentMetadataValue {
            assignment_epoch: group.assignment_epoch,
            assignment_timestamp: group.assignment_timestamp,
        }),
    });
    records.extend(group.members.values().map(|member| {
        ConsumerGroupRecord::CurrentMemberAssignment {
            member_id: member.member_id.clone(),
            value: Some(member.assignment_value()),
        }
    }));
    records
}

/// `createGroupTombstoneRecords`.
pub(super) fn deleted_records(
    group: &ConsumerGroup,
    member_ids: &SortedSet<String>,
) -> Vec<ConsumerGroupRecord> {
    let mut records = Vec::new();
    records.extend(member_ids.iter().map(|member_id| {
        ConsumerGroupRecord::CurrentMemberAssignment { member_id: member_id.clone(), value: None }
    }));
    records.extend(member_ids.iter().map(|member_id| {
        ConsumerGroupRecord::TargetAssignmentMember { member_id: member_id.clone(), value: None }
    }));
    records.push(ConsumerGroupRecord::TargetAssignmentMetadata { value: None });
    records.extend(member_ids.iter().map(|member_id| ConsumerGroupRecord::MemberMetadata {
        member_id: member_id.clone(),
        value: None,
    }));
    records.extend(
        group.resolved_regular_expressions.keys().map(|regex| {
            ConsumerGroupRecord::RegularExpression { regex: regex.clone(), value: None }
        }),
    );
    records.push(ConsumerGroupRecord::PartitionMetadata { is_tombstone: true });
    records.push(ConsumerGroupRecord::Metadata { value: None });
    records
}
