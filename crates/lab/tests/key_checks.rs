//! Where the records of a key are, asserted, and seen to hold and to fail in a run.

use std::sync::Arc;

use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::Action;

/// Two apps write the same keys to one topic, the second through another client library.
fn failure(client: &str, key: &str, lines: &[&str]) -> Option<String> {
    let toml = format!(
        r#"
format = 1
rev = 1
kind = "lesson"
title = "Keys"
idea = "The client picks."
needs = ["log", "apps"]
phase = 1
minutes = 5
kills = ["M11"]
after = []
seed_refs = []
hints = ["Look at the topic.", "Look at the keys.", "Look at the clients."]

[may]
tools = "all"
lab = ["sleep"]

[cluster]
brokers = 1
seed = 5

[[topic]]
name = "users"
partitions = 6
replication = 1

[[app]]
name = "web"
role = "producer"
topic = "users"
rate = "20/s"
start = "1s"
events = {{ entity = "u{{1..9}}", field = "user", pick = "uniform" }}
code = {{ key = "{key}" }}

[[app]]
name = "mobile"
role = "producer"
client = "{client}"
topic = "users"
rate = "20/s"
start = "1s"
events = {{ entity = "u{{1..9}}", field = "user", pick = "uniform" }}
code = {{ key = "{key}" }}

[[assert]]
id = "it"
check = "keys_in_one_partition"
topic = "users"
"#
    );
    let files = [
        ("level.toml", toml.as_str()),
        ("README.md", "# Keys\n\n```goal\n```\n"),
        ("solution.session", "@sleep 1\n"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let level = Level::parse("keys", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
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

#[test]
fn two_clients_agree_on_a_key_or_do_not() {
    assert_eq!(failure("java", "user", &["@sleep 5"]), None);
    let says = failure("librdkafka", "user", &["@sleep 5"]).unwrap();
    assert!(says.starts_with("`u") && says.ends_with(" of `users`."), "{says}");
}

#[test]
fn without_keys_there_is_nothing_to_agree_on() {
    let none = Some("`users` holds no record with a key yet.");
    assert_eq!(failure("java", "none", &["@sleep 5"]).as_deref(), none);
    assert_eq!(failure("java", "user", &[]).as_deref(), none);
}
