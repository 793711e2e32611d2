//! The target assignment of a group epoch (`TargetAssignmentBuilder`).

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use super::current_assignment::subscribed_topic_ids;
use super::{Assignment, ConsumerGroup, ConsumerGroupMember, SubscriptionType};
use crate::records::{ConsumerGroupRecord, TargetAssignmentMetadataValue};
use crate::server_assignors::{GroupSpec, MemberSpec, ServerAssignor};
use crate::{GroupError, GroupFailure, TopicsImage};

/// What a new target assignment is computed from.
pub(crate) struct TargetAssignment<'a> {
    pub(crate) group: &'a ConsumerGroup,
    pub(crate) group_epoch: i32,
    pub(crate) assignor: ServerAssignor,
    pub(crate) subscription_type: SubscriptionType,
    pub(crate) image: &'a TopicsImage,
    /// All members, with those that are new or have changed.
    pub(crate) members: &'a [&'a ConsumerGroupMember],
    pub(crate) now: i64,
}

impl TargetAssignment<'_> {
    /// The targets, and the records of those that differ from before.
    pub(crate) fn build(
        &self,
    ) -> Result<(SortedMap<String, Assignment>, Vec<ConsumerGroupRecord>), GroupFailure> {
        let specs = self.members.iter().map(|member| MemberSpec {
            member_id: member.member_id.clone(),
            instance_id: member.instance_id.clone(),
            subscribed_topic_ids: subscribed_topic_ids(
                member,
                &self.group.resolved_regular_expressions,
                self.image,
            ),
            assignment: self.before(member),
        });
        let partitions = |topic: &crate::TopicId| self.image.partitions(topic);
        let spec = GroupSpec {
            members: specs.collect(),
            subscription_type: self.subscription_type,
            partitions: &partitions,
        };
        let mut targets = self.assignor.assign(&spec).map_err(|error| {
            GroupFailure::new(
                GroupError::UnknownServerError,
                alloc::format!(
                    "Failed to compute a new target assignment for epoch {}: {error}",
                    self.group_epoch
                ),
            )
        })?;
        let mut records = Vec::new();
        for member in self.members {
            let target = targets.entry(member.member_id.clone()).or_default();
            if self.group.target_assignment.get(&member.member_id) != Some(target) {
                records.push(ConsumerGroupRecord::TargetAssignmentMember {
                    member_id: member.member_id.clone(),
                    value: Some(target.clone()),
                });
            }
        }
        records.push(ConsumerGroupRecord::TargetAssignmentMetadata {
            value: Some(TargetAssignmentMetadataValue {
                assignment_epoch: self.group_epoch,
                assignment_timestamp: self.now,
            }),
        });
        Ok((targets, records))
    }

    /// The target before; of a static member that comes back under another id, its old one.
    fn before(&self, member: &ConsumerGroupMember) -> Assignment {
        let replaced = member
            .instance_id
            .as_deref()
            .and_then(|instance| self.group.static_member(instance))
            .map(|replaced| &replaced.member_id);
        let member_id = replaced.unwrap_or(&member.member_id);
        self.group.target_assignment.get(member_id).cloned().unwrap_or_default()
    }
}
