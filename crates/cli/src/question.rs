//! `logbrook question …`: what is done with interview questions as files.

mod prove;
mod tell;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use logbrook_lab::parse::{QuestionFolder, read_all, read_questions};
use logbrook_lab::question::Question;

/// `logbrook question …`.
#[derive(Debug, Subcommand)]
pub(crate) enum QuestionCommand {
    /// Prove questions: each claim holds in its run under several seeds and fails in a counter-run, the
    /// answer can be chosen, the evidence speaks for one cause, sheets pass and fail as they say
    Prove {
        /// Questions (`acks`); all without
        questions: Vec<String>,
        /// Where questions are looked for
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
    },
    /// Print what a question's runs print, and what is measured in them
    Tell {
        /// The question
        question: String,
        /// Where questions are looked for
        #[arg(long, default_value = "lessons")]
        lessons: PathBuf,
    },
}

/// Exit codes: 0 done, 1 a proof fails, 2 could not be done.
pub(crate) fn run(command: QuestionCommand) -> ExitCode {
    let result = match command {
        QuestionCommand::Prove { questions, lessons } => prove::run(&questions, &lessons),
        QuestionCommand::Tell { question, lessons } => tell::run(&question, &lessons),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("logbrook question: {message}");
            ExitCode::from(2)
        }
    }
}

/// All rounds with their questions. An error names the file and the line.
fn all(lessons: &Path) -> Result<Vec<QuestionFolder>, String> {
    let fail = |e: logbrook_lab::parse::LevelError| format!("{}/{e}", lessons.display());
    let tracks = read_all(lessons).map_err(fail)?;
    read_questions(lessons, &tracks).map_err(fail)
}

/// These questions; all where none is named.
fn named_or_all(named: &[String], lessons: &Path) -> Result<Vec<Question>, String> {
    let all: Vec<Question> = all(lessons)?.into_iter().flat_map(|round| round.questions).collect();
    if named.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().find(|question| question.slug == *name).cloned().ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|question| question.slug.as_str()).collect();
            format!("QUESTION: found `{name}`, expected one of {}", known.join(", "))
        })
    };
    named.iter().map(find).collect()
}
