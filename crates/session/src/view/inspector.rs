//! What is selected, in detail: why it is so, its bytes, the request, the state around it.

use super::{Moment, Rich, Table};
use serde::Serialize;
use std::sync::Arc;

/// The inspector. A tab whose content is none is not drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inspector {
    /// `orders-0, offset 3`.
    pub title: String,
    /// Which tab is in front.
    pub tab: InspectorTab,
    /// Why.
    pub cause: Option<Arc<Cause>>,
    /// The batch.
    pub bytes: Option<Arc<Bytes>>,
    /// Request and response.
    pub request: Option<Arc<Tree>>,
    /// The object around it.
    pub state: Option<Arc<ValueCard>>,
}

/// A tab of the inspector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum InspectorTab {
    /// Chain from root to the selected event.
    Cause,
    /// Tree, hex, field.
    #[default]
    Bytes,
    /// Decode tree.
    Request,
    /// State.
    State,
}

/// A chain of events, root first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `Why three orders were lost`, `How this record came here`.
    pub title: String,
    /// Root first.
    pub steps: Vec<CauseStep>,
    /// A small table under it: `Two records at offset 11`.
    pub aside: Option<(String, Table)>,
}

/// One event of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseStep {
    /// Which.
    pub moment: Moment,
    /// Whose.
    pub actor: CauseActor,
    /// What.
    pub text: Rich,
    /// Whether it is *the* moment, in magenta.
    pub is_moment: bool,
}

/// Whose event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum CauseActor {
    /// A broker, by number.
    Broker(i32),
    /// A client, by one letter.
    Client(char),
    /// A fault or a line of the learner's.
    Fault,
}

/// A stored batch, byte by byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// `orders-1`.
    pub partition: String,
    /// `batch 11 to 13, on broker 1; batch 6 of 6`.
    pub place: String,
    /// Whether there is a batch before, after.
    pub neighbours: (bool, bool),
    /// When it was written.
    pub written: Option<Moment>,
    /// The bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Every field in byte order, with the groups over them: batch, header, record.
    pub rows: Vec<ByteRow>,
    /// Index into `rows` to begin with: the selected record.
    pub start: usize,
    /// First and last byte that the checksum covers.
    pub crc_covers: (usize, usize),
    /// What the checksum says, and whether it is right.
    pub crc: (bool, Rich),
    /// The records, decoded.
    pub records: Vec<RecordCard>,
}

/// A row of the decode tree, with the bytes that it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ByteRow {
    /// Depth in the tree: 0 batch, 1 header and records, 2 fields.
    pub depth: u8,
    /// Kafka's name: `baseOffset`.
    pub name: String,
    /// 1 to 13 for a header field.
    pub number: Option<u8>,
    /// What the field is for: the tint.
    pub purpose: Purpose,
    /// `int64`, `varint`, `bytes`; empty for a group.
    pub kind: String,
    /// First byte.
    pub start: usize,
    /// How many bytes.
    pub len: usize,
    /// Decoded value; for a group its size.
    pub value: String,
    /// What it says, in the project's words.
    pub doc: Rich,
    /// Offset of the record it belongs to.
    pub record: Option<i64>,
    /// What was expected where it does not decode.
    pub error: Option<Rich>,
}

/// What a header field is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Purpose {
    /// A group of fields.
    #[default]
    Group,
    /// Fields 1 to 3.
    Place,
    /// Fields 4 and 5.
    Integrity,
    /// Fields 6 and 7.
    Shape,
    /// Fields 8 and 9.
    Time,
    /// Fields 10 to 12.
    Producer,
    /// Field 13.
    Count,
    /// Of a record: its length.
    RecordLength,
    /// Of a record: its key.
    RecordKey,
    /// Of a record: anything else.
    Record,
}

/// A record, as its readers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordCard {
    /// Offset.
    pub offset: i64,
    /// Timestamp with its type: `CreateTime 1767225606208`.
    pub timestamp: String,
    /// Key; none is null.
    pub key: Option<String>,
    /// Value; none is null.
    pub value: Option<String>,
    /// Headers.
    pub headers: Vec<(String, Option<String>)>,
}

/// A decode tree without bytes: a request and its response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// `Produce v13, correlation 7`.
    pub title: String,
    /// Rows in order.
    pub rows: Vec<TreeRow>,
}

/// A row of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TreeRow {
    /// Depth.
    pub depth: u8,
    /// Field.
    pub name: String,
    /// Value.
    pub value: String,
}

/// An object as names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ValueCard {
    /// `Partition orders-1`.
    pub title: String,
    /// Rows.
    pub rows: Vec<KeyValue>,
}

/// A name and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyValue {
    /// Kafka's name.
    pub name: String,
    /// Its value.
    pub value: String,
}
