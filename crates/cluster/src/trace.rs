//! Everything that happened, each event with the event that caused it.

use core::fmt;

use logbrook_broker::{BrokerEventKind, ConnectionId};
use logbrook_client::process::{AppEvent, StoreAnswer, StoreError, StoreOp};

use crate::process_table::ProcessId;
use crate::shared_vec::SharedVec;
use crate::trace_hash::TraceHash;

/// An event's number: its position in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Who or what an event happened to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// Who acts on the cluster from outside: the learner, a level's timeline.
    Operator,
    /// A broker by its node id.
    Broker(i32),
    /// A process.
    Process(ProcessId),
    /// An outside store by its name.
    Store(String),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TraceKind {
    /// An action of the operator began: one line of the action language.
    Action {
        /// The line.
        line: String,
    },
    /// A process started.
    ProcessStarted {
        /// Its name.
        name: String,
    },
    /// A process got a line on its standard input.
    Stdin {
        /// The line; `None` for its end.
        line: Option<String>,
    },
    /// A signal was sent to a process.
    Signal {
        /// Which.
        signal: logbrook_client::process::Signal,
    },
    /// A process wrote to its standard output.
    Stdout {
        /// What.
        text: String,
    },
    /// A process wrote to its standard error.
    Stderr {
        /// What.
        text: String,
    },
    /// A process ended.
    Exit {
        /// With this code.
        code: i32,
    },
    /// A process's connection to a broker was established.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The broker.
        node: i32,
    },
    /// A connection could not be established.
    ConnectFailed {
        /// The connection that was asked for.
        connection: ConnectionId,
        /// `host:port`.
        to: String,
    },
    /// A connection ended, seen by the actor.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
    /// A process sent a request.
    RequestSent {
        /// Over this connection.
        connection: ConnectionId,
        /// To this broker; `None` where the address names none.
        node: Option<i32>,
        /// Kafka's name of the request.
        request: &'static str,
        /// Its version.
        api_version: i16,
        /// Its correlation id.
        correlation_id: i32,
    },
    /// A broker took a request.
    RequestHandled {
        /// Over this connection.
        connection: ConnectionId,
        /// From this process.
        process: ProcessId,
        /// Kafka's name of the request.
        request: &'static str,
        /// Its correlation id.
        correlation_id: i32,
    },
    /// Something happened inside a broker.
    Broker(BrokerEventKind),
    /// A broker sent a response.
    ResponseSent {
        /// Over this connection.
        connection: ConnectionId,
        /// To this process.
        process: ProcessId,
        /// Kafka's name of the request.
        request: &'static str,
        /// The request's correlation id.
        correlation_id: i32,
    },
    /// A process received a response.
    ResponseReceived {
        /// Over this connection.
        connection: ConnectionId,
        /// From this broker.
        node: i32,
        /// Kafka's name of the request.
        request: &'static str,
        /// The request's correlation id.
        correlation_id: i32,
    },
    /// A node sent a request to another.
    PeerRequestSent {
        /// Over this connection.
        connection: ConnectionId,
        /// To this node.
        to: i32,
        /// Kafka's name of the request.
        request: &'static str,
        /// Its correlation id.
        correlation_id: i32,
    },
    /// A node took another's request.
    PeerRequestHandled {
        /// Over this connection.
        connection: ConnectionId,
        /// From this node.
        from: i32,
        /// Kafka's name of the request.
        request: &'static str,
        /// Its correlation id.
        correlation_id: i32,
    },
    /// A node answered another's request.
    PeerResponseSent {
        /// Over this connection.
        connection: ConnectionId,
        /// To this node.
        to: i32,
        /// Kafka's name of the request.
        request: &'static str,
        /// The request's correlation id.
        correlation_id: i32,
    },
    /// A node received the answer of another.
    PeerResponseReceived {
        /// Over this connection.
        connection: ConnectionId,
        /// From this node.
        from: i32,
        /// Kafka's name of the request.
        request: &'static str,
        /// The request's correlation id.
        correlation_id: i32,
    },
    /// A node's connection to another ended, or could not be opened.
    PeerDisconnected {
        /// The connection.
        connection: ConnectionId,
        /// The node at its other end.
        node: i32,
    },
    /// Something happened inside an application.
    App(AppEvent),
    /// A process asked a store for something.
    StoreAsked {
        /// The store.
        store: String,
        /// What.
        op: StoreOp,
    },
    /// A store carried out an operation, or refused.
    StoreApplied {
        /// For this process.
        process: ProcessId,
        /// The operation.
        op: StoreOp,
        /// What came of it.
        result: Result<StoreAnswer, StoreError>,
    },
    /// A process heard from a store.
    StoreAnswered {
        /// The store.
        store: String,
        /// Whether it did what it was asked.
        ok: bool,
    },
    /// A fault began or ended: a node killed or started, a process paused, a store down.
    Fault {
        /// In words.
        what: String,
    },
    /// Something that no other kind says, such as a step of a rolling restart.
    Note {
        /// In words.
        text: String,
    },
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceEvent {
    /// Its number.
    pub id: EventId,
    /// When, in µs of virtual time.
    pub time_us: i64,
    /// Who or what it happened to.
    pub actor: Actor,
    /// What happened.
    pub kind: TraceKind,
    /// The event that caused it; `None` at a root.
    pub cause: Option<EventId>,
}

/// The events of a run, in order. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: SharedVec<TraceEvent>,
    hash: TraceHash,
}

impl Trace {
    pub(crate) fn push(
        &mut self,
        time_us: i64,
        actor: Actor,
        kind: TraceKind,
        cause: Option<EventId>,
    ) -> EventId {
        let id = EventId(self.events.len() as u64);
        let event = TraceEvent { id, time_us, actor, kind, cause };
        self.hash.add(&event);
        self.events.push(event);
        id
    }

    /// Takes back the last event, if it is this one: `hash` is the digest before it.
    pub(crate) fn take_back(&mut self, event: EventId, hash: TraceHash) {
        if self.events.last().is_some_and(|last| last.id == event) {
            self.events.pop();
            self.hash = hash;
        }
    }

    /// The digest as it goes on.
    pub(crate) fn rolling_hash(&self) -> TraceHash {
        self.hash
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// One event.
    pub fn get(&self, id: EventId) -> Option<&TraceEvent> {
        self.events.get(usize::try_from(id.0).ok()?)
    }

    /// The events from a position on: what a view that has seen `index` events has not seen.
    pub fn iter_from(&self, index: usize) -> impl DoubleEndedIterator<Item = &TraceEvent> {
        self.events.iter_from(index)
    }

    /// All events.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TraceEvent> {
        self.events.iter()
    }

    /// How many events both begin with. Fast where one is a clone of the other that went on.
    pub fn first_difference(&self, other: &Trace) -> usize {
        self.events.first_difference(&other.events)
    }

    /// The event, its cause, the cause of that, back to the root.
    pub fn chain(&self, event: EventId) -> Vec<EventId> {
        core::iter::successors(Some(event), |id| self.get(*id)?.cause).collect()
    }

    /// A digest of everything that happened so far, in order ([`TraceHash`]).
    pub fn hash(&self) -> u64 {
        self.hash.value()
    }
}
