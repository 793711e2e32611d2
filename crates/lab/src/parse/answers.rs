//! `*.session` files of a level: their lines are checked when the level is read.

use logbrook_shell::action::Action;

use super::LevelError;
use crate::level::{Level, WrongAnswer};

/// Checks that every line of a file is an action line.
pub(super) fn check_lines(file: &str, text: &str) -> Result<(), LevelError> {
    check_lines_at(file, 0, text)
}

/// The same for a block that starts after line `above` of the file.
pub(super) fn check_lines_at(file: &str, above: usize, text: &str) -> Result<(), LevelError> {
    crate::answer::parse(text)
        .map(|_steps| ())
        .map_err(|e| LevelError::new(file, Some(above + e.line), e.to_string()))
}

/// Checks the `do` of an event, an action line without its `@`.
pub(super) fn check_verb(verb: &str) -> Result<(), String> {
    Action::parse_verb(verb).map(|_action| ()).map_err(|e| e.to_string())
}

/// Reads a wrong answer: its header of `# name: value` comments, then its lines.
///
/// # Errors
/// A header that names no assertion or trial of the level, or a line that is no action.
pub fn parse_wrong(file: &str, text: &str, level: &Level) -> Result<WrongAnswer, LevelError> {
    let path = format!("wrong/{file}");
    let fail = |line: usize, message: String| LevelError::new(&path, Some(line), message);
    let mut wrong = WrongAnswer {
        file: file.to_owned(),
        fails: String::new(),
        trial: None,
        says: None,
        because: None,
        lines: text.to_owned(),
    };
    for (i, line) in text.lines().enumerate() {
        let Some((name, value)) = line.strip_prefix("# ").and_then(|l| l.split_once(": ")) else {
            break;
        };
        let value = value.trim().to_owned();
        match name {
            "fails" => wrong.fails = value,
            "trial" => wrong.trial = Some(value),
            "says" => {
                let inner = value.strip_prefix('/').and_then(|v| v.strip_suffix('/'));
                let Some(pattern) = inner else {
                    return Err(fail(
                        i + 1,
                        format!("says: found {value:?}, expected /regular expression/"),
                    ));
                };
                if let Err(e) = regex_lite::Regex::new(pattern) {
                    return Err(fail(i + 1, format!("says: {e}")));
                }
                wrong.says = Some(pattern.to_owned());
            }
            "because" => wrong.because = Some(value),
            _other => {
                return Err(fail(
                    i + 1,
                    format!("found {name:?}, expected fails, trial, says or because"),
                ));
            }
        }
    }
    if !level.asserts.iter().any(|a| a.id == wrong.fails) {
        let known: Vec<_> = level.asserts.iter().map(|a| a.id.as_str()).collect();
        return Err(fail(1, format!("fails: found {:?}, expected one of {known:?}", wrong.fails)));
    }
    if let Some(name) = &wrong.trial
        && !level.trials.iter().any(|t| &t.name == name)
    {
        let known: Vec<_> = level.trials.iter().map(|t| t.name.as_str()).collect();
        return Err(fail(1, format!("trial: found {name:?}, expected one of {known:?}")));
    }
    check_lines(&path, text)?;
    Ok(wrong)
}
