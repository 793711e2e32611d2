//! The small cluster that runs on Home: three brokers, a topic, a producer, three readers.

use std::sync::Arc;

use logbrook_lab::level::{AppDef, ClockMode, Level, May, Role};

use crate::made::{self, Made};
use crate::play::Play;
use crate::project::stage;
use crate::view::{Act, HomeLive, Icon, StageLayout};

/// Virtual time that has passed when it is first seen, so that there is something to see.
const WARM_UP_US: i64 = 9_000_000;
/// An open tab is not to fill the memory: after so many events the cluster begins anew.
const MOST_EVENTS: usize = 60_000;
/// Cells on its strips.
const CELLS: u32 = 22;

/// What *Send a record* runs.
const SEND: &str = "$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic hello \
     --reader-property parse.key=true --reader-property key.separator=:\n< you:hello";

/// The cluster. It is cold: see [`warm_up`].
pub(crate) fn open() -> Result<Play, String> {
    let mut play = Play::open(Arc::new(level()))?;
    play.chosen.cells = CELLS;
    play.chosen.topic = Some("hello".to_owned());
    play.chosen.layout = Some(StageLayout::Partitions);
    Ok(play)
}

/// Lets time pass before it is first seen, as long as `go_on` says so. True once it may be seen.
pub(crate) fn warm_up(play: &mut Play, go_on: &mut dyn FnMut() -> bool) -> bool {
    while play.run.cluster().next_event_us().is_some_and(|at| at < WARM_UP_US) {
        if !go_on() {
            return false;
        }
        play.run.step_once();
    }
    true
}

/// Whether it has run for so long that it should begin anew.
pub(crate) fn is_old(play: &Play) -> bool {
    play.run.cluster().trace().len() > MOST_EVENTS
}

/// What stands around its strips.
pub(crate) fn live(play: &Play) -> HomeLive {
    let last = play.run.history().last().map(|line| line.action.to_string());
    let line = last.unwrap_or_else(|| SEND.to_owned());
    let act = |label: &str, icon, line: &str| Act {
        label: label.to_owned(),
        icon,
        line: line.to_owned(),
    };
    HomeLive {
        summary: format!("{}, topic hello, group readers", stage::summary(play.run.cluster())),
        acts: vec![
            act("Send a record", Icon::Arrow, SEND),
            match play.run.cluster().is_broker_up(2) {
                true => act("Stop broker 2", Icon::Power, "@kill 2"),
                false => act("Start broker 2", Icon::Power, "@start 2"),
            },
        ],
        line: line.lines().next().unwrap_or_default().trim_start_matches("$ ").to_owned(),
    }
}

fn level() -> Level {
    let mut greeter = made::producer("greeter", "hello", 3, ("c{1..9}", "customer"));
    greeter.config = made::settings(&[("acks", "all")]);
    let readers = AppDef {
        instances: 3,
        topics: vec!["hello".to_owned()],
        group: Some("readers".to_owned()),
        config: made::settings(&[("enable.auto.commit", "false"), ("max.poll.records", "3")]),
        // What a visitor sends is no event of an app: readers leave it out instead of ending.
        code: made::settings(&[
            ("process_ms", "200..700"),
            ("commit", "after-batch"),
            ("on_error", "skip"),
        ]),
        ..made::app("readers", Role::Consumer)
    };
    let topic = made::topic("hello", 3, 3, &[("min.insync.replicas", "2")]);
    let made = Made {
        track: "home",
        slug: "running-now",
        title: "Running now",
        brokers: 3,
        seed: 4,
        clock: ClockMode::Live,
    };
    let lab = ["kill", "start"].map(str::to_owned).to_vec();
    made::level(&made, vec![topic], vec![greeter, readers], May { lab, ..May::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_and_its_buttons_do_what_they_say() {
        let mut play = open().expect("the cluster on Home can be made");
        assert!(warm_up(&mut play, &mut || true));
        let before = play.run.cluster().trace().len();
        let lines: Vec<String> = live(&play).acts.into_iter().map(|act| act.line).collect();
        let tab = play.tabs.active;
        play.submit(tab, &lines[0]);
        for _ in 0..300 {
            play.advance(16_000, &mut || true).expect("it runs");
        }
        assert!(live(&play).line.starts_with("kafka-console-producer.sh"));
        play.submit(tab, &lines[1]);
        for _ in 0..1_500 {
            play.advance(16_000, &mut || true).expect("it runs");
        }
        assert_eq!(live(&play).line, "@kill 2");
        assert_eq!(live(&play).acts[1].line, "@start 2");
        let led = play.run.cluster().metadata().and_then(|m| m.topic("hello")).expect("hello");
        assert!(led.partitions.values().all(|p| p.leader != 2), "the others lead now");
        assert!(play.run.cluster().trace().len() > before);
        let owners = play
            .follow
            .owners
            .keys()
            .filter(|(group, topic, _)| group == "readers" && topic == "hello");
        assert_eq!(owners.count(), 3, "each partition has a reader again");
    }
}
