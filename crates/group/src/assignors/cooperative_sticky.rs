//! `CooperativeStickyAssignor` (KIP-429): what the sticky algorithm decides, without the partitions
//! that another member still has. That member gives them up after this rebalance, and the next one
//! assigns them.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::sticky::{self, DEFAULT_GENERATION, MemberData};
use super::{Assignments, GroupMember, PartitionsPerTopic, Subscriptions};
use crate::TopicPartition;
use crate::primitives::{Reader, Writer};

pub(super) fn assign(partitions: &PartitionsPerTopic, members: &Subscriptions) -> Assignments {
    let outcome = sticky::assign(partitions, members, previous);
    let mut assignments = outcome.assignments;
    let transferring =
        outcome.transferring.unwrap_or_else(|| transferring_ownership(members, &assignments));
    for (partition, new_owner) in transferring {
        if let Some(assigned) = assignments.get_mut(&new_owner) {
            assigned.retain(|assigned| *assigned != partition);
        }
    }
    assignments
}

/// The partitions that one member gets and another has now, with who gets them.
fn transferring_ownership(
    members: &Subscriptions,
    assignments: &Assignments,
) -> SortedMap<TopicPartition, String> {
    let mut added = SortedMap::new();
    let mut revoked = SortedSet::new();
    for (member_id, assigned) in assignments {
        let Some(member) = members.get(member_id) else { continue };
        let owned = &member.subscription.owned_partitions;
        for partition in assigned.iter().filter(|partition| !owned.contains(partition)) {
            added.insert(partition.clone(), member_id.clone());
        }
        revoked.extend(owned.iter().filter(|partition| !assigned.contains(partition)).cloned());
    }
    added.retain(|partition, _| revoked.contains(partition));
    added
}

/// What a member has is in its subscription; its generation too from version 2 on, before that in
/// the user data.
fn previous(member: &GroupMember) -> MemberData {
    let subscription = &member.subscription;
    let generation = if subscription.generation_id >= 0 {
        Some(subscription.generation_id)
    } else {
        subscription
            .user_data
            .as_deref()
            .map(|bytes| Reader::new(bytes).i32("generation").unwrap_or(DEFAULT_GENERATION))
    };
    MemberData { partitions: subscription.owned_partitions.clone(), generation }
}

pub(super) fn encode_user_data(generation: i32) -> Vec<u8> {
    let mut out = Writer::default();
    out.i32(generation);
    out.out
}
