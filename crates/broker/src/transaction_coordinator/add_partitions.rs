//! Partitions come into a transaction (`TransactionCoordinator.handleAddPartitionsToTransaction`).

use logbrook_group::TopicPartition;
use logbrook_sorted::SortedSet;

use super::state_manager;
use super::transaction_state::{TransactionState, TransactionVersion};
use super::{Call, ProducerIdAndEpoch};
use crate::{Broker, Effects, ErrorCode};

/// Adds partitions to the transaction of a transactional id, which begins where none is open.
pub(crate) fn add_partitions(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    producer: ProducerIdAndEpoch,
    partitions: &SortedSet<TopicPartition>,
    client_transaction_version: TransactionVersion,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let metadata = state_manager::get(broker, call.now, transactional_id, effects)?
        .ok_or(ErrorCode::InvalidProducerIdMapping)?;
    // First of all: under transactions v2 what is pending may be another producer id, and the
    // producer may use it already.
    if metadata.state.is_preparing() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    if metadata.producer_id != producer.producer_id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if metadata.producer_epoch != producer.producer_epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    if metadata.state == TransactionState::Ongoing
        && partitions.is_subset(&metadata.topic_partitions)
    {
        return Ok(());
    }
    let next = metadata.prepare_add_partitions(partitions, call.now, client_transaction_version);
    state_manager::append(broker, call, transactional_id, next, effects)
}
