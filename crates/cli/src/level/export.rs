//! `logbrook level export`: the levels as the page loads them, and as JSON for the prerendered pages.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use logbrook_lab::level::{Assert, Level};
use logbrook_lab::packed::Packed;
use logbrook_lab::parse::read_all;
use logbrook_session::catalog::{Catalog, Entry, Track};
use serde::Serialize;

/// A level with its goals as sentences, which the prerendered page shows before the engine runs.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    level: &'a Level,
    /// In Markdown, code in backticks; in the order of the assertions.
    goals: Vec<String>,
}

pub(crate) fn run(lessons: &Path, out: &Path) -> Result<ExitCode, String> {
    let tracks = read_all(lessons).map_err(|e| format!("{}/{e}", lessons.display()))?;
    let mut catalog = Catalog::default();
    for track in tracks {
        let levels = track.levels.iter().map(Entry::of).collect();
        for level in &track.levels {
            let sentence = |a: &Assert| a.check.sentence(a.when, level);
            let page = Page { level, goals: level.asserts.iter().map(sentence).collect() };
            write(&out.join(&track.slug).join(&level.slug), level, &page)?;
        }
        catalog.tracks.push(Track { slug: track.slug, title: track.title, levels });
    }
    write(&out.join("catalog"), &catalog, &catalog)?;
    Ok(ExitCode::SUCCESS)
}

/// `<path>.bin` for the page, `<path>.json` for who reads along.
fn write(path: &Path, packed: &impl Packed, told: &impl Serialize) -> Result<(), String> {
    let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| fail(&e))?;
    }
    let json = serde_json::to_string(told).map_err(|e| fail(&e))?;
    fs::write(path.with_extension("json"), json).map_err(|e| fail(&e))?;
    fs::write(path.with_extension("bin"), packed.pack()).map_err(|e| fail(&e))
}
