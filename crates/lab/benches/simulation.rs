//! What a simulated event and a graded seed cost (see `simulation/mod.rs`).
//!
//! `cargo bench -p logbrook-lab --features parse --bench simulation` prints a line a figure: its name, its
//! value and its unit, with tabs between them. `cargo xtask bench` runs it as wasm too.
#![allow(clippy::disallowed_types, reason = "a benchmark reads the clock")]

#[path = "simulation/mod.rs"]
mod figures;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match figures::measure(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")) {
        Ok(figures) => {
            for figures::Figure { name, unit, value } in figures {
                println!("{name}\t{value}\t{unit}");
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("simulation: {why}");
            ExitCode::FAILURE
        }
    }
}
