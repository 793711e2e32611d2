//! `UniformHeterogeneousAssignmentBuilder`: the members subscribe to different topics.
//!
//! 1. Members keep what they have of topics that they still subscribe to.
//! 2. What nobody has goes to the subscriber with least, topic after topic.
//! 3. Topic after topic, partitions move from the subscribers with most to those with least, until
//!    nothing improves (at most 16 rounds).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use logbrook_sorted::SortedMap;

use super::{GroupSpec, PartitionAssignorError};
use crate::TopicId;
use crate::consumer_group::Assignment;

const MAX_ITERATION_COUNT: usize = 16;

struct Topic {
    /// The indexes of the members.
    subscribers: Vec<usize>,
    /// Of each partition, the index of the member that has it.
    owners: Vec<Option<usize>>,
}

struct Builder {
    topics: SortedMap<TopicId, Topic>,
    /// How many partitions each member has.
    sizes: Vec<usize>,
}

pub(super) fn assign(
    spec: &GroupSpec<'_>,
) -> Result<SortedMap<String, Assignment>, PartitionAssignorError> {
    let mut topics: SortedMap<TopicId, Topic> = SortedMap::new();
    for (index, member) in spec.members.iter().enumerate() {
        for topic_id in &member.subscribed_topic_ids {
            if !topics.contains_key(topic_id) {
                let partitions = usize::try_from(spec.partitions_of(topic_id)?).unwrap_or(0);
                let topic = Topic { subscribers: Vec::new(), owners: vec![None; partitions] };
                topics.insert(*topic_id, topic);
            }
            if let Some(topic) = topics.get_mut(topic_id) {
                topic.subscribers.push(index);
            }
        }
    }
    if topics.is_empty() {
        return Ok(SortedMap::new());
    }
    let mut builder = Builder { topics, sizes: vec![0; spec.members.len()] };
    builder.keep(spec);
    builder.assign_remaining();
    builder.balance();
    Ok(builder.targets(spec))
}

impl Builder {
    fn keep(&mut self, spec: &GroupSpec<'_>) {
        for (index, member) in spec.members.iter().enumerate() {
            for (topic_id, partitions) in &member.assignment {
                if !member.subscribed_topic_ids.contains(topic_id) {
                    continue;
                }
                let Some(topic) = self.topics.get_mut(topic_id) else { continue };
                for partition in partitions {
                    let owner =
                        usize::try_from(*partition).ok().and_then(|p| topic.owners.get_mut(p));
                    if let Some(owner) = owner.filter(|owner| owner.is_none()) {
                        *owner = Some(index);
                        self.sizes[index] += 1;
                    }
                }
            }
        }
    }

    /// Most partitions a subscriber first, then fewest subscribers, then the id.
    fn sorted_topics(&self, wanted: impl Fn(&Topic) -> bool) -> Vec<TopicId> {
        let mut sorted: Vec<(&TopicId, &Topic)> =
            self.topics.iter().filter(|(_, topic)| wanted(topic)).collect();
        logbrook_sorted::sort_by(&mut sorted, |(a_id, a), (b_id, b)| {
            let (a_subscribers, b_subscribers) = (a.subscribers.len(), b.subscribers.len());
            // Fractions compared across: b's partitions a subscriber against a's.
            (b.owners.len() * a_subscribers)
                .cmp(&(a.owners.len() * b_subscribers))
                .then(a_subscribers.cmp(&b_subscribers))
                .then_with(|| compare_uuids(a_id, b_id))
        });
        sorted.into_iter().map(|(topic_id, _)| *topic_id).collect()
    }

    fn assign_remaining(&mut self) {
        for topic_id in self.sorted_topics(|topic| topic.owners.iter().any(Option::is_none)) {
            let Some(topic) = self.topics.get(&topic_id) else { continue };
            let mut balancer = Balancer::new(&topic.subscribers, &self.sizes);
            for partition in 0..topic.owners.len() {
                if self.topics[&topic_id].owners[partition].is_none() {
                    let least = balancer.next_least_loaded(&self.sizes);
                    self.assign_partition(&topic_id, partition, least);
                }
            }
        }
    }

    fn balance(&mut self) {
        let sorted = self.sorted_topics(|topic| topic.subscribers.len() >= 2);
        let mut last_rebalanced: Option<usize> = None;
        for _ in 0..MAX_ITERATION_COUNT {
            for (index, topic_id) in sorted.iter().enumerate() {
                // All the others have been gone through since, without a change.
                if last_rebalanced == Some(index) {
                    return;
                }
                if self.balance_topic(topic_id) > 0 || last_rebalanced.is_none() {
                    last_rebalanced = Some(index);
                }
            }
        }
    }

    /// How many partitions moved.
    fn balance_topic(&mut self, topic_id: &TopicId) -> usize {
        let Some(topic) = self.topics.get(topic_id) else { return 0 };
        let mut balancer = Balancer::new(&topic.subscribers, &self.sizes);
        if balancer.imbalance(&self.sizes) <= 1 {
            return 0;
        }
        // Of each member, the partitions that it may give up; the highest goes first.
        let mut owned: SortedMap<usize, Vec<usize>> = SortedMap::new();
        for (partition, owner) in topic.owners.iter().enumerate() {
            if let Some(owner) = owner {
                owned.entry(*owner).or_default().push(partition);
            }
        }
        let mut moved = 0;
        while !balancer.is_balanced() {
            let most = loop {
                match balancer.next_most_loaded(&self.sizes) {
                    None => return moved,
                    Some(most) if owned.get(&most).is_none_or(Vec::is_empty) => {
                        balancer.exclude_most_loaded();
                    }
                    Some(most) => break most,
                }
            };
            let Some(partition) = owned.get_mut(&most).and_then(Vec::pop) else { return moved };
            let least = balancer.next_least_loaded(&self.sizes);
            if balancer.is_balanced() {
                break;
            }
            self.assign_partition(topic_id, partition, least);
            moved += 1;
        }
        moved
    }

    fn assign_partition(&mut self, topic_id: &TopicId, partition: usize, member: usize) {
        let Some(topic) = self.topics.get_mut(topic_id) else { return };
        if let Some(before) = topic.owners[partition].replace(member) {
            self.sizes[before] -= 1;
        }
        self.sizes[member] += 1;
    }

    fn targets(&self, spec: &GroupSpec<'_>) -> SortedMap<String, Assignment> {
        let mut targets = vec![Assignment::new(); spec.members.len()];
        for (topic_id, topic) in &self.topics {
            for (partition, owner) in (0_i32..).zip(&topic.owners) {
                if let Some(owner) = owner {
                    targets[*owner].entry(*topic_id).or_default().insert(partition);
                }
            }
        }
        spec.members.iter().map(|member| member.member_id.clone()).zip(targets).collect()
    }
}

/// Java compares the two halves as signed numbers.
fn compare_uuids(a: &TopicId, b: &TopicId) -> Ordering {
    let halves = |id: &TopicId| {
        let bits = u128::from_be_bytes(*id);
        (((bits >> 64) as u64).cast_signed(), (bits as u64).cast_signed())
    };
    halves(a).cmp(&halves(b))
}

/// Deals out partitions among a topic's subscribers (`MemberAssignmentBalancer`): sorted by what
/// they have, a range of the least loaded grows from the left, one of the most loaded from the
/// right, each of members with equally many.
struct Balancer {
    sorted: Vec<usize>,
    /// Exclusive.
    least_end: usize,
    least_count: isize,
    next_least: usize,
    most_start: usize,
    /// Exclusive.
    most_end: usize,
    most_count: isize,
    next_most: isize,
}

impl Balancer {
    /// There is at least one subscriber.
    fn new(subscribers: &[usize], sizes: &[usize]) -> Self {
        let mut sorted = subscribers.to_vec();
        logbrook_sorted::sort_by_key(&mut sorted, |member| (sizes[*member], *member));
        let size = |at: usize| sorted.get(at).map_or(0, |member| sizes[*member] as isize);
        Self {
            least_end: 0,
            least_count: size(0) - 1,
            next_least: 0,
            most_start: sorted.len(),
            most_end: sorted.len(),
            most_count: size(sorted.len().saturating_sub(1)) + 1,
            next_most: sorted.len() as isize - 1,
            sorted,
        }
    }

    fn imbalance(&self, sizes: &[usize]) -> usize {
        match (self.sorted.first(), self.sorted.last()) {
            (Some(least), Some(most)) => sizes[*most] - sizes[*least],
            _ => 0,
        }
    }

    fn next_least_loaded(&mut self, sizes: &[usize]) -> usize {
        if self.next_least >= self.least_end {
            self.least_count += 1;
            while self.least_end < self.sorted.len()
                && sizes[self.sorted[self.least_end]] as isize == self.least_count
            {
                self.least_end += 1;
            }
            self.next_least = 0;
        }
        let member = self.sorted[self.next_least];
        self.next_least += 1;
        member
    }

    /// None where nobody is left who could give something up.
    fn next_most_loaded(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.next_most < self.most_start as isize {
            if self.most_end <= self.most_start && self.most_start > 0 {
                // All of the range were excluded: go on with the next lower members.
                self.most_count = sizes[self.sorted[self.most_start - 1]] as isize;
            } else {
                self.most_count -= 1;
            }
            while self.most_start > 0
                && sizes[self.sorted[self.most_start - 1]] as isize == self.most_count
            {
                self.most_start -= 1;
            }
            self.next_most = self.most_end as isize - 1;
        }
        let at = usize::try_from(self.next_most).ok()?;
        self.next_most -= 1;
        Some(self.sorted[at])
    }

    /// Takes the member that was last given by [`next_most_loaded`](Self::next_most_loaded) out of
    /// its range.
    fn exclude_most_loaded(&mut self) {
        let Ok(at) = usize::try_from(self.next_most + 1) else { return };
        self.sorted.swap(at, self.most_end - 1);
        self.most_end -= 1;
    }

    fn is_balanced(&self) -> bool {
        self.most_count - self.least_count <= 1
    }
}
