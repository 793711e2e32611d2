//! `untouched`: no collateral. A topic's settings, partitions and existence, the offsets that somebody outside
//! the group committed for it, and what an app was told to be.

use logbrook_broker::BrokerEventKind;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::verdict::Values;

/// So many are kept: more than a level's past has.
const MOST: usize = 1_000;

#[derive(Clone)]
pub(super) struct Untouched {
    pub(super) topics: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) apps: Vec<String>,
    /// What has come, those of the level's own past too.
    pub(super) touched: Vec<Found>,
}

impl Untouched {
    fn touch(&mut self, at: Stamp, what: &str, how: &str) {
        if self.touched.len() < MOST {
            let values = Values::from([("got", how.to_owned()), ("what", what.to_owned())]);
            let message = "`{what}` was to be left alone: {got}.".to_owned();
            self.touched.push(Found { message, values, at: Some(at) });
        }
    }
}

impl Watch for Untouched {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        let (topic, how) = match event {
            BrokerEventKind::TopicConfigChanged { topic } => (topic, "its settings changed"),
            BrokerEventKind::PartitionsCreated { topic, .. } => (topic, "it got partitions"),
            BrokerEventKind::TopicDeleted { topic } => (topic, "it was deleted"),
            BrokerEventKind::TopicCreated { topic, .. } => (topic, "it was created anew"),
            BrokerEventKind::RecordsDeleted { topic, .. } => (topic, "its records were deleted"),
            BrokerEventKind::OffsetCommitted { group, member_id, .. } => {
                // Members name themselves: what has no member came from a tool.
                if member_id.is_empty() && self.groups.contains(group) {
                    let group = group.clone();
                    self.touch(at, &group, "its offsets were set from outside");
                }
                return;
            }
            _else => return,
        };
        if self.topics.contains(topic) {
            let topic = topic.clone();
            self.touch(at, &topic, how);
        }
    }

    fn action(&mut self, at: Stamp, line: &str) {
        let mut words = line.trim_start_matches('@').split_whitespace();
        let (Some(verb), Some(target)) = (words.next(), words.next()) else { return };
        let app = target.split('/').next().unwrap_or(target);
        if matches!(verb, "deploy" | "scale" | "stop" | "kill" | "restart" | "start" | "pause")
            && self.apps.iter().any(|name| name == app)
        {
            let (app, how) = (app.to_owned(), format!("`{}`", line.trim()));
            self.touch(at, &app, &how);
        }
    }

    fn forked(&mut self, _now_us: i64) {}

    fn find(&self, now: &Moment<'_>) -> Finding {
        let start_us = now.facts.start_us;
        match self.touched.iter().find(|found| found.at.is_some_and(|at| at.time_us >= start_us)) {
            Some(found) => Finding::Broken(found.clone()),
            None => Finding::Holds("nothing was changed".to_owned()),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
