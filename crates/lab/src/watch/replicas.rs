//! `replicas_identical`: every copy of a partition holds what its leader holds. `no_unclean_election`: nobody led who
//! might have lacked something.
//!
//! A follower appends the leader's bytes as they are, and one that comes back cuts its log where its history and
//! the leader's part (`OffsetsForLeaderEpoch`, KIP-101, KIP-320). So below the high watermark nothing may differ:
//! not a record, not the leader epoch in a batch's header.
//!
//! An election is clean when the new leader is in the ISR or among the eligible leader replicas (KIP-966); otherwise
//! (`unclean.leader.election.enable`, `kafka-leader-election.sh --election-type unclean`) what it lacks is lost.

use logbrook_broker::BrokerEventKind;
use logbrook_cluster::Cluster;
use logbrook_log::Log;
use logbrook_record::Offset;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::check::Isolation;
use crate::read;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct Identical {
    pub(super) topic: String,
}

/// What is wrong with one copy.
struct Difference {
    partition: i32,
    node: i32,
    /// The first offset from which on it is not the leader's, or which it lacks.
    offset: i64,
    message: &'static str,
}

const NO_LEADER: &str = "{topic}-{partition} has no leader to compare with.";
const NO_COPY: &str = "Broker {node} has no copy of {topic}-{partition}.";
const BEHIND: &str = "Broker {node}'s copy of {topic}-{partition} ends at offset {offset}; all copies were to have \
                      everything below {want}.";
const OTHER: &str = "Broker {node}'s copy of {topic}-{partition} has other records than the leader's from offset \
                     {offset} on.";
const BEYOND: &str = "Broker {node}'s copy of {topic}-{partition} has records from offset {offset} on that the leader \
                      does not have.";

/// The first offset of a batch in which two logs differ, between these offsets.
fn differs(one: &Log, other: &Log, from: Offset, to: Offset) -> Option<Offset> {
    let mut there = other.batches(from, to);
    for batch in one.batches(from, to) {
        let same = there.next().is_some_and(|other| other.bytes() == batch.bytes());
        if !same {
            return Some(batch.header().base_offset);
        }
    }
    None
}

impl Identical {
    fn difference(&self, cluster: &Cluster, partition: i32) -> Option<(Difference, i64)> {
        let found = |node: i32, offset: i64, message: &'static str| Difference {
            partition,
            node,
            offset,
            message,
        };
        let Some(leader) = read::leader_log(cluster, &self.topic, partition) else {
            return Some((found(-1, -1, NO_LEADER), -1));
        };
        let there = read::registration(cluster, &self.topic, partition)?;
        let (start, end) = (leader.log_start_offset(), leader.high_watermark());
        for node in there.replicas.iter().copied().filter(|node| *node != there.leader) {
            let Some(log) = read::replica_log(cluster, &self.topic, partition, node) else {
                return Some((found(node, -1, NO_COPY), end.0));
            };
            let common = end.min(log.log_end_offset());
            // A copy may have let older records go already, or not yet.
            let from = start.max(log.log_start_offset());
            if let Some(offset) = differs(leader, log, from, common) {
                return Some((found(node, offset.0, OTHER), end.0));
            }
            if log.log_end_offset() < end {
                return Some((found(node, log.log_end_offset().0, BEHIND), end.0));
            }
            if log.log_end_offset() > leader.log_end_offset() {
                return Some((found(node, leader.log_end_offset().0, BEYOND), end.0));
            }
        }
        None
    }
}

impl Watch for Identical {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let partitions = read::describe(now.cluster, &self.topic).map_or(0, |d| d.partitions);
        let mut values = Values::from([("topic", self.topic.clone())]);
        if partitions == 0 {
            let message = "`{topic}` does not exist.".to_owned();
            return Finding::NotYet(Found { message, values, at: None });
        }
        let Some((found, end)) = (0..partitions).find_map(|p| self.difference(now.cluster, p))
        else {
            let count = read::record_count(now.cluster, &self.topic, None, Isolation::default());
            return Finding::Holds(format!("{count} records, the same in every copy"));
        };
        values.insert("partition", found.partition.to_string());
        values.insert("node", found.node.to_string());
        values.insert("offset", found.offset.to_string());
        values.insert("got", found.offset.to_string());
        values.insert("want", end.to_string());
        Finding::NotYet(Found { message: found.message.to_owned(), values, at: None })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}

#[derive(Clone)]
pub(super) struct NoUnclean {
    pub(super) topic: Option<String>,
    /// The first unclean election that counts.
    pub(super) first: Option<Found>,
}

impl Watch for NoUnclean {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        let BrokerEventKind::LeaderElected { topic, partition, leader, unclean: true, .. } = event
        else {
            return;
        };
        if self.topic.as_ref().is_some_and(|wanted| wanted != topic) {
            return;
        }
        let values = Values::from([
            ("topic", topic.clone()),
            ("partition", partition.to_string()),
            ("node", leader.to_string()),
            ("got", leader.to_string()),
        ]);
        let message = "Broker {node} was made leader of {topic}-{partition} although it was neither in sync nor \
                       eligible: what it lacked is lost.";
        self.first.get_or_insert(Found { message: message.to_owned(), values, at: Some(at) });
    }

    fn forked(&mut self, _now_us: i64) {
        self.first = None;
    }

    fn find(&self, _now: &Moment<'_>) -> Finding {
        match &self.first {
            Some(found) => Finding::Broken(found.clone()),
            None => Finding::Holds("every leader was eligible".to_owned()),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
