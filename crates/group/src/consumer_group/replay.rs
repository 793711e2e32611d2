//! How the group follows from its records (`GroupMetadataManager.replay`).

use alloc::string::String;

use super::{AssignmentWithEpochs, ConsumerGroup, ConsumerGroupMember};
use crate::records::ConsumerGroupRecord;

impl ConsumerGroup {
    /// Applies a record of this group. Whether the group is there afterwards.
    pub(crate) fn replay(&mut self, record: &ConsumerGroupRecord) -> bool {
        match record {
            ConsumerGroupRecord::Metadata { value: Some(value) } => {
                self.group_epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            ConsumerGroupRecord::Metadata { value: None } => return false,
            ConsumerGroupRecord::PartitionMetadata { is_tombstone } => {
                self.has_subscription_metadata_record = !is_tombstone;
            }
            ConsumerGroupRecord::MemberMetadata { member_id, value: Some(value) } => {
                self.update_member(member_id, |member| member.update_with_metadata(value));
            }
            ConsumerGroupRecord::MemberMetadata { member_id, value: None } => {
                if let Some(member) = self.members.remove(member_id) {
                    self.remove_partition_epochs(&member);
                }
            }
            ConsumerGroupRecord::TargetAssignmentMetadata { value: Some(value) } => {
                self.assignment_epoch = value.assignment_epoch;
                self.assignment_timestamp = value.assignment_timestamp;
            }
            ConsumerGroupRecord::TargetAssignmentMetadata { value: None } => {
                self.assignment_epoch = -1;
                self.assignment_timestamp = 0;
            }
            ConsumerGroupRecord::TargetAssignmentMember { member_id, value: Some(target) } => {
                self.target_assignment.insert(member_id.clone(), target.clone());
            }
            ConsumerGroupRecord::TargetAssignmentMember { member_id, value: None } => {
                self.target_assignment.remove(member_id);
            }
            ConsumerGroupRecord::CurrentMemberAssignment { member_id, value: Some(value) } => {
                self.update_member(member_id, |member| member.update_with_assignment(value));
            }
            ConsumerGroupRecord::CurrentMemberAssignment { member_id, value: None } => {
                // Its member record follows.
                if self.members.contains_key(member_id) {
                    self.update_member(member_id, |member| {
                        member.member_epoch = super::LEAVE_GROUP_MEMBER_EPOCH;
                        member.previous_member_epoch = super::LEAVE_GROUP_MEMBER_EPOCH;
                        member.assigned_partitions.clear();
                        member.partitions_pending_revocation.clear();
                    });
                }
            }
            ConsumerGroupRecord::RegularExpression { regex, value: Some(value) } => {
                self.resolved_regular_expressions.insert(regex.clone(), value.clone());
            }
            ConsumerGroupRecord::RegularExpression { regex, value: None } => {
                self.resolved_regular_expressions.remove(regex);
            }
        }
        true
    }

    fn update_member(&mut self, member_id: &str, change: impl FnOnce(&mut ConsumerGroupMember)) {
        let old = self.members.remove(member_id);
        if let Some(old) = &old {
            self.remove_partition_epochs(old);
        }
        let mut member = old.unwrap_or_else(|| ConsumerGroupMember::new(member_id));
        change(&mut member);
        self.add_partition_epochs(&member);
        self.members.insert(String::from(member_id), member);
    }

    /// A partition that another member took over meanwhile stays with that one: records of a
    /// compacted log may come in such an order.
    fn remove_partition_epochs(&mut self, member: &ConsumerGroupMember) {
        for (topic, partition) in member.held_partitions() {
            let Some(epochs) = self.current_partition_epoch.get_mut(&topic) else { continue };
            if epochs.get(&partition) == Some(&member.member_epoch) {
                epochs.remove(&partition);
            }
            if epochs.is_empty() {
                self.current_partition_epoch.remove(&topic);
            }
        }
    }

    fn add_partition_epochs(&mut self, member: &ConsumerGroupMember) {
        let all: [&AssignmentWithEpochs; 2] =
            [&member.assigned_partitions, &member.partitions_pending_revocation];
        for (topic, partitions) in all.into_iter().flat_map(|assignment| assignment.iter()) {
            let epochs = self.current_partition_epoch.entry(*topic).or_default();
            for partition in partitions.keys() {
                let epoch = epochs.entry(*partition).or_insert(member.member_epoch);
                // Kafka refuses the log where the epoch does not rise; the higher one is the owner's.
                *epoch = (*epoch).max(member.member_epoch);
            }
        }
    }
}
