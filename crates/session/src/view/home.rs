//! The path: the tracks, their levels, and how far the learner is.

use super::{Act, LevelKind};
use serde::Serialize;

/// One track of the catalog that is baked in at build time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogTrack {
    /// Folder, such as `basics`.
    pub slug: String,
    /// `Basics`.
    pub title: String,
    /// Levels in their order.
    pub levels: Vec<CatalogLevel>,
}

/// One level of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogLevel {
    /// Folder, such as `first-record`.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The one idea, one sentence.
    pub idea: String,
    /// Lesson, challenge, drill.
    pub kind: LevelKind,
    /// Expected time.
    pub minutes: u32,
    /// `track/slug` of levels that are better done before. Advice, not a lock.
    pub after: Vec<String>,
}

/// The map: one row a track.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Home {
    /// Rows in the order of the path.
    pub tracks: Vec<TrackRow>,
    /// Levels passed, of all.
    pub passed: u32,
    /// How many levels there are.
    pub levels: u32,
    /// Index of track and level to go on with: the first begun, else the first not begun.
    pub next: Option<(usize, usize)>,
    /// The small cluster beside the heading; none draws no panel.
    pub live: Option<HomeLive>,
}

/// What stands around the hero's strips; the strips are the view's stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HomeLive {
    /// `1 broker, topic hello, group readers`.
    pub summary: String,
    /// Buttons, each a line.
    pub acts: Vec<Act>,
    /// The line that was last written.
    pub line: String,
}

/// A track on the map. A track is drawn as a partition: passed levels are committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackRow {
    /// Folder.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Levels in order.
    pub levels: Vec<LevelCell>,
    /// Levels before this index are all passed: the high watermark.
    pub high_watermark: usize,
    /// How many are passed.
    pub passed: u32,
    /// One sentence about the next level, if the learner is in this row:
    /// `challenge, 12 min; begun, 1 of 3 goals fails`.
    pub next: Option<String>,
}

/// A level on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LevelCell {
    /// Folder.
    pub slug: String,
    /// Title.
    pub title: String,
    /// The idea.
    pub idea: String,
    /// Kind.
    pub kind: LevelKind,
    /// Minutes.
    pub minutes: u32,
    /// How far.
    pub status: LevelStatus,
    /// Titles of levels that are better done before and are not passed.
    pub after: Vec<String>,
    /// The best answer so far: `3 lines, no hints`; empty where it was not passed.
    pub best: String,
}

/// How far a level is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LevelStatus {
    /// Not begun.
    #[default]
    New,
    /// Something was run or answered in it.
    Begun,
    /// All goals held.
    Passed,
}
