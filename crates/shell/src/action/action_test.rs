use proptest::prelude::*;

use super::target::is_name;
use super::*;

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._-]{0,6}".prop_filter("a name", |n| {
        is_name(n) && !["controller", "any-broker", "all", "as"].contains(&n.as_str())
    })
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß日]{0,12}"
}

/// Text that opens with something: arguments are separated from their verb by one blank.
fn rest() -> impl Strategy<Value = String> {
    "[!-~][ -~é]{0,10}[!-~]"
}

fn tp() -> impl Strategy<Value = TopicPartitionRef> {
    (name(), 0..40i32).prop_map(|(topic, partition)| TopicPartitionRef { topic, partition })
}

fn target() -> impl Strategy<Value = Target> {
    let select = prop_oneof![
        (0..200i32).prop_map(Select::Node),
        (name(), prop::option::of(0..9u32)).prop_map(|(n, i)| Select::Named(n, i)),
        tp().prop_map(Select::Leader),
        tp().prop_map(Select::Follower),
        name().prop_map(Select::Coordinator),
        (name(), tp()).prop_map(|(g, tp)| Select::Owner(g, tp)),
        name().prop_map(Select::AnyOf),
        Just(Select::Controller),
        Just(Select::AnyBroker),
        Just(Select::All),
    ];
    (select, prop::option::of(name())).prop_map(|(select, as_name)| Target { select, as_name })
}

fn span() -> impl Strategy<Value = Span> {
    (0..10_000_000_000i64).prop_map(Span)
}

fn plain(target: Target) -> Target {
    Target { as_name: None, ..target }
}

fn action() -> BoxedStrategy<Action> {
    let stdin = || prop::collection::vec(text(), 0..3);
    prop_oneof![
        Just(Action::Blank),
        text().prop_map(Action::Comment),
        (1..9u32, prop::collection::vec((name(), text()), 0..3))
            .prop_map(|(nodes, settings)| Action::Cluster { nodes, settings }),
        rest().prop_map(Action::Mask),
        (name(), stdin()).prop_map(|(name, lines)| Action::File { name, lines }),
        (rest(), stdin()).prop_map(|(command, stdin)| Action::Run { command, stdin }),
        (name(), rest(), stdin()).prop_map(|(name, command, stdin)| Action::Background {
            name,
            command,
            stdin
        }),
        (name(), text()).prop_map(|(name, text)| Action::Feed { name, text }),
        (name(), rest()).prop_map(|(name, regex)| Action::Expect { name, regex }),
        name().prop_map(Action::Close),
        name().prop_map(Action::Wait),
        prop_oneof![
            target().prop_map(Action::Stop),
            target().prop_map(Action::Kill),
            target().prop_map(Action::Term),
            target().prop_map(Action::Start),
            target().prop_map(Action::Crash),
            target().prop_map(Action::Lose),
            target().prop_map(Action::Restart),
            (target(), span()).prop_map(|(t, s)| Action::Pause(t, s)),
            target().prop_map(|t| Action::Disk(t, DiskState::Full)),
            (target(), 0..900u32).prop_map(|(t, ms)| Action::Disk(t, DiskState::Slow(ms))),
            target().prop_map(|t| Action::Disk(t, DiskState::Ok)),
            (target(), -9000..9000i64).prop_map(|(t, ms)| Action::Clock(t, ms)),
            (target(), prop::collection::vec(target(), 1..3))
                .prop_map(|(from, to)| Action::Cut { from: plain(from), to }),
            (target(), target(), 0..100u32).prop_map(|(a, b, ms)| Action::Delay(
                plain(a),
                plain(b),
                ms
            )),
            (target(), target(), 0..100u32).prop_map(|(a, b, p)| Action::Drop(
                plain(a),
                plain(b),
                p
            )),
            Just(Action::Heal),
        ],
        rest().prop_map(Action::Until),
        span().prop_map(Action::Sleep),
        span().prop_map(Action::At),
        (name(), prop::collection::vec((name(), text()), 0..3))
            .prop_map(|(app, settings)| Action::Deploy { app, settings }),
        (name(), prop::collection::vec((name(), text()), 0..3))
            .prop_map(|(name, words)| Action::App { name, words }),
        (name(), 0..9u32).prop_map(|(app, instances)| Action::Scale { app, instances }),
        (name(), 1..900u32, span()).prop_map(|(app, n, span)| Action::Burst {
            app,
            rate: format!("{n}/s"),
            span
        }),
        (name(), name(), prop::option::of(name())).prop_map(|(app, kind, entity)| Action::Poison {
            app,
            kind,
            entity
        }),
        (name(), 0..900u32).prop_map(|(name, ms)| Action::Store(name, StoreState::Slow(ms))),
        name().prop_map(|name| Action::Store(name, StoreState::Down)),
        (name(), rest()).prop_map(|(id, value)| Action::Predict { id, value }),
        rest().prop_map(Action::Note),
    ]
    .boxed()
}

fn output() -> impl Strategy<Value = Output> {
    let stream = || ("([ -~]{0,5}\n){0,3}", prop::option::of("[!-~]{1,4}"));
    (stream(), stream(), prop::option::of(-1..256i32)).prop_map(|((a, a2), (b, b2), exit)| Output {
        stdout: a + &a2.unwrap_or_default(),
        stderr: b + &b2.unwrap_or_default(),
        exit,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Buttons, share links and histories write lines: each must come back as the act it was.
    #[test]
    fn every_action_is_read_back_from_its_line(action in action()) {
        prop_assert_eq!(Action::parse(&action.to_string()).unwrap(), action);
    }

    #[test]
    fn a_history_is_read_back_with_times_and_outputs(
        lines in prop::collection::vec(
            (action(), prop::option::of(0..9_000_000_000i64), prop::option::of(output())), 1..6)
    ) {
        let mut entries = Vec::new();
        let mut line = 1;
        for (action, at_us, recorded) in lines {
            let recorded = match action {
                Action::Run { .. } | Action::Close(_) => recorded.filter(|o| !o.lines().is_empty()),
                _ => None,
            };
            let at_us = at_us.filter(|_| !matches!(action, Action::Blank));
            let entry = Entry { line, at_us, action, recorded };
            line += entry.to_string().split('\n').count();
            entries.push(entry);
        }
        let text = print::print_entries(&entries);
        prop_assert_eq!(parse_entries(&text).unwrap(), entries);
    }

    #[test]
    fn no_line_panics(line in "[@$&<|!=%+#]? ?[a-z0-9 (),/.=\"'-]{0,30}") {
        let _ = Action::parse(&line);
    }
}

#[test]
fn errors_name_line_found_and_expected() {
    let error = |text: &str| parse_entries(text).unwrap_err().to_string();
    assert!(
        error("# ok\n@kil 1")
            .starts_with("line 2: found `@kil`, expected @kill, or one of @cluster,"),
        "{}",
        error("# ok\n@kil 1")
    );
    assert_eq!(
        error("@sleep soon"),
        "line 1: found `soon`, expected a time in seconds (`2`, `0.5`) or with a unit (`500ms`, `10m`)"
    );
    assert_eq!(
        error("@scale shop many"),
        "line 1: found `@scale shop many`, expected @scale APP N"
    );
    assert_eq!(
        error("$ cat x\n= zero"),
        "line 2: found `= zero`, expected an exit code such as `= 0`"
    );
    assert!(error("kafka-topics.sh --list").contains("`$ COMMAND`"));
    assert!(error("@kill leader(orders)").contains("a topic partition such as orders-0"));
}

#[test]
fn reading_is_free_and_the_rest_counts() {
    let changing = |line: &str| Action::parse(line).unwrap().is_changing();
    for line in [
        "$ kafka-topics.sh --create --topic a --bootstrap-server localhost:9092",
        "$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic a\n< x",
        "$ kafka-consumer-groups.sh --bootstrap-server b:1 --group g --reset-offsets --to-earliest --execute",
        "@kill 1",
        "@deploy bank key=account",
        "@kill leader(orders-0) as l",
    ] {
        assert!(changing(line), "{line}");
    }
    for line in [
        "$ kafka-topics.sh --list --bootstrap-server localhost:9092",
        "$ kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic a",
        "$ kafka-consumer-groups.sh --bootstrap-server b:1 --group g --reset-offsets --to-earliest",
        "@sleep 2",
        "@predict where 1",
        "@note x",
        "# x",
    ] {
        assert!(!changing(line), "{line}");
    }
}

#[test]
fn timeline_verbs_are_the_same_verbs() {
    assert_eq!(
        Action::parse_verb("term follower(payments-0) as a").unwrap(),
        Action::Term(Target {
            select: Select::Follower(TopicPartitionRef::parse("payments-0").unwrap()),
            as_name: Some("a".into())
        })
    );
    assert_eq!(Action::parse_verb("start all").unwrap(), Action::Start(Target::of(Select::All)));
}
