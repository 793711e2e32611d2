//! AlterPartitionReassignments, versions 0 and 1 (KIP-455, KIP-860). What is decided, and its errors, is in
//! `controller/reassignments.rs`.

use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
};

use super::Deciding;
use crate::controller::{ControllerResult, alter_partition_reassignment};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: AlterPartitionReassignmentsRequest,
) -> ControllerResult<AlterPartitionReassignmentsResponse> {
    let (image, config) = (deciding.image, deciding.config);
    let factor_may_change = request.allow_replication_factor_change;
    let mut records = Vec::new();
    let mut responses = Vec::new();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for target in topic.partitions {
            let response = ReassignablePartitionResponse::default()
                .with_partition_index(target.partition_index)
                .with_error_message(None);
            let name = topic.name.as_str();
            let altered =
                alter_partition_reassignment(image, config, name, &target, factor_may_change);
            partitions.push(match altered {
                Ok(record) => {
                    records.extend(record);
                    response
                }
                Err(error) => response
                    .with_error_code(error.code.code())
                    .with_error_message(error.wire_message()),
            });
        }
        responses.push(
            ReassignableTopicResponse::default().with_name(topic.name).with_partitions(partitions),
        );
    }
    let response = AlterPartitionReassignmentsResponse::default()
        .with_allow_replication_factor_change(factor_may_change)
        .with_error_message(None)
        .with_responses(responses);
    ControllerResult { records, response }
}
