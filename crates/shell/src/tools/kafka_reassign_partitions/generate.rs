//! `kafka-reassign-partitions.sh --generate` (`ReassignPartitionsCommand.generateAssignment`).

use logbrook_app::Random;
use logbrook_broker::ErrorCode;
use logbrook_sorted::SortedMap;

use super::super::admin_calls::{self as admin, LiveBroker, Stop};
use super::super::java::Throwable;
use super::super::partition_leaders::hash_order;
use super::super::script::Stage;
use super::plan::ToMove;
use super::{Replicas, current, executed, placer};

/// What `--generate` was given.
#[derive(Clone, Debug)]
pub(super) struct Generate {
    pub(super) to_move: ToMove,
    pub(super) rack_aware: bool,
    /// Feeds the placement: Kafka's is random, too.
    pub(super) seed: u64,
}

/// `generateAssignment`.
pub(super) fn generate(stage: &mut Stage<'_>, wanted: &Generate) -> Result<(), Stop> {
    let replicas = current::of_topics(stage, &wanted.to_move.topics)?;
    let directories = current::log_directories(stage, &replicas)?;
    let brokers = usable_brokers(stage, wanted)?;
    let mut random = Random::new(wanted.seed, "reassign", "placement");
    let proposed = propose(&mut random, &replicas, &brokers)?;
    stage.out(format!(
        "Current partition replica assignment\n{}\n\nProposed partition reassignment \
         configuration\n{}\n",
        current::json(&replicas, &directories),
        current::json(&proposed, &SortedMap::new())
    ));
    Ok(())
}

/// `getBrokerMetadata`: those of the brokers asked for that are up.
fn usable_brokers(stage: &mut Stage<'_>, wanted: &Generate) -> Result<Vec<LiveBroker>, Stop> {
    let mut brokers = admin::describe_cluster(stage).map_err(executed)?;
    brokers.retain(|broker| wanted.to_move.brokers.contains(&broker.id));
    if !wanted.rack_aware {
        for broker in &mut brokers {
            broker.rack = None;
        }
    }
    let rackless = brokers.iter().filter(|broker| broker.rack.is_none()).count();
    if rackless != 0 && rackless != brokers.len() {
        return Err(Throwable::new(
            "org.apache.kafka.tools.AdminOperationException",
            "Not all brokers have rack information. Add --disable-rack-aware in command line to \
             make replica assignment without rack information.",
        )
        .into());
    }
    Ok(brokers)
}

/// `calculateAssignment`: each topic placed anew, with as many replicas as the first of its
/// partitions that the map gives.
fn propose(
    random: &mut Random,
    current: &Replicas,
    brokers: &[LiveBroker],
) -> Result<Replicas, Throwable> {
    let mut topics: SortedMap<&str, (usize, usize)> = SortedMap::new();
    let order = hash_order(current.keys().cloned());
    for tp in &order {
        let factor = current.get(tp).map_or(0, Vec::len);
        let (_, partitions) = topics.entry(&tp.topic).or_insert((factor, 0));
        *partitions += 1;
    }
    let mut proposed = Replicas::new();
    for (topic, (factor, partitions)) in topics {
        let placed = placer::place(random, brokers, partitions, factor).map_err(|message| {
            Throwable::new(ErrorCode::InvalidReplicationFactor.exception_class(), message)
        })?;
        for (index, replicas) in (0..).zip(placed) {
            proposed.insert(logbrook_client::TopicPartition::new(topic, index), replicas);
        }
    }
    Ok(proposed)
}

#[cfg(test)]
mod tests {
    use logbrook_client::TopicPartition;

    use super::*;

    #[test]
    fn topics_keep_their_partitions_and_replication_factors() {
        let tp = TopicPartition::new;
        let current = Replicas::from_iter([
            (tp("a", 0), vec![1]),
            (tp("b", 0), vec![1, 2]),
            (tp("b", 1), vec![2, 1]),
        ]);
        let brokers: Vec<LiveBroker> =
            [3, 4].map(|id| LiveBroker { id, rack: None }).into_iter().collect();
        let mut random = Random::new(7, "test", "generate");
        let proposed = propose(&mut random, &current, &brokers).unwrap();
        assert!(proposed.keys().eq(current.keys()));
        for (tp, replicas) in &proposed {
            assert_eq!(replicas.len(), current[tp].len());
            assert!(replicas.iter().all(|id| [3, 4].contains(id)));
        }
        let error = propose(&mut random, &current, &brokers[..1]).unwrap_err();
        assert_eq!(error.class, "org.apache.kafka.common.errors.InvalidReplicationFactorException");
    }
}
