//! librdkafka's own test suite, from the source that the crate rdkafka-sys carries.

use super::Run;
use super::report::{Outcome, Verdict};
use crate::env::command::{self, program};
use crate::env::librdkafka;
use crate::say::{Doing, Result, failure, note, step};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub(super) const ABOUT: &str = "\
librdkafka 2.12.1 (crate rdkafka-sys 4.10.0+2.12.1) on one broker of Apache Kafka 4.4.0 with num.partitions=4
./configure --disable-curl --disable-sasl --disable-ssl && make libs && make -C tests build
tests/test.conf: bootstrap.servers=HOST:PORT; in tests: TEST_KAFKA_VERSION=4.0.0 ./test-runner -Q -E
What failed in that run was run once more alone: TESTS=NNNN ./test-runner -p1 -Q -E";

pub(super) const ABOUT_CONSUMER: &str = "\
librdkafka 2.12.1 (crate rdkafka-sys 4.10.0+2.12.1) on one broker of Apache Kafka 4.4.0 with num.partitions=4
./configure --disable-curl --disable-sasl --disable-ssl && make libs && make -C tests build
tests/test.conf: bootstrap.servers=HOST:PORT; in tests:
TEST_CONSUMER_GROUP_PROTOCOL=consumer TEST_KAFKA_VERSION=4.0.0 ./test-runner -L -Q -E
What failed in that run was run once more alone: TESTS=NNNN ./test-runner -p1 -Q -E";

/// Several tests write to the second partition of a topic that they let the broker create.
pub(super) const PROPERTIES: &[&str] = &["num.partitions=4"];

/// `group.protocol` of the tests' consumers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Classic,
    Consumer,
}

/// Gets the source and builds library and tests, once.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    if runner(folder).is_file() {
        return Ok(());
    }
    let building = step("fetching and building librdkafka and its tests (some minutes)");
    let copy = folder.join("librdkafka");
    librdkafka::copy(&folder.join("fetch"), &copy)?;
    let log = folder.join("build.log");
    let made = fs::File::create(&log).doing(log.display())?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let configure = copy.join("configure");
    let configure = configure.as_os_str();
    let make = OsStr::new("make");
    let steps: [(&OsStr, &[&str]); 3] = [
        (configure, &["--disable-curl", "--disable-sasl", "--disable-ssl"]),
        (make, &["-j", &jobs, "libs"]),
        (make, &["-j", &jobs, "-C", "tests", "build"]),
    ];
    for (name, arguments) in steps {
        let out = made.try_clone().doing(log.display())?;
        let err = made.try_clone().doing(log.display())?;
        // A make that runs this would hand its own flags on.
        let mut making = program(name);
        making.args(arguments).current_dir(&copy).env_remove("MAKEFLAGS").stdout(out).stderr(err);
        command::run(&mut making).doing(format!("see {}", log.display()))?;
    }
    building.done();
    Ok(())
}

fn runner(folder: &Path) -> PathBuf {
    folder.join("librdkafka/tests/test-runner")
}

/// Runs the tests: all, five at a time, or those named alone.
pub(super) fn run(folder: &Path, run: &Run<'_>, protocol: Protocol) -> Result<Vec<Outcome>> {
    let tests = folder.join("librdkafka/tests");
    let conf = tests.join("test.conf");
    fs::write(&conf, format!("bootstrap.servers={}\n", run.bootstrap)).doing(conf.display())?;
    let report = folder.join("report.json");
    if report.exists() {
        fs::remove_file(&report).doing(report.display())?;
    }
    // The runner knows its tests by their numbers.
    let numbers: Vec<&str> =
        run.tests.iter().map(|name| name.split('_').next().unwrap_or(name)).collect();
    let log = folder.join(if numbers.is_empty() {
        "run.log".to_owned()
    } else {
        format!("run-{}.log", numbers.join("-"))
    });
    let out = fs::File::create(&log).doing(log.display())?;
    let err = out.try_clone().doing(log.display())?;
    let mut running = program(runner(folder));
    running.args(["-Q", "-E"]).current_dir(&tests).env("TEST_REPORT", &report);
    running.env("TEST_KAFKA_VERSION", "4.0.0");
    if protocol == Protocol::Consumer {
        // Without those that need no broker: they are the other suite's.
        running.arg("-L").env("TEST_CONSUMER_GROUP_PROTOCOL", "consumer");
    }
    // As the tests' own Makefile runs them.
    running.env("LD_LIBRARY_PATH", "../src:../src-cpp");
    if !numbers.is_empty() {
        running.arg("-p1").env("TESTS", numbers.join(","));
    }
    let mut child = running
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .doing(runner(folder).display())?;
    child.wait().doing(runner(folder).display())?;
    let said = String::from_utf8_lossy(&fs::read(&log).doing(log.display())?).into_owned();
    note(format!("what the tests said is in {}", log.display()));
    let report = fs::read_to_string(&report)
        .doing(format!("the test runner ended without a report; see {}", log.display()))?;
    outcomes(&report, &said, run.tests)
}

fn outcomes(report: &str, said: &str, only: &[String]) -> Result<Vec<Outcome>> {
    let report: serde_json::Value = serde_json::from_str(report).doing("librdkafka's report")?;
    let tests =
        report["tests"].as_object().ok_or_else(|| failure("librdkafka's report has no tests."))?;
    let reasons = reasons(said);
    let outcome = |name: &str, state: &str| {
        let verdict = match state {
            "PASSED" => Verdict::Passed,
            "SKIPPED" | "WAITING" => Verdict::Skipped,
            _failed_or_still_running => Verdict::Failed,
        };
        let remark = match verdict {
            Verdict::Passed => String::new(),
            Verdict::Failed | Verdict::Skipped => reasons.get(name).cloned().unwrap_or_default(),
        };
        Outcome { name: name.to_owned(), verdict, remark }
    };
    let counts = |name: &str| {
        name != "<MAIN>" && (only.is_empty() || only.iter().any(|o| name.starts_with(o.as_str())))
    };
    let all = tests.iter().filter(|(name, _)| counts(name));
    let mut outcomes: Vec<_> =
        all.map(|(name, test)| outcome(name, test["state"].as_str().unwrap_or_default())).collect();
    outcomes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(outcomes)
}

/// Why a test failed or was skipped: the summary's lines are
/// `|COLOUR NAME | STATE | TIME |COLOUR REASON`.
fn reasons(said: &str) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    for line in said.lines().filter(|line| line.starts_with('|')) {
        let plain = uncoloured(line);
        let mut columns = plain.splitn(5, '|').skip(1).map(str::trim);
        if let (Some(name), Some(_), Some(_), Some(reason)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        {
            reasons.insert(name.to_owned(), reason.to_owned());
        }
    }
    reasons
}

/// Without `ESC [ … m`.
fn uncoloured(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_and_its_summary_are_outcomes() {
        let report = r#"{"tests": {"<MAIN>": {"state": "PASSED"}, "0001_multiobj": {"state": "PASSED"},
            "0004_conf": {"state": "FAILED"}, "0081_admin": {"state": "RUNNING"}}}"#;
        let said = "noise | FAILED\n|\u{1b}[31m 0004_conf          |     FAILED |   1.2s |\u{1b}[0m\u{1b}[31m bad value\u{1b}[0m\n";
        let outcomes = outcomes(report, said, &[]).expect("a report");
        let seen: Vec<_> =
            outcomes.iter().map(|o| (o.name.as_str(), o.verdict, o.remark.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("0001_multiobj", Verdict::Passed, ""),
                ("0004_conf", Verdict::Failed, "bad value"),
                ("0081_admin", Verdict::Failed, ""),
            ]
        );
    }
}
