//! A producer with a transactional id begins (`TransactionCoordinator.handleInitProducerId`).

use super::Call;
use super::end_transaction::fence_and_abort;
use super::producer_id_manager::generate_producer_id;
use super::state_manager;
use super::transaction_metadata::{NO_PRODUCER_EPOCH, TransactionMetadata, is_epoch_exhausted};
use super::transaction_state::TransactionState;
use crate::api::RequestContext;
use crate::{Broker, Effects, ErrorCode};

/// A producer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProducerIdAndEpoch {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
}

/// What InitProducerId asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InitProducerId {
    pub(crate) transactional_id: String,
    pub(crate) transaction_timeout_ms: i32,
    /// Two-phase commit (KIP-939).
    pub(crate) enable_2pc: bool,
    /// Whether a prepared transaction is to be kept (KIP-939).
    pub(crate) keep_prepared_txn: bool,
    /// What the producer believes to be, after an error (KIP-360).
    pub(crate) expected: Option<ProducerIdAndEpoch>,
}

/// The producer's id and epoch from now on. An open transaction of an older producer is aborted
/// first, and the client told to come back (`CONCURRENT_TRANSACTIONS`).
pub(crate) fn init_producer_id(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: &InitProducerId,
    effects: &mut Effects,
) -> Result<ProducerIdAndEpoch, ErrorCode> {
    let call = Call::of(ctx);
    let config = &broker.transaction_coordinator.config;
    if request.transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    if request.enable_2pc && !config.two_phase_commit_enable {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    if request.keep_prepared_txn {
        // Not implemented in Kafka either.
        return Err(ErrorCode::UnsupportedVersion);
    }
    let timeout_ms = i64::from(request.transaction_timeout_ms);
    let valid =
        request.enable_2pc || (timeout_ms <= config.transaction_max_timeout_ms && timeout_ms > 0);
    if !valid {
        return Err(ErrorCode::InvalidTransactionTimeout);
    }
    let txn_timeout_ms = if request.enable_2pc { i32::MAX } else { request.transaction_timeout_ms };
    let known = state_manager::get(broker, ctx.now, &request.transactional_id, effects)?;
    let metadata = match known {
        Some(metadata) => metadata,
        None => {
            let producer_id = generate_producer_id(broker, call, effects)?;
            TransactionMetadata::new(producer_id, txn_timeout_ms, ctx.now)
        }
    };
    if metadata.state.is_preparing() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    if !request.expected.is_none_or(|expected| is_valid_producer_id(&metadata, expected)) {
        return Err(ErrorCode::ProducerFenced);
    }
    let next = match metadata.state {
        TransactionState::Ongoing => {
            // The epoch that fences is never given to a producer: the retry gets the one after it.
            fence_and_abort(broker, call, &request.transactional_id, effects)?;
            return Err(ErrorCode::ConcurrentTransactions);
        }
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => {
            let expected_epoch = request.expected.map(|expected| expected.producer_epoch);
            let rotate = metadata.is_producer_epoch_exhausted()
                && expected_epoch.is_none_or(|epoch| epoch == metadata.producer_epoch);
            if rotate {
                let producer_id = generate_producer_id(broker, call, effects)?;
                metadata.prepare_producer_id_rotation(
                    producer_id,
                    txn_timeout_ms,
                    ctx.now,
                    expected_epoch.is_some(),
                )
            } else {
                metadata.prepare_increment_producer_epoch(
                    txn_timeout_ms,
                    expected_epoch,
                    ctx.now,
                )?
            }
        }
    };
    let given =
        ProducerIdAndEpoch { producer_id: next.producer_id, producer_epoch: next.producer_epoch };
    let id = &request.transactional_id;
    state_manager::append(broker, call, id, next, effects)?;
    Ok(given)
}

/// Whether the producer that asks may be the one that is known: the id was just made, or it is its
/// id, or it was until the epochs were used up and the answer that told of the new id was lost.
fn is_valid_producer_id(metadata: &TransactionMetadata, expected: ProducerIdAndEpoch) -> bool {
    metadata.producer_epoch == NO_PRODUCER_EPOCH
        || expected.producer_id == metadata.producer_id
        || (expected.producer_id == metadata.prev_producer_id
            && is_epoch_exhausted(expected.producer_epoch))
}
