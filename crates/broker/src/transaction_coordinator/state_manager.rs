//! The transactional ids of one partition of `__transaction_state`: loaded from its log, changed by
//! appending to it (`TransactionStateManager`).

use bytes::Bytes;
use logbrook_log::Log;
use logbrook_record::{BatchBuilder, BatchOptions};
use logbrook_sorted::SortedMap;

use super::markers::{self, PendingCompleteTxn};
use super::transaction_log::TransactionRecord;
use super::transaction_metadata::TransactionMetadata;
use super::transaction_state::{TransactionState, TransactionVersion};
use super::{Call, TRANSACTION_STATE_TOPIC_NAME, partition_of};
use crate::coordinator_failure::coordinator_error;
use crate::replica_manager::Append;
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects, ErrorCode};

/// One partition's transactional ids (`TxnMetadataCacheEntry`).
#[derive(Clone, Debug)]
pub(crate) struct TransactionStateManager {
    /// The leader epoch under which it was loaded: markers carry it, so that those of a coordinator
    /// that was replaced are refused.
    coordinator_epoch: i32,
    /// What the log says: only [`TransactionStateManager::replay`] changes it.
    transactions: SortedMap<String, TransactionMetadata>,
    /// How many of them are open.
    ongoing: usize,
    /// Decided transactions whose markers are not all written. Volatile: a load finds them again.
    pub(super) pending: SortedMap<String, PendingCompleteTxn>,
}

impl TransactionStateManager {
    fn new(coordinator_epoch: i32) -> TransactionStateManager {
        TransactionStateManager {
            coordinator_epoch,
            transactions: SortedMap::new(),
            ongoing: 0,
            pending: SortedMap::new(),
        }
    }

    pub(super) fn coordinator_epoch(&self) -> i32 {
        self.coordinator_epoch
    }

    pub(super) fn get(&self, transactional_id: &str) -> Option<&TransactionMetadata> {
        self.transactions.get(transactional_id)
    }

    pub(super) fn transactions(&self) -> impl Iterator<Item = (&str, &TransactionMetadata)> {
        self.transactions.iter().map(|(id, metadata)| (id.as_str(), metadata))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    pub(super) fn has_ongoing(&self) -> bool {
        self.ongoing > 0
    }

    /// Applies a record of the log: the only place where what is known changes.
    fn replay(&mut self, record: TransactionRecord) {
        let is_ongoing = |metadata: &TransactionMetadata| {
            usize::from(metadata.state == TransactionState::Ongoing)
        };
        let TransactionRecord { transactional_id, metadata } = record;
        self.ongoing += metadata.as_ref().map_or(0, is_ongoing);
        let before = match metadata {
            Some(metadata) => self.transactions.insert(transactional_id, metadata),
            None => self.transactions.remove(&transactional_id),
        };
        self.ongoing -= before.as_ref().map_or(0, is_ongoing);
    }
}

/// The metadata of a transactional id, `None` where it is not known (`getTransactionState`).
///
/// # Errors
/// `NOT_COORDINATOR` where another broker, or nobody, leads its partition.
pub(super) fn get(
    broker: &mut Broker,
    now: i64,
    transactional_id: &str,
    effects: &mut Effects,
) -> Result<Option<TransactionMetadata>, ErrorCode> {
    let index = partition_of(broker, transactional_id);
    load(broker, now, index, effects)?;
    let shard =
        broker.transaction_coordinator.shards.get(&index).ok_or(ErrorCode::NotCoordinator)?;
    Ok(shard.get(transactional_id).cloned())
}

/// All partitions that this broker leads, loaded.
pub(super) fn load_all(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let topic = broker.image.topic(TRANSACTION_STATE_TOPIC_NAME);
    let indexes: Vec<i32> =
        topic.into_iter().flat_map(|topic| topic.partitions.keys().copied()).collect();
    for index in indexes {
        // Other brokers see to the partitions that they lead.
        let _ = load(broker, now, index, effects);
    }
    broker.transaction_coordinator.load_pending = false;
}

/// A partition of `__transaction_state` has a new term: this broker loads it, or gives it up.
pub(crate) fn follow_leader(broker: &mut Broker, now: i64, index: i32, effects: &mut Effects) {
    // The error says who is not the coordinator; nobody asked.
    let _ = load(broker, now, index, effects);
}

fn load(broker: &mut Broker, now: i64, index: i32, effects: &mut Effects) -> Result<(), ErrorCode> {
    let partition = broker
        .replica_manager
        .partition(TRANSACTION_STATE_TOPIC_NAME, index)
        .filter(|partition| partition.is_leader());
    let shards = &mut broker.transaction_coordinator.shards;
    let Some(partition) = partition else {
        shards.remove(&index);
        return Err(ErrorCode::NotCoordinator);
    };
    let epoch = partition.leader_epoch();
    if shards.get(&index).is_some_and(|shard| shard.coordinator_epoch == epoch) {
        return Ok(());
    }
    let mut shard = TransactionStateManager::new(epoch);
    for record in read(partition.log()) {
        shard.replay(record);
    }
    let prepared: Vec<String> = shard
        .transactions()
        .filter(|(_, metadata)| metadata.state.is_preparing())
        .map(|(id, _)| id.to_owned())
        .collect();
    shards.insert(index, shard);
    for transactional_id in prepared {
        markers::add_markers_to_send(broker, Call::timer(now), &transactional_id, effects);
    }
    Ok(())
}

/// The records of the log from its start. What cannot be read is left out: Kafka's loader warns and
/// goes on.
fn read(log: &Log) -> Vec<TransactionRecord> {
    log.batches(log.log_start_offset(), log.log_end_offset())
        .filter(|batch| !batch.header().attributes.is_control())
        .flat_map(|batch| batch.records().unwrap_or_default())
        .filter_map(|record| {
            TransactionRecord::decode(record.key.as_deref()?, record.value.as_deref()).ok()
        })
        .collect()
}

/// Writes what the metadata of one transactional id become, and makes it true
/// (`appendTransactionToLog`). The id's partition is loaded.
///
/// # Errors
/// What the client is told: `COORDINATOR_NOT_AVAILABLE` where it may try again here,
/// `NOT_COORDINATOR` where it must look for the coordinator. Nothing has changed then.
pub(super) fn append(
    broker: &mut Broker,
    call: Call,
    transactional_id: &str,
    metadata: TransactionMetadata,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let index = partition_of(broker, transactional_id);
    let shard =
        broker.transaction_coordinator.shards.get(&index).ok_or(ErrorCode::NotCoordinator)?;
    let from = shard.get(transactional_id).map(|before| before.state);
    let event = BrokerEventKind::TransactionState {
        transactional_id: transactional_id.to_owned(),
        from: from.map_or("", TransactionState::name).to_owned(),
        to: metadata.state.name().to_owned(),
        producer_id: metadata.producer_id,
        producer_epoch: metadata.producer_epoch,
    };
    let changed = from != Some(metadata.state);
    let record = TransactionRecord {
        transactional_id: transactional_id.to_owned(),
        metadata: Some(metadata),
    };
    append_records(broker, call, index, vec![record], effects)?;
    if changed {
        effects.events.push(BrokerEvent { cause: call.cause, kind: event });
    }
    Ok(())
}

/// Writes records into a partition as one batch, as a coordinator does (uncompressed), and replays them.
pub(super) fn append_records(
    broker: &mut Broker,
    call: Call,
    index: i32,
    records: Vec<TransactionRecord>,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let finalized = TransactionVersion::finalized(&broker.image);
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for record in &records {
        let value = record.encode_value(finalized);
        let _ = builder.append(call.now, Some(&record.encode_key()), value.as_deref(), &[]);
    }
    let bytes: Bytes = builder.build().map_err(|_| ErrorCode::UnknownServerError)?;
    let append = Append::coordinator(TRANSACTION_STATE_TOPIC_NAME, index, bytes);
    let appended = broker.replica_manager.append(call.now, append, call.cause, effects);
    appended.map_err(|error| coordinator_error(error.code()))?;
    if let Some(shard) = broker.transaction_coordinator.shards.get_mut(&index) {
        for record in records {
            shard.replay(record);
        }
    }
    Ok(())
}

/// Without `__transaction_state` there is nothing to coordinate.
pub(crate) fn on_topics_deleted(broker: &mut Broker, topics: &[String]) {
    if topics.iter().any(|topic| topic == TRANSACTION_STATE_TOPIC_NAME) {
        broker.transaction_coordinator.shards.clear();
    }
}
