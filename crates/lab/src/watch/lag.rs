//! `lag_at_most`: records between a group's committed offset and the high watermark, the LAG column
//! of kafka-consumer-groups, in each partition.

use logbrook_sorted::SortedMap;

use logbrook_broker::BrokerEventKind;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::level::{Level, When};
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct LagAtMost {
    group: String,
    /// Topics that count; every one that the group commits for, when empty.
    topics: Vec<String>,
    partition: Option<i32>,
    max: u64,
    when: When,
    partitions: SortedMap<(String, i32), Ends>,
    worst: u64,
    broken: Option<Found>,
}

#[derive(Clone, Copy, Default)]
struct Ends {
    high_watermark: i64,
    /// Where a group that has not committed would begin with auto.offset.reset=earliest.
    log_start: i64,
    committed: Option<i64>,
}

impl Ends {
    fn lag(self) -> u64 {
        let from = self.committed.unwrap_or(self.log_start);
        u64::try_from(self.high_watermark - from).unwrap_or(0)
    }
}

impl LagAtMost {
    pub(super) fn new(
        level: &Level,
        group: &str,
        topic: Option<&str>,
        partition: Option<i32>,
        max: u64,
        when: When,
    ) -> Self {
        let of_apps = level.apps.iter().filter(|a| a.group.as_deref() == Some(group));
        let topics = match topic {
            Some(topic) => vec![topic.to_owned()],
            None => of_apps.flat_map(|a| a.topics.clone()).collect(),
        };
        Self {
            group: group.to_owned(),
            topics,
            partition,
            max,
            when,
            partitions: SortedMap::new(),
            worst: 0,
            broken: None,
        }
    }

    fn counts(&self, topic: &str, partition: i32) -> bool {
        (self.topics.is_empty() || self.topics.iter().any(|t| t == topic))
            && self.partition.is_none_or(|p| p == partition)
    }

    fn found(&self, topic: &str, partition: i32, ends: Ends, at: Option<Stamp>) -> Found {
        let here = ends.high_watermark - ends.log_start;
        let all: i64 = self.partitions.values().map(|e| e.high_watermark - e.log_start).sum();
        let share = if all > 0 { here * 100 / all } else { 0 };
        let committed = ends.committed.map_or_else(|| "-".to_owned(), |c| c.to_string());
        let values = Values::from([
            ("got", ends.lag().to_string()),
            ("want", self.max.to_string()),
            ("topic", topic.to_owned()),
            ("partition", partition.to_string()),
            ("offset", committed),
            ("share", format!("{share} %")),
            ("group", self.group.clone()),
        ]);
        let message = "{got} records of {topic} wait in partition {partition}; at most {want} may."
            .to_owned();
        Found { message, values, at }
    }

    fn moved(&mut self, at: Stamp, topic: &str, partition: i32) {
        let Some(ends) = self.partitions.get(&(topic.to_owned(), partition)).copied() else {
            return;
        };
        self.worst = self.worst.max(ends.lag());
        if self.when == When::Always && self.broken.is_none() && ends.lag() > self.max {
            self.broken = Some(self.found(topic, partition, ends, Some(at)));
        }
    }
}

impl Watch for LagAtMost {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        match event {
            BrokerEventKind::HighWatermark { topic, partition, high_watermark }
                if self.counts(topic, *partition) =>
            {
                let ends = self.partitions.entry((topic.clone(), *partition)).or_default();
                ends.high_watermark = *high_watermark;
                self.moved(at, topic, *partition);
            }
            BrokerEventKind::OffsetCommitted { group, topic, partition, offset, .. }
                if *group == self.group && self.counts(topic, *partition) =>
            {
                let ends = self.partitions.entry((topic.clone(), *partition)).or_default();
                ends.committed = Some(*offset);
                self.moved(at, topic, *partition);
            }
            BrokerEventKind::SegmentsDeleted { topic, partition, log_start_offset, .. }
            | BrokerEventKind::RecordsDeleted { topic, partition, log_start_offset }
                if self.counts(topic, *partition) =>
            {
                let ends = self.partitions.entry((topic.clone(), *partition)).or_default();
                ends.log_start = *log_start_offset;
            }
            BrokerEventKind::TopicDeleted { topic } => {
                // A topic made again under the same name begins at offset 0, and the group's
                // commits for the old one are gone with it.
                self.partitions.retain(|(t, _), _| t != topic);
            }
            _no_lag_in_it => {}
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        if let Some(found) = &self.broken {
            return Finding::Broken(found.clone());
        }
        let worst = self.partitions.iter().max_by_key(|(_, ends)| ends.lag());
        let Some(((topic, partition), ends)) = worst else {
            let message = "No record has been written yet.".to_owned();
            return Finding::NotYet(Found { message, ..Found::default() });
        };
        if self.when == When::End && ends.lag() > self.max {
            let mut found = self.found(topic, *partition, *ends, None);
            let tried = now.facts.tries.iter().filter(|t| {
                t.outcome.is_some()
                    && t.record.topic == *topic
                    && t.record.partition.0 == *partition
                    && Some(t.record.offset.0) == ends.committed
            });
            found.values.insert("count", tried.count().to_string());
            return Finding::NotYet(found);
        }
        let most = if self.when == When::Always { self.worst } else { ends.lag() };
        Finding::Holds(format!("at most {most} waited"))
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
