//! Offsets committed within transactions: the group coordinator's side of them
//! (`CoordinatorRuntime.scheduleTransactionalWriteOperation`, `completeTransaction`).

use logbrook_group::{OffsetResult, TopicPartition, TxnOffsetCommit};
use logbrook_log::VerificationGuard;

use super::{GROUP_METADATA_TOPIC_NAME, broker_event, records, shard};
use crate::coordinator_failure::coordinator_error;
use crate::transaction_coordinator::{
    self, AskCoordinator, Call, EndTxnMarker, ProducerIdAndEpoch, Told, TransactionResult,
    TransactionSupportedOperation,
};
use crate::{Broker, BrokerEvent, Effects, ErrorCode};

/// Whose transaction offsets are committed in.
#[derive(Clone, Debug)]
pub(crate) struct TransactionOf {
    pub(crate) transactional_id: String,
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) operation: TransactionSupportedOperation,
}

/// Writes offsets that count once the transaction commits; one result an offset, or one error for all.
pub(crate) fn txn_offset_commit(
    broker: &mut Broker,
    call: Call,
    transaction: &TransactionOf,
    request: &TxnOffsetCommit,
    told: Option<&Told>,
    effects: &mut Effects,
) -> Result<Result<Vec<OffsetResult>, i16>, AskCoordinator> {
    let index = super::partition_of(broker, &request.group_id);
    if request.group_id.is_empty() {
        return Ok(Err(ErrorCode::InvalidGroupId.code()));
    }
    if let Err(error) = shard(broker, call.now, &request.group_id, effects) {
        return Ok(Err(error.code()));
    }
    let guard = transaction_coordinator::add_or_verify_partition(
        broker,
        call,
        (&transaction.transactional_id, transaction.producer),
        TopicPartition::new(GROUP_METADATA_TOPIC_NAME, index),
        transaction.operation,
        told,
        effects,
    )?;
    Ok(guard.map_err(|error| operation_error(error).code()).and_then(|guard| {
        commit_verified(broker, call, transaction.producer, request, guard, effects)
    }))
}

fn commit_verified(
    broker: &mut Broker,
    call: Call,
    producer: ProducerIdAndEpoch,
    request: &TxnOffsetCommit,
    guard: VerificationGuard,
    effects: &mut Effects,
) -> Result<Vec<OffsetResult>, i16> {
    let (index, groups) =
        shard(broker, call.now, &request.group_id, effects).map_err(ErrorCode::code)?;
    let decided = groups.txn_offset_commit(call.now, request);
    let response = decided.response.map_err(|error| error.code())?;
    let decision = decided.decision;
    if !decision.records.is_empty() {
        let batch =
            records::transactional_batch(call.now, index, &decision.records, producer, guard)
                .map_err(ErrorCode::code)?;
        let appended = broker.replica_manager.append(call.now, batch, call.cause, effects);
        appended.map_err(|error| operation_error(error.code()).code())?;
    }
    let groups = broker.coordinator.shards.get_mut(&index);
    let groups = groups.ok_or(ErrorCode::NotCoordinator.code())?;
    for record in &decision.records {
        groups.replay_transactional(producer.producer_id, record);
    }
    Ok(response)
}

/// What a client is told of an error on the way to the log (`handleOperationException`).
fn operation_error(error: ErrorCode) -> ErrorCode {
    match error {
        // It cannot be told from a coordinator that loads.
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        other => coordinator_error(other),
    }
}

/// Writes a transaction's marker into a partition of `__consumer_offsets`, and makes the offsets of
/// the transaction count, or forgets them.
pub(crate) fn complete_transaction(
    broker: &mut Broker,
    call: Call,
    index: i32,
    marker: EndTxnMarker,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    super::load(broker, call.now, index, effects)?;
    let topic = GROUP_METADATA_TOPIC_NAME;
    transaction_coordinator::append_marker(broker, call, topic, index, marker, effects)?;
    let committed = marker.result == TransactionResult::Commit;
    if let Some(groups) = broker.coordinator.shards.get_mut(&index) {
        for event in groups.replay_end_transaction_marker(marker.producer_id, committed) {
            let kind = broker_event(event);
            effects.events.extend(kind.map(|kind| BrokerEvent { cause: call.cause, kind }));
        }
    }
    Ok(())
}
