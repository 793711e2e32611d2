//! The stage: lanes by broker, strips by replica, group tables. One cell is one record, joined
//! cells are one batch, a gap is a removed offset.

use super::{Act, Moment, Rich, Time, Tone};
use serde::Serialize;
use std::sync::Arc;

/// The cluster as it is at the playhead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// `3 brokers, 1 down`.
    pub summary: String,
    /// Topics that can be chosen, internal ones last.
    pub topics: Vec<TopicChoice>,
    /// Name of the chosen one.
    pub topic: Option<String>,
    /// What stands in the cells.
    pub cell_text: CellText,
    /// The offsets that are on the stage. All strips share them.
    pub axis: Axis,
    /// By broker or by partition.
    pub layout: StageLayout,
    /// One a broker, in either layout: heads, faults and, by brokers, the replicas.
    pub lanes: Vec<Arc<Lane>>,
    /// One a partition of the chosen topic, by partitions.
    pub partitions: Vec<Arc<PartitionLine>>,
    /// What is left out because it could not be read: `3 of 50 partitions are drawn`.
    pub left_out: String,
    /// Groups that read the topic.
    pub groups: Vec<Arc<Group>>,
    /// The signs that occur now.
    pub legend: Vec<Legend>,
    /// What is selected, so that it is ringed.
    pub selected: Option<Selected>,
    /// Shown instead of the strips while there is nothing to show.
    pub empty: Option<Act>,
    /// A bar over the strips: looking back, or an error that stopped the run.
    pub bar: Option<StageBar>,
}

impl Stage {
    /// The replicas that are drawn, by brokers or by partitions.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<Row>> {
        let in_lines = self.partitions.iter().flat_map(|line| &line.rows);
        self.lanes.iter().flat_map(|lane| &lane.rows).chain(in_lines)
    }

    /// How a broker is.
    pub fn up(&self, broker: i32) -> Up {
        self.lanes.iter().find(|lane| lane.broker == broker).map_or(Up::Up, |lane| lane.up)
    }
}

/// How the replicas are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum StageLayout {
    /// A lane a broker.
    #[default]
    Brokers,
    /// A line a partition, its replicas under each other where it is opened.
    Partitions,
}

/// A partition of the chosen topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PartitionLine {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Who leads it; none when nobody does.
    pub leader: Option<i32>,
    /// Leader epoch.
    pub leader_epoch: i32,
    /// Its replicas, the preferred leader first.
    pub replicas: Vec<ReplicaMark>,
    /// Log start offset of the leader.
    pub log_start: i64,
    /// High watermark of the leader.
    pub high_watermark: i64,
    /// Log end offset of the leader.
    pub log_end: i64,
    /// Whether its replicas are drawn.
    pub open: bool,
    /// Strips: of all replicas where it is open, else of the leader; none where there are so many
    /// partitions that a bar has to do.
    pub rows: Vec<Arc<Row>>,
}

/// A replica of a partition, as a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaMark {
    /// Node id.
    pub broker: i32,
    /// Leader or follower.
    pub role: Role,
    /// In the ISR, or not.
    pub in_sync: InSync,
    /// Whether its broker runs.
    pub up: Up,
}

/// A topic in the picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopicChoice {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// Kafka's own, such as `__consumer_offsets`.
    pub internal: bool,
}

/// A bar over the strips.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageBar {
    /// How grave.
    pub tone: Tone,
    /// What it says.
    pub text: Rich,
    /// The event it speaks of.
    pub moment: Option<Moment>,
}

/// What stands in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum CellText {
    /// The record's key.
    #[default]
    Key,
    /// Its value.
    Value,
    /// Its size in bytes.
    Size,
    /// The producer id of its batch.
    Producer,
    /// Its timestamp.
    Timestamp,
    /// Nothing.
    None,
}

impl CellText {
    /// All, in the order of the menu.
    pub const ALL: [CellText; 6] = [
        CellText::Key,
        CellText::Value,
        CellText::Size,
        CellText::Producer,
        CellText::Timestamp,
        CellText::None,
    ];

    /// As in the menu: `key`.
    pub fn name(self) -> &'static str {
        match self {
            CellText::Key => "key",
            CellText::Value => "value",
            CellText::Size => "size",
            CellText::Producer => "producer",
            CellText::Timestamp => "timestamp",
            CellText::None => "none",
        }
    }
}

/// The window of offsets on the stage. The page says how many cells fit
/// ([`crate::Event::Axis`]); rows carry the batches that touch the window and no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// First offset shown.
    pub first: i64,
    /// How many offsets fit.
    pub cells: u32,
    /// Highest log end of all rows.
    pub end: i64,
    /// Whether the window follows the end.
    pub follow: bool,
}

/// A broker and its replicas of the chosen topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Node id.
    pub broker: i32,
    /// Up or not.
    pub up: Up,
    /// `leads 1 of 3`, `killed`, `fenced`.
    pub status: String,
    /// Since when, if it is not up.
    pub since: Option<Time>,
    /// Replicas by partition.
    pub rows: Vec<Arc<Row>>,
    /// Faults that the level allows; each is a line.
    pub acts: Vec<Act>,
    /// Faults of which there is no sign on the lane: they stand in its menu.
    pub more: Vec<Act>,
}

/// How a broker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Up {
    /// Runs.
    #[default]
    Up,
    /// Does not run: its lane is dry.
    Down,
    /// Runs, and the controller has fenced it.
    Fenced,
    /// Runs, cut from others.
    Cut,
    /// Runs with a slow disk, a full one, or slow ways to it.
    Slow,
    /// Stands still, as in a long garbage collection.
    Paused,
}

/// One replica of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Node id that holds this replica.
    pub broker: i32,
    /// Leader or follower.
    pub role: Role,
    /// In the ISR, or not.
    pub in_sync: InSync,
    /// Leader epoch.
    pub leader_epoch: i32,
    /// High watermark.
    pub high_watermark: i64,
    /// Log end offset.
    pub log_end: i64,
    /// Last stable offset; drawn where it is not the high watermark.
    pub last_stable: i64,
    /// Log start offset; drawn where it is not 0.
    pub log_start: i64,
    /// Size on disk in bytes.
    pub size_bytes: u64,
    /// Batches that touch the axis' window, by base offset.
    pub batches: Vec<Arc<Batch>>,
    /// Removed offsets inside the window (compaction): first, count.
    pub gone: Vec<(i64, u32)>,
    /// Where a new leader epoch begins: offset, epoch. The first epoch is not marked.
    pub epochs: Vec<(i64, i32)>,
    /// How far each group has read; on leaders only.
    pub tracks: Vec<ReadTrack>,
    /// Where this replica differs from its leader, in words; empty when it does not.
    pub differs: String,
}

impl Row {
    /// `orders-0`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }
}

/// Of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Role {
    /// Tall strip with cell text.
    #[default]
    Leader,
    /// Low strip.
    Follower,
}

/// Of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum InSync {
    /// In the ISR.
    #[default]
    In,
    /// Not in the ISR.
    Out,
    /// In the ELR.
    Elr,
}

/// A record batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Base offset.
    pub base_offset: i64,
    /// Last offset.
    pub last_offset: i64,
    /// How it is drawn.
    pub state: BatchState,
    /// `zstd`, if compressed.
    pub compression: Option<&'static str>,
    /// Bytes in the log, header included.
    pub size_bytes: u32,
    /// Its records, in order. Removed ones are missing.
    pub cells: Arc<Vec<Cell>>,
}

/// How a batch is drawn. A batch on a broker that is down is dry whatever its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum BatchState {
    /// Below the high watermark.
    #[default]
    Committed,
    /// At or above the high watermark.
    Uncommitted,
    /// Inside an open transaction.
    Open,
    /// Of an aborted transaction.
    Aborted,
    /// A control batch.
    Control,
    /// Acked, then lost: only this replica still has it.
    Lost,
}

impl BatchState {
    /// In words, for the table.
    pub fn word(self) -> &'static str {
        match self {
            BatchState::Committed => "committed",
            BatchState::Uncommitted => "not yet committed",
            BatchState::Open => "open transaction",
            BatchState::Aborted => "aborted",
            BatchState::Control => "control record",
            BatchState::Lost => "acked, then lost",
        }
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Its offset.
    pub offset: i64,
    /// Text in the cell, by [`CellText`]; the page cuts it to what fits.
    pub label: String,
    /// What sort of record.
    pub kind: CellKind,
    /// For hover and the table: `key acc-3, 161 bytes, 00:15.118`.
    pub about: String,
}

/// What sort of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum CellKind {
    /// Data.
    #[default]
    Data,
    /// A null value.
    Tombstone,
    /// A record that its readers cannot process.
    Poison,
    /// A control record that commits.
    Commit,
    /// A control record that aborts.
    Abort,
}

/// How far a group has read a partition, drawn under its leader's strip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadTrack {
    /// Group.
    pub group: String,
    /// Who owns the partition; none when nobody does.
    pub member: Option<MemberMark>,
    /// Committed offset: solid up to here.
    pub committed: Option<i64>,
    /// The consumer's position: striped up to here.
    pub position: Option<i64>,
    /// High watermark: empty up to here is the lag.
    pub end: i64,
}

/// The sign of a group member: letter, shape and colour, all three always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MemberMark(pub u16);

impl MemberMark {
    /// Which of the eight shapes and colours: 0 is A, 7 is H.
    pub fn shape(self) -> u8 {
        u8::try_from(self.0 % 8).unwrap_or_default()
    }

    /// `A` to `H`; the ninth is `A2`.
    pub fn letter(self) -> String {
        let letter = char::from(b'A' + self.shape());
        match self.0 / 8 {
            0 => letter.to_string(),
            round => format!("{letter}{}", round + 1),
        }
    }
}

/// A consumer group, as `kafka-consumer-groups.sh --describe` shows it, with positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Group id.
    pub name: String,
    /// Kafka's word: `Stable`, `PreparingRebalance`, `Empty`, …
    pub state: String,
    /// How well that is.
    pub tone: Tone,
    /// `classic protocol, generation 4, coordinator broker 1`.
    pub about: String,
    /// Sum of LAG.
    pub total_lag: i64,
    /// One a partition; members without a partition at the end.
    pub rows: Vec<GroupRow>,
}

/// One line of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupRow {
    /// The member's sign.
    pub mark: Option<MemberMark>,
    /// Its name: `ledger/1`, or the client id; empty when nobody owns the partition.
    pub member: String,
    /// `orders-0`; empty for a member without a partition.
    pub partition: String,
    /// CURRENT-OFFSET: what is committed.
    pub current_offset: Option<i64>,
    /// Where the consumer reads.
    pub position: Option<i64>,
    /// LOG-END-OFFSET as the tool prints it: the high watermark.
    pub log_end_offset: Option<i64>,
    /// LAG.
    pub lag: Option<i64>,
    /// LAG as a bar, 0 to 100 of the largest lag shown (at least 10 records wide).
    pub lag_percent: u8,
}

/// A sign of the stage that the legend explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Legend {
    /// Water.
    Committed,
    /// Shoal.
    Uncommitted,
    /// Hatched in the failure colour.
    Lost,
    /// Grey.
    Dry,
    /// Violet.
    OpenTransaction,
    /// Hatched and struck through.
    Aborted,
    /// Dots.
    Gone,
    /// The surveyor's sign.
    HighWatermark,
    /// Closing bracket.
    LogEnd,
    /// Opening bracket.
    LogStart,
    /// The track.
    Read,
}

/// What is selected on the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Whose replica.
    pub broker: i32,
    /// The record; none selects the replica.
    pub offset: Option<i64>,
}
