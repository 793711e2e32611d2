//! The small cluster that runs on Home: one broker, a topic, a producer, three readers.

use logbrook_sorted::SortedMap;
use std::sync::Arc;

use logbrook_lab::duration::Rate;
use logbrook_lab::level::{
    AppDef, Client, ClockMode, ClusterDef, EventsDef, Head, Kind, Level, May, Need, Role, Setting,
    TopicDef,
};

use crate::play::Play;
use crate::view::{Act, HomeLive, Icon};

/// Virtual time that has passed when it is first seen, so that there is something to see.
const WARM_UP_US: i64 = 9_000_000;
/// An open tab is not to fill the memory: after so many events the cluster begins anew.
const MOST_EVENTS: usize = 60_000;
/// Cells on its strips.
const CELLS: u32 = 22;

/// What *Send a record* runs.
const SEND: &str = "$ kafka-console-producer.sh --bootstrap-server localhost:9092 --topic hello \
     --reader-property parse.key=true --reader-property key.separator=:\n< you:hello";

/// The cluster, warmed up.
pub(crate) fn open() -> Result<Play, String> {
    let mut play = Play::open(Arc::new(level()))?;
    play.run.workspace.cluster.run_until_us(WARM_UP_US);
    play.chosen.cells = CELLS;
    play.chosen.topic = Some("hello".to_owned());
    Ok(play)
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
        summary: "1 broker, topic hello, group readers".to_owned(),
        acts: vec![
            act("Send a record", Icon::Arrow, SEND),
            act("Restart a reader", Icon::Power, "@restart readers/2"),
        ],
        line: line.lines().next().unwrap_or_default().trim_start_matches("$ ").to_owned(),
    }
}

fn level() -> Level {
    let text = |t: &str| Setting::Text(t.to_owned());
    let settings = |list: &[(&str, Setting)]| -> SortedMap<String, Setting> {
        list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let app = |name: &str, role| AppDef {
        name: name.to_owned(),
        role,
        client: Client::default(),
        instances: 1,
        topic: None,
        topics: Vec::new(),
        output: None,
        group: None,
        store: None,
        rate: None,
        count: None,
        start: None,
        stop: None,
        poison: Vec::new(),
        events: None,
        config: SortedMap::new(),
        code: SortedMap::new(),
    };
    let events = EventsDef {
        entity: "c{1..9}".to_owned(),
        field: "customer".to_owned(),
        pick: "uniform".to_owned(),
        fields: SortedMap::new(),
        bytes: None,
    };
    let greeter = AppDef {
        topic: Some("hello".to_owned()),
        rate: Some(Rate(3)),
        events: Some(events),
        code: settings(&[("key", text("customer"))]),
        ..app("greeter", Role::Producer)
    };
    let readers = AppDef {
        instances: 3,
        topics: vec!["hello".to_owned()],
        group: Some("readers".to_owned()),
        config: settings(&[("enable.auto.commit", text("false")), ("max.poll.records", text("3"))]),
        // What a visitor sends is no event of an app: readers leave it out instead of ending.
        code: settings(&[
            ("process_ms", text("200..700")),
            ("commit", text("after-batch")),
            ("on_error", text("skip")),
        ]),
        ..app("readers", Role::Consumer)
    };
    let topic = TopicDef {
        name: "hello".to_owned(),
        partitions: 3,
        replication: 1,
        config: SortedMap::new(),
        assignment: Vec::new(),
    };
    Level {
        track: "home".to_owned(),
        slug: "running-now".to_owned(),
        head: Head {
            format: 1,
            rev: 1,
            kind: Kind::Lesson,
            title: "Running now".to_owned(),
            idea: String::new(),
            kills: Vec::new(),
            after: Vec::new(),
            needs: vec![Need::Log, Need::GroupClassic, Need::Apps],
            phase: 1,
            minutes: 0,
            seed_refs: Vec::new(),
            hints: Vec::new(),
            clock: Some(ClockMode::Live),
        },
        cluster: ClusterDef {
            brokers: 1,
            controllers: Some(0),
            config: SortedMap::new(),
            racks: Vec::new(),
            network: None,
            epoch: None,
            seed: 4,
        },
        topics: vec![topic],
        stores: Vec::new(),
        apps: vec![greeter, readers],
        may: May { lab: vec!["restart".to_owned()], ..May::default() },
        events: Vec::new(),
        asserts: Vec::new(),
        trials: Vec::new(),
        predictions: Vec::new(),
        prose: Vec::new(),
        setup: None,
        solutions: Vec::new(),
        wrong: Vec::new(),
        files: SortedMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_and_its_buttons_do_what_they_say() {
        let mut play = open().expect("the cluster on Home can be made");
        let before = play.run.cluster().trace().len();
        let lines: Vec<String> = live(&play).acts.into_iter().map(|act| act.line).collect();
        let tab = play.tabs.active;
        play.submit(tab, &lines[0]);
        for _ in 0..300 {
            play.advance(16_000, &mut || true).expect("it runs");
        }
        assert!(live(&play).line.starts_with("kafka-console-producer.sh"));
        play.submit(tab, &lines[1]);
        for _ in 0..1_000 {
            play.advance(16_000, &mut || true).expect("it runs");
        }
        assert_eq!(live(&play).line, "@restart readers/2");
        assert!(play.run.cluster().trace().len() > before);
        let owners = play
            .follow
            .owners
            .keys()
            .filter(|(group, topic, _)| group == "readers" && topic == "hello");
        assert_eq!(owners.count(), 3, "each partition has a reader again");
    }
}
