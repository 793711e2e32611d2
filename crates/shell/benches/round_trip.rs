//! A line typed into a console producer until a console consumer shows it (see `trip`).
//!
//! `cargo bench -p logbrook-shell --bench round_trip` prints a line; with `-- --json` one JSON list of
//! {name, unit, value}.
#![allow(clippy::disallowed_types, reason = "a benchmark reads the clock")]

mod trip;

use std::process::ExitCode;

fn main() -> ExitCode {
    let median_us = match trip::measure() {
        Ok(median_us) => median_us,
        Err(why) => {
            eprintln!("round_trip: {why}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().any(|argument| argument == "--json") {
        println!("[{{\"name\":\"{}\",\"unit\":\"us\",\"value\":{median_us:.3}}}]", trip::NAME);
    } else {
        println!("one simulated produce-to-consume round trip: {median_us:.1} us");
    }
    ExitCode::SUCCESS
}
