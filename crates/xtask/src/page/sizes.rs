//! What a first visit loads, in brotli bytes.

use crate::say::{Doing, Result, failure, kb};
use std::fs;
use std::path::Path;

/// The goal for the whole first load.
pub(crate) const GOAL_BYTES: u64 = 372_000;
/// Above this the tests fail.
pub(crate) const LIMIT_BYTES: u64 = 450_000;

/// Each part of the first load with its bytes over the wire.
pub(crate) struct FirstLoad {
    pub(crate) parts: Vec<(&'static str, u64)>,
}

/// Measures a page built with [`super::Profile::Web`].
pub(crate) fn first_load(dist: &Path) -> Result<FirstLoad> {
    let mut parts = vec![
        ("html", wire(&dist.join("index.html"))?),
        ("css", 0),
        ("fonts", 0),
        ("js", 0),
        ("wasm", 0),
    ];
    for (folder, at_top) in [("", true), ("fonts", false), ("snippets", false)] {
        add(&dist.join(folder), at_top, &mut parts)?;
    }
    Ok(FirstLoad { parts })
}

fn add(folder: &Path, only_here: bool, parts: &mut [(&'static str, u64)]) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.doing(folder.display())?.path();
        if path.is_dir() {
            if !only_here {
                add(&path, false, parts)?;
            }
            continue;
        }
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("css") => "css",
            Some("woff2") => "fonts",
            Some("js") => "js",
            Some("wasm") => "wasm",
            _ => continue,
        };
        if let Some(part) = parts.iter_mut().find(|(name, _)| *name == kind) {
            part.1 += wire(&path)?;
        }
    }
    Ok(())
}

/// The compressed size where there is one.
fn wire(path: &Path) -> Result<u64> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let packed = path.with_extension(format!("{extension}.br"));
    let file = if packed.is_file() { packed } else { path.to_path_buf() };
    Ok(fs::metadata(&file).doing(file.display())?.len())
}

impl FirstLoad {
    pub(crate) fn total(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The parts, the sum, and how it stands to the goal.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("First load, brotli\n");
        for (name, bytes) in &self.parts {
            out.push_str(&format!("  {name:<6}{:>10}\n", kb(*bytes)));
        }
        let verdict = if self.total() <= GOAL_BYTES { "within" } else { "above" };
        out.push_str(&format!(
            "  {:<6}{:>10}   {verdict} the goal of {}",
            "sum",
            kb(self.total()),
            kb(GOAL_BYTES)
        ));
        out
    }

    /// Fails above the limit.
    pub(crate) fn check(&self) -> Result<()> {
        if self.total() <= LIMIT_BYTES {
            Ok(())
        } else {
            Err(failure(format!(
                "the first load is {}, above the limit of {}.",
                kb(self.total()),
                kb(LIMIT_BYTES)
            )))
        }
    }
}
