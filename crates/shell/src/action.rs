//! The action language: one line, one act.
//!
//! An answer, a setup, a share link, a learner's history and a recorded session are all the same
//! thing: a list of these lines. Every verb of the level format and of the recorded sessions is a
//! variant here, so parsing, printing and running them cannot drift apart.
//!
//! ```text
//! $ COMMAND                a tool; its standard input follows as `< text` lines
//! & NAME COMMAND           the same in another terminal
//! @verb arguments          time, faults, applications, answers
//! # text                   a comment
//! | text  ! text  = code   recorded standard output, standard error, exit code
//! %no-newline stdout       the recorded stream ended without a newline
//! +12.345 LINE             the virtual time at which the line was issued
//! ```

mod parse;
mod print;
mod target;
mod verb;

#[cfg(test)]
mod action_test;

use std::fmt;

pub use parse::parse_entries;
pub use print::print_entries;
pub use target::{Select, Target, TopicPartitionRef};
pub use verb::VERBS;

/// One line of the language, with the standard input that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// An empty line, kept so that a file prints as it was written.
    Blank,
    /// `#text`: what stands after the `#`, as it is.
    Comment(String),
    /// `@cluster N K=V …`: the first step of a session, a fresh cluster of N brokers.
    Cluster {
        /// Number of brokers.
        nodes: u32,
        /// The words after it: `SET=…` (broker properties, separated by `;`), `FEATURES=…`, `QUORUM=…`.
        settings: Vec<(String, String)>,
    },
    /// `@mask REGEX`: from here on, group 1 of each match in outputs is masked.
    Mask(String),
    /// `@file NAME`: a file of the working directory, with its lines.
    File {
        /// File name, without a directory.
        name: String,
        /// Its lines, without newline.
        lines: Vec<String>,
    },
    /// `$ COMMAND`: run it to its end.
    Run {
        /// The command line as typed.
        command: String,
        /// Its standard input; it is closed after the last line.
        stdin: Vec<String>,
    },
    /// `& NAME COMMAND`: start it in another terminal. With lines its input is closed after the
    /// last; without, it stays open for `@feed`.
    Background {
        /// The terminal's name.
        name: String,
        /// The command line as typed.
        command: String,
        /// Its standard input.
        stdin: Vec<String>,
    },
    /// `@feed NAME TEXT`: one more line of standard input.
    Feed {
        /// The terminal's name.
        name: String,
        /// The line.
        text: String,
    },
    /// `@expect NAME REGEX`: wait until its output, from where the last one matched, matches.
    Expect {
        /// The terminal's name.
        name: String,
        /// A regular expression, `^` and `$` at line ends.
        regex: String,
    },
    /// `@close NAME`: end of its standard input, then wait for it.
    Close(String),
    /// `@wait NAME`: wait for its end.
    Wait(String),
    /// `@stop NAME`: SIGTERM to a terminal's process, then wait; or the orderly stop of an app.
    Stop(Target),
    /// `@until REGEX`: the next `$` is repeated, at most 60 s, until its output matches.
    Until(String),
    /// `@sleep S`.
    Sleep(Span),
    /// `@at T`: let time pass to T, from the start of the level.
    At(Span),
    /// `@kill X`: kill -9.
    Kill(Target),
    /// `@term X`: orderly stop.
    Term(Target),
    /// `@start X`.
    Start(Target),
    /// `@crash N`: the machine loses its power, and what was not flushed is gone.
    Crash(Target),
    /// `@lose N`: the machine is gone with its disk.
    Lose(Target),
    /// `@pause X S`: the process stops and goes on where it was.
    Pause(Target, Span),
    /// `@disk N slow MS`, `@disk N full`, `@disk N ok`.
    Disk(Target, DiskState),
    /// `@clock X MS`: skew of its wall clock in ms.
    Clock(Target, i64),
    /// `@cut A from B,C`.
    Cut {
        /// One side.
        from: Target,
        /// What it can no longer reach, in both directions.
        to: Vec<Target>,
    },
    /// `@delay A B MS`: additional one-way latency in ms.
    Delay(Target, Target, u32),
    /// `@drop A B PERCENT`: share of the messages that is lost.
    Drop(Target, Target, u32),
    /// `@heal`: every cut, delay and drop ends.
    Heal,
    /// `@app NAME role=ROLE k=v …`: one more application ([`logbrook_app::WORDS`], and settings as `@deploy`
    /// takes them).
    App {
        /// Its name.
        name: String,
        /// Words in the order written.
        words: Vec<(String, String)>,
    },
    /// `@deploy APP k=v …`: an empty value takes a setting back to its default.
    Deploy {
        /// The application's name.
        app: String,
        /// Settings in the order written.
        settings: Vec<(String, String)>,
    },
    /// `@scale APP N`.
    Scale {
        /// The application's name.
        app: String,
        /// Number of instances.
        instances: u32,
    },
    /// `@restart APP` or `@restart APP/i`.
    Restart(Target),
    /// `@burst APP RATE S`.
    Burst {
        /// The application's name.
        app: String,
        /// Events a second, as written (`200/s`).
        rate: String,
        /// How long.
        span: Span,
    },
    /// `@poison APP KIND [entity=E]`.
    Poison {
        /// The application's name.
        app: String,
        /// `malformed`, `invalid`, `slow:30s`, `fatal`.
        kind: String,
        /// The next event of this entity, else the next event.
        entity: Option<String>,
    },
    /// `@store NAME down`, `up`, `slow MS`.
    Store(String, StoreState),
    /// `@predict ID VALUE`.
    Predict {
        /// The prediction's id.
        id: String,
        /// The answer as given.
        value: String,
    },
    /// `@note TEXT`.
    Note(String),
}

/// State of a node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Each write takes this many ms more.
    Slow(u32),
    /// No space left.
    Full,
    /// As new.
    Ok,
}

/// State of an outside store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// Refuses everything.
    Down,
    /// Works.
    Up,
    /// Each operation takes this many ms.
    Slow(u32),
}

/// A span of virtual time in microseconds; written in seconds (`2`, `0.5`) or with a unit
/// (`500ms`, `10m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub i64);

impl Span {
    /// Microseconds.
    pub fn us(self) -> i64 {
        self.0
    }
}

/// Output recorded under a command, or produced by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output, newlines included.
    pub stdout: String,
    /// Standard error, newlines included.
    pub stderr: String,
    /// Exit code, where one was recorded.
    pub exit: Option<i32>,
}

/// One action of a file or history: where it stands, when it was issued, what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Line number in the file, from 1.
    pub line: usize,
    /// Virtual time in microseconds, where the line carries one.
    pub at_us: Option<i64>,
    /// What to do.
    pub action: Action,
    /// The output lines that follow, if any do.
    pub recorded: Option<Output>,
}

/// Why a line cannot be read or run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionError {
    /// Line number, from 1; 1 for a single line.
    pub line: usize,
    /// What stood there.
    pub found: String,
    /// What could have stood there.
    pub expected: String,
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: found `{}`, expected {}", self.line, self.found, self.expected)
    }
}

impl std::error::Error for ActionError {}

impl ActionError {
    pub(crate) fn new(found: impl Into<String>, expected: impl Into<String>) -> ActionError {
        ActionError { line: 1, found: found.into(), expected: expected.into() }
    }

    /// The same error at another line of a file.
    pub fn at_line(mut self, line: usize) -> ActionError {
        self.line = line;
        self
    }
}

impl Action {
    /// Reads one action with its `< text` lines.
    pub fn parse(text: &str) -> Result<Action, ActionError> {
        let entries = parse_entries(text)?;
        match entries.len() {
            1 => Ok(entries.into_iter().next().map(|e| e.action).unwrap_or(Action::Blank)),
            0 => Ok(Action::Blank),
            _ => Err(ActionError::new(text, "one action line, with its `< text` lines")
                .at_line(entries[1].line)),
        }
    }

    /// Reads a verb without its `@`, as a level's timeline writes it: `kill leader(orders-0)`.
    pub fn parse_verb(text: &str) -> Result<Action, ActionError> {
        verb::parse(text.trim())
    }

    /// Does the line alter state? Reading is free; the rest counts towards a level's par.
    ///
    /// A tool run counts if it creates, alters, deletes, produces, resets, elects or reassigns.
    pub fn is_changing(&self) -> bool {
        match self {
            Action::Run { command, stdin } | Action::Background { command, stdin, .. } => {
                crate::tools::is_changing(command, stdin)
            }
            Action::Blank
            | Action::Comment(_)
            | Action::Mask(_)
            | Action::File { .. }
            | Action::Expect { .. }
            | Action::Wait(_)
            | Action::Until(_)
            | Action::Sleep(_)
            | Action::At(_)
            | Action::Predict { .. }
            | Action::Note(_) => false,
            Action::Cluster { .. }
            | Action::Feed { .. }
            | Action::Close(_)
            | Action::Stop(_)
            | Action::Kill(_)
            | Action::Term(_)
            | Action::Start(_)
            | Action::Crash(_)
            | Action::Lose(_)
            | Action::Pause(..)
            | Action::Disk(..)
            | Action::Clock(..)
            | Action::Cut { .. }
            | Action::Delay(..)
            | Action::Drop(..)
            | Action::Heal
            | Action::App { .. }
            | Action::Deploy { .. }
            | Action::Scale { .. }
            | Action::Restart(_)
            | Action::Burst { .. }
            | Action::Poison { .. }
            | Action::Store(..) => true,
        }
    }

    /// The tool, or the verb with its `@`: what an author lists under `[may]`.
    pub fn name(&self) -> String {
        match self {
            Action::Run { command, .. } | Action::Background { command, .. } => {
                command.split_whitespace().next().unwrap_or_default().to_string()
            }
            Action::Blank => String::new(),
            other => other.to_string().split_whitespace().next().unwrap_or_default().to_string(),
        }
    }
}
