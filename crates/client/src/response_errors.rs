//! Error codes inside responses that a client acts on by itself.

use kafka_protocol::messages::FindCoordinatorResponse;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;

use crate::error::KafkaError;
use crate::net::Endpoint;
use crate::network_client::Node;

/// The number, with those unknown to Kafka 4.4 read as Java does.
pub(crate) fn code(number: i16) -> ErrorCode {
    ErrorCode::from_code(number).unwrap_or(ErrorCode::UnknownServerError)
}

/// The coordinator of `group`, on a connection of its own.
pub(crate) fn read_coordinator(
    response: &FindCoordinatorResponse,
    group: &str,
) -> Result<Node, KafkaError> {
    let listed = response.coordinators.iter().find(|found| found.key.as_str() == group);
    let (error, message, id, host, port) = match listed {
        Some(found) => (
            found.error_code,
            found.error_message.as_ref(),
            found.node_id.0,
            &found.host,
            found.port,
        ),
        None => (
            response.error_code,
            response.error_message.as_ref(),
            response.node_id.0,
            &response.host,
            response.port,
        ),
    };
    match code(error) {
        ErrorCode::None => Ok(Node {
            id: i32::MAX - id,
            endpoint: Endpoint::new(host.to_string(), u16::try_from(port).unwrap_or(0)),
        }),
        error => Err(match message {
            Some(text) if !text.is_empty() => KafkaError::with_message(error, text.to_string()),
            Some(_) | None => KafkaError::of(error),
        }),
    }
}

/// The first error in a response that passes by asking again, another node perhaps. Errors on which
/// Java's admin client does not retry (a topic that does not exist in CreateTopics…) are not here.
pub(crate) fn first_retriable_error(response: &Response) -> Option<ErrorCode> {
    let retries = |number: i16| {
        let code = code(number);
        match code {
            ErrorCode::NotController
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable => Some(code),
            _ => None,
        }
    };
    match response {
        Response::CreateTopics(body) => body.topics.iter().find_map(|t| retries(t.error_code)),
        Response::DeleteTopics(body) => body.responses.iter().find_map(|t| retries(t.error_code)),
        Response::CreatePartitions(body) => body.results.iter().find_map(|t| retries(t.error_code)),
        Response::DescribeGroups(body) => body.groups.iter().find_map(|g| retries(g.error_code)),
        Response::ConsumerGroupDescribe(body) => {
            body.groups.iter().find_map(|g| retries(g.error_code))
        }
        Response::DeleteGroups(body) => body.results.iter().find_map(|g| retries(g.error_code)),
        Response::OffsetFetch(body) => {
            let groups = body.groups.iter().find_map(|g| retries(g.error_code));
            groups.or_else(|| retries(body.error_code))
        }
        Response::OffsetCommit(body) => {
            body.topics.iter().flat_map(|topic| &topic.partitions).find_map(|p| {
                match code(p.error_code) {
                    // A group that rebalances is waited for (`AlterConsumerGroupOffsetsHandler`).
                    code @ ErrorCode::RebalanceInProgress => Some(code),
                    _ => retries(p.error_code),
                }
            })
        }
        Response::OffsetDelete(body) => retries(body.error_code),
        Response::UnregisterBroker(body) => retries(body.error_code),
        Response::ListGroups(body) => retries(body.error_code),
        Response::LeaveGroup(body) => retries(body.error_code),
        Response::ListTransactions(body) => retries(body.error_code),
        Response::DescribeTransactions(body) => {
            body.transaction_states.iter().find_map(|state| retries(state.error_code))
        }
        Response::DescribeProducers(body) => body
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .find_map(|p| retries(p.error_code)),
        // Answered per item in ways a caller reads, or by any broker.
        Response::Produce(_)
        | Response::Fetch(_)
        | Response::ListOffsets(_)
        | Response::DeleteRecords(_)
        | Response::Metadata(_)
        | Response::FindCoordinator(_)
        | Response::JoinGroup(_)
        | Response::Heartbeat(_)
        | Response::ConsumerGroupHeartbeat(_)
        | Response::SyncGroup(_)
        | Response::ApiVersions(_)
        | Response::InitProducerId(_)
        | Response::AddPartitionsToTxn(_)
        | Response::AddOffsetsToTxn(_)
        | Response::EndTxn(_)
        | Response::WriteTxnMarkers(_)
        | Response::TxnOffsetCommit(_)
        | Response::DescribeConfigs(_)
        | Response::AlterConfigs(_)
        | Response::AlterReplicaLogDirs(_)
        | Response::DescribeLogDirs(_)
        | Response::DescribeClientQuotas(_)
        | Response::AlterClientQuotas(_)
        | Response::DescribeUserScramCredentials(_)
        | Response::AlterUserScramCredentials(_)
        | Response::UpdateFeatures(_)
        | Response::DescribeQuorum(_)
        | Response::IncrementalAlterConfigs(_)
        | Response::ListConfigResources(_)
        | Response::OffsetForLeaderEpoch(_)
        | Response::DescribeAcls(_)
        | Response::CreateAcls(_)
        | Response::DeleteAcls(_)
        | Response::ElectLeaders(_)
        | Response::AlterPartitionReassignments(_)
        | Response::ListPartitionReassignments(_)
        | Response::DescribeCluster(_)
        | Response::DescribeTopicPartitions(_) => None,
        // What the controller answers brokers.
        Response::AlterPartition(_)
        | Response::Envelope(_)
        | Response::BrokerRegistration(_)
        | Response::BrokerHeartbeat(_)
        | Response::AllocateProducerIds(_) => None,
    }
}
