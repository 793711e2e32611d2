//! Where the replicas of new partitions go: `StripedReplicaPlacer`, for brokers without racks.
//!
//! The first leader is drawn at random, the next partitions go on round the brokers. Different
//! from Kafka: racks are not looked at, and after one round of all brokers Kafka shuffles them.

use logbrook_sorted::SortedMap;

use rand_pcg::rand_core::Rng;
use uuid::Uuid;

use super::metadata_record::{BrokerRegistration, PartitionRegistration};

/// Replicas for `partitions` new partitions; the error is the message of Kafka's
/// `InvalidReplicationFactorException`.
pub(super) fn place(
    random: &mut impl Rng,
    brokers: &SortedMap<i32, BrokerRegistration>,
    partitions: usize,
    replication_factor: i16,
) -> Result<Vec<Vec<i32>>, String> {
    if replication_factor <= 0 {
        return Err(format!(
            "Invalid replication factor {replication_factor}: the replication factor must be \
             positive."
        ));
    }
    let ids: Vec<i32> = brokers.keys().copied().collect();
    let wanted = replication_factor.unsigned_abs() as usize;
    if ids.is_empty() {
        return Err("All brokers are currently fenced.".into());
    }
    if wanted > ids.len() {
        return Err(format!(
            "The target replication factor of {replication_factor} cannot be reached because \
             only {} broker(s) are registered or some brokers have all their log directories \
             cordoned.",
            ids.len()
        ));
    }
    let first = random.next_u32() as usize % ids.len();
    let replicas = |partition: usize| {
        (0..wanted).map(|replica| ids[(first + partition + replica) % ids.len()]).collect()
    };
    Ok((0..partitions).map(replicas).collect())
}

/// `DirectoryId.UNASSIGNED`: the broker picks the directory.
const UNASSIGNED: Uuid = Uuid::from_u128(1);

/// Where a new replica on a broker goes (`ClusterControlManager.defaultDir`).
fn default_directory(broker: Option<&BrokerRegistration>) -> Uuid {
    match broker.map(|broker| broker.directories.as_slice()) {
        Some([]) => Uuid::nil(),
        Some([only]) => *only,
        Some(_) | None => UNASSIGNED,
    }
}

/// A new partition on these replicas: all in sync, the first one leads.
pub(super) fn registration(
    brokers: &SortedMap<i32, BrokerRegistration>,
    replicas: Vec<i32>,
) -> PartitionRegistration {
    PartitionRegistration {
        leader: replicas.first().copied().unwrap_or(-1),
        isr: replicas.clone(),
        directories: replicas.iter().map(|id| default_directory(brokers.get(id))).collect(),
        replicas,
        ..PartitionRegistration::default()
    }
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
