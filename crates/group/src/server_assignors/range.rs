//! `RangeAssignor`: of each topic, each subscriber gets a range of neighbouring partitions.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use logbrook_sorted::SortedMap;

use super::{GroupSpec, MemberSpec, PartitionAssignorError};
use crate::TopicId;
use crate::consumer_group::Assignment;

struct Topic {
    partitions: i32,
    subscribers: i32,
    next: i32,
    extra: i32,
}

pub(super) fn assign(
    spec: &GroupSpec<'_>,
) -> Result<SortedMap<String, Assignment>, PartitionAssignorError> {
    let mut members: Vec<&MemberSpec> = spec.members.iter().collect();
    logbrook_sorted::sort_by(&mut members, |a, b| by_instance(a, b));
    let mut topics: SortedMap<TopicId, Topic> = SortedMap::new();
    for topic_id in members.iter().flat_map(|member| member.subscribed_topic_ids.iter()) {
        if !topics.contains_key(topic_id) {
            let partitions = spec.partitions_of(topic_id)?;
            topics.insert(*topic_id, Topic { partitions, subscribers: 0, next: 0, extra: 0 });
        }
        if let Some(topic) = topics.get_mut(topic_id) {
            topic.subscribers += 1;
        }
    }
    for topic in topics.values_mut() {
        topic.extra = topic.partitions % topic.subscribers;
    }
    let mut targets = SortedMap::new();
    for member in members {
        let mut target = Assignment::new();
        for topic_id in &member.subscribed_topic_ids {
            let Some(topic) = topics.get_mut(topic_id) else { continue };
            let mut quota = topic.partitions / topic.subscribers;
            if topic.extra > 0 {
                quota += 1;
                topic.extra -= 1;
            }
            let end = (topic.next + quota).min(topic.partitions);
            if topic.next < end {
                target.insert(*topic_id, (topic.next..end).collect());
            }
            topic.next = end;
        }
        targets.insert(member.member_id.clone(), target);
    }
    Ok(targets)
}

/// Static members come first, by their instance ids: they keep their ranges over restarts.
fn by_instance(a: &MemberSpec, b: &MemberSpec) -> Ordering {
    match (&a.instance_id, &b.instance_id) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.member_id.cmp(&b.member_id),
    }
}
