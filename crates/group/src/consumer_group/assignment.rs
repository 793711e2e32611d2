//! Partitions by topic.

use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use crate::TopicId;

/// Of each topic, some partitions (`Assignment`). A topic without partitions is not in it.
pub type Assignment = SortedMap<TopicId, SortedSet<i32>>;

/// Of each topic, some partitions, each with the epoch in which it was assigned.
pub type AssignmentWithEpochs = SortedMap<TopicId, SortedMap<i32, i32>>;

/// Partitions as a request or a response lists them.
pub type TopicPartitionsList = Vec<(TopicId, Vec<i32>)>;

pub(crate) fn with_epochs(assignment: &Assignment, epoch: i32) -> AssignmentWithEpochs {
    assignment
        .iter()
        .map(|(topic, partitions)| {
            (*topic, partitions.iter().map(|partition| (*partition, epoch)).collect())
        })
        .collect()
}

pub(crate) fn without_epochs(assignment: &AssignmentWithEpochs) -> Assignment {
    assignment
        .iter()
        .map(|(topic, partitions)| (*topic, partitions.keys().copied().collect()))
        .collect()
}

pub(crate) fn list(assignment: &AssignmentWithEpochs) -> TopicPartitionsList {
    assignment
        .iter()
        .map(|(topic, partitions)| (*topic, partitions.keys().copied().collect()))
        .collect()
}

pub(crate) fn is_empty_assignment(assignment: &AssignmentWithEpochs) -> bool {
    assignment.values().all(SortedMap::is_empty)
}

/// Whether all that a request says is owned is in `target` (`GroupMetadataManager.isSubset`); not
/// where it does not say.
pub(crate) fn is_subset(
    owned: Option<&TopicPartitionsList>,
    target: &AssignmentWithEpochs,
) -> bool {
    owned.is_some_and(|owned| {
        owned.iter().all(|(topic, partitions)| {
            target.get(topic).is_some_and(|target| {
                partitions.iter().all(|partition| target.contains_key(partition))
            })
        })
    })
}
