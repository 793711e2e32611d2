//! `ConstrainedAssignmentBuilder`: all members read the same topics, so each gets `minQuota` or
//! `maxQuota` partitions, and that can be done in one pass.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{Outcome, Previous};
use crate::TopicPartition;
use crate::assignors::{Assignments, PartitionsPerTopic, all_partitions};

struct Builder {
    min_quota: usize,
    max_quota: usize,
    /// How many members get more than `min_quota` in the end.
    expected_over_min: usize,
    current_over_min: usize,
    assignments: Assignments,
    under_min: Vec<String>,
    exactly_min: VecDeque<String>,
    maybe_revoked: SortedMap<TopicPartition, String>,
    with_multiple_owners: SortedSet<TopicPartition>,
    transferring: SortedMap<TopicPartition, String>,
}

pub(super) fn assign(partitions: &PartitionsPerTopic, previous: Previous) -> Outcome {
    let all = all_partitions(partitions);
    let members = previous.owned.len().max(1);
    let mut builder = Builder {
        min_quota: all.len() / members,
        max_quota: all.len().div_ceil(members),
        expected_over_min: all.len() % members,
        current_over_min: 0,
        assignments: previous.owned.keys().map(|id| (id.clone(), Vec::new())).collect(),
        under_min: Vec::new(),
        exactly_min: VecDeque::new(),
        maybe_revoked: SortedMap::new(),
        with_multiple_owners: previous.with_multiple_owners,
        transferring: SortedMap::new(),
    };
    for (member_id, owned) in previous.owned {
        builder.keep_owned(member_id, owned);
    }
    let assigned: SortedSet<&TopicPartition> = builder.assignments.values().flatten().collect();
    let unassigned: Vec<TopicPartition> =
        all.into_iter().filter(|partition| !assigned.contains(partition)).collect();
    logbrook_sorted::sort(&mut builder.under_min);
    logbrook_sorted::sort(builder.exactly_min.make_contiguous());
    builder.deal(unassigned);
    Outcome { assignments: builder.assignments, transferring: Some(builder.transferring) }
}

impl Builder {
    /// A member keeps what it has, up to its quota.
    fn keep_owned(&mut self, member_id: String, mut owned: Vec<TopicPartition>) {
        owned.retain(|partition| !self.with_multiple_owners.contains(partition));
        logbrook_sorted::sort_by(&mut owned, |a, b| {
            (a.partition, &a.topic).cmp(&(b.partition, &b.topic))
        });
        let may_exceed_min = self.current_over_min < self.expected_over_min;
        let keep = if owned.len() < self.min_quota {
            self.under_min.push(member_id.clone());
            owned.len()
        } else if owned.len() >= self.max_quota && may_exceed_min {
            self.current_over_min += 1;
            if self.current_over_min == self.expected_over_min {
                self.exactly_min.clear();
            }
            self.max_quota
        } else {
            if may_exceed_min {
                self.exactly_min.push_back(member_id.clone());
            }
            self.min_quota
        };
        for partition in owned.split_off(keep) {
            self.maybe_revoked.insert(partition, member_id.clone());
        }
        self.assignments.insert(member_id, owned);
    }

    /// Deals what is left in turn: first to members under `min_quota`, then to those at it.
    fn deal(&mut self, unassigned: Vec<TopicPartition>) {
        let mut next = 0;
        for partition in unassigned {
            if next >= self.under_min.len() {
                next = 0;
            }
            let from_under_min = self.under_min.get(next).cloned();
            let is_under_min = from_under_min.is_some();
            // The quotas leave nothing over; Java throws where they would.
            let Some(member_id) = from_under_min.or_else(|| self.exactly_min.pop_front()) else {
                return;
            };
            let count = self.assign_new(partition, &member_id);
            if is_under_min && count == self.min_quota {
                self.under_min.remove(next);
                self.exactly_min.push_back(member_id);
            } else {
                if is_under_min {
                    next += 1;
                }
                if count == self.max_quota {
                    self.current_over_min += 1;
                }
            }
        }
    }

    fn assign_new(&mut self, partition: TopicPartition, member_id: &String) -> usize {
        let had_other = self.maybe_revoked.get(&partition).is_some_and(|had| had != member_id);
        if had_other || self.with_multiple_owners.contains(&partition) {
            self.transferring.insert(partition.clone(), member_id.clone());
        }
        let assigned = self.assignments.entry(member_id.clone()).or_default();
        assigned.push(partition);
        assigned.len()
    }
}
