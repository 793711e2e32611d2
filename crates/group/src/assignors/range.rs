//! `RangeAssignor`: topic by topic, each member a run of neighbouring partitions; the first members
//! get one more where it does not divide. Members in the same order for each topic, so that topics
//! with the same number of partitions and the same readers go together (co-partitioning).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Assignments, PartitionsPerTopic, Subscriptions, in_order, nothing};
use crate::TopicPartition;

pub(super) fn assign(partitions: &PartitionsPerTopic, members: &Subscriptions) -> Assignments {
    let mut assignments = nothing(members);
    let members = in_order(members);
    for (topic, count) in partitions {
        let readers: Vec<&String> = members
            .iter()
            .filter(|(_, member)| member.subscription.topics.contains(topic))
            .map(|(member_id, _)| *member_id)
            .collect();
        let count = usize::try_from(*count).unwrap_or(0);
        let each = count.checked_div(readers.len()).unwrap_or(0);
        let with_one_more = count.checked_rem(readers.len()).unwrap_or(0);
        let mut indexes = 0..i32::try_from(count).unwrap_or(i32::MAX);
        for (at, reader) in readers.into_iter().enumerate() {
            let share = each + usize::from(at < with_one_more);
            let run = indexes.by_ref().take(share);
            if let Some(assigned) = assignments.get_mut(reader) {
                assigned.extend(run.map(|index| TopicPartition::new(topic.clone(), index)));
            }
        }
    }
    assignments
}
