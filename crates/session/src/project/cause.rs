//! From an event back to the line that began it, in words.

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::{AppEvent, Signal};
use logbrook_cluster::{Actor, Cluster, EventId, TraceEvent, TraceKind};

use crate::follow::moment;
use crate::view::{Cause, CauseActor, CauseStep, Rich};

/// A chain is read, not scrolled: longer ones keep both ends.
const STEPS: usize = 12;

/// The chain of causes that ends at `event`.
pub(crate) fn cause(cluster: &Cluster, title: &str, event: EventId) -> Cause {
    let trace = cluster.trace();
    let mut chain = trace.chain(event);
    chain.reverse();
    let mut steps: Vec<CauseStep> = chain
        .iter()
        .filter_map(|id| trace.get(*id))
        .filter_map(|e| Some((e, words(cluster, e)?)))
        .map(|(e, text)| CauseStep {
            moment: moment(e),
            actor: actor(cluster, e),
            text: Rich::parse(&text),
            is_moment: e.id == event,
        })
        .collect();
    if steps.len() > STEPS {
        let left_out = steps.len() - STEPS;
        steps.drain(STEPS / 2..STEPS / 2 + left_out);
    }
    Cause { title: title.to_owned(), steps, aside: None }
}

fn actor(cluster: &Cluster, event: &TraceEvent) -> CauseActor {
    match &event.actor {
        Actor::Operator => CauseActor::Fault,
        Actor::Broker(node) => CauseActor::Broker(*node),
        Actor::Process(process) => {
            let name = cluster.process(*process).map_or("", |p| p.name.as_str());
            CauseActor::Client(name.chars().next().unwrap_or('?').to_ascii_uppercase())
        }
        Actor::Store(name) => {
            CauseActor::Client(name.chars().next().unwrap_or('S').to_ascii_uppercase())
        }
    }
}

/// The event in words; none for what says nothing beside its neighbours.
pub(crate) fn words(cluster: &Cluster, event: &TraceEvent) -> Option<String> {
    let name = |actor: &Actor| match actor {
        Actor::Operator => "you".to_owned(),
        Actor::Broker(node) => format!("broker {node}"),
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
            let to = node.map_or_else(|| "nobody".to_owned(), |n| format!("broker {n}"));
            format!("{who} sends {request} v{api_version} to {to}")
        }
        TraceKind::RequestHandled { request, .. } => format!("{who} handles {request}"),
        TraceKind::ResponseSent { request, .. } => format!("{who} answers {request}"),
        TraceKind::ResponseReceived { request, node, .. } => {
            format!("{who} has broker {node}'s answer to {request}")
        }
        TraceKind::PeerRequestSent { request, to, .. } => {
            format!("{who} sends {request} to node {to}")
        }
        TraceKind::PeerRequestHandled { request, from, .. } => {
            format!("{who} handles {request} of node {from}")
        }
        TraceKind::PeerResponseSent { request, to, .. } => {
            format!("{who} answers {request} of node {to}")
        }
        TraceKind::PeerResponseReceived { request, from, .. } => {
            format!("{who} has node {from}'s answer to {request}")
        }
        TraceKind::PeerDisconnected { node, .. } => {
            format!("{who} loses its connection to node {node}")
        }
        TraceKind::Broker(kind) => return broker_words(kind),
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
        TraceKind::Fault { what } => what.clone(),
        TraceKind::Note { text } => text.clone(),
        TraceKind::ConnectFailed { to, .. } => format!("{who} cannot connect to {to}"),
        TraceKind::Disconnected { .. } => format!("{who} loses a connection"),
        TraceKind::Stdout { .. } | TraceKind::Stderr { .. } | TraceKind::Connected { .. } => {
            return None;
        }
    })
}

fn broker_words(kind: &BrokerEventKind) -> Option<String> {
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
            format!("the follower has `{topic}-{partition}` up to offset {last} of broker {leader}")
        }
        BrokerEventKind::Truncated { topic, partition, to } => {
            format!("the follower cuts `{topic}-{partition}` back to offset {to}")
        }
        BrokerEventKind::BecameLeader { topic, partition, leader_epoch, start_offset } => format!(
            "the broker leads `{topic}-{partition}` in epoch {leader_epoch}, from offset {start_offset}"
        ),
        BrokerEventKind::BecameFollower { topic, partition, leader: -1, .. } => {
            format!("nobody leads `{topic}-{partition}`")
        }
        BrokerEventKind::BecameFollower { topic, partition, leader_epoch, leader } => format!(
            "the broker follows broker {leader} for `{topic}-{partition}` in epoch {leader_epoch}"
        ),
        BrokerEventKind::IsrChangeAsked { topic, partition, isr } => {
            format!("the leader of `{topic}-{partition}` asks for the in-sync replicas {isr:?}")
        }
        BrokerEventKind::PeerTimedOut { node } => format!("node {node} does not answer in time"),
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
            format!(
                "the broker takes a block of producer ids; the next begins at {next_producer_id}"
            )
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
