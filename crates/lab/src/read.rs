//! Reads state off a cluster as a client with every permission would: topics, records, stores.

use logbrook_sorted::SortedMap;

use logbrook_app::ReadEvent;
use logbrook_broker::{BrokerEventKind, MetadataImage, PartitionRegistration};
use logbrook_client::process::StoreWrite;
use logbrook_cluster::{Cluster, TraceKind};
use logbrook_log::AbortedTxn;
use logbrook_record::{BatchHeader, Offset, PartitionIndex};

use crate::check::Isolation;

/// A topic as kafka-topics --describe sees it.
pub(crate) struct Described {
    pub(crate) partitions: i32,
    pub(crate) replication: i16,
    /// Its own settings, without those it inherits.
    pub(crate) config: SortedMap<String, String>,
    /// The replicas of each partition, the preferred leader first.
    pub(crate) assignment: Vec<Vec<i32>>,
}

/// A record with its place.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub(crate) partition: PartitionIndex,
    pub(crate) offset: Offset,
    pub(crate) key: Option<bytes::Bytes>,
    pub(crate) value: Option<bytes::Bytes>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Read {
    /// The id of the event that it holds, where it holds one.
    pub(crate) fn event_id(&self) -> Option<String> {
        let event = self.value.as_deref().and_then(|value| ReadEvent::read(value).ok());
        event.map(|event| event.id)
    }

    /// What a learner would call it: the event's id where the value is one of an app's events, else
    /// the value, with the place.
    pub(crate) fn name(&self, topic: &str) -> String {
        let place = format!("{topic}-{} offset {}", self.partition.0, self.offset.0);
        let Some(value) = &self.value else { return place };
        match ReadEvent::read(value) {
            Ok(event) => event.id,
            Err(_not_an_event) => {
                let text: String = String::from_utf8_lossy(value).chars().take(40).collect();
                format!("`{text}` ({place})")
            }
        }
    }
}

/// The metadata, as the controller has them.
fn metadata(cluster: &Cluster) -> Option<&MetadataImage> {
    cluster.metadata()
}

/// The names of the learner's topics, without Kafka's own.
pub(crate) fn topics(cluster: &Cluster) -> Vec<String> {
    let all = metadata(cluster).into_iter().flat_map(|image| image.topics().keys());
    all.filter(|name| !name.starts_with("__")).cloned().collect()
}

/// One topic, if it exists.
pub(crate) fn describe(cluster: &Cluster, topic: &str) -> Option<Described> {
    let image = metadata(cluster)?;
    let topic = image.topic(topic)?;
    let replicas = topic.partitions.values().next().map_or(0, |p| p.replicas.len());
    Some(Described {
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        replication: i16::try_from(replicas).unwrap_or(i16::MAX),
        config: image.topic_config(&topic.name),
        assignment: topic.partitions.values().map(|p| p.replicas.clone()).collect(),
    })
}

fn logs<'a>(cluster: &'a Cluster, topic: &str) -> Vec<(i32, &'a logbrook_log::Log)> {
    let Some(described) = describe(cluster, topic) else { return Vec::new() };
    (0..described.partitions).filter_map(|p| Some((p, leader_log(cluster, topic, p)?))).collect()
}

/// The log of a partition's leader: what a reader gets. None where nobody leads, or the leader is down.
pub(crate) fn leader_log<'a>(
    cluster: &'a Cluster,
    topic: &str,
    partition: i32,
) -> Option<&'a logbrook_log::Log> {
    let leader = registration(cluster, topic, partition)?.leader;
    if !cluster.is_broker_up(leader) {
        return None;
    }
    let partition = cluster.broker(leader)?.partition(topic, partition)?;
    partition.is_leader().then(|| partition.log())
}

/// The log of a partition's replica on one broker; of a broker that is down, as it lies on its disk.
pub(crate) fn replica_log<'a>(
    cluster: &'a Cluster,
    topic: &str,
    partition: i32,
    node: i32,
) -> Option<&'a logbrook_log::Log> {
    let broker = cluster.broker(node)?;
    match broker.partition(topic, partition) {
        Some(replica) => Some(replica.log()),
        None => broker.stored_log(topic, partition),
    }
}

/// What the controller knows of a partition.
pub(crate) fn registration<'a>(
    cluster: &'a Cluster,
    topic: &str,
    partition: i32,
) -> Option<&'a PartitionRegistration> {
    metadata(cluster)?.topic(topic)?.partitions.get(&partition)
}

/// What a reader is given of a log: to which offset, and which transactions are left out of it.
struct Given {
    end: Offset,
    aborted: Vec<AbortedTxn>,
}

impl Given {
    fn of(log: &logbrook_log::Log, isolation: Isolation) -> Self {
        match isolation {
            Isolation::ReadUncommitted => Self { end: log.high_watermark(), aborted: Vec::new() },
            Isolation::ReadCommitted => {
                let end = log.last_stable_offset();
                Self { end, aborted: log.aborted_transactions(log.log_start_offset(), end) }
            }
        }
    }

    /// Markers are nobody's records; of an aborted transaction a reader of committed ones skips what stands
    /// between its first record and its marker (`CompletedFetch`).
    fn has(&self, header: &BatchHeader) -> bool {
        let of = |txn: &AbortedTxn| {
            txn.producer_id == header.producer_id
                && (txn.first_offset..txn.last_offset).contains(&header.base_offset)
        };
        let aborted = header.attributes.is_transactional() && self.aborted.iter().any(of);
        !header.attributes.is_control() && !aborted
    }
}

/// Every record that a reader with the default isolation can get, by partition and offset.
pub(crate) fn records(cluster: &Cluster, topic: &str) -> Vec<Read> {
    records_of(cluster, topic, Isolation::ReadUncommitted)
}

/// Every record that a reader can get, by partition and offset.
pub(crate) fn records_of(cluster: &Cluster, topic: &str, isolation: Isolation) -> Vec<Read> {
    let mut out = Vec::new();
    for (partition, log) in logs(cluster, topic) {
        let given = Given::of(log, isolation);
        for batch in log.batches(log.log_start_offset(), given.end) {
            if !given.has(batch.header()) {
                continue;
            }
            // A batch that the broker took decodes: it was validated when it was appended.
            for record in batch.records().unwrap_or_default() {
                if record.offset >= log.log_start_offset() && record.offset < given.end {
                    let (key, value) = (record.key, record.value);
                    let text = |value: Option<bytes::Bytes>| {
                        value.map(|v| String::from_utf8_lossy(&v).into_owned()).unwrap_or_default()
                    };
                    let headers = record.headers.into_iter();
                    let headers = headers.map(|h| (h.key, text(h.value))).collect();
                    out.push(Read {
                        partition: PartitionIndex(partition),
                        offset: record.offset,
                        key,
                        value,
                        headers,
                    });
                }
            }
        }
    }
    out
}

/// How many records a reader can get, from the batch headers alone where whole batches count.
pub(crate) fn record_count(
    cluster: &Cluster,
    topic: &str,
    partition: Option<i32>,
    isolation: Isolation,
) -> u64 {
    let mut count = 0;
    for (_, log) in
        logs(cluster, topic).into_iter().filter(|(p, _)| partition.is_none_or(|want| want == *p))
    {
        let given = Given::of(log, isolation);
        let (start, end) = (log.log_start_offset(), given.end);
        for batch in log.batches(start, end) {
            let header = batch.header();
            if !given.has(header) {
                continue;
            }
            let whole = header.base_offset >= start && header.last_offset() < end;
            count += match whole {
                true => u64::try_from(header.records_count).unwrap_or(0),
                false => {
                    let records = batch.records().unwrap_or_default();
                    records.iter().filter(|r| r.offset >= start && r.offset < end).count() as u64
                }
            };
        }
    }
    count
}

/// Partitions of the topic that hold records.
pub(crate) fn partitions_used(cluster: &Cluster, topic: &str) -> usize {
    let used = |(_, log): &(i32, &logbrook_log::Log)| log.high_watermark() > log.log_start_offset();
    logs(cluster, topic).iter().filter(|l| used(l)).count()
}

/// Offset after the last record of a partition.
pub(crate) fn log_end(cluster: &Cluster, topic: &str, partition: i32) -> Option<i64> {
    let logs = logs(cluster, topic);
    logs.iter().find(|(p, _)| *p == partition).map(|(_, log)| log.log_end_offset().0)
}

/// A group as its coordinator has it.
pub(crate) fn group(cluster: &Cluster, group: &str) -> Option<logbrook_broker::GroupDescription> {
    let up = cluster.broker_ids().filter(|id| cluster.is_broker_up(*id));
    let groups = up.filter_map(|id| cluster.broker(id)).flat_map(logbrook_broker::Broker::groups);
    groups.into_iter().find(|there| there.group_id == group)
}

/// The value in force of a config of a topic, or of `broker N`.
pub(crate) fn config(cluster: &Cluster, entity: &str, name: &str) -> Option<String> {
    if let Some(id) = entity.strip_prefix("broker ").and_then(|id| id.parse().ok()) {
        return cluster.broker(id)?.broker_config_in_force(name);
    }
    // A broker that is down does not know what was changed since.
    let up = cluster.broker_ids().find(|id| cluster.is_broker_up(*id))?;
    cluster.broker(up)?.topic_config_in_force(entity, name)
}

/// A group's committed offset.
pub(crate) fn committed(
    cluster: &Cluster,
    group: &str,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    cluster.trace().iter().rev().find_map(|event| match &event.kind {
        TraceKind::Broker(BrokerEventKind::OffsetCommitted {
            group: g,
            topic: t,
            partition: p,
            offset,
            ..
        }) if g == group && t == topic && *p == partition => Some(*offset),
        _other => None,
    })
}

/// The rows of a store: entity to its last event.
pub(crate) fn rows(cluster: &Cluster, store: &str) -> SortedMap<String, StoreWrite> {
    cluster.stores().get(store).map(|s| s.rows().clone()).unwrap_or_default()
}

/// The value of one record, as text.
pub(crate) fn value_at(cluster: &Cluster, topic: &str, at: (i32, Offset)) -> Option<String> {
    let (partition, offset) = at;
    let logs = logs(cluster, topic);
    let (_, log) = logs.iter().find(|(p, _)| *p == partition)?;
    let batch = log.batches(offset, Offset(offset.0 + 1)).next()?;
    let record = batch.records().ok()?.into_iter().find(|r| r.offset == offset)?;
    record.value.map(|value| String::from_utf8_lossy(&value).into_owned())
}
