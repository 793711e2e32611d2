//! What is asserted of transactions and of rebalances' pauses, each seen to hold and to fail in a run.

use std::sync::Arc;

use logbrook_lab::answer;
use logbrook_lab::level::Level;
use logbrook_lab::run::Run;
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::Action;

const WORLD: &str = r#"
format = 1
rev = 1
kind = "challenge"
title = "A bank"
idea = "What is written together counts together."
needs = ["log", "txn", "group-classic", "group-848", "apps"]
phase = 1
minutes = 5
kills = ["M34"]
after = []
seed_refs = []
hints = ["Look at the topic.", "Look at its transactions.", "Look at who reads it."]

[may]
tools = "all"
lab = ["sleep", "kill", "scale", "deploy", "start", "stop"]

[may.deploy]
books = { "isolation.level" = "any", "partition.assignment.strategy" = "any", "group.protocol" = "any" }

[cluster]
brokers = 1
seed = 3

[[topic]]
name = "debit"
partitions = 1
replication = 1

[[topic]]
name = "credit"
partitions = 4
replication = 1

[[app]]
name = "books"
role = "consumer"
instances = 2
group = "books"
topics = ["credit"]
config = { "auto.offset.reset" = "earliest" }
code = { process_ms = 1, on_error = "skip" }

[[topic]]
name = "sales"
partitions = 1
replication = 1

[[app]]
name = "till"
role = "producer"
topic = "sales"
rate = "10/s"
events = { entity = "item-{1..9}", field = "item", pick = "uniform" }
code = { key = "item", transaction = "batch" }
"#;

/// Commits one transfer, and aborts another.
const TRANSFERS: &str = r#"
$ kafka-drive localhost:9092
< producer bank transactional.id=bank
< init bank
< begin bank
< send bank debit 0 - alice one
< send bank credit 0 - bob one
< flush bank
< commit bank
< begin bank
< send bank debit 0 - alice two
< send bank credit 0 - bob two
< flush bank
< sleep 2000
"#;

fn transfers(end: &str) -> String {
    format!("{TRANSFERS}{end}")
}

/// A run of the world with this assertion, after these lines.
fn run(assert: &str, lines: &str) -> Run {
    let toml = format!("{WORLD}\n[[assert]]\nid = \"it\"\n{assert}\n");
    let wrong = "# fails: it\n# because: nothing was done\n@sleep 1\n";
    let files = [
        ("level.toml", toml.as_str()),
        ("README.md", "# A bank\n\n```goal\n```\n"),
        ("solution.session", "@sleep 1\n"),
        ("wrong/one.session", wrong),
        ("wrong/two.session", wrong),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let level = Level::parse("clients", "test", &files.into()).unwrap_or_else(|e| panic!("{e}"));
    let mut run = Run::start(Arc::new(level)).unwrap();
    run.run(&Action::parse("@sleep 8").unwrap()).unwrap();
    for entry in answer::parse(lines).unwrap() {
        run.run(&entry.action).unwrap_or_else(|e| panic!("line {}: {e}", entry.line));
    }
    run.run(&Action::parse("@sleep 2").unwrap()).unwrap();
    run.observe();
    run
}

/// Why the only assertion fails; none where it holds.
fn failure(assert: &str, lines: &str) -> Option<String> {
    match &run(assert, lines).verdicts(true)[..] {
        [Verdict::Holds { .. }] => None,
        [Verdict::Fails(failure)] => Some(failure.message.clone()),
        other => panic!("{other:?}"),
    }
}

const ATOMIC: &str = "check = \"transactions_atomic\"\ntopics = [\"debit\", \"credit\"]";

#[test]
fn a_transaction_that_is_over_is_atomic_and_an_open_one_is_not() {
    assert_eq!(
        failure(ATOMIC, "@sleep 1").as_deref(),
        Some("No transaction has written to `debit`, `credit` yet.")
    );
    assert_eq!(failure(ATOMIC, &transfers("< abort bank\n")), None);
    assert_eq!(failure(ATOMIC, &transfers("< commit bank\n")), None);
    let open = failure(ATOMIC, &transfers("")).unwrap();
    assert!(
        open.starts_with("A transaction of `bank` is open since ")
            && open
                .ends_with("who reads debit-0 with read_committed gets nothing from offset 2 on."),
        "{open}"
    );
    // The coordinator ends it after a minute.
    assert_eq!(failure(ATOMIC, &format!("{}@sleep 75\n", transfers(""))), None);
}

#[test]
fn a_marker_written_by_hand_tears_a_transaction() {
    let torn = "\
& admin kafka-transactions.sh --bootstrap-server localhost:9092 abort --topic credit --partition 0 --start-offset 2
";
    let lines = TRANSFERS.replace("$ kafka-drive", "& bank kafka-drive");
    let lines = format!("{lines}< sleep 10000\n< commit bank\n@sleep 5\n{torn}@sleep 20\n");
    let found = failure(ATOMIC, &lines).unwrap();
    assert_eq!(found, "A transaction of `bank` was committed in debit-0 and aborted in credit-0.");
}

#[test]
fn a_reader_of_everything_takes_what_was_aborted() {
    let by_console = format!("{ATOMIC}\napp = \"console\"");
    let read = |end: &str, isolation: &str| {
        let tool = "$ kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic credit --partition 0 \
                    --offset earliest --timeout-ms 3000 --isolation-level";
        format!("{}{tool} {isolation}\n", transfers(end))
    };
    let aborted = "< abort bank\n";
    let taken = failure(&by_console, &read(aborted, "read_uncommitted")).unwrap();
    assert!(
        taken.ends_with(
            "took the record at credit-0 offset 2 (credit-0, offset 2) for good, and its transaction was aborted; \
             1 records were taken so."
        ),
        "{taken}"
    );
    assert_eq!(failure(&by_console, &read(aborted, "read_committed")), None);
    assert_eq!(failure(&by_console, &read("< commit bank\n", "read_uncommitted")), None);
}

#[test]
fn what_is_counted_depends_on_who_reads() {
    let count = |isolation: &str, n: u32| {
        format!(
            "check = \"record_count\"\ntopic = \"credit\"\nmin = {n}\nmax = {n}\nisolation = \"{isolation}\""
        )
    };
    let aborted = transfers("< abort bank\n");
    assert_eq!(failure(&count("read_uncommitted", 2), &aborted), None);
    assert_eq!(failure(&count("read_committed", 1), &aborted), None);
    assert_eq!(
        failure(&count("read_committed", 2), &aborted).as_deref(),
        Some("`credit` holds 1 records; 2 were expected. `sales` holds 111.")
    );
    // What is open is not committed.
    assert_eq!(failure(&count("read_committed", 1), &transfers("")), None);
    assert_eq!(failure(&count("read_committed", 2), &transfers("< commit bank\n")), None);
}

#[test]
fn an_event_written_again_after_an_abort_is_no_duplicate_for_who_reads_committed() {
    let once = |isolation: &str| {
        format!("check = \"no_duplicate_record\"\ntopic = \"sales\"\nisolation = \"{isolation}\"")
    };
    // It dies in the middle of a transaction; its next start aborts that and sends the events again.
    let dies = "@sleep 0.5\n@kill till\n@start till\n@sleep 5\n";
    assert_eq!(failure(&once("read_committed"), dies), None);
    let twice = failure(&once("read_uncommitted"), dies).unwrap();
    assert!(twice.contains(" events stand in `sales` twice, the first of them till-"), "{twice}");
}

#[test]
fn what_transactions_leave_can_be_read_off_a_run() {
    let run = run(ATOMIC, &transfers(""));
    let value = |text: &str| run.observable(&text.parse().unwrap());
    assert_eq!(value("log_end(credit, 0)"), "3");
    assert_eq!(value("high_watermark(credit, 0)"), "3");
    assert_eq!(value("last_stable_offset(credit, 0)"), "2");
    assert_eq!(value("last_stable_offset(nothing, 0)"), "none");
    assert_eq!(value("duplicates(credit)"), "0");
    assert_eq!(value("duplicates(nothing)"), "0");
}

/// What the assignors cost when a third instance comes.
#[test]
fn eager_rebalances_pause_everything_and_others_what_moves() {
    let paused = |settings: &str| {
        let lines = format!("@deploy books {settings}\n@sleep 20\n@scale books 3\n@sleep 10\n");
        let run = run(ATOMIC, &lines);
        let value = |text: &str| run.observable(&text.parse().unwrap());
        let owners: Vec<String> =
            (0..4).map(|p| value(&format!("owner(books, credit, {p})"))).collect();
        assert!(owners.contains(&"books/3".to_owned()), "{owners:?}");
        (value("paused_partitions(books)"), value("pause_ms(books)").parse::<i64>().unwrap())
    };
    let (eager, eager_ms) = paused("partition.assignment.strategy=range");
    let (cooperative, cooperative_ms) = paused("partition.assignment.strategy=cooperative-sticky");
    let (broker, broker_ms) = paused("group.protocol=consumer");
    assert_eq!((eager.as_str(), cooperative.as_str(), broker.as_str()), ("4", "1", "1"));
    assert!(eager_ms > 0 && cooperative_ms > 0 && broker_ms > 0);
}

#[test]
fn pauses_of_rebalances_are_added_up() {
    let at_most =
        |ms: u32| format!("check = \"rebalance_pauses_at_most\"\ngroup = \"books\"\nms = {ms}");
    // The second of two instances came when the first had everything.
    assert_eq!(failure(&at_most(50), "@sleep 1\n"), None);
    let scaled = "@scale books 3\n@sleep 10\n";
    let found = failure(&at_most(1), scaled).unwrap();
    assert!(
        found.starts_with("Rebalances of `books` took partitions away 8 times, for "),
        "{found}"
    );
    assert_eq!(failure(&at_most(60_000), scaled), None);
    // Nobody ever takes them: the pause goes on.
    let stopped = failure(&at_most(30_000), "@scale books 0\n@sleep 10\n").unwrap();
    assert!(stopped.contains("took partitions away 8 times, for 4"), "{stopped}");
}
