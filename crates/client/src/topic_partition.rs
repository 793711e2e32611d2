//! `org.apache.kafka.common.TopicPartition` and what is kept per partition.

use core::fmt;

use logbrook_record::{LeaderEpoch, Offset, PartitionIndex};

/// A topic name and a partition number. Ordered by name, then number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: String,
    /// Partition.
    pub partition: PartitionIndex,
}

impl TopicPartition {
    /// From a name and a number.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition: PartitionIndex(partition) }
    }
}

/// `topic-partition`, as Kafka prints it.
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition.0)
    }
}

/// A committed position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    /// The next offset to read.
    pub offset: Offset,
    /// The epoch of the last record consumed, if known.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Free text.
    pub metadata: String,
}

impl OffsetAndMetadata {
    /// A position without epoch or text.
    pub fn new(offset: i64) -> Self {
        Self { offset: Offset(offset), leader_epoch: None, metadata: String::new() }
    }
}
