//! The seam between a program and the machine that it runs on.
//!
//! A [`Process`] is an application, a command line tool, anything with a client inside. It gets one
//! [`Input`] at a time and answers by calling [`Io`]; the cluster (or a native loop) carries out what
//! it asked for. No process reads a clock or draws randomness of its own.

use core::any::Any;
use std::collections::VecDeque;

use logbrook_record::{Offset, PartitionIndex};

use crate::net::{Channel, Endpoint, NetEvent, Outgoing};

/// A program. `Clone` by [`Process::clone_box`], because forking a run copies its programs.
pub trait Process {
    /// Takes one input. Everything it wants done, it says through `io`.
    fn handle(&mut self, input: Input, io: &mut Io);

    /// A copy in the same state.
    fn clone_box(&self) -> Box<dyn Process>;

    /// For a view or a test that knows the concrete type.
    fn as_any(&self) -> &dyn Any;

    /// What a stage shows of it. Empty for a process without a consumer.
    fn view(&self) -> ProcessView {
        ProcessView::default()
    }
}

/// What a stage shows of a process: its place in a group, and how far it has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessView {
    /// The group, where it has one.
    pub group: Option<String>,
    /// The member id that the coordinator gave; empty before.
    pub member_id: String,
    /// Assigned partitions, sorted, with the next offset to deliver where it is known.
    pub positions: Vec<(String, PartitionIndex, Option<Offset>)>,
}

impl Clone for Box<dyn Process> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// What happens to a process.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input, once.
    Start,
    /// From the network.
    Net(NetEvent),
    /// A time asked for with [`Io::wake_at`] has come. May come early or twice: check the clock.
    Wake,
    /// One line of standard input, without its newline.
    Stdin(String),
    /// End of standard input (Ctrl-D).
    StdinClosed,
    /// A signal. After `Kill` the process hears nothing more and should not expect this input.
    Signal(Signal),
    /// The answer of an outside store.
    Store(StoreReply),
}

/// Unix signals that a learner can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// `kill`: an orderly end.
    Term,
    /// `kill -9`: the process is gone; it is never delivered.
    Kill,
}

/// What a process asks for while it handles one input, in order.
#[derive(Clone, Debug)]
pub enum IoAction {
    /// Send a request; opens the connection if there is none.
    Send(Outgoing),
    /// Close a connection of this process (a client does so when a request timed out).
    Disconnect {
        /// The broker's address.
        to: Endpoint,
        /// The connection.
        channel: Channel,
    },
    /// Text on standard output, newlines included.
    Stdout(String),
    /// Text on standard error, newlines included.
    Stderr(String),
    /// An operation on an outside store; the answer comes as [`Input::Store`].
    Store(StoreRequest),
    /// Something that a grader or a view wants to know.
    Event(AppEvent),
    /// The process ends with this code. What follows it is ignored.
    Exit(i32),
}

/// The process's side of the machine during one [`Process::handle`].
#[derive(Clone, Debug)]
pub struct Io {
    /// Wall clock time, ms since the Unix epoch.
    pub now: i64,
    actions: VecDeque<IoAction>,
    wake_at: Option<i64>,
}

impl Io {
    /// An empty `Io` at a time.
    pub fn new(now: i64) -> Self {
        Self { now, actions: VecDeque::new(), wake_at: None }
    }

    /// Sends a request.
    pub fn send(&mut self, outgoing: Outgoing) {
        self.actions.push_back(IoAction::Send(outgoing));
    }

    /// Closes a connection.
    pub fn disconnect(&mut self, to: Endpoint, channel: Channel) {
        self.actions.push_back(IoAction::Disconnect { to, channel });
    }

    /// Writes to standard output; the caller writes the newline.
    pub fn stdout(&mut self, text: &str) {
        self.actions.push_back(IoAction::Stdout(text.to_owned()));
    }

    /// Writes to standard error; the caller writes the newline.
    pub fn stderr(&mut self, text: &str) {
        self.actions.push_back(IoAction::Stderr(text.to_owned()));
    }

    /// Ends the process.
    pub fn exit(&mut self, code: i32) {
        self.actions.push_back(IoAction::Exit(code));
    }

    /// Asks for an [`Input::Wake`] at `at` (ms). The earliest time asked for during one input counts;
    /// it replaces whatever an earlier input asked for, so ask again after every input.
    pub fn wake_at(&mut self, at: i64) {
        self.wake_at = Some(self.wake_at.map_or(at, |t| t.min(at)));
    }

    /// Starts an operation on the store `store`. `token` comes back with the answer.
    pub fn store(&mut self, store: &str, token: u64, op: StoreOp) {
        self.actions.push_back(IoAction::Store(StoreRequest {
            store: store.to_owned(),
            token,
            op,
        }));
    }

    /// Reports an event.
    pub fn event(&mut self, event: AppEvent) {
        self.actions.push_back(IoAction::Event(event));
    }

    /// What was asked for, in order, and the time of the next wake: for whoever runs the process.
    pub fn finish(self) -> (VecDeque<IoAction>, Option<i64>) {
        (self.actions, self.wake_at)
    }
}

/// An operation addressed to one store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreRequest {
    /// The store's name in the level.
    pub store: String,
    /// Comes back with the answer.
    pub token: u64,
    /// What to do.
    pub op: StoreOp,
}

/// One local transaction of an outside store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreOp {
    /// Apply one event as the store's kind does: `rows` keeps the last event of an entity, `ledger`
    /// adds `amount`, `log` appends an effect. A store with `unique = "id"` refuses a second `id`.
    Apply(StoreWrite),
    /// Apply one event unless `key` was applied before; the store keeps the key in the same local transaction.
    ApplyOnce {
        /// What must not be twice.
        key: String,
        /// The event.
        write: StoreWrite,
    },
    /// Several events in one local transaction: all or none.
    ApplyAll(Vec<StoreWrite>),
    /// `outbox`: the business row and the event to be published, in one local transaction.
    OutboxInsert(StoreWrite),
    /// `outbox`: pending events after a position, oldest first, at most `max`.
    OutboxRead {
        /// Position of the last event that the reader has; 0 from the beginning.
        after: u64,
        /// At most so many.
        max: usize,
    },
    /// `outbox`: events up to and including this position are published.
    OutboxMark {
        /// The position.
        up_to: u64,
    },
    /// Save an application's own cursor (a named integer) beside the data.
    PutCursor {
        /// Its name.
        name: String,
        /// Its value.
        value: i64,
    },
    /// Read a cursor.
    GetCursor {
        /// Its name.
        name: String,
    },
}

/// One event as a store sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreWrite {
    /// The event's unique id.
    pub id: String,
    /// Its entity, such as `acc-3`.
    pub entity: String,
    /// The entity's own counter.
    pub n: u64,
    /// What a ledger adds; 0 where the event has none.
    pub amount: i64,
    /// The event's JSON text.
    pub value: String,
    /// The record that it was read from, if it was.
    pub source: Option<RecordRef>,
}

/// One record's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Topic name.
    pub topic: String,
    /// Partition.
    pub partition: PartitionIndex,
    /// Offset.
    pub offset: Offset,
}

/// The answer to a [`StoreRequest`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreReply {
    /// The store's name.
    pub store: String,
    /// The request's token.
    pub token: u64,
    /// What came of it.
    pub result: Result<StoreAnswer, StoreError>,
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreAnswer {
    /// Done.
    Done,
    /// Pending outbox events with their positions.
    Outbox(Vec<(u64, StoreWrite)>),
    /// A cursor's value, if it was ever saved.
    Cursor(Option<i64>),
}

/// Why a store did nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreError {
    /// The store is down or did not answer in time; nothing was applied.
    Unavailable,
    /// `unique = "id"`: this id is there already; nothing was applied.
    Duplicate {
        /// The id.
        id: String,
    },
    /// No store of this name.
    UnknownStore,
    /// The store's kind does not know this operation.
    NotSupported,
}

/// What a grader or a view wants to know of a program's life. Times and the process's name are added
/// by whoever records it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppEvent {
    /// The application handed an event to its producer.
    Sent {
        /// The event's unique id.
        id: String,
        /// Its entity.
        entity: String,
        /// The entity's counter.
        n: u64,
        /// Topic.
        topic: String,
    },
    /// The broker acknowledged it (offset -1 with acks=0).
    Acked {
        /// The event's id.
        id: String,
        /// Topic.
        topic: String,
        /// Partition.
        partition: PartitionIndex,
        /// Offset.
        offset: Offset,
    },
    /// The producer gave up on it.
    SendFailed {
        /// The event's id.
        id: String,
        /// Topic.
        topic: String,
        /// `class: message` of the error.
        error: String,
    },
    /// A record was handed to the application's code.
    Delivered {
        /// Where it stood.
        record: RecordRef,
        /// The event's id, where the value parses.
        id: Option<String>,
        /// Its entity.
        entity: Option<String>,
        /// The entity's counter.
        n: Option<u64>,
    },
    /// The application's code began to work on a record.
    ProcessingStarted {
        /// Where it stands.
        record: RecordRef,
    },
    /// An outside store applied an event (the answer arrived at the application).
    Stored {
        /// The store.
        store: String,
        /// The event's id.
        id: String,
        /// Its entity.
        entity: String,
        /// The entity's counter.
        n: u64,
        /// The record that it was read from, if it was.
        record: Option<RecordRef>,
    },
    /// The application's code finished a record.
    Processed {
        /// Where it stood.
        record: RecordRef,
        /// The event's id, where the value parses.
        id: Option<String>,
        /// Its entity.
        entity: Option<String>,
        /// The entity's counter.
        n: Option<u64>,
        /// What became of it.
        outcome: Outcome,
    },
    /// Offsets were committed and the broker confirmed it.
    Committed {
        /// The group.
        group: String,
        /// Topic.
        topic: String,
        /// Partition.
        partition: PartitionIndex,
        /// The committed offset (the next to read).
        offset: Offset,
    },
    /// Partitions were assigned to this member.
    Assigned {
        /// The group; empty without one.
        group: String,
        /// What was added.
        partitions: Vec<(String, PartitionIndex)>,
    },
    /// Partitions were taken from this member in order.
    Revoked {
        /// The group.
        group: String,
        /// What was taken.
        partitions: Vec<(String, PartitionIndex)>,
    },
    /// Partitions were lost: the member had already been removed from its group.
    Lost {
        /// The group.
        group: String,
        /// What was lost.
        partitions: Vec<(String, PartitionIndex)>,
    },
    /// A console tool printed this record.
    Displayed {
        /// Where it stood.
        record: RecordRef,
    },
    /// The application said something for its own log.
    Note {
        /// The text.
        text: String,
    },
}

/// What became of a processed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It took effect.
    Done,
    /// Its effect was there already.
    Duplicate,
    /// It was left out.
    Skipped,
    /// It was put aside: a dead letter topic, a retry topic, a parked key.
    SetAside,
    /// It failed and will be tried again.
    Failed,
}
