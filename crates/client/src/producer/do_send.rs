//! From `send` to a batch: where Java's `send` blocks for metadata or memory, the record waits here
//! (`KafkaProducer.doSend`, `waitOnMetadata`, `BufferPool`).

use logbrook_broker::ErrorCode;
use logbrook_record::PartitionIndex;

use super::accumulator::size_upper_bound;
use super::{Producer, ProducerRecord, SendId};
use crate::error::KafkaError;
use crate::topic_partition::TopicPartition;

/// A record that waits for its topic's metadata or for memory, where Java's `send` would block.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: SendId,
    pub(super) record: ProducerRecord,
    /// Since when it is the first: `max.block.ms` counts from there, as one thread sends one record
    /// after the other.
    pub(super) since_ms: Option<i64>,
}

impl Producer {
    /// Is a record not yet where it is sent from? Java's `send` does not return before: it waits for
    /// metadata and memory, at most `max.block.ms`.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn accumulator_exhausted(&self) -> bool {
        self.waiting.front().is_some_and(|first| {
            self.client.metadata.topics.contains_key(&first.record.topic)
                && self.accumulator.available_memory()
                    < self.accumulator.batch_memory(&first.record)
        })
    }

    /// `doSend` for the records that wait, in order, as far as it goes.
    pub(super) fn place_waiting(&mut self, now: i64) {
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
                cause => {
                    let text =
                        format!("Topic {} not present in metadata after {wait} ms.", record.topic);
                    let timeout = KafkaError::timeout(text).caused_by(cause.copied());
                    metadata.request_update(false);
                    Placed::Blocked(timeout)
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
        let needed = self.accumulator.batch_memory(record);
        if needed > self.config.buffer_memory {
            // `BufferPool.allocate`: with a batch.size over buffer.memory.
            return Placed::Failed(KafkaError::client(
                "java.lang.IllegalArgumentException",
                format!(
                    "Attempt to allocate {needed} bytes, but there is a hard limit of {} on memory allocations.",
                    self.config.buffer_memory
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
                // After the append, as in Java: a record that is refused here stays in its batch.
                match self.maybe_add_partition(&target) {
                    Ok(()) => Placed::Appended,
                    Err(error) => Placed::Failed(error),
                }
            }
            None => {
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
