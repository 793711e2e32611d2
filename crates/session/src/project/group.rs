//! Consumer groups, as kafka-consumer-groups --describe shows them, with positions.

use logbrook_sorted::SortedMap;

use logbrook_broker::java_hash::string_hash;
use logbrook_cluster::{Cluster, ProcessId};

use crate::follow::{Follow, GroupPartition};
use crate::view::{Group, GroupRow, MemberMark, Tone};

/// A bar this many records wide is full, so that a lag of one does not look like a flood.
const LEAST_BAR: i64 = 10;

/// The groups that read the topic, or have committed for it.
pub(crate) fn groups(cluster: &Cluster, follow: &Follow, topic: &str) -> Vec<Group> {
    let mut out = Vec::new();
    for (name, now) in &follow.groups {
        let of_topic = |key: &GroupPartition| key.0 == *name && key.1 == topic;
        let concerns = follow.owners.keys().any(of_topic) || follow.committed.keys().any(of_topic);
        if !concerns && now.members == 0 {
            continue;
        }
        let rows = rows(cluster, follow, name, topic);
        let coordinator = coordinator(cluster, name)
            .map_or_else(|| "no coordinator".to_owned(), |id| format!("coordinator broker {id}"));
        let protocol = match now.is_consumer_group {
            true => format!("consumer protocol, epoch {}", now.generation),
            false => format!("classic protocol, generation {}", now.generation),
        };
        out.push(Group {
            name: name.clone(),
            state: now.state.clone(),
            tone: match now.state.as_str() {
                "Stable" => Tone::Ok,
                "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
                    Tone::Warn
                }
                _empty_or_dead => Tone::Plain,
            },
            about: format!("{protocol}, {coordinator}"),
            total_lag: rows.iter().filter_map(|r| r.lag).sum(),
            rows,
        });
    }
    out
}

/// The leader of the group's partition of `__consumer_offsets` (`GroupCoordinator.partitionFor`).
fn coordinator(cluster: &Cluster, group: &str) -> Option<i32> {
    let topic = cluster.metadata()?.topic("__consumer_offsets")?;
    let count = u32::try_from(topic.partitions.len()).ok().filter(|count| *count > 0)?;
    // `Utils.abs`: the sign is dropped.
    let index = (string_hash(group) & 0x7fff_ffff) % count;
    let leader = topic.partitions.get(&i32::try_from(index).ok()?)?.leader;
    (leader >= 0).then_some(leader)
}

fn rows(cluster: &Cluster, follow: &Follow, group: &str, topic: &str) -> Vec<GroupRow> {
    let ends = high_watermarks(cluster, topic);
    let mut rows = Vec::new();
    for (partition, end) in &ends {
        let key = (group.to_owned(), topic.to_owned(), *partition);
        let owner = follow.owners.get(&key).copied();
        let current_offset = follow.committed.get(&key).copied();
        let lag = current_offset.map(|c| (end - c).max(0));
        rows.push(GroupRow {
            mark: mark_of(follow, group, topic, *partition),
            member: owner.map(|p| member(cluster, p)).unwrap_or_default(),
            partition: format!("{topic}-{partition}"),
            current_offset,
            position: follow.positions.get(&key).copied().filter(|_| owner.is_some()),
            log_end_offset: Some(*end),
            lag,
            lag_percent: 0,
        });
    }
    let widest = rows.iter().filter_map(|r| r.lag).max().unwrap_or(0).max(LEAST_BAR);
    for row in &mut rows {
        row.lag_percent = u8::try_from(row.lag.unwrap_or(0) * 100 / widest).unwrap_or(100);
    }
    for process in idle_members(cluster, follow, group) {
        rows.push(GroupRow {
            mark: mark(cluster, follow, group, Some(process)),
            member: member(cluster, process),
            ..GroupRow::default()
        });
    }
    rows
}

fn high_watermarks(cluster: &Cluster, topic: &str) -> SortedMap<i32, i64> {
    let mut ends = SortedMap::new();
    let Some(image) = cluster.metadata().and_then(|metadata| metadata.topic(topic)) else {
        return ends;
    };
    for (index, registration) in &image.partitions {
        let leader = cluster.broker(registration.leader).and_then(|b| b.partition(topic, *index));
        if let Some(leader) = leader {
            ends.insert(*index, leader.log().high_watermark().0);
        }
    }
    ends
}

/// Instances of the group that have no partition.
fn idle_members(cluster: &Cluster, follow: &Follow, group: &str) -> Vec<ProcessId> {
    let busy: Vec<ProcessId> =
        follow.owners.iter().filter(|(key, _)| key.0 == group).map(|(_, p)| *p).collect();
    let apps = cluster.apps().values().filter(|app| app.spec.group.as_deref() == Some(group));
    apps.flat_map(|app| app.processes()).filter(|p| !busy.contains(p)).collect()
}

fn member(cluster: &Cluster, process: ProcessId) -> String {
    cluster.process(process).map_or_else(String::new, |p| p.name.clone())
}

fn mark(
    cluster: &Cluster,
    follow: &Follow,
    group: &str,
    process: Option<ProcessId>,
) -> Option<MemberMark> {
    follow.mark(group, &member(cluster, process?))
}

/// The sign of whoever has the partition.
pub(crate) fn mark_of(
    follow: &Follow,
    group: &str,
    topic: &str,
    partition: i32,
) -> Option<MemberMark> {
    let key = (group.to_owned(), topic.to_owned(), partition);
    follow.mark_of_process(group, *follow.owners.get(&key)?)
}
