//! AlterPartitionReassignments, versions 0 and 1 (KIP-455, KIP-860). What is decided, and its errors, is in
//! `controller/reassignments.rs`.

use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};

use super::{Reply, now};
use crate::Broker;
use crate::controller::check_partition_reassignment;

pub(crate) fn handle(broker: &Broker, request: AlterPartitionReassignmentsRequest) -> Reply {
    let factor_may_change = request.allow_replication_factor_change;
    let mut responses = Vec::new();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for target in topic.partitions {
            let response = ReassignablePartitionResponse::default()
                .with_partition_index(target.partition_index)
                .with_error_message(None);
            let name = topic.name.as_str();
            let checked =
                check_partition_reassignment(&broker.image, name, &target, factor_may_change);
            partitions.push(match checked {
                Ok(()) => response,
                Err(error) => response
                    .with_error_code(error.code.code())
                    .with_error_message(error.wire_message()),
            });
        }
        responses.push(
            ReassignableTopicResponse::default().with_name(topic.name).with_partitions(partitions),
        );
    }
    now(AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(factor_may_change)
        .with_error_message(None)
        .with_responses(responses))
}
