//! `logbrook session FILE`: the action lines of a file on a fresh simulated cluster.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use logbrook_shell::session_file;

/// Run the action lines of a file on a fresh simulated cluster and print the transcript
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
}

/// Exit codes: 0 run, and equal with `--check`; 1 different; 2 could not be run.
pub(crate) fn run(args: &SessionArgs) -> ExitCode {
    let file = args.file.display();
    let transcript = fs::read_to_string(&args.file)
        .map_err(|e| format!("FILE {file}: {e}"))
        .and_then(|text| session_file::run(&text, args.seed).map_err(|e| format!("{file}, {e}")));
    let transcript = match transcript {
        Ok(transcript) => transcript,
        Err(message) => {
            eprintln!("logbrook session: {message}");
            return ExitCode::from(2);
        }
    };
    if !args.check {
        print!("{}", transcript.text(false));
        return ExitCode::SUCCESS;
    }
    let differences = transcript.differences();
    for difference in &differences {
        println!("{file}, {difference}");
    }
    let (recorded, different) = (transcript.recorded(), differences.len());
    println!("{file}: {} of {recorded} recorded outputs are the same", recorded - different);
    ExitCode::from(u8::from(different > 0))
}
