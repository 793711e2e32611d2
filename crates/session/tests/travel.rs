//! Looking back in a lesson, and doing it otherwise from there.

use std::path::Path;

use logbrook_lab::parse::read_level;
use logbrook_session::Session;
use logbrook_session::catalog::{Catalog, Entry, Track};
use logbrook_session::event::Event;
use logbrook_session::view::{GoalStatus, Time};

const FRAME_US: i64 = 16_000;

fn open(path: &str) -> Session {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons").join(path);
    let level = read_level(&folder).unwrap_or_else(|e| panic!("{path}/{e}"));
    let track = Track {
        slug: level.track.clone(),
        title: "Track".to_owned(),
        levels: vec![Entry::of(&level)],
    };
    let mut session = Session::new(Catalog { tracks: vec![track] });
    session.open(level);
    session
}

fn settle(session: &mut Session) {
    for _ in 0..5_000 {
        if !session.advance(FRAME_US, &mut || true) {
            return;
        }
    }
}

/// Offsets that the stage's strips hold, all together.
fn cells(session: &Session) -> i64 {
    let stage = &session.view().stage;
    stage.lanes.iter().flat_map(|lane| &lane.rows).map(|row| row.log_end).sum()
}

fn lines(session: &Session) -> usize {
    session.view().terminal.tabs.iter().map(|tab| tab.lines.len()).sum()
}

fn holding(session: &Session) -> usize {
    let task = session.view().task.as_ref().expect("a level is open");
    task.goals.iter().filter(|goal| goal.status == GoalStatus::Holds).count()
}

/// The first lesson, done.
fn done() -> Session {
    let mut session = open("basics/first-record");
    for step in ["create", "write", "first-read"] {
        session.update(Event::RunBlock(step.to_owned()));
        settle(&mut session);
    }
    session
}

#[test]
fn the_playhead_goes_anywhere_and_everything_is_as_it_was() {
    let mut session = done();
    let (at_end, lines_at_end, goals_at_end) =
        (cells(&session), lines(&session), holding(&session));
    let latest = session.view().timeline.latest;
    assert!(session.view().timeline.can.back);
    assert!(at_end > 0 && goals_at_end > 0);

    session.update(Event::SeekEvent(0));
    assert_eq!(cells(&session), 0, "nothing is written at the start");
    assert!(lines(&session) < lines_at_end);
    assert_eq!(holding(&session), 0);
    assert_eq!(session.view().timeline.latest, latest, "the newest moment stays on the axis");
    assert!(!session.advance(FRAME_US, &mut || true), "time stands while one looks back");

    // Event by event to the end again.
    while session.view().timeline.now.event < latest.event {
        let before = session.view().timeline.now.event;
        session.update(Event::Step { forward: true });
        assert!(session.view().timeline.now.event > before);
    }
    assert_eq!(session.view().timeline.now.event, latest.event);
    session.update(Event::Latest);
    assert_eq!((cells(&session), lines(&session)), (at_end, lines_at_end));
    assert_eq!(holding(&session), goals_at_end);

    let before = session.view().timeline.now.event;
    session.update(Event::Step { forward: false });
    assert!(session.view().timeline.now.event < before);
    session.update(Event::Seek(Time(latest.time.0 / 2)));
    assert_eq!(session.view().timeline.now.time, Time(latest.time.0 / 2));
    for nonsense in [Event::SeekEvent(u64::MAX), Event::Seek(Time(i64::MAX)), Event::Latest] {
        session.update(nonsense);
        assert_eq!(session.view().timeline.now, latest);
    }
}

#[test]
fn time_that_has_passed_passes_again() {
    let mut session = done();
    let latest = session.view().timeline.latest;
    session.update(Event::SeekEvent(0));
    session.update(Event::Play);
    for _ in 0..100_000 {
        session.advance(FRAME_US, &mut || true);
        if session.view().timeline.now.time >= latest.time {
            break;
        }
    }
    assert!(session.view().timeline.now.time >= latest.time);
    session.update(Event::Pause);
    assert!(cells(&session) > 0);
}

#[test]
fn what_is_done_while_looking_back_is_another_run() {
    let mut session = done();
    let at_end = cells(&session);
    let middle = session.view().timeline.latest.event / 2;
    session.update(Event::SeekEvent(middle));
    assert_eq!(session.view().timeline.runs.len(), 1);
    // A terminal of its own: at this moment a tool runs in the first.
    let line = "$ kafka-topics.sh --bootstrap-server localhost:9092 --create --topic other";
    session.update(Event::Act(line.to_owned()));
    settle(&mut session);
    let runs = session.view().timeline.runs.clone();
    assert_eq!(runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["run B", "run A"]);
    assert!(runs[0].front && runs[0].since.is_some() && runs[1].since.is_none());

    session.update(Event::Compare("run A".to_owned()));
    let inspector = session.view().inspector.as_ref().expect("the comparison is shown");
    let cause = inspector.cause.as_ref().expect("where they part");
    assert!(cause.title.starts_with("This run and run A part at event "), "{}", cause.title);
    assert_eq!(cause.steps.len(), 2);
    let (_, table) = cause.aside.as_ref().expect("what is different");
    assert!(table.rows.iter().any(|row| row[0] == "topic other" && row[2] == "-"), "{table:?}");

    session.update(Event::Run("run A".to_owned()));
    assert_eq!(cells(&session), at_end, "the run that was left is as it was");
    session.update(Event::Run("run B".to_owned()));
    session.update(Event::Run("no such run".to_owned()));
    assert!(session.view().timeline.runs[0].front);
    assert_eq!(session.view().timeline.runs[0].name, "run B");
}
