//! A record as the application gets it (`ConsumerRecord`).

use bytes::Bytes;
use logbrook_record::{LeaderEpoch, Offset, PartitionIndex, TimestampType};

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
