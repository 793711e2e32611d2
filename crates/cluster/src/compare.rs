//! Two futures of one past: where they part, and what is different in the end.

use logbrook_broker::{Broker, BrokerEventKind};
use logbrook_client::process::AppEvent;
use logbrook_sorted::SortedMap;

use crate::cluster::Cluster;
use crate::trace::{Actor, EventId, TraceEvent, TraceKind};
use crate::words::words;

/// What two runs differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The first event that they do not have in common; none while both are the same run.
    pub parted: Option<Parted>,
    /// What is different now, topics and their partitions first.
    pub differences: Vec<Difference>,
}

/// Where two runs part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// The number of the event in both.
    pub event: EventId,
    /// What happened in the first, with its time in µs; none where it has not come so far.
    pub here: Option<(i64, String)>,
    /// In the second.
    pub there: Option<(i64, String)>,
}

/// One thing that is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is of, names in backticks: `` `orders-0`, leader ``.
    pub subject: String,
    /// In the first run; none where it does not exist there.
    pub here: Option<String>,
    /// In the second run.
    pub there: Option<String>,
}

/// Compares two runs; they need not be of one past, but then everything is different.
pub fn compare(here: &Cluster, there: &Cluster) -> Comparison {
    let parted_at = here.trace().first_difference(there.trace());
    let longest = here.trace().len().max(there.trace().len());
    let parted = (parted_at < longest).then(|| Parted {
        event: EventId(parted_at as u64),
        here: told(here, parted_at),
        there: told(there, parted_at),
    });
    let mut ours = state(here, parted_at);
    let mut theirs = state(there, parted_at);
    let subjects: Vec<(u8, String)> = {
        let mut all: Vec<_> = ours.keys().chain(theirs.keys()).cloned().collect();
        logbrook_sorted::sort(&mut all);
        all.dedup();
        all
    };
    let differences = subjects.into_iter().filter_map(|subject| {
        let (here, there) = (ours.remove(&subject), theirs.remove(&subject));
        (here != there).then_some(Difference { subject: subject.1, here, there })
    });
    Comparison { parted, differences: differences.collect() }
}

/// The first event from here on that says something.
fn told(cluster: &Cluster, from: usize) -> Option<(i64, String)> {
    cluster.trace().iter_from(from).find_map(|event| Some((event.time_us, words(cluster, event)?)))
}

/// By rank and subject: what is to be compared.
type State = SortedMap<(u8, String), String>;

/// The state, and what the events from `since` on have brought that only they tell.
fn state(cluster: &Cluster, since: usize) -> State {
    let mut state = State::new();
    topics(cluster, &mut state);
    for node in cluster.broker_ids() {
        let how = match (cluster.is_broker_up(node), cluster.is_broker_running(node)) {
            (true, true) => "runs",
            (true, false) => "is up, and fenced or starting",
            (false, _) => "is down",
        };
        state.insert((2, format!("broker {node}")), how.to_owned());
    }
    for (_, process) in cluster.processes() {
        let how =
            process.exit.map_or_else(|| "runs".to_owned(), |code| format!("exit code {code}"));
        state.insert((3, format!("`{}`", process.name)), how);
    }
    for (name, store) in cluster.stores() {
        let (outbox, published) = store.outbox();
        let counts = format!(
            "{} rows, {} sums, {} effects, {} in the outbox, {published} published",
            store.rows().len(),
            store.sums().len(),
            store.log().len(),
            outbox.len(),
        );
        state.insert((4, format!("store `{name}`")), counts);
    }
    for event in cluster.trace().iter_from(since) {
        take(cluster, event, &mut state);
    }
    state
}

fn topics(cluster: &Cluster, state: &mut State) {
    let Some(metadata) = cluster.metadata() else { return };
    for (name, topic) in metadata.topics() {
        state.insert(
            (0, format!("topic `{name}`")),
            format!("{} partitions", topic.partitions.len()),
        );
        for (index, partition) in &topic.partitions {
            let of = |what: &str| (1, format!("`{name}-{index}`, {what}"));
            let leader = match partition.leader {
                -1 => "none".to_owned(),
                leader => format!("broker {leader} in epoch {}", partition.leader_epoch),
            };
            state.insert(of("leader"), leader);
            state.insert(of("in sync"), format!("{:?}", partition.isr));
            state.insert(of("eligible leader replicas"), format!("{:?}", partition.elr));
            let replica = cluster.broker(partition.leader);
            let replica: Option<&Broker> =
                replica.filter(|broker| cluster.is_broker_up(broker.config().node_id));
            if let Some(replica) = replica.and_then(|broker| broker.partition(name, *index)) {
                let log = replica.log();
                state.insert(of("log start offset"), log.log_start_offset().0.to_string());
                state.insert(of("high watermark"), log.high_watermark().0.to_string());
                state.insert(of("log end offset"), log.log_end_offset().0.to_string());
            }
        }
    }
}

/// What only the events tell: groups, commits, and what applications came to.
fn take(cluster: &Cluster, event: &TraceEvent, state: &mut State) {
    match &event.kind {
        TraceKind::Broker(BrokerEventKind::GroupState { group, to, generation, .. }) => {
            state.insert((5, format!("group `{group}`")), format!("{to}, generation {generation}"));
        }
        TraceKind::Broker(BrokerEventKind::OffsetCommitted {
            group,
            topic,
            partition,
            offset,
            ..
        }) => {
            let subject = format!("group `{group}`, committed for `{topic}-{partition}`");
            state.insert((6, subject), offset.to_string());
        }
        TraceKind::Broker(BrokerEventKind::TransactionState { transactional_id, to, .. }) => {
            state.insert((7, format!("transactional id `{transactional_id}`")), to.to_string());
        }
        TraceKind::App(app) => {
            let what = match app {
                AppEvent::Acked { .. } => "acknowledged since then",
                AppEvent::SendFailed { .. } => "given up since then",
                AppEvent::Processed { .. } => "processed since then",
                _else => return,
            };
            let Actor::Process(process) = event.actor else { return };
            let Some(process) = cluster.process(process) else { return };
            let key = (8, format!("`{}`, {what}", process.name));
            let count = state.get(&key).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
            state.insert(key, (count + 1).to_string());
        }
        _else => {}
    }
}
