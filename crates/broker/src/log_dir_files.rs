//! What stands in the log directory of a broker that keeps its logs in memory: the files that Kafka
//! would have, made out of the logs when they are looked at.
//!
//! Different from Kafka: the indexes of an active segment are as long there as they may become, filled
//! with zeros; here two entries of zeros stand for the rest. `meta.properties` and the checkpoints of the
//! directory itself are not made, and a snapshot of producers only where the broker was stopped in order.

use bytes::{Bytes, BytesMut};
use logbrook_log::{Log, SegmentView};
use logbrook_record::Offset;
use uuid::Uuid;

use crate::{Broker, Partition};

/// `TOPIC-PARTITION` for each partition on the broker, sorted.
pub fn folders(broker: &Broker) -> Vec<String> {
    let mut names: Vec<String> = broker.partitions().map(Partition::name).collect();
    logbrook_sorted::sort(&mut names);
    names
}

fn partition<'a>(broker: &'a Broker, folder: &str) -> Option<&'a Partition> {
    let (topic, index) = folder.rsplit_once('-')?;
    broker.partition(topic, index.parse().ok()?)
}

fn file_name(offset: Offset, suffix: &str) -> String {
    format!("{:020}.{suffix}", offset.0)
}

/// The names of the files in a partition's folder, sorted; `None` where there is no such partition.
pub fn names(broker: &Broker, folder: &str) -> Option<Vec<String>> {
    let partition = partition(broker, folder)?;
    let log = partition.log();
    let mut names = vec!["leader-epoch-checkpoint".to_owned(), "partition.metadata".to_owned()];
    for segment in log.segments() {
        for suffix in ["index", "log", "timeindex"] {
            names.push(file_name(segment.base_offset, suffix));
        }
        if !segment.txn_index.is_empty() {
            names.push(file_name(segment.base_offset, "txnindex"));
        }
    }
    names.extend(partition.producer_snapshot().map(|(end, _)| file_name(*end, "snapshot")));
    logbrook_sorted::sort(&mut names);
    Some(names)
}

/// The bytes of a file in a partition's folder.
pub fn read(broker: &Broker, folder: &str, name: &str) -> Option<Bytes> {
    let partition = partition(broker, folder)?;
    let log = partition.log();
    match name {
        "leader-epoch-checkpoint" => return Some(leader_epochs(log).into()),
        "partition.metadata" => {
            let id = topic_id_text(partition.topic_id());
            return Some(format!("version: 0\ntopic_id: {id}\n").into());
        }
        _ => {}
    }
    let (stem, suffix) = name.split_once('.')?;
    let base = stem.parse().ok().map(Offset)?;
    if suffix == "snapshot" {
        let (end, bytes) = partition.producer_snapshot()?;
        return (*end == base).then(|| bytes.clone());
    }
    let segments = log.segments();
    let segment = segments.iter().find(|segment| segment.base_offset == base)?;
    match suffix {
        "log" => Some(segment_bytes(log, segment)),
        "index" => {
            let entries = segment.offset_index.iter().flat_map(|entry| {
                let position = u32::try_from(entry.position).unwrap_or(u32::MAX);
                [relative(entry.offset, base), position]
            });
            let bytes: Vec<u8> = entries.flat_map(u32::to_be_bytes).collect();
            Some(padded(bytes, 8, segment.active))
        }
        "timeindex" => {
            let mut bytes = Vec::new();
            for entry in &segment.time_index {
                bytes.extend(entry.timestamp.to_be_bytes());
                bytes.extend(relative(entry.offset, base).to_be_bytes());
            }
            Some(padded(bytes, 12, segment.active))
        }
        "txnindex" if !segment.txn_index.is_empty() => {
            let bytes: Vec<u8> = segment.txn_index.iter().flat_map(|txn| txn.encode()).collect();
            Some(bytes.into())
        }
        _ => None,
    }
}

fn relative(offset: Offset, base: Offset) -> u32 {
    u32::try_from(offset.0 - base.0).unwrap_or(u32::MAX)
}

/// Zeros for what is not filled yet.
fn padded(mut bytes: Vec<u8>, entry: usize, active: bool) -> Bytes {
    if active {
        bytes.resize(bytes.len() + 2 * entry, 0);
    }
    bytes.into()
}

fn segment_bytes(log: &Log, segment: &SegmentView<'_>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(segment.bytes);
    for batch in log.batches(segment.base_offset, segment.next_offset) {
        bytes.extend_from_slice(batch.bytes());
    }
    bytes.freeze()
}

/// `LeaderEpochCheckpointFile`: a version, how many, and a line each.
fn leader_epochs(log: &Log) -> String {
    let entries: Vec<String> = log
        .leader_epoch_cache()
        .entries()
        .map(|(epoch, start)| format!("{} {}\n", epoch.0, start.0))
        .collect();
    format!("0\n{}\n{}", entries.len(), entries.concat())
}

/// `org.apache.kafka.common.Uuid.toString`: 22 characters of URL-safe base 64.
pub fn topic_id_text(id: Uuid) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = id.as_u128();
    let digit = |at: u32| {
        let value = match 122u32.checked_sub(6 * at) {
            Some(shift) => bits >> shift,
            None => bits << 4,
        };
        char::from(DIGITS[(value & 63) as usize])
    };
    (0..22).map(digit).collect()
}
