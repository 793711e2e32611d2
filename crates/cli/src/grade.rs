//! `logbrook grade LEVEL --answer FILE`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use logbrook_lab::grade::{Judged, Report, grade};
use logbrook_lab::verdict::{Verdict, clock};

use crate::folder;

/// Grade an answer as the page would: run it, then each trial under its hidden seeds
#[derive(Debug, Args)]
pub(crate) struct GradeArgs {
    /// The level: `basics/first-record`, or its folder
    level: PathBuf,
    /// The answer: a file of action lines
    #[arg(long)]
    answer: PathBuf,
    /// How many seeds each trial runs; the level's own number without
    #[arg(long)]
    seeds: Option<u32>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Where levels are looked for
    #[arg(long, default_value = "lessons")]
    lessons: PathBuf,
}

/// Exit codes: 0 passed, 1 failed, 2 could not be graded.
pub(crate) fn run(args: &GradeArgs) -> ExitCode {
    match report(args) {
        Ok(report) => {
            match args.json {
                true => match serde_json::to_string_pretty(&report) {
                    Ok(json) => println!("{json}"),
                    Err(e) => {
                        eprintln!("logbrook grade: {e}");
                        return ExitCode::from(2);
                    }
                },
                false => print(&report),
            }
            ExitCode::from(u8::from(!report.passed))
        }
        Err(message) => {
            eprintln!("logbrook grade: {message}");
            ExitCode::from(2)
        }
    }
}

fn report(args: &GradeArgs) -> Result<Report, String> {
    let level = Arc::new(folder::read(&args.level, &args.lessons)?);
    if args.seeds == Some(0) {
        return Err("--seeds: found 0, expected at least 1".to_owned());
    }
    let answer = read(&args.answer)?;
    grade(&level, &answer, args.seeds).map_err(|e| format!("{}, {e}", args.answer.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("--answer {}: {e}", path.display()))
}

fn print(report: &Report) {
    println!(
        "{}, rev {}: {}",
        report.level,
        report.rev,
        if report.passed { "passed" } else { "failed" }
    );
    for Judged { id, goal, verdict } in &report.run {
        match verdict {
            Verdict::Holds { evidence } => println!("  holds  {id}: {goal} ({evidence})"),
            Verdict::Fails(failure) => {
                println!("  fails  {id}: {goal}\n         {}", failure.message)
            }
            Verdict::Open { missing } => println!("  open   {id}: {goal}\n         {missing}"),
        }
    }
    for trial in &report.trials {
        println!("  trial \"{}\": {} of {} seeds passed", trial.name, trial.passed, trial.seeds);
    }
    if let Some(first) = &report.first_failure {
        let place = match (&first.trial, first.seed) {
            (Some(trial), Some(seed)) => {
                format!("trial \"{trial}\", seed {seed}, at {}", clock(first.failure.time_us))
            }
            _in_the_run => format!("the run, at {}", clock(first.failure.time_us)),
        };
        println!("  first failure: {} in {place}\n    {}", first.assert, first.failure.message);
        if let Some(because) = &first.because {
            println!("    because {because}");
        }
    }
}
