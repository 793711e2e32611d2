//! The recorded sessions on real processes: Kafka's own tools against `logbrook serve`, or against
//! Apache Kafka to see that a recording still holds, or to make it anew.

use super::{Row, Table};
use crate::env::{command, kafka, logbrook, paths};
use crate::say::{Doing, Result, failure, note, step};
use std::fs;
use std::path::{Path, PathBuf};

/// Who answers Kafka's tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// `logbrook serve`.
    Logbrook,
    /// Apache Kafka, compared with the recording.
    Kafka,
    /// Apache Kafka, and the recording is made anew.
    Record,
}

/// Runs the sessions named, or all; one after another, as each has port 9092 to itself.
pub(crate) fn run(who: Who, names: &[String]) -> Result<Table> {
    let kit = kafka::ensure()?;
    let binary = logbrook::build()?;
    let mut rows = Vec::new();
    let mut sessions = files(names)?;
    if who == Who::Logbrook && names.is_empty() {
        sessions.retain(|file| !needs_several_brokers(file));
    }
    for file in sessions {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let playing = step(&name);
        let mut session = command::program(&binary);
        session.arg("session").arg(&file).arg("--kit").arg(&kit);
        session.args(match who {
            Who::Logbrook => &["--check"][..],
            Who::Kafka => &["--check", "--kafka"][..],
            Who::Record => &["--record", "--kafka"][..],
        });
        let (passed, said) = command::captured(&mut session)?;
        let row = row(&name, &said, passed);
        if row.verdict != "ok" {
            note(&said);
        }
        playing.done_with(&row.verdict);
        rows.push(row);
    }
    Ok(Table(rows))
}

/// `logbrook serve` is one broker.
fn needs_several_brokers(session: &Path) -> bool {
    let text = fs::read_to_string(session).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("@cluster "))
        .any(|words| words.split_whitespace().next() != Some("1"))
}

/// `FILE: 40 of 41 recorded outputs are the same` ends what a check says.
fn row(name: &str, said: &str, passed: bool) -> Row {
    let last = said.lines().last().unwrap_or_default();
    let mut counts = last.rsplit(": ").next().unwrap_or_default().split_whitespace();
    let mut count = || counts.find_map(|word| word.parse().ok());
    let (same, commands) = (count().unwrap_or(0), count().unwrap_or(0));
    let verdict = match (passed, commands) {
        (true, _) => "ok",
        (false, 0) => "not run",
        (false, _) => "differs",
    };
    Row { name: name.to_owned(), same, commands, verdict: verdict.to_owned() }
}

fn files(names: &[String]) -> Result<Vec<PathBuf>> {
    let folder = paths::root().join("tests/conformance");
    let mut all: Vec<PathBuf> = fs::read_dir(&folder)
        .doing(folder.display())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "session"))
        .collect();
    all.sort();
    if names.is_empty() {
        return Ok(all);
    }
    names
        .iter()
        .map(|name| {
            let stem = name.strip_suffix(".session").unwrap_or(name);
            let found = all.iter().find(|path| path.file_stem().is_some_and(|s| s == stem));
            found.cloned().ok_or_else(|| {
                failure(format!("there is no session `{name}` in tests/conformance."))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_line_of_a_check_is_a_row() {
        let said = "x.session, line 3: $ a\n--- recorded\nx.session: 40 of 41 recorded outputs are the same";
        let row = super::row("x", said, false);
        assert_eq!((row.same, row.commands, row.verdict.as_str()), (40, 41, "differs"));
        assert_eq!(super::row("x", "", false).verdict, "not run");
    }
}
