//! What is going to happen, ordered by time and then by the order in which it was scheduled.

use logbrook_sorted::SortedMap;

use logbrook_broker::ConnectionId;
use logbrook_broker::wire::{RequestFrame, ResponseFrame};
use logbrook_client::process::{Input, StoreReply, StoreRequest};

use crate::process_table::ProcessId;
use crate::trace::EventId;

/// When, and in which order among what happens at the same time.
pub(crate) type Slot = (i64, u64);

/// One thing that is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A process's SYN reaches the broker's host.
    ConnectArrives { connection: ConnectionId },
    /// The answer to it reaches the process: established.
    Connected { connection: ConnectionId },
    /// The answer to it reaches the process: refused.
    ConnectRefused { connection: ConnectionId, cause: EventId },
    /// A request reaches the broker.
    Request { connection: ConnectionId, frame: RequestFrame, sent: EventId },
    /// A response reaches the process.
    Response { connection: ConnectionId, frame: ResponseFrame, sent: EventId },
    /// The broker learns that the process's end is gone.
    BrokerSeesClose { node: i32, connection: ConnectionId, cause: EventId },
    /// The process learns that the broker's end is gone.
    ProcessSeesClose { connection: ConnectionId, cause: EventId },
    /// A request of one node reaches another.
    PeerRequest { connection: ConnectionId, frame: RequestFrame, sent: EventId },
    /// Its response reaches the node that sent it.
    PeerResponse { connection: ConnectionId, frame: ResponseFrame, sent: EventId },
    /// A node learns that the other end of its connection is gone.
    PeerClosed { connection: ConnectionId, cause: EventId },
    /// A broker asked to be woken.
    BrokerTick { node: i32 },
    /// A process asked to be woken.
    Wake { process: ProcessId },
    /// Something from outside for a process: start, standard input, a signal.
    Input { process: ProcessId, input: Input, cause: Option<EventId> },
    /// An operation reaches its store.
    StoreRequest { process: ProcessId, request: StoreRequest, sent: EventId },
    /// A store's answer reaches the process.
    StoreReply { process: ProcessId, reply: StoreReply, sent: EventId },
    /// A paused process goes on.
    Resume { process: ProcessId, cause: EventId },
    /// A slow disk is done with it.
    Delayed { item: Box<Item> },
    /// A paused node goes on.
    ResumeNode { node: i32, cause: EventId },
    /// An application's instance starts again.
    AppStart { app: String, number: u32, cause: EventId },
    /// The supervisor starts an instance that has crashed.
    AppRestart { app: String, number: u32, cause: EventId },
    /// The next instance of a rolling restart has its turn.
    RolloutNext { app: String, cause: EventId },
    /// An instance had its time to end in order.
    GraceOver { process: ProcessId, cause: EventId },
}

impl Item {
    /// What it is, for who asks why time stands still. Not `Debug`: that would bring the `Debug` of
    /// all of Kafka's messages into the page.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::ConnectArrives { connection } => format!("ConnectArrives on {}", connection.0),
            Self::Connected { connection } => format!("Connected on {}", connection.0),
            Self::ConnectRefused { connection, .. } => {
                format!("ConnectRefused on {}", connection.0)
            }
            Self::Request { connection, frame, .. } => {
                format!("Request {:?} on {}", frame.body.api_key(), connection.0)
            }
            Self::Response { connection, frame, .. } => {
                format!("Response {} on {}", frame.correlation_id, connection.0)
            }
            Self::BrokerSeesClose { node, connection, .. } => {
                format!("BrokerSeesClose of {} on node {node}", connection.0)
            }
            Self::ProcessSeesClose { connection, .. } => {
                format!("ProcessSeesClose of {}", connection.0)
            }
            Self::PeerRequest { connection, .. } => format!("PeerRequest on {}", connection.0),
            Self::PeerResponse { connection, .. } => format!("PeerResponse on {}", connection.0),
            Self::PeerClosed { connection, .. } => format!("PeerClosed of {}", connection.0),
            Self::BrokerTick { node } => format!("BrokerTick of node {node}"),
            Self::Wake { process } => format!("Wake of process {}", process.0),
            Self::Input { process, .. } => format!("Input of process {}", process.0),
            Self::StoreRequest { process, .. } => format!("StoreRequest of process {}", process.0),
            Self::StoreReply { process, .. } => format!("StoreReply to process {}", process.0),
            Self::Resume { process, .. } => format!("Resume of process {}", process.0),
            Self::Delayed { item } => item.what(),
            Self::ResumeNode { node, .. } => format!("Resume of node {node}"),
            Self::AppStart { app, number, .. } => format!("AppStart of {app}/{number}"),
            Self::AppRestart { app, number, .. } => format!("AppRestart of {app}/{number}"),
            Self::RolloutNext { app, .. } => format!("RolloutNext of {app}"),
            Self::GraceOver { process, .. } => format!("GraceOver of process {}", process.0),
        }
    }
}

/// The queue. Its order is total, so a run does not depend on how it is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    items: SortedMap<Slot, Item>,
    sequence: u64,
}

impl Queue {
    /// Schedules an item.
    pub(crate) fn push(&mut self, time_us: i64, item: Item) -> Slot {
        self.sequence += 1;
        let slot = (time_us, self.sequence);
        self.items.insert(slot, item);
        slot
    }

    /// Takes an item back.
    pub(crate) fn cancel(&mut self, slot: Slot) {
        self.items.remove(&slot);
    }

    /// The next item, which leaves the queue.
    pub(crate) fn pop(&mut self) -> Option<(i64, Item)> {
        self.items.pop_first().map(|((time_us, _), item)| (time_us, item))
    }

    /// When the next item happens.
    pub(crate) fn next_time_us(&self) -> Option<i64> {
        self.items.first_key_value().map(|((time_us, _), _)| *time_us)
    }
}
