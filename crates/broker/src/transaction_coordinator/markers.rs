//! Transaction markers: written to every partition of a decided transaction, and once they are there
//! the transaction is complete (`TransactionMarkerChannelManager`, `WriteTxnMarkers`).
//!
//! Partitions that other brokers lead get theirs by WriteTxnMarkers. Different from Kafka 4.4: those of this
//! broker get it by a call, not by a request to itself; that it is replicated is waited for as well.

use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use logbrook_group::TopicPartition;
use logbrook_planted::{Bug, planted};
use logbrook_record::{EndTransactionMarker, Offset, ProducerEpoch, ProducerId};
use logbrook_sorted::{SortedMap, SortedSet};

use super::transaction_metadata::TransactionMetadata;
use super::transaction_state::{TransactionResult, TransactionState, TransactionVersion};
use super::{Call, TRANSACTION_STATE_TOPIC_NAME, partition_of, state_manager};
use crate::api::topic_name;
use crate::coordinator::{self, GROUP_METADATA_TOPIC_NAME};
use crate::peers::{PeerChannel, Purpose};
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
    /// Those of them whose leader was sent theirs and has not answered.
    in_flight: SortedSet<TopicPartition>,
    /// Those of this broker that have theirs, and the high watermark that says that it is replicated.
    replicating: SortedMap<TopicPartition, Offset>,
    /// Nothing is sent before the outcome is replicated: the high watermark of `__transaction_state` that
    /// says so.
    required: Offset,
    /// When to try again, in ms; `None` while something else will say when.
    pub(super) retry_at: Option<i64>,
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
    let log_end = broker.replica_manager.partition(TRANSACTION_STATE_TOPIC_NAME, index);
    let required = log_end.map_or(Offset(0), |partition| partition.log().log_end_offset());
    let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) else { return };
    let Some(metadata) = shard.get(transactional_id) else { return };
    let pending = PendingCompleteTxn {
        completed: metadata.prepare_complete(call.now),
        remaining: with_markers(&metadata.topic_partitions),
        in_flight: SortedSet::new(),
        replicating: SortedMap::new(),
        required,
        retry_at: None,
    };
    shard.pending.insert(transactional_id.to_owned(), pending);
    send(broker, call, transactional_id, effects);
}

/// The partitions that get a marker: all.
fn with_markers(partitions: &SortedSet<TopicPartition>) -> SortedSet<TopicPartition> {
    let forgotten = usize::from(planted(Bug::MarkerLost));
    partitions.iter().take(partitions.len().saturating_sub(forgotten)).cloned().collect()
}

/// Goes on with what has been replicated meanwhile: outcomes, whose markers are sent, and markers of this
/// broker. Whether there was any.
pub(crate) fn send_replicated(broker: &mut Broker, now: i64, effects: &mut Effects) -> bool {
    let noted = note_replicated(broker, now, effects);
    let shards = broker.transaction_coordinator.shards.iter();
    let ready = |index: &i32, pending: &PendingCompleteTxn| {
        pending.retry_at.is_none()
            && pending.in_flight.is_empty()
            && pending.replicating.is_empty()
            && is_replicated(broker, *index, pending)
    };
    let ready: Vec<String> = shards
        .flat_map(|(index, shard)| shard.pending.iter().map(move |entry| (index, entry)))
        .filter(|(index, (_, pending))| ready(index, pending))
        .map(|(_, (id, _))| id.clone())
        .collect();
    for transactional_id in &ready {
        send(broker, Call::timer(now), transactional_id, effects);
    }
    noted || !ready.is_empty()
}

/// Notes the markers of this broker that are replicated, or will not be as it does not lead any more.
fn note_replicated(broker: &mut Broker, now: i64, effects: &mut Effects) -> bool {
    let mut ended = Vec::new();
    for (index, shard) in &broker.transaction_coordinator.shards {
        for (transactional_id, pending) in shard.pending.iter() {
            for (partition, required) in &pending.replicating {
                if let Some(error) = replicated_up_to(broker, partition, *required) {
                    ended.push((*index, transactional_id.clone(), partition.clone(), error));
                }
            }
        }
    }
    for (index, transactional_id, partition, error) in &ended {
        let shard = broker.transaction_coordinator.shards.get_mut(index);
        let pending = shard.and_then(|shard| shard.pending.get_mut(transactional_id));
        if let Some(pending) = pending
            && pending.replicating.remove(partition).is_some()
            && note(broker, *index, transactional_id, partition, *error)
        {
            complete_if_done(broker, Call::timer(now), transactional_id, effects);
        }
    }
    !ended.is_empty()
}

/// What became of what this broker has appended to a partition; `None` while that is open.
fn replicated_up_to(
    broker: &Broker,
    partition: &TopicPartition,
    required: Offset,
) -> Option<ErrorCode> {
    match broker.replica_manager.partition(&partition.topic, partition.partition) {
        // Deleted, and its transactions with it.
        None => Some(ErrorCode::None),
        Some(partition) => {
            partition.replicated_up_to(required).map(|end| end.err().unwrap_or(ErrorCode::None))
        }
    }
}

fn is_replicated(broker: &Broker, index: i32, pending: &PendingCompleteTxn) -> bool {
    let partition = broker.replica_manager.partition(TRANSACTION_STATE_TOPIC_NAME, index);
    partition.is_some_and(|partition| partition.log().high_watermark() >= pending.required)
}

/// Writes the markers that are lacking, and completes the transaction where none is left.
pub(super) fn send(broker: &mut Broker, call: Call, transactional_id: &str, effects: &mut Effects) {
    let index = partition_of(broker, transactional_id);
    let Some(shard) = broker.transaction_coordinator.shards.get(&index) else { return };
    let Some(pending) = shard.pending.get(transactional_id) else { return };
    if !is_replicated(broker, index, pending) {
        return;
    }
    let Some(marker) = marker_of(broker, index, transactional_id) else { return };
    let unsent: Vec<TopicPartition> = pending
        .remaining
        .iter()
        .filter(|partition| {
            !pending.in_flight.contains(*partition) && !pending.replicating.contains_key(*partition)
        })
        .cloned()
        .collect();
    let mut elsewhere: SortedMap<i32, Vec<TopicPartition>> = SortedMap::new();
    for partition in unsent {
        let known = broker.image.topic(&partition.topic);
        let known = known.and_then(|topic| topic.partitions.get(&partition.partition));
        // The topic may be gone, and its transactions with it.
        let error = match known.map(|registration| registration.leader) {
            None => ErrorCode::None,
            Some(leader) if leader == broker.config.node_id => {
                match write_own(broker, call, transactional_id, &partition, marker, effects) {
                    Some(error) => error,
                    None => continue,
                }
            }
            Some(leader) if leader >= 0 => {
                elsewhere.entry(leader).or_default().push(partition);
                continue;
            }
            Some(_) => ErrorCode::NotLeaderOrFollower,
        };
        if !note(broker, index, transactional_id, &partition, error) {
            return;
        }
    }
    for (leader, partitions) in elsewhere {
        send_to(broker, call, transactional_id, (leader, partitions), marker, effects);
    }
    complete_if_done(broker, call, transactional_id, effects);
}

/// Writes a marker to a partition of this broker. `None` where it is written and not replicated yet.
fn write_own(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    partition: &TopicPartition,
    marker: EndTxnMarker,
    effects: &mut Effects,
) -> Option<ErrorCode> {
    let error = write_marker(broker, call, partition, marker, effects);
    if error != ErrorCode::None {
        return Some(error);
    }
    let written = broker.replica_manager.partition(&partition.topic, partition.partition);
    let required = written.map_or(Offset(0), |partition| partition.log().log_end_offset());
    let replicated = replicated_up_to(broker, partition, required);
    if replicated.is_none() {
        let index = partition_of(broker, transactional_id);
        let shard = broker.transaction_coordinator.shards.get_mut(&index);
        if let Some(pending) = shard.and_then(|shard| shard.pending.get_mut(transactional_id)) {
            pending.replicating.insert(partition.clone(), required);
        }
    }
    replicated
}

fn marker_of(broker: &Broker, index: i32, transactional_id: &str) -> Option<EndTxnMarker> {
    let shard = broker.transaction_coordinator.shards.get(&index)?;
    let metadata = shard.get(transactional_id)?;
    let result = match metadata.state {
        TransactionState::PrepareCommit => TransactionResult::Commit,
        TransactionState::PrepareAbort => TransactionResult::Abort,
        TransactionState::Empty
        | TransactionState::Ongoing
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => return None,
    };
    Some(EndTxnMarker {
        producer_id: metadata.producer_id,
        producer_epoch: metadata.producer_epoch,
        coordinator_epoch: shard.coordinator_epoch(),
        result,
        transaction_version: metadata.client_transaction_version,
    })
}

/// What became of a partition's marker. `false` where this coordinator has nothing more to do for the
/// transaction.
fn note(
    broker: &mut Broker,
    index: i32,
    transactional_id: &str,
    partition: &TopicPartition,
    error: ErrorCode,
) -> bool {
    let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) else { return false };
    let Some(pending) = shard.pending.get_mut(transactional_id) else { return false };
    pending.in_flight.remove(partition);
    match error {
        ErrorCode::None => {
            pending.remaining.remove(partition);
        }
        // Another coordinator has ended this transaction: it stays as it is here, and whoever asks is
        // told to come back, as in Kafka.
        ErrorCode::InvalidProducerEpoch | ErrorCode::TransactionCoordinatorFenced => {
            shard.pending.remove(transactional_id);
            return false;
        }
        _ => {}
    }
    true
}

fn send_to(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    (leader, partitions): (i32, Vec<TopicPartition>),
    marker: EndTxnMarker,
    effects: &mut Effects,
) {
    let index = partition_of(broker, transactional_id);
    let shard = broker.transaction_coordinator.shards.get_mut(&index);
    if let Some(pending) = shard.and_then(|shard| shard.pending.get_mut(transactional_id)) {
        pending.in_flight.extend(partitions.iter().cloned());
    }
    let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
    for partition in &partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    let topics = topics.into_iter().map(|(topic, indexes)| {
        WritableTxnMarkerTopic::default()
            .with_name(topic_name(topic))
            .with_partition_indexes(indexes)
    });
    let marker = WritableTxnMarker::default()
        .with_producer_id(marker.producer_id.into())
        .with_producer_epoch(marker.producer_epoch)
        .with_transaction_result(marker.result == TransactionResult::Commit)
        .with_coordinator_epoch(marker.coordinator_epoch)
        .with_topics(topics.collect());
    let body = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let purpose = Purpose::Markers { transactional_id: transactional_id.to_owned(), partitions };
    let timeout_ms = broker.config.number("request.timeout.ms");
    let to = (leader, PeerChannel::Transactions);
    broker.send(call.now, to, body.into(), timeout_ms, purpose, effects);
}

/// A leader answered, or (without a response) did not.
pub(crate) fn markers_answered(
    broker: &mut Broker,
    now: i64,
    transactional_id: &str,
    partitions: &[TopicPartition],
    response: Option<&WriteTxnMarkersResponse>,
    effects: &mut Effects,
) {
    let index = partition_of(broker, transactional_id);
    let told = |partition: &TopicPartition| {
        let results = response?.markers.iter().flat_map(|marker| &marker.topics);
        let results = results.filter(|topic| topic.name.as_str() == partition.topic);
        let result = results.flat_map(|topic| &topic.partitions);
        let result = result.clone().find(|result| result.partition_index == partition.partition)?;
        ErrorCode::from_code(result.error_code)
    };
    for partition in partitions {
        let error = told(partition).unwrap_or(ErrorCode::NetworkException);
        if !note(broker, index, transactional_id, partition, error) {
            return;
        }
    }
    complete_if_done(broker, Call::timer(now), transactional_id, effects);
}

fn complete_if_done(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    effects: &mut Effects,
) {
    let index = partition_of(broker, transactional_id);
    let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) else { return };
    let Some(pending) = shard.pending.get_mut(transactional_id) else { return };
    let idle = pending.in_flight.is_empty() && pending.replicating.is_empty();
    pending.retry_at = idle.then(|| call.now.saturating_add(RETRY_BACKOFF_MS));
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
