//! What the page draws: plain data, complete, and already decided.
//!
//! The page holds no rule of Kafka, of a lesson or of a verdict. Each part below stands behind an
//! `Arc`: a session that has not changed a part hands out the same `Arc` again, and comparing two
//! equal `Arc`s of an `Eq` type is one pointer comparison, so a frame costs what changed in it.
//!
//! Figures are integers with the unit in the type ([`Time`]) or in the field's name. Offsets are
//! plain `i64`, as they are only shown here.

mod apps;
mod home;
mod inspector;
mod sandbox;
mod shared;
mod stage;
mod task;
mod terminal;
mod timeline;

pub use apps::{App, HistoryLine, Knob, KnobControl, Lines};
pub use home::{CatalogLevel, CatalogTrack, Home, HomeLive, LevelCell, LevelStatus, TrackRow};
pub use inspector::{
    ByteRow, Bytes, Cause, CauseActor, CauseStep, Inspector, InspectorTab, KeyValue, Purpose,
    RecordCard, Tree, TreeRow, ValueCard,
};
pub use sandbox::{Sandbox, SandboxApp, SandboxTemplate};
pub use shared::Shared;
pub use stage::{
    Axis, Batch, BatchState, Cell, CellKind, CellText, Group, GroupRow, InSync, Lane, Legend,
    MemberMark, PartitionLine, ReadTrack, ReplicaMark, Role, Row, Selected, Stage, StageBar,
    StageLayout, TopicChoice, Up,
};
pub use task::{
    Block, Check, Goal, GoalStatus, Hint, LevelKind, Passed, Predict, PredictOption, RunBlock,
    RunState, SeedState, Show, ShowLive, Task, Trial,
};
pub use terminal::{Completion, Foreground, Input, TermLine, TermLineKind, TermTab, Terminal};
pub use timeline::{Actor, Flag, FlagKind, RunName, Speed, Tick, Timeline, Transport, Verdict};

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Everything on the screen at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// Which place the rest belongs to.
    pub place: Place,
    /// The bar over the panels.
    pub top: Arc<Top>,
    /// The path with the learner's progress. Filled in every place (the top bar and the passed
    /// card lead to other levels); drawn on [`Place::Home`].
    pub home: Arc<Home>,
    /// The task column; none on Home and in the sandbox.
    pub task: Option<Arc<Task>>,
    /// What stands in place of a task in the sandbox.
    pub sandbox: Option<Arc<Sandbox>>,
    /// Lanes, strips, groups. On Home it is the small running cluster, if there is one.
    pub stage: Arc<Stage>,
    /// Transport and the events on their axis.
    pub timeline: Arc<Timeline>,
    /// The terminal with its tabs.
    pub terminal: Arc<Terminal>,
    /// Simulated applications; empty when the level has none, and then no tab is drawn.
    pub apps: Arc<Vec<App>>,
    /// The run as lines.
    pub lines: Arc<Lines>,
    /// What is selected, in detail; none draws "Select a record, a request or an event."
    pub inspector: Option<Arc<Inspector>>,
    /// What the polite live region says next. A new `id` is a new sentence.
    pub announcement: Arc<Announcement>,
    /// Errors and notices over the panels, newest last.
    pub notices: Arc<Vec<Notice>>,
    /// What this browser is to keep for the learner, opaque to the page: it is stored as it is
    /// and handed back by [`crate::Event::Restore`] at the next start.
    pub keep: Arc<String>,
    /// The run as a link, since [`crate::Event::Share`] asked for it.
    pub share: Option<Arc<Shared>>,
    /// What was kept and could not be read; the page keeps it aside, so that nothing is lost.
    pub unread: Arc<String>,
}

/// Where the learner is. The address bar has the same (`/`, `/<track>/`, `/<track>/<slug>/`,
/// `/sandbox/`, `/oncall/`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Place {
    /// The path.
    Home,
    /// A level in the workbench.
    Workbench {
        /// Folder of the track, such as `basics`.
        track: String,
        /// Folder of the level, such as `first-record`.
        slug: String,
    },
    /// The levels of a track.
    Track(String),
    /// The workbench without a task.
    Sandbox,
    /// The drills.
    OnCall,
    /// An address that is no place.
    Nowhere,
}

/// The bar over the panels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Top {
    /// The track's title, `Basics`; empty where there is none.
    pub track: String,
    /// The level's title.
    pub title: String,
    /// Seed of the run on the stage.
    pub seed: Option<u32>,
}

/// Virtual time in microseconds from the level's start. Negative before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Time(pub i64);

impl fmt::Display for Time {
    /// `00:15.118`; with hours in front from the first hour on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logbrook_lab::verdict::clock(self.0))
    }
}

/// An event of the run, by its number in the trace, and when it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Moment {
    /// Number of the event in the trace.
    pub event: u64,
    /// Its time.
    pub time: Time,
}

/// A sentence whose names and values stand in code type. Never HTML: it may hold what was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rich(pub Vec<Piece>);

/// One stretch of a [`Rich`] sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Piece {
    /// Words.
    Text(String),
    /// A name or a value.
    Code(String),
    /// What is to be stressed.
    Strong(String),
}

impl Rich {
    /// Reads `` `code` `` and `**strong**`; an unclosed mark is kept as it stands.
    pub fn parse(text: &str) -> Rich {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut plain = String::new();
        while !rest.is_empty() {
            let (mark, make): (&str, fn(String) -> Piece) = if rest.starts_with('`') {
                ("`", Piece::Code)
            } else if rest.starts_with("**") {
                ("**", Piece::Strong)
            } else {
                let len = rest.chars().next().map_or(1, char::len_utf8);
                plain.push_str(&rest[..len]);
                rest = &rest[len..];
                continue;
            };
            let after = &rest[mark.len()..];
            match after.find(mark) {
                Some(end) if end > 0 => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(make(after[..end].to_owned()));
                    rest = &after[end + mark.len()..];
                }
                _ => {
                    plain.push_str(mark);
                    rest = after;
                }
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Rich(pieces)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words alone, for titles and the live region.
    pub fn plain(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) | Piece::Code(text) | Piece::Strong(text) => text.as_str(),
            })
            .collect()
    }
}

/// A button that writes a line: what it does is the line, sent as [`crate::Event::Act`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Act {
    /// What happens, in words: `Kill broker 2`.
    pub label: String,
    /// Which sign it carries where there is no room for words.
    pub icon: Icon,
    /// The line, such as `@kill 2`.
    pub line: String,
}

/// Signs of the sprite that the engine may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Icon {
    /// Start, kill, stop.
    Power,
    /// Network.
    Cut,
    /// Slowness, delay.
    Slow,
    /// Send, go on.
    Arrow,
    /// One more.
    Plus,
    /// An election, a leader.
    Flag,
    /// A restart.
    Fork,
    /// Stand still.
    Pause,
}

/// A table with a head, drawn as it is and read as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Column heads.
    pub head: Vec<String>,
    /// Which columns hold figures: they are set in mono, to the right.
    pub numeric: Vec<bool>,
    /// Rows, each as long as the head.
    pub rows: Vec<Vec<String>>,
}

/// A sentence for the polite live region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// Counts up with each sentence; 0 is none yet.
    pub id: u64,
    /// The sentence.
    pub text: String,
}

/// How grave a notice or a chip is. Never colour alone: each has its glyph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Tone {
    /// A remark.
    #[default]
    Plain,
    /// Well.
    Ok,
    /// Take care.
    Warn,
    /// Failed.
    Fail,
    /// The learner's own mark in time.
    Mark,
}

/// A notice: what, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// For [`crate::Event::Dismiss`].
    pub id: u64,
    /// How grave.
    pub tone: Tone,
    /// The sentence.
    pub text: Rich,
    /// Where the event is that it speaks of.
    pub moment: Option<Moment>,
    /// What it lets one keep: a file's name, and the text.
    pub file: Option<(String, Arc<str>)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_reads_like_a_clock() {
        assert_eq!(Time(15_118_000).to_string(), "00:15.118");
        assert_eq!(Time(3_600_000_000 + 61_002_000).to_string(), "1:01:01.002");
        assert_eq!(Time(-1_500_000).to_string(), "-00:01.500");
    }

    #[test]
    fn rich_takes_code_and_leaves_lone_marks() {
        assert_eq!(
            Rich::parse("`orders` has **3** of 2 * 2 ` left").0,
            [
                Piece::Code("orders".into()),
                Piece::Text(" has ".into()),
                Piece::Strong("3".into()),
                Piece::Text(" of 2 * 2 ` left".into()),
            ]
        );
    }

    #[test]
    fn rich_keeps_markup_as_words() {
        assert_eq!(Rich::parse("<b>x</b>").0, [Piece::Text("<b>x</b>".into())]);
    }
}
