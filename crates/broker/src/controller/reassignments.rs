//! Moving replicas: `ReplicationControlManager.alterPartitionReassignments` and `listPartitionReassignments`.
//!
//! 1. The new replicas are added, those to go are marked.
//! 2. The new ones catch up and come into the ISR, by AlterPartition.
//! 3. That change of the ISR takes the others away, and the reassignment is over.

use kafka_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;

use super::brokers_to_partitions::PartitionOf;
use super::partition_change::{Election, PartitionChangeBuilder};
use super::placement::validate_manual;
use super::reassignment_replicas::{ReassignmentReplicas, Revert};
use super::{MetadataRecord, PartitionRegistration, configured};
use crate::api_error::ApiError;
use crate::{BrokerConfig, ErrorCode, MetadataImage};

/// Begins, changes or (without a target) ends the reassignment of one partition. `None`: nothing is to be done.
pub(crate) fn alter_partition_reassignment(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &str,
    target: &ReassignablePartition,
    factor_may_change: bool,
) -> Result<Option<MetadataRecord>, ApiError> {
    let unknown = |message| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let index = target.partition_index;
    let topic = image
        .topic(topic)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
    let partition = topic
        .partitions
        .get(&index)
        .ok_or_else(|| unknown(format!("Unable to find partition {}:{index}.", topic.name)))?;
    let of = PartitionOf { topic, index, partition };
    let accepts = |id| image.is_active(id);
    let builder = PartitionChangeBuilder::new(image, config, topic, partition, accepts);
    let builder = match &target.replicas {
        None => cancel(image, config, of, builder)?,
        Some(replicas) => {
            let replicas: Vec<i32> = replicas.iter().map(|id| id.0).collect();
            begin(image, partition, &replicas, factor_may_change, builder)?
        }
    };
    let record = |change| MetadataRecord::PartitionChange {
        topic_id: topic.id,
        partition_id: index,
        change,
    };
    Ok(builder.build().map(record))
}

/// `cancelPartitionReassignment`.
fn cancel<'a>(
    image: &MetadataImage,
    config: &BrokerConfig,
    of: PartitionOf<'_>,
    mut builder: PartitionChangeBuilder<'a>,
) -> Result<PartitionChangeBuilder<'a>, ApiError> {
    if !of.partition.is_reassigning() {
        return Err(ApiError::silent(ErrorCode::NoReassignmentInProgress));
    }
    let revert = Revert::of(of.partition)?;
    let unclean_allowed = configured::unclean_election_enabled(image, config, &of.topic.name);
    if revert.unclean && !unclean_allowed {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "Unable to revert partition assignment for {}:{} because it would require an \
                 unclean leader election.",
                of.topic.name, of.index
            ),
        ));
    }
    if unclean_allowed {
        builder = builder.election(Election::Unclean);
    }
    Ok(builder
        .target_isr(revert.isr)
        .target_replicas(revert.replicas)
        .target_removing(Vec::new())
        .target_adding(Vec::new()))
}

/// `changePartitionReassignment`.
fn begin<'a>(
    image: &MetadataImage,
    partition: &PartitionRegistration,
    target: &[i32],
    factor_may_change: bool,
    mut builder: PartitionChangeBuilder<'a>,
) -> Result<PartitionChangeBuilder<'a>, ApiError> {
    validate_manual(image.brokers(), target, None)
        .map_err(|message| ApiError::new(ErrorCode::InvalidReplicaAssignment, message))?;
    let (from, to) = (replication_factor(partition), target.len());
    if !factor_may_change && from != to {
        return Err(ApiError::new(
            ErrorCode::InvalidReplicationFactor,
            format!("The replication factor is changed from {from} to {to}"),
        ));
    }
    let reassignment = ReassignmentReplicas::between(&partition.replicas, target);
    builder = builder.target_replicas(reassignment.replicas);
    if !reassignment.removing.is_empty() {
        builder = builder.target_removing(reassignment.removing);
    }
    if !reassignment.adding.is_empty() {
        builder = builder.target_adding(reassignment.adding);
    }
    Ok(builder)
}

/// How many replicas there are, or will be after what is under way (`validatePartitionReplicationFactorUnchanged`).
fn replication_factor(partition: &PartitionRegistration) -> usize {
    let brought = partition.adding_replicas.iter();
    let mut ids: Vec<i32> = partition.replicas.iter().chain(brought).copied().collect();
    ids.retain(|id| !partition.removing_replicas.contains(id));
    logbrook_sorted::sort(&mut ids);
    ids.dedup();
    ids.len()
}

/// The partitions named, or all of a topic, whose replicas move.
pub(crate) fn reassigning<'a>(
    image: &'a MetadataImage,
    topic: &str,
    indexes: Option<&'a [i32]>,
) -> Vec<(i32, &'a PartitionRegistration)> {
    let Some(topic) = image.topic(topic) else { return Vec::new() };
    let moves = |index: &i32| {
        let partition = topic.partitions.get(index).filter(|known| known.is_reassigning())?;
        Some((*index, partition))
    };
    match indexes {
        Some(indexes) => indexes.iter().filter_map(moves).collect(),
        None => topic.partitions.keys().filter_map(moves).collect(),
    }
}
