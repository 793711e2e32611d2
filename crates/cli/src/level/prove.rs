//! `logbrook level prove`: each proof of a level, a line each.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::proof;

use super::fmt;
use crate::folder;

pub(crate) fn run(named: &[PathBuf], lessons: &Path) -> Result<ExitCode, String> {
    let mut tally = Tally::default();
    for folder in folder::named_or_all(named, lessons)? {
        let level = Arc::new(folder::read(&folder, lessons)?);
        for step in proof::steps(&level) {
            tally.say(&level, &step, proof::prove(&level, &step));
        }
        tally.say(&level, &"README.md is what the engine gives", fmt::is_current(&level, &folder));
    }
    let Tally { proofs, failed } = tally;
    println!("{proofs} proofs, {failed} fail");
    Ok(ExitCode::from(u8::from(failed > 0)))
}

#[derive(Default)]
struct Tally {
    proofs: u32,
    failed: u32,
}

impl Tally {
    fn say(&mut self, level: &Level, what: &dyn Display, result: Result<(), String>) {
        self.proofs += 1;
        match result {
            Ok(()) => println!("{} {what}: ok", level.path()),
            Err(why) => {
                println!("{} {what}: FAILS\n    {}", level.path(), why.trim_end());
                self.failed += 1;
            }
        }
    }
}
