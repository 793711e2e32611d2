//! Applications with transactions: what they promise to those who read committed records, and what they
//! do not promise to the others.

use logbrook_app::{AppSpec, Entities, EventSpec, Pick, Rate, Role};
use logbrook_client::process::{AppEvent, Outcome};
use logbrook_cluster::{Cluster, ClusterConfig, Target, TraceKind};
use logbrook_sorted::SortedMap;

fn orders() -> AppSpec {
    AppSpec {
        topic: Some("orders".into()),
        rate: Some(Rate::per_second(60)),
        count: Some(1_200),
        events: Some(EventSpec {
            entity: Entities::read("order-{1..40}").unwrap(),
            field: "order".into(),
            pick: Pick::Uniform,
            fields: vec![],
            bytes: 0,
        }),
        ..AppSpec::new("shop", Role::Producer)
    }
}

fn pricer(settings: &[(&str, &str)]) -> AppSpec {
    let spec = AppSpec {
        group: Some("pricer".into()),
        topics: vec!["orders".into()],
        output: Some("invoices".into()),
        instances: 2,
        ..AppSpec::new("pricer", Role::Processor)
    };
    let base = [
        ("auto.offset.reset", "earliest"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "2000"),
        ("process_ms", "5..20"),
    ];
    spec.with_all(base.iter().chain(settings).copied()).unwrap()
}

fn books(isolation: &str) -> AppSpec {
    let spec = AppSpec {
        group: Some(format!("books-{isolation}")),
        topics: vec!["invoices".into()],
        ..AppSpec::new(&format!("books-{isolation}"), Role::Consumer)
    };
    spec.with_all([("auto.offset.reset", "earliest"), ("isolation.level", isolation)]).unwrap()
}

/// A minute in which a pricer is killed twice, in the middle of its work.
fn run(seed: u64, settings: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig {
        seed,
        broker_properties: [("num.partitions".to_owned(), "3".to_owned())].into(),
        ..ClusterConfig::default()
    });
    cluster.add_app(orders()).unwrap();
    cluster.add_app(pricer(settings)).unwrap();
    cluster.add_app(books("read_committed")).unwrap();
    cluster.add_app(books("read_uncommitted")).unwrap();
    for (kill_us, start_us) in [(7_131_000, 9_000_000), (15_517_000, 16_000_000)] {
        let target = Target { app: "pricer".into(), number: Some(1) };
        cluster.run_until_us(kill_us);
        cluster.kill_app(&target).unwrap();
        cluster.run_until_us(start_us);
        cluster.start_app(&target).unwrap();
    }
    cluster.run_until_us(120_000_000);
    cluster
}

/// How often each event was processed by an application.
fn processed(cluster: &Cluster, app: &str) -> SortedMap<String, u32> {
    let mut times = SortedMap::new();
    for event in cluster.trace().iter() {
        let logbrook_cluster::Actor::Process(process) = event.actor else { continue };
        let name = &cluster.process(process).unwrap().name;
        if let TraceKind::App(AppEvent::Processed { id: Some(id), outcome: Outcome::Done, .. }) =
            &event.kind
            && name.starts_with(app)
        {
            *times.entry(id.clone()).or_insert(0) += 1;
        }
    }
    times
}

#[test]
fn with_transactions_each_order_gives_one_invoice_to_who_reads_committed_ones() {
    for (seed, mode) in [(1, "batch"), (2, "each"), (3, "batch")] {
        let cluster = run(seed, &[("transaction", mode)]);
        let committed = processed(&cluster, "books-read_committed/");
        assert_eq!(committed.len(), 1_200, "seed {seed}");
        let twice: Vec<_> = committed.iter().filter(|(_, times)| **times != 1).collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}");
    }
}

#[test]
fn without_transactions_a_kill_between_send_and_commit_gives_two() {
    let cluster = run(1, &[("commit", "after-batch")]);
    let read = processed(&cluster, "books-read_committed/");
    assert_eq!(read.len(), 1_200);
    assert!(read.values().any(|times| *times > 1));
}

#[test]
fn who_reads_uncommitted_sees_what_was_aborted() {
    let twice = |seed| {
        let cluster = run(seed, &[("transaction", "batch"), ("process_ms", "20..40")]);
        processed(&cluster, "books-read_uncommitted/").values().any(|times| *times > 1)
    };
    assert!((1..=3).any(twice), "a killed one's batch is there twice");
}

#[test]
fn a_producers_events_count_when_their_transaction_has_committed() {
    for mode in ["each", "batch"] {
        let mut cluster = Cluster::new(ClusterConfig { seed: 5, ..ClusterConfig::default() });
        cluster.add_app(orders().with("transaction", mode).unwrap()).unwrap();
        cluster.add_app(books("read_committed")).unwrap();
        let mut spec = books("read_committed");
        (spec.name, spec.group, spec.topics) =
            ("reader".into(), Some("reader".into()), vec!["orders".into()]);
        cluster.add_app(spec).unwrap();
        cluster.run_until_us(60_000_000);
        let acked = cluster
            .trace()
            .iter()
            .filter(|event| matches!(event.kind, TraceKind::App(AppEvent::Acked { .. })))
            .count();
        assert_eq!(acked, 1_200);
        assert_eq!(processed(&cluster, "reader/").len(), 1_200);
    }
}

#[test]
fn a_paused_producer_is_fenced_by_its_stand_in() {
    let mut cluster = Cluster::new(ClusterConfig { seed: 5, ..ClusterConfig::default() });
    let settings = [("transaction", "batch"), ("transactional.id", "shop")];
    cluster.add_app(orders().with_all(settings).unwrap()).unwrap();
    cluster.run_until_us(5_500_000);
    let shop = Target { app: "shop".into(), number: None };
    cluster.pause_app(&shop, 10_000_000).unwrap();
    let stand_in = AppSpec { name: "stand-in".into(), ..orders() };
    cluster.add_app(stand_in.with_all(settings).unwrap()).unwrap();
    cluster.run_until_us(17_000_000);
    let said = cluster
        .processes()
        .find(|(_, process)| process.name == "shop/1")
        .map(|(_, process)| process.stderr_text())
        .unwrap_or_default();
    assert!(said.contains("Exception in thread \"main\" "), "{said}");
    assert!(said.contains("ProducerFencedException"), "{said}");
    assert!(cluster.app("shop").unwrap().instances()[&1].crashes > 0);
}

/// It was thrown out of its group while it slept, and another has done its work. When it wakes it still has
/// records in its hands: the coordinator must know by `groupMetadata` that they are not its own any more.
#[test]
fn a_processor_that_overslept_its_session_commits_nothing_twice() {
    for (seed, at_us) in (1_u64..9).zip((5_000_000_i64..).step_by(110_000)) {
        let mut cluster = Cluster::new(ClusterConfig {
            seed,
            broker_properties: [("num.partitions".to_owned(), "3".to_owned())].into(),
            ..ClusterConfig::default()
        });
        cluster.add_app(orders()).unwrap();
        cluster.add_app(pricer(&[("transaction", "batch")])).unwrap();
        cluster.add_app(books("read_committed")).unwrap();
        cluster.run_until_us(at_us);
        let sleeper = Target { app: "pricer".into(), number: Some(1) };
        cluster.pause_app(&sleeper, 50_000_000).unwrap();
        cluster.run_until_us(150_000_000);
        let books = processed(&cluster, "books-read_committed/");
        assert_eq!(books.len(), 1_200, "seed {seed}");
        let twice: Vec<_> = books.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}");
    }
}
