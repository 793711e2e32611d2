//! Invariants of replication: who leads, what is committed, whether it stays.

use logbrook_broker::{
    Broker, BrokerEventKind, LeaderRecoveryState, MetadataImage, Partition, PartitionRegistration,
};
use logbrook_cluster::Cluster;
use logbrook_log::Log;
use logbrook_record::Offset;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{Invariant, logs};
use crate::coverage::Coverage;

/// A partition by topic and index.
pub(crate) type Key = (String, i32);

/// One committed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Committed {
    base: i64,
    last: i64,
    epoch: i32,
    crc: u32,
}

/// What has been seen of the partitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replication {
    /// The end of the controller's log when it was looked at last.
    metadata_end: i64,
    leaders: SortedMap<(Key, i32), i32>,
    latest_epoch: SortedMap<Key, i32>,
    /// The term that each broker was in last.
    terms: SortedMap<(i32, Key), i32>,
    committed: SortedMap<Key, Vec<Committed>>,
    /// The high watermark that each leader told of last, and its term.
    watermarks: SortedMap<(i32, Key), (i32, i64)>,
    /// Partitions that have lost what was committed, as their settings permit: an unclean election.
    pub(crate) unclean: SortedSet<Key>,
}

type Found = Result<(), (Invariant, String)>;

impl Replication {
    /// Looks at what the controller has decided since the last call.
    pub(crate) fn observe_metadata(&mut self, cluster: &Cluster, coverage: &mut Coverage) -> Found {
        let end = metadata_end(cluster);
        if core::mem::replace(&mut self.metadata_end, end) == end {
            return Ok(());
        }
        let Some(metadata) = cluster.metadata() else { return Ok(()) };
        for topic in metadata.topics().values() {
            for (index, registration) in &topic.partitions {
                coverage.risked(Invariant::LeaderInIsr);
                let name = format!("{}-{index}", topic.name);
                check_leader(metadata, &name, registration)?;
                // The controller took a replica that may lack something, and has it mend that first.
                if registration.leader_recovery_state == LeaderRecoveryState::Recovering {
                    let key = (topic.name.clone(), *index);
                    self.committed.remove(&key);
                    self.unclean.insert(key);
                }
            }
        }
        Ok(())
    }

    /// Looks at what an event of a broker says of a partition.
    pub(crate) fn observe(
        &mut self,
        cluster: &Cluster,
        node: i32,
        event: &BrokerEventKind,
        coverage: &mut Coverage,
    ) -> Found {
        let (topic, index) = match event {
            BrokerEventKind::Appended { topic, partition, .. }
            | BrokerEventKind::Replicated { topic, partition, .. }
            | BrokerEventKind::Truncated { topic, partition, .. }
            | BrokerEventKind::HighWatermark { topic, partition, .. }
            | BrokerEventKind::BecameLeader { topic, partition, .. }
            | BrokerEventKind::BecameFollower { topic, partition, .. } => (topic, *partition),
            _ => return Ok(()),
        };
        let partition =
            cluster.broker(node).and_then(|broker: &Broker| broker.partition(topic, index));
        let Some(partition) = partition else { return Ok(()) };
        coverage.risked(Invariant::OffsetBounds);
        logs::check_bounds(partition.log())
            .map_err(|what| (Invariant::OffsetBounds, format!("{}: {what}", partition.name())))?;
        let key = (topic.clone(), index);
        if let BrokerEventKind::BecameLeader { leader_epoch, .. }
        | BrokerEventKind::BecameFollower { leader_epoch, .. } = event
        {
            coverage.risked(Invariant::EpochsRise);
            let before = self.terms.insert((node, key.clone()), *leader_epoch);
            if before.is_some_and(|before| before > *leader_epoch) {
                let what = format!(
                    "{}: broker {node} goes from epoch {before:?} back to {leader_epoch}",
                    partition.name()
                );
                return Err((Invariant::EpochsRise, what));
            }
        }
        match event {
            BrokerEventKind::BecameLeader { leader_epoch, .. } => {
                self.elected(node, &key, *leader_epoch, partition, coverage)
            }
            BrokerEventKind::HighWatermark { high_watermark, .. } if partition.is_leader() => {
                self.check_watermark(node, &key, partition, *high_watermark, coverage)?;
                self.committed_more(cluster, node, &key, partition, coverage)
            }
            // A leader that has a successor, and does not know yet, takes records: it must not commit them.
            BrokerEventKind::Appended { .. }
                if self.latest_epoch.get(&key).is_some_and(|e| *e > partition.leader_epoch()) =>
            {
                coverage.risked(Invariant::FencedLeaderStands);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Within a term a leader's watermark rises.
    fn check_watermark(
        &mut self,
        node: i32,
        key: &Key,
        partition: &Partition,
        high_watermark: i64,
        coverage: &mut Coverage,
    ) -> Found {
        coverage.risked(Invariant::WatermarkRises);
        let epoch = partition.leader_epoch();
        match self.watermarks.insert((node, key.clone()), (epoch, high_watermark)) {
            Some((of, before)) if of == epoch && before > high_watermark => {
                let what = format!(
                    "{}: the high watermark of leader {node} falls from {before} to {high_watermark}",
                    partition.name()
                );
                Err((Invariant::WatermarkRises, what))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn elected(
        &mut self,
        node: i32,
        key: &Key,
        epoch: i32,
        partition: &Partition,
        coverage: &mut Coverage,
    ) -> Found {
        let name = partition.name();
        coverage.risked(Invariant::OneLeaderAnEpoch);
        match self.leaders.insert((key.clone(), epoch), node) {
            Some(before) if before != node => {
                let what =
                    format!("{name}: brokers {before} and {node} both lead in epoch {epoch}");
                return Err((Invariant::OneLeaderAnEpoch, what));
            }
            Some(_) | None => {}
        }
        let latest = self.latest_epoch.entry(key.clone()).or_insert(epoch);
        // A broker that was away learns of old terms only through the newest.
        *latest = (*latest).max(epoch);
        let Some(committed) = self.committed.get(key) else { return Ok(()) };
        coverage.risked(Invariant::CommittedSurvives);
        let has = batches(partition.log(), Offset(0), partition.log().log_end_offset());
        let start = partition.log().log_start_offset().0;
        for batch in committed.iter().filter(|batch| batch.base >= start) {
            if !has.contains(batch) {
                let what = format!(
                    "{name}: broker {node} was elected in epoch {epoch} without the committed batch \
                     {}..={} of epoch {}",
                    batch.base, batch.last, batch.epoch
                );
                return Err((Invariant::CommittedSurvives, what));
            }
        }
        Ok(())
    }

    fn committed_more(
        &mut self,
        cluster: &Cluster,
        node: i32,
        key: &Key,
        partition: &Partition,
        coverage: &mut Coverage,
    ) -> Found {
        let epoch = partition.leader_epoch();
        let known = self.committed_end(key);
        let to = partition.log().high_watermark();
        let more = batches(partition.log(), Offset(known), to);
        if let Some(latest) = self.latest_epoch.get(key)
            && *latest > epoch
            && !self.unclean.contains(key)
            && to.0 > known
        {
            coverage.risked(Invariant::FencedLeaderStands);
            // A fetch that was on its way tells the old leader what its successor has: that is committed.
            let successor = self.leaders.get(&(key.clone(), *latest));
            let log = successor.and_then(|node| cluster.broker(*node)?.partition(&key.0, key.1));
            let has = log.map_or(Vec::new(), |p| batches(p.log(), Offset(known), Offset(i64::MAX)));
            if let Some(lost) = more.iter().find(|batch| !has.contains(batch)) {
                let what = format!(
                    "{}: broker {node} commits {}..={} in epoch {epoch}, and the leader of epoch {latest} does \
                     not have it",
                    partition.name(),
                    lost.base,
                    lost.last
                );
                return Err((Invariant::FencedLeaderStands, what));
            }
        }
        let committed = self.committed.entry(key.clone()).or_default();
        committed.extend(more.into_iter().filter(|batch| batch.last >= known));
        Ok(())
    }

    /// The offset up to which a partition was ever committed.
    pub(crate) fn committed_end(&self, key: &Key) -> i64 {
        self.committed.get(key).and_then(|all| all.last()).map_or(0, |batch| batch.last + 1)
    }

    /// All replicas of everything, once nothing changes any more.
    pub(crate) fn check_at_rest(&self, cluster: &Cluster, coverage: &mut Coverage) -> Found {
        let Some(metadata) = cluster.metadata() else { return Ok(()) };
        for topic in metadata.topics().values() {
            for (index, registration) in &topic.partitions {
                let log_on = |node: &i32| {
                    let broker = cluster.broker(*node)?;
                    broker.partition(&topic.name, *index).map(Partition::log)
                };
                let Some(leaders) = log_on(&registration.leader) else { continue };
                let name = format!("{}-{index}", topic.name);
                let committed = self.committed_end(&(topic.name.clone(), *index));
                if leaders.high_watermark().0 < committed {
                    let watermark = leaders.high_watermark().0;
                    let what = format!(
                        "{name}: what is below {committed} was committed, and the high watermark is {watermark}"
                    );
                    return Err((Invariant::WatermarkRises, what));
                }
                let all = |log: &Log| batches(log, log.log_start_offset(), log.log_end_offset());
                let leaders_batches = all(leaders);
                for node in &registration.replicas {
                    let Some(log) = log_on(node) else { continue };
                    for invariant in [
                        Invariant::OffsetsRise,
                        Invariant::IndexEqualsScan,
                        Invariant::RecoveryEqualsLive,
                        Invariant::EqualBytes,
                    ] {
                        coverage.risked(invariant);
                    }
                    logs::check_at_rest(log).map_err(|(invariant, what)| {
                        (invariant, format!("{name} on broker {node}: {what}"))
                    })?;
                    // Groups commit on: a follower may be about to fetch the last of it.
                    if !leaders_batches.starts_with(&all(log)) {
                        let what = format!(
                            "{name}: broker {node} has {:?}, leader {} has {:?}",
                            all(log).last(),
                            registration.leader,
                            leaders_batches.last()
                        );
                        return Err((Invariant::EqualBytes, what));
                    }
                }
            }
        }
        Ok(())
    }
}

fn batches(log: &Log, from: Offset, to: Offset) -> Vec<Committed> {
    log.headers(from.max(log.log_start_offset()), to)
        .map(|header| Committed {
            base: header.base_offset.0,
            last: header.last_offset().0,
            epoch: header.partition_leader_epoch.0,
            crc: header.crc,
        })
        .collect()
}

/// Who leads as the controller has it, is in sync and not fenced.
fn check_leader(
    metadata: &MetadataImage,
    name: &str,
    registration: &PartitionRegistration,
) -> Found {
    let (leader, isr) = (registration.leader, &registration.isr);
    let what = if leader < 0 {
        return Ok(());
    } else if !isr.contains(&leader) {
        format!("{name}: leader {leader} is not among those in sync, {isr:?}")
    } else if !metadata.is_unfenced(leader) {
        format!("{name}: leader {leader} is fenced")
    } else {
        return Ok(());
    };
    Err((Invariant::LeaderInIsr, what))
}

/// How far the controller's log is: where it has not grown, no metadata have changed.
fn metadata_end(cluster: &Cluster) -> i64 {
    match cluster.controller() {
        Some(controller) => controller.log().log_end_offset().0,
        None => {
            let alone = cluster.broker_ids().next().and_then(|id| cluster.broker(id));
            alone.map_or(0, |broker| broker.metadata_log().len() as i64)
        }
    }
}
