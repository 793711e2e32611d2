//! What a learner has done, kept in the browser as text: one line a fact.
//!
//! ```text
//! logbrook progress 1
//! begun basics/first-record
//! passed basics/first-record lines=3 hints=0
//! ```

use logbrook_sorted::SortedMap;
use std::fmt;

/// How far each level is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    levels: SortedMap<String, State>,
}

/// How far one level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Something was run or answered in it.
    Begun,
    /// Its goals held.
    Passed {
        /// Changing lines of the best answer.
        lines: u32,
        /// Hints open when it was passed.
        hints: u32,
    },
}

/// Why stored progress cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressError {
    line: usize,
    found: String,
    expected: &'static str,
}

impl fmt::Display for ProgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, found, expected } = self;
        write!(f, "line {line}: found `{found}`, expected {expected}")
    }
}

impl std::error::Error for ProgressError {}

const HEAD: &str = "logbrook progress 1";

impl Progress {
    /// Something was done in the level.
    pub fn begin(&mut self, level: &str) {
        self.levels.entry(level.to_owned()).or_insert(State::Begun);
    }

    /// The level was passed. The best answer is kept.
    pub fn pass(&mut self, level: &str, lines: u32, hints: u32) {
        let best = match self.levels.get(level) {
            Some(State::Passed { lines: before, hints: h }) if (*before, *h) <= (lines, hints) => {
                return;
            }
            Some(State::Passed { .. } | State::Begun) | None => State::Passed { lines, hints },
        };
        self.levels.insert(level.to_owned(), best);
    }

    /// Takes over what another browser has; the better answer of each level stays. How many levels
    /// are further now.
    pub fn merge(&mut self, other: &Self) -> usize {
        let before = self.clone();
        for (level, state) in &other.levels {
            match state {
                State::Begun => self.begin(level),
                State::Passed { lines, hints } => self.pass(level, *lines, *hints),
            }
        }
        self.levels.iter().filter(|(level, state)| before.of(level) != Some(**state)).count()
    }

    /// How many levels were passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.levels.values().filter(|state| matches!(state, State::Passed { .. })).count()
    }

    /// How far the level is; none when it was never begun.
    #[must_use]
    pub fn of(&self, level: &str) -> Option<State> {
        self.levels.get(level).copied()
    }

    /// As text, to be kept.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = format!("{HEAD}\n");
        for (level, state) in &self.levels {
            out.push_str(&match state {
                State::Begun => format!("begun {level}\n"),
                State::Passed { lines, hints } => {
                    format!("passed {level} lines={lines} hints={hints}\n")
                }
            });
        }
        out
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// The first line that is not of this form; the caller keeps the text and starts empty.
    pub fn read(text: &str) -> Result<Self, ProgressError> {
        let mut progress = Self::default();
        for (i, line) in text.lines().enumerate() {
            let fail = |expected| ProgressError {
                line: i + 1,
                found: line.chars().take(80).collect(),
                expected,
            };
            if i == 0 {
                if line != HEAD {
                    return Err(fail("`logbrook progress 1`"));
                }
                continue;
            }
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["begun", level] => progress.begin(level),
                ["passed", level, lines, hints] => {
                    let number = |word: &str, name: &str| {
                        word.strip_prefix(name)?.strip_prefix('=')?.parse::<u32>().ok()
                    };
                    let (Some(lines), Some(hints)) =
                        (number(lines, "lines"), number(hints, "hints"))
                    else {
                        return Err(fail("`passed TRACK/LEVEL lines=N hints=N`"));
                    };
                    progress.pass(level, lines, hints);
                }
                _other => {
                    return Err(fail(
                        "`begun TRACK/LEVEL` or `passed TRACK/LEVEL lines=N hints=N`",
                    ));
                }
            }
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_the_best_answer_stays() {
        let mut progress = Progress::default();
        progress.begin("a/b");
        progress.pass("a/c", 5, 1);
        progress.pass("a/c", 3, 0);
        progress.pass("a/c", 9, 0);
        progress.begin("a/c");
        assert_eq!(Progress::read(&progress.write()).unwrap(), progress);
        assert_eq!(progress.of("a/c"), Some(State::Passed { lines: 3, hints: 0 }));
        assert_eq!(progress.of("a/b"), Some(State::Begun));
        assert_eq!(progress.of("x/y"), None);
    }

    #[test]
    fn two_browsers_are_merged_and_nothing_is_lost() {
        let mut here = Progress::default();
        here.begin("a/b");
        here.pass("a/c", 3, 0);
        let mut there = Progress::default();
        there.pass("a/b", 4, 2);
        there.pass("a/c", 9, 0);
        assert_eq!(here.merge(&there), 1);
        assert_eq!(here.of("a/b"), Some(State::Passed { lines: 4, hints: 2 }));
        assert_eq!(here.of("a/c"), Some(State::Passed { lines: 3, hints: 0 }));
        assert_eq!((here.passed(), here.merge(&there)), (2, 0));
    }

    #[test]
    fn what_was_edited_by_hand_is_refused_with_its_line() {
        for (text, line) in [
            ("{\"passed\":[]}", 1),
            ("logbrook progress 2\n", 1),
            ("logbrook progress 1\npassed a/b lines=-1 hints=0\n", 2),
            ("logbrook progress 1\nbegun a/b\nnonsense", 3),
        ] {
            let error = Progress::read(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: found")), "{error}");
        }
        assert_eq!(Progress::read("").unwrap(), Progress::default());
    }
}
