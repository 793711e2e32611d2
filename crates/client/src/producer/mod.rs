//! The producer: `KafkaProducer`, its accumulator and its sender.
//!
//! ```text
//!   send --> waiting (metadata, memory) --> partitioner --> accumulator --> sender --> Produce
//!                                                              ^                |
//!                                                              +--- retries ----+--> Completed
//! ```

mod accumulator;
pub mod config;
mod do_send;
mod output;
pub mod partitioner;
mod producer_batch;
mod producer_record;
mod sender;
mod transaction_manager;
mod transactions;

use logbrook_sorted::SortedMap;
use std::collections::{BTreeSet, VecDeque};

use crate::backoff::generator;
use crate::error::KafkaError;
use crate::metadata::Metadata;
use crate::net::NetEvent;
use crate::network_client::{NetOutput, NetworkClient};
use accumulator::{Limits, RecordAccumulator};
pub use config::{Acks, ProducerConfig};
use do_send::Waiting;
pub use output::{ProducerOutput, RecordMetadata, SendId};
use partitioner::Partitioner;
use producer_batch::BatchId;
pub use producer_record::ProducerRecord;
use transaction_manager::TransactionManager;
use transactions::Transactions;
pub use transactions::{ConsumerGroupMetadata, TransactionCall};

/// Kafka's producer as a state machine.
#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
    client: NetworkClient,
    accumulator: RecordAccumulator,
    partitioner: Partitioner,
    idempotence: Option<TransactionManager>,
    /// With a `transactional.id`.
    transactions: Option<Transactions>,
    waiting: VecDeque<Waiting>,
    next_send: u64,
    /// A buffer full of small records is a few hundred thousand of them.
    incomplete: BTreeSet<SendId>,
    /// A flush waits for every send up to here.
    flush_up_to: Option<SendId>,
    closing: bool,
    closed: bool,
    /// What each request in flight carries, by token.
    in_flight: SortedMap<u64, InFlightProduce>,
    next_token: u64,
    init_producer_id: sender::InitProducerId,
    /// The sender cannot go on: every send fails with this.
    fatal: Option<KafkaError>,
    outputs: VecDeque<ProducerOutput>,
    last_poll_ms: i64,
    next_ready_ms: Option<i64>,
}

#[derive(Clone, Debug)]
struct InFlightProduce {
    node: i32,
    batches: Vec<BatchId>,
}

impl Producer {
    /// A producer; `seed` feeds its backoff jitter and its sticky partitioner.
    pub fn new(config: ProducerConfig, seed: u64) -> Self {
        let limits = Limits {
            batch_size: config.batch_size,
            linger_ms: config.linger_ms,
            buffer_memory: config.buffer_memory,
            compression: config.compression,
            delivery_timeout_ms: config.delivery_timeout_ms,
        };
        let log_prefix = match &config.transactional_id {
            Some(id) => {
                format!("[Producer clientId={}, transactionalId={id}] ", config.common.client_id)
            }
            None => format!("[Producer clientId={}] ", config.common.client_id),
        };
        Self {
            client: NetworkClient::new(
                config.common.clone(),
                Metadata::new(config.common.metadata_max_age_ms, true),
                log_prefix,
                config.max_in_flight,
                seed,
            ),
            accumulator: RecordAccumulator::new(limits),
            partitioner: Partitioner::new(
                config.partitioner,
                config.partitioner_ignore_keys,
                config.batch_size,
                generator(seed, 2),
            ),
            idempotence: config
                .enable_idempotence
                .then(|| TransactionManager::new(config.transactional_id.is_some())),
            transactions: config
                .transactional_id
                .clone()
                .map(|id| Transactions::new(id, config.transaction_timeout_ms)),
            waiting: VecDeque::new(),
            next_send: 0,
            incomplete: BTreeSet::new(),
            flush_up_to: None,
            closing: false,
            closed: false,
            in_flight: SortedMap::new(),
            next_token: 0,
            init_producer_id: sender::InitProducerId::default(),
            fatal: None,
            outputs: config.warnings.iter().cloned().map(ProducerOutput::Log).collect(),
            last_poll_ms: i64::MIN,
            next_ready_ms: None,
            config,
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Gives this client a number of its own where a process runs several: it is in the
    /// [`Channel`]s of all its requests. Call before the first poll.
    pub fn set_client_number(&mut self, number: u16) {
        self.client.client_number = number;
    }

    /// Hands a record over; it ends in a [`ProducerOutput::Completed`]. Never blocks: where Java's
    /// `send` blocks for metadata or memory, the record waits inside, at most `max.block.ms`.
    pub fn send(&mut self, now: i64, record: ProducerRecord) -> SendId {
        let id = SendId(self.next_send);
        self.next_send += 1;
        if self.closing {
            let error = KafkaError::client(
                "java.lang.IllegalStateException",
                "Cannot perform operation after producer has been closed",
            );
            self.outputs.push_back(ProducerOutput::Completed { id, result: Err(error) });
            return id;
        }
        self.incomplete.insert(id);
        self.waiting.push_back(Waiting { id, record, since_ms: None });
        self.place_waiting(now);
        id
    }

    /// Makes everything sent so far ready to go, whatever `linger.ms` says. Done when [`Producer::is_idle`].
    pub fn flush(&mut self, _now: i64) {
        self.flush_up_to = self.incomplete.last().copied();
    }

    /// Nothing is waiting or in flight.
    pub fn is_idle(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Sends handed over and not yet completed.
    pub fn pending(&self) -> usize {
        self.incomplete.len()
    }

    /// How many partitions the topic has, once metadata say so.
    pub fn partition_count(&self, topic: &str) -> Option<usize> {
        self.client.metadata.partition_count(topic)
    }

    /// Flushes, then reports [`ProducerOutput::Closed`].
    pub fn close(&mut self, now: i64) {
        self.closing = true;
        self.flush(now);
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        self.client.handle(now, event);
    }

    /// What to do now. Call after every other call and at [`Producer::next_wakeup`], until it gives nothing.
    pub fn poll(&mut self, now: i64) -> Vec<ProducerOutput> {
        self.last_poll_ms = now;
        if !self.closed {
            self.place_waiting(now);
            self.run_sender(now);
            self.tell_transactions(now);
        }
        while let Some(output) = self.client.take_output() {
            self.outputs.push_back(match output {
                NetOutput::Request(outgoing) => ProducerOutput::Request(outgoing),
                NetOutput::Disconnect { to, channel } => ProducerOutput::Disconnect { to, channel },
                NetOutput::Log(line) => ProducerOutput::Log(line),
            });
        }
        if self.closing && !self.closed && self.incomplete.is_empty() {
            self.closed = true;
            self.outputs.push_back(ProducerOutput::Closed);
        }
        self.outputs.drain(..).collect()
    }

    /// When to poll again if nothing happens before, ms.
    pub fn next_wakeup(&self) -> Option<i64> {
        if self.closed {
            return None;
        }
        let blocked = self
            .waiting
            .front()
            .and_then(|first| first.since_ms)
            .map(|since| since.saturating_add(self.config.max_block_ms));
        [
            self.client.next_wakeup(self.last_poll_ms),
            self.accumulator.next_expiry(),
            self.next_ready_ms,
            self.init_producer_id.retry_at_ms.filter(|at| *at > self.last_poll_ms),
            blocked,
            self.next_transaction_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn complete(&mut self, id: SendId, result: Result<RecordMetadata, KafkaError>) {
        // A record that was refused after it came into a batch has ended already.
        if self.incomplete.remove(&id) {
            self.outputs.push_back(ProducerOutput::Completed { id, result });
        }
    }

    fn hurry(&self) -> bool {
        let flushing = match (self.flush_up_to, self.incomplete.first()) {
            (Some(up_to), Some(first)) => *first <= up_to,
            (Some(_) | None, Some(_) | None) => false,
        };
        flushing || self.closing || !self.waiting.is_empty() && self.accumulator_exhausted()
    }
}
