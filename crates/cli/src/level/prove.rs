//! `logbrook level prove`: each proof of a level, a line each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::parse::read_all;
use logbrook_lab::proof;

use crate::folder;

pub(crate) fn run(named: &[PathBuf], lessons: &Path) -> Result<ExitCode, String> {
    let levels: Vec<Level> = if named.is_empty() {
        let tracks = read_all(lessons).map_err(|e| format!("{}/{e}", lessons.display()))?;
        tracks.into_iter().flat_map(|t| t.levels).collect()
    } else {
        named.iter().map(|name| folder::read(name, lessons)).collect::<Result<_, _>>()?
    };
    let (mut proofs, mut failed) = (0, 0);
    for level in levels {
        let level = Arc::new(level);
        for step in proof::steps(&level) {
            proofs += 1;
            match proof::prove(&level, &step) {
                Ok(()) => println!("{} {step}: ok", level.path()),
                Err(why) => {
                    println!("{} {step}: FAILS\n    {why}", level.path());
                    failed += 1;
                }
            }
        }
    }
    println!("{proofs} proofs, {failed} fail");
    Ok(ExitCode::from(u8::from(failed > 0)))
}
