//! `UniformHomogeneousAssignmentBuilder`: all members subscribe to the same topics.
//!
//! Each keeps what it has up to its share; what is left over goes to those below their share.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{GroupSpec, PartitionAssignorError};
use crate::TopicId;
use crate::consumer_group::Assignment;

pub(super) fn assign(
    spec: &GroupSpec<'_>,
) -> Result<SortedMap<String, Assignment>, PartitionAssignorError> {
    let Some(first) = spec.members.first() else { return Ok(SortedMap::new()) };
    let subscribed = &first.subscribed_topic_ids;
    if subscribed.is_empty() {
        return Ok(SortedMap::new());
    }
    let assigned: SortedSet<(TopicId, i32)> = spec
        .members
        .iter()
        .flat_map(|member| member.assignment.iter())
        .flat_map(|(topic, partitions)| partitions.iter().map(|partition| (*topic, *partition)))
        .collect();
    let mut unassigned: Vec<(TopicId, i32)> = Vec::new();
    let mut total = 0_usize;
    for topic in subscribed {
        let partitions = spec.partitions_of(topic)?;
        total += usize::try_from(partitions).unwrap_or(0);
        unassigned.extend(
            (0..partitions).map(|p| (*topic, p)).filter(|partition| !assigned.contains(partition)),
        );
    }
    let minimum_quota = total / spec.members.len();
    let mut extra = total % spec.members.len();

    let mut targets: SortedMap<String, Assignment> = SortedMap::new();
    let mut unfilled: Vec<(&String, usize)> = Vec::new();
    for (index, member) in spec.members.iter().enumerate() {
        let mut quota = minimum_quota;
        let mut has_extra = extra > 0;
        if has_extra {
            quota += 1;
        }
        let mut target = Assignment::new();
        for (topic, partitions) in &member.assignment {
            if !subscribed.contains(topic) {
                continue;
            }
            for partition in partitions {
                if quota > 0 {
                    quota -= 1;
                    target.entry(*topic).or_default().insert(*partition);
                } else {
                    unassigned.push((*topic, *partition));
                }
            }
        }
        // The last ones must take what nobody took before.
        if quota > 0 && has_extra && spec.members.len() - index > extra {
            quota -= 1;
            has_extra = false;
        }
        if quota > 0 {
            unfilled.push((&member.member_id, quota));
        }
        if has_extra {
            extra -= 1;
        }
        targets.insert(member.member_id.clone(), target);
    }

    let mut unassigned = unassigned.into_iter();
    for (member_id, quota) in unfilled {
        let target = targets.entry(member_id.clone()).or_default();
        for (topic, partition) in unassigned.by_ref().take(quota) {
            target.entry(topic).or_default().insert(partition);
        }
    }
    debug_assert!(unassigned.next().is_none(), "partitions were left unassigned");
    Ok(targets)
}
