//! The tables of `kafka-consumer-groups.sh`, column by column as Java's format strings lay them out.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_client::TopicPartition;

use super::admin_calls::ListedGroup;
use super::group_calls::{GroupInfo, OffsetRow};
use super::java::row;

/// `MISSING_COLUMN_VALUE`.
const MISSING: &str = "-";

fn shown<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map_or(MISSING.to_string(), T::to_string)
}

/// The widest of a column, at least `least`.
fn width<'a>(least: usize, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.map(|c| c.chars().count()).fold(least, usize::max)
}

/// `printGroupInfo`: `--list` with `--state` or `--type`.
pub(crate) fn listing(groups: &[ListedGroup], with_type: bool, with_state: bool) -> String {
    let group_width = width(15, groups.iter().map(|g| g.id.as_str())) + 10;
    let widths = [group_width, 20, 20];
    let mut lines = String::new();
    let mut push = |id: &str, group_type: &str, state: &str| {
        let mut cells = vec![id];
        cells.extend(with_type.then_some(group_type));
        cells.extend(with_state.then_some(state));
        lines.push_str(&row(&widths, &cells));
        lines.push('\n');
    };
    push("GROUP", "TYPE", "STATE");
    for group in groups {
        push(&group.id, group_type(&group.group_type), &group.state);
    }
    lines
}

/// `GroupType.toString`: Kafka answers with `classic`, and Java's enum prints `Classic`.
fn group_type(wire: &str) -> &'static str {
    match wire.to_ascii_lowercase().as_str() {
        "classic" => "Classic",
        "consumer" => "Consumer",
        "share" => "Share",
        "streams" => "Streams",
        _ => "Unknown",
    }
}

/// `printOffsets` of one group.
pub(crate) fn offsets(rows: &[OffsetRow], verbose: bool) -> String {
    let consumer_ids: Vec<String> = rows.iter().map(|r| shown(&r.consumer_id)).collect();
    let hosts: Vec<String> = rows.iter().map(|r| shown(&r.host)).collect();
    let topics: Vec<String> = rows.iter().map(|r| shown(&r.topic)).collect();
    let group_width = width(15, rows.iter().map(|r| r.group.as_str()));
    let topic_width = width(15, topics.iter().map(String::as_str));
    let id_width = width(15, consumer_ids.iter().map(String::as_str));
    let host_width = width(15, hosts.iter().map(String::as_str));
    let mut widths = vec![group_width, topic_width, 10];
    widths.extend(verbose.then_some(15));
    widths.extend([15, 15, 15, id_width, host_width, 0]);
    let line = |cells: [&str; 10]| {
        let kept: Vec<&str> = cells
            .iter()
            .enumerate()
            .filter(|(column, _)| verbose || *column != 3)
            .map(|(_, cell)| *cell)
            .collect();
        format!("\n{}", row(&widths, &kept))
    };
    let mut text = line([
        "GROUP",
        "TOPIC",
        "PARTITION",
        "LEADER-EPOCH",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]);
    for r in rows {
        text.push_str(&line([
            &r.group,
            &shown(&r.topic),
            &shown(&r.partition),
            &shown(&r.leader_epoch),
            &shown(&r.offset),
            &shown(&r.log_end_offset),
            &shown(&r.lag()),
            &shown(&r.consumer_id),
            &shown(&r.host),
            &shown(&r.client_id),
        ]));
    }
    text.push('\n');
    text
}

/// `printMembers` of one group. Kafka prints the header even of a group without members.
pub(crate) fn members(info: &GroupInfo, verbose: bool, has_rows: bool) -> String {
    let assignment = |partitions: &SortedSet<TopicPartition>| match partitions.is_empty() {
        true => MISSING.to_string(),
        false => assignment_text(partitions),
    };
    let (mut group, mut id, mut instance, mut host, mut client, mut current, mut target) =
        (15, 15, 17, 15, 15, 20, 20);
    let mut with_instance = false;
    let mut is_migrating = false;
    if has_rows {
        let list = &info.members;
        let assignments: Vec<String> = list.iter().map(|m| assignment(&m.assignment)).collect();
        group = width(group, std::iter::once(info.id.as_str()));
        id = width(id, list.iter().map(|m| m.id.as_str()));
        instance = width(instance, list.iter().map(|m| m.instance_id.as_str()));
        host = width(host, list.iter().map(|m| m.host.as_str()));
        client = width(client, list.iter().map(|m| m.client_id.as_str()));
        current = width(current, assignments.iter().map(String::as_str));
        let targets: Vec<String> = list.iter().map(|m| assignment(&m.target)).collect();
        target = width(target, targets.iter().map(String::as_str));
        let has = |upgraded: bool| list.iter().any(|m| m.upgraded == Some(upgraded));
        is_migrating = has(false) && has(true);
        with_instance = list.iter().any(|m| !m.instance_id.is_empty());
    }
    let line = |cells: [&str; 11]| {
        let [g, m, i, h, c, n, current_epoch, now, target_epoch, then, upgraded] = cells;
        let text = match with_instance {
            true => row(&[group, id, instance, host, client, 15], &[g, m, i, h, c, n]),
            false => row(&[group, id, host, client, 15], &[g, m, h, c, n]),
        };
        let more = match verbose {
            true if is_migrating => row(
                &[15, current, 15, target, 0],
                &[current_epoch, now, target_epoch, then, upgraded],
            ),
            true => row(&[15, current, 15, target], &[current_epoch, now, target_epoch, then]),
            false => String::new(),
        };
        format!("{text} {more}\n")
    };
    let mut text = String::from("\n");
    text.push_str(&line([
        "GROUP",
        "CONSUMER-ID",
        "GROUP-INSTANCE-ID",
        "HOST",
        "CLIENT-ID",
        "#PARTITIONS",
        "CURRENT-EPOCH",
        "CURRENT-ASSIGNMENT",
        "TARGET-EPOCH",
        "TARGET-ASSIGNMENT",
        "UPGRADED",
    ]));
    for m in &info.members {
        text.push_str(&line([
            &info.id,
            &m.id,
            &m.instance_id,
            &m.host,
            &m.client_id,
            &m.assignment.len().to_string(),
            &shown(&m.epoch),
            &assignment(&m.assignment),
            &shown(&info.target_epoch),
            &assignment(&m.target),
            &shown(&m.upgraded),
        ]));
    }
    text
}

/// `getAssignmentString`: `orders:0,1;payments:2`.
fn assignment_text(partitions: &SortedSet<TopicPartition>) -> String {
    let mut topics: SortedMap<&str, Vec<String>> = SortedMap::new();
    for tp in partitions {
        topics.entry(&tp.topic).or_default().push(tp.partition.0.to_string());
    }
    let mut parts: Vec<String> =
        topics.iter().map(|(topic, p)| format!("{topic}:{}", p.join(","))).collect();
    logbrook_sorted::sort(&mut parts);
    parts.join(";")
}

/// `printStates` of one group.
pub(crate) fn state(info: &GroupInfo, verbose: bool) -> String {
    let coordinator_width = width(25, std::iter::once(info.coordinator.as_str()));
    let group_width = width(15, std::iter::once(info.id.as_str()));
    let assignor = if info.assignor.is_empty() { MISSING } else { &info.assignor };
    let members = info.members.len().to_string();
    let mut widths = vec![group_width, coordinator_width, 20, 20];
    widths.extend(verbose.then_some([15, 25]).into_iter().flatten());
    widths.push(0);
    let line = |cells: [&str; 7]| {
        let kept: Vec<&str> = cells
            .iter()
            .enumerate()
            .filter(|(column, _)| verbose || !(4..6).contains(column))
            .map(|(_, cell)| *cell)
            .collect();
        format!("\n{}", row(&widths, &kept))
    };
    let header = line([
        "GROUP",
        "COORDINATOR (ID)",
        "ASSIGNMENT-STRATEGY",
        "STATE",
        "GROUP-EPOCH",
        "TARGET-ASSIGNMENT-EPOCH",
        "#MEMBERS",
    ]);
    let (epoch, target_epoch) = (shown(&info.group_epoch), shown(&info.target_epoch));
    let values =
        line([&info.id, &info.coordinator, assignor, &info.state, &epoch, &target_epoch, &members]);
    format!("{header}{values}\n")
}
