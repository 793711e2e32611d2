//! What holds of every partition, whatever happens.

use std::collections::BTreeMap;

use logbrook_broker::{
    LeaderRecoveryState, MetadataImage, MetadataRecord, PartitionRegistration,
    decode_metadata_batches,
};
use logbrook_record::Offset;
use proptest::prelude::*;
use uuid::Uuid;

use crate::sim::*;

#[derive(Clone, Debug)]
enum Step {
    Start {
        broker: i32,
        clean: bool,
    },
    Kill {
        broker: i32,
    },
    /// It asks to stop until it may.
    Stop {
        broker: i32,
    },
    Unregister {
        broker: i32,
    },
    Advance {
        ms: i64,
    },
    /// The leader of a topic tells an ISR of some of these, and itself.
    AlterIsr {
        topic: usize,
        brokers: Vec<i32>,
    },
    Elect {
        topic: usize,
        unclean: bool,
    },
    Reassign {
        topic: usize,
        to: Vec<i32>,
    },
    Cancel {
        topic: usize,
    },
    MinIsr {
        topic: usize,
        min: i32,
    },
    Unclean {
        topic: usize,
        allowed: bool,
    },
    RestartController,
}

const TOPICS: [&str; 2] = ["a", "b"];

fn steps() -> impl Strategy<Value = Step> {
    let broker = || 1..=4_i32;
    let topic = || 0..TOPICS.len();
    let brokers = || prop::sample::subsequence(vec![1, 2, 3, 4], 1..=4).prop_shuffle();
    prop_oneof![
        3 => (broker(), any::<bool>()).prop_map(|(broker, clean)| Step::Start { broker, clean }),
        2 => broker().prop_map(|broker| Step::Kill { broker }),
        1 => broker().prop_map(|broker| Step::Stop { broker }),
        1 => broker().prop_map(|broker| Step::Unregister { broker }),
        3 => (1..40_000_i64).prop_map(|ms| Step::Advance { ms }),
        6 => (topic(), brokers()).prop_map(|(topic, brokers)| Step::AlterIsr { topic, brokers }),
        2 => (topic(), any::<bool>()).prop_map(|(topic, unclean)| Step::Elect { topic, unclean }),
        3 => (topic(), brokers()).prop_map(|(topic, to)| Step::Reassign { topic, to }),
        1 => topic().prop_map(|topic| Step::Cancel { topic }),
        1 => (topic(), 1..4).prop_map(|(topic, min)| Step::MinIsr { topic, min }),
        1 => (topic(), any::<bool>())
            .prop_map(|(topic, allowed)| Step::Unclean { topic, allowed }),
        1 => Just(Step::RestartController),
    ]
}

fn take(cluster: &mut Cluster, step: &Step) {
    match step {
        Step::Start { broker, clean } => {
            if cluster.broker(*broker).alive {
                return;
            }
            // The session of the start before must be over.
            cluster.advance(12_000);
            cluster.start_after(*broker, *clean);
        }
        Step::Kill { broker } => cluster.kill(*broker),
        Step::Stop { broker } => {
            for _ in 0..5 {
                let stopping = cluster.broker(*broker).alive
                    && cluster.controller.metadata().is_unfenced(*broker);
                if stopping
                    && cluster.heartbeat(*broker, false, true).is_ok_and(|b| !b.should_shut_down)
                {
                    cluster.advance(HEARTBEAT_MS);
                }
            }
            cluster.kill(*broker);
        }
        Step::Unregister { broker } => {
            if !cluster.broker(*broker).alive {
                let _ = cluster.unregister(*broker);
            }
        }
        Step::Advance { ms } => cluster.advance(*ms),
        Step::AlterIsr { topic, brokers } => {
            let partition = cluster.partition(TOPICS[*topic]).clone();
            if partition.leader < 0 {
                return;
            }
            let mut isr = vec![partition.leader];
            let others = brokers.iter().filter(|id| partition.replicas.contains(id));
            isr.extend(others.filter(|id| **id != partition.leader));
            let _ = cluster.alter_isr(TOPICS[*topic], &isr);
        }
        Step::Elect { topic, unclean } => {
            let _ = cluster.elect(TOPICS[*topic], *unclean);
        }
        Step::Reassign { topic, to } => {
            let _ = cluster.reassign(TOPICS[*topic], Some(to));
        }
        Step::Cancel { topic } => {
            let _ = cluster.reassign(TOPICS[*topic], None);
        }
        Step::MinIsr { topic, min } => {
            cluster.set_config(TOPICS[*topic], "min.insync.replicas", Some(&min.to_string()));
        }
        Step::Unclean { topic, allowed } => {
            let allowed = allowed.to_string();
            cluster.set_config(TOPICS[*topic], "unclean.leader.election.enable", Some(&allowed));
        }
        Step::RestartController => cluster.controller.restart(cluster.now),
    }
}

/// What holds of a partition at any time.
fn check(image: &MetadataImage, p: &PartitionRegistration) {
    let within = |ids: &[i32], of: &[i32]| ids.iter().all(|id| of.contains(id));
    let apart = |ids: &[i32], of: &[i32]| !ids.iter().any(|id| of.contains(id));
    assert!(within(&p.isr, &p.replicas), "{p:?}");
    assert!(apart(&p.isr, &p.elr), "{p:?}");
    assert!(within(&p.adding_replicas, &p.replicas), "{p:?}");
    assert!(within(&p.removing_replicas, &p.replicas), "{p:?}");
    assert_eq!(p.directories.len(), p.replicas.len());
    if p.leader >= 0 {
        assert!(p.isr.contains(&p.leader), "{p:?}");
        assert!(image.is_active(p.leader), "{p:?}");
        assert!(p.last_known_elr.is_empty(), "{p:?}");
    } else {
        assert!(p.isr.iter().all(|id| !image.is_active(*id)), "{p:?}");
    }
    if p.leader_recovery_state == LeaderRecoveryState::Recovering {
        assert!(p.isr.len() <= 1, "{p:?}");
    }
}

/// The log replayed from its beginning: the leader of each epoch, epochs that only rise.
fn replay(cluster: &Cluster) -> MetadataImage {
    let log = cluster.controller.log();
    let mut image = MetadataImage::default();
    let mut leaders: BTreeMap<(Uuid, i32, i32), i32> = BTreeMap::new();
    let mut before: BTreeMap<(Uuid, i32), (i32, i32)> = BTreeMap::new();
    let mut from = log.log_start_offset();
    while from < log.log_end_offset() {
        let read = log.read(from, 1 << 20, true, log.log_end_offset()).unwrap();
        let bytes = read.into_bytes();
        for (offset, record) in decode_metadata_batches(&bytes).unwrap() {
            image.replay(&record);
            from = from.max(Offset(offset + 1));
            let (MetadataRecord::Partition { topic_id, partition_id, .. }
            | MetadataRecord::PartitionChange { topic_id, partition_id, .. }) = record
            else {
                continue;
            };
            let p = image.partition(topic_id, partition_id).unwrap();
            let leads = leaders.entry((topic_id, partition_id, p.leader_epoch)).or_insert(p.leader);
            assert_eq!(*leads, p.leader, "one leader an epoch");
            let epochs = (p.leader_epoch, p.partition_epoch);
            if let Some(earlier) = before.insert((topic_id, partition_id), epochs) {
                assert!(earlier.0 <= epochs.0 && earlier.1 < epochs.1);
            }
        }
        // Control batches have no records of metadata.
        let last = log.batches(from, log.log_end_offset()).next();
        from = match last {
            Some(batch) if batch.header().attributes.is_control() => batch.last_offset().plus(1),
            Some(_) | None => from,
        };
    }
    image
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_partition_has_one_leader_an_epoch_and_it_is_in_sync(
        history in prop::collection::vec(steps(), 1..60)
    ) {
        let mut cluster = Cluster::new(&[]);
        cluster.create("a", &[1, 2, 3], &[("min.insync.replicas", "2")]);
        cluster.create("b", &[2, 3], &[]);
        for step in &history {
            take(&mut cluster, step);
            let image = cluster.controller.metadata();
            for topic in image.topics().values() {
                for partition in topic.partitions.values() {
                    check(image, partition);
                }
            }
        }
        prop_assert_eq!(&replay(&cluster), cluster.controller.metadata());
        // A fork goes the same way.
        let mut fork = cluster.clone();
        for cluster in [&mut cluster, &mut fork] {
            cluster.advance(50_000);
        }
        prop_assert_eq!(fork.controller.metadata(), cluster.controller.metadata());
        // Restarted, it knows the same.
        let before = cluster.controller.metadata().clone();
        cluster.controller.restart(cluster.now);
        prop_assert_eq!(cluster.controller.metadata(), &before);
    }
}
