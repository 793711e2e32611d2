//! `StickyAssignor` and what it shares with the cooperative one (`AbstractStickyAssignor`): as
//! balanced as can be, and within that each member keeps as much as it can of what it had.

mod constrained;
mod general;

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{Assignments, GroupMember, PartitionsPerTopic, Subscriptions};
use crate::TopicPartition;
use crate::consumer_protocol::{read_partitions, write_partitions};
use crate::primitives::{Reader, Writer};

pub(super) const DEFAULT_GENERATION: i32 = -1;

/// What a member had, and in which generation it was assigned.
pub(super) struct MemberData {
    pub(super) partitions: Vec<TopicPartition>,
    pub(super) generation: Option<i32>,
}

pub(super) struct Outcome {
    pub(super) assignments: Assignments,
    /// Partitions that move from one member to another, with the new one; None where the algorithm
    /// does not keep count.
    pub(super) transferring: Option<SortedMap<TopicPartition, String>>,
}

/// What the members had, made free of contradictions.
struct Previous {
    owned: SortedMap<String, Vec<TopicPartition>>,
    /// Claimed by several members of the same generation: nobody keeps them.
    with_multiple_owners: SortedSet<TopicPartition>,
    data: SortedMap<String, MemberData>,
    max_generation: i32,
    all_subscriptions_equal: bool,
}

pub(super) fn assign(
    partitions: &PartitionsPerTopic,
    members: &Subscriptions,
    data: impl Fn(&GroupMember) -> MemberData,
) -> Outcome {
    let previous = previous_owners(partitions, members, data);
    if members.is_empty() {
        Outcome { assignments: Assignments::new(), transferring: None }
    } else if previous.all_subscriptions_equal {
        constrained::assign(partitions, previous)
    } else {
        general::assign(partitions, members, previous)
    }
}

/// `allSubscriptionsEqual`, with the owners that it collects on its way.
fn previous_owners(
    partitions: &PartitionsPerTopic,
    members: &Subscriptions,
    data: impl Fn(&GroupMember) -> MemberData,
) -> Previous {
    let mut previous = Previous {
        owned: SortedMap::new(),
        with_multiple_owners: SortedSet::new(),
        data: members.iter().map(|(id, member)| (id.clone(), data(member))).collect(),
        max_generation: DEFAULT_GENERATION,
        all_subscriptions_equal: true,
    };
    let mut subscribed: SortedSet<&String> = SortedSet::new();
    let mut owners: SortedMap<&TopicPartition, &String> = SortedMap::new();
    for (member_id, member) in members {
        let topics = &member.subscription.topics;
        // As in Java: members without any topic count as equal until one has some.
        if subscribed.is_empty() {
            subscribed.extend(topics);
        } else if topics.len() != subscribed.len()
            || !topics.iter().all(|topic| subscribed.contains(topic))
        {
            previous.all_subscriptions_equal = false;
        }
        let Some(data) = previous.data.get(member_id) else { continue };
        let generation = data.generation.unwrap_or(DEFAULT_GENERATION);
        previous.max_generation = previous.max_generation.max(generation);
        previous.owned.insert(member_id.clone(), Vec::new());
        for partition in &data.partitions {
            // Java looks at the topic only; a partition beyond its end would upset it.
            let count = partitions.get(&partition.topic).copied().unwrap_or(0);
            if !(0..count).contains(&partition.partition) {
                continue;
            }
            let keeps = match owners.get(partition) {
                None => true,
                Some(other) => {
                    // As in Java: the generation that the other's subscription says, not what its
                    // user data does.
                    let other_generation = members
                        .get(*other)
                        .map_or(DEFAULT_GENERATION, |other| other.subscription.generation_id)
                        .max(DEFAULT_GENERATION);
                    if generation >= other_generation {
                        if let Some(owned) = previous.owned.get_mut(*other) {
                            owned.retain(|owned| owned != partition);
                        }
                        owners.insert(partition, member_id);
                    }
                    if generation == other_generation {
                        previous.with_multiple_owners.insert(partition.clone());
                    }
                    generation > other_generation
                }
            };
            if keeps {
                owners.insert(partition, member_id);
                if let Some(owned) = previous.owned.get_mut(member_id) {
                    owned.push(partition.clone());
                }
            }
        }
    }
    previous
}

/// `StickyAssignor.memberData`: an eager member gave up everything before it joined, so what it
/// had is in its user data.
pub(super) fn previous(member: &GroupMember) -> MemberData {
    match member.subscription.user_data.as_deref() {
        None | Some([]) => MemberData { partitions: Vec::new(), generation: None },
        Some(bytes) => decode_user_data(bytes),
    }
}

fn decode_user_data(bytes: &[u8]) -> MemberData {
    let mut reader = Reader::new(bytes);
    match read_partitions(&mut reader, "previous_assignment") {
        // Without a generation it is what Kafka before 2.3 wrote.
        Ok(partitions) => MemberData { partitions, generation: reader.i32("generation").ok() },
        Err(_) => MemberData { partitions: Vec::new(), generation: Some(DEFAULT_GENERATION) },
    }
}

pub(super) fn encode_user_data(assigned: &[TopicPartition], generation: i32) -> Vec<u8> {
    let mut out = Writer::default();
    write_partitions(&mut out, assigned);
    out.i32(generation);
    out.out
}
