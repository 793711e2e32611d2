//! The stage: lanes by broker or lines by partition, strips by replica.

mod cells;
mod lane;
mod row;

use logbrook_sorted::SortedSet;
use std::sync::Arc;

use logbrook_broker::{MetadataImage, PartitionRegistration, TopicImage};
use logbrook_cluster::Cluster;
use logbrook_lab::level::Level;

use super::group;
use crate::follow::Follow;
use crate::view::{
    Act, Axis, BatchState, CellText, Icon, Lane, Legend, PartitionLine, Role, Row, Selected, Stage,
    StageLayout, TopicChoice, Up,
};
pub(crate) use cells::CellCache;
use row::Rows;

/// So many partitions are drawn as strips; where there are more, those that were opened.
const MANY: usize = 12;
/// So many of them are drawn before one was opened.
const FIRST: i32 = 3;

/// What a person chose on the stage.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// None: the first of the learner's own.
    pub(crate) topic: Option<String>,
    /// None: by brokers, unless there are too many partitions.
    pub(crate) layout: Option<StageLayout>,
    /// Partitions whose replicas are drawn although there are many.
    pub(crate) open: SortedSet<i32>,
    pub(crate) cell_text: CellText,
    /// First offset, when the window does not follow the end.
    pub(crate) first: Option<i64>,
    pub(crate) cells: u32,
    pub(crate) selected: Option<Selected>,
}

impl Default for Chosen {
    fn default() -> Self {
        Self {
            topic: None,
            layout: None,
            open: SortedSet::new(),
            cell_text: CellText::Key,
            first: None,
            cells: 16,
            selected: None,
        }
    }
}

/// A partition as the controller has it.
struct Partition<'a> {
    topic: &'a str,
    index: i32,
    registration: &'a PartitionRegistration,
}

pub(crate) fn stage(
    cluster: &Cluster,
    level: Option<&Level>,
    follow: &Follow,
    chosen: &Chosen,
    cache: &mut CellCache,
) -> Stage {
    let topics = cluster.metadata().map(topics).unwrap_or_default();
    let wanted = chosen.topic.clone().filter(|name| topics.iter().any(|t| t.name == *name));
    let name = wanted.or_else(|| topics.first().filter(|t| !t.internal).map(|t| t.name.clone()));
    let topic = name.and_then(|name| cluster.metadata().and_then(|metadata| metadata.topic(&name)));
    let mut stage = Stage {
        summary: summary(cluster),
        topics,
        cell_text: chosen.cell_text,
        ..Stage::default()
    };
    let Some(topic) = topic else {
        let line = first_command(level);
        let label = "No topics yet. Put in".to_owned();
        stage.empty = Some(Act { label, icon: Icon::Arrow, line });
        stage.lanes = lanes(cluster, level, follow, None);
        // One broker without a topic is nothing to look at.
        stage.lanes.retain(|lane| cluster.config().brokers > 1 || lane.up != Up::Up);
        return stage;
    };
    let many = topic.partitions.len() > MANY;
    let usual = if many { StageLayout::Partitions } else { StageLayout::Brokers };
    stage.layout = chosen.layout.unwrap_or(usual);
    stage.axis = axis(chosen, end(cluster, topic));
    let rows = Rows { cluster, follow, chosen, axis: stage.axis };
    stage.lanes = lanes(cluster, level, follow, Some(topic));
    match stage.layout {
        StageLayout::Brokers => {
            by_brokers(&rows, topic, &mut stage, cache);
            let drawn = drawn(topic, chosen).len();
            if drawn < topic.partitions.len() {
                let all = topic.partitions.len();
                stage.left_out =
                    format!("{drawn} of {all} partitions. Open others under *Partitions*.");
            }
        }
        StageLayout::Partitions => {
            stage.partitions = by_partitions(&rows, topic, many, cache);
        }
    }
    let in_lanes = stage.lanes.iter().flat_map(|lane| lane.rows.iter().map(|r| (r, lane.up)));
    let in_lines = stage.partitions.iter().flat_map(|line| {
        line.rows.iter().map(|row| (row, stage.lanes.iter().find(|l| l.broker == row.broker)))
    });
    let in_lines = in_lines.map(|(row, lane)| (row, lane.map_or(Up::Up, |lane| lane.up)));
    stage.legend = legend(in_lanes.chain(in_lines));
    stage.groups = group::groups(cluster, follow, &topic.name).into_iter().map(Arc::new).collect();
    stage.selected = chosen.selected.clone();
    stage.topic = Some(topic.name.clone());
    stage
}

/// `3 brokers, 1 down`.
pub(crate) fn summary(cluster: &Cluster) -> String {
    let all = cluster.broker_ids().count();
    let up = cluster.broker_ids().filter(|id| cluster.is_broker_up(*id)).count();
    let brokers = match (all, all - up) {
        (1, 0) => "1 broker".to_owned(),
        (1, _) => "1 broker, down".to_owned(),
        (n, 0) => format!("{n} brokers"),
        (n, down) => format!("{n} brokers, {down} down"),
    };
    if cluster.is_controller_up() { brokers } else { format!("{brokers}, controller down") }
}

/// The lanes, without rows yet.
fn lanes(
    cluster: &Cluster,
    level: Option<&Level>,
    follow: &Follow,
    topic: Option<&TopicImage>,
) -> Vec<Arc<Lane>> {
    let lane = |node: i32| {
        let lane::Condition { up, mut status, since } = lane::condition(cluster, follow, node);
        if status.is_empty() {
            let partitions = topic.iter().flat_map(|topic| topic.partitions.values());
            let here = partitions.filter(|p| p.replicas.contains(&node));
            let (mut of, mut leads) = (0, 0);
            for partition in here {
                of += 1;
                leads += i32::from(partition.leader == node);
            }
            status =
                if topic.is_some() { format!("leads {leads} of {of}") } else { "up".to_owned() };
        }
        let (acts, more) = level.map(|level| lane::acts(cluster, level, node)).unwrap_or_default();
        Arc::new(Lane { broker: node, up, status, since, rows: Vec::new(), acts, more })
    };
    cluster.broker_ids().map(lane).collect()
}

/// The partitions whose replicas have strips.
fn drawn(topic: &TopicImage, chosen: &Chosen) -> Vec<i32> {
    let all = topic.partitions.keys().copied();
    if topic.partitions.len() <= MANY {
        return all.collect();
    }
    let is_drawn = |index: &i32| match chosen.open.is_empty() {
        true => *index < FIRST,
        false => chosen.open.contains(index),
    };
    all.filter(is_drawn).take(MANY).collect()
}

fn by_brokers(rows: &Rows<'_>, topic: &TopicImage, stage: &mut Stage, cache: &mut CellCache) {
    let drawn = drawn(topic, rows.chosen);
    for lane in &mut stage.lanes {
        let mut of_lane = Vec::new();
        for index in &drawn {
            let Some(registration) = topic.partitions.get(index) else { continue };
            if registration.replicas.contains(&lane.broker) {
                let of = Partition { topic: &topic.name, index: *index, registration };
                of_lane.push(Arc::new(rows.row(&of, lane.broker, cache)));
            }
        }
        Arc::make_mut(lane).rows = of_lane;
    }
}

fn by_partitions(
    rows: &Rows<'_>,
    topic: &TopicImage,
    many: bool,
    cache: &mut CellCache,
) -> Vec<Arc<PartitionLine>> {
    let mut lines = Vec::new();
    for (index, registration) in &topic.partitions {
        let of = Partition { topic: &topic.name, index: *index, registration };
        let open = rows.chosen.open.contains(index);
        let leader = Some(registration.leader).filter(|leader| *leader >= 0);
        let log = leader
            .and_then(|leader| row::log_of(rows.cluster.broker(leader)?, &topic.name, *index));
        let of_whom: Vec<i32> = match (open, many, leader) {
            (true, _, _) => registration.replicas.clone(),
            (false, false, Some(leader)) => vec![leader],
            (false, false, None) => registration.replicas.iter().take(1).copied().collect(),
            (false, true, _) => Vec::new(),
        };
        lines.push(Arc::new(PartitionLine {
            topic: topic.name.clone(),
            partition: *index,
            leader,
            leader_epoch: registration.leader_epoch,
            replicas: row::marks(rows.cluster, rows.follow, registration),
            log_start: log.map_or(0, |log| log.log_start_offset().0),
            high_watermark: log.map_or(0, |log| log.high_watermark().0),
            log_end: log.map_or(0, |log| log.log_end_offset().0),
            open,
            rows: of_whom.iter().map(|node| Arc::new(rows.row(&of, *node, cache))).collect(),
        }));
    }
    lines
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

fn topics(metadata: &MetadataImage) -> Vec<TopicChoice> {
    let choice = |topic: &TopicImage| TopicChoice {
        name: topic.name.clone(),
        partitions: u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX),
        internal: topic.name.starts_with("__"),
    };
    let mut topics: Vec<_> = metadata.topics().values().map(choice).collect();
    logbrook_sorted::sort_by_key(&mut topics, |t| t.internal);
    topics
}

/// The highest log end of all replicas.
fn end(cluster: &Cluster, topic: &TopicImage) -> i64 {
    let mut end = 0;
    for broker in cluster.broker_ids().filter_map(|id| cluster.broker(id)) {
        for index in topic.partitions.keys() {
            if let Some(log) = row::log_of(broker, &topic.name, *index) {
                end = end.max(log.log_end_offset().0);
            }
        }
    }
    end
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

/// The signs that occur.
fn legend<'a>(rows: impl Iterator<Item = (&'a Arc<Row>, Up)>) -> Vec<Legend> {
    let mut legend = vec![Legend::Committed, Legend::HighWatermark, Legend::LogEnd];
    for (row, up) in rows {
        for batch in &row.batches {
            match batch.state {
                BatchState::Uncommitted => legend.push(Legend::Uncommitted),
                BatchState::Lost => legend.push(Legend::Lost),
                BatchState::Open => legend.push(Legend::OpenTransaction),
                BatchState::Aborted => legend.push(Legend::Aborted),
                BatchState::Committed | BatchState::Control => {}
            }
        }
        if up == Up::Down {
            legend.push(Legend::Dry);
        }
        if row.log_start > 0 {
            legend.push(Legend::LogStart);
        }
        if !row.gone.is_empty() {
            legend.push(Legend::Gone);
        }
        if row.role == Role::Leader && !row.tracks.is_empty() {
            legend.push(Legend::Read);
        }
    }
    logbrook_sorted::sort(&mut legend);
    legend.dedup();
    legend
}
