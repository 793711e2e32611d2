//! The levels that exist, as `logbrook level export` lists them.

use borsh::{BorshDeserialize, BorshSerialize};
use logbrook_lab::level::{Kind, Level};
use logbrook_lab::packed::{self, Packed};
use serde::{Deserialize, Serialize};

use crate::view::LevelKind;

/// All tracks with their levels, in the order of the path. Read from `lessons/catalog.bin`.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
pub struct Catalog {
    /// The tracks.
    pub tracks: Vec<Track>,
}

/// One track.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Track {
    /// Folder.
    pub slug: String,
    /// Title.
    pub title: String,
    /// Levels, in their order.
    pub levels: Vec<Entry>,
}

/// One level, as the map needs it.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Entry {
    /// Folder.
    pub slug: String,
    /// Title.
    pub title: String,
    /// The idea.
    pub idea: String,
    /// Kind.
    pub kind: Kind,
    /// Expected minutes.
    pub minutes: u32,
    /// `track/slug` of levels better done before.
    pub after: Vec<String>,
    /// Goals, trials and their seeds: what the map says of a level begun.
    pub goals: u32,
}

impl Entry {
    /// The entry of a level.
    #[must_use]
    pub fn of(level: &Level) -> Self {
        Self {
            slug: level.slug.clone(),
            title: level.head.title.clone(),
            idea: level.head.idea.clone(),
            kind: level.head.kind,
            minutes: level.head.minutes,
            after: level.head.after.clone(),
            goals: u32::try_from(level.asserts.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Packed for Catalog {
    const SHAPE: u64 = packed::LEVEL ^ packed::digest(&[include_bytes!("catalog.rs")]);
}

impl Catalog {
    /// The title of the level at `track/slug`, if it exists.
    #[must_use]
    pub fn title(&self, path: &str) -> Option<&str> {
        let (track, slug) = path.split_once('/')?;
        let track = self.tracks.iter().find(|t| t.slug == track)?;
        track.levels.iter().find(|l| l.slug == slug).map(|l| l.title.as_str())
    }

    /// The level after this one on the path: track, slug, title.
    #[must_use]
    pub fn next(&self, track: &str, slug: &str) -> Option<(String, String, String)> {
        let all = self.tracks.iter().flat_map(|t| t.levels.iter().map(move |l| (t, l)));
        let mut after = all.skip_while(|(t, l)| t.slug != track || l.slug != slug).skip(1);
        after.next().map(|(t, l)| (t.slug.clone(), l.slug.clone(), l.title.clone()))
    }
}

/// The page's word for a kind.
pub(crate) fn kind(kind: Kind) -> LevelKind {
    match kind {
        Kind::Lesson => LevelKind::Lesson,
        Kind::Challenge => LevelKind::Challenge,
        Kind::Drill => LevelKind::Drill,
        Kind::Interview => LevelKind::Interview,
    }
}
