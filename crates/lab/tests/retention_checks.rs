//! How long records can be read, asserted, and seen to hold and to fail in a run.

use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::Action;

/// A topic with these settings that is written to every second, looked at after so long.
fn failure(config: &str, lines: &[&str]) -> Option<String> {
    let toml = format!(
        r#"
format = 1
rev = 1
kind = "lesson"
title = "Retention"
idea = "Whole segments go."
needs = ["log", "apps"]
phase = 1
minutes = 5
kills = ["M15"]
after = []
seed_refs = []
hints = ["Look at the topic.", "Look at its segments.", "Look at its settings."]

[may]
tools = "all"
lab = ["sleep", "stop"]

[cluster]
brokers = 1
seed = 5
config = {{ "log.retention.check.interval.ms" = "60000" }}

[[topic]]
name = "audit"
partitions = 1
replication = 1
config = {{ {config} }}

[[app]]
name = "app"
role = "producer"
topic = "audit"
rate = "1/s"
events = {{ entity = "user-{{1..3}}", field = "user", pick = "uniform", bytes = 100 }}

[[assert]]
id = "it"
check = "retained_between"
topic = "audit"
min_age = "10m"
max_age = "20m"
"#
    );
    let files = [
        ("level.toml", toml.as_str()),
        ("README.md", "# Retention\n\n```goal\n```\n"),
        ("solution.session", "@sleep 1\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let level = Level::parse("storage", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
    let mut run = Run::start(Arc::new(level)).unwrap();
    for line in lines {
        run.run(&Action::parse(line).unwrap()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    run.observe();
    match &run.verdicts(true)[..] {
        [Verdict::Holds { .. }] => None,
        [Verdict::Fails(failure)] => Some(failure.message.clone()),
        other => panic!("{other:?}"),
    }
}

const HOUR: &[&str] = &["@sleep 3600"];

#[test]
fn segments_that_are_short_enough_go_in_time() {
    assert_eq!(failure(r#""retention.ms" = "600000", "segment.ms" = "300000""#, HOUR), None);
    // Nothing is old enough yet.
    assert_eq!(failure("", &["@sleep 600"]), None);
    // The last segment goes too, once all of it is old.
    let silent = ["@sleep 1200", "@stop app", "@sleep 1800"];
    assert_eq!(failure(r#""retention.ms" = "600000", "segment.ms" = "300000""#, &silent), None);
}

#[test]
fn an_open_segment_keeps_old_records() {
    let says = failure(r#""retention.ms" = "600000""#, HOUR).unwrap();
    assert!(says.starts_with("Record 0 of audit-0, written at 00:00."), "{says}");
    assert!(says.contains("could still be read after"), "{says}");
    let says = failure(r#""retention.ms" = "900000", "segment.ms" = "600000""#, HOUR).unwrap();
    assert!(says.contains("could still be read after 2"), "{says}");
}

#[test]
fn what_goes_too_early_is_found() {
    let says = failure(r#""retention.ms" = "300000", "segment.ms" = "60000""#, HOUR).unwrap();
    assert!(says.contains("was gone after"), "{says}");
    let delete = [
        "@sleep 65",
        "@stop app",
        "$ kafka-topics.sh --bootstrap-server localhost:9092 --delete --topic audit",
        "@sleep 5",
    ];
    let says = failure("", &delete).unwrap();
    assert!(
        says.starts_with("Record 0 of audit-0") && says.contains("was gone after 1 min"),
        "{says}"
    );
}

#[test]
fn nothing_written_is_not_kept() {
    assert_eq!(failure("", &[]).as_deref(), Some("Nothing has been written yet."));
}
