//! The one door for every task: `cargo xtask help`.
//!
//! One file a task; what tasks share stands under `env/` (what this machine has and lacks) and
//! `page/` (how the page is built, packed and served).

mod bench;
mod build;
mod conformance;
mod e2e;
mod env;
mod fmt;
mod fuzz;
mod kill;
mod lint;
mod page;
mod page_measures;
mod play;
mod say;
mod shots;
mod suites;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build, play, prove and measure Logbrook. Each task installs what it lacks and says so.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = false)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the page, serve it on 127.0.0.1 and open a browser
    Play(play::Args),
    /// Run everything: native, no_std and wasm tests, recorded Kafka sessions, lints, the page in a browser
    Test(test::Args),
    /// Build the page into dist/, ready for any static host
    Build(build::Args),
    /// Measure the engine and the page's first load
    Bench(bench::Args),
    /// Take screenshots of each place at 390, 1024 and 1440 pixels, light and dark
    Shots(shots::Args),
    /// Measure the built page in a real Chromium: Lighthouse's figures, frame times under load
    Page(page_measures::Args),
    /// Drive the built page in a real Chromium
    E2e(e2e::Args),
    /// Bytes from strangers against each decoder and the connection (`--minutes N` each)
    Fuzz(fuzz::Args),
    /// Compare the recorded Apache Kafka sessions and print the table
    Conformance(conformance::Args),
    /// Kill `logbrook serve --data` under load, again and again, and check what it kept
    Kill(kill::Args),
    /// Format every crate (`--check` only looks)
    Fmt(fmt::Args),
    /// Clippy over every crate, warnings refused
    Lint(lint::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Play(args) => play::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Build(args) => build::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Shots(args) => shots::run(&args),
        Task::Page(args) => page_measures::run(&args),
        Task::E2e(args) => e2e::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Conformance(args) => conformance::run(&args),
        Task::Kill(args) => kill::run(&args),
        Task::Fmt(args) => fmt::run(&args),
        Task::Lint(args) => lint::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
