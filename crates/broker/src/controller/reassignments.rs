//! Moving replicas: `ReplicationControlManager.alterPartitionReassignment`.
//!
//! There is one broker, so that a target that passes the checks is what the partition has already:
//! Kafka writes no record then, and neither is one written here.

use kafka_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;

use super::placement::validate_manual;
use crate::api_error::ApiError;
use crate::{ErrorCode, MetadataImage};

/// Checks one target.
pub(crate) fn check_partition_reassignment(
    image: &MetadataImage,
    topic: &str,
    target: &ReassignablePartition,
    factor_may_change: bool,
) -> Result<(), ApiError> {
    let unknown = |message| ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
    let index = target.partition_index;
    let known = image
        .topic(topic)
        .ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
    let current = known
        .partitions
        .get(&index)
        .ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
    let Some(replicas) = &target.replicas else {
        // To cancel: none is ever under way.
        return Err(ApiError::of(ErrorCode::NoReassignmentInProgress));
    };
    let replicas: Vec<i32> = replicas.iter().map(|id| id.0).collect();
    validate_manual(image.brokers(), &replicas, None)
        .map_err(|message| ApiError::new(ErrorCode::InvalidReplicaAssignment, message))?;
    if !factor_may_change && replicas.len() != current.replicas.len() {
        let (from, to) = (current.replicas.len(), replicas.len());
        return Err(ApiError::new(
            ErrorCode::InvalidReplicationFactor,
            format!("The replication factor is changed from {from} to {to}"),
        ));
    }
    Ok(())
}
