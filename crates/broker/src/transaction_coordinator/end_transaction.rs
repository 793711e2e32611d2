//! A transaction is committed or aborted (`TransactionCoordinator.endTransaction`).
//!
//! The table of Kafka for transactions v2 (retry: the client's epoch is one below, or its producer id
//! was replaced meanwhile; current: the epochs are equal):
//!
//! ```text
//!                     abort, retry   abort, current   commit, retry   commit, current
//!   Empty             fenced         new epoch        fenced          invalid
//!   CompleteAbort     ok             new epoch        invalid         invalid
//!   CompleteCommit    invalid        new epoch        ok              invalid
//! ```

use super::producer_id_manager::generate_producer_id;
use super::transaction_metadata::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, TransactionMetadata};
use super::transaction_state::{TransactionResult, TransactionState, TransactionVersion};
use super::{Call, ProducerIdAndEpoch, markers, state_manager};
use crate::{Broker, Effects, ErrorCode};

/// What EndTxn asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndTransaction {
    pub(crate) transactional_id: String,
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) result: TransactionResult,
    pub(crate) client_transaction_version: TransactionVersion,
}

/// What the producer goes on with; -1 and -1 under the older versions, where nothing changes.
pub(crate) type EndedTransaction = ProducerIdAndEpoch;

const UNCHANGED: EndedTransaction =
    ProducerIdAndEpoch { producer_id: NO_PRODUCER_ID, producer_epoch: NO_PRODUCER_EPOCH };

/// What follows from an EndTxn.
enum Decision {
    /// Nothing: it is done already.
    Done(EndedTransaction),
    /// The outcome is to be written.
    Prepare {
        /// Nothing was ever added: the transaction begins and ends now.
        no_partition_added: bool,
    },
}

/// Decides the outcome of a transaction, writes its markers, and completes it.
pub(crate) fn end_transaction(
    broker: &mut Broker,
    call: Call,
    request: &EndTransaction,
    effects: &mut Effects,
) -> Result<EndedTransaction, ErrorCode> {
    let EndTransaction { transactional_id, producer, result, client_transaction_version } = request;
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let metadata = state_manager::get(broker, call.now, transactional_id, effects)?
        .ok_or(ErrorCode::InvalidProducerIdMapping)?;
    let decision = if client_transaction_version.supports_epoch_bump() {
        decide_v2(&metadata, *producer, *result)?
    } else {
        decide_v1(&metadata, *producer, *result)?
    };
    let no_partition_added = match decision {
        Decision::Done(ended) => return Ok(ended),
        Decision::Prepare { no_partition_added } => no_partition_added,
    };
    let version = *client_transaction_version;
    let outcome = Outcome { result: *result, version, no_partition_added };
    prepare(broker, call, transactional_id, &metadata, outcome, effects)
}

/// Aborts the open transaction of a producer that is to be fenced (`prepareFenceProducerEpoch`): its
/// timeout has passed, or another producer begins. Nobody is told the epoch.
pub(super) fn fence_and_abort(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let mut metadata = state_manager::get(broker, call.now, transactional_id, effects)?
        .ok_or(ErrorCode::InvalidProducerIdMapping)?;
    if metadata.state != TransactionState::Ongoing {
        return Err(ErrorCode::InvalidTxnState);
    }
    // It does not come from a client: the cluster's version counts.
    let version = TransactionVersion::finalized(&broker.image);
    if !version.supports_epoch_bump() {
        // Then the end of a transaction alone fences nobody (`endTransactionWithTV1`).
        metadata.producer_epoch = metadata.producer_epoch.saturating_add(1);
        metadata.last_producer_epoch = NO_PRODUCER_EPOCH;
    }
    let outcome = Outcome { result: TransactionResult::Abort, version, no_partition_added: false };
    prepare(broker, call, transactional_id, &metadata, outcome, effects).map(|_| ())
}

/// How a transaction is to end.
#[derive(Clone, Copy)]
struct Outcome {
    result: TransactionResult,
    version: TransactionVersion,
    no_partition_added: bool,
}

fn prepare(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    metadata: &TransactionMetadata,
    outcome: Outcome,
    effects: &mut Effects,
) -> Result<EndedTransaction, ErrorCode> {
    let Outcome { result, version, no_partition_added } = outcome;
    let rotate = version.supports_epoch_bump() && metadata.is_producer_epoch_exhausted();
    let next_producer_id =
        if rotate { generate_producer_id(broker, call, effects)? } else { NO_PRODUCER_ID };
    let next = metadata.prepare_abort_or_commit(
        result,
        version,
        next_producer_id,
        call.now,
        no_partition_added,
    );
    let completed = next.prepare_complete(call.now);
    state_manager::append(broker, call, transactional_id, next, effects)?;
    markers::add_markers_to_send(broker, call, transactional_id, effects);
    Ok(if version.supports_epoch_bump() {
        ProducerIdAndEpoch {
            producer_id: completed.producer_id,
            producer_epoch: completed.producer_epoch,
        }
    } else {
        UNCHANGED
    })
}

/// `endTransactionWithTV1`, for a client: the state tells a retry.
fn decide_v1(
    metadata: &TransactionMetadata,
    producer: ProducerIdAndEpoch,
    result: TransactionResult,
) -> Result<Decision, ErrorCode> {
    if metadata.producer_id != producer.producer_id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if metadata.producer_epoch != producer.producer_epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    match (metadata.state, result) {
        (TransactionState::Ongoing, _) => Ok(Decision::Prepare { no_partition_added: false }),
        (TransactionState::CompleteCommit, TransactionResult::Commit)
        | (TransactionState::CompleteAbort, TransactionResult::Abort) => {
            Ok(Decision::Done(UNCHANGED))
        }
        (TransactionState::PrepareCommit | TransactionState::PrepareAbort, _) => {
            Err(ErrorCode::ConcurrentTransactions)
        }
        (TransactionState::CompleteCommit, TransactionResult::Abort)
        | (TransactionState::CompleteAbort, TransactionResult::Commit)
        | (TransactionState::Empty, _) => Err(ErrorCode::InvalidTxnState),
    }
}

/// `endTransaction`, for a client: the epoch tells a retry.
fn decide_v2(
    metadata: &TransactionMetadata,
    producer: ProducerIdAndEpoch,
    result: TransactionResult,
) -> Result<Decision, ErrorCode> {
    let retry_on_overflow = metadata.prev_producer_id == producer.producer_id
        && producer.producer_epoch == i16::MAX - 1
        && metadata.producer_epoch == 0;
    let retry_on_epoch_bump =
        i32::from(metadata.producer_epoch) == i32::from(producer.producer_epoch) + 1;
    let is_retry = retry_on_epoch_bump || retry_on_overflow;
    let is_current = metadata.producer_epoch == producer.producer_epoch;
    if metadata.state.is_preparing() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    if metadata.producer_id != producer.producer_id && !retry_on_overflow {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    let is_valid_epoch = match metadata.state {
        TransactionState::Ongoing | TransactionState::Empty => is_current,
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => retry_on_epoch_bump,
        TransactionState::CompleteCommit | TransactionState::CompleteAbort => {
            is_retry || is_current
        }
    };
    if !is_valid_epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    let done = || {
        Ok(Decision::Done(ProducerIdAndEpoch {
            producer_id: metadata.producer_id,
            producer_epoch: metadata.producer_epoch,
        }))
    };
    match (metadata.state, result) {
        (TransactionState::Ongoing, _) => Ok(Decision::Prepare { no_partition_added: false }),
        (TransactionState::CompleteCommit, TransactionResult::Commit) if is_retry => done(),
        (TransactionState::CompleteAbort, TransactionResult::Abort) if is_retry => done(),
        (TransactionState::CompleteCommit, TransactionResult::Abort) if is_retry => {
            Err(ErrorCode::InvalidTxnState)
        }
        (
            TransactionState::CompleteCommit
            | TransactionState::CompleteAbort
            | TransactionState::Empty,
            TransactionResult::Abort,
        ) => Ok(Decision::Prepare { no_partition_added: true }),
        (
            TransactionState::CompleteCommit
            | TransactionState::CompleteAbort
            | TransactionState::Empty,
            TransactionResult::Commit,
        ) => Err(ErrorCode::InvalidTxnState),
        (TransactionState::PrepareCommit | TransactionState::PrepareAbort, _) => {
            Err(ErrorCode::ConcurrentTransactions)
        }
    }
}
