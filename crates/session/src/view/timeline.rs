//! Transport and the events on their axis.

use super::{Moment, Time};
use serde::Serialize;
use std::sync::Arc;

/// The timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The playhead.
    pub now: Moment,
    /// The newest event there is.
    pub latest: Moment,
    /// Where the axis ends: the level's end, or a little after the newest event.
    pub end: Time,
    /// Whether `end` is the level's own: then the clock says `of 00:30.000`.
    pub bounded: bool,
    /// Whether time runs by itself now.
    pub playing: bool,
    /// The chip at the clock: `Paused at event 318`; none while playing.
    pub chip: Option<String>,
    /// Which controls exist now.
    pub can: Transport,
    /// Of the playback.
    pub speed: Speed,
    /// Those that can be chosen.
    pub speeds: Vec<Speed>,
    /// Rows: clients, then each broker.
    pub actors: Vec<Actor>,
    /// Events as ticks, by time. At most a few hundred: the engine thins them out by pixel.
    pub ticks: Arc<Vec<Tick>>,
    /// Faults, elections, rebalances.
    pub flags: Vec<Flag>,
    /// The moment that was shown last.
    pub moment: Option<Moment>,
    /// Verdicts on the run line.
    pub verdicts: Vec<Verdict>,
    /// The runs there are, the one in front first. Only one is not worth drawing.
    pub runs: Vec<RunName>,
}

/// One of several runs that began as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunName {
    /// `run B`.
    pub name: String,
    /// The last event that it has in common with the run it left; none for the first.
    pub since: Option<u64>,
    /// Whether it is the one on the stage.
    pub front: bool,
}

/// Which controls exist now. One that does not is not drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Transport {
    /// Play and pause.
    pub play: bool,
    /// One event on.
    pub step: bool,
    /// Looking back: start, one event back, latest, dragging the playhead.
    pub back: bool,
}

/// Playback speed in tenths: 10 is one virtual second a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Speed(pub u16);

impl Default for Speed {
    fn default() -> Self {
        Speed(10)
    }
}

impl Speed {
    /// `1x`, `0.1x`.
    pub fn name(self) -> String {
        match self.0 % 10 {
            0 => format!("{}x", self.0 / 10),
            tenth => format!("{}.{tenth}x", self.0 / 10),
        }
    }
}

/// A row of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// `clients`, `broker 1`.
    pub name: String,
    /// When it was down: from, to (none: still).
    pub down: Vec<(Time, Option<Time>)>,
}

/// One event, or several that fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// Index into the actors.
    pub actor: u16,
    /// When.
    pub time: Time,
    /// Whether it changed a log.
    pub tall: bool,
}

/// A flag on the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// What.
    pub kind: FlagKind,
    /// Index into the actors.
    pub actor: u16,
    /// When.
    pub moment: Moment,
    /// In words: `broker 2 killed`.
    pub title: String,
}

/// What a flag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum FlagKind {
    /// Something was stopped or killed.
    Fault,
    /// A network fault.
    Cut,
    /// An election.
    Election,
    /// A rebalance.
    Rebalance,
}

/// A verdict on the run line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// When.
    pub moment: Moment,
    /// Holds or fails.
    pub holds: bool,
    /// Which goal, in words.
    pub title: String,
}
