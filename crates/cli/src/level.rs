//! `logbrook level prove | export`: what is done with levels as files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use logbrook_lab::level::Level;
use logbrook_lab::parse::{read_all, read_level};
use logbrook_lab::proof;
use logbrook_session::catalog::{Catalog, Entry, Track};

/// `logbrook level …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LevelCommand {
    /// Prove levels: the start fails, each solution passes on all seeds, each wrong answer fails by
    /// the assertion that it names, no assertion is idle.
    Prove {
        /// Folders of levels (`lessons/basics/first-record`); all of `lessons` without.
        levels: Vec<PathBuf>,
    },
    /// Write each level as JSON, as the page loads it, with a catalog.json beside them.
    Export {
        /// Where the levels are.
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
        /// Folder to write into; it is made if it is not there.
        #[arg(long)]
        out: PathBuf,
    },
}

pub(crate) fn run(command: LevelCommand) -> ExitCode {
    let result = match command {
        LevelCommand::Prove { levels } => prove(&levels),
        LevelCommand::Export { lessons, out } => export(&lessons, &out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("logbrook level: {message}");
            ExitCode::FAILURE
        }
    }
}

fn prove(folders: &[PathBuf]) -> Result<(), String> {
    let levels: Vec<Level> = if folders.is_empty() {
        let tracks = read_all(Path::new("lessons")).map_err(|e| format!("lessons/{e}"))?;
        tracks.into_iter().flat_map(|t| t.levels).collect()
    } else {
        let read = |f: &PathBuf| read_level(f).map_err(|e| format!("{}/{e}", f.display()));
        folders.iter().map(read).collect::<Result<_, _>>()?
    };
    let mut failed = 0;
    for level in levels {
        let level = Arc::new(level);
        for step in proof::steps(&level) {
            let result = proof::prove(&level, &step);
            let mark = if result.is_ok() { "ok" } else { "FAILS" };
            println!("{} {step}: {mark}", level.path());
            if let Err(why) = result {
                println!("    {why}");
                failed += 1;
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} proofs fail")) }
}

fn export(lessons: &Path, out: &Path) -> Result<(), String> {
    let tracks = read_all(lessons).map_err(|e| format!("{}/{e}", lessons.display()))?;
    let mut catalog = Catalog::default();
    for track in tracks {
        let levels = track.levels.iter().map(Entry::of).collect();
        for level in &track.levels {
            write(&out.join(&track.slug).join(format!("{}.json", level.slug)), level)?;
        }
        catalog.tracks.push(Track { slug: track.slug, title: track.title, levels });
    }
    write(&out.join("catalog.json"), &catalog)
}

fn write(path: &Path, value: &impl serde::Serialize) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let json = serde_json::to_string(value).map_err(|e| format!("{}: {e}", path.display()))?;
    fs::write(path, json).map_err(fail)
}
