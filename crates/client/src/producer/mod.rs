//! The producer: `KafkaProducer`, its accumulator and its sender.
//!
//! ```text
//!   send --> waiting (metadata, memory) --> partitioner --> accumulator --> sender --> Produce
//!                                                              ^                |
//!                                                              +--- retries ----+--> Completed
//! ```

mod accumulator;
pub mod config;
pub mod partitioner;
mod sender;
mod transaction_manager;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use logbrook_broker::ErrorCode;
use logbrook_record::{Offset, PartitionIndex};

use crate::backoff::generator;

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::metadata::Metadata;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
use crate::network_client::{NetOutput, NetworkClient};
use crate::topic_partition::TopicPartition;
use accumulator::{BatchId, Limits, RecordAccumulator, size_upper_bound};
pub use config::{Acks, ProducerConfig};
use partitioner::Partitioner;
use transaction_manager::TransactionManager;

/// The handle of one [`Producer::send`]. Numbers count up from 0 in the order of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

/// What an application gives to [`Producer::send`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerRecord {
    /// Topic name.
    pub topic: String,
    /// Partition, or the partitioner's choice.
    pub partition: Option<PartitionIndex>,
    /// Milliseconds since the epoch, or the time of the send.
    pub timestamp: Option<i64>,
    /// Key.
    pub key: Option<Bytes>,
    /// Value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// Where a record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// Topic name.
    pub topic: String,
    /// Partition.
    pub partition: PartitionIndex,
    /// Offset; -1 with `acks=0`.
    pub offset: Offset,
    /// The record's timestamp (the broker's with `LogAppendTime`).
    pub timestamp: i64,
    /// Size of the serialised key, -1 for null.
    pub serialized_key_size: i32,
    /// Size of the serialised value, -1 for null.
    pub serialized_value_size: i32,
}

/// What a producer asks for or reports.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never stored in bulk")]
#[derive(Clone, Debug)]
pub enum ProducerOutput {
    /// Send this.
    Request(Outgoing),
    /// Close this connection.
    Disconnect {
        /// The broker's address.
        to: Endpoint,
        /// The connection.
        channel: Channel,
    },
    /// A send ended (Java: its callback runs).
    Completed {
        /// Which.
        id: SendId,
        /// Where it was written, or why it was not.
        result: Result<RecordMetadata, KafkaError>,
    },
    /// A line of the log.
    Log(LogLine),
    /// After [`Producer::close`]: everything has ended.
    Closed,
}

/// A record that waits for its topic's metadata or for memory, where Java's `send` would block.
#[derive(Clone, Debug)]
struct Waiting {
    id: SendId,
    record: ProducerRecord,
    /// Since when it is the first: `max.block.ms` counts from there, as one thread sends one record
    /// after the other.
    since_ms: Option<i64>,
}

/// Kafka's producer as a state machine.
#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
    client: NetworkClient,
    accumulator: RecordAccumulator,
    partitioner: Partitioner,
    idempotence: Option<TransactionManager>,
    waiting: VecDeque<Waiting>,
    next_send: u64,
    incomplete: BTreeSet<SendId>,
    /// A flush waits for every send up to here.
    flush_up_to: Option<SendId>,
    closing: bool,
    closed: bool,
    /// What each request in flight carries, by token.
    in_flight: BTreeMap<u64, InFlightProduce>,
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
        let log_prefix = format!("[Producer clientId={}] ", config.common.client_id);
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
            idempotence: config.enable_idempotence.then(TransactionManager::new),
            waiting: VecDeque::new(),
            next_send: 0,
            incomplete: BTreeSet::new(),
            flush_up_to: None,
            closing: false,
            closed: false,
            in_flight: BTreeMap::new(),
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
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn complete(&mut self, id: SendId, result: Result<RecordMetadata, KafkaError>) {
        self.incomplete.remove(&id);
        self.outputs.push_back(ProducerOutput::Completed { id, result });
    }

    fn hurry(&self) -> bool {
        let flushing = match (self.flush_up_to, self.incomplete.first()) {
            (Some(up_to), Some(first)) => *first <= up_to,
            (Some(_) | None, Some(_) | None) => false,
        };
        flushing || self.closing || !self.waiting.is_empty() && self.accumulator_exhausted()
    }

    fn accumulator_exhausted(&self) -> bool {
        self.waiting.front().is_some_and(|first| {
            self.client.metadata.topics.contains_key(&first.record.topic)
                && self.accumulator.available_memory()
                    < self.accumulator.batch_memory(&first.record)
        })
    }

    /// `doSend` for the records that wait, in order, as far as it goes.
    fn place_waiting(&mut self, now: i64) {
        while let Some(mut first) = self.waiting.pop_front() {
            let since = *first.since_ms.get_or_insert(now);
            let late = now >= since.saturating_add(self.config.max_block_ms);
            match self.place(now, &first) {
                Placed::Appended => {}
                Placed::Failed(error) => self.complete(first.id, Err(error)),
                Placed::Blocked(error) if late => self.complete(first.id, Err(error)),
                Placed::Blocked(_) => {
                    self.waiting.push_front(first);
                    return;
                }
            }
        }
    }

    fn place(&mut self, now: i64, waiting: &Waiting) -> Placed {
        if let Some(error) = &self.fatal {
            return Placed::Failed(error.clone());
        }
        let record = &waiting.record;
        if let Some(error) = invalid_topic(&record.topic) {
            return Placed::Failed(error);
        }
        let metadata = &mut self.client.metadata;
        metadata.add_topic(&record.topic);
        let wait = self.config.max_block_ms;
        let Some(topic) = metadata.topics.get(&record.topic) else {
            return match metadata.topic_errors.get(&record.topic) {
                Some(ErrorCode::InvalidTopicException) => Placed::Failed(KafkaError::with_message(
                    ErrorCode::InvalidTopicException,
                    format!("Invalid topics: [{}]", record.topic),
                )),
                Some(ErrorCode::TopicAuthorizationFailed) => {
                    Placed::Failed(KafkaError::with_message(
                        ErrorCode::TopicAuthorizationFailed,
                        format!("Not authorized to access topics: [{}]", record.topic),
                    ))
                }
                Some(_) | None => {
                    metadata.request_update(false);
                    Placed::Blocked(KafkaError::timeout(format!(
                        "Topic {} not present in metadata after {wait} ms.",
                        record.topic
                    )))
                }
            };
        };
        if let Some(partition) = record.partition {
            if partition.0 < 0 {
                return Placed::Failed(KafkaError::client(
                    "java.lang.IllegalArgumentException",
                    format!(
                        "Invalid partition: {partition}. Partition number should always be non-negative or null."
                    ),
                ));
            }
            let count = topic.partitions.len();
            if !topic.partitions.contains_key(&partition.0) {
                metadata.request_update(false);
                return Placed::Blocked(KafkaError::timeout(format!(
                    "Partition {partition} of topic {} with partition count {count} is not present in metadata after {wait} ms.",
                    record.topic
                )));
            }
        }
        if topic.partitions.is_empty() {
            metadata.request_update(false);
            return Placed::Blocked(KafkaError::timeout(format!(
                "Topic {} not present in metadata after {wait} ms.",
                record.topic
            )));
        }
        let size = size_upper_bound(record);
        if size > self.config.max_request_size {
            return Placed::Failed(KafkaError::with_message(
                ErrorCode::MessageTooLarge,
                format!(
                    "The message is {size} bytes when serialized which is larger than {}, which is the value of the max.request.size configuration.",
                    self.config.max_request_size
                ),
            ));
        }
        if size > self.config.buffer_memory {
            return Placed::Failed(KafkaError::with_message(
                ErrorCode::MessageTooLarge,
                format!(
                    "The message is {size} bytes when serialized which is larger than the total memory buffer you have configured with the buffer.memory configuration."
                ),
            ));
        }
        let (partition, sticky) = match record.partition {
            Some(partition) => (partition, false),
            None => {
                let choice =
                    self.partitioner.partition(&record.topic, topic, record.key.as_deref());
                (PartitionIndex(choice.partition), choice.sticky)
            }
        };
        let target = TopicPartition { topic: record.topic.clone(), partition };
        match self.accumulator.append(now, &target, waiting.id, record) {
            Some(appended) => {
                if sticky {
                    self.partitioner.appended(
                        &record.topic,
                        topic,
                        appended.bytes,
                        appended.enable_switch,
                    );
                }
                Placed::Appended
            }
            None => {
                let needed = self.accumulator.batch_memory(record);
                let available = self.accumulator.available_memory();
                Placed::Blocked(KafkaError::client(
                    "org.apache.kafka.clients.producer.BufferExhaustedException",
                    format!(
                        "Failed to allocate {needed} bytes within the configured max blocking time {wait} ms. Total memory: {} bytes. Available memory: {available} bytes. Poolable size: {} bytes",
                        self.config.buffer_memory, self.config.batch_size
                    ),
                ))
            }
        }
    }
}

/// What became of a record that waited.
enum Placed {
    Appended,
    Failed(KafkaError),
    /// Later; the error if later is too late.
    Blocked(KafkaError),
}

/// A name that no broker would take is asked for all the same, except the empty one.
fn invalid_topic(topic: &str) -> Option<KafkaError> {
    topic
        .is_empty()
        .then(|| KafkaError::with_message(ErrorCode::InvalidTopicException, "Invalid topics: []"))
}
