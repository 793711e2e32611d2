//! `GeneralAssignmentBuilder`: members read different topics. Partitions without an owner go to
//! the member with fewest, and then partitions move one by one while that makes it more balanced.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{DEFAULT_GENERATION, Outcome, Previous};
use crate::TopicPartition;
use crate::assignors::{Assignments, PartitionsPerTopic, Subscriptions};

pub(super) fn assign(
    partitions: &PartitionsPerTopic,
    members: &Subscriptions,
    previous: Previous,
) -> Outcome {
    let mut builder = Builder::new(partitions, members, previous.owned);
    let earlier = earlier_owners(&previous.data, previous.max_generation);
    let unassigned = builder.drop_invalid(members);
    builder.balance(&earlier, unassigned);
    Outcome { assignments: builder.current, transferring: None }
}

/// Who had a partition in an earlier generation than the last (`prepopulateCurrentAssignments`).
fn earlier_owners(
    data: &SortedMap<String, super::MemberData>,
    max_generation: i32,
) -> SortedMap<TopicPartition, String> {
    let mut owners: SortedMap<TopicPartition, (String, i32)> = SortedMap::new();
    for (member_id, data) in data {
        let generation = match data.generation {
            Some(generation) if generation < max_generation => generation,
            None if max_generation > DEFAULT_GENERATION => DEFAULT_GENERATION,
            Some(_) | None => continue,
        };
        for partition in &data.partitions {
            let known = owners.get(partition).map(|(_, known)| *known);
            if known.is_none_or(|known| generation > known) {
                owners.insert(partition.clone(), (member_id.clone(), generation));
            }
        }
    }
    owners.into_iter().map(|(partition, (member_id, _))| (partition, member_id)).collect()
}

struct Builder<'a> {
    partitions: &'a PartitionsPerTopic,
    total: usize,
    readers: SortedMap<&'a String, Vec<&'a String>>,
    topics: SortedMap<&'a String, Vec<&'a String>>,
    current: Assignments,
    owner: SortedMap<TopicPartition, String>,
    all: Vec<TopicPartition>,
    /// The members that take part, by how many partitions they have.
    by_load: SortedSet<(usize, String)>,
    revocation_required: bool,
    movements: Movements,
}

impl<'a> Builder<'a> {
    fn new(
        partitions: &'a PartitionsPerTopic,
        members: &'a Subscriptions,
        current: Assignments,
    ) -> Self {
        let mut readers: SortedMap<&String, Vec<&String>> =
            partitions.keys().map(|topic| (topic, Vec::new())).collect();
        let mut topics: SortedMap<&String, Vec<&String>> = SortedMap::new();
        for (member_id, member) in members {
            let known = topics.entry(member_id).or_default();
            for topic in &member.subscription.topics {
                if let Some((topic, _)) = partitions.get_key_value(topic) {
                    known.push(topic);
                    readers.entry(topic).or_default().push(member_id);
                }
            }
        }
        let owner = current
            .iter()
            .flat_map(|(member_id, owned)| owned.iter().map(|p| (p.clone(), member_id.clone())))
            .collect();
        // Topics with fewest readers first: they have least choice.
        let mut by_readers: Vec<&String> = partitions.keys().collect();
        logbrook_sorted::sort_by_key(&mut by_readers, |topic| {
            (readers.get(*topic).map_or(0, Vec::len), *topic)
        });
        let all: Vec<TopicPartition> = by_readers
            .into_iter()
            .flat_map(|topic| {
                let count = partitions.get(topic).copied().unwrap_or(0);
                (0..count).map(|index| TopicPartition::new(topic.clone(), index))
            })
            .collect();
        Self {
            partitions,
            total: all.len(),
            readers,
            topics,
            current,
            owner,
            all,
            by_load: SortedSet::new(),
            revocation_required: false,
            movements: Movements::default(),
        }
    }

    /// Takes away what a member may not have any more; answers what has no owner.
    fn drop_invalid(&mut self, members: &Subscriptions) -> Vec<TopicPartition> {
        for (member_id, owned) in &mut self.current {
            let subscribed = members.get(member_id).map(|member| &member.subscription.topics);
            owned.retain(|partition| {
                let keeps = subscribed.is_some_and(|topics| topics.contains(&partition.topic));
                self.revocation_required |= !keeps;
                keeps
            });
        }
        let assigned: SortedSet<&TopicPartition> = self.current.values().flatten().collect();
        self.all.iter().filter(|partition| !assigned.contains(partition)).cloned().collect()
    }

    fn balance(
        &mut self,
        earlier: &SortedMap<TopicPartition, String>,
        mut unassigned: Vec<TopicPartition>,
    ) {
        self.by_load = self.current.iter().map(|(id, owned)| (owned.len(), id.clone())).collect();
        let initializing = self.current.values().all(Vec::is_empty);
        for partition in &unassigned {
            self.assign_to_least_loaded(partition);
        }

        // Narrow down to what can move at all.
        let readers = &self.readers;
        let can_move = |partition: &TopicPartition| {
            readers.get(&partition.topic).is_some_and(|readers| readers.len() >= 2)
        };
        let movable: Vec<TopicPartition> =
            self.all.iter().filter(|partition| can_move(partition)).cloned().collect();
        unassigned.retain(can_move);
        let fixed: Vec<String> = self
            .current
            .keys()
            .filter(|member_id| !self.can_take_part(member_id))
            .cloned()
            .collect();
        let mut fixed_assignments = Assignments::new();
        for member_id in fixed {
            let owned = self.current.remove(&member_id).unwrap_or_default();
            self.by_load.remove(&(owned.len(), member_id.clone()));
            fixed_assignments.insert(member_id, owned);
        }

        let before = self.current.clone();
        // Where nothing must be given up anyway, first try to move new partitions only.
        if !self.revocation_required {
            self.reassign(&unassigned, earlier);
        }
        let moved = self.reassign(&movable, earlier);
        if !initializing && moved && balance_score(&self.current) >= balance_score(&before) {
            self.current = before;
        }
        self.current.append(&mut fixed_assignments);
    }

    fn assign_to_least_loaded(&mut self, partition: &TopicPartition) {
        let reader = self.least_loaded_reader(&partition.topic);
        if let Some(member_id) = reader {
            self.change(&member_id, |owned| owned.push(partition.clone()));
            self.owner.insert(partition.clone(), member_id);
        }
    }

    fn least_loaded_reader(&self, topic: &String) -> Option<String> {
        self.by_load
            .iter()
            .map(|(_, member_id)| member_id)
            .find(|member_id| self.topics.get(member_id).is_some_and(|all| all.contains(&topic)))
            .cloned()
    }

    /// Changes what a member has, and its place among the loads.
    fn change(&mut self, member_id: &str, f: impl FnOnce(&mut Vec<TopicPartition>)) {
        let owned = self.current.entry(member_id.into()).or_default();
        self.by_load.remove(&(owned.len(), member_id.into()));
        f(owned);
        self.by_load.insert((owned.len(), member_id.into()));
    }

    fn load(&self, member_id: &String) -> usize {
        self.current.get(member_id).map_or(0, Vec::len)
    }

    fn max_load(&self, member_id: &String) -> usize {
        let Some(topics) = self.topics.get(member_id) else { return 0 };
        if topics.len() == self.partitions.len() {
            return self.total;
        }
        let counts = topics.iter().filter_map(|topic| self.partitions.get(*topic));
        counts.filter_map(|count| usize::try_from(*count).ok()).sum()
    }

    /// A member takes part where it could have more, or has something that could move.
    fn can_take_part(&self, member_id: &String) -> bool {
        self.load(member_id) < self.max_load(member_id)
            || self.current.get(member_id).into_iter().flatten().any(|partition| {
                self.readers.get(&partition.topic).is_some_and(|readers| readers.len() >= 2)
            })
    }

    fn is_balanced(&self) -> bool {
        let (Some((min, _)), Some((max, _))) = (self.by_load.first(), self.by_load.last()) else {
            return true;
        };
        if min + 1 >= *max {
            return true;
        }
        // No member that could have more may have two fewer than whoever has what it could get.
        !self.by_load.iter().any(|(load, member_id)| {
            *load != self.max_load(member_id)
                && self.topics.get(member_id).into_iter().flatten().any(|topic| {
                    (0..self.partitions.get(*topic).copied().unwrap_or(0)).any(|index| {
                        let partition = TopicPartition::new((*topic).clone(), index);
                        self.owner
                            .get(&partition)
                            .is_some_and(|other| other != member_id && load + 1 < self.load(other))
                    })
                })
        })
    }

    /// Moves partitions as long as that helps; whether any moved.
    fn reassign(
        &mut self,
        movable: &[TopicPartition],
        earlier: &SortedMap<TopicPartition, String>,
    ) -> bool {
        let mut any_moved = false;
        loop {
            let mut moved = false;
            for partition in movable {
                if self.is_balanced() {
                    break;
                }
                let Some(owner) = self.owner.get(partition).cloned() else { continue };
                let load = self.load(&owner);
                let before = earlier.get(partition).filter(|id| self.current.contains_key(*id));
                if let Some(before) = before.filter(|id| load > self.load(id) + 1).cloned() {
                    self.move_to(partition, &owner, before);
                    moved = true;
                    continue;
                }
                let readers = self.readers.get(&partition.topic).into_iter().flatten();
                if readers.into_iter().any(|other| load > self.load(other) + 1)
                    && let Some(to) = self.least_loaded_reader(&partition.topic)
                {
                    self.move_to(partition, &owner, to);
                    moved = true;
                }
            }
            any_moved |= moved;
            if !moved {
                return any_moved;
            }
        }
    }

    fn move_to(&mut self, partition: &TopicPartition, owner: &str, to: String) {
        let partition = self.movements.partition_to_move(partition, owner, &to);
        let Some(from) = self.owner.get(&partition).cloned() else { return };
        self.movements.moved(&partition, &from, &to);
        self.change(&from, |owned| owned.retain(|owned| *owned != partition));
        self.change(&to, |owned| owned.push(partition.clone()));
        self.owner.insert(partition, to);
    }
}

/// How unequal the loads are, summed over all pairs.
fn balance_score(assignments: &Assignments) -> usize {
    let loads: Vec<usize> = assignments.values().map(Vec::len).collect();
    let pairs =
        loads.iter().enumerate().flat_map(|(at, a)| loads[at + 1..].iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| a.abs_diff(*b)).sum()
}

/// What moved from whom to whom (`PartitionMovements`): rather than two partitions of a topic
/// crossing each other, the one that moved goes back.
#[derive(Default)]
struct Movements {
    by_topic: SortedMap<String, SortedMap<(String, String), SortedSet<TopicPartition>>>,
    by_partition: SortedMap<TopicPartition, (String, String)>,
}

impl Movements {
    fn moved(&mut self, partition: &TopicPartition, from: &str, to: &str) {
        let source = match self.by_partition.remove(partition) {
            None => from.into(),
            Some(pair) => {
                if let Some(pairs) = self.by_topic.get_mut(&partition.topic) {
                    if let Some(moved) = pairs.get_mut(&pair) {
                        moved.remove(partition);
                    }
                    pairs.retain(|_, moved| !moved.is_empty());
                }
                pair.0
            }
        };
        if source != to {
            let pair = (source, String::from(to));
            self.by_partition.insert(partition.clone(), pair.clone());
            let pairs = self.by_topic.entry(partition.topic.clone()).or_default();
            pairs.entry(pair).or_default().insert(partition.clone());
        }
    }

    fn partition_to_move(
        &self,
        partition: &TopicPartition,
        from: &str,
        to: &str,
    ) -> TopicPartition {
        let from = self.by_partition.get(partition).map_or(from, |(source, _)| source.as_str());
        let reverse = (String::from(to), String::from(from));
        self.by_topic
            .get(&partition.topic)
            .and_then(|pairs| pairs.get(&reverse))
            .and_then(|moved| moved.first())
            .unwrap_or(partition)
            .clone()
    }
}
