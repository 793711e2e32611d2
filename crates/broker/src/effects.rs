//! What comes out of a broker: responses, and the events that views, traces and graders read.

use bytes::Bytes;

use crate::ConnectionId;
use crate::peers::{PeerChannel, PeerRequest};
use crate::wire::ResponseFrame;

/// What one call into the broker brought about, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Responses to send, each on the connection its request came on. A response may belong to a
    /// request of an earlier call (purgatory).
    pub responses: Vec<(ConnectionId, ResponseFrame)>,
    /// For fetch responses whose records are in several pieces, after [`crate::Broker::scatter_records`]:
    /// the response's index in `responses`, and for each of its partitions the pieces that follow
    /// the one in it.
    pub scattered: Vec<(usize, Vec<Vec<Bytes>>)>,
    /// Connections that the broker closes: an error where no response can carry it (acks=0, an API
    /// version that is not served). Requests on them are not looked at any more.
    pub disconnects: Vec<ConnectionId>,
    /// Requests of the broker's own to other nodes. The answers come back through
    /// [`crate::Broker::handle_response`].
    pub requests: Vec<PeerRequest>,
    /// Connections of the broker's own that it gives up, with the requests on their way over them.
    pub peer_disconnects: Vec<(i32, PeerChannel)>,
    /// What happened inside.
    pub events: Vec<BrokerEvent>,
}

/// The request that an event follows from: connection and correlation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cause {
    /// The connection that the request came on.
    pub connection: ConnectionId,
    /// The request's correlation id.
    pub correlation_id: i32,
}

/// Something that happened inside the broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerEvent {
    /// The request behind it; `None` where time passing was the reason (retention, timeouts).
    pub cause: Option<Cause>,
    /// What happened.
    pub kind: BrokerEventKind,
}

/// The kinds of [`BrokerEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the fields are Kafka's own words
pub enum BrokerEventKind {
    /// A topic came into the metadata.
    TopicCreated { topic: String, partitions: i32 },
    /// A topic left the metadata, and its records with it.
    TopicDeleted { topic: String },
    /// Partitions were added to a topic.
    PartitionsCreated { topic: String, count: i32 },
    /// A topic's own configuration changed.
    TopicConfigChanged { topic: String },
    /// A batch (or several of one request) was appended by the leader.
    Appended {
        topic: String,
        partition: i32,
        first: i64,
        last: i64,
        bytes: usize,
        producer_id: i64,
        producer_epoch: i16,
        base_sequence: i32,
        /// A batch that the log already had: nothing was written again.
        duplicate: bool,
    },
    /// The high watermark moved: records below it can be read by consumers.
    HighWatermark { topic: String, partition: i32, high_watermark: i64 },
    /// A follower appended what its leader sent.
    Replicated { topic: String, partition: i32, first: i64, last: i64, bytes: usize, leader: i32 },
    /// A follower cut its log back to where its leader's history is the same.
    Truncated { topic: String, partition: i32, to: i64 },
    /// This broker leads a partition from now on, in this term.
    BecameLeader { topic: String, partition: i32, leader_epoch: i32, start_offset: i64 },
    /// This broker follows a partition's leader (-1: nobody leads) from now on, in this term.
    BecameFollower { topic: String, partition: i32, leader_epoch: i32, leader: i32 },
    /// A leader asks the controller to change the replicas in sync.
    IsrChangeAsked { topic: String, partition: i32, isr: Vec<i32> },
    /// The controller has decided who leads a partition (-1: nobody), in which term, with whom in sync.
    LeaderElected {
        topic: String,
        partition: i32,
        leader: i32,
        leader_epoch: i32,
        isr: Vec<i32>,
        /// The leader was neither in sync nor eligible (KIP-966): what it lacks is lost.
        unclean: bool,
    },
    /// The controller has decided who is in sync; the leader stays.
    IsrChanged { topic: String, partition: i32, isr: Vec<i32> },
    /// The controller has not heard of a broker for `broker.session.timeout.ms`, or was told to let it go: it
    /// leads nothing. How many partitions another broker leads for it, and how many nobody.
    BrokerFenced { broker: i32, elections: usize, offline: usize },
    /// A broker may lead again.
    BrokerUnfenced { broker: i32 },
    /// A broker has asked to stop in order, and what it led is given away.
    BrokerShutsDown { broker: i32, elections: usize },
    /// Another node did not answer in time; the connection to it is given up.
    PeerTimedOut { node: i32 },
    /// A fetch found too little and waits in the purgatory (`fetch.min.bytes`, `fetch.max.wait.ms`).
    FetchParked { deadline_ms: i64 },
    /// A fetch was answered.
    FetchAnswered { bytes: usize, waited_ms: i64 },
    /// A new segment became the active one.
    SegmentRolled { topic: String, partition: i32, base_offset: i64 },
    /// Retention deleted segments.
    SegmentsDeleted { topic: String, partition: i32, segments: usize, log_start_offset: i64 },
    /// Compaction wrote a log anew up to this offset, and how many records of that part there were and are.
    LogCleaned {
        topic: String,
        partition: i32,
        end_offset: i64,
        records_before: usize,
        records_after: usize,
    },
    /// The log start offset moved because a client asked (DeleteRecords).
    RecordsDeleted { topic: String, partition: i32, log_start_offset: i64 },
    /// A block of producer ids was given out to this broker: up to this one, not with it.
    ProducerIdsAllocated { next_producer_id: i64 },
    /// A group went from one state to another (Kafka's names of the states).
    GroupState { group: String, from: String, to: String, generation: i32, members: usize },
    /// A member came into a group.
    MemberJoined { group: String, member_id: String, client_id: String },
    /// A member left a group by itself.
    MemberLeft { group: String, member_id: String },
    /// A member was removed: its session or rebalance timeout passed.
    MemberExpired { group: String, member_id: String },
    /// A transactional id went from one state to another (Kafka's names of the states; from empty
    /// where it is new).
    TransactionState {
        transactional_id: String,
        from: String,
        to: String,
        producer_id: i64,
        producer_epoch: i16,
    },
    /// A group's offset was committed.
    OffsetCommitted {
        group: String,
        topic: String,
        partition: i32,
        offset: i64,
        /// Empty outside group management, and in a transaction.
        member_id: String,
        /// The generation or member epoch that the member named; -1 for none.
        generation: i32,
    },
}
