//! One batch from its first record to its end (`ProducerBatch`).

use std::collections::BTreeMap;

use bytes::Bytes;
use logbrook_record::{BatchBuilder, BatchError};

use super::SendId;
use super::transaction_manager::ProducerIdAndEpoch;
use crate::topic_partition::TopicPartition;

/// A batch's own number, in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchId(pub(super) u64);

/// What is left of a record once its bytes are in a batch.
#[derive(Clone, Debug)]
pub(crate) struct Thunk {
    pub(crate) id: SendId,
    pub(crate) timestamp: i64,
    pub(crate) serialized_key_size: i32,
    pub(crate) serialized_value_size: i32,
}

/// One batch, from its first record to its end.
#[derive(Clone, Debug)]
pub(crate) struct ProducerBatch {
    pub(crate) partition: TopicPartition,
    pub(crate) thunks: Vec<Thunk>,
    pub(crate) created_ms: i64,
    /// Sends that failed so far.
    pub(crate) attempts: i32,
    /// Not sent again before.
    pub(crate) retry_at_ms: i64,
    /// A new epoch gave it another sequence while it was in flight.
    pub(crate) sequence_has_been_reset: bool,
    pub(super) last_attempt_ms: i64,
    pub(super) builder: BatchBuilder,
    pub(super) write_limit: usize,
    /// Taken out of `buffer.memory`: nothing for what came from a split.
    pub(super) reserved: usize,
    /// It came from a batch that was too large.
    pub(super) is_split: bool,
    /// The most that one of its records may take, with a batch around it.
    pub(super) max_record_size: usize,
    pub(super) closed: bool,
    pub(super) base_sequence: Option<i32>,
}

impl ProducerBatch {
    pub(crate) fn record_count(&self) -> i32 {
        self.thunks.len() as i32
    }

    pub(crate) fn base_sequence(&self) -> Option<i32> {
        self.base_sequence
    }

    pub(crate) fn set_producer_state(
        &mut self,
        producer: ProducerIdAndEpoch,
        sequence: i32,
        transactional: bool,
    ) {
        self.builder.set_producer_state(producer.id, producer.epoch, sequence, transactional);
        self.base_sequence = Some(sequence);
    }

    pub(crate) fn reset_producer_state(
        &mut self,
        producer: ProducerIdAndEpoch,
        sequence: i32,
        transactional: bool,
    ) {
        self.set_producer_state(producer, sequence, transactional);
        self.sequence_has_been_reset = true;
    }

    /// The bytes as they go into a request.
    pub(crate) fn bytes(&self) -> Result<Bytes, BatchError> {
        self.builder.clone().build()
    }

    pub(super) fn is_full(&self) -> bool {
        self.closed
            || (!self.builder.is_empty() && self.write_limit <= self.builder.size_estimate())
    }

    pub(super) fn size(&self) -> usize {
        self.builder.size_estimate()
    }
}

/// All batches that are not done, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batches(pub(super) BTreeMap<BatchId, ProducerBatch>);

impl Batches {
    pub(crate) fn get(&self, id: BatchId) -> Option<&ProducerBatch> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: BatchId) -> Option<&mut ProducerBatch> {
        self.0.get_mut(&id)
    }
}
