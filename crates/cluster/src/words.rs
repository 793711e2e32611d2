//! An event in words, and how it came to it.

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::{AppEvent, Signal};

use crate::cluster::{CONTROLLER_NODE, Cluster};
use crate::trace::{Actor, EventId, TraceEvent, TraceKind};

/// A chain of causes is read, not scrolled: so many steps at most.
const MOST_STEPS: usize = 12;

/// A step of a [`story`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event.
    pub event: EventId,
    /// In words, names in backticks.
    pub text: String,
}

/// The chain of causes that ends at `event`, from the action that began it: at most 12 steps. Of a longer one
/// the first and the last are told, and in between what says most: what a message carries goes before that
/// it was carried.
pub fn story(cluster: &Cluster, event: EventId) -> Vec<Told> {
    let trace = cluster.trace();
    let mut chain = trace.chain(event);
    chain.reverse();
    let told = chain.into_iter().filter_map(|id| trace.get(id));
    let mut steps: Vec<(u8, Told)> = told
        .filter_map(|e| Some((weight(&e.kind), Told { event: e.id, text: words(cluster, e)? })))
        .collect();
    while steps.len() > MOST_STEPS {
        let inner = &steps[1..steps.len() - 1];
        let middle = inner.len() / 2;
        let least = inner
            .iter()
            .enumerate()
            .min_by_key(|(index, (weight, _))| (*weight, index.abs_diff(middle)))
            .map_or(middle, |(index, _)| index);
        steps.remove(least + 1);
    }
    steps.into_iter().map(|(_, told)| told).collect()
}

/// How much an event tells beside its neighbours.
fn weight(kind: &TraceKind) -> u8 {
    match kind {
        TraceKind::RequestHandled { .. }
        | TraceKind::ResponseSent { .. }
        | TraceKind::PeerRequestHandled { .. }
        | TraceKind::PeerResponseSent { .. }
        | TraceKind::Connected { .. }
        | TraceKind::StoreAsked { .. } => 0,
        TraceKind::ResponseReceived { .. }
        | TraceKind::PeerResponseReceived { .. }
        | TraceKind::StoreAnswered { .. }
        | TraceKind::Broker(
            BrokerEventKind::FetchParked { .. } | BrokerEventKind::FetchAnswered { .. },
        ) => 1,
        TraceKind::RequestSent { .. } | TraceKind::PeerRequestSent { .. } => 2,
        _what_happened => 3,
    }
}

/// The event in words; none for what says nothing beside its neighbours.
pub fn words(cluster: &Cluster, event: &TraceEvent) -> Option<String> {
    let name = |actor: &Actor| match actor {
        Actor::Operator => "you".to_owned(),
        Actor::Broker(node) => node_name(*node),
        Actor::Process(p) => {
            cluster.process(*p).map_or_else(String::new, |p| format!("`{}`", p.name))
        }
        Actor::Store(store) => format!("store `{store}`"),
    };
    let who = name(&event.actor);
    Some(match &event.kind {
        TraceKind::Action { line } => format!("`{}`", line.lines().next().unwrap_or_default()),
        TraceKind::ProcessStarted { name } => format!("`{name}` starts"),
        TraceKind::Stdin { line: Some(line) } => format!("{who} reads the line `{line}`"),
        TraceKind::Stdin { line: None } => format!("the input of {who} ends"),
        TraceKind::Signal { signal } => {
            let signal = match signal {
                Signal::Int => "SIGINT",
                Signal::Term => "SIGTERM",
                Signal::Kill => "SIGKILL",
            };
            format!("{who} gets {signal}")
        }
        TraceKind::Exit { code } => format!("{who} ends, exit code {code}"),
        TraceKind::RequestSent { request, api_version, node, .. } => {
            let to = node.map_or_else(|| "nobody".to_owned(), node_name);
            format!("{who} sends {request} v{api_version} to {to}")
        }
        TraceKind::RequestHandled { request, .. } => format!("{who} handles {request}"),
        TraceKind::ResponseSent { request, .. } => format!("{who} answers {request}"),
        TraceKind::ResponseReceived { request, node, .. } => {
            format!("{who} has the answer of {} to {request}", node_name(*node))
        }
        TraceKind::PeerRequestSent { request, to, .. } => {
            format!("{who} sends {request} to {}", node_name(*to))
        }
        TraceKind::PeerRequestHandled { request, from, .. } => {
            format!("{who} handles {request} of {}", node_name(*from))
        }
        TraceKind::PeerResponseSent { request, to, .. } => {
            format!("{who} answers {request} of {}", node_name(*to))
        }
        TraceKind::PeerResponseReceived { request, from, .. } => {
            format!("{who} has the answer of {} to {request}", node_name(*from))
        }
        TraceKind::PeerDisconnected { node, .. } => {
            format!("{who} loses its connection to {}", node_name(*node))
        }
        TraceKind::Broker(kind) => return broker_words(&who, kind),
        TraceKind::App(app) => app_words(&who, app),
        TraceKind::StoreAsked { store, .. } => format!("{who} writes to store `{store}`"),
        TraceKind::StoreApplied { result, .. } => match result {
            Ok(_) => format!("{who} applies it"),
            Err(_) => format!("{who} refuses it"),
        },
        TraceKind::StoreAnswered { store, ok } => {
            let answer = if *ok { "done" } else { "not done" };
            format!("store `{store}` tells {who}: {answer}")
        }
        TraceKind::Fault { what } => match &event.actor {
            Actor::Operator => what.clone(),
            Actor::Broker(_) | Actor::Process(_) | Actor::Store(_) => format!("{who}: {what}"),
        },
        TraceKind::Note { text } => text.clone(),
        TraceKind::ConnectFailed { to, .. } => format!("{who} cannot connect to {to}"),
        TraceKind::Disconnected { .. } => format!("{who} loses a connection"),
        TraceKind::Stdout { .. } | TraceKind::Stderr { .. } | TraceKind::Connected { .. } => {
            return None;
        }
    })
}

fn node_name(node: i32) -> String {
    match node {
        CONTROLLER_NODE => "the controller".to_owned(),
        broker => format!("broker {broker}"),
    }
}

fn broker_words(who: &str, kind: &BrokerEventKind) -> Option<String> {
    Some(match kind {
        BrokerEventKind::TopicCreated { topic, partitions } => {
            format!("topic `{topic}` is created with {partitions} partitions")
        }
        BrokerEventKind::TopicDeleted { topic } => format!("topic `{topic}` is deleted"),
        BrokerEventKind::PartitionsCreated { topic, count } => {
            format!("`{topic}` has {count} partitions now")
        }
        BrokerEventKind::TopicConfigChanged { topic } => {
            format!("the settings of `{topic}` change")
        }
        BrokerEventKind::Appended { topic, partition, first, last, duplicate, .. } => {
            match duplicate {
                true => format!(
                    "`{topic}-{partition}` has offsets {first} to {last} already; nothing is written"
                ),
                false if first == last => {
                    format!("offset {first} is appended to `{topic}-{partition}`")
                }
                false => format!("offsets {first} to {last} are appended to `{topic}-{partition}`"),
            }
        }
        BrokerEventKind::HighWatermark { topic, partition, high_watermark } => {
            format!("high watermark of `{topic}-{partition}` is {high_watermark}")
        }
        BrokerEventKind::Replicated { topic, partition, last, leader, .. } => {
            format!("{who} has `{topic}-{partition}` up to offset {last} from broker {leader}")
        }
        BrokerEventKind::Truncated { topic, partition, to } => {
            format!("{who} cuts `{topic}-{partition}` back to offset {to}")
        }
        BrokerEventKind::BecameLeader { topic, partition, leader_epoch, start_offset } => format!(
            "{who} leads `{topic}-{partition}` in epoch {leader_epoch}, from offset {start_offset}"
        ),
        BrokerEventKind::BecameFollower { topic, partition, leader: -1, .. } => {
            format!("{who} hears that nobody leads `{topic}-{partition}`")
        }
        BrokerEventKind::BecameFollower { topic, partition, leader_epoch, leader } => format!(
            "{who} follows broker {leader} for `{topic}-{partition}` in epoch {leader_epoch}"
        ),
        BrokerEventKind::IsrChangeAsked { topic, partition, isr } => {
            format!(
                "{who}, which leads `{topic}-{partition}`, asks for the in-sync replicas {isr:?}"
            )
        }
        BrokerEventKind::LeaderElected { topic, partition, leader: -1, leader_epoch, .. } => {
            format!(
                "the controller finds nobody to lead `{topic}-{partition}`: epoch {leader_epoch}"
            )
        }
        BrokerEventKind::LeaderElected { topic, partition, leader, leader_epoch, isr, unclean } => {
            let how = if *unclean { ", uncleanly: it was not in sync" } else { "" };
            format!(
                "the controller makes broker {leader} leader of `{topic}-{partition}` in epoch {leader_epoch}, in sync \
                 {isr:?}{how}"
            )
        }
        BrokerEventKind::IsrChanged { topic, partition, isr } => {
            format!(
                "the controller agrees to the in-sync replicas {isr:?} of `{topic}-{partition}`"
            )
        }
        BrokerEventKind::BrokerFenced { broker, elections, offline } => {
            let without = match offline {
                0 => String::new(),
                _some => format!(", {offline} are left without one"),
            };
            format!(
                "the controller fences broker {broker}: {elections} partitions get another leader{without}"
            )
        }
        BrokerEventKind::BrokerUnfenced { broker } => {
            format!("the controller lets broker {broker} lead again")
        }
        BrokerEventKind::BrokerShutsDown { broker, elections } => format!(
            "the controller lets broker {broker} go: {elections} partitions get another leader"
        ),
        BrokerEventKind::PeerTimedOut { node } => {
            format!("{} does not answer {who} in time", node_name(*node))
        }
        BrokerEventKind::FetchParked { .. } => "the fetch waits for records".to_owned(),
        BrokerEventKind::FetchAnswered { bytes, .. } => {
            format!("the fetch is answered with {bytes} bytes")
        }
        BrokerEventKind::SegmentRolled { topic, partition, base_offset } => {
            format!("`{topic}-{partition}` begins a segment at {base_offset}")
        }
        BrokerEventKind::SegmentsDeleted { topic, partition, log_start_offset, .. } => {
            format!("retention deletes; `{topic}-{partition}` starts at {log_start_offset} now")
        }
        BrokerEventKind::LogCleaned {
            topic,
            partition,
            end_offset,
            records_before,
            records_after,
        } => {
            format!(
                "compaction leaves {records_after} of {records_before} records of \
                 `{topic}-{partition}` below {end_offset}"
            )
        }
        BrokerEventKind::RecordsDeleted { topic, partition, log_start_offset } => {
            format!("`{topic}-{partition}` starts at {log_start_offset} now")
        }
        BrokerEventKind::ProducerIdsAllocated { next_producer_id } => {
            format!("{who} takes a block of producer ids; the next begins at {next_producer_id}")
        }
        BrokerEventKind::GroupState { group, from, to, generation, .. } => {
            format!("group `{group}`: {from} to {to}, generation {generation}")
        }
        BrokerEventKind::MemberJoined { group, member_id, .. } => {
            format!("`{member_id}` joins group `{group}`")
        }
        BrokerEventKind::MemberLeft { group, member_id } => {
            format!("`{member_id}` leaves group `{group}`")
        }
        BrokerEventKind::MemberExpired { group, member_id } => {
            format!("`{member_id}` is removed from group `{group}`: nothing was heard of it")
        }
        BrokerEventKind::TransactionState { transactional_id, to, .. } => {
            format!("transactional id `{transactional_id}` is {to} now")
        }
        BrokerEventKind::OffsetCommitted { group, topic, partition, offset, .. } => {
            format!("group `{group}` commits {offset} for `{topic}-{partition}`")
        }
    })
}

fn app_words(who: &str, event: &AppEvent) -> String {
    let place = |r: &logbrook_client::process::RecordRef| {
        format!("`{}-{}` offset {}", r.topic, r.partition.0, r.offset.0)
    };
    let list = |partitions: &[(String, logbrook_record::PartitionIndex)]| {
        let names: Vec<_> = partitions.iter().map(|(t, p)| format!("`{t}-{}`", p.0)).collect();
        if names.is_empty() { "no partition".to_owned() } else { names.join(", ") }
    };
    match event {
        AppEvent::Sent { id, topic, .. } => format!("{who} sends `{id}` to `{topic}`"),
        AppEvent::Acked { id, topic, partition, offset } => {
            format!("`{id}` is acknowledged: `{topic}-{}` offset {}", partition.0, offset.0)
        }
        AppEvent::SendFailed { id, error, .. } => format!("{who} gives up on `{id}`: {error}"),
        AppEvent::Delivered { record, .. } => format!("{who} is given {}", place(record)),
        AppEvent::ProcessingStarted { record } => format!("{who} begins with {}", place(record)),
        AppEvent::Processed { record, id, entity, n, .. } => match (id, entity, n) {
            (Some(id), Some(entity), Some(n)) => {
                format!("{who} has applied `{id}` (`{entity}`, n={n}), {}", place(record))
            }
            _no_event => format!("{who} is done with {}", place(record)),
        },
        AppEvent::Stored { store, id, .. } => format!("`{id}` is in store `{store}`"),
        AppEvent::Committed { group, topic, partition, offset } => {
            format!("group `{group}` has committed {} for `{topic}-{}`", offset.0, partition.0)
        }
        AppEvent::Assigned { partitions, .. } => format!("{who} is assigned {}", list(partitions)),
        AppEvent::Revoked { partitions, .. } => format!("{who} gives up {}", list(partitions)),
        AppEvent::Lost { partitions, .. } => format!("{who} has lost {}", list(partitions)),
        AppEvent::Displayed { record } => format!("{who} shows {}", place(record)),
        AppEvent::Note { text } => text.clone(),
    }
}
