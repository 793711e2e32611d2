//! Records waiting to be sent, in batches by partition (`RecordAccumulator`).
//!
//! The compression ratio is not estimated: a batch is full by its uncompressed size.

mod split_batch;

use logbrook_planted::{Bug, planted};
use logbrook_sorted::{SortedMap, SortedSet};
use std::collections::VecDeque;

use bytes::Bytes;
use logbrook_record::{BatchBuilder, BatchOptions, Compression, Header, RECORD_BATCH_OVERHEAD};

use crate::producer::producer_batch::{BatchId, Batches, ProducerBatch, Thunk};
use crate::producer::transaction_manager::TransactionManager;
use crate::producer::{ProducerRecord, SendId};
use crate::topic_partition::TopicPartition;

/// `DefaultRecord.MAX_RECORD_OVERHEAD`: length, attributes, timestamp and offset deltas at their longest.
const MAX_RECORD_OVERHEAD: usize = 21;

/// What an append did.
pub(crate) struct Appended {
    /// Bytes that the batch grew by, with its header if it is new.
    pub(crate) bytes: usize,
    /// The sticky partitioner may switch: the last batch of the partition is full.
    pub(crate) enable_switch: bool,
}

/// The limits that an accumulator keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) batch_size: usize,
    pub(crate) linger_ms: i64,
    pub(crate) buffer_memory: usize,
    pub(crate) compression: Compression,
    pub(crate) delivery_timeout_ms: i64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct RecordAccumulator {
    limits: Limits,
    pub(crate) batches: Batches,
    queues: SortedMap<TopicPartition, VecDeque<BatchId>>,
    muted: SortedSet<TopicPartition>,
    drain_index: SortedMap<i32, usize>,
    next_batch: u64,
    used_memory: usize,
}

/// `AbstractRecords.estimateSizeInBytesUpperBound`.
pub(crate) fn size_upper_bound(record: &ProducerRecord) -> usize {
    let headers = record.headers.iter();
    upper_bound(
        record.key.as_ref(),
        record.value.as_ref(),
        headers.map(|(key, value)| (key.as_str(), value.as_ref())),
    )
}

fn upper_bound<'a>(
    key: Option<&Bytes>,
    value: Option<&Bytes>,
    headers: impl ExactSizeIterator<Item = (&'a str, Option<&'a Bytes>)>,
) -> usize {
    let nullable = |bytes: Option<usize>| bytes.map_or(1, |len| varint_size(len) + len);
    RECORD_BATCH_OVERHEAD
        + MAX_RECORD_OVERHEAD
        + nullable(key.map(Bytes::len))
        + nullable(value.map(Bytes::len))
        + varint_size(headers.len())
        + headers
            .map(|(key, value)| nullable(Some(key.len())) + nullable(value.map(Bytes::len)))
            .sum::<usize>()
}

/// `insertInSequenceOrder`: behind the batches with lower sequences, before those without any.
fn insert_in_sequence_order(queue: &mut VecDeque<BatchId>, batches: &Batches, id: BatchId) {
    let sequence = |id: BatchId| batches.get(id).and_then(ProducerBatch::base_sequence);
    let own = sequence(id);
    let at = queue
        .iter()
        .position(|other| match (sequence(*other), own) {
            (Some(other), Some(own)) => other >= own,
            (Some(_) | None, Some(_) | None) => true,
        })
        .unwrap_or(queue.len());
    queue.insert(at, id);
}

fn varint_size(value: usize) -> usize {
    logbrook_record::size_of_varlong(value as i64)
}

fn serialized_size(bytes: Option<&Bytes>) -> i32 {
    bytes.map_or(-1, |bytes| bytes.len() as i32)
}

impl RecordAccumulator {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            batches: Batches::default(),
            queues: SortedMap::new(),
            muted: SortedSet::new(),
            drain_index: SortedMap::new(),
            next_batch: 0,
            used_memory: 0,
        }
    }

    pub(crate) fn available_memory(&self) -> usize {
        self.limits.buffer_memory.saturating_sub(self.used_memory)
    }

    /// Memory that a new batch for this record takes.
    pub(crate) fn batch_memory(&self, record: &ProducerRecord) -> usize {
        self.limits.batch_size.max(size_upper_bound(record))
    }

    /// Appends to the partition's last batch, or to a new one. `None`: no memory for a new batch.
    pub(crate) fn append(
        &mut self,
        now: i64,
        partition: &TopicPartition,
        id: SendId,
        record: &ProducerRecord,
    ) -> Option<Appended> {
        let timestamp = record.timestamp.unwrap_or(now);
        let headers: Vec<Header> = record
            .headers
            .iter()
            .map(|(key, value)| Header { key: key.clone(), value: value.clone() })
            .collect();
        let key = record.key.as_deref();
        let value = record.value.as_deref();
        let queue = self.queues.entry(partition.clone()).or_default();
        let last = queue.back().copied();
        let mut target = None;
        if let Some(batch) = last.and_then(|last| self.batches.0.get_mut(&last))
            && !batch.closed
            // A batch that was sent already (it waits for a retry) takes no more.
            && batch.attempts == 0
            && batch.base_sequence.is_none()
        {
            let size = batch.builder.next_record_size(timestamp, key, value, &headers);
            if batch.builder.is_empty() || batch.write_limit >= batch.size() + size {
                target = last;
            } else {
                batch.closed = true;
            }
        }
        let (target, new) = match target {
            Some(target) => (target, false),
            None => {
                let memory = self.limits.batch_size.max(size_upper_bound(record));
                let available = self.limits.buffer_memory.saturating_sub(self.used_memory);
                if available < memory {
                    return None;
                }
                let number = BatchId(self.next_batch);
                self.next_batch += 1;
                let options =
                    BatchOptions { compression: self.limits.compression, ..Default::default() };
                self.used_memory += memory;
                self.batches.0.insert(
                    number,
                    ProducerBatch {
                        partition: partition.clone(),
                        thunks: Vec::new(),
                        created_ms: now,
                        attempts: 0,
                        retry_at_ms: i64::MIN,
                        sequence_has_been_reset: false,
                        last_attempt_ms: now,
                        builder: BatchBuilder::new(options),
                        write_limit: memory,
                        reserved: memory,
                        is_split: false,
                        max_record_size: 0,
                        closed: false,
                        base_sequence: None,
                    },
                );
                queue.push_back(number);
                (number, true)
            }
        };
        let batch = self.batches.0.get_mut(&target)?;
        let before = if new { 0 } else { batch.size() };
        batch.max_record_size = batch.max_record_size.max(size_upper_bound(record));
        batch.builder.append(timestamp, key, value, &headers);
        batch.thunks.push(Thunk {
            id,
            timestamp,
            serialized_key_size: serialized_size(record.key.as_ref()),
            serialized_value_size: serialized_size(record.value.as_ref()),
        });
        Some(Appended { bytes: batch.size() - before, enable_switch: batch.is_full() })
    }

    /// Whether a partition has something that may be sent now (`batchReady`); if not, when it may.
    fn ready_at(&self, now: i64, queue: &VecDeque<BatchId>, hurry: bool) -> Option<i64> {
        let first = self.batches.get(*queue.front()?)?;
        if first.attempts > 0 && now < first.retry_at_ms {
            return Some(first.retry_at_ms);
        }
        if hurry || first.attempts > 0 || queue.len() > 1 || first.is_full() {
            return Some(now);
        }
        Some(first.last_attempt_ms.saturating_add(self.limits.linger_ms))
    }

    /// Partitions with something ready, and the next time at which another one will be. `hurry`: a
    /// flush, a close, or memory that others wait for.
    pub(crate) fn ready(&self, now: i64, hurry: bool) -> (Vec<TopicPartition>, Option<i64>) {
        let mut ready = Vec::new();
        let mut next = None;
        for (partition, queue) in &self.queues {
            if self.muted.contains(partition) {
                continue;
            }
            match self.ready_at(now, queue, hurry) {
                Some(at) if at <= now => ready.push(partition.clone()),
                Some(at) => next = Some(next.map_or(at, |other: i64| other.min(at))),
                None => {}
            }
        }
        (ready, next)
    }

    /// `drainBatchesForOneNode`: at most one batch of each partition that the node leads, ready or
    /// not, up to `max_size` bytes, starting behind where the last drain stopped.
    pub(crate) fn drain(
        &mut self,
        now: i64,
        node: i32,
        partitions: &[TopicPartition],
        max_size: usize,
        mut idempotence: Option<&mut TransactionManager>,
    ) -> Vec<BatchId> {
        let mut drained = Vec::new();
        let mut size = 0;
        let start = self.drain_index.get(&node).copied().unwrap_or(0) % partitions.len().max(1);
        for i in 0..partitions.len() {
            let index = (start + i) % partitions.len();
            let Some(partition) = partitions.get(index) else { continue };
            self.drain_index.insert(node, index);
            if self.muted.contains(partition) {
                continue;
            }
            let Some(queue) = self.queues.get_mut(partition) else { continue };
            let Some(first) = queue.front().copied() else { continue };
            let Some(batch) = self.batches.0.get(&first) else { continue };
            if batch.attempts > 0 && now < batch.retry_at_ms {
                continue;
            }
            if size + batch.size() > max_size && !drained.is_empty() {
                break;
            }
            if let Some(idempotence) = idempotence.as_deref_mut() {
                if idempotence.stops_drain(first, &self.batches) {
                    // Java stops the node's drain here; other partitions follow in the next round.
                    break;
                }
                let is_retry = batch.base_sequence.is_some();
                if is_retry && planted(Bug::RetryWithNewSequence) {
                    let partition = batch.partition.clone();
                    idempotence.remove_in_flight(first, &partition);
                }
                if !is_retry || planted(Bug::RetryWithNewSequence) {
                    idempotence.assign_sequence(first, &mut self.batches);
                }
            }
            queue.pop_front();
            if let Some(batch) = self.batches.0.get_mut(&first) {
                batch.closed = true;
                size += batch.size();
            }
            drained.push(first);
        }
        drained
    }

    /// Puts a failed batch back at its place, to be sent again from `retry_at_ms` on.
    pub(crate) fn reenqueue(&mut self, now: i64, id: BatchId, retry_at_ms: i64) {
        let Some(batch) = self.batches.0.get_mut(&id) else { return };
        batch.attempts = batch.attempts.saturating_add(1);
        batch.last_attempt_ms = now;
        batch.retry_at_ms = retry_at_ms;
        let queue = self.queues.entry(batch.partition.clone()).or_default();
        insert_in_sequence_order(queue, &self.batches, id);
    }

    /// Takes a batch that is done away.
    pub(crate) fn remove(&mut self, id: BatchId) -> Option<ProducerBatch> {
        let batch = self.batches.0.remove(&id)?;
        self.used_memory = self.used_memory.saturating_sub(batch.reserved);
        if let Some(queue) = self.queues.get_mut(&batch.partition) {
            queue.retain(|other| *other != id);
        }
        Some(batch)
    }

    /// Batches, waiting or in flight, whose `delivery.timeout.ms` is over.
    pub(crate) fn expired(&self, now: i64) -> Vec<BatchId> {
        let timeout = self.limits.delivery_timeout_ms;
        self.batches
            .0
            .iter()
            .filter(|(_, batch)| batch.created_ms.saturating_add(timeout) <= now)
            .map(|(id, _)| *id)
            .collect()
    }

    /// When the next batch expires.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        let timeout = self.limits.delivery_timeout_ms;
        self.batches.0.values().map(|batch| batch.created_ms.saturating_add(timeout)).min()
    }

    /// Partitions with something queued, by name.
    pub(crate) fn queued_partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.queues.iter().filter(|(_, queue)| !queue.is_empty()).map(|(partition, _)| partition)
    }

    pub(crate) fn mute(&mut self, partition: &TopicPartition) {
        self.muted.insert(partition.clone());
    }

    pub(crate) fn unmute(&mut self, partition: &TopicPartition) {
        self.muted.remove(partition);
    }

    /// Something is waiting or in flight.
    pub(crate) fn has_incomplete(&self) -> bool {
        !self.batches.0.is_empty()
    }

    /// Batches that were never sent, in queues; in a transaction those without a sequence number.
    pub(crate) fn undrained(&self) -> Vec<BatchId> {
        self.batches
            .0
            .iter()
            .filter(|(_, batch)| batch.base_sequence.is_none())
            .map(|(id, _)| *id)
            .collect()
    }

    /// All batches, oldest first.
    pub(crate) fn all(&self) -> Vec<BatchId> {
        self.batches.0.keys().copied().collect()
    }
}
