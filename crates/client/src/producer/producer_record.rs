//! A record as the application hands it over (`ProducerRecord`).

use bytes::Bytes;
use logbrook_record::PartitionIndex;

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
