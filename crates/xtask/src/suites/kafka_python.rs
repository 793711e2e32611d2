//! kafka-python's integration tests, from its source distribution.

use super::report::{Outcome, Verdict};
use super::{Run, python};
use crate::env::command;
use crate::env::command::{captured, program};
use crate::say::{Doing, Result, failure, note, step};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "\
kafka-python 3.0.12 (source distribution, test/integration) on one broker of Apache Kafka 4.4.0
KAFKA_ROOT=/tmp PYTHONPATH=$PWD KAFKA_URI=kafka://HOST:PORT KAFKA_VERSION=4.2.0
pytest --timeout=60 --timeout-method=signal test/integration
test/__init__.py is empty and test/service.py starts nothing: both are missing in the distribution";

const VERSION: &str = "3.0.12";

/// pytest and what it needs here, and every codec that kafka-python can use.
const PACKAGES: &[&str] = &[
    "pytest==8.4.2",
    "pytest-timeout==2.4.0",
    "py==1.11.0",
    "crc32c==2.9.post0",
    "lz4==4.4.5",
    "python-snappy==0.7.3",
    "zstandard==0.25.0",
];

/// The distribution lacks the module that its fixtures import; a broker is never started by it.
const SERVICE: &str = "\
class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def close(self):
        pass


class SpawnedService:
    def __init__(self, *args, **kwargs):
        raise RuntimeError(\"a broker is given, none is started\")
";

pub(super) fn prepare(folder: &Path) -> Result<()> {
    python::environment(folder, PACKAGES)?;
    let source = source(folder);
    if source.join("test/service.py").is_file() {
        return Ok(());
    }
    let fetching = step("fetching kafka-python's source");
    let name = format!("kafka-python=={VERSION}");
    let get = ["download", "--no-deps", "--no-binary", "kafka-python", "--dest"];
    command::run(python::pip(folder).args(get).arg(folder).arg(name))
        .doing("kafka-python could not be fetched; is there a network?")?;
    let archive = folder.join(format!("kafka_python-{VERSION}.tar.gz"));
    let unpack = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])";
    command::run(
        program(python::interpreter(folder)).args(["-c", unpack]).arg(&archive).arg(folder),
    )?;
    fs::write(source.join("test/__init__.py"), "").doing(source.display())?;
    fs::write(source.join("test/service.py"), SERVICE).doing(source.display())?;
    fetching.done();
    Ok(())
}

fn source(folder: &Path) -> PathBuf {
    folder.join(format!("kafka_python-{VERSION}"))
}

pub(super) fn run(folder: &Path, run: &Run<'_>) -> Result<Vec<Outcome>> {
    let source = source(folder);
    let mut pytest = program(python::interpreter(folder));
    pytest
        .args(["-m", "pytest", "--timeout=60", "--timeout-method=signal"])
        .args([
            "-v",
            "-rfEs",
            "--tb=short",
            "-p",
            "no:warnings",
            "-p",
            "no:cacheprovider",
            "--color=no",
        ])
        .current_dir(&source)
        .env("PYTHONPATH", &source)
        .env("KAFKA_ROOT", std::env::temp_dir())
        .env("KAFKA_URI", format!("kafka://{}", run.bootstrap))
        .env("KAFKA_VERSION", "4.2.0")
        .env("COLUMNS", "400");
    match run.tests {
        [] => pytest.arg("test/integration"),
        tests => pytest.args(tests.iter().map(|test| format!("test/integration/{test}"))),
    };
    let (_, said) = captured(&mut pytest)?;
    let log = folder.join(if run.tests.is_empty() { "run.log" } else { "run-alone.log" });
    fs::write(&log, &said).doing(log.display())?;
    note(format!("what the tests said is in {}", log.display()));
    let outcomes = outcomes(&said);
    if outcomes.is_empty() {
        return Err(failure(format!("pytest ran no test; see {}", log.display())));
    }
    Ok(outcomes)
}

/// `test/integration/FILE::NAME PASSED [ 1%]` while it runs, `FAILED PATH::NAME - REASON` at the end.
fn outcomes(said: &str) -> Vec<Outcome> {
    const IN: &str = "test/integration/";
    let mut reasons = BTreeMap::new();
    let mut found: BTreeMap<String, Verdict> = BTreeMap::new();
    let mut order = Vec::new();
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix(IN) {
            let Some((name, rest)) = rest.split_once(' ') else { continue };
            let verdict = match rest.split_whitespace().next() {
                Some("PASSED") => Verdict::Passed,
                Some("FAILED" | "ERROR") => Verdict::Failed,
                Some("SKIPPED") => Verdict::Skipped,
                Some(_) | None => continue,
            };
            if found.insert(name.to_owned(), verdict).is_none() {
                order.push(name.to_owned());
            }
        } else if let Some((path, reason)) = line.split_once(" - ") {
            let path = path.trim_start_matches("FAILED ").trim_start_matches("ERROR ");
            if let Some(name) = path.strip_prefix(IN) {
                reasons.insert(name.to_owned(), reason.to_owned());
            }
        }
    }
    let outcome = |name: String| Outcome {
        verdict: found.get(&name).copied().unwrap_or(Verdict::Failed),
        remark: reasons.get(&name).cloned().unwrap_or_default(),
        name,
    };
    order.into_iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_pytest_are_outcomes() {
        let said = "\
test/integration/test_a.py::test_x[gzip] PASSED                  [  1%]
test/integration/test_a.py::test_y FAILED                        [  2%]
test/integration/test_b.py::T::test_z SKIPPED (no broker)        [  3%]
FAILED test/integration/test_a.py::test_y - KeyError: 'advertised.listeners'
";
        let seen = outcomes(said);
        let seen: Vec<_> =
            seen.iter().map(|o| (o.name.as_str(), o.verdict, o.remark.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("test_a.py::test_x[gzip]", Verdict::Passed, ""),
                ("test_a.py::test_y", Verdict::Failed, "KeyError: 'advertised.listeners'"),
                ("test_b.py::T::test_z", Verdict::Skipped, ""),
            ]
        );
    }
}
