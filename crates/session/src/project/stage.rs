//! The stage: lanes by broker, strips by replica.

use logbrook_sorted::SortedMap;
use std::sync::Arc;

use logbrook_app::ReadEvent;
use logbrook_broker::{Broker, Partition};
use logbrook_cluster::Cluster;
use logbrook_lab::level::Level;
use logbrook_record::{Batch as StoredBatch, Compression, Offset, Record};

use super::group;
use crate::follow::Follow;
use crate::view::{
    Act, Axis, Batch, BatchState, Cell, CellKind, CellText, Icon, InSync, Lane, Legend, ReadTrack,
    Role, Row, Selected, Stage, TopicChoice, Up,
};

/// What a person chose on the stage.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// None: the first of the learner's own.
    pub(crate) topic: Option<String>,
    pub(crate) cell_text: CellText,
    /// First offset, when the window does not follow the end.
    pub(crate) first: Option<i64>,
    pub(crate) cells: u32,
    pub(crate) selected: Option<Selected>,
}

impl Default for Chosen {
    fn default() -> Self {
        Self { topic: None, cell_text: CellText::Key, first: None, cells: 16, selected: None }
    }
}

/// Decoded records, kept from frame to frame: a batch below the log's end never changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct CellCache {
    cells: SortedMap<(String, i32, i64, u32), Arc<Vec<Cell>>>,
    /// What the records of a batch are about, for the keys view.
    names: SortedMap<(String, i32, i64, u32), Arc<Vec<String>>>,
}

impl CellCache {
    /// What the records of a batch are about; `read` says it, once.
    pub(crate) fn names(
        &mut self,
        topic: &str,
        partition: i32,
        batch: &StoredBatch,
        read: impl Fn(&Record) -> Option<String>,
    ) -> Arc<Vec<String>> {
        let header = batch.header();
        let key = (topic.to_owned(), partition, header.base_offset.0, header.crc);
        if let Some(names) = self.names.get(&key) {
            return Arc::clone(names);
        }
        let records = batch.records().unwrap_or_default();
        let names: Arc<Vec<String>> = Arc::new(records.iter().filter_map(read).collect());
        if self.names.len() >= CACHED {
            self.names.clear();
        }
        self.names.insert(key, Arc::clone(&names));
        names
    }
}

/// Batches kept decoded; beyond that the cache begins anew.
const CACHED: usize = 4_000;

pub(crate) fn stage(
    cluster: &Cluster,
    level: Option<&Level>,
    follow: &Follow,
    chosen: &Chosen,
    cache: &mut CellCache,
) -> Stage {
    let brokers: Vec<&Broker> = cluster.broker_ids().filter_map(|id| cluster.broker(id)).collect();
    let topics = topics(&brokers);
    let wanted = chosen.topic.clone().filter(|name| topics.iter().any(|t| t.name == *name));
    let topic = wanted.or_else(|| topics.first().filter(|t| !t.internal).map(|t| t.name.clone()));
    let up = brokers.iter().filter(|b| cluster.is_broker_up(b.config().node_id)).count();
    let summary = match (brokers.len(), brokers.len() - up) {
        (1, 0) => "1 broker".to_owned(),
        (n, 0) => format!("{n} brokers"),
        (n, down) => format!("{n} brokers, {down} down"),
    };
    let Some(name) = topic else {
        let line = first_command(level);
        let empty = Act { label: "No topics yet. Put in".to_owned(), icon: Icon::Arrow, line };
        return Stage {
            summary,
            topics,
            cell_text: chosen.cell_text,
            empty: Some(empty),
            ..Stage::default()
        };
    };
    let end = ends(&brokers, &name).into_iter().max().unwrap_or(0);
    let axis = axis(chosen, end);
    let mut legend = vec![Legend::Committed, Legend::HighWatermark, Legend::LogEnd];
    let mut lanes = Vec::new();
    for broker in &brokers {
        let node = broker.config().node_id;
        let mut rows = Vec::new();
        for index in 0..partitions(broker, &name) {
            if let Some(partition) = broker.partition(&name, index) {
                let row =
                    row(node, partition, follow, chosen, axis, cache, cluster.config().epoch_ms);
                note_legend(&row, &mut legend);
                rows.push(Arc::new(row));
            }
        }
        let leads = rows.iter().filter(|r| r.role == Role::Leader).count();
        let is_up = cluster.is_broker_up(node);
        lanes.push(Arc::new(Lane {
            broker: node,
            up: if is_up { Up::Up } else { Up::Down },
            status: if is_up {
                format!("leads {leads} of {}", rows.len())
            } else {
                "down".to_owned()
            },
            since: None,
            rows,
            acts: Vec::new(),
        }));
    }
    let groups = group::groups(cluster, follow, &name).into_iter().map(Arc::new).collect();
    logbrook_sorted::sort(&mut legend);
    legend.dedup();
    Stage {
        summary,
        topics,
        topic: Some(name),
        cell_text: chosen.cell_text,
        axis,
        lanes,
        groups,
        legend,
        selected: chosen.selected.clone(),
        empty: None,
        bar: None,
    }
}

/// What a level begins with, for the empty stage.
fn first_command(level: Option<&Level>) -> String {
    let from_prose = level.and_then(|level| {
        level.prose.iter().find_map(|block| match block {
            logbrook_lab::level::Block::Run { body, .. } => {
                body.lines().find_map(|l| l.strip_prefix("$ "))
            }
            logbrook_lab::level::Block::Html(_)
            | logbrook_lab::level::Block::Predict(_)
            | logbrook_lab::level::Block::Show { .. }
            | logbrook_lab::level::Block::Goal => None,
        })
    });
    let plain = "kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders";
    from_prose.unwrap_or(plain).to_owned()
}

fn topics(brokers: &[&Broker]) -> Vec<TopicChoice> {
    let Some(broker) = brokers.first() else { return Vec::new() };
    let choice = |topic: &logbrook_broker::TopicImage| TopicChoice {
        name: topic.name.clone(),
        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
        internal: topic.name.starts_with("__"),
    };
    let mut topics: Vec<_> = broker.metadata().topics().values().map(choice).collect();
    logbrook_sorted::sort_by_key(&mut topics, |t| t.internal);
    topics
}

fn partitions(broker: &Broker, topic: &str) -> i32 {
    let topic = broker.metadata().topic(topic);
    topic.map_or(0, |t| i32::try_from(t.partitions.len()).unwrap_or(i32::MAX))
}

fn ends(brokers: &[&Broker], topic: &str) -> Vec<i64> {
    let of = |b: &&Broker| -> Vec<i64> {
        let all = (0..partitions(b, topic)).filter_map(|i| b.partition(topic, i));
        all.map(|p| p.log().log_end_offset().0).collect()
    };
    brokers.iter().flat_map(of).collect()
}

fn axis(chosen: &Chosen, end: i64) -> Axis {
    let cells = i64::from(chosen.cells.max(1));
    // One free place after the newest record, so that the end mark is seen. The window moves five
    // offsets at a time: strips that slide with each record cannot be read.
    const STEP: i64 = 5;
    let beyond = (end + 1 - cells).max(0);
    let last_page = beyond.div_euclid(STEP) * STEP + if beyond % STEP == 0 { 0 } else { STEP };
    let first = chosen.first.map_or(last_page, |first| first.clamp(0, end.max(0)));
    Axis { first, cells: chosen.cells.max(1), end, follow: chosen.first.is_none() }
}

fn row(
    node: i32,
    partition: &Partition,
    follow: &Follow,
    chosen: &Chosen,
    axis: Axis,
    cache: &mut CellCache,
    epoch_ms: i64,
) -> Row {
    let log = partition.log();
    let (topic, index) = (partition.topic(), partition.index());
    let until = axis.first + i64::from(axis.cells);
    let hw = log.high_watermark().0;
    let batch = |stored: StoredBatch| {
        Arc::new(batch(topic, index, &stored, hw, chosen.cell_text, cache, epoch_ms))
    };
    let batches = log.batches(Offset(axis.first), Offset(until)).map(batch).collect();
    let role = if partition.leader() == node { Role::Leader } else { Role::Follower };
    Row {
        topic: topic.to_owned(),
        partition: index,
        broker: node,
        role,
        in_sync: if partition.isr().contains(&node) { InSync::In } else { InSync::Out },
        leader_epoch: partition.leader_epoch(),
        high_watermark: hw,
        log_end: log.log_end_offset().0,
        last_stable: log.last_stable_offset().0,
        log_start: log.log_start_offset().0,
        size_bytes: log.size_bytes() as u64,
        batches,
        gone: Vec::new(),
        epochs: Vec::new(),
        tracks: if role == Role::Leader { tracks(follow, topic, index, hw) } else { Vec::new() },
        differs: String::new(),
    }
}

fn tracks(follow: &Follow, topic: &str, partition: i32, hw: i64) -> Vec<ReadTrack> {
    let mut tracks = Vec::new();
    for group in follow.groups.keys() {
        let key = (group.clone(), topic.to_owned(), partition);
        let owner = follow.owners.get(&key);
        let (committed, position) = (follow.committed.get(&key), follow.positions.get(&key));
        if owner.is_none() && committed.is_none() {
            continue;
        }
        let member = group::mark_of(follow, group, topic, partition);
        let (committed, position) =
            (committed.copied(), position.copied().filter(|_| owner.is_some()));
        tracks.push(ReadTrack { group: group.clone(), member, committed, position, end: hw });
    }
    tracks
}

fn batch(
    topic: &str,
    partition: i32,
    stored: &StoredBatch,
    hw: i64,
    text: CellText,
    cache: &mut CellCache,
    epoch_ms: i64,
) -> Batch {
    let header = stored.header();
    let (base, last) = (header.base_offset.0, header.last_offset().0);
    let control = header.attributes.is_control();
    let state = match (control, last < hw) {
        (true, _) => BatchState::Control,
        (false, true) => BatchState::Committed,
        (false, false) => BatchState::Uncommitted,
    };
    // The checksum tells a topic that was deleted and made again from the one before it.
    let key = (format!("{topic} {text:?}"), partition, base, header.crc);
    let cells = match cache.cells.get(&key) {
        Some(cells) => Arc::clone(cells),
        None => {
            let records = stored.records().unwrap_or_default();
            let producer = header.producer_id.0;
            let cell = |r: &Record| cell(r, text, producer, epoch_ms);
            let cells = Arc::new(records.iter().map(cell).collect::<Vec<_>>());
            if cache.cells.len() >= CACHED {
                cache.cells.clear();
            }
            cache.cells.insert(key, Arc::clone(&cells));
            cells
        }
    };
    let compression = match header.compression() {
        Ok(Compression::None) | Err(_) => None,
        Ok(codec) => Some(codec.name()),
    };
    let size_bytes = u32::try_from(stored.bytes().len()).unwrap_or(u32::MAX);
    Batch { base_offset: base, last_offset: last, state, compression, size_bytes, cells }
}

fn cell(record: &Record, text: CellText, producer_id: i64, epoch_ms: i64) -> Cell {
    let shown = |bytes: &Option<bytes::Bytes>| match bytes {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => String::new(),
    };
    let size =
        record.key.as_ref().map_or(0, |k| k.len()) + record.value.as_ref().map_or(0, |v| v.len());
    let time = crate::view::Time((record.timestamp - epoch_ms) * 1_000);
    let label = match text {
        CellText::Key if record.key.is_some() => shown(&record.key),
        // Without a key there is nothing else to tell records apart by.
        CellText::Key => match record.value.as_deref().map(ReadEvent::read) {
            Some(Ok(event)) => event.entity,
            Some(Err(_)) | None => shown(&record.value),
        },
        CellText::Value => shown(&record.value),
        CellText::Size => size.to_string(),
        CellText::Producer => producer_id.to_string(),
        CellText::Timestamp => time.to_string(),
        CellText::None => String::new(),
    };
    let key = match &record.key {
        Some(_) => format!("key {}", shown(&record.key)),
        None => "no key".to_owned(),
    };
    let value: String = shown(&record.value).chars().take(60).collect();
    let value =
        if record.value.is_some() { format!("value {value}") } else { "null value".to_owned() };
    Cell {
        offset: record.offset.0,
        label: label.chars().take(24).collect(),
        kind: if record.value.is_none() { CellKind::Tombstone } else { CellKind::Data },
        about: format!("{key}, {value}, {size} bytes, {time}"),
    }
}

fn note_legend(row: &Row, legend: &mut Vec<Legend>) {
    if row.batches.iter().any(|b| b.state == BatchState::Uncommitted) {
        legend.push(Legend::Uncommitted);
    }
    if row.log_start > 0 {
        legend.push(Legend::LogStart);
    }
    if !row.tracks.is_empty() {
        legend.push(Legend::Read);
    }
}
