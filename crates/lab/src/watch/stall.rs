//! `longest_stall_at_most`: how long records of a partition wait while none of it is finished.
//!
//! A partition is read in order, so what cannot be finished stops all that comes after it.

use logbrook_sorted::SortedMap;

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::{AppEvent, Outcome};

use super::{Finding, Found, Moment, Stamp, Watch, apps_of_group, is_one_of};
use crate::level::Level;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct LongestStall {
    apps: Vec<String>,
    topics: Vec<String>,
    partition: Option<i32>,
    ms: u64,
    partitions: SortedMap<(String, i32), Progress>,
    worst_ms: u64,
    broken: Option<Found>,
}

/// How far one partition has come.
#[derive(Clone, Default)]
struct Progress {
    high_watermark: i64,
    /// After the last record that was finished.
    next: i64,
    /// Since when records wait and none is finished.
    since: Option<Stamp>,
}

impl LongestStall {
    pub(super) fn new(level: &Level, group: &str, partition: Option<i32>, ms: u64) -> Self {
        let of_group = level.apps.iter().filter(|a| a.group.as_deref() == Some(group));
        Self {
            apps: apps_of_group(level, group),
            topics: of_group.flat_map(|a| a.topics.clone()).collect(),
            partition,
            ms,
            partitions: SortedMap::new(),
            worst_ms: 0,
            broken: None,
        }
    }

    fn counts(&self, topic: &str, partition: i32) -> bool {
        self.topics.iter().any(|t| t == topic) && self.partition.is_none_or(|p| p == partition)
    }

    fn found(&self, key: &(String, i32), progress: &Progress, until_us: i64) -> Option<Found> {
        let since = progress.since?;
        let ms = u64::try_from((until_us - since.time_us) / 1_000).unwrap_or(0);
        if ms <= self.ms {
            return None;
        }
        let values = Values::from([
            ("topic", key.0.clone()),
            ("partition", key.1.to_string()),
            ("offset", progress.next.to_string()),
            ("count", (progress.high_watermark - progress.next).to_string()),
            ("got", format!("{}.{:03} s", ms / 1_000, ms % 1_000)),
            ("want", format!("{}.{:03} s", self.ms / 1_000, self.ms % 1_000)),
        ]);
        let message = "{topic}-{partition} stood still for {got} at offset {offset}; {count} \
                       records waited. At most {want} was allowed.";
        Some(Found { message: message.to_owned(), values, at: Some(since) })
    }
}

impl Watch for LongestStall {
    fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        let AppEvent::Processed { record, outcome, .. } = event else { return };
        let key = (record.topic.clone(), record.partition.0);
        if *outcome == Outcome::Failed || !is_one_of(who, &self.apps) || !self.counts(&key.0, key.1)
        {
            return;
        }
        let Some(progress) = self.partitions.get(&key) else { return };
        let found = self.found(&key, progress, at.time_us);
        if self.broken.is_none() {
            self.broken = found;
        }
        let Some(progress) = self.partitions.get_mut(&key) else { return };
        if let Some(since) = progress.since {
            let ms = u64::try_from((at.time_us - since.time_us) / 1_000).unwrap_or(0);
            self.worst_ms = self.worst_ms.max(ms);
        }
        progress.next = progress.next.max(record.offset.0 + 1);
        progress.since = (progress.high_watermark > progress.next).then_some(at);
    }

    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        match event {
            BrokerEventKind::HighWatermark { topic, partition, high_watermark }
                if self.counts(topic, *partition) =>
            {
                let progress = self.partitions.entry((topic.clone(), *partition)).or_default();
                progress.high_watermark = progress.high_watermark.max(*high_watermark);
                if progress.high_watermark > progress.next {
                    progress.since.get_or_insert(at);
                }
            }
            BrokerEventKind::TopicDeleted { topic } => {
                self.partitions.retain(|(t, _), _| t != topic);
            }
            _no_progress => {}
        }
    }

    fn forked(&mut self, now_us: i64) {
        self.broken = None;
        self.worst_ms = 0;
        for progress in self.partitions.values_mut() {
            if let Some(since) = &mut progress.since {
                since.time_us = now_us;
            }
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let now_us = now.cluster.now_us();
        let standing = self.partitions.iter().find_map(|(key, p)| self.found(key, p, now_us));
        match self.broken.clone().or(standing) {
            Some(found) => Finding::Broken(found),
            None if self.partitions.is_empty() => Finding::NotYet(Found {
                message: "No record has been written yet.".to_owned(),
                ..Found::default()
            }),
            None => Finding::Holds(format!("the longest stall: {} ms", self.worst_ms)),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
