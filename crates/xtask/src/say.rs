//! What a task says while it works: one line when a step begins, one with the time when it ends.

use std::fmt;
use std::time::{Duration, Instant};

/// Why a task could not go on, in one sentence for a person.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A [`Failure`] from its sentence.
pub(crate) fn failure(sentence: impl Into<String>) -> Failure {
    Failure(sentence.into())
}

/// Puts what was being done in front of why it failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|why| failure(format!("{what}: {why}")))
    }
}

/// A step under way; [`Step::done`] prints its time.
pub(crate) struct Step {
    what: String,
    began: Instant,
}

/// Announces a step. Everything goes to stderr: stdout is for results (`--json`, the address).
pub(crate) fn step(what: impl Into<String>) -> Step {
    let what = what.into();
    eprintln!("  . {what}");
    Step { what, began: Instant::now() }
}

impl Step {
    pub(crate) fn done(self) -> Duration {
        self.done_with("")
    }

    /// Ends the step with a figure or a remark.
    pub(crate) fn done_with(self, remark: &str) -> Duration {
        let took = self.began.elapsed();
        let sep = if remark.is_empty() { "" } else { ", " };
        eprintln!("  ✓ {}: {}{sep}{remark}", self.what, seconds(took));
        took
    }
}

/// A remark inside a step.
pub(crate) fn note(text: impl fmt::Display) {
    eprintln!("    {text}");
}

/// `0.34 s`, `12.3 s`, `4 min 05 s`.
pub(crate) fn seconds(took: Duration) -> String {
    let s = took.as_secs_f64();
    if s < 10.0 {
        format!("{s:.2} s")
    } else if s < 60.0 {
        format!("{s:.1} s")
    } else {
        format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

/// `372.4 kB`: thousands of bytes, as the budget of the page counts them.
pub(crate) fn kb(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1000.0)
}
