//! What a consumer asks for or reports, and the handles by which it names calls.

use logbrook_sorted::SortedMap;

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::net::{Channel, Endpoint, Outgoing};
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

/// The handle of one [`Consumer::commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u64);

/// The handle of one offsets query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub u64);

/// What a consumer asks for or reports.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never stored in bulk")]
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
        offsets: SortedMap<TopicPartition, OffsetAndMetadata>,
        /// How it ended.
        result: Result<(), KafkaError>,
    },
    /// The answer to an offsets query.
    Offsets {
        /// Which query.
        id: QueryId,
        /// The offsets, or why there are none.
        result: Result<SortedMap<TopicPartition, Option<OffsetAndMetadata>>, KafkaError>,
    },
    /// `KafkaConsumer.poll` throws this.
    Error(KafkaError),
    /// A line of the log.
    Log(LogLine),
    /// After [`Consumer::close`]: the group was left, commits are done.
    Closed,
}
