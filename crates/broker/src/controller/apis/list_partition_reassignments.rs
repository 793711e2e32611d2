//! ListPartitionReassignments, version 0 (KIP-455): of the topics named, or of all.

use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::{Deciding, read};
use crate::api::{broker_ids, topic_name};
use crate::controller::{ControllerResult, PartitionRegistration, reassigning};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: ListPartitionReassignmentsRequest,
) -> ControllerResult<ListPartitionReassignmentsResponse> {
    let image = deciding.image;
    let topics = match &request.topics {
        Some(topics) => topics
            .iter()
            .map(|topic| {
                ongoing(
                    topic.name.as_str(),
                    reassigning(image, topic.name.as_str(), Some(&topic.partition_indexes)),
                )
            })
            .collect::<Vec<_>>(),
        None => image
            .topics()
            .keys()
            .map(|name| ongoing(name, reassigning(image, name, None)))
            .collect(),
    };
    let topics = topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect();
    read(ListPartitionReassignmentsResponse::default().with_error_message(None).with_topics(topics))
}

fn ongoing(
    topic: &str,
    partitions: Vec<(i32, &PartitionRegistration)>,
) -> OngoingTopicReassignment {
    let partitions = partitions.into_iter().map(|(index, partition)| {
        OngoingPartitionReassignment::default()
            .with_partition_index(index)
            .with_replicas(broker_ids(&partition.replicas))
            .with_adding_replicas(broker_ids(&partition.adding_replicas))
            .with_removing_replicas(broker_ids(&partition.removing_replicas))
    });
    OngoingTopicReassignment::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions.collect())
}
