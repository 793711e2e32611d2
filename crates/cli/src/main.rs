//! The `logbrook` binary: one file a subcommand.

mod bench;
mod folder;
mod grade;
mod level;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Kafka of one node in Rust: lessons with a grader, and benches.
#[derive(Debug, Parser)]
#[command(name = "logbrook", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Grade an answer as the page would: run it, then each trial under its hidden seeds
    Grade(grade::GradeArgs),
    /// Prove, export, begin and format levels
    #[command(subcommand)]
    Level(level::LevelCommand),
    /// Measure the log and one simulated round trip
    Bench {
        /// Print one JSON list of {name, unit, value}
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Grade(args) => grade::run(&args),
        Command::Level(command) => level::run(command),
        Command::Bench { json } => bench::run(json),
    }
}
