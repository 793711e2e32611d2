//! One consumer group of the new protocol (KIP-848): its epochs, its members, its assignment.
//!
//! ```text
//!                    a member joins, leaves, subscribes to other topics; topics change
//!                        |
//!                        v group epoch + 1
//!   Empty ---------> Assigning ----------------> Reconciling -------------> Stable
//!     ^                the assignor gives a        members give up what      every member has
//!     |                target for the epoch        is not theirs any more,   the target's epoch
//!     |                                            then get what is new
//!     +---- the last member left (from each of them)
//! ```
//!
//! Where a classic group stops all its members, here each goes to the new target on its own, at its
//! next heartbeat, and a partition is given to a member only after the one before has given it up.
//!
//! Everything in [`ConsumerGroup`] is durable: it changes in `replay` alone. The timers are beside
//! it, in [`ConsumerGroupTimers`]. Source: `ConsumerGroup`, `ModernGroup`, `ConsumerGroupMember`.

mod assignment;
mod current_assignment;
mod describe;
mod member;
mod metadata_hash;
mod replay;
mod subscription;
mod target_assignment;
mod timers;
mod validate;

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

pub use assignment::{Assignment, AssignmentWithEpochs, TopicPartitionsList};
pub(crate) use assignment::{is_subset, list, with_epochs, without_epochs};
pub(crate) use current_assignment::CurrentAssignmentBuilder;
pub use describe::{ConsumerGroupDescription, ConsumerGroupMemberDescription, DescribedPartitions};
pub use member::{ConsumerGroupMember, MemberState};
pub use subscription::SubscriptionType;
pub(crate) use target_assignment::TargetAssignment;
pub use timers::ConsumerGroupTimers;
pub(crate) use timers::TimedOut;
pub(crate) use validate::PartitionCheck;

use crate::TopicId;

/// The epoch with which a member leaves (`LEAVE_GROUP_MEMBER_EPOCH`).
pub const LEAVE_GROUP_MEMBER_EPOCH: i32 = -1;
/// The epoch with which a static member leaves for a while (`LEAVE_GROUP_STATIC_MEMBER_EPOCH`).
pub const LEAVE_GROUP_STATIC_MEMBER_EPOCH: i32 = -2;

/// The states of a consumer group (`ConsumerGroupState`). They follow from the epochs; none is
/// stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsumerGroupState {
    /// No members.
    Empty,
    /// The group's epoch is ahead of its target assignment.
    Assigning,
    /// Members are on their way to the target assignment.
    Reconciling,
    /// Every member has what the target assignment gives it.
    Stable,
    /// There is no such group.
    Dead,
}

impl ConsumerGroupState {
    /// The name in ConsumerGroupDescribe and ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// What a regular expression matched when it was last resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedRegularExpression {
    /// The topics.
    pub topics: SortedSet<String>,
    /// The version of the topics' image in which they were looked for.
    pub version: i64,
    /// When (ms since the epoch).
    pub timestamp: i64,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroup {
    pub(crate) group_id: String,
    pub(crate) group_epoch: i32,
    pub(crate) metadata_hash: i64,
    pub(crate) assignment_epoch: i32,
    /// When the target was computed; 0 where not known.
    pub(crate) assignment_timestamp: i64,
    pub(crate) members: SortedMap<String, ConsumerGroupMember>,
    pub(crate) target_assignment: SortedMap<String, Assignment>,
    pub(crate) resolved_regular_expressions: SortedMap<String, ResolvedRegularExpression>,
    /// The epoch of the member that holds a partition.
    current_partition_epoch: SortedMap<TopicId, SortedMap<i32, i32>>,
    /// Written by Kafka 4.0: to be removed from the log with the next change.
    pub(crate) has_subscription_metadata_record: bool,
}

impl ConsumerGroup {
    /// A group without members.
    pub(crate) fn new(group_id: &str) -> Self {
        Self {
            group_id: group_id.into(),
            group_epoch: 1,
            metadata_hash: 0,
            assignment_epoch: 0,
            assignment_timestamp: 0,
            members: SortedMap::new(),
            target_assignment: SortedMap::new(),
            resolved_regular_expressions: SortedMap::new(),
            current_partition_epoch: SortedMap::new(),
            has_subscription_metadata_record: false,
        }
    }

    /// The group's id.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// Rises with every change of members, subscriptions or topics.
    pub fn group_epoch(&self) -> i32 {
        self.group_epoch
    }

    /// The group epoch that the target assignment is for.
    pub fn assignment_epoch(&self) -> i32 {
        self.assignment_epoch
    }

    /// The members by id.
    pub fn members(&self) -> &SortedMap<String, ConsumerGroupMember> {
        &self.members
    }

    /// What each member is to have.
    pub fn target_assignment(&self, member_id: &str) -> Option<&Assignment> {
        self.target_assignment.get(member_id)
    }

    /// What the regular expressions of the members matched when they were last resolved.
    pub fn resolved_regular_expressions(&self) -> &SortedMap<String, ResolvedRegularExpression> {
        &self.resolved_regular_expressions
    }

    /// The state.
    pub fn state(&self) -> ConsumerGroupState {
        if self.members.is_empty() {
            ConsumerGroupState::Empty
        } else if self.group_epoch > self.assignment_epoch {
            ConsumerGroupState::Assigning
        } else if self.members.values().all(|m| m.is_reconciled_to(self.assignment_epoch)) {
            ConsumerGroupState::Stable
        } else {
            ConsumerGroupState::Reconciling
        }
    }

    /// Whether no member is in the group.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member behind a `group.instance.id`.
    pub(crate) fn static_member(&self, instance_id: &str) -> Option<&ConsumerGroupMember> {
        self.members.values().find(|member| member.instance_id.as_deref() == Some(instance_id))
    }

    /// The target of a member; of a static member that comes back under another id, its old one
    /// (`targetAssignment(memberId, instanceId)`).
    pub(crate) fn target_of(&self, member: &ConsumerGroupMember) -> Assignment {
        let member_id = match &member.instance_id {
            None => Some(member.member_id.as_str()),
            Some(instance) => self.static_member(instance).map(ConsumerGroupMember::member_id),
        };
        let target = member_id.and_then(|member_id| self.target_assignment.get(member_id));
        target.cloned().unwrap_or_default()
    }

    /// The epoch of whoever holds a partition; None where nobody does.
    pub(crate) fn current_partition_epoch(
        &self,
        topic_id: &TopicId,
        partition: i32,
    ) -> Option<i32> {
        self.current_partition_epoch.get(topic_id)?.get(&partition).copied()
    }

    /// Whether a classic member with these protocols can be in the group.
    pub(crate) fn supports_classic_protocols(&self, protocol_type: &str, names: &[&str]) -> bool {
        protocol_type == crate::consumer_protocol::PROTOCOL_TYPE
            && if self.is_empty() {
                !names.is_empty()
            } else {
                names.iter().any(|name| {
                    let supports = |member: &ConsumerGroupMember| {
                        member.classic_protocols().iter().any(|protocol| protocol.name == *name)
                    };
                    self.members.values().all(|m| !m.uses_classic_protocol() || supports(m))
                })
            }
    }

    /// Whether all members but these use the classic protocol.
    pub(crate) fn all_use_classic_protocol_except(&self, members: &SortedSet<String>) -> bool {
        self.members
            .values()
            .filter(|member| !members.contains(&member.member_id))
            .all(ConsumerGroupMember::uses_classic_protocol)
    }

    /// Whether something that the member is to get is still held by another.
    pub(crate) fn is_waiting_on_unreleased_partition(&self, member: &ConsumerGroupMember) -> bool {
        member.state == MemberState::UnreleasedPartitions
            && self.target_assignment.get(&member.member_id).is_some_and(|target| {
                target.iter().any(|(topic, partitions)| {
                    partitions.iter().any(|partition| {
                        let has = member.assigned_partitions.get(topic);
                        !has.is_some_and(|has| has.contains_key(partition))
                            && self.current_partition_epoch(topic, *partition).is_some()
                    })
                })
            })
    }

    /// What must hold between operations; for tests.
    pub fn assert_valid(&self) {
        let mut held: Vec<(TopicId, i32)> =
            self.members.values().flat_map(ConsumerGroupMember::held_partitions).collect();
        logbrook_sorted::sort(&mut held);
        for pair in held.windows(2) {
            assert_ne!(pair[0], pair[1], "a partition is held by one member");
        }
        let instances: Vec<&str> =
            self.members.values().filter_map(ConsumerGroupMember::instance_id).collect();
        let distinct: SortedSet<&str> = instances.iter().copied().collect();
        assert_eq!(distinct.len(), instances.len(), "instance ids are distinct");
        assert!(self.assignment_epoch <= self.group_epoch, "the target follows the group");
        for (member_id, member) in &self.members {
            assert_eq!(*member_id, member.member_id);
            assert!(member.member_epoch <= self.assignment_epoch, "a member follows the target");
            assert_eq!(
                member.state == MemberState::UnrevokedPartitions
                    && member.member_epoch != LEAVE_GROUP_STATIC_MEMBER_EPOCH,
                member.must_revoke(),
                "what is to be revoked is waited for: {member:?}"
            );
            for (topic, partition) in member.held_partitions() {
                assert!(self.current_partition_epoch(&topic, partition).is_some());
            }
        }
        for member_id in self.target_assignment.keys() {
            assert!(self.members.contains_key(member_id), "a target is a member's");
        }
        for regex in self.resolved_regular_expressions.keys() {
            assert!(self.num_subscribed_members(regex) > 0, "a regex resolved is subscribed to");
        }
    }
}
