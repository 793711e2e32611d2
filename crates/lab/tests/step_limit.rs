//! An answer that goes on for ever is stopped, in the run and in a trial, and the words say so.

use std::sync::Arc;

use logbrook_lab::grade::grade;
use logbrook_lab::level::Level;

const WORLD: &str = r#"
format = 1
rev = 1
kind = "challenge"
title = "Busy"
idea = "Work takes steps."
needs = ["log", "apps"]
phase = 1
minutes = 5
kills = ["M11"]
after = []
seed_refs = []
hints = ["Look.", "Look again.", "Look there."]

[may]
tools = "all"
lab = ["sleep"]

[cluster]
brokers = 1
seed = 3

[[topic]]
name = "jobs"
partitions = 1
replication = 1

[[app]]
name = "shop"
role = "producer"
topic = "jobs"
rate = "50/s"
events = { entity = "job-{1..4}", field = "job", pick = "uniform" }

[[assert]]
id = "there"
check = "topic_exists"
topic = "jobs"

[[trial]]
name = "long"
seeds = 2
run = "60s"
settle = "5s"
"#;

fn level(most_steps: u64) -> Arc<Level> {
    let wrong = "# fails: there\n# because: nothing\n@sleep 1\n";
    let files = [
        ("level.toml", WORLD),
        ("README.md", "# Busy\n\n```goal\n```\n"),
        ("solution.session", "@sleep 1\n"),
        ("wrong/one.session", wrong),
        ("wrong/two.session", wrong),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut level = Level::parse("busy", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
    level.cluster.most_steps = most_steps;
    Arc::new(level)
}

#[test]
fn what_goes_on_for_ever_is_stopped_with_words() {
    let stopped = |most_steps, answer| grade(&level(most_steps), answer, None).unwrap_err().message;
    let words = "something goes round without end";
    let run = stopped(1_000, "@sleep 300\n");
    assert!(run.contains("after 1000 steps") && run.contains(words), "{run}");
    let trial = stopped(5_000, "@sleep 1\n");
    assert!(trial.starts_with("trial \"long\", seed 0: the simulation was stopped at"), "{trial}");
    assert!(trial.contains(words), "{trial}");
    let report = grade(&level(2_000_000), "@sleep 1\n", None).expect("it ends");
    assert!(report.passed);
}
