//! Every interview question is proven; a file that does not fit the format is refused with its place and the
//! nearest name.

use std::path::{Path, PathBuf};

use logbrook_lab::packed::{Packed, PackedError};
use logbrook_lab::parse::{read_all, read_question, read_questions};
use logbrook_lab::question::proof::{Prover, steps};
use logbrook_lab::question::{Entry, Kind, Question, Questions, Round, mock};

fn lessons() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons")
}

fn questions() -> Vec<Question> {
    let tracks = read_all(&lessons()).unwrap_or_else(|e| panic!("lessons/{e}"));
    let rounds = read_questions(&lessons(), &tracks).unwrap_or_else(|e| panic!("lessons/{e}"));
    rounds.into_iter().flat_map(|round| round.questions).collect()
}

#[test]
fn every_question_is_proven() {
    let mut failures = Vec::new();
    for question in questions() {
        let mut prover = Prover::new(&question);
        for step in steps(&question) {
            if let Err(why) = prover.prove(&step) {
                failures.push(format!("{} {}: {why}", question.slug, prover.name(&step)));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn there_are_questions_of_each_kind_and_any_seed_draws_half_an_hour() {
    let all = questions();
    assert!(all.len() >= 25, "{} questions", all.len());
    let entries: Vec<Entry> = all.iter().map(Entry::of).collect();
    let round = Round { slug: "all".to_owned(), title: String::new(), questions: entries };
    let list = Questions { rounds: vec![round] };
    for seed in 0..100 {
        let drawn = mock::draw(&list, seed, mock::MINUTES);
        let drawn: Vec<&Entry> =
            drawn.iter().filter_map(|slug| list.all().find(|entry| entry.slug == *slug)).collect();
        let minutes: u32 = drawn.iter().map(|entry| entry.minutes).sum();
        assert!((25..=mock::MINUTES).contains(&minutes), "seed {seed}: {minutes} minutes");
        for kind in Kind::ALL {
            assert!(drawn.iter().any(|entry| entry.kind == kind), "seed {seed}: no {kind:?}");
        }
    }
}

#[test]
fn a_question_is_read_as_it_was_packed_and_refused_otherwise() {
    for question in questions() {
        let packed = question.pack();
        assert_eq!(Question::unpack(&packed).as_ref(), Ok(&question));
        let short = &packed[..packed.len() - 1];
        assert_eq!(Question::unpack(short), Err(PackedError::Damaged));
        assert_eq!(Questions::unpack(&packed), Err(PackedError::AnotherBuild));
    }
}

const WHOLE: &str = r#"format = 1
rev = 1
kind = "predict"
title = "One"
ask = "How many?"
minutes = 2
difficulty = 1

[world.one]
cluster = { brokers = 1, seed = 1 }
[[world.one.topic]]
name = "orders"
partitions = 1
replication = 1

[predict]
world = "one"
lines = """
$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders
< a
"""
answer = "record_count(orders)"
options = []

[[point]]
id = "one"
weight = 2
text = "One."
world = "one"
lines = """
$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders
< a
"""
claims = [{ observe = "record_count(orders)", is = 1 }]
[[point.counter]]
because = "nothing was sent"
lines = ""

[[follow_up]]
ask = "And two?"
listen_for = "Two."
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    let text = WHOLE.replacen(from, to, 1);
    let error = read_question("one", "interview/one.toml", &text).expect_err("is refused");
    error.to_string()
}

#[test]
fn a_whole_question_holds_and_a_wrong_claim_does_not() {
    let question = read_question("one", "one.toml", WHOLE).unwrap_or_else(|e| panic!("{e}"));
    let mut prover = Prover::new(&question);
    for step in steps(&question) {
        prover.prove(&step).unwrap_or_else(|e| panic!("{}: {e}", prover.name(&step)));
    }
    let prove = |text: &str| {
        let question = read_question("one", "one.toml", text).unwrap_or_else(|e| panic!("{e}"));
        let mut prover = Prover::new(&question);
        let wrong = |step| prover.prove(&step).err();
        steps(&question).into_iter().filter_map(wrong).collect::<Vec<_>>().join("\n")
    };
    let wrong = prove(&WHOLE.replace("is = 1 }", "is = 2 }"));
    assert!(wrong.contains("`record_count(orders)`: 1, and 2 was claimed"), "{wrong}");
    let idle = prove(&WHOLE.replace("is = 1 }", "at_least = 0 }"));
    assert!(idle.contains("every claim holds in it"), "{idle}");
    let no_choice =
        prove(&WHOLE.replace("options = []", "options = [{ is = \"0\" }, { is = \"2\" }]"));
    assert!(no_choice.contains("the run answers \"1\", expected one of 0, 2"), "{no_choice}");
}

#[test]
fn what_does_not_fit_is_refused_with_file_line_field_and_nearest_name() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("minutes = 2", "minuets = 2", &["line 6", "minuets", "did you mean minutes?"]),
        ("minutes = 2", "minutes = 90", &["line 6", "minutes: found 90, expected 1 to 15"]),
        ("\"predict\"", "\"predicts\"", &["line 3", "predicts", "did you mean predict?"]),
        (
            "\"predict\"",
            "\"explain\"",
            &["line 3", "kind: found \"explain\", and a table [predict]"],
        ),
        ("partitions = 1", "partition = 1", &["did you mean partitions?"]),
        (
            "[predict]\nworld = \"one\"",
            "[predict]\nworld = \"onr\"",
            &["line 17", "predict.world: found \"onr\"", "did you mean one?"],
        ),
        ("< a\n", "< a\n@slepe 5\n", &["line 21", "predict.lines", "@slepe"]),
        ("record_count(orders)\"\n", "record_cont(orders)\"\n", &["line 22", "record_cont"]),
        ("weight = 2", "weight = 3", &["point \"one\": weight: found 3, expected 1 or 2"]),
        ("is = 1 }", "is = 1, at_least = 1 }", &["line 34", "expected one of is, not"]),
        (
            "observe = \"record_count(orders)\", is = 1",
            "observe = \"delivered(raed)\", is = 1",
            &["line 34", "label: found \"raed\""],
        ),
        (
            "observe = \"record_count(orders)\", is = 1",
            "assert = \"none-lost\", holds = true",
            &["line 34", "point.claims.assert: found \"none-lost\""],
        ),
        (
            "[[point.counter]]\nbecause = \"nothing was sent\"\nlines = \"\"\n",
            "",
            &["counter: found none"],
        ),
        (
            "options = []",
            "options = [{ is = \"1\" }]",
            &["predict.options: found 1, expected 2 to 5"],
        ),
    ];
    for (from, to, parts) in cases {
        let error = refusal(from, to);
        assert!(error.starts_with("interview/one.toml, line "), "{error}");
        for part in *parts {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
}
