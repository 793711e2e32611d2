//! Everything that a person can do, as data. A link, a test and the page send the same.

use crate::view::{CellText, InspectorTab, Place, Speed, StageLayout, Time};
use serde::Serialize;

/// One act of the learner. What is only of the screen (theme, panel sizes, which field of the hex
/// grid the pointer is on) is the page's own and not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Event {
    /// Another place; its run starts afresh.
    Go(Place),
    /// What this browser kept, from [`crate::view::View::keep`]. Sent once at the start.
    Restore(String),
    /// Progress from a file: the better of both stays.
    Import(String),
    /// The browser keeps nothing for this page: its store is full or forbidden.
    NotKept,
    /// The run is to be shared: [`crate::view::View::share`] has it then.
    Share,
    /// What the address says behind its `#`, with the lines of `a` decoded.
    Link {
        /// `seed=7&rev=1&at=21340`; other keys are left alone.
        fragment: String,
        /// The lines.
        lines: String,
        /// Whether their end is known to be missing.
        cut: bool,
    },
    /// A world of one's own, as [`crate::view::Sandbox::spec`] writes it.
    Sandbox(String),

    // The terminal.
    /// A command, a lab line, or a line for the process in front.
    Submit {
        /// Which tab.
        tab: u32,
        /// Without the line break.
        text: String,
    },
    /// The text of the field has changed: completions follow.
    Input {
        /// Which tab.
        tab: u32,
        /// The whole text.
        text: String,
        /// The cursor, in characters.
        cursor: usize,
    },
    /// `Ctrl C`, `Ctrl D`, `Ctrl L`.
    Key {
        /// Which tab.
        tab: u32,
        /// Which key.
        key: TermKey,
    },
    /// `Tab`, or a tap on a chip.
    Complete {
        /// Which tab.
        tab: u32,
        /// Index into the completions; none takes the chosen one.
        index: Option<usize>,
    },
    /// Another completion is chosen, without taking it.
    Choose {
        /// Which tab.
        tab: u32,
        /// Index into the completions.
        index: usize,
    },
    /// `Up` (older) and `Down` in the field.
    History {
        /// Which tab.
        tab: u32,
        /// Older or newer.
        older: bool,
    },
    /// A new tab.
    NewTab,
    /// Closes a tab; what runs in it gets `Ctrl C`.
    CloseTab(u32),
    /// Brings a tab to the front.
    SelectTab(u32),
    /// A line that a button writes ([`crate::view::Act`]): run as if typed.
    Act(String),
    /// Puts a line into the field of the tab in front, without running it.
    PutIn(String),

    // The task.
    /// The button of a run block, by label.
    RunBlock(String),
    /// An answer to a question; empty is a skip.
    Predict {
        /// The block's id.
        id: String,
        /// The answer.
        value: String,
    },
    /// Runs the trials.
    Check,
    /// The level from its start.
    StartOver,
    /// Opens the next hint.
    OpenHint,
    /// *Show the moment* of a goal, by its id.
    ShowMoment(String),
    /// The failing seed of a trial, by trial and index: its evidence in the inspector.
    ShowSeed {
        /// The trial's index.
        trial: usize,
        /// The seed's index.
        seed: usize,
    },

    // Time.
    /// Time runs.
    Play,
    /// Time stands.
    Pause,
    /// One event on, or back.
    Step {
        /// On or back.
        forward: bool,
    },
    /// The playhead to a time.
    Seek(Time),
    /// The playhead to an event of the trace.
    SeekEvent(u64),
    /// The playhead to the newest event.
    Latest,
    /// Another of the runs, by name, at its newest event.
    Run(String),
    /// Puts another of the runs beside the one in front: where they part, and what is different.
    Compare(String),
    /// Another speed.
    Speed(Speed),

    // The stage.
    /// Another topic.
    Topic(String),
    /// By brokers or by partitions.
    Layout(StageLayout),
    /// Draws the replicas of a partition, or no longer.
    OpenPartition {
        /// Which.
        partition: i32,
        /// Draw them, or not.
        open: bool,
    },
    /// Another text in the cells.
    CellText(CellText),
    /// The window of offsets: how many cells fit, and where it begins. None follows the end.
    Axis {
        /// First offset.
        first: Option<i64>,
        /// How many.
        cells: u32,
    },
    /// A record (or a replica, without an offset) for the inspector.
    Select {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Whose replica.
        broker: i32,
        /// Offset.
        offset: Option<i64>,
    },
    /// The batch before or after the one in the inspector.
    SelectNeighbour {
        /// After or before.
        after: bool,
    },
    /// Another tab of the inspector.
    Inspect(InspectorTab),
    /// Nothing is selected.
    Deselect,

    // Apps.
    /// A knob: the line `@deploy APP NAME=VALUE`.
    Deploy {
        /// The app.
        app: String,
        /// The setting.
        name: String,
        /// Its new value.
        value: String,
    },

    /// Closes a notice.
    Dismiss(u64),
}

/// A key with a meaning in a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TermKey {
    /// `Ctrl C`: an interrupt; without a process it drops the line.
    Interrupt,
    /// `Ctrl D`: end of input.
    EndOfInput,
    /// `Ctrl L`: clears what is above the prompt.
    Clear,
}
