//! What a client of a coordinator is told when its answer cannot stand: what it rests on was not
//! replicated (`CoordinatorRuntime`, `GroupCoordinatorService.handleOperationException`,
//! `TransactionStateManager.appendTransactionToLog`).

use crate::ErrorCode;
use crate::wire::Response;

/// The error of a coordinator whose write met this one on its way.
pub(crate) fn coordinator_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}

/// Puts the error into an answer, in the place where the request's own errors stand. What is no
/// coordinator's answer stays as it is.
pub(crate) fn fail_answer(body: &mut Response, error: ErrorCode) {
    let code = coordinator_error(error).code();
    match body {
        Response::JoinGroup(body) => body.error_code = code,
        Response::SyncGroup(body) => body.error_code = code,
        Response::Heartbeat(body) => body.error_code = code,
        Response::LeaveGroup(body) => body.error_code = code,
        Response::ConsumerGroupHeartbeat(body) => body.error_code = code,
        Response::InitProducerId(body) => body.error_code = code,
        Response::AddOffsetsToTxn(body) => body.error_code = code,
        Response::EndTxn(body) => body.error_code = code,
        Response::OffsetDelete(body) => body.error_code = code,
        Response::OffsetCommit(body) => {
            let partitions = body.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.error_code = code);
        }
        Response::TxnOffsetCommit(body) => {
            let partitions = body.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            partitions.for_each(|partition| partition.error_code = code);
        }
        Response::AddPartitionsToTxn(body) => {
            let of_transactions = body
                .results_by_transaction
                .iter_mut()
                .flat_map(|transaction| &mut transaction.topic_results);
            let topics = of_transactions.chain(&mut body.results_by_topic_v3_and_below);
            let partitions = topics.flat_map(|topic| &mut topic.results_by_partition);
            partitions.for_each(|partition| partition.partition_error_code = code);
        }
        Response::DeleteGroups(body) => {
            body.results.iter_mut().for_each(|result| result.error_code = code);
        }
        _ => {}
    }
}
