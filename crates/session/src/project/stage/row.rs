//! One replica: what stands in it, and where it differs from its leader.

use logbrook_broker::{Broker, PartitionRegistration};
use logbrook_cluster::Cluster;
use logbrook_log::Log;
use logbrook_record::Offset;

use super::cells::{self, CellCache, Strip};
use super::{Chosen, Partition};
use crate::follow::Follow;
use crate::project::group;
use crate::view::{Axis, InSync, ReadTrack, ReplicaMark, Role, Row};

/// What the rows of a stage are made from.
pub(super) struct Rows<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) follow: &'a Follow,
    pub(super) chosen: &'a Chosen,
    pub(super) axis: Axis,
}

/// The log of a replica: of a process that runs, or as it lies on the disk.
pub(super) fn log_of<'a>(broker: &'a Broker, topic: &str, index: i32) -> Option<&'a Log> {
    let live = broker.partition(topic, index).map(logbrook_broker::Partition::log);
    live.or_else(|| broker.stored_log(topic, index))
}

/// Leader or follower, in sync or not, as the controller has it.
pub(super) fn standing(of: &PartitionRegistration, node: i32) -> (Role, InSync) {
    let role = if of.leader == node { Role::Leader } else { Role::Follower };
    let in_sync = if of.isr.contains(&node) {
        InSync::In
    } else if of.elr.contains(&node) {
        InSync::Elr
    } else {
        InSync::Out
    };
    (role, in_sync)
}

impl Rows<'_> {
    /// The replica of a partition on a broker.
    pub(super) fn row(&self, of: &Partition<'_>, node: i32, cache: &mut CellCache) -> Row {
        let (topic, index) = (of.topic, of.index);
        let (role, in_sync) = standing(of.registration, node);
        let mut row = Row {
            topic: topic.to_owned(),
            partition: index,
            broker: node,
            role,
            in_sync,
            leader_epoch: of.registration.leader_epoch,
            ..Row::default()
        };
        let Some(broker) = self.cluster.broker(node) else { return row };
        let Some(log) = log_of(broker, topic, index) else {
            row.differs = "no copy on its disk".to_owned();
            return row;
        };
        let leader_log = (role == Role::Follower)
            .then(|| log_of(self.cluster.broker(of.registration.leader)?, topic, index))
            .flatten();
        let diverges = leader_log.and_then(|leader| diverges(log, leader));
        let until = self.axis.first + i64::from(self.axis.cells);
        let from = self.axis.first.max(log.log_start_offset().0);
        let acked = |offset, epoch| self.follow.is_acked(topic, index, offset, epoch);
        let aborted = log.aborted_transactions(Offset(from), Offset(until));
        let (text, epoch_ms) = (self.chosen.cell_text, self.cluster.config().epoch_ms);
        let strip = Strip {
            topic,
            partition: index,
            log,
            text,
            epoch_ms,
            aborted,
            diverges,
            acked: &acked,
        };
        row.batches = strip.batches(from, until, cache);
        row.high_watermark = log.high_watermark().0;
        row.log_end = log.log_end_offset().0;
        row.last_stable = log.last_stable_offset().0;
        row.log_start = log.log_start_offset().0;
        row.size_bytes = log.size_bytes() as u64;
        row.gone = cells::gone(&row.batches, from, until.min(row.log_end));
        // The first epoch is not marked.
        let epochs = log.leader_epoch_cache().entries().skip(1);
        let epochs = epochs.map(|(epoch, start)| (start.0, epoch.0));
        row.epochs = epochs.filter(|(start, _)| (from..until).contains(start)).collect();
        if role == Role::Leader {
            row.tracks = tracks(self.follow, topic, index, row.high_watermark);
        }
        row.differs = match (diverges, leader_log) {
            (Some(from), _) => {
                let epoch = log.latest_epoch().map_or(-1, |epoch| epoch.0);
                let last = row.log_end - 1;
                if from == last {
                    format!("offset {from}, epoch {epoch}, is not the leader's")
                } else {
                    format!("offsets {from} to {last}, epoch {epoch}, are not the leader's")
                }
            }
            (None, Some(leader)) if leader.log_end_offset().0 > row.log_end => {
                format!("{} behind", leader.log_end_offset().0 - row.log_end)
            }
            (None, _) => String::new(),
        };
        let thinks = broker.partition(topic, index).filter(|p| p.is_leader());
        if let (Role::Follower, Some(old)) = (role, thinks) {
            row.differs = format!("takes itself for the leader, epoch {}", old.leader_epoch());
        }
        row
    }
}

/// Where a replica has to cut its log back before it can follow its leader (KIP-101), if it has to.
fn diverges(log: &Log, leader: &Log) -> Option<i64> {
    let own = log.latest_epoch()?;
    let (epoch, end) = leader.end_offset_for_epoch(own)?;
    let own_end = if epoch == own {
        log.log_end_offset()
    } else {
        log.end_offset_for_epoch(epoch).map_or(log.log_end_offset(), |(_, end)| end)
    };
    let common = end.0.min(own_end.0);
    (common < log.log_end_offset().0).then_some(common)
}

/// The replicas of a partition as signs.
pub(super) fn marks(
    cluster: &Cluster,
    follow: &Follow,
    of: &PartitionRegistration,
) -> Vec<ReplicaMark> {
    let mark = |node: &i32| {
        let (role, in_sync) = standing(of, *node);
        let up = super::lane::condition(cluster, follow, *node).up;
        ReplicaMark { broker: *node, role, in_sync, up }
    };
    of.replicas.iter().map(mark).collect()
}

fn tracks(follow: &Follow, topic: &str, partition: i32, hw: i64) -> Vec<ReadTrack> {
    let mut tracks = Vec::new();
    for group in follow.groups.keys() {
        let key = (group.clone(), topic.to_owned(), partition);
        let owner = follow.owners.get(&key);
        let (committed, position) = (follow.committed.get(&key), follow.positions.get(&key));
        if owner.is_none() && committed.is_none() {
            continue;
        }
        let member = group::mark_of(follow, group, topic, partition);
        let (committed, position) =
            (committed.copied(), position.copied().filter(|_| owner.is_some()));
        tracks.push(ReadTrack { group: group.clone(), member, committed, position, end: hw });
    }
    tracks
}
