//! `cargo xtask test`: everything, part by part, with a table at the end.

pub(crate) mod wasm;

use crate::env::{command, targets};
use crate::page::{self, Profile, sizes};
use crate::say::{Result, failure, kb, seconds};
use crate::{conformance, e2e, fmt, lint};
use clap::ValueEnum;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these parts (default: all)
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only what needs neither wasm nor a browser: fmt, native, kafka
    #[arg(long, conflicts_with = "parts")]
    fast: bool,
}

/// The parts, in the order in which they run: what fails often and early first.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every file is formatted
    Fmt,
    /// The tests of every crate, on this machine
    Native,
    /// The recorded sessions of Apache Kafka's tools, replayed
    Kafka,
    /// record, log and group build without std
    NoStd,
    /// The same tests of record, log, group and cluster as wasm, under node
    Wasm,
    /// The same seeds leave the same trace natively and as wasm
    Hashes,
    /// Clippy over every crate
    Lint,
    /// The page builds, and its first load is within the limit
    Page,
    /// The built page in a real Chromium
    E2e,
}

/// What record, log and group are proved to be free of.
const NO_STD: &[&str] = &["-p", "logbrook-record", "-p", "logbrook-log", "-p", "logbrook-group"];

/// One part's row in the table.
struct Row {
    part: Part,
    took: Duration,
    result: Result<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let began = Instant::now();
    let parts: Vec<Part> = match (args.fast, args.parts.is_empty()) {
        (true, _) => vec![Part::Fmt, Part::Native, Part::Kafka],
        (false, true) => Part::value_variants().to_vec(),
        (false, false) => Part::value_variants()
            .iter()
            .copied()
            .filter(|part| args.parts.contains(part))
            .collect(),
    };
    let mut rows = Vec::new();
    for (i, part) in parts.iter().copied().enumerate() {
        eprintln!("\n[{}/{}] {}: {}", i + 1, parts.len(), name(part), about(part));
        let began = Instant::now();
        let result = one(part);
        if let Err(why) = &result {
            eprintln!("  ✗ {why}");
        }
        rows.push(Row { part, took: began.elapsed(), result });
    }
    println!("\n{}", table(&rows));
    let failed = rows.iter().filter(|row| row.result.is_err()).count();
    println!(
        "{} of {} parts passed in {}",
        rows.len() - failed,
        rows.len(),
        seconds(began.elapsed())
    );
    if failed == 0 {
        Ok(())
    } else {
        Err(failure(format!("{failed} of {} parts failed.", rows.len())))
    }
}

/// Runs one part; answers with the figure worth a place in the table.
fn one(part: Part) -> Result<String> {
    let nothing = |()| String::new();
    match part {
        Part::Fmt => fmt::run(&fmt::Args { check: true }).map(nothing),
        Part::Native => native(),
        Part::Kafka => {
            let table = conformance::replay()?;
            conformance::kept::check(&table)?;
            Ok(table.summary())
        }
        Part::NoStd => {
            targets::ensure(&[targets::BARE])?;
            command::run(
                command::cargo().arg("build").args(NO_STD).args(["--target", targets::BARE]),
            )
            .map(nothing)
        }
        Part::Wasm => wasm::tests(),
        Part::Hashes => wasm::same_traces(),
        Part::Lint => lint::native().and_then(|()| lint::page()).map(nothing),
        Part::Page => {
            let load = sizes::first_load(&page::build(Profile::Web, "/")?.dist)?;
            eprint!("{}", load.table());
            load.check()?;
            Ok(format!(
                "first paint {}, first command {}, all {}",
                kb(load.first()),
                kb(load.answered()),
                kb(load.total())
            ))
        }
        Part::E2e => e2e::drive(&[]).map(nothing),
    }
}

fn native() -> Result<String> {
    let rest = ["test", "--workspace", "--exclude", "logbrook-web", "--exclude", "xtask"];
    command::run(command::cargo().args(rest))?;
    // In a build of its own: no other has bugs that can be planted.
    let planted = ["test", "-p", "logbrook-sim", "--features", "planted-bugs", "--test", "planted"];
    command::run(command::cargo().args(planted))?;
    // As xtask was built to run this: its dependencies are not compiled a second time.
    command::run(command::cargo().args(["test", "--profile", "dev", "--package", "xtask"]))?;
    Ok(String::new())
}

fn name(part: Part) -> String {
    part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn about(part: Part) -> String {
    let value = part.to_possible_value();
    value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
}

fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        let (glyph, remark) = match &row.result {
            Ok(figure) => ("✓", figure.clone()),
            Err(why) => ("✗", why.to_string()),
        };
        let line = format!("{glyph} {:<8}{:>13}  {remark}", name(row.part), seconds(row.took));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
