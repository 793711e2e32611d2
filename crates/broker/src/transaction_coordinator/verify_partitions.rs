//! Before records or offsets of a transaction are written, the coordinator must know that the
//! partition takes part: otherwise nobody would ever end it there (KIP-890;
//! `ReplicaManager.maybeSendPartitionsToTransactionCoordinator`, `AddPartitionsToTxnManager`).
//!
//! Clients of transactions v2 leave adding the partition to the broker that they write to; of older
//! ones it is checked that they have added it. Where the coordinator is another broker, the request waits
//! for its answer ([`AskCoordinator`]). Different from Kafka 4.4: `CONCURRENT_TRANSACTIONS` is given to the
//! client at once instead of being retried for `add.partitions.to.txn.retry.backoff.max.ms` (it takes a
//! marker that cannot be written to get it).

use logbrook_group::TopicPartition;
use logbrook_log::VerificationGuard;
use logbrook_record::{ProducerEpoch, ProducerId};
use logbrook_sorted::SortedSet;

use super::remote::{AskCoordinator, Told};
use super::transaction_state::{TransactionState, TransactionVersion};
use super::{Call, ProducerIdAndEpoch, add_partitions, state_manager};
use crate::{Broker, Effects, ErrorCode};

/// What the client that writes knows (`TransactionSupportedOperation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionSupportedOperation {
    /// Neither `TRANSACTION_ABORTABLE` nor transactions v2.
    DefaultError,
    /// `TRANSACTION_ABORTABLE`.
    GenericErrorSupported,
    /// Transactions v2: writing adds the partition.
    AddPartition,
}

impl TransactionSupportedOperation {
    /// Of the version of a Produce request.
    pub(crate) fn of_produce(version: i16) -> TransactionSupportedOperation {
        match version {
            12.. => TransactionSupportedOperation::AddPartition,
            11 => TransactionSupportedOperation::GenericErrorSupported,
            _ => TransactionSupportedOperation::DefaultError,
        }
    }

    /// Of the version of a TxnOffsetCommit request.
    pub(crate) fn of_txn_offset_commit(version: i16) -> TransactionSupportedOperation {
        match version {
            5.. => TransactionSupportedOperation::AddPartition,
            4 => TransactionSupportedOperation::GenericErrorSupported,
            _ => TransactionSupportedOperation::DefaultError,
        }
    }

    fn supports_epoch_bump(self) -> bool {
        match self {
            TransactionSupportedOperation::AddPartition => true,
            TransactionSupportedOperation::DefaultError
            | TransactionSupportedOperation::GenericErrorSupported => false,
        }
    }
}

/// What became of one partition: what the log is to be shown with the batch, or why it may not be
/// written.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    pub(crate) partition: TopicPartition,
    pub(crate) result: Result<VerificationGuard, ErrorCode>,
}

/// Adds the partitions that one request writes to, or checks that they were added. Each comes with the
/// sequence number of its first record.
pub(crate) fn add_or_verify_partitions(
    broker: &mut Broker,
    call: Call,
    (transactional_id, producer): (&str, ProducerIdAndEpoch),
    partitions: &[(TopicPartition, i32)],
    operation: TransactionSupportedOperation,
    told: Option<&Told>,
    effects: &mut Effects,
) -> Result<Vec<Verification>, AskCoordinator> {
    let verify = broker.transaction_coordinator.config.partition_verification_enable;
    if !operation.supports_epoch_bump() && !verify {
        return Ok(Vec::new());
    }
    let mut verifications = Vec::new();
    let mut unknown = SortedSet::new();
    for (partition, sequence) in partitions {
        let result = start(broker, call, producer, partition, *sequence, operation);
        if result.is_ok_and(|guard| guard != VerificationGuard::SENTINEL) {
            unknown.insert(partition.clone());
        }
        verifications.push(Verification { partition: partition.clone(), result });
    }
    if unknown.is_empty() {
        return Ok(verifications);
    }
    let ask = AskCoordinator {
        transactional_id: transactional_id.to_owned(),
        producer,
        partitions: unknown.clone(),
        verify_only: !operation.supports_epoch_bump(),
    };
    if told.is_none() && ask.is_elsewhere(broker) {
        return Err(ask);
    }
    // On the way through a request between brokers an error becomes one that producers know.
    let translate = |error: ErrorCode| match error {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable
            if operation == TransactionSupportedOperation::DefaultError =>
        {
            ErrorCode::InvalidTxnState
        }
        other => other,
    };
    let mut answer = |partition: &TopicPartition, answered: Result<(), ErrorCode>| {
        let of = verifications.iter_mut().filter(|v| v.partition == *partition);
        for verification in of {
            if let Err(error) = answered {
                verification.result = Err(translate(error));
            }
        }
    };
    if let Some(told) = told {
        unknown.iter().for_each(|partition| answer(partition, told.of(partition)));
    } else if operation.supports_epoch_bump() {
        let version = TransactionVersion::V2;
        let added =
            add_partitions(broker, call, transactional_id, producer, &unknown, version, effects);
        unknown.iter().for_each(|partition| answer(partition, added));
    } else {
        for partition in &unknown {
            let verified =
                verify_partition(broker, call.now, transactional_id, producer, partition, effects);
            answer(partition, verified);
        }
    }
    Ok(verifications)
}

/// [`add_or_verify_partitions`] of one partition, for what a coordinator writes there.
pub(crate) fn add_or_verify_partition(
    broker: &mut Broker,
    call: Call,
    transaction: (&str, ProducerIdAndEpoch),
    partition: TopicPartition,
    operation: TransactionSupportedOperation,
    told: Option<&Told>,
    effects: &mut Effects,
) -> Result<Result<VerificationGuard, ErrorCode>, AskCoordinator> {
    // `CoordinatorPartitionWriter`: its batches begin at sequence 0, and nobody checks that.
    let partitions = [(partition, 0)];
    let verifications =
        add_or_verify_partitions(broker, call, transaction, &partitions, operation, told, effects)?;
    let sentinel = Ok(VerificationGuard::SENTINEL);
    Ok(verifications.into_iter().next().map_or(sentinel, |verification| verification.result))
}

/// Whether the log does not know the transaction yet: then a guard, else the sentinel.
fn start(
    broker: &mut Broker,
    call: Call,
    producer: ProducerIdAndEpoch,
    partition: &TopicPartition,
    sequence: i32,
    operation: TransactionSupportedOperation,
) -> Result<VerificationGuard, ErrorCode> {
    let TopicPartition { topic, partition: index } = partition;
    let partition = broker
        .replica_manager
        .partition_mut(topic, *index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition
        .maybe_start_transaction_verification(
            ProducerId(producer.producer_id),
            ProducerEpoch(producer.producer_epoch),
            sequence,
            operation.supports_epoch_bump(),
            call.now,
        )
        .map_err(|error| error.code())
}

/// Whether a partition is in the transaction (`handleVerifyPartitionsInTransaction`).
pub(crate) fn verify_partition(
    broker: &mut Broker,
    now: i64,
    transactional_id: &str,
    producer: ProducerIdAndEpoch,
    partition: &TopicPartition,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let metadata = state_manager::get(broker, now, transactional_id, effects)?
        .ok_or(ErrorCode::InvalidProducerIdMapping)?;
    if metadata.producer_id != producer.producer_id {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    if metadata.producer_epoch != producer.producer_epoch {
        return Err(ErrorCode::ProducerFenced);
    }
    match metadata.state {
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            Err(ErrorCode::ConcurrentTransactions)
        }
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => {
            if metadata.topic_partitions.contains(partition) {
                Ok(())
            } else {
                Err(ErrorCode::TransactionAbortable)
            }
        }
    }
}
