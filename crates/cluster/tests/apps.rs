//! Stories about applications on a cluster.

mod support;

use logbrook_sorted::{SortedMap, SortedSet};
use std::fmt::Debug;

use logbrook_app::{StoreKind, StoreSpec};
use logbrook_client::process::{AppEvent, Outcome};
use logbrook_cluster::{
    AppVerbError, Cluster, ClusterConfig, EventId, ProcessId, Target, TraceKind,
};
use support::{SECOND_US, app_events, bank, create_topic, ledger};

fn cluster(seed: u64) -> Cluster {
    let properties =
        [("group.initial.rebalance.delay.ms", "0"), ("auto.create.topics.enable", "false")];
    let mut cluster = Cluster::new(ClusterConfig {
        seed,
        broker_properties: properties.map(|(name, value)| (name.into(), value.into())).into(),
        ..ClusterConfig::default()
    });
    create_topic(&mut cluster, "movements", 3);
    cluster.add_store(StoreSpec::new("balances", StoreKind::Rows));
    cluster
}

/// Which partitions each running process of an application has now.
fn assignment(cluster: &Cluster, app: &str) -> SortedMap<String, SortedSet<i32>> {
    let mut owned: SortedMap<ProcessId, SortedSet<i32>> =
        cluster.app(app).unwrap().processes().map(|process| (process, SortedSet::new())).collect();
    for (_, process, event) in app_events(cluster) {
        let Some(mine) = owned.get_mut(&process) else { continue };
        match event {
            AppEvent::Assigned { partitions, .. } => {
                mine.extend(partitions.iter().map(|(_, p)| p.0))
            }
            AppEvent::Revoked { partitions, .. } | AppEvent::Lost { partitions, .. } => {
                partitions.iter().for_each(|(_, p)| {
                    mine.remove(&p.0);
                });
            }
            _ => {}
        }
    }
    owned
        .into_iter()
        .map(|(process, mine)| (cluster.process(process).unwrap().name.clone(), mine))
        .collect()
}

/// How often each event was processed, by its id.
fn processed(cluster: &Cluster) -> SortedMap<String, u32> {
    let mut times = SortedMap::new();
    for (_, _, event) in app_events(cluster) {
        if let AppEvent::Processed { id: Some(id), outcome: Outcome::Done, .. } = event {
            *times.entry(id.clone()).or_default() += 1;
        }
    }
    times
}

fn count(cluster: &Cluster, matches: impl Fn(&AppEvent) -> bool) -> usize {
    app_events(cluster).filter(|(_, _, event)| matches(event)).count()
}

#[test]
fn forty_a_second_for_thirty_seconds_are_1200_events_sent_and_acknowledged() {
    let mut cluster = cluster(1);
    let start_us = cluster.now_us();
    cluster.add_app(bank(1_200)).unwrap();
    cluster.run_until_us(start_us + 10 * SECOND_US);
    let sent = count(&cluster, |event| matches!(event, AppEvent::Sent { .. }));
    assert!((399..=402).contains(&sent), "{sent} after ten seconds");
    cluster.run_until_us(start_us + 35 * SECOND_US);
    assert_eq!(count(&cluster, |event| matches!(event, AppEvent::Sent { .. })), 1_200);
    assert_eq!(count(&cluster, |event| matches!(event, AppEvent::Acked { .. })), 1_200);
    let last_sent_us = app_events(&cluster)
        .filter(|(_, _, event)| matches!(event, AppEvent::Sent { .. }))
        .map(|(event, _, _)| event.time_us)
        .last();
    assert!((29 * SECOND_US..31 * SECOND_US).contains(&(last_sent_us.unwrap() - start_us)));
}

#[test]
fn three_ledgers_share_three_partitions_and_apply_everything_once() {
    let mut cluster = cluster(2);
    cluster.add_app(bank(400)).unwrap();
    cluster.add_app(ledger(3, &[])).unwrap();
    cluster.run_for_us(40 * SECOND_US);
    let assignment = assignment(&cluster, "ledger");
    assert_eq!(assignment.len(), 3);
    assert!(assignment.values().all(|partitions| partitions.len() == 1), "{assignment:?}");
    assert_eq!(assignment.values().flatten().collect::<SortedSet<_>>(), [0, 1, 2].iter().collect());

    let processed = processed(&cluster);
    assert_eq!(processed.len(), 400);
    assert_eq!(cluster.stores()["balances"].rows().len(), 8);
    let committed: i64 = last_commits(&cluster).values().sum();
    assert_eq!(committed, 400);
}

/// The last committed offset of each partition.
fn last_commits(cluster: &Cluster) -> SortedMap<i32, i64> {
    app_events(cluster)
        .filter_map(|(_, _, event)| match event {
            AppEvent::Committed { partition, offset, .. } => Some((partition.0, offset.0)),
            _ => None,
        })
        .collect()
}

#[test]
fn with_the_account_as_key_each_account_is_applied_in_order() {
    let mut cluster = cluster(3);
    cluster.add_app(bank(400).with("key", "account").unwrap()).unwrap();
    cluster.add_app(ledger(3, &[])).unwrap();
    cluster.run_for_us(12 * SECOND_US);
    cluster.restart_app(&Target::read("ledger/1").unwrap()).unwrap();
    cluster.run_for_us(60 * SECOND_US);
    let mut last: SortedMap<String, u64> = SortedMap::new();
    for (_, _, event) in app_events(&cluster) {
        if let AppEvent::Processed { entity: Some(entity), n: Some(n), .. } = event {
            let last = last.entry(entity.clone()).or_default();
            assert!(*n <= *last + 1, "{entity}: {n} after {last}");
            *last = (*last).max(*n);
        }
    }
    assert_eq!(last.values().sum::<u64>(), 400);
    for (entity, row) in cluster.stores()["balances"].rows() {
        assert_eq!(row.n, last[entity]);
    }
}

#[test]
fn an_instance_killed_in_the_middle_is_followed_by_one_that_starts_after_the_last_commit() {
    let mut cluster = cluster(4);
    cluster.add_app(bank(600)).unwrap();
    // Slower than its source, so that a poll returns many records.
    cluster.add_app(ledger(1, &[("process_ms", "30")])).unwrap();
    cluster.run_for_us(8 * SECOND_US);
    let end_us = cluster.now_us() + 5 * SECOND_US;
    let uncommitted = |cluster: &Cluster| {
        processed(cluster).len()
            - usize::try_from(last_commits(cluster).values().sum::<i64>()).unwrap()
    };
    cluster.run_until_us_while(end_us, |cluster| uncommitted(cluster) < 10);
    let uncommitted = uncommitted(&cluster);
    assert!(uncommitted >= 10);
    let one = Target::read("ledger").unwrap();
    cluster.kill_app(&one).unwrap();
    let committed = last_commits(&cluster);
    let before = cluster.trace().len();
    cluster.start_app(&one).unwrap();
    cluster.run_for_us(90 * SECOND_US);

    let mut first_delivered = SortedMap::new();
    for event in cluster.trace().iter_from(before) {
        if let TraceKind::App(AppEvent::Delivered { record, .. }) = &event.kind {
            first_delivered.entry(record.partition.0).or_insert(record.offset.0);
        }
    }
    assert_eq!(first_delivered, committed);
    let times = processed(&cluster);
    assert_eq!(times.len(), 600);
    assert!(times.values().all(|times| *times <= 2));
    assert_eq!(times.values().filter(|times| **times == 2).count(), uncommitted);
}

#[test]
fn the_partitions_of_a_killed_instance_move_after_its_session_timeout() {
    let mut cluster = cluster(5);
    cluster.add_app(bank(2_000).with("key", "account").unwrap()).unwrap();
    let settings =
        [("session.timeout.ms", "10000"), ("heartbeat.interval.ms", "1000"), ("process_ms", "1")];
    cluster.add_app(ledger(3, &settings)).unwrap();
    cluster.run_for_us(10 * SECOND_US);
    let owned_before = assignment(&cluster, "ledger")["ledger/2"].clone();
    assert_eq!(owned_before.len(), 1);
    cluster.kill_app(&Target::read("ledger/2").unwrap()).unwrap();
    let killed_us = cluster.now_us();
    let orphan = *owned_before.first().unwrap();

    cluster.run_for_us(8 * SECOND_US);
    assert_eq!(assignment(&cluster, "ledger").values().flatten().count(), 2, "nobody has it yet");
    cluster.run_for_us(6 * SECOND_US);
    let after = assignment(&cluster, "ledger");
    assert_eq!(after.values().flatten().collect::<SortedSet<_>>(), [0, 1, 2].iter().collect());
    let taken_over_us = app_events(&cluster)
        .filter(|(event, _, _)| event.time_us > killed_us)
        .find_map(|(event, _, app)| match app {
            AppEvent::Delivered { record, .. } if record.partition.0 == orphan => {
                Some(event.time_us)
            }
            _ => None,
        })
        .unwrap();
    let waited_s = (taken_over_us - killed_us) as f64 / 1e6;
    assert!((9.0..13.0).contains(&waited_s), "taken over after {waited_s} s");
}

#[test]
fn a_commit_in_the_revoked_callback_saves_the_new_owner_from_repeating() {
    for (on_revoke, repeats) in [("nothing", true), ("commit", false)] {
        let mut cluster = cluster(12);
        cluster.add_app(bank(400).with("key", "account").unwrap()).unwrap();
        let settings = [("commit", "none"), ("on_revoke", on_revoke), ("process_ms", "1")];
        cluster.add_app(ledger(1, &settings)).unwrap();
        cluster.run_for_us(5 * SECOND_US);
        cluster.scale("ledger", 2).unwrap();
        cluster.run_for_us(20 * SECOND_US);
        let times = processed(&cluster);
        assert_eq!(times.len(), 400);
        assert_eq!(times.values().any(|times| *times > 1), repeats, "on_revoke={on_revoke}");
    }
}

#[test]
fn an_orderly_stop_hands_its_partitions_over_at_once() {
    let mut cluster = cluster(6);
    cluster.add_app(bank(2_000)).unwrap();
    cluster.add_app(ledger(3, &[("process_ms", "1")])).unwrap();
    cluster.run_for_us(10 * SECOND_US);
    cluster.scale("ledger", 2).unwrap();
    cluster.run_for_us(5 * SECOND_US);
    let after = assignment(&cluster, "ledger");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["ledger/1", "ledger/2"]);
    assert_eq!(after.values().flatten().count(), 3);
    cluster.scale("ledger", 4).unwrap();
    cluster.run_for_us(10 * SECOND_US);
    let mut sizes: Vec<_> = assignment(&cluster, "ledger").values().map(SortedSet::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 1, 1, 1], "a fourth consumer has nothing to do");
}

#[test]
fn a_deploy_restarts_one_instance_at_a_time_and_the_source_goes_on_where_it_was() {
    let mut cluster = cluster(7);
    cluster.add_app(bank(400)).unwrap();
    cluster.add_app(ledger(2, &[("process_ms", "1")])).unwrap();
    cluster.run_for_us(5 * SECOND_US);
    cluster.deploy("bank", &[("key", "account")]).unwrap();
    cluster.deploy("ledger", &[("max.poll.records", "5")]).unwrap();
    let mut least_running = 2;
    let end_us = cluster.now_us() + 30 * SECOND_US;
    cluster.run_until_us_while(end_us, |cluster| {
        least_running = least_running.min(cluster.app("ledger").unwrap().processes().count());
        true
    });
    assert_eq!(least_running, 1);
    assert!(!cluster.app("ledger").unwrap().is_rolling());
    assert_eq!(cluster.app("bank").unwrap().instances()[&1].starts, 2);
    let sent: Vec<_> = app_events(&cluster)
        .filter_map(|(_, _, event)| match event {
            AppEvent::Sent { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = (1..=400).map(|number| format!("bank-{number:05}")).collect();
    assert_eq!(sent, expected, "each event once");
    assert_eq!(processed(&cluster).len(), 400);
}

#[test]
fn a_malformed_event_crashes_skips_or_blocks_as_the_code_says() {
    for on_error in ["crash", "skip", "retry-forever"] {
        let mut cluster = cluster(8);
        cluster.add_app(ledger(1, &[("on_error", on_error), ("process_ms", "1")])).unwrap();
        cluster.add_app(bank(100).with("key", "account").unwrap()).unwrap();
        cluster.run_for_us(SECOND_US / 2);
        cluster.poison("bank", logbrook_app::PoisonKind::Malformed, None).unwrap();
        cluster.run_for_us(10 * SECOND_US);
        let failed = count(&cluster, |event| {
            matches!(event, AppEvent::Processed { outcome: Outcome::Failed, .. })
        });
        let running = cluster.app("ledger").unwrap().processes().count();
        let done = processed(&cluster).len();
        match on_error {
            "crash" => {
                let crashes = cluster.app("ledger").unwrap().instances()[&1].crashes;
                assert!(failed as u32 == crashes && crashes >= 1, "{failed} {crashes} {running}");
            }
            "skip" => assert_eq!((failed, running, done), (0, 1, 99)),
            _ => {
                assert!(failed >= 5, "{failed}");
                assert_eq!(running, 1);
                assert!((20..99).contains(&done), "the other partitions go on: {done}");
            }
        }
    }
}

#[test]
fn a_store_that_comes_back_takes_what_was_retried() {
    let mut cluster = cluster(9);
    cluster.add_app(bank(200)).unwrap();
    cluster.add_app(ledger(3, &[("on_error", "retry-forever"), ("process_ms", "1")])).unwrap();
    cluster.run_for_us(2 * SECOND_US);
    cluster.set_store_down("balances", true);
    cluster.run_for_us(4 * SECOND_US);
    assert!(processed(&cluster).len() < 120);
    cluster.set_store_down("balances", false);
    cluster.run_for_us(10 * SECOND_US);
    assert_eq!(processed(&cluster).len(), 200);
}

#[test]
fn a_delivered_record_leads_back_to_the_request_that_wrote_it() {
    let mut cluster = cluster(10);
    cluster.action("the level starts");
    cluster.add_app(ledger(1, &[("process_ms", "5")])).unwrap();
    cluster.run_for_us(2 * SECOND_US);
    cluster.add_app(bank(20)).unwrap();
    cluster.run_for_us(10 * SECOND_US);
    // A record that a waiting fetch was answered with: from its effect back through both clients and
    // the broker to the event that the source made. (One that a later fetch found ends at that fetch.)
    let expected = [
        "Processed",
        "Stored",
        "StoreAnswered",
        "StoreApplied",
        "StoreAsked",
        "ProcessingStarted",
        "Delivered",
        "Fetch response",
        "Fetch answered",
        "FetchAnswered",
        "HighWatermark",
        "Produce handled",
        "Produce sent",
        "Sent",
        "ProcessStarted",
        "Action",
    ];
    let chains: Vec<_> = app_events(&cluster)
        .filter(|(_, _, event)| matches!(event, AppEvent::Processed { .. }))
        .map(|(event, _, _)| chain(&cluster, event.id))
        .collect();
    assert_eq!(chains.len(), 20);
    assert!(chains.iter().any(|chain| chain == &expected), "{chains:?}");
    assert!(chains.iter().all(|chain| chain[..8] == expected[..8]), "{chains:?}");
    assert!(
        chains.iter().all(|chain| chain.last().is_some_and(|root| root == "Action")),
        "{chains:?}"
    );
}

/// What happened, from an event back to its root.
fn chain(cluster: &Cluster, event: EventId) -> Vec<String> {
    let word = |event: &dyn Debug| format!("{event:?}").split(' ').next().unwrap().to_owned();
    let trace = cluster.trace();
    let kinds = trace.chain(event).into_iter().map(|id| &trace.get(id).unwrap().kind);
    kinds
        .map(|kind| match kind {
            TraceKind::App(event) => word(event),
            TraceKind::Broker(event) => word(event),
            TraceKind::RequestSent { request, .. } => format!("{request} sent"),
            TraceKind::RequestHandled { request, .. } => format!("{request} handled"),
            TraceKind::ResponseSent { request, .. } => format!("{request} answered"),
            TraceKind::ResponseReceived { request, .. } => format!("{request} response"),
            other => word(other),
        })
        .collect()
}

#[test]
fn verbs_name_what_they_did_not_find_and_change_nothing() {
    let mut cluster = cluster(11);
    cluster.add_app(bank(10)).unwrap();
    cluster.add_app(ledger(2, &[])).unwrap();
    let said = |result: Result<(), AppVerbError>| result.unwrap_err().to_string();
    assert_eq!(
        said(cluster.deploy("bakn", &[("key", "id")])),
        "no app `bakn`, expected one of bank, ledger"
    );
    assert_eq!(
        said(cluster.kill_app(&Target::read("ledger/3").unwrap())),
        "no instance `ledger/3`, expected one of ledger/1, ledger/2"
    );
    assert_eq!(
        said(cluster.deploy("bank", &[("key", "colour")])),
        "app bank: key: found `colour`, expected one of none, id, random, or a field of the event: account, n, branch, balance"
    );
    assert_eq!(
        said(cluster.deploy("ledger", &[("on_error", "dlq")])),
        "app ledger: dlq: found `nothing`, expected the dead letter topic, for on_error=dlq"
    );
    assert!(said(cluster.deploy("bank", &[("acks", "2")])).ends_with(
        "org.apache.kafka.common.config.ConfigException: Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1"
    ));
    assert!(
        said(cluster.deploy("bank", &[("colour", "red")]))
            .starts_with("app bank: unknown setting `colour`")
    );
    assert!(said(cluster.add_app(bank(1))).starts_with("an app `bank` is there already"));
    assert!(
        Target::read("ledger/0").is_err()
            && Target::read("").is_err()
            && Target::read("/1").is_err()
    );
    assert!(cluster.apps().values().all(|app| !app.is_rolling()));
}
