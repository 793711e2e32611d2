//! The producer.

pub mod config;

use bytes::Bytes;
use logbrook_record::{Offset, PartitionIndex};

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
pub use config::ProducerConfig;

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

/// Kafka's producer as a state machine.
#[derive(Clone, Debug)]
pub struct Producer {
    config: ProducerConfig,
}

impl Producer {
    /// A producer; `seed` feeds its backoff jitter and its sticky partitioner.
    pub fn new(config: ProducerConfig, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// Its configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Hands a record over; it ends in a [`ProducerOutput::Completed`]. Never blocks: where Java's
    /// `send` blocks for metadata or memory, the record waits inside, at most `max.block.ms`.
    pub fn send(&mut self, now: i64, record: ProducerRecord) -> SendId {
        let _ = (now, record);
        SendId(0)
    }

    /// Makes everything sent so far ready to go, whatever `linger.ms` says. Done when [`Producer::is_idle`].
    pub fn flush(&mut self, now: i64) {
        let _ = now;
    }

    /// Nothing is waiting or in flight.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// Flushes, then reports [`ProducerOutput::Closed`].
    pub fn close(&mut self, now: i64) {
        let _ = now;
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        let _ = (now, event);
    }

    /// What to do now. Call after every other call and at [`Producer::next_wakeup`].
    pub fn poll(&mut self, now: i64) -> Vec<ProducerOutput> {
        let _ = now;
        Vec::new()
    }

    /// When to poll again if nothing happens before, ms.
    pub fn next_wakeup(&self) -> Option<i64> {
        None
    }
}
