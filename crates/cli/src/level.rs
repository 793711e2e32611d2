//! `logbrook level …`: what is done with levels as files.

mod export;
mod fmt;
mod new;
mod prove;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

/// `logbrook level …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LevelCommand {
    /// Prove levels: the start fails, each solution passes on all seeds, each wrong answer fails by
    /// the assertion that it names, no assertion is idle
    Prove {
        /// Levels (`basics/first-record`) or their folders; all without
        levels: Vec<PathBuf>,
        /// Where levels are looked for
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
    },
    /// Write each level as the page loads it and as JSON, with a catalog beside them
    Export {
        /// Where the levels are
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
        /// Folder to write into; it is made if it is not there
        #[arg(long)]
        out: PathBuf,
    },
    /// Begin a level: a folder that reads, passes its proofs and explains itself
    New {
        /// Where: `groups/who-reads-what`
        #[arg(value_name = "TRACK/SLUG")]
        name: String,
        /// Where the levels are
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
    },
    /// Rewrite the run, show and goal blocks of each README.md from the engine
    Fmt {
        /// Levels (`basics/first-record`) or their folders; all without
        levels: Vec<PathBuf>,
        /// Only report; exit 1 where something would be rewritten
        #[arg(long)]
        check: bool,
        /// Where levels are looked for
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
    },
}

/// Exit codes: 0 done, 1 a proof fails or a file is not as the engine has it, 2 could not be done.
pub(crate) fn run(command: LevelCommand) -> ExitCode {
    let result = match command {
        LevelCommand::Prove { levels, lessons } => prove::run(&levels, &lessons),
        LevelCommand::Export { lessons, out } => export::run(&lessons, &out),
        LevelCommand::New { name, lessons } => new::run(&name, &lessons),
        LevelCommand::Fmt { levels, check, lessons } => fmt::run(&levels, &lessons, check),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("logbrook level: {message}");
            ExitCode::from(2)
        }
    }
}
