//! What is asserted of copies and of what is lost, each seen to hold and to fail in a run.

use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::Action;

const WORLD: &str = r#"
format = 1
rev = 1
kind = "lesson"
title = "Copies"
idea = "A follower copies its leader."
needs = ["log", "replication", "apps"]
phase = 1
minutes = 5
kills = ["M25"]
after = []
seed_refs = []
hints = ["Look at the topic.", "Look at its leader.", "Look at its replicas."]

[may]
tools = "all"
lab = ["sleep", "kill", "start", "stop", "lose", "cut", "delay", "heal", "pause"]

[cluster]
brokers = 3
seed = 5
config = { "auto.create.topics.enable" = "false" }

[[topic]]
name = "ticks"
partitions = 1
replication = 3
assignment = [[1, 2, 3]]

[[app]]
name = "clock"
role = "producer"
topic = "ticks"
rate = "50/s"
events = { entity = "hand-{1..3}", field = "hand", pick = "uniform" }
config = { acks = "1", "enable.idempotence" = "false" }
"#;

const IDENTICAL: &str = "check = \"replicas_identical\"\ntopic = \"ticks\"";

/// A run of the world with this assertion, after two seconds and these lines.
fn run(assert: &str, lines: &[&str]) -> Run {
    let toml = format!("{WORLD}\n[[assert]]\nid = \"it\"\n{assert}\n");
    let readme = "# Copies\n\n```goal\n```\n";
    let files =
        [("level.toml", toml.as_str()), ("README.md", readme), ("solution.session", "@sleep 1\n")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let level = Level::parse("copies", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
    let mut run = Run::start(Arc::new(level)).unwrap();
    for line in ["@sleep 2"].iter().chain(lines) {
        run.run(&Action::parse(line).unwrap()).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
    run.observe();
    run
}

/// Why the only assertion fails; none where it holds.
fn failure(assert: &str, lines: &[&str]) -> Option<String> {
    match &run(assert, lines).verdicts(true)[..] {
        [Verdict::Holds { .. }] => None,
        [Verdict::Fails(failure)] => Some(failure.message.clone()),
        other => panic!("{other:?}"),
    }
}

/// The leader is cut off with what its producer goes on sending, and another one is chosen.
const CUT_OFF: [&str; 4] = ["@cut 1 from 2,3,100", "@sleep 1", "@stop clock", "@sleep 20"];

#[test]
fn copies_are_the_same_once_the_network_is_whole() {
    assert_eq!(failure(IDENTICAL, &["@stop clock", "@sleep 3"]), None);
    let healed = [&CUT_OFF[..], &["@heal", "@sleep 10"]].concat();
    assert_eq!(failure(IDENTICAL, &healed), None);
}

#[test]
fn a_copy_with_records_of_its_own_is_found() {
    let says = failure(IDENTICAL, &CUT_OFF).unwrap();
    assert!(says.starts_with("Broker 1's copy of ticks-0 has records from offset "), "{says}");
    // The new leader writes at the same offsets.
    let written = [
        &CUT_OFF[..],
        &["@cut clock from 1", "@start clock", "@sleep 2", "@stop clock", "@sleep 1"],
    ]
    .concat();
    let says = failure(IDENTICAL, &written).unwrap();
    assert!(
        says.starts_with("Broker 1's copy of ticks-0 has other records than the leader's"),
        "{says}"
    );
}

#[test]
fn a_copy_that_is_behind_or_gone_is_found() {
    let behind = ["@kill 3", "@sleep 15", "@stop clock", "@sleep 1"];
    let says = failure(IDENTICAL, &behind).unwrap();
    assert!(says.starts_with("Broker 3's copy of ticks-0 ends at offset "), "{says}");
    let caught_up = [&behind[..], &["@start 3", "@sleep 10"]].concat();
    assert_eq!(failure(IDENTICAL, &caught_up), None);
    let gone = ["@stop clock", "@sleep 1", "@lose 3", "@sleep 1"];
    assert_eq!(failure(IDENTICAL, &gone).as_deref(), Some("Broker 3 has no copy of ticks-0."));
    let all = ["@stop clock", "@kill 1", "@kill 2", "@kill 3", "@sleep 15"];
    assert_eq!(failure(IDENTICAL, &all).as_deref(), Some("ticks-0 has no leader to compare with."));
    let none = "check = \"replicas_identical\"\ntopic = \"nothing\"";
    assert_eq!(failure(none, &[]).as_deref(), Some("`nothing` does not exist."));
}

#[test]
fn what_was_acknowledged_and_lost_can_be_read_off_a_run() {
    let value = |run: &Run, text: &str| run.observable(&text.parse().unwrap());
    let whole = run(IDENTICAL, &["@stop clock", "@sleep 1"]);
    assert_eq!(value(&whole, "lost(clock)"), "0");
    assert_eq!(value(&whole, "acked(clock)"), value(&whole, "log_end(ticks, 0)"));
    assert_eq!(value(&whole, "log_end(ticks, 0, 3)"), value(&whole, "log_end(ticks, 0)"));
    assert_eq!(value(&whole, "log_start(ticks, 0)"), "0");
    assert_eq!(value(&whole, "leader_epoch(ticks, 0)"), "0");
    assert_eq!(value(&whole, "isr(ticks, 0)"), "1,2,3");
    assert_eq!(value(&whole, "elr(ticks, 0)"), "none");
    assert_eq!(value(&whole, "lost(nobody)"), "0");
    assert_eq!(value(&whole, "log_end(ticks, 0, 9)"), "none");

    let cut = run(IDENTICAL, &CUT_OFF);
    let number = |text: &str| value(&cut, text).parse::<i64>().unwrap();
    assert_eq!(number("leader_epoch(ticks, 0)"), 1);
    assert!(number("log_end(ticks, 0, 1)") > number("log_end(ticks, 0)"));
    let lost = number("lost(clock)");
    assert_eq!(lost, number("acked(clock)") - number("log_end(ticks, 0)"));
    assert!((30..80).contains(&lost), "{lost}");

    let killed = run(IDENTICAL, &["@kill 3", "@sleep 15"]);
    assert_eq!(value(&killed, "isr(ticks, 0)"), "1,2");
    // The replica's log lies on the disk of the broker that is down.
    assert!(value(&killed, "log_end(ticks, 0, 3)").parse::<i64>().unwrap() > 50);
}

#[test]
fn a_leader_that_was_not_eligible_is_found() {
    let clean = "check = \"no_unclean_election\"";
    assert_eq!(failure(clean, &["@kill 1", "@sleep 15", "@start 1", "@sleep 10"]), None);
    // Brokers 2 and 3 are out of sync when the last one in sync dies for good.
    let offline =
        ["@kill 2", "@kill 3", "@sleep 15", "@lose 1", "@start 2", "@start 3", "@sleep 15"];
    assert_eq!(failure(clean, &offline), None);
    let elect = "$ kafka-leader-election.sh --bootstrap-server localhost:9094 --election-type unclean --topic ticks \
                 --partition 0";
    let elected = [&offline[..], &[elect, "@sleep 5"]].concat();
    let says = failure(clean, &elected).unwrap();
    assert!(says.starts_with("Broker 2 was made leader of ticks-0 although"), "{says}");
    assert_eq!(failure("check = \"no_unclean_election\"\ntopic = \"others\"", &elected), None);
}

#[test]
fn a_broker_that_was_not_restarted_is_named() {
    let each = "check = \"cluster_healthy\"\nrestarted = \"each\"";
    let of = |node: i32| {
        ["kill N", "sleep 2", "start N", "sleep 15"]
            .map(|line| format!("@{}", line.replace('N', &node.to_string())))
    };
    let lines: Vec<String> = (1..=3).flat_map(of).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(failure(each, &lines[..8]).as_deref(), Some("Not restarted yet: 3."));
    // Running is not ready.
    let says = failure(each, &lines[..11]).unwrap();
    assert!(
        says.starts_with("not every broker is up") || says.starts_with("ticks-0 has "),
        "{says}"
    );
    assert_eq!(failure(each, &lines), None);
    let paused = ["@pause 2 1", "@sleep 3"];
    assert_eq!(failure(each, &paused).as_deref(), Some("Not restarted yet: 1, 2, 3."));
}
