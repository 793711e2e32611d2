//! `logbrook level prove`: each proof of a level, a line each.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logbrook_lab::level::Level;
use logbrook_lab::proof;

use super::fmt;
use crate::folder;

pub(crate) fn run(named: &[PathBuf], lessons: &Path) -> Result<ExitCode, String> {
    let mut tally = Tally::default();
    for folder in folder::named_or_all(named, lessons)? {
        let level = Arc::new(folder::read(&folder, lessons)?);
        let mut prover = proof::Prover::new(&level);
        for step in proof::steps(&level) {
            let begun = Instant::now();
            let result = prover.prove(&step);
            tally.say(&level, &step, begun.elapsed(), result);
        }
        let begun = Instant::now();
        let current = fmt::is_current(&level, &folder);
        tally.say(&level, &"README.md is what the engine gives", begun.elapsed(), current);
    }
    let Tally { proofs, failed, took } = tally;
    println!("{proofs} proofs in {:.1} s, {failed} fail", took.as_secs_f64());
    Ok(ExitCode::from(u8::from(failed > 0)))
}

#[derive(Default)]
struct Tally {
    proofs: u32,
    failed: u32,
    took: Duration,
}

impl Tally {
    fn say(
        &mut self,
        level: &Level,
        what: &dyn Display,
        took: Duration,
        result: Result<(), String>,
    ) {
        self.proofs += 1;
        self.took += took;
        let s = took.as_secs_f64();
        match result {
            Ok(()) => println!("{} {what}: ok ({s:.2} s)", level.path()),
            Err(why) => {
                println!("{} {what}: FAILS ({s:.2} s)\n    {}", level.path(), why.trim_end());
                self.failed += 1;
            }
        }
    }
}
