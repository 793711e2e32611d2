//! Apache Kafka itself, through Maven: what the sessions are recorded from, and the tools that drive
//! `logbrook serve`. Needed for the live runs alone.

use super::command::{output, program, run};
use super::paths;
use crate::say::{Doing, Result, failure, step};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of tests/kafka that the kit carries as they are.
const AS_THEY_ARE: &[&str] = &["log4j2-broker.yaml", "log4j2-tools.yaml"];
const CLIENT: &str = "Drive.java";

/// Lays the kit out in target/kafka, once for each content of tests/kafka; answers with its folder.
pub(crate) fn ensure() -> Result<PathBuf> {
    let from = paths::root().join("tests/kafka");
    let kit = paths::target().join("kafka");
    let mut sources = String::new();
    for name in AS_THEY_ARE.iter().copied().chain(["pom.xml", CLIENT]) {
        let file = from.join(name);
        sources += &fs::read_to_string(&file).doing(file.display())?;
    }
    let stamp = kit.join("sources");
    if fs::read_to_string(&stamp).is_ok_and(|seen| seen == sources) {
        return Ok(kit);
    }
    for (tool, flag) in [("java", "-version"), ("javac", "-version"), ("mvn", "--version")] {
        if !super::command::works(program(tool).arg(flag)) {
            return Err(failure(format!(
                "`{tool}` was not found; Java 17 and Maven are needed to run Apache Kafka beside Logbrook."
            )));
        }
    }
    let fetching = step("fetching Apache Kafka through Maven");
    let fresh = kit.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).doing(fresh.display())?;
    for profile in ["broker", "tools"] {
        jars(&from.join("pom.xml"), profile, &fresh.join(profile))?;
    }
    let classes = fresh.join("drive");
    fs::create_dir_all(&classes).doing(classes.display())?;
    run(program("javac")
        .args(["-nowarn", "-cp"])
        .arg(fresh.join("broker/*"))
        .arg("-d")
        .arg(&classes)
        .arg(from.join(CLIENT)))?;
    for name in AS_THEY_ARE {
        fs::copy(from.join(name), fresh.join(name)).doing(name)?;
    }
    let _ = fs::remove_dir_all(&kit);
    fs::rename(&fresh, &kit).doing(format!("{} into place", fresh.display()))?;
    fs::write(&stamp, sources).doing(stamp.display())?;
    fetching.done();
    Ok(kit)
}

fn jars(pom: &Path, profile: &str, to: &Path) -> Result<()> {
    output(
        program("mvn")
            .args(["-q", "-B", "-f"])
            .arg(pom)
            .args(["-P", profile, "dependency:copy-dependencies"])
            .arg(format!("-DoutputDirectory={}", to.display())),
    )
    .map(drop)
    .doing("Apache Kafka's jars could not be fetched; is there a network?")
}
