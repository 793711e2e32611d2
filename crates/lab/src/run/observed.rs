//! What an observable is in a run.

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::AppEvent;
use logbrook_client::producer::partitioner::partition_for_key;
use logbrook_cluster::{Actor, Cluster, ProcessId, ProcessState, TraceKind};
use logbrook_sorted::{SortedMap, SortedSet};

use super::Run;
use crate::check::Isolation;
use crate::observable::Observable;
use crate::pauses::Ownership;
use crate::read;
use crate::watch::acknowledged::lost;

impl Run {
    /// The value of an observable now, as text.
    #[must_use]
    pub fn observable(&self, observable: &Observable) -> String {
        let cluster = &self.workspace.cluster;
        let or_none = |n: Option<i64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        match observable {
            Observable::PartitionsUsed { topic } => {
                read::partitions_used(cluster, topic).to_string()
            }
            Observable::RecordCount { topic, partition } => {
                read::record_count(cluster, topic, *partition, Isolation::default()).to_string()
            }
            Observable::LogEnd { topic, partition, node: None } => {
                or_none(read::log_end(cluster, topic, *partition))
            }
            Observable::LogEnd { topic, partition, node: Some(node) } => {
                let log = read::replica_log(cluster, topic, *partition, *node);
                or_none(log.map(|log| log.log_end_offset().0))
            }
            Observable::LogStart { topic, partition } => or_none(
                read::leader_log(cluster, topic, *partition).map(|log| log.log_start_offset().0),
            ),
            Observable::LeaderEpoch { topic, partition } => {
                let there = read::registration(cluster, topic, *partition);
                or_none(there.map(|there| i64::from(there.leader_epoch)))
            }
            Observable::Isr { topic, partition } => {
                brokers(read::registration(cluster, topic, *partition).map(|there| &there.isr))
            }
            Observable::Elr { topic, partition } => {
                brokers(read::registration(cluster, topic, *partition).map(|there| &there.elr))
            }
            Observable::Acked { app } => {
                let of_app = self.facts.sent.values().filter(|event| event.app == *app);
                of_app.filter(|event| event.acked.is_some()).count().to_string()
            }
            Observable::Lost { app } => {
                let events = self.facts.sent.iter().filter(|(_, event)| event.app == *app);
                let events = events.map(|(id, event)| (id.as_str(), event)).collect::<Vec<_>>();
                lost(cluster, &self.facts, &events).len().to_string()
            }
            Observable::Committed { group, topic, partition } => {
                or_none(read::committed(cluster, group, topic, *partition))
            }
            Observable::PartitionOf { topic, key } => {
                let partitions =
                    read::describe(cluster, topic).and_then(|d| usize::try_from(d.partitions).ok());
                or_none(
                    partitions
                        .filter(|n| *n > 0)
                        .map(|n| i64::from(partition_for_key(key.as_bytes(), n))),
                )
            }
            Observable::Delivered { by } => self.delivered(by).to_string(),
            Observable::Lag { group, topic, partition } => {
                or_none(lag(cluster, group, topic, *partition))
            }
            Observable::IdleMembers { group } => {
                or_none(read::group(cluster, group).map(|there| {
                    there.members.iter().filter(|member| member.assignment.is_empty()).count()
                        as i64
                }))
            }
            Observable::Leader { topic, partition } => {
                let leader =
                    read::registration(cluster, topic, *partition).map(|there| there.leader);
                or_none(leader.filter(|leader| *leader >= 0).map(i64::from))
            }
            Observable::HighWatermark { topic, partition } => or_none(
                read::leader_log(cluster, topic, *partition).map(|log| log.high_watermark().0),
            ),
            Observable::Rebalances { group } => self.rebalances(group).to_string(),
            Observable::ExitCode { label } => {
                let exit = self.process_of(label).and_then(|process| process.exit);
                or_none(exit.map(i64::from))
            }
            Observable::Output { label, pattern } => {
                let process = self.process_of(label).zip(regex_lite::Regex::new(pattern).ok());
                let found = process.and_then(|(process, pattern)| {
                    // What a tool has to say against it is on standard error.
                    let printed = [process.stdout_text(), process.stderr_text()];
                    printed.iter().find_map(|text| {
                        let captures = pattern.captures(text)?;
                        let part = captures.get(1).or(captures.get(0))?;
                        Some(part.as_str().trim().to_owned())
                    })
                });
                found.unwrap_or_else(|| "none".to_owned())
            }
            Observable::TakeoverS { group } => or_none(self.takeover_s(group)),
            Observable::LastStableOffset { topic, partition } => or_none(
                read::leader_log(cluster, topic, *partition).map(|log| log.last_stable_offset().0),
            ),
            Observable::Duplicates { topic } => {
                let records = read::records(cluster, topic);
                let ids: Vec<String> = records.iter().filter_map(read::Read::event_id).collect();
                let distinct: SortedSet<&String> = ids.iter().collect();
                (ids.len() - distinct.len()).to_string()
            }
            Observable::Owner { group, topic, partition } => {
                let ownership = self.ownership(group);
                ownership.owner(topic, *partition).unwrap_or("none").to_owned()
            }
            Observable::PausedPartitions { group } => {
                let since_us = self.last_change_us(group);
                let ownership = self.ownership(group);
                let paused = ownership.pauses().iter().filter(|pause| pause.from_us >= since_us);
                let places: SortedSet<_> = paused.map(|pause| &pause.place).collect();
                places.len().to_string()
            }
            Observable::PauseMs { group } => {
                let (since_us, now_us) = (self.last_change_us(group), cluster.now_us());
                let ownership = self.ownership(group);
                let pauses = ownership.pauses().iter().map(|p| p.within_us(since_us, now_us));
                (pauses.sum::<i64>() / 1_000).to_string()
            }
        }
    }

    /// The process that a run block's command was, or is.
    fn process_of(&self, label: &str) -> Option<&ProcessState> {
        let block = self.blocks.iter().find(|block| block.label == label)?;
        self.workspace.cluster.process(block.process?)
    }

    /// How often a group has begun to rebalance since the level began.
    fn rebalances(&self, wanted: &str) -> usize {
        let cluster = &self.workspace.cluster;
        let began = |event: &&logbrook_cluster::TraceEvent| match &event.kind {
            TraceKind::Broker(BrokerEventKind::GroupState { group, from, to, .. }) => {
                group == wanted
                    && event.time_us >= self.facts.start_us
                    && begins_to_rebalance(from, to)
            }
            _other => false,
        };
        cluster.trace().iter().filter(began).count()
    }

    /// Who of the group has what, and what has had nobody.
    fn ownership(&self, group: &str) -> Ownership {
        let cluster = &self.workspace.cluster;
        let mut ownership = Ownership::of(group);
        for event in cluster.trace().iter() {
            let Actor::Process(process) = event.actor else { continue };
            let name = || cluster.process(process).map_or("", |p| p.name.as_str());
            match &event.kind {
                TraceKind::App(app) => ownership.app(event.time_us, name(), app),
                TraceKind::Exit { .. } => ownership.ended(name()),
                _other => {}
            }
        }
        ownership
    }

    /// When a line last changed an app of the group: deployed it, scaled it, killed an instance, ….
    fn last_change_us(&self, group: &str) -> i64 {
        let of_group = |app: &str| {
            let name = app.split('/').next().unwrap_or(app);
            self.level.apps.iter().any(|a| a.name == name && a.group.as_deref() == Some(group))
        };
        let changes = |event: &&logbrook_cluster::TraceEvent| match &event.kind {
            TraceKind::Action { line } => line.split_whitespace().nth(1).is_some_and(of_group),
            _other => false,
        };
        let trace = self.workspace.cluster.trace();
        trace.iter().rev().find(changes).map_or(self.facts.start_us, |event| event.time_us)
    }

    /// From the last death of a member until a record of one of its partitions was processed, in s.
    fn takeover_s(&self, wanted: &str) -> Option<i64> {
        let cluster = &self.workspace.cluster;
        let mut owners: SortedMap<(String, i32), ProcessId> = SortedMap::new();
        let mut dead: Option<(i64, Vec<(String, i32)>)> = None;
        let mut took_us = None;
        for event in cluster.trace().iter() {
            let Actor::Process(process) = event.actor else { continue };
            match &event.kind {
                TraceKind::App(AppEvent::Assigned { group, partitions }) if group == wanted => {
                    for (topic, partition) in partitions {
                        owners.insert((topic.clone(), partition.0), process);
                    }
                }
                TraceKind::App(
                    AppEvent::Revoked { group, partitions } | AppEvent::Lost { group, partitions },
                ) if group == wanted => {
                    for (topic, partition) in partitions {
                        let place = (topic.clone(), partition.0);
                        if owners.get(&place) == Some(&process) {
                            owners.remove(&place);
                        }
                    }
                }
                TraceKind::Exit { .. } => {
                    let left = owners.iter().filter(|(_, owner)| **owner == process);
                    let left: Vec<_> = left.map(|(place, _)| place.clone()).collect();
                    if !left.is_empty() {
                        dead = Some((event.time_us, left));
                        took_us = None;
                    }
                }
                TraceKind::App(AppEvent::Processed { record, .. }) => {
                    let place = (record.topic.clone(), record.partition.0);
                    if let Some((since_us, left)) = &dead
                        && took_us.is_none()
                        && left.contains(&place)
                    {
                        took_us = Some(event.time_us - since_us);
                    }
                }
                _other => {}
            }
        }
        took_us.map(|us| us / 1_000_000)
    }

    /// Records shown by the process of a run block, or handed to an app's code.
    fn delivered(&self, by: &str) -> usize {
        let process = self.blocks.iter().find(|b| b.label == by).map(|b| b.process);
        let cluster = &self.workspace.cluster;
        let app = format!("{by}/");
        let counts = |actor: &Actor, event: &AppEvent| match (actor, event) {
            (Actor::Process(p), AppEvent::Displayed { .. }) => process == Some(Some(*p)),
            (Actor::Process(p), AppEvent::Delivered { .. }) => {
                process.is_none() && cluster.process(*p).is_some_and(|p| p.name.starts_with(&app))
            }
            _neither => false,
        };
        let is_counted = |e: &&logbrook_cluster::TraceEvent| match &e.kind {
            TraceKind::App(event) => counts(&e.actor, event),
            _other => false,
        };
        cluster.trace().iter().filter(is_counted).count()
    }
}

/// Whether a change of a group's state begins a rebalance; `Assigning` and `Reconciling` are the words of the
/// consumer protocol.
pub(crate) fn begins_to_rebalance(from: &str, to: &str) -> bool {
    let rebalances = |state: &str| {
        matches!(state, "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling")
    };
    rebalances(to) && !rebalances(from)
}

/// Records that wait for a group, as the LAG column has them.
fn lag(cluster: &Cluster, group: &str, topic: &str, partition: Option<i32>) -> Option<i64> {
    let partitions = match partition {
        Some(partition) => partition..partition + 1,
        None => 0..read::describe(cluster, topic)?.partitions,
    };
    let mut sum = 0;
    for partition in partitions {
        let log = read::leader_log(cluster, topic, partition)?;
        let committed = read::committed(cluster, group, topic, partition);
        sum += log.high_watermark().0 - committed.unwrap_or(log.log_start_offset().0);
    }
    Some(sum)
}

/// Broker ids as `kafka-topics.sh --describe` lists them.
fn brokers(ids: Option<&Vec<i32>>) -> String {
    let ids: Vec<String> = ids.into_iter().flatten().map(i32::to_string).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(",") }
}
