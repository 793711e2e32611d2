//! A lesson lived through as a person would, with nothing but events in and views out.

use std::path::Path;

use logbrook_lab::parse::read_level;
use logbrook_session::catalog::{Catalog, Entry, Track};
use logbrook_session::event::{Event, TermKey};
use logbrook_session::view::{Block, Foreground, GoalStatus, LevelStatus, TermLineKind};
use logbrook_session::{Level, Session};

const FRAME_US: i64 = 16_000;

fn level(path: &str) -> Level {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons").join(path);
    read_level(&folder).unwrap_or_else(|e| panic!("{path}/{e}"))
}

fn open(path: &str) -> Session {
    let level = level(path);
    let track = Track {
        slug: level.track.clone(),
        title: "Track".to_owned(),
        levels: vec![Entry::of(&level)],
    };
    let mut session = Session::new(Catalog { tracks: vec![track] });
    session.open(level);
    session
}

/// Frames until nothing is left to do, at most `most`.
fn settle(session: &mut Session, most: usize) {
    for _ in 0..most {
        if !session.advance(FRAME_US, &mut || true) {
            return;
        }
    }
}

fn submit(session: &mut Session, text: &str) {
    let tab = session.view().terminal.active;
    session.update(Event::Submit { tab, text: text.to_owned() });
}

fn output(session: &Session, kind: TermLineKind) -> Vec<String> {
    let terminal = &session.view().terminal;
    let lines = terminal.tabs.iter().flat_map(|t| t.lines.iter());
    lines.filter(|l| l.kind == kind).map(|l| l.text.clone()).collect()
}

fn holding(session: &Session) -> Vec<String> {
    let task = session.view().task.as_ref().expect("a level is open");
    let holds = task.goals.iter().filter(|g| g.status == GoalStatus::Holds);
    holds.map(|g| g.id.clone()).collect()
}

#[test]
fn the_first_lesson_is_passed_by_its_buttons() {
    let mut session = open("basics/first-record");
    assert!(session.view().stage.empty.is_some());
    for step in ["create", "write", "first-read"] {
        session.update(Event::RunBlock(step.to_owned()));
        settle(&mut session, 400);
    }
    assert_eq!(holding(&session), ["topic", "written", "read-twice"]);
    session.update(Event::Predict { id: "second-read".to_owned(), value: "3".to_owned() });
    session.update(Event::RunBlock("second-read".to_owned()));
    settle(&mut session, 400);
    session.update(Event::Predict { id: "where".to_owned(), value: "2".to_owned() });
    session.update(Event::RunBlock("where".to_owned()));
    settle(&mut session, 400);
    assert_eq!(holding(&session), ["topic", "written", "read-twice", "guessed"]);
    let task = session.view().task.clone().expect("a level is open");
    let revealed: Vec<_> = task
        .blocks
        .iter()
        .filter_map(|b| match b {
            Block::Predict(p) => Some((p.answer.clone(), p.revealed.clone())),
            Block::Html(_) | Block::Run(_) | Block::Show(_) | Block::Goals => None,
        })
        .collect();
    let said = |a: &str, r: &str| (Some(a.to_owned()), Some(r.to_owned()));
    assert_eq!(revealed, [said("3", "3"), said("2", "1")]);
    let view = session.view();
    assert!(view.task.as_ref().is_some_and(|t| t.passed.is_some()));
    assert_eq!(view.home.tracks[0].levels[0].status, LevelStatus::Passed);
    assert!(view.keep.contains("passed basics/first-record"), "{}", view.keep);
    let stdout = output(&session, TermLineKind::Stdout);
    assert_eq!(stdout.iter().filter(|l| *l == "order 2: one tea").count(), 2, "{stdout:?}");
}

#[test]
fn a_console_producer_and_a_consumer_live_side_by_side() {
    let mut session = open("basics/first-record");
    submit(
        &mut session,
        "kafka-topics.sh --create --topic orders --bootstrap-server localhost:9092",
    );
    settle(&mut session, 400);
    submit(
        &mut session,
        "kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders --from-beginning",
    );
    settle(&mut session, 300);
    let first = session.view().terminal.tabs[0].clone();
    assert!(
        matches!(first.foreground, Foreground::Running { reads: false, .. }),
        "{:?}",
        first.foreground
    );
    session.update(Event::NewTab);
    submit(
        &mut session,
        "kafka-console-producer.sh --bootstrap-server localhost:9092 --topic orders",
    );
    settle(&mut session, 200);
    submit(&mut session, "hello");
    settle(&mut session, 200);
    assert_eq!(output(&session, TermLineKind::Stdout).last().map(String::as_str), Some("hello"));
    let (consumer, producer) =
        (session.view().terminal.tabs[0].id, session.view().terminal.tabs[1].id);
    session.update(Event::Key { tab: producer, key: TermKey::EndOfInput });
    settle(&mut session, 200);
    session.update(Event::Key { tab: consumer, key: TermKey::Interrupt });
    settle(&mut session, 200);
    let stderr = output(&session, TermLineKind::Stderr);
    assert!(stderr.contains(&"Processed a total of 1 messages".to_owned()), "{stderr:?}");
    let idle = session.view().terminal.tabs.iter().all(|t| t.foreground == Foreground::Idle);
    assert!(idle);
    assert!(!session.advance(FRAME_US, &mut || true), "time stands again");
}

#[test]
fn the_challenge_fails_without_a_key_and_shows_the_moment() {
    let mut session = open("partitions/order-per-account");
    session.update(Event::Check);
    settle(&mut session, 4_000);
    let task = session.view().task.clone().expect("a level is open");
    assert!(task.passed.is_none());
    let goal = task.goals.iter().find(|g| g.id == "in-order").expect("the goal");
    assert_eq!(goal.status, GoalStatus::Fails, "{:?}", goal.evidence);
    assert!(goal.because.plain().contains("Without a key"), "what was set already counts as set");
    session.update(Event::ShowMoment("in-order".to_owned()));
    let inspector = session.view().inspector.clone().expect("the moment is shown");
    let steps = &inspector.cause.as_ref().expect("a chain").steps;
    assert!(steps.len() > 2 && steps.iter().any(|s| s.is_moment), "{steps:?}");
}

#[test]
fn the_challenge_passes_with_the_account_as_key() {
    let mut session = open("partitions/order-per-account");
    submit(&mut session, "@deploy bank key=account");
    settle(&mut session, 100);
    session.update(Event::Check);
    settle(&mut session, 4_000);
    let task = session.view().task.clone().expect("a level is open");
    let notes: Vec<_> =
        task.trials.iter().filter_map(|t| t.failure.as_ref()).map(|f| f.plain()).collect();
    assert!(task.passed.is_some(), "{notes:?}");
}

#[test]
fn home_shows_the_records_of_its_cluster() {
    let mut session = Session::new(Catalog::default());
    assert!(session.view().home.live.is_none(), "nothing is made before the first frame");
    for _ in 0..100 {
        assert!(session.advance(FRAME_US, &mut || true));
    }
    let view = session.view();
    assert!(view.home.live.is_some());
    let rows: Vec<_> = view.stage.rows().collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let cells = row.batches.iter().map(|b| b.cells.len()).sum::<usize>();
        assert!(cells > 0 || row.log_end <= view.stage.axis.first, "{}", row.name());
    }
}

#[test]
fn tab_puts_in_what_is_offered() {
    let mut session = open("basics/first-record");
    let tab = session.view().terminal.active;
    let field = |session: &Session| session.view().terminal.tabs[0].input.clone();
    session.update(Event::Input { tab, text: "kafka-to".to_owned(), cursor: 8 });
    assert_eq!(session.view().terminal.tabs[0].completions[0].text, "kafka-topics.sh");
    let before = field(&session).rev;
    session.update(Event::Complete { tab, index: None });
    assert_eq!(field(&session).text, "kafka-topics.sh ");
    assert!(field(&session).rev > before);
    session.update(Event::Complete { tab, index: None });
    assert_eq!(field(&session).text, "kafka-topics.sh --bootstrap-server localhost:9092 ");
}

#[test]
fn a_line_that_ends_in_an_ampersand_has_a_terminal_of_its_own() {
    let mut session = open("basics/first-record");
    submit(
        &mut session,
        "kafka-topics.sh --create --topic orders --bootstrap-server localhost:9092",
    );
    settle(&mut session, 400);
    submit(
        &mut session,
        "kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic orders &",
    );
    settle(&mut session, 200);
    let tabs = &session.view().terminal.tabs;
    assert_eq!(tabs.len(), 2);
    assert_eq!(tabs[0].foreground, Foreground::Idle);
    assert!(matches!(tabs[1].foreground, Foreground::Running { .. }));
}

#[test]
fn what_a_level_does_not_allow_is_refused_with_its_reason() {
    let mut session = open("partitions/order-per-account");
    submit(&mut session, "@deploy bank key=colour");
    submit(&mut session, "@disk 1 full");
    submit(&mut session, "@nonsense");
    submit(&mut session, "kafka-topcis.sh --list");
    settle(&mut session, 100);
    let hints = output(&session, TermLineKind::Hint);
    assert_eq!(hints.len(), 4, "{hints:?}");
    assert!(hints[0].contains("expected one of none, id, account, branch"), "{hints:?}");
    assert!(hints[1].contains("this level has @sleep"), "{hints:?}");
    assert!(hints[3].contains("kafka-topics.sh"), "{hints:?}");
}

#[test]
fn hostile_events_change_nothing_and_do_not_panic() {
    let mut session = open("basics/first-record");
    for event in [
        Event::Submit { tab: 99, text: "x".to_owned() },
        Event::Submit { tab: 1, text: "\u{0}'\"".to_owned() },
        Event::Input { tab: 1, text: "é".to_owned(), cursor: 77 },
        Event::Complete { tab: 1, index: Some(9_999) },
        Event::CloseTab(1),
        Event::RunBlock("no such".to_owned()),
        Event::Predict { id: "no such".to_owned(), value: "1".to_owned() },
        Event::ShowMoment("no such".to_owned()),
        Event::ShowSeed { trial: 9, seed: 9 },
        Event::Select { topic: "x".to_owned(), partition: -1, broker: 77, offset: Some(i64::MIN) },
        Event::SelectNeighbour { after: false },
        Event::Axis { first: Some(i64::MIN), cells: 0 },
        Event::Axis { first: Some(i64::MAX), cells: u32::MAX },
        Event::SeekEvent(u64::MAX),
        Event::Restore("\u{feff}junk".to_owned()),
    ] {
        session.update(event);
        settle(&mut session, 50);
    }
    assert!(!session.view().terminal.tabs.is_empty());
}
