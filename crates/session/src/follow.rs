//! What the trace tells a view: who reads what and how far, how each group stands, and when things
//! happened. A fold over the events; it is fed as they come.

use logbrook_sorted::SortedMap;

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::AppEvent;
use logbrook_cluster::{Actor, Cluster, EventId, ProcessId, TraceEvent, TraceKind};

use crate::view::{Flag, FlagKind, MemberMark, Moment, Tick, Time};

/// A partition of a topic as one group reads it.
pub(crate) type GroupPartition = (String, String, i32);

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
}

/// A group as its coordinator last said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupNow {
    pub(crate) state: String,
    pub(crate) generation: i32,
    pub(crate) members: usize,
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
            (TraceKind::Broker(kind), Actor::Broker(node)) => self.broker(event, *node, kind),
            (TraceKind::App(app), Actor::Process(process)) => self.app(cluster, *process, app),
            (TraceKind::RequestHandled { .. }, Actor::Broker(node)) => {
                self.tick(actor_of_broker(*node), event.time_us, false);
            }
            (TraceKind::RequestSent { .. }, Actor::Process(_)) => {
                self.tick(0, event.time_us, false)
            }
            (TraceKind::Fault { what }, actor) => {
                let actor = match actor {
                    Actor::Broker(node) => actor_of_broker(*node),
                    Actor::Operator | Actor::Process(_) | Actor::Store(_) => 0,
                };
                self.flag(FlagKind::Fault, actor, event, what.clone());
            }
            (TraceKind::Exit { .. }, Actor::Process(process)) => {
                self.owners.retain(|_, owner| owner != process);
            }
            _nothing_to_draw => {}
        }
    }

    fn broker(&mut self, event: &TraceEvent, node: i32, kind: &BrokerEventKind) {
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
                let now =
                    GroupNow { state: to.clone(), generation: *generation, members: *members };
                self.groups.insert(group.clone(), now);
            }
            BrokerEventKind::TopicDeleted { topic } => {
                self.committed.retain(|(_, t, _), _| t != topic);
                self.positions.retain(|(_, t, _), _| t != topic);
                self.owners.retain(|(_, t, _), _| t != topic);
                self.appends.retain(|(t, _, _), _| t != topic);
            }
            BrokerEventKind::BecameLeader { topic, partition, .. } => {
                let title = format!("broker {node} leads {topic}-{partition}");
                self.flag(FlagKind::Election, actor_of_broker(node), event, title);
            }
            BrokerEventKind::Appended { .. }
            | BrokerEventKind::Replicated { .. }
            | BrokerEventKind::Truncated { .. }
            | BrokerEventKind::BecameFollower { .. }
            | BrokerEventKind::IsrChangeAsked { .. }
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

    fn app(&mut self, cluster: &Cluster, process: ProcessId, event: &AppEvent) {
        match event {
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
        if time_us < 0 {
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

    fn flag(&mut self, kind: FlagKind, actor: u16, event: &TraceEvent, title: String) {
        if event.time_us >= 0 {
            self.flags.push(Flag { kind, actor, moment: moment(event), title });
        }
    }
}

/// Rows of the timeline: clients are 0, then the brokers by number.
fn actor_of_broker(node: i32) -> u16 {
    u16::try_from(node).unwrap_or(0)
}

/// An event's place in time.
pub(crate) fn moment(event: &TraceEvent) -> Moment {
    Moment { event: event.id.0, time: Time(event.time_us) }
}
