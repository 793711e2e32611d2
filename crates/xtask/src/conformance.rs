//! `cargo xtask conformance`: sessions recorded on Apache Kafka, replayed on a fresh simulated
//! cluster each. The comparing is a test of the shell crate; this draws its table.

use crate::env::command;
use crate::say::{Result, failure};
use std::fmt;

#[derive(clap::Args)]
pub(crate) struct Args {}

/// `conformance topics-create 41/41 ok`
const MARK: &str = "conformance ";

pub(crate) fn run(_: &Args) -> Result<()> {
    let table = replay()?;
    println!("{table}");
    println!("{}", table.summary());
    Ok(())
}

/// One row a session.
pub(crate) struct Table(Vec<Row>);

struct Row {
    name: String,
    same: u32,
    commands: u32,
    verdict: String,
}

/// Replays them all. A difference is printed as the test prints it, and is a failure.
pub(crate) fn replay() -> Result<Table> {
    let (passed, said) = command::captured(command::cargo().args([
        "test",
        "-p",
        "logbrook-shell",
        "--test",
        "conformance",
        "--",
        "--nocapture",
    ]))?;
    let table = Table(said.lines().filter_map(row).collect());
    if !passed {
        print!("{said}");
        return Err(failure(format!("a recorded session differs; {}", table.summary())));
    }
    if table.0.is_empty() {
        return Err(failure("no recorded session was replayed; at least one was expected."));
    }
    Ok(table)
}

fn row(line: &str) -> Option<Row> {
    let mut words = line[line.find(MARK)? + MARK.len()..].split_whitespace();
    let name = words.next()?.to_owned();
    let (same, commands) = words.next()?.split_once('/')?;
    Some(Row {
        name,
        same: same.parse().ok()?,
        commands: commands.parse().ok()?,
        verdict: words.collect::<Vec<_>>().join(" "),
    })
}

impl Table {
    /// `5 sessions, 181 of 181 commands as Apache Kafka`
    pub(crate) fn summary(&self) -> String {
        let sum = |of: fn(&Row) -> u32| self.0.iter().map(of).sum::<u32>();
        format!(
            "{} sessions, {} of {} commands as Apache Kafka",
            self.0.len(),
            sum(|r| r.same),
            sum(|r| r.commands)
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|row| row.name.len()).max().unwrap_or_default();
        for row in &self.0 {
            writeln!(
                f,
                "{:<width$}  {:>4} of {:>4}  {}",
                row.name, row.same, row.commands, row.verdict
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_the_test_is_a_row_and_other_lines_are_not() {
        let row =
            super::row("test sessions ... conformance topics-create 40/41 differs").expect("a row");
        assert_eq!(
            (row.name.as_str(), row.same, row.commands, row.verdict.as_str()),
            ("topics-create", 40, 41, "differs")
        );
        assert!(super::row("running 3 tests").is_none());
    }
}
