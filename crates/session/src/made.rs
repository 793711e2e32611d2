//! Worlds that no folder of `lessons/` describes: the small cluster on Home, and the sandbox's.

use logbrook_sorted::SortedMap;

use logbrook_lab::duration::Rate;
use logbrook_lab::level::{
    AppDef, Client, ClockMode, ClusterDef, EventsDef, Head, Kind, Level, May, Need, Role, Setting,
    TopicDef,
};

/// Settings by name.
pub(crate) fn settings(list: &[(&str, &str)]) -> SortedMap<String, Setting> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), Setting::Text((*value).to_owned())))
        .collect()
}

/// An application, without anything.
pub(crate) fn app(name: &str, role: Role) -> AppDef {
    AppDef {
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
    }
}

/// A producer whose events are about `entity`, in a field of that name's own.
pub(crate) fn producer(
    name: &str,
    topic: &str,
    rate: u32,
    (entity, field): (&str, &str),
) -> AppDef {
    let events = EventsDef {
        entity: entity.to_owned(),
        field: field.to_owned(),
        pick: "uniform".to_owned(),
        fields: SortedMap::new(),
        bytes: None,
    };
    AppDef {
        topic: Some(topic.to_owned()),
        rate: Some(Rate(rate)),
        events: Some(events),
        code: settings(&[("key", field)]),
        ..app(name, Role::Producer)
    }
}

/// A topic.
pub(crate) fn topic(
    name: &str,
    partitions: i32,
    replication: i16,
    config: &[(&str, &str)],
) -> TopicDef {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    TopicDef {
        name: name.to_owned(),
        partitions,
        replication,
        config: config.iter().map(text).collect(),
        assignment: Vec::new(),
    }
}

/// What a made level is put together from.
pub(crate) struct Made<'a> {
    pub(crate) track: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) title: &'a str,
    pub(crate) brokers: u32,
    pub(crate) seed: u64,
    pub(crate) clock: ClockMode,
}

/// A level without a task.
pub(crate) fn level(made: &Made<'_>, topics: Vec<TopicDef>, apps: Vec<AppDef>, may: May) -> Level {
    Level {
        track: made.track.to_owned(),
        slug: made.slug.to_owned(),
        head: Head {
            format: 1,
            rev: 1,
            kind: Kind::Lesson,
            title: made.title.to_owned(),
            idea: String::new(),
            kills: Vec::new(),
            after: Vec::new(),
            needs: vec![Need::Log, Need::GroupClassic, Need::Apps],
            phase: 1,
            minutes: 0,
            seed_refs: Vec::new(),
            hints: Vec::new(),
            clock: Some(made.clock),
        },
        cluster: ClusterDef {
            brokers: made.brokers,
            controllers: Some(u32::from(made.brokers > 1)),
            config: SortedMap::new(),
            racks: Vec::new(),
            network: None,
            epoch: None,
            seed: made.seed,
            cold: false,
            // A sandbox is left when its person leaves it.
            most_steps: u64::MAX,
        },
        topics,
        stores: Vec::new(),
        apps,
        may,
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
