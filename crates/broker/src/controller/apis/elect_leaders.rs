//! ElectLeaders, versions 0 to 2 (KIP-183, KIP-460). What is decided, and its errors, is in
//! `controller/elections.rs`.

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::{Deciding, read};
use crate::ErrorCode;
use crate::api::topic_name;
use crate::api_error::ApiError;
use crate::controller::{ControllerResult, ElectionResults, ElectionType, elect_leaders};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &ElectLeadersRequest,
) -> ControllerResult<ElectLeadersResponse> {
    // Version 0 knows no other.
    let kind = if deciding.version == 0 { 0 } else { request.election_type };
    let Some(kind) = ElectionType::from_id(kind) else {
        let message = format!("Unknown election type {kind}");
        return read(refused(request, &ApiError::new(ErrorCode::InvalidRequest, message)));
    };
    let result = elect_leaders(deciding.image, deciding.config, request, kind);
    let response =
        ElectLeadersResponse::default().with_replica_election_results(of_topics(result.response));
    ControllerResult { records: result.records, response }
}

/// `ElectLeadersRequest.getErrorResponse`.
fn refused(request: &ElectLeadersRequest, error: &ApiError) -> ElectLeadersResponse {
    let topics = request.topic_partitions.iter().flatten().map(|topic| {
        let refused = topic.partitions.iter().map(|index| (*index, Err(error.clone())));
        (topic.topic.to_string(), refused.collect())
    });
    ElectLeadersResponse::default()
        .with_error_code(error.code.code())
        .with_replica_election_results(of_topics(topics.collect()))
}

fn of_topics(results: ElectionResults) -> Vec<ReplicaElectionResult> {
    let partition = |(index, result): (i32, Result<(), ApiError>)| {
        let partition = PartitionResult::default().with_partition_id(index);
        match result {
            Ok(()) => partition.with_error_message(None),
            Err(error) => partition
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message()),
        }
    };
    let of_topic = |(topic, results): (String, Vec<_>)| {
        ReplicaElectionResult::default()
            .with_topic(topic_name(&topic))
            .with_partition_result(results.into_iter().map(partition).collect())
    };
    results.into_iter().map(of_topic).collect()
}
