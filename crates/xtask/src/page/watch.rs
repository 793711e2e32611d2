//! Rebuilding as files change. Times of files are polled: a few hundred files take a millisecond,
//! and it is the same on every system.

use super::serve::Rebuilds;
use super::{Profile, build, fingerprint};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

const EVERY: Duration = Duration::from_millis(250);

/// Builds after every change and tells open pages. An error is shown, and the next change tried.
pub(crate) fn rebuild_for_ever(rebuilds: &Rebuilds) {
    let mut seen = times();
    loop {
        thread::sleep(EVERY);
        let now = times();
        if now == seen {
            continue;
        }
        let changed =
            now.iter().find(|(file, time)| seen.get(*file) != Some(*time)).map(|(file, _)| file);
        if let Some(name) = changed.and_then(|file| file.file_name()) {
            eprintln!("\n{} has changed", name.to_string_lossy());
        }
        seen = now;
        match build(Profile::Dev, "/") {
            Ok(_) => rebuilds.announce(),
            Err(why) => eprintln!("xtask: {why}"),
        }
    }
}

fn times() -> BTreeMap<PathBuf, Option<SystemTime>> {
    fingerprint::inputs()
        .into_iter()
        .map(|file| {
            let time = file.metadata().and_then(|m| m.modified()).ok();
            (file, time)
        })
        .collect()
}
