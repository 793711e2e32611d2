//! Where the replicas of a topic could go: `StripedReplicaPlacer`, of brokers that are all up.
//!
//! ```text
//!   racks A, B, C of three brokers each, offsets 0:     0: A0 B0 C0    1: B1 C1 A1    2: C2 A2 B2
//! ```
//!
//! The racks take turns, and within each its brokers; where both begin is drawn. After as many
//! partitions as there are brokers, racks and brokers are shuffled.

use logbrook_app::Random;
use logbrook_sorted::SortedMap;

use super::super::admin_calls::LiveBroker;

/// `StripedReplicaPlacer.place`: the replicas of `partitions` partitions, `factor` each. The error is
/// the message of Kafka's `InvalidReplicationFactorException`.
pub(super) fn place(
    random: &mut Random,
    brokers: &[LiveBroker],
    partitions: usize,
    factor: usize,
) -> Result<Vec<Vec<i32>>, String> {
    if factor == 0 {
        return Err("Invalid replication factor 0: the replication factor must be positive.".into());
    }
    if brokers.is_empty() {
        return Err("All brokers are currently fenced, or have all their log directories \
                    cordoned."
            .into());
    }
    if factor > brokers.len() {
        return Err(format!(
            "The target replication factor of {factor} cannot be reached because only {} broker(s) \
             are registered or some brokers have all their log directories cordoned.",
            brokers.len()
        ));
    }
    let mut racks = RackList::new(random, brokers);
    Ok((0..partitions).map(|_| racks.place(random, factor)).collect())
}

/// An index below `bound`.
fn below(random: &mut Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

/// `Collections.shuffle`.
fn shuffle<T>(random: &mut Random, items: &mut [T]) {
    for at in (1..items.len()).rev() {
        items.swap(at, below(random, at + 1));
    }
}

/// `BrokerList`: the brokers of one rack.
struct Rack {
    brokers: Vec<i32>,
    /// How many it gave in this epoch.
    index: usize,
    offset: usize,
    epoch: usize,
}

impl Rack {
    /// The next broker of a partition, if there is one left.
    fn next(&mut self, epoch: usize) -> Option<i32> {
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

struct RackList {
    racks: Vec<Rack>,
    brokers: usize,
    /// Partitions since the last shuffle.
    epoch: usize,
    offset: usize,
}

impl RackList {
    fn new(random: &mut Random, brokers: &[LiveBroker]) -> RackList {
        let mut by_name: SortedMap<Option<&str>, Vec<i32>> = SortedMap::new();
        for broker in brokers {
            by_name.entry(broker.rack.as_deref()).or_default().push(broker.id);
        }
        let racks = by_name.into_values().map(|mut brokers| {
            logbrook_sorted::sort(&mut brokers);
            let offset = below(random, brokers.len());
            Rack { brokers, index: 0, offset, epoch: 0 }
        });
        let racks: Vec<Rack> = racks.collect();
        let offset = below(random, racks.len());
        RackList { racks, brokers: brokers.len(), epoch: 0, offset }
    }

    /// The replicas of one partition. There are at least `factor` brokers, and one at least.
    fn place(&mut self, random: &mut Random, factor: usize) -> Vec<i32> {
        if self.epoch == self.brokers && self.brokers > 1 {
            shuffle(random, &mut self.racks);
            for rack in &mut self.racks {
                shuffle(random, &mut rack.brokers);
            }
            self.epoch = 0;
        }
        let count = self.racks.len();
        let mut replicas = Vec::with_capacity(factor);
        // Every rack has a broker, so that the first rack asked has one to give.
        let mut rack = self.offset % count;
        while replicas.len() < factor {
            replicas.extend(self.racks[rack].next(self.epoch));
            rack = (rack + 1) % count;
        }
        self.epoch += 1;
        self.offset = self.offset % count + 1;
        replicas
    }
}

#[cfg(test)]
mod tests {
    use logbrook_sorted::SortedSet;

    use super::*;

    fn broker(id: i32, rack: Option<&str>) -> LiveBroker {
        LiveBroker { id, rack: rack.map(str::to_owned) }
    }

    #[test]
    fn leaders_take_turns_and_replicas_lie_in_different_racks() {
        let racks = ["a", "a", "b", "b", "c", "c"];
        let brokers: Vec<LiveBroker> =
            (1..).zip(racks).map(|(id, rack)| broker(id, Some(rack))).collect();
        for seed in 0..50 {
            let mut random = Random::new(seed, "test", "placer");
            let placed = place(&mut random, &brokers, 12, 3).unwrap();
            for replicas in &placed {
                let of = |id: &i32| racks[usize::try_from(*id - 1).unwrap()];
                let racks: SortedSet<&str> = replicas.iter().map(of).collect();
                assert_eq!(racks.len(), 3, "{replicas:?}");
            }
            for round in placed.chunks(6) {
                let leaders: SortedSet<i32> = round.iter().map(|replicas| replicas[0]).collect();
                assert_eq!(leaders.len(), 6, "{round:?}");
            }
        }
    }

    #[test]
    fn no_broker_stands_twice_in_a_partition() {
        let brokers: Vec<LiveBroker> = (1..=4).map(|id| broker(id, None)).collect();
        for seed in 0..50 {
            let mut random = Random::new(seed, "test", "placer");
            for replicas in place(&mut random, &brokers, 9, 4).unwrap() {
                assert_eq!(replicas.into_iter().collect::<SortedSet<i32>>().len(), 4);
            }
        }
    }

    #[test]
    fn too_few_brokers_are_told_in_kafkas_words() {
        let mut random = Random::new(1, "test", "placer");
        assert_eq!(
            place(&mut random, &[broker(1, None)], 1, 2).unwrap_err(),
            "The target replication factor of 2 cannot be reached because only 1 broker(s) are \
             registered or some brokers have all their log directories cordoned."
        );
        assert_eq!(
            place(&mut random, &[], 1, 1).unwrap_err(),
            "All brokers are currently fenced, or have all their log directories cordoned."
        );
    }
}
