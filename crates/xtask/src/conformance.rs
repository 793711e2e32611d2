//! `cargo xtask conformance`: sessions recorded on Apache Kafka, replayed on a fresh simulated
//! cluster each, or on real processes. The comparing is the shell crate's; this draws its table.

pub(crate) mod kept;
mod live;

use crate::env::command;
use crate::say::{Result, failure};
use crate::suites;
use std::fmt;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run Apache Kafka's own tools against `logbrook serve` (needs Java 17 and Maven, and port 9092)
    #[arg(long, conflicts_with_all = ["live", "record"])]
    served: bool,
    /// Run Apache Kafka itself, and see that it still says what is recorded
    #[arg(long, conflicts_with = "record")]
    live: bool,
    /// Run Apache Kafka itself, and record anew what it says
    #[arg(long)]
    record: bool,
    /// With --served, --live, --record: these sessions of tests/conformance alone
    sessions: Vec<String>,
    #[command(flatten)]
    suites: suites::Args,
    /// Write what the replay came to into docs/conformance.json, for the reference
    #[arg(long, conflicts_with_all = ["served", "live", "record", "json"])]
    table: bool,
    /// Print one JSON list: of {name, same, commands, verdict}, or of {suite, tests}
    #[arg(long)]
    json: bool,
}

/// `conformance topics-create 41/41 ok`
const MARK: &str = "conformance ";

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.suites.any() {
        return suites::run(&args.suites, args.json);
    }
    let table = if args.served {
        live::run(live::Who::Logbrook, &args.sessions)?
    } else if args.live {
        live::run(live::Who::Kafka, &args.sessions)?
    } else if args.record {
        live::run(live::Who::Record, &args.sessions)?
    } else if args.sessions.is_empty() {
        replay()?
    } else {
        return Err(failure(
            "sessions are named with --served, --live or --record; without, all are replayed.",
        ));
    };
    if args.table {
        kept::write(&table)?;
    }
    if args.json {
        println!("{}", table.json());
    } else {
        println!("{table}");
        println!("{}", table.summary());
    }
    match table.0.iter().all(|row| row.verdict == "ok") {
        true => Ok(()),
        false => Err(failure("not every session is as Apache Kafka.")),
    }
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
    fn json(&self) -> serde_json::Value {
        let row = |row: &Row| {
            serde_json::json!({
                "name": row.name, "same": row.same, "commands": row.commands, "verdict": row.verdict,
            })
        };
        serde_json::Value::Array(self.0.iter().map(row).collect())
    }

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
