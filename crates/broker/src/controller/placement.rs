//! Where the replicas of new partitions go: `StripedReplicaPlacer`, and `validateManualPartitionAssignment` for
//! those that somebody has placed.
//!
//! Racks take turns, and so do the brokers within a rack: the first of each is drawn, and after as many
//! partitions as there are unfenced brokers all are shuffled. The leader is an unfenced broker; the others are
//! unfenced ones as long as a rack has any.

use logbrook_sorted::SortedMap;
use rand_pcg::rand_core::Rng;

use super::directories::default_directory;
use super::{BrokerRegistration, PartitionRegistration};
use crate::MetadataImage;

/// Replicas for `partitions` new partitions; the error is the message of Kafka's
/// `InvalidReplicationFactorException`.
pub(super) fn place(
    random: &mut impl Rng,
    brokers: &SortedMap<i32, BrokerRegistration>,
    partitions: usize,
    replication_factor: i16,
) -> Result<Vec<Vec<i32>>, String> {
    let mut racks = RackList::new(random, brokers);
    let wanted = usize::try_from(replication_factor).unwrap_or_default();
    if wanted == 0 {
        return Err(format!(
            "Invalid replication factor {replication_factor}: the replication factor must be \
             positive."
        ));
    }
    if racks.unfenced == 0 {
        return Err(
            "All brokers are currently fenced, or have all their log directories cordoned.".into(),
        );
    }
    if wanted > racks.total {
        return Err(format!(
            "The target replication factor of {replication_factor} cannot be reached because \
             only {} broker(s) are registered or some brokers have all their log directories \
             cordoned.",
            racks.total
        ));
    }
    Ok((0..partitions).map(|_| racks.place(random, wanted)).collect())
}

/// Brokers that take turns.
#[derive(Clone, Debug, Default)]
struct BrokerList {
    brokers: Vec<i32>,
    /// How many were taken in this epoch.
    index: usize,
    /// Which is the first.
    offset: usize,
    epoch: usize,
}

impl BrokerList {
    fn initialize(&mut self, random: &mut impl Rng) {
        if !self.brokers.is_empty() {
            logbrook_sorted::sort(&mut self.brokers);
            self.offset = below(random, self.brokers.len());
        }
    }

    /// The next one; `None` where all were taken in this epoch.
    fn next(&mut self, epoch: usize) -> Option<i32> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.epoch != epoch {
            self.epoch = epoch;
            self.index = 0;
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        if self.index >= self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.index + self.offset) % self.brokers.len()];
        self.index += 1;
        Some(broker)
    }
}

#[derive(Clone, Debug, Default)]
struct Rack {
    fenced: BrokerList,
    unfenced: BrokerList,
}

impl Rack {
    fn next(&mut self, epoch: usize) -> Option<i32> {
        self.unfenced.next(epoch).or_else(|| self.fenced.next(epoch))
    }
}

/// Racks that take turns; brokers without a rack are one together.
#[derive(Clone, Debug)]
struct RackList {
    racks: Vec<Rack>,
    /// The order of the racks.
    order: Vec<usize>,
    total: usize,
    unfenced: usize,
    /// Partitions placed since the last shuffle.
    epoch: usize,
    /// Which rack is the first.
    offset: usize,
}

impl RackList {
    fn new(random: &mut impl Rng, brokers: &SortedMap<i32, BrokerRegistration>) -> RackList {
        let mut racks: SortedMap<Option<&str>, Rack> = SortedMap::new();
        let (mut total, mut unfenced) = (0, 0);
        for broker in brokers.values().filter(|broker| is_usable(broker)) {
            let rack = racks.entry(broker.rack.as_deref()).or_default();
            let list = if broker.fenced { &mut rack.fenced } else { &mut rack.unfenced };
            list.brokers.push(broker.broker_id);
            total += 1;
            unfenced += usize::from(!broker.fenced);
        }
        let mut racks: Vec<Rack> = racks.into_values().collect();
        for rack in &mut racks {
            rack.fenced.initialize(random);
            rack.unfenced.initialize(random);
        }
        let offset = if racks.is_empty() { 0 } else { below(random, racks.len()) };
        RackList { order: (0..racks.len()).collect(), racks, total, unfenced, epoch: 0, offset }
    }

    /// The replicas of the next partition: there are enough brokers, and one of them is unfenced.
    fn place(&mut self, random: &mut impl Rng, replication_factor: usize) -> Vec<i32> {
        if self.epoch == self.unfenced && self.unfenced > 1 {
            self.shuffle(random);
            self.epoch = 0;
        }
        let count = self.order.len();
        self.offset %= count;
        let mut replicas = Vec::with_capacity(replication_factor);
        let turns = (0..count).map(|turn| (self.offset + turn) % count);
        let mut leaders = None;
        for at in turns {
            if let Some(leader) = self.racks[self.order[at]].unfenced.next(self.epoch) {
                replicas.push(leader);
                leaders = Some(at);
                break;
            }
        }
        let (mut at, mut in_vain) = (self.offset, 0);
        while replicas.len() < replication_factor {
            // The leader's rack has had its first turn.
            let next = if leaders == Some(at) {
                leaders = None;
                None
            } else {
                self.racks[self.order[at]].next(self.epoch)
            };
            in_vain = if next.is_some() { 0 } else { in_vain + 1 };
            replicas.extend(next);
            if in_vain > count {
                // Lists that were not begun anew after the shuffle: Kafka would go round for ever.
                replicas.extend(self.any_but(&replicas));
                in_vain = 0;
            }
            at = (at + 1) % count;
        }
        self.epoch += 1;
        self.offset += 1;
        replicas
    }

    fn any_but(&self, taken: &[i32]) -> Option<i32> {
        let lists = self.racks.iter().flat_map(|rack| [&rack.unfenced, &rack.fenced]);
        lists.flat_map(|list| &list.brokers).copied().find(|id| !taken.contains(id))
    }

    fn shuffle(&mut self, random: &mut impl Rng) {
        shuffle(random, &mut self.order);
        for rack in &mut self.racks {
            shuffle(random, &mut rack.fenced.brokers);
            shuffle(random, &mut rack.unfenced.brokers);
        }
    }
}

/// A broker that is about to stop gets nothing new (`BrokerHeartbeatManager.usableBrokers`).
fn is_usable(broker: &BrokerRegistration) -> bool {
    broker.fenced || !broker.in_controlled_shutdown
}

/// `Random.nextInt(bound)`; there are not more brokers than 31 bits can count.
fn below(random: &mut impl Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(1).max(1);
    let mut next = || u64::from(random.next_u32() >> 1);
    let drawn = if bound.is_power_of_two() {
        (bound * next()) >> 31
    } else {
        // What is left at the end of the range would favour small numbers.
        let whole = (1 << 31) / bound * bound;
        let mut drawn = next();
        while drawn >= whole {
            drawn = next();
        }
        drawn % bound
    };
    usize::try_from(drawn).unwrap_or_default()
}

/// `Collections.shuffle`.
fn shuffle<T>(random: &mut impl Rng, items: &mut [T]) {
    for size in (2..=items.len()).rev() {
        items.swap(size - 1, below(random, size));
    }
}

/// A new partition on these replicas: those that are active are in sync, and the first of them leads. `None`
/// where none is.
pub(super) fn registration(
    image: &MetadataImage,
    replicas: Vec<i32>,
) -> Option<PartitionRegistration> {
    let isr: Vec<i32> = replicas.iter().copied().filter(|id| image.is_active(*id)).collect();
    Some(PartitionRegistration {
        leader: *isr.first()?,
        isr,
        directories: replicas.iter().map(|id| default_directory(image.broker(*id))).collect(),
        replicas,
        ..PartitionRegistration::default()
    })
}

/// `ReplicationControlManager.validateManualPartitionAssignment`; the error is the message of
/// Kafka's `InvalidReplicaAssignmentException`.
pub(super) fn validate_manual(
    brokers: &SortedMap<i32, BrokerRegistration>,
    replicas: &[i32],
    replication_factor: Option<usize>,
) -> Result<(), String> {
    if replicas.is_empty() {
        return Err("The manual partition assignment includes an empty replica list.".into());
    }
    let mut sorted = replicas.to_vec();
    logbrook_sorted::sort(&mut sorted);
    let mut previous = None;
    for broker in sorted {
        if !brokers.contains_key(&broker) {
            return Err(format!(
                "The manual partition assignment includes broker {broker}, but no such broker is \
                 registered."
            ));
        }
        if previous == Some(broker) {
            return Err(format!(
                "The manual partition assignment includes the broker {broker} more than once."
            ));
        }
        previous = Some(broker);
    }
    match replication_factor {
        Some(expected) if expected != replicas.len() => Err(format!(
            "The manual partition assignment includes a partition with {} replica(s), but this is \
             not consistent with previous partitions, which have {expected} replica(s).",
            replicas.len()
        )),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
