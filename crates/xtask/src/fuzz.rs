//! `cargo xtask fuzz`: bytes from strangers against each decoder and the connection, with cargo-fuzz.
//!
//! Inputs that reach new code are kept in `fuzz/corpus/TARGET`: small, and part of the repository. A
//! finding stands in `fuzz/artifacts/TARGET`.

use crate::env::{command, paths};
use crate::say::{Doing, Result, failure, step};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";
/// Larger inputs show nothing that smaller ones do not, and make a corpus heavy.
const MAX_INPUT_BYTES: u32 = 4096;
/// One allocation of more than this is a finding: no input is larger than [`MAX_INPUT_BYTES`], and
/// what a batch may unpack to is limited.
const MAX_ALLOCATION_MB: u32 = 512;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// One target (all without): a file of fuzz/fuzz_targets
    target: Option<String>,
    /// How long each is tried
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Run the inputs that are kept, and nothing new
    #[arg(long, conflicts_with = "minutes")]
    replay: bool,
    /// Keep only the inputs that reach something which the others do not
    #[arg(long)]
    minimize: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let all = targets()?;
    let chosen: Vec<String> = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => {
            let all = all.join(", ");
            return Err(failure(format!("no fuzz target `{name}`; found {all}.")));
        }
    };
    let fuzz = install()?;
    let mut found = Vec::new();
    for target in &chosen {
        let corpus = folder("corpus").join(target);
        fs::create_dir_all(&corpus).doing(corpus.display())?;
        let mut run = cargo_fuzz(&fuzz);
        run.args(["run", target]).arg(&corpus);
        let seconds = if args.replay { 0.0 } else { args.minutes * 60.0 };
        run.arg("--").arg(format!("-max_len={MAX_INPUT_BYTES}"));
        run.arg(format!("-malloc_limit_mb={MAX_ALLOCATION_MB}"));
        if args.replay {
            run.arg("-runs=0");
        } else {
            run.arg(format!("-max_total_time={}", seconds.ceil()));
        }
        let trying = step(format!("{target}, for {seconds:.0} s"));
        match command::run(&mut run) {
            Ok(()) => {
                trying.done();
            }
            Err(_finding) => found.push(target.clone()),
        }
        if args.minimize {
            command::run(cargo_fuzz(&fuzz).args(["cmin", target]).arg(&corpus))?;
        }
    }
    println!("{} targets, {} with findings {}", chosen.len(), found.len(), found.join(" "));
    if found.is_empty() {
        return Ok(());
    }
    Err(failure(format!("see fuzz/artifacts/{{{}}}.", found.join(","))))
}

fn folder(name: &str) -> PathBuf {
    paths::root().join("fuzz").join(name)
}

/// The targets, by name.
fn targets() -> Result<Vec<String>> {
    let dir = folder("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).doing(dir.display())? {
        let path = entry.doing(dir.display())?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// cargo-fuzz, of its own folder so that nobody's tools are replaced.
fn install() -> Result<PathBuf> {
    let root = paths::target().join("tools");
    let binary = root.join("bin").join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
    if !binary.is_file() {
        let installing = step("installing cargo-fuzz");
        command::run(
            command::cargo()
                .args(["install", "cargo-fuzz", "--locked", "--version"])
                .arg(CARGO_FUZZ)
                .arg("--root")
                .arg(&root),
        )
        .doing("cargo-fuzz could not be installed; is there a network, and a C++ compiler?")?;
        installing.done();
    }
    Ok(binary)
}

/// The sanitizer's flags are unstable; the toolchain of the project has them all the same.
fn cargo_fuzz(binary: &Path) -> Command {
    let mut command = command::program(binary);
    command.arg("fuzz").env("RUSTC_BOOTSTRAP", "1").current_dir(paths::root());
    command
}
