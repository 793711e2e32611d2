//! What is asserted of groups and settings, each seen to hold and to fail in a run.

use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::Action;

const WORLD: &str = r#"
format = 1
rev = 1
kind = "challenge"
title = "A group"
idea = "A group shares its partitions."
needs = ["log", "group-classic", "apps"]
phase = 1
minutes = 5
kills = ["M11"]
after = []
seed_refs = []
hints = ["Look at the group.", "Look at its members.", "Look at their partitions."]

[may]
tools = "all"
lab = ["sleep", "kill", "scale", "deploy", "start", "stop"]

[may.deploy]
worker = { process_ms = "any" }

[cluster]
brokers = 1
seed = 3

[[topic]]
name = "jobs"
partitions = 4
replication = 1

[[app]]
name = "shop"
role = "producer"
topic = "jobs"
rate = "20/s"
events = { entity = "job-{1..40}", field = "job", pick = "uniform" }
code = { key = "job" }

[[app]]
name = "worker"
role = "consumer"
instances = 2
group = "workers"
topics = ["jobs"]
config = { "session.timeout.ms" = "10000", "heartbeat.interval.ms" = "1000", "auto.offset.reset" = "earliest" }
code = { process_ms = 1 }
"#;

/// A run of the world with these assertions, after these lines.
fn run(asserts: &str, lines: &[&str]) -> Run {
    let toml = format!("{WORLD}\n{asserts}");
    let wrong = "# fails: it\n# because: nothing was done\n@sleep 1\n";
    let files = [
        ("level.toml", toml.as_str()),
        ("README.md", "# A group\n\n```goal\n```\n"),
        ("solution.session", "@sleep 1\n"),
        ("wrong/one.session", wrong),
        ("wrong/two.session", wrong),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let level = Level::parse("groups", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
    let mut run = Run::start(Arc::new(level)).unwrap();
    for line in ["@sleep 8"].iter().chain(lines) {
        run.run(&Action::parse(line).unwrap()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    run.observe();
    run
}

/// Why the only assertion fails; none where it holds.
fn failure(assert: &str, lines: &[&str]) -> Option<String> {
    let asserts = format!("[[assert]]\nid = \"it\"\n{assert}\n");
    match &run(&asserts, lines).verdicts(true)[..] {
        [Verdict::Holds { .. }] => None,
        [Verdict::Fails(failure)] => {
            assert!(
                failure.event.is_some()
                    || assert.contains("config_is")
                    || assert.contains("group_is")
            );
            Some(failure.message.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_is_what_its_coordinator_says() {
    let stable = "check = \"group_is\"\ngroup = \"workers\"\nstate = \"Stable\"\nprotocol = \"classic\"\nmembers = 2";
    assert_eq!(failure(stable, &[]), None);
    assert_eq!(
        failure(stable, &["@scale worker 3", "@sleep 8"]).as_deref(),
        Some("Group `workers` is of 3 members.")
    );
    let none = "check = \"group_is\"\ngroup = \"nobody\"";
    assert_eq!(failure(none, &[]).as_deref(), Some("Group `nobody` is not there."));
    let other =
        "check = \"group_is\"\ngroup = \"workers\"\nprotocol = \"consumer\"\nmembers_max = 1";
    assert_eq!(
        failure(other, &[]).as_deref(),
        Some("Group `workers` is of 2 members, of the classic protocol.")
    );
}

#[test]
fn idle_members_and_uneven_ones_are_found() {
    let balanced =
        "check = \"assignment_balanced\"\ngroup = \"workers\"\nmax_diff = 0\nidle_max = 0";
    assert_eq!(failure(balanced, &[]), None);
    assert_eq!(
        failure(balanced, &["@scale worker 3", "@sleep 8"]).as_deref(),
        Some("The partitions of `workers` are with worker/1: 1, worker/2: 1, worker/3: 2.")
    );
    let idle = "check = \"assignment_balanced\"\ngroup = \"workers\"\nmax_diff = 1\nidle_max = 0";
    assert_eq!(
        failure(idle, &["@scale worker 5", "@sleep 8"]).as_deref(),
        Some(
            "The partitions of `workers` are with worker/1: 1, worker/2: 0, worker/3: 1, worker/4: 1, worker/5: 1."
        )
    );
}

#[test]
fn rebalances_are_counted() {
    let at_most =
        |n: u32| format!("check = \"rebalances_at_most\"\ngroup = \"workers\"\nmax = {n}");
    let lines = ["@scale worker 3", "@sleep 8"];
    let many = failure(&at_most(1), &lines).unwrap();
    assert!(many.starts_with("Group `workers` has rebalanced "), "{many}");
    assert_eq!(failure(&at_most(6), &lines), None);
}

#[test]
fn a_takeover_that_takes_too_long_is_found() {
    let within = |ms: u32| format!("check = \"takeover_within\"\ngroup = \"workers\"\nms = {ms}");
    let lines = ["@kill worker/1", "@sleep 20"];
    assert_eq!(failure(&within(14_000), &lines), None);
    let late = failure(&within(5_000), &lines).unwrap();
    assert!(late.starts_with("worker/1 died with jobs-"), "{late}");
    // Nobody ever goes on.
    let never =
        failure(&within(14_000), &["@scale worker 1", "@sleep 8", "@kill worker/1", "@sleep 20"]);
    assert!(never.is_some());
}

#[test]
fn settings_in_force_are_read_wherever_they_come_from() {
    let of = |rest: &str| format!("check = \"config_is\"\nentity = \"jobs\"\n{rest}");
    assert_eq!(failure(&of("name = \"min.insync.replicas\"\neq = \"1\""), &[]), None);
    assert_eq!(failure(&of("name = \"retention.ms\"\nmin = 600000\nmax = 604800000"), &[]), None);
    let alter = "$ kafka-configs.sh --bootstrap-server localhost:9092 --alter --topic jobs --add-config retention.ms=1000";
    assert_eq!(
        failure(&of("name = \"retention.ms\"\nmin = 600000"), &[alter]).as_deref(),
        Some("`retention.ms` of jobs is 1000; at least 600000 was expected.")
    );
    assert_eq!(
        failure(&of("name = \"no.such\"\neq = \"1\""), &[]).as_deref(),
        Some("`no.such` of jobs is not set; 1 was expected.")
    );
    let broker =
        "check = \"config_is\"\nentity = \"broker 1\"\nname = \"num.partitions\"\neq = \"1\"";
    assert_eq!(failure(broker, &[]), None);
}

#[test]
fn what_was_to_be_left_alone_is_watched() {
    let alone =
        "check = \"untouched\"\ntopics = [\"jobs\"]\ngroups = [\"workers\"]\napps = [\"worker\"]";
    assert_eq!(failure(alone, &[]), None);
    let alter = "$ kafka-configs.sh --bootstrap-server localhost:9092 --alter --topic jobs --add-config retention.ms=1000";
    let says = |lines: &[&str]| failure(alone, lines);
    assert_eq!(
        says(&[alter]).as_deref(),
        Some("`jobs` was to be left alone: its settings changed.")
    );
    let reset = "$ kafka-consumer-groups.sh --bootstrap-server localhost:9092 --group workers --topic jobs \
                 --reset-offsets --to-earliest --execute";
    assert_eq!(
        says(&["@stop worker", "@sleep 5", reset]).as_deref(),
        Some("`worker` was to be left alone: `@stop worker`.")
    );
    let group_alone = "check = \"untouched\"\ngroups = [\"workers\"]";
    assert_eq!(
        failure(group_alone, &["@stop worker", "@sleep 5", reset]).as_deref(),
        Some("`workers` was to be left alone: its offsets were set from outside.")
    );
}

#[test]
fn what_can_be_read_off_a_run() {
    let any = "[[assert]]\nid = \"it\"\ncheck = \"topic_exists\"\ntopic = \"jobs\"";
    let run = run(any, &["@kill worker/1", "@sleep 20", "@scale worker 5", "@sleep 8"]);
    let value = |text: &str| run.observable(&text.parse().unwrap());
    assert_eq!(value("idle_members(workers)"), "1");
    assert_eq!(value("leader(jobs, 0)"), "1");
    assert_eq!(value("high_watermark(jobs, 0)"), value("log_end(jobs, 0)"));
    let lag: i64 = value("lag(workers, jobs)").parse().unwrap();
    assert!(lag < 200, "{lag}");
    let took: i64 = value("takeover_s(workers)").parse().unwrap();
    assert!((8..14).contains(&took), "{took}");
    assert!(value("rebalances(workers)").parse::<i64>().unwrap() >= 2);
    assert_eq!(value("idle_members(nobody)"), "none");
    assert_eq!(value("exit_code(no-such-block)"), "none");
}
