//! A member's next step towards its target (`CurrentAssignmentBuilder`).

use alloc::string::String;
use logbrook_planted::{Bug, planted};
use logbrook_sorted::{SortedMap, SortedSet};

use super::{
    Assignment, AssignmentWithEpochs, ConsumerGroup, ConsumerGroupMember, MemberState,
    ResolvedRegularExpression, TopicPartitionsList,
};
use crate::{GroupError, GroupFailure, TopicId, TopicsImage};

/// What decides a member's next step.
pub(crate) struct CurrentAssignmentBuilder<'a> {
    pub(crate) image: &'a TopicsImage,
    pub(crate) group: &'a ConsumerGroup,
    pub(crate) target_epoch: i32,
    pub(crate) target: &'a Assignment,
    pub(crate) has_subscription_changed: bool,
    pub(crate) resolved: &'a SortedMap<String, ResolvedRegularExpression>,
    /// What the member says that it owns; None where it does not say.
    pub(crate) owned: Option<&'a TopicPartitionsList>,
}

impl CurrentAssignmentBuilder<'_> {
    /// The member after the step.
    pub(crate) fn build(
        &self,
        member: &ConsumerGroupMember,
    ) -> Result<ConsumerGroupMember, GroupFailure> {
        match member.state {
            MemberState::Stable => Ok(if member.member_epoch != self.target_epoch {
                self.next_assignment(member, member.member_epoch)
            } else if self.has_subscription_changed {
                self.update_current_assignment(member)
            } else {
                member.clone()
            }),
            MemberState::UnrevokedPartitions => {
                // Revoked is what the member no longer lists among what it owns.
                Ok(if self.owns(&member.partitions_pending_revocation) {
                    if self.has_subscription_changed {
                        self.update_current_assignment(member)
                    } else {
                        member.clone()
                    }
                } else {
                    self.next_assignment(member, member.member_epoch)
                })
            }
            MemberState::UnreleasedPartitions => {
                Ok(self.next_assignment(member, member.member_epoch))
            }
            MemberState::Unknown => {
                if self.owned.is_none_or(|owned| !owned.is_empty()) {
                    return Err(GroupFailure::new(
                        GroupError::FencedMemberEpoch,
                        "The consumer group member is in a unknown state. The member must abandon \
                         all its partitions and rejoin.",
                    ));
                }
                Ok(self.next_assignment(member, self.target_epoch))
            }
        }
    }

    fn owns(&self, revoked: &AssignmentWithEpochs) -> bool {
        let Some(owned) = self.owned else { return true };
        owned.iter().any(|(topic, partitions)| {
            let revoked = revoked.get(topic);
            revoked.is_some_and(|revoked| partitions.iter().any(|p| revoked.contains_key(p)))
        })
    }

    /// The topics are others, the target is not yet: what is no longer subscribed to is given up.
    fn update_current_assignment(&self, member: &ConsumerGroupMember) -> ConsumerGroupMember {
        let subscribed = self.subscribed_topic_ids(member);
        let mut assigned = AssignmentWithEpochs::new();
        let mut revoked = member.partitions_pending_revocation.clone();
        let mut is_changed = false;
        for (topic, partitions) in &member.assigned_partitions {
            if subscribed.contains(topic) {
                assigned.insert(*topic, partitions.clone());
            } else {
                is_changed = true;
                let revoked = revoked.entry(*topic).or_default();
                revoked.extend(partitions.iter().map(|(partition, epoch)| (*partition, *epoch)));
            }
        }
        let mut updated = member.clone();
        if is_changed {
            updated.update_member_epoch(member.member_epoch);
            updated.assigned_partitions = assigned;
            if self.owns(&revoked) {
                updated.state = MemberState::UnrevokedPartitions;
                updated.partitions_pending_revocation = revoked;
            }
        }
        updated
    }

    fn next_assignment(
        &self,
        member: &ConsumerGroupMember,
        member_epoch: i32,
    ) -> ConsumerGroupMember {
        let subscribed = self.subscribed_topic_ids(member);
        let mut assigned = AssignmentWithEpochs::new();
        let mut revoked = AssignmentWithEpochs::new();
        let mut pending = Assignment::new();
        let mut has_unreleased = false;
        let topics: SortedSet<TopicId> =
            self.target.keys().chain(member.assigned_partitions.keys()).copied().collect();
        for topic in &topics {
            let target = self.target.get(topic).filter(|_| subscribed.contains(topic));
            let is_target = |partition: &i32| target.is_some_and(|all| all.contains(partition));
            let has = member.assigned_partitions.get(topic);
            for (partition, epoch) in has.into_iter().flatten() {
                let goes_to = if is_target(partition) { &mut assigned } else { &mut revoked };
                goes_to.entry(*topic).or_default().insert(*partition, *epoch);
            }
            let was_to_revoke = member.partitions_pending_revocation.get(topic);
            for partition in target.into_iter().flatten() {
                if has.is_some_and(|has| has.contains_key(partition)) {
                    continue;
                }
                // What the member itself holds, because it is to give it up, is released.
                let is_own = was_to_revoke.is_some_and(|own| own.contains_key(partition));
                let waits = !is_own && !planted(Bug::PartitionGivenTwice);
                if waits && self.group.current_partition_epoch(topic, *partition).is_some() {
                    has_unreleased = true;
                } else {
                    pending.entry(*topic).or_default().insert(*partition);
                }
            }
        }
        let mut updated = member.clone();
        if !revoked.is_empty() && self.owns(&revoked) {
            // It stays in its epoch until it says that it has given them up.
            updated.state = MemberState::UnrevokedPartitions;
            updated.update_member_epoch(member_epoch);
            updated.assigned_partitions = assigned;
            updated.partitions_pending_revocation = revoked;
            return updated;
        }
        for (topic, partitions) in &pending {
            let given = partitions.iter().map(|partition| (*partition, self.target_epoch));
            assigned.entry(*topic).or_default().extend(given);
        }
        updated.state =
            if has_unreleased { MemberState::UnreleasedPartitions } else { MemberState::Stable };
        updated.update_member_epoch(self.target_epoch);
        updated.assigned_partitions = assigned;
        updated.partitions_pending_revocation.clear();
        updated
    }

    /// The topics that the member subscribes to and that exist. A regular expression that is not
    /// resolved yet matches none.
    fn subscribed_topic_ids(&self, member: &ConsumerGroupMember) -> SortedSet<TopicId> {
        subscribed_topic_ids(member, self.resolved, self.image)
    }
}

/// The ids of the topics that a member subscribes to and that exist.
pub(super) fn subscribed_topic_ids(
    member: &ConsumerGroupMember,
    resolved: &SortedMap<String, ResolvedRegularExpression>,
    image: &TopicsImage,
) -> SortedSet<TopicId> {
    let by_regex = member.regex().and_then(|regex| resolved.get(regex));
    member
        .subscribed_topic_names
        .iter()
        .chain(by_regex.into_iter().flat_map(|resolved| resolved.topics.iter()))
        .filter_map(|name| image.topic(name).map(|topic| topic.id))
        .collect()
}
