//! Idempotence: the producer id, and per partition the sequence numbers and what is in flight
//! (`TransactionManager`, `TxnPartitionMap`, `TxnPartitionEntry`; KIP-98, KIP-360).
//!
//! Transactions themselves are in `transactions/`.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_record::{ProducerEpoch, ProducerId, increment_sequence};

use crate::producer::producer_batch::{BatchId, Batches};
use crate::topic_partition::TopicPartition;

/// An id with its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProducerIdAndEpoch {
    pub(crate) id: ProducerId,
    pub(crate) epoch: ProducerEpoch,
}

impl ProducerIdAndEpoch {
    pub(crate) const NONE: Self = Self { id: ProducerId::NONE, epoch: ProducerEpoch::NONE };
}

#[derive(Clone, Debug)]
struct Entry {
    producer: ProducerIdAndEpoch,
    next_sequence: i32,
    last_acked_sequence: i32,
    last_acked_offset: i64,
    /// By sequence.
    in_flight: Vec<BatchId>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            producer: ProducerIdAndEpoch::NONE,
            next_sequence: 0,
            last_acked_sequence: NO_LAST_ACKED_SEQUENCE_NUMBER,
            last_acked_offset: -1,
            in_flight: Vec::new(),
        }
    }
}

const NO_LAST_ACKED_SEQUENCE_NUMBER: i32 = -1;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct TransactionManager {
    pub(crate) producer: ProducerIdAndEpoch,
    /// Its batches are parts of transactions.
    transactional: bool,
    partitions: SortedMap<TopicPartition, Entry>,
    /// Partition -> the sequence after the batch that expired without an answer.
    unresolved: SortedMap<TopicPartition, i32>,
    to_rewrite: SortedSet<TopicPartition>,
    epoch_bump_required: bool,
}

impl TransactionManager {
    pub(crate) fn new(transactional: bool) -> Self {
        Self {
            producer: ProducerIdAndEpoch::NONE,
            transactional,
            partitions: SortedMap::new(),
            unresolved: SortedMap::new(),
            to_rewrite: SortedSet::new(),
            epoch_bump_required: false,
        }
    }

    pub(crate) fn has_producer_id(&self) -> bool {
        self.producer.id != ProducerId::NONE
    }

    /// `bumpIdempotentEpochAndResetIdIfNeeded`, the first half: true if an InitProducerId is needed.
    pub(crate) fn needs_producer_id(&mut self, batches: &mut Batches) -> bool {
        if self.epoch_bump_required {
            self.bump_epoch(batches);
        }
        !self.has_producer_id()
    }

    fn bump_epoch(&mut self, batches: &mut Batches) {
        if self.producer.epoch.0 == i16::MAX {
            self.producer = ProducerIdAndEpoch::NONE;
        } else {
            self.producer.epoch = ProducerEpoch(self.producer.epoch.0 + 1);
        }
        for partition in std::mem::take(&mut self.to_rewrite) {
            self.start_sequences_at_beginning(&partition, batches);
            self.unresolved.remove(&partition);
        }
        self.epoch_bump_required = false;
    }

    fn start_sequences_at_beginning(&mut self, partition: &TopicPartition, batches: &mut Batches) {
        let (producer, transactional) = (self.producer, self.transactional);
        let entry = self.partitions.entry(partition.clone()).or_default();
        let mut sequence = 0;
        for id in &entry.in_flight {
            if let Some(batch) = batches.get_mut(*id) {
                batch.reset_producer_state(producer, sequence, transactional);
                sequence = increment_sequence(sequence, batch.record_count());
            }
        }
        entry.producer = producer;
        entry.next_sequence = sequence;
        entry.last_acked_sequence = NO_LAST_ACKED_SEQUENCE_NUMBER;
    }

    /// A new epoch begins with the next transaction (`resetSequenceNumbers`).
    pub(crate) fn reset_sequence_numbers(&mut self) {
        self.partitions.clear();
        self.unresolved.clear();
        self.to_rewrite.clear();
        self.epoch_bump_required = false;
    }

    /// Assigns the next sequence of its partition to a batch that is about to be sent for the first time.
    pub(crate) fn assign_sequence(&mut self, id: BatchId, batches: &mut Batches) {
        let (producer, transactional) = (self.producer, self.transactional);
        let Some(batch) = batches.get_mut(id) else { return };
        let stale = self
            .partitions
            .get(&batch.partition)
            .is_some_and(|entry| entry.producer != producer && entry.in_flight.is_empty());
        if stale {
            // `maybeUpdateProducerIdAndEpoch`: a new epoch starts at 0.
            let partition = batch.partition.clone();
            self.start_sequences_at_beginning(&partition, batches);
        }
        let Some(batch) = batches.get_mut(id) else { return };
        let entry = self.partitions.entry(batch.partition.clone()).or_default();
        entry.producer = producer;
        batch.set_producer_state(producer, entry.next_sequence, transactional);
        entry.next_sequence = increment_sequence(entry.next_sequence, batch.record_count());
        entry.in_flight.push(id);
    }

    /// `shouldStopDrainBatchesForPartition`: retries go in order, and nothing new while a gap is open.
    pub(crate) fn stops_drain(&self, id: BatchId, batches: &Batches) -> bool {
        let Some(batch) = batches.get(id) else { return true };
        if !self.has_producer_id() {
            return true;
        }
        let entry = self.partitions.get(&batch.partition);
        let Some(sequence) = batch.base_sequence() else {
            let stale = entry.is_some_and(|entry| {
                !entry.in_flight.is_empty() && entry.producer != self.producer
            });
            return stale || self.unresolved.contains_key(&batch.partition);
        };
        let first_in_flight = entry
            .and_then(|entry| entry.in_flight.first())
            .and_then(|first| batches.get(*first))
            .and_then(|first| first.base_sequence());
        first_in_flight.is_some_and(|first| first != sequence)
    }

    pub(crate) fn remove_in_flight(&mut self, id: BatchId, partition: &TopicPartition) {
        if let Some(entry) = self.partitions.get_mut(partition) {
            entry.in_flight.retain(|other| *other != id);
        }
    }

    /// A batch was split: its parts are in flight in its place.
    pub(crate) fn replace(&mut self, id: BatchId, partition: &TopicPartition, parts: &[BatchId]) {
        if let Some(entry) = self.partitions.get_mut(partition)
            && let Some(at) = entry.in_flight.iter().position(|other| *other == id)
        {
            entry.in_flight.splice(at..=at, parts.iter().copied());
        }
    }

    /// `handleCompletedBatch`.
    pub(crate) fn completed(&mut self, id: BatchId, batches: &Batches, base_offset: i64) {
        let Some(batch) = batches.get(id) else { return };
        let count = batch.record_count();
        if let (Some(sequence), Some(entry)) =
            (batch.base_sequence(), self.partitions.get_mut(&batch.partition))
        {
            let last = increment_sequence(sequence, count - 1);
            entry.last_acked_sequence = entry.last_acked_sequence.max(last);
            if base_offset >= 0 {
                let last_offset = base_offset + i64::from(count) - 1;
                entry.last_acked_offset = entry.last_acked_offset.max(last_offset);
            }
        }
        self.remove_in_flight(id, &batch.partition);
    }

    /// `handleFailedBatch`. `gap`: an `OutOfOrderSequenceException`. `adjust`: the broker refused the
    /// batch for good, so its sequence numbers were not used.
    pub(crate) fn failed(
        &mut self,
        id: BatchId,
        partition: &TopicPartition,
        gap: bool,
        adjust: bool,
    ) {
        self.remove_in_flight(id, partition);
        // A transaction is aborted, and the next one has another epoch.
        if !self.transactional && (gap || adjust) {
            self.request_epoch_bump(partition);
        }
    }

    fn request_epoch_bump(&mut self, partition: &TopicPartition) {
        self.epoch_bump_required = true;
        self.to_rewrite.insert(partition.clone());
    }

    /// A batch that was sent expired: whether the broker has it is not known.
    pub(crate) fn mark_unresolved(&mut self, partition: &TopicPartition, next_sequence: i32) {
        let entry = self.unresolved.entry(partition.clone()).or_insert(next_sequence);
        *entry = next_sequence.max(*entry);
    }

    /// `maybeResolveSequences`.
    pub(crate) fn resolve_sequences(&mut self) {
        let partitions: Vec<TopicPartition> = self.unresolved.keys().cloned().collect();
        for partition in partitions {
            let Some(entry) = self.partitions.get(&partition) else { continue };
            if !entry.in_flight.is_empty() {
                continue;
            }
            let resolved = entry.next_sequence.wrapping_sub(entry.last_acked_sequence) == 1;
            self.unresolved.remove(&partition);
            if !resolved && !self.transactional {
                self.request_epoch_bump(&partition);
            }
        }
    }

    fn is_next_sequence(&self, partition: &TopicPartition, sequence: i32) -> bool {
        let last = self
            .partitions
            .get(partition)
            .map_or(NO_LAST_ACKED_SEQUENCE_NUMBER, |entry| entry.last_acked_sequence);
        sequence.wrapping_sub(last) == 1
    }

    /// `canRetry` for `OUT_OF_ORDER_SEQUENCE_NUMBER`: always without transactions, and a real gap
    /// bumps the epoch; in a transaction unless the batch is the next one.
    pub(crate) fn out_of_order(&mut self, id: BatchId, batches: &Batches) -> bool {
        let Some(batch) = batches.get(id) else { return true };
        let Some(sequence) = batch.base_sequence() else { return true };
        let unresolved = self.unresolved.get(&batch.partition).copied();
        if unresolved.is_none()
            && (batch.sequence_has_been_reset || !self.is_next_sequence(&batch.partition, sequence))
        {
            return true;
        }
        if self.transactional {
            return false;
        }
        if unresolved.is_none_or(|next| next == sequence) {
            let partition = batch.partition.clone();
            self.request_epoch_bump(&partition);
        }
        true
    }

    /// `canRetry` for `UNKNOWN_PRODUCER_ID`: always without transactions; the epoch is bumped unless
    /// this batch was reset already. In a transaction where retention took what was acknowledged.
    pub(crate) fn unknown_producer_id(
        &mut self,
        id: BatchId,
        batches: &mut Batches,
        log_start_offset: i64,
    ) -> bool {
        let Some(batch) = batches.get(id) else { return true };
        if log_start_offset == -1 || batch.sequence_has_been_reset {
            return true;
        }
        let partition = batch.partition.clone();
        if self.transactional {
            let acked = self.partitions.get(&partition).map_or(-1, |entry| entry.last_acked_offset);
            let lost = acked < log_start_offset;
            if lost {
                self.start_sequences_at_beginning(&partition, batches);
            }
            return lost;
        }
        self.request_epoch_bump(&partition);
        true
    }
}
