//! The engine's own tests as wasm32-wasip1 under node, and the proof that both machines agree.

use crate::env::{command, node, paths, targets};
use crate::say::{Result, failure, note};
use std::process::Command;

const PACKAGES: &[&str] = &[
    "-p",
    "logbrook-record",
    "-p",
    "logbrook-log",
    "-p",
    "logbrook-group",
    "-p",
    "logbrook-cluster",
];

/// Prints one line a seed: `trace_hash seed=7 hash=0123456789abcdef`.
const TRACES: &[&str] = &["test", "-p", "logbrook-cluster", "--test", "trace_hash"];
const MARK: &str = "trace_hash seed=";

/// Runs the same `#[test]`s as on this machine. A failing one aborts its program there, so that what
/// it said is shown only when something failed.
pub(crate) fn tests() -> Result<String> {
    let (passed, said) = command::captured(under_node()?.arg("test").args(PACKAGES).args([
        "--target",
        targets::WASI,
        "--",
        "--nocapture",
    ]))?;
    if !passed {
        print!("{said}");
        return Err(failure("a test that passes here or not fails as wasm; its words are above."));
    }
    let count: u32 = said.lines().filter_map(passed_in).sum();
    note(format!("{count} tests passed as wasm"));
    Ok(format!("{count} tests"))
}

/// `test result: ok. 12 passed; …` -> 12.
fn passed_in(line: &str) -> Option<u32> {
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}

/// Compares each seed's trace hash, native and wasm.
pub(crate) fn same_traces() -> Result<String> {
    let native = hashes(command::cargo().args(TRACES).args(["--", "--nocapture"]))?;
    let wasm =
        hashes(under_node()?.args(TRACES).args(["--target", targets::WASI, "--", "--nocapture"]))?;
    if native.is_empty() {
        return Err(failure(format!("no line began with `{MARK}`; one a seed was expected.")));
    }
    for (here, there) in native.iter().zip(&wasm) {
        if here != there {
            return Err(failure(format!("the machines differ: native `{here}`, wasm `{there}`.")));
        }
    }
    if native.len() != wasm.len() {
        return Err(failure(format!(
            "{} seeds ran natively and {} as wasm.",
            native.len(),
            wasm.len()
        )));
    }
    note(format!("{} seeds leave the same trace", native.len()));
    Ok(format!("{} seeds agree", native.len()))
}

fn hashes(cargo: &mut Command) -> Result<Vec<String>> {
    let (passed, said) = command::captured(cargo)?;
    if !passed {
        print!("{said}");
        return Err(failure(format!("`{}` failed.", command::line(cargo))));
    }
    // The test's name may stand before the first line: libtest prints it without a line's end.
    Ok(said
        .lines()
        .filter_map(|line| line.find(MARK).map(|at| line[at..].trim().to_owned()))
        .collect())
}

/// What `cargo bench` of the simulation measures, here and as wasm of the page's own profile.
pub(crate) fn simulation() -> Result<Vec<serde_json::Value>> {
    let mut measures = Vec::new();
    let bench = ["bench", "-p", "logbrook-lab", "--features", "parse", "--bench", "simulation"];
    let native = command::output(command::cargo().args(bench))?;
    measures.extend(native.lines().filter_map(|line| measure(line, "native")));
    let page = ["--profile", "web", "--target", targets::WASI];
    let wasm = command::output(under_node()?.args(bench).args(page))?;
    measures.extend(wasm.lines().filter_map(|line| measure(line, "wasm")));
    match measures.is_empty() {
        true => Err(failure("the bench of the simulation printed no figure.")),
        false => Ok(measures),
    }
}

/// `name<tab>value<tab>unit`, as `logbrook bench --json` has it.
fn measure(line: &str, machine: &str) -> Option<serde_json::Value> {
    let mut words = line.split('\t');
    let (name, value) = (words.next()?, words.next()?.parse::<f64>().ok()?);
    let unit = words.next()?;
    let (what, figure) = name.rsplit_once('/')?;
    let name = format!("{what} {machine}/{figure}");
    Some(serde_json::json!({ "name": name, "unit": unit, "value": value }))
}

/// Cargo with node as the wasm target's runner.
fn under_node() -> Result<Command> {
    node::ensure()?;
    targets::ensure(&[targets::WASI])?;
    let runner = paths::root().join("tests/wasm/run.mjs");
    let mut cargo = command::cargo();
    let runner = format!(
        "target.{}.runner = ['node', '--no-warnings', '{}']",
        targets::WASI,
        runner.display()
    );
    cargo.args(["--config", &runner]);
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_figure_is_read_as_it_is_printed() {
        let read = super::measure("simulation/3 brokers/events\t206.5\tk/s", "wasm");
        let expected = serde_json::json!(
            { "name": "simulation/3 brokers wasm/events", "unit": "k/s", "value": 206.5 }
        );
        assert_eq!(read, Some(expected));
        assert_eq!(super::measure("    Finished `bench` profile", "wasm"), None);
    }

    #[test]
    fn passed_tests_are_counted() {
        assert_eq!(super::passed_in("test result: ok. 12 passed; 0 failed; 0 ignored"), Some(12));
        assert_eq!(super::passed_in("running 12 tests"), None);
    }
}
