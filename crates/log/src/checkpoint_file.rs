//! Kafka's small text files (`CheckpointFile`, `PartitionMetadataFile`): a version, how many lines follow, and
//! the lines.
//!
//! ```text
//! 0
//! 2
//! orders 0 107
//! orders 1 42
//! ```

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use logbrook_record::{LeaderEpoch, Offset};
use logbrook_sorted::SortedMap;

/// `leader-epoch-checkpoint`.
pub(crate) const LEADER_EPOCH_CHECKPOINT: &str = "leader-epoch-checkpoint";
/// `partition.metadata`.
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";

/// Offsets by topic and partition (`OffsetCheckpointFile`).
pub type OffsetCheckpoint = SortedMap<(String, i32), Offset>;

fn write(lines: impl ExactSizeIterator<Item = String>) -> String {
    let mut out = format!("0\n{}\n", lines.len());
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The lines; `None` unless there are as many as it says, of version 0.
fn read(bytes: &[u8]) -> Option<Vec<&str>> {
    let mut lines = core::str::from_utf8(bytes).ok()?.lines();
    if lines.next()?.trim() != "0" {
        return None;
    }
    let count: usize = lines.next()?.trim().parse().ok()?;
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    (lines.len() == count).then_some(lines)
}

/// Text of an offset checkpoint.
#[must_use]
pub fn write_offset_checkpoint(offsets: &OffsetCheckpoint) -> String {
    let line = |((topic, partition), offset): (&(String, i32), &Offset)| {
        format!("{topic} {partition} {}", offset.0)
    };
    write(offsets.iter().map(line).collect::<Vec<_>>().into_iter())
}

/// Reads an offset checkpoint; `None` if it is damaged.
#[must_use]
pub fn read_offset_checkpoint(bytes: &[u8]) -> Option<OffsetCheckpoint> {
    let mut offsets = OffsetCheckpoint::new();
    for line in read(bytes)? {
        let mut words = line.split_whitespace();
        let topic = words.next()?;
        let partition = words.next()?.parse().ok()?;
        let offset = words.next()?.parse().ok()?;
        offsets.insert((topic.into(), partition), Offset(offset));
    }
    Some(offsets)
}

pub(crate) fn write_epochs(epochs: impl Iterator<Item = (LeaderEpoch, Offset)>) -> String {
    let lines: Vec<String> =
        epochs.map(|(epoch, start)| format!("{} {}", epoch.0, start.0)).collect();
    write(lines.into_iter())
}

pub(crate) fn read_epochs(bytes: &[u8]) -> Option<Vec<(LeaderEpoch, Offset)>> {
    let entry = |line: &str| {
        let (epoch, start) = line.split_once(' ')?;
        Some((LeaderEpoch(epoch.trim().parse().ok()?), Offset(start.trim().parse().ok()?)))
    };
    read(bytes)?.into_iter().map(entry).collect()
}

/// Text of `partition.metadata`; the id as Kafka prints it.
pub(crate) fn write_partition_metadata(topic_id: &str) -> String {
    format!("version: 0\ntopic_id: {topic_id}")
}

/// The topic id in a `partition.metadata`; `None` if it is damaged.
pub(crate) fn read_partition_metadata(bytes: &[u8]) -> Option<String> {
    let mut lines = core::str::from_utf8(bytes).ok()?.lines();
    lines.next()?.strip_prefix("version:")?.trim().parse::<u16>().ok().filter(|v| *v == 0)?;
    Some(lines.next()?.strip_prefix("topic_id:")?.trim().into())
}
