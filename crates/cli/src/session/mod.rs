//! `logbrook session FILE`: the action lines of a file on a fresh cluster, simulated or real.

mod job;
mod kit;
mod live;
mod nodes;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use logbrook_shell::ActionError;
use logbrook_shell::session_file::{self, Transcript};

/// Run the action lines of a file on a fresh cluster and print the transcript
///
/// The cluster is simulated, and the tools are ours. With --kit Kafka's own tools run against
/// `logbrook serve` on port 9092, and with --kafka against Apache Kafka itself.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// The file; its `@cluster` line says on which cluster
    file: PathBuf,
    /// Compare with the recorded output under the file's masks; exit 1 where it differs
    #[arg(long)]
    check: bool,
    /// Feeds everything that the run draws: delays, ids
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run Apache Kafka's tools from this folder on real processes (`cargo xtask conformance` makes it)
    #[arg(long, value_name = "DIR", conflicts_with = "seed")]
    kit: Option<PathBuf>,
    /// With --kit: the brokers are Apache Kafka's too
    #[arg(long, requires = "kit")]
    kafka: bool,
    /// Write what was printed, under the masks, into the file in place of what is recorded there
    #[arg(long, requires = "kafka", conflicts_with = "check")]
    record: bool,
}

/// Exit codes: 0 run, and equal with `--check`; 1 different; 2 could not be run.
pub(crate) fn run(args: &SessionArgs) -> ExitCode {
    match outcome(args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("logbrook session: {message}");
            ExitCode::from(2)
        }
    }
}

fn outcome(args: &SessionArgs) -> Result<ExitCode, String> {
    let file = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|e| format!("FILE {file}: {e}"))?;
    let transcript = transcript(args, &text).map_err(|e| format!("{file}, {e}"))?;
    if args.record {
        fs::write(&args.file, transcript.text(true)).map_err(|e| format!("FILE {file}: {e}"))?;
        println!("{file}: recorded");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.check {
        print!("{}", transcript.text(false));
        return Ok(ExitCode::SUCCESS);
    }
    let differences = transcript.differences();
    for difference in &differences {
        println!("{file}, {difference}");
    }
    let (recorded, different) = (transcript.recorded(), differences.len());
    println!("{file}: {} of {recorded} recorded outputs are the same", recorded - different);
    Ok(ExitCode::from(u8::from(different > 0)))
}

fn transcript(args: &SessionArgs, text: &str) -> Result<Transcript, String> {
    let Some(folder) = &args.kit else {
        return session_file::run(text, args.seed).map_err(|e| e.to_string());
    };
    let whose = if args.kafka { nodes::Whose::Kafka } else { nodes::Whose::Logbrook };
    live::run(text, &kit::Kit::open(folder)?, whose)
}

/// What is wrong with a line, for a place that names the line itself.
fn found(error: ActionError) -> String {
    format!("found `{}`, expected {}", error.found, error.expected)
}
