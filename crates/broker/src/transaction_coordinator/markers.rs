//! Transaction markers: written to every partition of a decided transaction, and once they are there
//! the transaction is complete (`TransactionMarkerChannelManager`, `WriteTxnMarkers`).
//!
//! Different from Kafka 4.4: partitions of this broker get their marker by a call, not by a request
//! to itself. Where another broker leads (not yet), the marker waits.

use logbrook_group::TopicPartition;
use logbrook_record::{EndTransactionMarker, ProducerEpoch, ProducerId};
use logbrook_sorted::SortedSet;

use super::transaction_metadata::TransactionMetadata;
use super::transaction_state::{TransactionResult, TransactionState, TransactionVersion};
use super::{Call, partition_of, state_manager};
use crate::coordinator::{self, GROUP_METADATA_TOPIC_NAME};
use crate::replica_manager::Append;
use crate::{Broker, Effects, ErrorCode};

/// After this long a marker that could not be written is tried again. Kafka's sender thread goes on
/// at once, and the network takes its time.
const RETRY_BACKOFF_MS: i64 = 100;

/// A decided transaction that lacks markers, or its last record.
#[derive(Clone, Debug)]
pub(crate) struct PendingCompleteTxn {
    /// What it becomes.
    completed: TransactionMetadata,
    /// Partitions without their marker.
    pub(super) remaining: SortedSet<TopicPartition>,
    /// When to try again.
    pub(super) retry_at: i64,
}

/// A marker as WriteTxnMarkers carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndTxnMarker {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) coordinator_epoch: i32,
    pub(crate) result: TransactionResult,
    pub(crate) transaction_version: TransactionVersion,
}

/// Begins to write the markers of a transaction whose outcome is in the log.
pub(super) fn add_markers_to_send(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    effects: &mut Effects,
) {
    let index = partition_of(broker, transactional_id);
    let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) else { return };
    let Some(metadata) = shard.get(transactional_id) else { return };
    let pending = PendingCompleteTxn {
        completed: metadata.prepare_complete(call.now),
        remaining: metadata.topic_partitions.clone(),
        retry_at: call.now,
    };
    shard.pending.insert(transactional_id.to_owned(), pending);
    send(broker, call, transactional_id, effects);
}

/// Writes the markers that are lacking, and completes the transaction where none is left.
pub(super) fn send(broker: &mut Broker, call: Call, transactional_id: &str, effects: &mut Effects) {
    let index = partition_of(broker, transactional_id);
    let Some(shard) = broker.transaction_coordinator.shards.get(&index) else { return };
    let coordinator_epoch = shard.coordinator_epoch();
    let (Some(metadata), Some(pending)) =
        (shard.get(transactional_id), shard.pending.get(transactional_id))
    else {
        return;
    };
    let result = match metadata.state {
        TransactionState::PrepareCommit => TransactionResult::Commit,
        TransactionState::PrepareAbort => TransactionResult::Abort,
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => return,
    };
    let marker = EndTxnMarker {
        producer_id: metadata.producer_id,
        producer_epoch: metadata.producer_epoch,
        coordinator_epoch,
        result,
        transaction_version: metadata.client_transaction_version,
    };
    let mut remaining = SortedSet::new();
    for partition in pending.remaining.clone() {
        match write_to_leader(broker, call, &partition, marker, effects) {
            // The topic is gone, and its transactions with it.
            None | Some(ErrorCode::None) => {}
            // Another coordinator has ended this transaction: nothing more to do for this one. It
            // stays as it is, and whoever asks is told to come back, as in Kafka.
            Some(ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced) => {
                if let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) {
                    shard.pending.remove(transactional_id);
                }
                return;
            }
            Some(_) => {
                remaining.insert(partition);
            }
        }
    }
    let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) else { return };
    let Some(pending) = shard.pending.get_mut(transactional_id) else { return };
    pending.remaining = remaining;
    pending.retry_at = call.now.saturating_add(RETRY_BACKOFF_MS);
    if !pending.remaining.is_empty() {
        return;
    }
    let completed = pending.completed.clone();
    match state_manager::append(broker, call, transactional_id, completed, effects) {
        // The only error after which this broker is to try again.
        Err(ErrorCode::CoordinatorNotAvailable) => {}
        Ok(()) | Err(_) => {
            if let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) {
                shard.pending.remove(transactional_id);
            }
        }
    }
}

/// `None` where there is no such partition any more.
fn write_to_leader(
    broker: &mut Broker,
    call: Call,
    partition: &TopicPartition,
    marker: EndTxnMarker,
    effects: &mut Effects,
) -> Option<ErrorCode> {
    broker.image.topic(&partition.topic)?.partitions.get(&partition.partition)?;
    Some(write_marker(broker, call, partition, marker, effects))
}

/// Writes one marker to a partition of this broker. Offsets of a group come into force with it, or
/// are forgotten.
pub(crate) fn write_marker(
    broker: &mut Broker,
    call: Call,
    partition: &TopicPartition,
    marker: EndTxnMarker,
    effects: &mut Effects,
) -> ErrorCode {
    let TopicPartition { topic, partition: index } = partition;
    if broker.replica_manager.partition(topic, *index).is_none() {
        return ErrorCode::UnknownTopicOrPartition;
    }
    if topic == GROUP_METADATA_TOPIC_NAME {
        return match coordinator::complete_transaction(broker, call, *index, marker, effects) {
            Ok(()) => ErrorCode::None,
            // The transaction coordinator does not expect those of another coordinator.
            Err(
                ErrorCode::CoordinatorNotAvailable
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::NotCoordinator,
            ) => ErrorCode::NotLeaderOrFollower,
            Err(error) => error,
        };
    }
    match append_marker(broker, call, topic, *index, marker, effects) {
        Ok(()) => ErrorCode::None,
        Err(error) => error,
    }
}

/// Appends the control batch of a marker.
pub(crate) fn append_marker(
    broker: &mut Broker,
    call: Call,
    topic: &str,
    index: i32,
    marker: EndTxnMarker,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let batch = EndTransactionMarker {
        committed: marker.result == TransactionResult::Commit,
        coordinator_epoch: marker.coordinator_epoch,
    }
    .batch(call.now, ProducerId(marker.producer_id), ProducerEpoch(marker.producer_epoch));
    let records = batch.map_err(|_| ErrorCode::UnknownServerError)?;
    let transaction_version =
        logbrook_log::TransactionVersion(marker.transaction_version.feature_level());
    let append = Append { transaction_version, ..Append::coordinator(topic, index, records) };
    let appended = broker.replica_manager.append(call.now, append, call.cause, effects);
    appended.map(|_| ()).map_err(|error| error.code())
}
