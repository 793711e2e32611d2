//! The stage of a cluster: who leads, who is in sync, what a fault does to the picture.

use std::path::Path;

use logbrook_lab::parse::read_level;
use logbrook_session::catalog::Catalog;
use logbrook_session::event::Event;
use logbrook_session::view::{BatchState, InSync, Role, Stage, StageLayout, Up};
use logbrook_session::{Level, Session};

const SERVER: &str = "--bootstrap-server localhost:9092";

fn level(path: &str) -> Level {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lessons").join(path);
    read_level(&folder).unwrap_or_else(|e| panic!("{path}/{e}"))
}

fn run(session: &mut Session, line: &str) {
    let tab = session.view().terminal.active;
    session.update(Event::Submit { tab, text: line.to_owned() });
    for _ in 0..4_000 {
        if !session.advance(16_000, &mut || true) {
            return;
        }
    }
    panic!("`{line}` does not end");
}

fn payments() -> Session {
    let mut session = Session::new(Catalog::default());
    session.open(level("replication/survive-any-one"));
    run(
        &mut session,
        &format!(
            "kafka-topics.sh {SERVER} --create --topic payments --partitions 3 --replication-factor 3"
        ),
    );
    run(&mut session, "@sleep 2");
    session
}

fn leaders(stage: &Stage) -> Vec<(i32, i32)> {
    let mut led: Vec<_> = stage
        .rows()
        .filter(|row| row.role == Role::Leader)
        .map(|row| (row.partition, row.broker))
        .collect();
    led.sort_unstable();
    led
}

#[test]
fn a_killed_broker_is_dry_and_another_leads_once_it_is_fenced() {
    let mut session = payments();
    let stage = &session.view().stage;
    assert_eq!((stage.lanes.len(), stage.rows().count()), (3, 9));
    assert!(stage.rows().all(|row| row.in_sync == InSync::In), "all follow");
    let before = leaders(stage);
    assert_eq!(before.len(), 3, "each partition has one leader: {before:?}");
    let killed = before[0].1;

    run(&mut session, &format!("@kill {killed}"));
    let view = session.view();
    let lane = view.stage.lanes.iter().find(|lane| lane.broker == killed).expect("a lane");
    assert_eq!((lane.up, lane.status.as_str()), (Up::Down, "killed, not fenced yet"));
    assert!(lane.since.is_some() && !lane.rows.is_empty(), "its disk is still there");
    assert_eq!(lane.acts[0].line, format!("@start {killed}"));
    assert!(view.timeline.flags.iter().any(|f| f.title == format!("broker {killed}: killed")));
    assert_eq!(leaders(&view.stage), before, "nobody was elected yet");

    run(&mut session, "@sleep 15");
    let view = session.view();
    let after = leaders(&view.stage);
    assert!(after.len() == 3 && after.iter().all(|(_, broker)| *broker != killed), "{after:?}");
    let rows = view.stage.rows().filter(|row| row.broker == killed);
    assert!(rows.map(|row| row.in_sync).all(|in_sync| in_sync != InSync::In));
    assert!(view.stage.summary.contains("1 down"), "{}", view.stage.summary);
}

#[test]
fn what_was_acked_and_is_on_a_dead_broker_alone_is_drawn_as_lost() {
    let mut session = payments();
    let leader = leaders(&session.view().stage)[0].1;
    // The followers stand still while the leader acks alone: acks=1.
    let others: Vec<i32> = (1..=3).filter(|id| *id != leader).collect();
    for other in &others {
        run(&mut session, &format!("@pause {other} 4"));
    }
    run(&mut session, "@sleep 2");
    run(&mut session, &format!("@kill {leader}"));
    run(&mut session, "@sleep 25");
    session.update(Event::Axis { first: Some(0), cells: 40 });
    let stage = &session.view().stage;
    let lost = stage
        .rows()
        .filter(|row| row.broker == leader)
        .flat_map(|row| &row.batches)
        .any(|batch| batch.state == BatchState::Lost);
    let said: Vec<_> = stage.rows().map(|row| (row.name(), row.broker, &row.differs)).collect();
    assert!(lost, "{said:?}");
}

#[test]
fn many_partitions_are_lines_and_only_what_is_opened_has_strips() {
    let mut session = Session::new(Catalog::default());
    session.update(Event::Sandbox("template=three&apps=".to_owned()));
    run(
        &mut session,
        &format!(
            "kafka-topics.sh {SERVER} --create --topic wide --partitions 50 --replication-factor 3"
        ),
    );
    let stage = &session.view().stage;
    assert_eq!(stage.layout, StageLayout::Partitions);
    assert_eq!((stage.partitions.len(), stage.rows().count()), (50, 0));
    assert!(stage.partitions.iter().all(|line| line.replicas.len() == 3 && line.leader.is_some()));
    session.update(Event::OpenPartition { partition: 40, open: true });
    assert_eq!(session.view().stage.rows().count(), 3);
    session.update(Event::Layout(StageLayout::Brokers));
    let stage = &session.view().stage;
    assert_eq!(stage.rows().count(), 3, "of the one that is open");
    assert!(stage.left_out.starts_with("1 of 50"), "{}", stage.left_out);
}

#[test]
fn progress_from_elsewhere_is_merged_and_what_cannot_be_read_is_put_aside() {
    let mut session = Session::new(Catalog::default());
    session.update(Event::Restore("logbrook progress 1\npassed a/b lines=3 hints=0\n".to_owned()));
    session.update(Event::Import("logbrook progress 1\npassed a/c lines=2 hints=1\n".to_owned()));
    let keep = session.view().keep.to_string();
    assert!(keep.contains("passed a/b") && keep.contains("passed a/c"), "{keep}");
    session.update(Event::Import("{}".to_owned()));
    assert_eq!(session.view().keep.as_str(), keep, "a file that cannot be read changes nothing");
    session.update(Event::Restore("logbrook progress 9\n".to_owned()));
    let view = session.view();
    assert_eq!(view.unread.as_str(), "logbrook progress 9\n");
    let notice = view.notices.last().expect("it is said");
    assert!(notice.text.plain().contains("line 1"), "{}", notice.text.plain());
    assert!(notice.file.is_some(), "and can be kept as a file");
    assert_eq!(view.keep.as_str(), keep);
}

#[test]
fn what_was_done_is_a_link_that_does_it_again() {
    let mut session = payments();
    let leader = leaders(&session.view().stage)[0].1;
    run(&mut session, &format!("@kill {leader}"));
    run(&mut session, "@sleep 12");
    // A client of a broker that is dead would wait for a minute.
    let bootstrap = if leader == 1 { "localhost:9094" } else { "localhost:9092" };
    run(
        &mut session,
        &format!("kafka-topics.sh --bootstrap-server {bootstrap} --describe --topic payments"),
    );
    session.update(Event::Share);
    let shared = session.view().share.clone().expect("it can be shared");
    assert_eq!(shared.count, 5, "{}", shared.lines);

    let mut other = Session::new(Catalog::default());
    other.open(level("replication/survive-any-one"));
    other.update(Event::Link {
        fragment: shared.head.clone(),
        lines: shared.lines.clone(),
        cut: false,
    });
    for _ in 0..4_000 {
        if !other.advance(16_000, &mut || true) {
            break;
        }
    }
    let (one, two) = (session.view(), other.view());
    assert_eq!(two.notices.len(), 0, "{:?}", two.notices);
    assert_eq!(leaders(&one.stage), leaders(&two.stage));
    let ends =
        |stage: &Stage| stage.rows().map(|r| (r.name(), r.broker, r.log_end)).collect::<Vec<_>>();
    assert_eq!(ends(&one.stage), ends(&two.stage));
    // And is the same link again.
    other.update(Event::Share);
    assert_eq!(other.view().share.as_ref().map(|s| &s.lines), Some(&shared.lines));
}
