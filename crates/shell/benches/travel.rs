//! What going back in time costs (see `travel/mod.rs`), with the memory that a clone takes.
//!
//! `cargo bench -p logbrook-shell --bench travel` prints a line a figure.
#![allow(clippy::disallowed_types, reason = "a benchmark reads the clock")]

#[path = "travel/mod.rs"]
mod figures;

use std::process::ExitCode;

use peak_alloc::PeakAlloc;

/// The system's allocator, which says how many bytes are out.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    match figures::measure(Some(|| MEMORY.current_usage())) {
        Ok(figures) => {
            for figures::Figure { name, unit, value } in figures {
                println!("{name:<60} {value:>14.1} {unit}");
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("travel: {why}");
            ExitCode::FAILURE
        }
    }
}
