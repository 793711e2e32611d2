//! What the tests of running applications share.
#![allow(dead_code)] // each test binary uses a part of it

use std::any::Any;

use logbrook_app::{AppSpec, Entities, EventSpec, FieldSpec, Pick, Rate, Role};
use logbrook_broker::messages::create_topics_request::CreatableTopic;
use logbrook_broker::messages::{CreateTopicsRequest, TopicName};
use logbrook_broker::wire::{RequestFrame, Response};
use logbrook_client::process::{AppEvent, Input, Io, Process};
use logbrook_client::{Channel, Endpoint, NetEvent, Outgoing};
use logbrook_cluster::{Actor, Cluster, ProcessId, TraceEvent, TraceKind};

pub(crate) const SECOND_US: i64 = 1_000_000;

/// Asks the broker for a topic and ends: with 0 when it is there.
#[derive(Clone)]
struct CreateTopic {
    name: String,
    partitions: i32,
}

impl Process for CreateTopic {
    fn handle(&mut self, input: Input, io: &mut Io) {
        match input {
            Input::Start => {
                let topic = CreatableTopic::default()
                    .with_name(TopicName(self.name.clone().into()))
                    .with_num_partitions(self.partitions)
                    .with_replication_factor(1);
                let request =
                    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
                io.send(Outgoing {
                    to: Endpoint::new("localhost", 9092),
                    channel: Channel::node(1),
                    frame: RequestFrame::latest(1, None, request.into()),
                });
            }
            Input::Net(NetEvent::Response { frame, .. }) => match frame.body {
                Response::CreateTopics(response) => {
                    io.exit(i32::from(response.topics.iter().any(|topic| topic.error_code != 0)));
                }
                _ => io.exit(2),
            },
            _ => {}
        }
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Makes a topic through a real request and waits until it is there.
pub(crate) fn create_topic(cluster: &mut Cluster, name: &str, partitions: i32) {
    let program = CreateTopic { name: name.to_owned(), partitions };
    let process = cluster.spawn("create-topic", "/127.0.0.1", Box::new(program));
    let limit_us = cluster.now_us() + 10 * SECOND_US;
    cluster.run_until_us_while(limit_us, |cluster| cluster.process(process).unwrap().is_running());
    assert_eq!(cluster.process(process).unwrap().exit, Some(0), "topic {name} was not created");
}

/// The producer of `partitions/order-per-account`.
pub(crate) fn bank(count: u64) -> AppSpec {
    AppSpec {
        topic: Some("movements".into()),
        rate: Some(Rate::per_second(40)),
        count: Some(count),
        events: Some(EventSpec {
            entity: Entities::read("acc-{1..8}").unwrap(),
            field: "account".into(),
            pick: Pick::Uniform,
            fields: vec![
                ("branch".into(), FieldSpec::OneOf(vec!["north".into(), "south".into()])),
                ("balance".into(), FieldSpec::Running),
            ],
            bytes: 160,
        }),
        ..AppSpec::new("bank", Role::Producer)
    }
}

/// Its consumer, with settings changed.
pub(crate) fn ledger(instances: u32, settings: &[(&str, &str)]) -> AppSpec {
    AppSpec {
        instances,
        group: Some("ledger".into()),
        topics: vec!["movements".into()],
        store: Some("balances".into()),
        ..AppSpec::new("ledger", Role::Consumer)
    }
    .with_all([
        ("enable.auto.commit", "false"),
        ("max.poll.records", "20"),
        ("auto.offset.reset", "earliest"),
        ("process_ms", "40..70"),
        ("commit", "after-batch"),
    ])
    .unwrap()
    .with_all(settings.iter().copied())
    .unwrap()
}

/// The application events of the run, with their time and process.
pub(crate) fn app_events(
    cluster: &Cluster,
) -> impl Iterator<Item = (&TraceEvent, ProcessId, &AppEvent)> {
    cluster.trace().iter().filter_map(|event| match (&event.kind, &event.actor) {
        (TraceKind::App(app), Actor::Process(process)) => Some((event, *process, app)),
        _ => None,
    })
}
