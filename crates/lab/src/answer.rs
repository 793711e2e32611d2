//! Answers: action lines, as a solution, a wrong answer or a learner's own.

use logbrook_shell::action::{ActionError, Entry, parse_entries};

/// Reads the lines of an answer.
///
/// # Errors
/// The first line that is no action, with what was expected.
pub fn parse(text: &str) -> Result<Vec<Entry>, ActionError> {
    parse_entries(text)
}

/// The lines of an answer that change state, as printed. Lines that do not parse change nothing.
#[must_use]
pub fn changing(text: &str) -> Vec<String> {
    let entries = parse(text).unwrap_or_default();
    entries.iter().filter(|e| e.action.is_changing()).map(|e| e.action.to_string()).collect()
}

/// How many lines of an answer change state; the unit of par.
#[must_use]
pub fn changing_lines(text: &str) -> usize {
    changing(text).len()
}
