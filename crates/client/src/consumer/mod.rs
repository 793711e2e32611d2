//! The consumer.

pub mod config;

use std::collections::BTreeMap;

use bytes::Bytes;
use logbrook_record::{LeaderEpoch, Offset, PartitionIndex, TimestampType};

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};
pub use config::ConsumerConfig;

/// A record as the application gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerRecord {
    /// Topic name.
    pub topic: String,
    /// Partition.
    pub partition: PartitionIndex,
    /// Offset.
    pub offset: Offset,
    /// Epoch of the leader that wrote it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Whose time that is.
    pub timestamp_type: TimestampType,
    /// Key.
    pub key: Option<Bytes>,
    /// Value.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<(String, Option<Bytes>)>,
}

/// The handle of one [`Consumer::commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u64);

/// The handle of one offsets query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

/// What a consumer asks for or reports.
#[derive(Clone, Debug)]
pub enum ConsumerOutput {
    /// Send this.
    Request(Outgoing),
    /// Close this connection.
    Disconnect {
        /// The broker's address.
        to: Endpoint,
        /// The connection.
        channel: Channel,
    },
    /// [`Consumer::fetch_records`] has something to give.
    RecordsReady,
    /// `onPartitionsAssigned`: what was added.
    Assigned(Vec<TopicPartition>),
    /// `onPartitionsRevoked`.
    Revoked(Vec<TopicPartition>),
    /// `onPartitionsLost`.
    Lost(Vec<TopicPartition>),
    /// A commit ended. `id` is `None` for automatic commits.
    Committed {
        /// Which call.
        id: Option<CommitId>,
        /// What was committed.
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        /// How it ended.
        result: Result<(), KafkaError>,
    },
    /// The answer to an offsets query.
    Offsets {
        /// Which query.
        id: QueryId,
        /// The offsets, or why there are none.
        result: Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>, KafkaError>,
    },
    /// `KafkaConsumer.poll` throws this.
    Error(KafkaError),
    /// A line of the log.
    Log(LogLine),
    /// After [`Consumer::close`]: the group was left, commits are done.
    Closed,
}

/// Which topics to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// These topics.
    Topics(Vec<String>),
    /// Every topic whose whole name matches this regular expression (`--include`).
    Pattern(String),
}

/// Which offset to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset (-2).
    Earliest,
    /// The high watermark, or the last stable offset with `read_committed` (-1).
    Latest,
    /// The first record whose timestamp is at least this.
    Timestamp(i64),
    /// What the group has committed.
    Committed,
}

/// Kafka's classic consumer as a state machine.
///
/// [`Consumer::fetch_records`] is `KafkaConsumer.poll`: when it returns nothing the application is
/// inside that poll, and joining, rebalances and automatic commits happen, until
/// [`ConsumerOutput::RecordsReady`] and the next call. When it returned records, the application is
/// busy with them until it calls again: only heartbeats and prefetching go on, and after
/// `max.poll.interval.ms` the member leaves its group, as in Java.
#[derive(Clone, Debug)]
pub struct Consumer {
    config: ConsumerConfig,
}

impl Consumer {
    /// A consumer; `seed` feeds its backoff jitter.
    pub fn new(config: ConsumerConfig, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// Its configuration.
    pub fn config(&self) -> &ConsumerConfig {
        &self.config
    }

    /// Subscribes with group management. Needs `group.id`.
    pub fn subscribe(&mut self, now: i64, to: Subscription) -> Result<(), KafkaError> {
        let _ = (now, to);
        Ok(())
    }

    /// Takes these partitions, without group management.
    pub fn assign(&mut self, now: i64, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let _ = (now, partitions);
        Ok(())
    }

    /// Assigned partitions, in order.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        Vec::new()
    }

    /// The next record to deliver of this partition is the one at `offset`.
    pub fn seek(&mut self, partition: &TopicPartition, offset: Offset) -> Result<(), KafkaError> {
        let _ = (partition, offset);
        Ok(())
    }

    /// Seeks to the log start offset, looked up at the next poll. Empty: all assigned partitions.
    pub fn seek_to_beginning(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let _ = partitions;
        Ok(())
    }

    /// Seeks to the end offset, looked up at the next poll. Empty: all assigned partitions.
    pub fn seek_to_end(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let _ = partitions;
        Ok(())
    }

    /// `KafkaConsumer.poll`: at most `max` records (and at most `max.poll.records`) of what has arrived.
    pub fn fetch_records(&mut self, now: i64, max: usize) -> Vec<ConsumerRecord> {
        let _ = (now, max);
        Vec::new()
    }

    /// Commits these offsets, or all positions with `None`. `sync` retries retriable errors until
    /// `default.api.timeout.ms`; `async` does not. Ends in [`ConsumerOutput::Committed`].
    pub fn commit(
        &mut self,
        now: i64,
        sync: bool,
        offsets: Option<BTreeMap<TopicPartition, OffsetAndMetadata>>,
    ) -> CommitId {
        let _ = (now, sync, offsets);
        CommitId(0)
    }

    /// The next offset to deliver, once known.
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        let _ = partition;
        None
    }

    /// Stops fetching these partitions until [`Consumer::resume`].
    pub fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let _ = partitions;
        Ok(())
    }

    /// Fetches them again.
    pub fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        let _ = partitions;
        Ok(())
    }

    /// Asks for offsets; ends in [`ConsumerOutput::Offsets`].
    pub fn query_offsets(
        &mut self,
        now: i64,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> QueryId {
        let _ = (now, partitions, spec);
        QueryId(0)
    }

    /// Commits (if automatic), leaves the group, then reports [`ConsumerOutput::Closed`].
    pub fn close(&mut self, now: i64) {
        let _ = now;
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        let _ = (now, event);
    }

    /// What to do now. Call after every other call and at [`Consumer::next_wakeup`].
    pub fn poll(&mut self, now: i64) -> Vec<ConsumerOutput> {
        let _ = now;
        Vec::new()
    }

    /// When to poll again if nothing happens before, ms.
    pub fn next_wakeup(&self) -> Option<i64> {
        None
    }
}
