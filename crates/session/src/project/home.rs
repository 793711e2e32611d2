//! The map: how far the learner is, drawn as partitions.

use crate::catalog::{Catalog, Entry, kind};
use crate::progress::{Progress, State};
use crate::view::{Home, LevelCell, LevelStatus, TrackRow};

pub(crate) fn home(catalog: &Catalog, progress: &Progress) -> Home {
    let mut tracks: Vec<TrackRow> = catalog
        .tracks
        .iter()
        .map(|track| {
            let cell = |entry: &Entry| level_cell(catalog, progress, &track.slug, entry);
            let levels: Vec<LevelCell> = track.levels.iter().map(cell).collect();
            let is_passed = |cell: &&LevelCell| cell.status == LevelStatus::Passed;
            TrackRow {
                slug: track.slug.clone(),
                title: track.title.clone(),
                high_watermark: levels.iter().take_while(is_passed).count(),
                passed: count(levels.iter().filter(is_passed).count()),
                next: None,
                levels,
            }
        })
        .collect();
    let find = |status: LevelStatus| {
        tracks.iter().enumerate().find_map(|(t, row)| {
            row.levels.iter().position(|cell| cell.status == status).map(|l| (t, l))
        })
    };
    let next = find(LevelStatus::Begun).or_else(|| find(LevelStatus::New));
    if let Some((t, l)) = next {
        let cell = &tracks[t].levels[l];
        let begun = if cell.status == LevelStatus::Begun { "; begun" } else { "" };
        tracks[t].next = Some(format!("{}, {} min{begun}", cell.kind.name(), cell.minutes));
    }
    Home {
        passed: tracks.iter().map(|t| t.passed).sum(),
        levels: count(tracks.iter().map(|t| t.levels.len()).sum()),
        tracks,
        next,
        live: None,
    }
}

fn level_cell(catalog: &Catalog, progress: &Progress, track: &str, entry: &Entry) -> LevelCell {
    let status = match progress.of(&format!("{track}/{}", entry.slug)) {
        Some(State::Passed { .. }) => LevelStatus::Passed,
        Some(State::Begun) => LevelStatus::Begun,
        None => LevelStatus::New,
    };
    let best = match progress.of(&format!("{track}/{}", entry.slug)) {
        Some(State::Passed { lines, hints }) => {
            format!("{}, {}", counted(lines, "line"), counted(hints, "hint"))
        }
        Some(State::Begun) | None => String::new(),
    };
    let open = |path: &&String| !matches!(progress.of(path), Some(State::Passed { .. }));
    LevelCell {
        slug: entry.slug.clone(),
        title: entry.title.clone(),
        idea: entry.idea.clone(),
        kind: kind(entry.kind),
        minutes: entry.minutes,
        status,
        after: entry
            .after
            .iter()
            .filter(open)
            .filter_map(|p| catalog.title(p))
            .map(str::to_owned)
            .collect(),
        best,
    }
}

fn counted(n: u32, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
