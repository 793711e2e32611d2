//! What the trace tells a view: who reads what and how far, how each group stands, and when things
//! happened. A fold over the events; it is fed as they come.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::AppEvent;
use logbrook_cluster::{
    Actor, CONTROLLER_NODE, Cluster, EventId, ProcessId, TraceEvent, TraceKind,
};

use crate::view::{Flag, FlagKind, MemberMark, Moment, Tick, Time};

/// A partition of a topic as one group reads it.
pub(crate) type GroupPartition = (String, String, i32);

/// Flags of one row that are closer than this are one.
const SAME_FLAG_US: i64 = 20_000;
/// Its title ends about here.
const LONGEST_TITLE: usize = 120;

/// Ticks kept; when there are more, neighbours in time are drawn as one.
const TICKS: usize = 400;

/// The fold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follow {
    seen: usize,
    /// The process that has a partition assigned.
    pub(crate) owners: SortedMap<GroupPartition, ProcessId>,
    /// The next offset that the owner's application will be given.
    pub(crate) positions: SortedMap<GroupPartition, i64>,
    /// Committed offsets.
    pub(crate) committed: SortedMap<GroupPartition, i64>,
    /// How each group stands.
    pub(crate) groups: SortedMap<String, GroupNow>,
    /// The group of each process, once it is assigned something.
    group_of: SortedMap<ProcessId, String>,
    names: SortedMap<ProcessId, String>,
    /// First offset of an append, to the event.
    appends: SortedMap<(String, i32, i64), EventId>,
    ticks: Vec<Tick>,
    tick_us: i64,
    pub(crate) flags: Vec<Flag>,
    /// Sentences for the live region, newest last.
    pub(crate) said: Vec<String>,
    marks: SortedMap<String, Vec<String>>,
    /// How each node was last heard of, for those that were down once.
    pub(crate) nodes: SortedMap<i32, NodeNow>,
    /// Who led a partition in an epoch.
    leaders: SortedMap<(String, i32, i32), i32>,
    /// Which brokers acknowledged which offsets, by partition: two may have, in different epochs. Empty
    /// where one broker is all.
    acked: SortedMap<(String, i32), SortedSet<(i64, i32)>>,
}

/// A node and when it was down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeNow {
    /// `killed`, `stopped`, …
    pub(crate) how: String,
    /// Since then.
    pub(crate) since: Time,
    /// From, to; none: still.
    pub(crate) down: Vec<(Time, Option<Time>)>,
}

/// A group as its coordinator last said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupNow {
    pub(crate) state: String,
    pub(crate) generation: i32,
    pub(crate) members: usize,
    /// Of the consumer protocol (KIP-848).
    pub(crate) is_consumer_group: bool,
}

impl Follow {
    /// Takes in what has happened since the last call. True if there was something.
    pub(crate) fn observe(&mut self, cluster: &Cluster) -> bool {
        let trace = cluster.trace();
        if self.seen == trace.len() {
            return false;
        }
        for event in trace.iter_from(self.seen) {
            self.event(cluster, event);
        }
        self.seen = trace.len();
        true
    }

    fn event(&mut self, cluster: &Cluster, event: &TraceEvent) {
        match (&event.kind, &event.actor) {
            (TraceKind::Broker(kind), Actor::Broker(node)) => {
                self.broker(cluster, event, *node, kind);
            }
            (TraceKind::App(app), Actor::Process(process)) => {
                self.app(cluster, event, *process, app);
            }
            (TraceKind::RequestHandled { .. }, Actor::Broker(node)) => {
                self.tick(actor_of_broker(*node), event.time_us, false);
            }
            (TraceKind::RequestSent { .. }, Actor::Process(_)) => {
                self.tick(0, event.time_us, false)
            }
            (TraceKind::Fault { what }, actor) => {
                self.fault(cluster, event, actor, what);
            }
            (TraceKind::Exit { .. }, Actor::Process(process)) => {
                self.owners.retain(|_, owner| owner != process);
            }
            _nothing_to_draw => {}
        }
    }

    fn fault(&mut self, cluster: &Cluster, event: &TraceEvent, actor: &Actor, what: &str) {
        let (row, title) = match actor {
            Actor::Broker(CONTROLLER_NODE) => (0, format!("controller: {what}")),
            Actor::Broker(node) => (actor_of_broker(*node), format!("broker {node}: {what}")),
            Actor::Process(process) => {
                let name = cluster.process(*process).map_or("", |p| p.name.as_str());
                (0, format!("{name}: {what}"))
            }
            Actor::Store(store) => (0, format!("store {store}: {what}")),
            Actor::Operator => (0, what.to_owned()),
        };
        if let Actor::Broker(node) = actor {
            self.note_node(*node, what, Time(event.time_us));
        }
        let is_way = matches!(actor, Actor::Operator);
        let kind = if is_way { FlagKind::Cut } else { FlagKind::Fault };
        if event.time_us >= 0 {
            self.said.push(title.clone());
        }
        self.flag(kind, row, event, title);
    }

    fn note_node(&mut self, node: i32, what: &str, now: Time) {
        let state = self.nodes.entry(node).or_default();
        if what == "started" {
            if let Some((_, to @ None)) = state.down.last_mut() {
                *to = Some(now);
            }
            *state = NodeNow { how: String::new(), since: now, down: state.down.clone() };
        } else if matches!(what, "killed" | "stopped") || what.starts_with("halted") {
            // `halted: no space left on device` is too long for a lane.
            let how = what.split(':').next().unwrap_or(what).to_owned();
            state.down.push((now, None));
            *state = NodeNow { how, since: now, down: state.down.clone() };
        }
    }

    /// Whether the leader of an epoch has acknowledged the record at an offset.
    pub(crate) fn is_acked(&self, topic: &str, partition: i32, offset: i64, epoch: i32) -> bool {
        let leader = self.leaders.get(&(topic.to_owned(), partition, epoch));
        let acked = self.acked.get(&(topic.to_owned(), partition));
        leader.zip(acked).is_some_and(|(leader, acked)| acked.contains(&(offset, *leader)))
    }

    fn broker(&mut self, cluster: &Cluster, event: &TraceEvent, node: i32, kind: &BrokerEventKind) {
        match kind {
            BrokerEventKind::Appended { topic, partition, first, duplicate: false, .. } => {
                self.tick(actor_of_broker(node), event.time_us, true);
                self.appends.insert((topic.clone(), *partition, *first), event.id);
            }
            BrokerEventKind::OffsetCommitted { group, topic, partition, offset, .. } => {
                self.committed.insert((group.clone(), topic.clone(), *partition), *offset);
            }
            BrokerEventKind::GroupState { group, to, generation, members, .. } => {
                if to == "PreparingRebalance" {
                    let title = format!("group {group} rebalances");
                    self.flag(FlagKind::Rebalance, actor_of_broker(node), event, title.clone());
                    self.said.push(title);
                }
                let groups = cluster.broker(node).map(logbrook_broker::Broker::groups);
                let described =
                    groups.iter().flatten().find(|described| described.group_id == *group);
                let before = self.groups.get(group).is_some_and(|now| now.is_consumer_group);
                let now = GroupNow {
                    state: to.clone(),
                    generation: *generation,
                    members: *members,
                    is_consumer_group: described.map_or(before, |now| now.is_consumer_group),
                };
                self.groups.insert(group.clone(), now);
            }
            BrokerEventKind::TopicDeleted { topic } => {
                self.committed.retain(|(_, t, _), _| t != topic);
                self.positions.retain(|(_, t, _), _| t != topic);
                self.owners.retain(|(_, t, _), _| t != topic);
                self.appends.retain(|(t, _, _), _| t != topic);
            }
            BrokerEventKind::BecameLeader { topic, partition, leader_epoch, .. } => {
                self.leaders.insert((topic.clone(), *partition, *leader_epoch), node);
                // The first leader of a partition was not elected, and nobody watches Kafka's own.
                if *leader_epoch > 0 && !topic.starts_with("__") {
                    let title = format!("broker {node} leads {topic}-{partition}");
                    if event.time_us >= 0 {
                        self.said.push(title.clone());
                    }
                    self.flag(FlagKind::Election, actor_of_broker(node), event, title);
                }
            }
            BrokerEventKind::Appended { .. }
            | BrokerEventKind::Replicated { .. }
            | BrokerEventKind::Truncated { .. }
            | BrokerEventKind::BecameFollower { .. }
            | BrokerEventKind::IsrChangeAsked { .. }
            | BrokerEventKind::LeaderElected { .. }
            | BrokerEventKind::IsrChanged { .. }
            | BrokerEventKind::BrokerFenced { .. }
            | BrokerEventKind::BrokerUnfenced { .. }
            | BrokerEventKind::BrokerShutsDown { .. }
            | BrokerEventKind::PeerTimedOut { .. }
            | BrokerEventKind::TopicCreated { .. }
            | BrokerEventKind::PartitionsCreated { .. }
            | BrokerEventKind::TopicConfigChanged { .. }
            | BrokerEventKind::HighWatermark { .. }
            | BrokerEventKind::FetchParked { .. }
            | BrokerEventKind::FetchAnswered { .. }
            | BrokerEventKind::SegmentRolled { .. }
            | BrokerEventKind::SegmentsDeleted { .. }
            | BrokerEventKind::LogCleaned { .. }
            | BrokerEventKind::RecordsDeleted { .. }
            | BrokerEventKind::ProducerIdsAllocated { .. }
            | BrokerEventKind::TransactionState { .. }
            | BrokerEventKind::MemberJoined { .. }
            | BrokerEventKind::MemberLeft { .. }
            | BrokerEventKind::MemberExpired { .. } => {}
        }
    }

    fn app(&mut self, cluster: &Cluster, at: &TraceEvent, process: ProcessId, event: &AppEvent) {
        match event {
            AppEvent::Acked { topic, partition, offset, .. } if cluster.config().brokers > 1 => {
                if let Some(node) = answered_by(cluster, at) {
                    let of = self.acked.entry((topic.clone(), partition.0)).or_default();
                    of.insert((offset.0, node));
                }
            }
            AppEvent::Assigned { group, partitions } => {
                self.group_of.insert(process, group.clone());
                let name = cluster.process(process).map_or("", |p| p.name.as_str());
                let names = self.marks.entry(group.clone()).or_default();
                self.names.insert(process, name.to_owned());
                if !names.iter().any(|n| n == name) {
                    names.push(name.to_owned());
                    logbrook_sorted::sort(names);
                }
                for (topic, partition) in partitions {
                    let key = (group.clone(), topic.clone(), partition.0);
                    if let Some(committed) = self.committed.get(&key) {
                        self.positions.insert(key.clone(), *committed);
                    } else {
                        self.positions.remove(&key);
                    }
                    self.owners.insert(key, process);
                }
            }
            AppEvent::Revoked { group, partitions } | AppEvent::Lost { group, partitions } => {
                for (topic, partition) in partitions {
                    let key = (group.clone(), topic.clone(), partition.0);
                    if self.owners.get(&key) == Some(&process) {
                        self.owners.remove(&key);
                    }
                }
            }
            AppEvent::Delivered { record, .. } | AppEvent::Displayed { record } => {
                if let Some(group) = self.group_of.get(&process) {
                    let key = (group.clone(), record.topic.clone(), record.partition.0);
                    self.positions.insert(key, record.offset.0 + 1);
                }
            }
            AppEvent::Sent { .. }
            | AppEvent::Acked { .. }
            | AppEvent::SendFailed { .. }
            | AppEvent::ProcessingStarted { .. }
            | AppEvent::Processed { .. }
            | AppEvent::Stored { .. }
            | AppEvent::Committed { .. }
            | AppEvent::Note { .. } => {}
        }
    }

    /// The sign of a process in its group: instances in the order of their names.
    pub(crate) fn mark(&self, group: &str, name: &str) -> Option<MemberMark> {
        let at = self.marks.get(group)?.iter().position(|n| n == name)?;
        u16::try_from(at).ok().map(MemberMark)
    }

    /// The sign of a process in its group.
    pub(crate) fn mark_of_process(&self, group: &str, process: ProcessId) -> Option<MemberMark> {
        self.mark(group, self.names.get(&process)?)
    }

    /// The event that wrote the batch at this base offset.
    pub(crate) fn written(&self, topic: &str, partition: i32, base_offset: i64) -> Option<EventId> {
        let key = (topic.to_owned(), partition, base_offset);
        // One append may bring several batches; the event is filed under the first.
        let (found, event) = self.appends.range(..=key).next_back()?;
        (found.0 == topic && found.1 == partition).then_some(*event)
    }

    pub(crate) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    fn tick(&mut self, actor: u16, time_us: i64, tall: bool) {
        if time_us < 0 || i32::from(actor) == CONTROLLER_NODE {
            return;
        }
        let bucket = self.tick_us.max(1_000);
        let time = Time(time_us / bucket * bucket);
        let recent = self.ticks.iter_mut().rev().take_while(|t| t.time == time);
        if let Some(same) = recent.into_iter().find(|t| t.actor == actor) {
            same.tall |= tall;
            return;
        }
        self.ticks.push(Tick { actor, time, tall });
        if self.ticks.len() > TICKS {
            self.tick_us = bucket * 2;
            self.thin();
        }
    }

    fn thin(&mut self) {
        let mut thinned: SortedMap<(Time, u16), bool> = SortedMap::new();
        for tick in &self.ticks {
            let time = Time(tick.time.0 / self.tick_us * self.tick_us);
            *thinned.entry((time, tick.actor)).or_default() |= tick.tall;
        }
        self.ticks =
            thinned.into_iter().map(|((time, actor), tall)| Tick { actor, time, tall }).collect();
    }

    /// A flag; what falls on the one before is said there.
    fn flag(&mut self, kind: FlagKind, actor: u16, event: &TraceEvent, title: String) {
        if event.time_us < 0 {
            return;
        }
        match self.flags.last_mut() {
            Some(last)
                if last.kind == kind
                    && last.actor == actor
                    && event.time_us - last.moment.time.0 < SAME_FLAG_US =>
            {
                if last.title.len() < LONGEST_TITLE {
                    last.title = format!("{}; {title}", last.title);
                }
            }
            _ => self.flags.push(Flag { kind, actor, moment: moment(event), title }),
        }
    }
}

/// The broker whose answer an application's event is caused by.
fn answered_by(cluster: &Cluster, event: &TraceEvent) -> Option<i32> {
    let mut cause = event.cause;
    // The answer's way: received, sent. More is another story.
    for _ in 0..4 {
        let before = cluster.trace().get(cause?)?;
        if let Actor::Broker(node) = before.actor {
            return Some(node);
        }
        cause = before.cause;
    }
    None
}

/// Rows of the timeline: clients are 0, then the brokers by number.
fn actor_of_broker(node: i32) -> u16 {
    u16::try_from(node).unwrap_or(0)
}

/// An event's place in time.
pub(crate) fn moment(event: &TraceEvent) -> Moment {
    Moment { event: event.id.0, time: Time(event.time_us) }
}
