//! A leader changes the ISR: `ReplicationControlManager.alterPartition`.

use kafka_protocol::messages::AlterPartitionRequest;
use kafka_protocol::messages::alter_partition_request::{PartitionData, TopicData};

use super::broker_epoch::check_broker_epoch;
use super::partition_change::{Election, PartitionChangeBuilder};
use super::{
    ControllerResult, LeaderRecoveryState, MetadataRecord, PartitionRegistration, configured,
};
use crate::api_error::ApiError;
use crate::{BrokerConfig, ErrorCode, MetadataImage, TopicImage};

/// What became of each partition of a request, in its order: the partition as it is afterwards, or why not.
pub(crate) type AlteredPartitions = Vec<Vec<Result<PartitionRegistration, ErrorCode>>>;

/// Version from which each member of the ISR comes with its broker epoch (KIP-903).
const BROKER_EPOCHS_VERSION: i16 = 3;

/// Takes what leaders say of their ISRs.
///
/// # Errors
/// The request is not from the broker's incarnation that is registered.
pub(crate) fn alter_partition(
    image: &MetadataImage,
    config: &BrokerConfig,
    version: i16,
    request: &AlterPartitionRequest,
) -> Result<ControllerResult<AlteredPartitions>, ApiError> {
    let broker_id = request.broker_id.0;
    check_broker_epoch(image, broker_id, request.broker_epoch)?;
    let mut records = Vec::new();
    let mut alter = |topic: &TopicData, data: &PartitionData| {
        let known = image.topic_by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        let index = data.partition_index;
        let partition = known.partitions.get(&index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let new_isr = new_isr(version, data);
        let state = validate(image, broker_id, partition, data, &new_isr)?;
        let change = change(image, config, known, partition, &new_isr, state);
        let Some(change) = change else { return Ok(partition.clone()) };
        let altered = partition.merge(&change);
        // The change may complete a reassignment, and that may take the leadership away: the record is written
        // and the leader is told to look for the new one.
        let leads_on = change.leader.is_none_or(|leader| leader == broker_id);
        records.push(MetadataRecord::PartitionChange {
            topic_id: known.id,
            partition_id: index,
            change,
        });
        if leads_on { Ok(altered) } else { Err(ErrorCode::NewLeaderElected) }
    };
    let of_topic =
        |topic: &TopicData| topic.partitions.iter().map(|data| alter(topic, data)).collect();
    let response = request.topics.iter().map(of_topic).collect();
    Ok(ControllerResult { records, response })
}

/// Ids and epochs of the ISR; an epoch of -1 is not looked at.
fn new_isr(version: i16, data: &PartitionData) -> Vec<(i32, i64)> {
    if version < BROKER_EPOCHS_VERSION {
        return data.new_isr.iter().map(|id| (id.0, -1)).collect();
    }
    let members = data.new_isr_with_epochs.iter();
    members.map(|broker| (broker.broker_id.0, broker.broker_epoch)).collect()
}

/// `validateAlterPartitionData`.
fn validate(
    image: &MetadataImage,
    broker_id: i32,
    partition: &PartitionRegistration,
    data: &PartitionData,
    new_isr: &[(i32, i64)],
) -> Result<LeaderRecoveryState, ErrorCode> {
    // A leader that knows more than this controller has heard of a newer one.
    if data.leader_epoch > partition.leader_epoch
        || data.partition_epoch > partition.partition_epoch
    {
        return Err(ErrorCode::NotController);
    }
    if data.leader_epoch < partition.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if broker_id != partition.leader {
        return Err(ErrorCode::InvalidRequest);
    }
    if data.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let ids: Vec<i32> = new_isr.iter().map(|(id, _)| *id).collect();
    if !is_valid_isr(&partition.replicas, &ids) || !ids.contains(&partition.leader) {
        return Err(ErrorCode::InvalidRequest);
    }
    let state = LeaderRecoveryState::from_value(data.leader_recovery_state)
        .ok_or(ErrorCode::UnknownServerError)?;
    if state == LeaderRecoveryState::Recovering
        && (ids.len() > 1 || partition.leader_recovery_state == LeaderRecoveryState::Recovered)
    {
        return Err(ErrorCode::InvalidRequest);
    }
    if new_isr.iter().all(|member| is_eligible(image, *member)) {
        Ok(state)
    } else {
        Err(ErrorCode::IneligibleReplica)
    }
}

/// `Replicas.validateIsr`: replicas of the partition, each once.
fn is_valid_isr(replicas: &[i32], isr: &[i32]) -> bool {
    let once = |(at, id): (usize, &i32)| !isr[..at].contains(id);
    !isr.is_empty()
        && isr.iter().all(|id| *id >= 0 && replicas.contains(id))
        && isr.iter().enumerate().all(once)
}

/// `ineligibleReplicasForIsr` (KIP-841, KIP-903).
fn is_eligible(image: &MetadataImage, (id, epoch): (i32, i64)) -> bool {
    image.is_active(id)
        && image.broker(id).is_some_and(|broker| epoch == -1 || broker.epoch == epoch)
}

fn change(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &TopicImage,
    partition: &PartitionRegistration,
    new_isr: &[(i32, i64)],
    state: LeaderRecoveryState,
) -> Option<super::PartitionChange> {
    let accepts = |id| image.is_active(id);
    let mut builder = PartitionChangeBuilder::new(image, config, topic, partition, accepts)
        .target_isr(new_isr.iter().map(|(id, _)| *id).collect())
        .target_leader_recovery_state(state);
    if configured::unclean_election_enabled(image, config, &topic.name) {
        builder = builder.election(Election::Unclean);
    }
    builder.build()
}
