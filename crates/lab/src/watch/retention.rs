//! `retained_between`: how old records become before they can no longer be read.
//!
//! Kafka deletes whole segments, from the oldest on, when the newest record of one is older than `retention.ms` (or the
//! log is larger than `retention.bytes`), and it looks every `log.retention.check.interval.ms`
//! (`UnifiedLog.deleteOldSegments`). So a record stays for as long as its segment was open, and longer. Ages count
//! from when the leader appended the record. Of several copies the first that lets a record go counts.

use std::collections::VecDeque;

use logbrook_broker::BrokerEventKind;
use logbrook_sorted::SortedMap;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::duration::Millis;
use crate::verdict::{Values, clock};

/// What one append brought.
#[derive(Clone)]
struct Written {
    first: i64,
    last: i64,
    at: Stamp,
}

#[derive(Clone)]
pub(super) struct Retained {
    topic: String,
    min_us: i64,
    max_us: i64,
    /// By partition, what is still there, the oldest first.
    there: SortedMap<i32, VecDeque<Written>>,
    /// The shortest and the longest life so far, in µs.
    lives: Option<(i64, i64)>,
    broken: Option<Found>,
}

impl Retained {
    pub(super) fn new(topic: &str, min_age: Millis, max_age: Millis) -> Self {
        Self {
            topic: topic.to_owned(),
            min_us: min_age.0 * 1_000,
            max_us: max_age.0 * 1_000,
            there: SortedMap::new(),
            lives: None,
            broken: None,
        }
    }

    fn found(&self, partition: i32, written: &Written, age_us: i64, at: Stamp) -> Found {
        let (message, want_us) = if age_us < self.min_us {
            (
                "Record {offset} of {topic}-{partition}, written at {written}, was gone after {got}.",
                self.min_us,
            )
        } else {
            (
                "Record {offset} of {topic}-{partition}, written at {written}, could still be read after {got}.",
                self.max_us,
            )
        };
        let values = Values::from([
            ("topic", self.topic.clone()),
            ("partition", partition.to_string()),
            ("offset", written.first.to_string()),
            ("written", clock(written.at.time_us)),
            ("got", spoken(age_us)),
            ("want", spoken(want_us)),
        ]);
        Found { message: message.to_owned(), values, at: Some(at) }
    }

    /// What lies below the log's start can no longer be read.
    fn cut(&mut self, at: Stamp, partition: i32, log_start: i64) {
        let mut gone = Vec::new();
        if let Some(there) = self.there.get_mut(&partition) {
            while there.front().is_some_and(|written| written.last < log_start) {
                gone.extend(there.pop_front());
            }
        }
        // What an append brought goes at once, so its youngest record has the same age as its oldest.
        for written in gone {
            let age_us = at.time_us - written.at.time_us;
            let (least, most) = self.lives.unwrap_or((age_us, age_us));
            self.lives = Some((least.min(age_us), most.max(age_us)));
            if self.broken.is_none() && !(self.min_us..=self.max_us).contains(&age_us) {
                self.broken = Some(self.found(partition, &written, age_us, at));
            }
        }
    }
}

impl Watch for Retained {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        match event {
            BrokerEventKind::Appended {
                topic, partition, first, last, duplicate: false, ..
            } if *topic == self.topic => {
                let written = Written { first: *first, last: *last, at };
                self.there.entry(*partition).or_default().push_back(written);
            }
            BrokerEventKind::SegmentsDeleted { topic, partition, log_start_offset, .. }
            | BrokerEventKind::RecordsDeleted { topic, partition, log_start_offset }
                if *topic == self.topic =>
            {
                self.cut(at, *partition, *log_start_offset);
            }
            // A topic of the same name made later is another one.
            BrokerEventKind::TopicDeleted { topic } if *topic == self.topic => {
                for partition in self.there.keys().copied().collect::<Vec<_>>() {
                    self.cut(at, partition, i64::MAX);
                }
            }
            _else => {}
        }
    }

    fn forked(&mut self, now_us: i64) {
        self.broken = None;
        self.lives = None;
        // What had outlived its time before is not held against what comes now.
        let max_us = self.max_us;
        for there in self.there.values_mut() {
            there.retain(|written| now_us - written.at.time_us <= max_us);
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        if let Some(found) = &self.broken {
            return Finding::Broken(found.clone());
        }
        let now_us = now.cluster.now_us();
        let oldest = self.there.iter().filter_map(|(partition, there)| {
            let written = there.front()?;
            Some((now_us - written.at.time_us, *partition, written))
        });
        let oldest = oldest.max_by_key(|(age_us, ..)| *age_us);
        if let Some((age_us, partition, written)) = oldest
            && age_us > self.max_us
        {
            return Finding::Broken(self.found(partition, written, age_us, written.at));
        }
        match self.lives {
            Some((least, most)) => Finding::Holds(format!(
                "records were gone after {} to {}",
                spoken(least),
                spoken(most)
            )),
            None if oldest.is_some() => Finding::Holds("nothing is gone yet".to_owned()),
            None => Finding::NotYet(Found {
                message: "Nothing has been written yet.".to_owned(),
                ..Found::default()
            }),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}

/// A span in hours, minutes and seconds, without those that are zero: `2 h 40 min`.
fn spoken(us: i64) -> String {
    let seconds = us / 1_000_000;
    let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    if parts.is_empty() { format!("{} ms", us / 1_000) } else { parts.join(" ") }
}
