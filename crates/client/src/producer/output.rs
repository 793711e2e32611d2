//! What a producer asks for or reports, and the handles by which it names sends.

use logbrook_record::{Offset, PartitionIndex};

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::net::{Channel, Endpoint, Outgoing};
use crate::producer::TransactionCall;

/// The handle of one [`Producer::send`]. Numbers count up from 0 in the order of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

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
    /// What a transactional producer was asked for has ended, or has waited for `max.block.ms`.
    TransactionCompleted {
        /// Which.
        call: TransactionCall,
        /// Whether it was done.
        result: Result<(), KafkaError>,
    },
    /// A line of the log.
    Log(LogLine),
    /// After [`Producer::close`]: everything has ended.
    Closed,
}
