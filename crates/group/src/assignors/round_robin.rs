//! `RoundRobinAssignor`: all partitions of all topics in order, dealt to the members in turn.

use super::{Assignments, PartitionsPerTopic, Subscriptions, all_partitions, in_order, nothing};

pub(super) fn assign(partitions: &PartitionsPerTopic, members: &Subscriptions) -> Assignments {
    let mut assignments = nothing(members);
    let members = in_order(members);
    let mut next = 0;
    for partition in all_partitions(partitions) {
        // Whoever is passed over because it does not read the topic is passed over for good.
        let reads = |at: usize| {
            let (_, member) = members[at % members.len()];
            member.subscription.topics.contains(&partition.topic)
        };
        let Some(at) = (next..next + members.len()).find(|at| reads(*at)) else { continue };
        let (member_id, _) = members[at % members.len()];
        next = (at + 1) % members.len();
        if let Some(assigned) = assignments.get_mut(member_id) {
            assigned.push(partition);
        }
    }
    assignments
}
