//! A consumer that says where it is reads the replica in its rack, and the leader when that is gone.

mod support;

use logbrook_app::AppSpec;
use logbrook_client::process::AppEvent;
use logbrook_cluster::{Actor, Cluster, ClusterConfig, ProcessId, TraceKind};
use logbrook_sorted::SortedSet;
use support::{SECOND_US, app_events};

const RACKS: [&str; 3] = ["a", "b", "c"];

fn cluster(selector: Option<&str>) -> Cluster {
    let mut properties = vec![("default.replication.factor", "3"), ("num.partitions", "1")];
    properties.extend(selector.map(|class| ("replica.selector.class", class)));
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut cluster = Cluster::new(ClusterConfig {
        brokers: 3,
        seed: 11,
        racks: RACKS.map(str::to_owned).to_vec(),
        broker_properties: properties.into_iter().map(own).collect(),
        ..ClusterConfig::default()
    });
    add(
        &mut cluster,
        "writer",
        &[
            ("role", "producer"),
            ("topic", "t"),
            ("rate", "20/s"),
            ("count", "400"),
            ("entity", "e"),
        ],
    );
    cluster.run_until_us(5 * SECOND_US);
    cluster
}

fn add(cluster: &mut Cluster, name: &str, words: &[(&str, &str)]) {
    let spec = AppSpec::from_words(name, words.iter().copied()).expect("an app");
    cluster.add_app(spec).expect("a new app");
}

/// Adds a reader in the rack of a broker and says which process it is.
fn reader_beside(cluster: &mut Cluster, broker: i32) -> ProcessId {
    let rack = RACKS[broker as usize - 1];
    let words = [
        ("role", "consumer"),
        ("topics", "t"),
        ("group", "g"),
        ("auto.offset.reset", "earliest"),
        ("client.rack", rack),
    ];
    add(cluster, "reader", &words);
    cluster.app("reader").and_then(|app| app.processes().next()).expect("a process")
}

fn leader(cluster: &Cluster) -> i32 {
    cluster.metadata().and_then(|image| image.topic("t")).expect("the topic").partitions[&0].leader
}

/// The nodes that the process sent a Fetch to since `from_us`.
fn fetched_from(cluster: &Cluster, reader: ProcessId, from_us: i64) -> SortedSet<i32> {
    let events = cluster.trace().iter().filter(|event| event.time_us >= from_us);
    events
        .filter_map(|event| match (&event.actor, &event.kind) {
            (Actor::Process(process), TraceKind::RequestSent { node, request: "Fetch", .. })
                if *process == reader =>
            {
                *node
            }
            _ => None,
        })
        .collect()
}

fn delivered(cluster: &Cluster) -> Vec<i64> {
    app_events(cluster)
        .filter_map(|(_, _, event)| match event {
            AppEvent::Delivered { record, .. } => Some(record.offset.0),
            _ => None,
        })
        .collect()
}

const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

#[test]
fn the_replica_in_the_readers_rack_is_read_and_the_leader_when_it_is_gone() {
    let mut cluster = cluster(Some(RACK_AWARE));
    let leader = leader(&cluster);
    let near = leader % 3 + 1;
    let reader = reader_beside(&mut cluster, near);
    cluster.run_until_us(12 * SECOND_US);
    // The leader is asked first, and names the other.
    let from = fetched_from(&cluster, reader, 0);
    assert_eq!(from, [leader, near].into_iter().collect());
    assert_eq!(fetched_from(&cluster, reader, 10 * SECOND_US), [near].into_iter().collect());
    assert!(delivered(&cluster).len() > 150, "a follower gives what is committed");

    assert!(cluster.kill_node(near));
    cluster.run_until_us(40 * SECOND_US);
    let after = fetched_from(&cluster, reader, 20 * SECOND_US);
    assert!(!after.contains(&near) && !after.is_empty(), "{after:?}");
    assert_eq!(delivered(&cluster), (0..400).collect::<Vec<i64>>(), "each once, in order");
}

#[test]
fn without_the_selector_or_beside_the_leader_the_leader_is_read() {
    for (selector, beside_leader) in [(None, false), (Some(RACK_AWARE), true)] {
        let mut cluster = cluster(selector);
        let leader = leader(&cluster);
        let at = if beside_leader { leader } else { leader % 3 + 1 };
        let reader = reader_beside(&mut cluster, at);
        cluster.run_until_us(10 * SECOND_US);
        assert_eq!(fetched_from(&cluster, reader, 0), [leader].into_iter().collect());
    }
}
