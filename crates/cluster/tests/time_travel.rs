//! Going back: every moment of a run with faults in it can be had again, and goes on as it did.

use logbrook_app::{AppSpec, Entities, EventSpec, Pick, Rate, Role};
use logbrook_cluster::{Checkpoints, Cluster, ClusterConfig, EventId, compare, story};

/// When something comes from outside, in µs.
const INPUTS_US: [i64; 4] = [4_000_000, 9_000_000, 14_000_000, 21_000_000];
const END_US: i64 = 30_000_000;

fn orders() -> AppSpec {
    let spec = AppSpec {
        topic: Some("orders".into()),
        rate: Some(Rate::per_second(40)),
        events: Some(EventSpec {
            entity: Entities::read("order-{1..40}").unwrap(),
            field: "order".into(),
            pick: Pick::Uniform,
            fields: vec![],
            bytes: 0,
        }),
        ..AppSpec::new("shop", Role::Producer)
    };
    spec.with_all([("key", "order")]).unwrap()
}

fn ledger() -> AppSpec {
    let spec = AppSpec {
        group: Some("ledger".into()),
        topics: vec!["orders".into()],
        instances: 2,
        ..AppSpec::new("ledger", Role::Consumer)
    };
    spec.with_all([("auto.offset.reset", "earliest")]).unwrap()
}

fn input(cluster: &mut Cluster, index: usize) {
    match index {
        0 => {
            cluster.action("@kill broker-2");
            assert!(cluster.kill_node(2));
        }
        1 => {
            cluster.action("@start broker-2");
            assert!(cluster.start_node(2));
        }
        2 => {
            cluster.action("@kill ledger/1");
            let target = logbrook_cluster::Target { app: "ledger".into(), number: Some(1) };
            cluster.kill_app(&target).unwrap();
        }
        _ => {
            cluster.action("@kill broker-3");
            assert!(cluster.kill_node(3));
        }
    }
}

/// A run with checkpoints, and it at its end.
fn run() -> (Cluster, Checkpoints<Cluster>) {
    let mut cluster = Cluster::new(ClusterConfig {
        brokers: 3,
        seed: 7,
        start_us: 0,
        broker_properties: [
            ("num.partitions".to_owned(), "3".to_owned()),
            ("default.replication.factor".to_owned(), "3".to_owned()),
        ]
        .into(),
        ..ClusterConfig::default()
    });
    cluster.run_until_us(1_000_000);
    cluster.add_app(orders()).unwrap();
    cluster.add_app(ledger()).unwrap();
    let mut checkpoints = Checkpoints::new(&mut cluster);
    for (index, at_us) in INPUTS_US.into_iter().chain([END_US]).enumerate() {
        while cluster.next_event_us().is_some_and(|next| next <= at_us) {
            cluster.step();
            checkpoints.on_the_way(&mut cluster);
        }
        cluster.run_until_us(at_us);
        if index < INPUTS_US.len() {
            input(&mut cluster, index);
            checkpoints.after_input(&mut cluster);
        }
    }
    (cluster, checkpoints)
}

#[test]
fn every_moment_can_be_had_again_and_goes_on_as_it_did() {
    let (end, checkpoints) = run();
    let length = end.trace().len() as u64;
    assert!(length > 10_000, "{length} events");
    // A prime step, so that moments before, at and after checkpoints are met.
    for event in (first(&end, &checkpoints)..length).step_by(997) {
        let event = EventId(event);
        let then = checkpoints.at_event(&end, event).unwrap();
        assert!(then.trace().get(event).is_some());
        assert_eq!(compare(&then, &end).parted.map(|parted| parted.event), {
            let parts_at = then.trace().len() as u64;
            (parts_at < length).then_some(EventId(parts_at))
        });
        let before = checkpoints.step_back(&then);
        if let Some(before) = before {
            assert!(before.trace().len() < then.trace().len());
            assert!(before.trace().len() as u64 <= event.0, "{event}");
        }
        // To the next input it goes on by itself, to the same events.
        let next_us = INPUTS_US.into_iter().find(|at| *at > then.now_us()).unwrap_or(END_US);
        let mut again = then;
        again.run_until_us(next_us - 1);
        let there = checkpoints.at_time_us(&end, next_us - 1).unwrap();
        assert_eq!(again.trace().hash(), there.trace().hash(), "from {event}");
        assert_eq!(there.now_us(), next_us - 1);
    }
}

fn first(end: &Cluster, checkpoints: &Checkpoints<Cluster>) -> u64 {
    checkpoints.at_time_us(end, 0).map_or(0, |first| first.trace().len() as u64)
}

#[test]
fn what_is_not_there_is_not_found() {
    let (end, checkpoints) = run();
    let length = end.trace().len() as u64;
    for event in [length, length + 1, u64::MAX] {
        assert!(checkpoints.at_event(&end, EventId(event)).is_none());
    }
    assert!(checkpoints.at_event(&end, EventId(0)).is_none(), "before the beginning");
    let first = checkpoints.at_time_us(&end, i64::MIN).unwrap();
    let last = checkpoints.at_time_us(&end, i64::MAX).unwrap();
    assert_eq!(last.trace().hash(), end.trace().hash());
    assert_eq!(first.now_us(), checkpoints.since_us());
    assert!(checkpoints.step_back(&first).is_none());
}

#[test]
fn two_futures_of_one_past_are_told_apart() {
    let (end, checkpoints) = run();
    let mut calm = checkpoints.at_time_us(&end, INPUTS_US[0] - 1).unwrap();
    let mut worse = calm.fork();
    assert_eq!(compare(&calm, &worse), logbrook_cluster::Comparison::default());
    worse.action("@kill broker-1");
    assert!(worse.kill_node(1));
    for run in [&mut calm, &mut worse] {
        run.run_for_us(15_000_000);
    }
    let found = compare(&calm, &worse);
    let parted = found.parted.unwrap();
    assert_eq!(parted.there.unwrap().1, "`@kill broker-1`");
    let subjects: Vec<&str> = found.differences.iter().map(|d| d.subject.as_str()).collect();
    assert!(subjects.contains(&"broker 1"), "{subjects:?}");
    assert!(subjects.iter().any(|s| s.ends_with("leader")), "{subjects:?}");
    assert!(subjects.iter().any(|s| s.ends_with("in sync")), "{subjects:?}");
}

#[test]
fn a_cause_is_told_in_twelve_steps_back_to_the_action() {
    let (end, _) = run();
    let elected = end.trace().iter().rfind(|event| {
        matches!(
            &event.kind,
            logbrook_cluster::TraceKind::Broker(
                logbrook_broker::BrokerEventKind::BecameLeader { .. }
            )
        )
    });
    let told = story(&end, elected.unwrap().id);
    let texts: Vec<&str> = told.iter().map(|told| told.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "`@kill broker-3`",
            "broker 3: killed",
            "the controller fences broker 3: 25 partitions get another leader",
            "the controller answers Fetch of broker 2",
            "broker 2 has the answer of the controller to Fetch",
            "broker 2 leads `__consumer_offsets-49` in epoch 1, from offset 0",
        ]
    );
    // However long a chain is, so many steps are told, and both of its ends.
    for event in end.trace().iter().step_by(101) {
        let told = story(&end, event.id);
        assert!(told.len() <= 12, "{told:#?}");
    }
}
