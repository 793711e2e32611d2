//! Consumer groups, as kafka-consumer-groups --describe shows them, with positions.

use logbrook_sorted::SortedMap;

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
        let node = coordinator(cluster);
        out.push(Group {
            name: name.clone(),
            state: now.state.clone(),
            tone: match now.state.as_str() {
                "Stable" => Tone::Ok,
                "PreparingRebalance" | "CompletingRebalance" => Tone::Warn,
                _empty_or_dead => Tone::Plain,
            },
            about: format!(
                "classic protocol, generation {}, coordinator broker {node}",
                now.generation
            ),
            total_lag: rows.iter().filter_map(|r| r.lag).sum(),
            rows,
        });
    }
    out
}

/// With one broker the coordinator is that broker.
fn coordinator(cluster: &Cluster) -> i32 {
    cluster.broker_ids().next().unwrap_or(1)
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
    for broker in cluster.broker_ids().filter_map(|id| cluster.broker(id)) {
        let Some(image) = broker.metadata().topic(topic) else { continue };
        for index in image.partitions.keys() {
            let partition = broker.partition(topic, *index).filter(|p| p.is_leader());
            if let Some(partition) = partition {
                ends.insert(*index, partition.log().high_watermark().0);
            }
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
