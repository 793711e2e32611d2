//! `topic_exists` and `topic_absent`: read from the metadata, as kafka-topics --describe would.

use logbrook_broker::BrokerEventKind;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::check::Check;
use crate::read;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct TopicWatch {
    check: Check,
    /// The last event that made or changed the topic.
    at: Option<Stamp>,
}

impl TopicWatch {
    pub(super) fn new(check: Check) -> Self {
        Self { check, at: None }
    }

    fn topic(&self) -> &str {
        match &self.check {
            Check::TopicExists { topic, .. } | Check::TopicAbsent { topic } => topic,
            _judged_elsewhere => "",
        }
    }

    fn not_yet(&self, got: String, message: &str) -> Finding {
        let values = Values::from([("topic", self.topic().to_owned()), ("got", got)]);
        Finding::NotYet(Found { message: message.to_owned(), values, at: self.at })
    }
}

impl Watch for TopicWatch {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        let name = match event {
            BrokerEventKind::TopicCreated { topic, .. }
            | BrokerEventKind::TopicDeleted { topic }
            | BrokerEventKind::PartitionsCreated { topic, .. }
            | BrokerEventKind::TopicConfigChanged { topic } => topic,
            _nothing_about_topics => return,
        };
        if name == self.topic() {
            self.at = Some(at);
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let described = read::describe(now.cluster, self.topic());
        match (&self.check, described) {
            (Check::TopicExists { partitions, replication, config, .. }, Some(d)) => {
                let copies = if d.replication == 1 {
                    "1 copy".to_owned()
                } else {
                    format!("{} copies", d.replication)
                };
                let plural = if d.partitions == 1 { "" } else { "s" };
                let mut got = format!("{} partition{plural} and {copies}", d.partitions);
                let wrong = config.iter().find(|(k, v)| d.config.get(*k) != Some(v));
                if let Some((name, _)) = wrong {
                    let value = d.config.get(name).map_or("not set", String::as_str);
                    got = format!("{got}, {name}={value}");
                }
                let fits = partitions.is_none_or(|p| p == d.partitions)
                    && replication.is_none_or(|r| r == d.replication)
                    && wrong.is_none();
                match fits {
                    true => Finding::Holds(got),
                    false => self.not_yet(got, "`{topic}` has {got}."),
                }
            }
            (Check::TopicExists { .. }, None) => {
                let others = read::topics(now.cluster);
                let got = match others.is_empty() {
                    true => "not been created".to_owned(),
                    false => format!("not been created (there is `{}`)", others.join("`, `")),
                };
                self.not_yet(got, "`{topic}` has {got}.")
            }
            (_absent, Some(_)) => self.not_yet("been created".to_owned(), "`{topic}` has {got}."),
            (_absent, None) => Finding::Holds("no such topic".to_owned()),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
