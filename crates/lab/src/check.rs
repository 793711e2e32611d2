//! The assertions: a closed set, each with what it means and how it is said as a goal.

use logbrook_sorted::SortedMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::level::{Level, When};

/// What an assertion checks.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Check {
    /// The topic exists, with this many partitions, copies and these settings where given.
    TopicExists {
        /// Topic name.
        topic: String,
        /// Exact number of partitions.
        partitions: Option<i32>,
        /// Exact replication factor.
        replication: Option<i16>,
        /// Settings that must have these values.
        #[serde(default)]
        config: SortedMap<String, String>,
    },
    /// No topic has this name.
    TopicAbsent {
        /// Topic name.
        topic: String,
    },
    /// What a reader gets from the log, not end minus start: offsets may have holes.
    RecordCount {
        /// Topic name.
        topic: String,
        /// One partition of it; all without.
        partition: Option<i32>,
        /// Only records with this key.
        key: Option<String>,
        /// At least so many.
        min: Option<u64>,
        /// At most so many.
        max: Option<u64>,
    },
    /// Each record of the topic was processed (or shown, for the console) at least once.
    EachRecordProcessedAtLeastOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app; `console` is the learner's own tools.
        app: Option<String>,
        /// Topic name.
        topic: String,
    },
    /// Each entity's events complete for the first time with `n` ascending. Repeats are ignored.
    ProcessedInOrderPerKey {
        /// The group whose members process.
        group: String,
        /// The entity field.
        by: String,
    },
    /// The store equals the fold of each event of the app, once.
    StoreEquals {
        /// The store.
        store: String,
        /// The producing app.
        from: String,
    },
    /// Records between the group's committed offset and the log's end, in each partition.
    LagAtMost {
        /// The group.
        group: String,
        /// Only of this topic.
        topic: Option<String>,
        /// Only of this partition.
        partition: Option<i32>,
        /// Most records.
        max: u64,
    },
    /// Questions answered before their reveal; right or wrong.
    Predicted {
        /// These; all of the level without.
        ids: Vec<String>,
    },
}

/// Names of all checks of this build, for error messages.
pub const NAMES: &[&str] = &[
    "topic_exists",
    "topic_absent",
    "record_count",
    "each_record_processed_at_least_once",
    "processed_in_order_per_key",
    "store_equals",
    "lag_at_most",
    "predicted",
];

impl Check {
    /// When it must hold unless the level says otherwise.
    #[must_use]
    pub fn default_when(&self) -> When {
        match self {
            Self::ProcessedInOrderPerKey { .. } => When::Always,
            Self::TopicExists { .. }
            | Self::TopicAbsent { .. }
            | Self::RecordCount { .. }
            | Self::EachRecordProcessedAtLeastOnce { .. }
            | Self::StoreEquals { .. }
            | Self::LagAtMost { .. }
            | Self::Predicted { .. } => When::End,
        }
    }

    /// The goal as a sentence, in Markdown with code in backticks. It is made from the parameters
    /// that grade it, so the goal shown is the goal graded.
    #[must_use]
    pub fn sentence(&self, when: When, level: &Level) -> String {
        match self {
            Self::TopicExists { topic, partitions, replication, config } => {
                let mut parts = Vec::new();
                if let Some(n) = partitions {
                    parts.push(count(*n as u64, "partition", "partitions"));
                }
                if let Some(n) = replication {
                    parts.push(count(*n as u64, "copy", "copies"));
                }
                parts.extend(config.iter().map(|(name, value)| format!("`{name}={value}`")));
                match parts.len() {
                    0 => format!("`{topic}` exists"),
                    _some => format!("`{topic}` exists with {}", parts.join(", ")),
                }
            }
            Self::TopicAbsent { topic } => format!("no topic is called `{topic}`"),
            Self::RecordCount { topic, partition, key, min, max } => {
                let place = match partition {
                    Some(p) => format!("`{topic}`, partition {p}"),
                    None => format!("`{topic}`"),
                };
                let of = key.as_ref().map(|k| format!(" with key `{k}`")).unwrap_or_default();
                match (min, max) {
                    (Some(a), Some(b)) if a == b => {
                        format!("exactly {}{of} readable in {place}", records_are(*a))
                    }
                    (Some(a), Some(b)) => format!("{a} to {b} records{of} are readable in {place}"),
                    (Some(a), None) => {
                        format!("at least {}{of} readable in {place}", records_are(*a))
                    }
                    (None, Some(b)) => {
                        format!("at most {}{of} readable in {place}", records_are(*b))
                    }
                    (None, None) => format!("records{of} are readable in {place}"),
                }
            }
            Self::EachRecordProcessedAtLeastOnce { group, app, topic } => {
                match (group, app.as_deref()) {
                    (_, Some("console")) => format!("a reader has shown each record of `{topic}`"),
                    (Some(group), _) => {
                        format!("group `{group}` has processed each record of `{topic}`")
                    }
                    (None, Some(app)) => {
                        format!("`{app}` has processed each record of `{topic}`")
                    }
                    (None, None) => format!("each record of `{topic}` has been processed"),
                }
            }
            Self::ProcessedInOrderPerKey { group, by } => {
                let what = topics_of_group(level, group);
                format!("each {by}'s {what} are applied in order{}", always(when))
            }
            Self::StoreEquals { store, from } => {
                let what = topic_of_app(level, from);
                format!("the {store} at the end are those of the last {what}")
            }
            Self::LagAtMost { group, topic, partition, max } => {
                let what = topic.clone().unwrap_or_else(|| topics_of_group(level, group));
                let place = match partition {
                    Some(p) => format!("partition {p}"),
                    None => "a partition".to_owned(),
                };
                match when {
                    When::Always => format!("never more than {max} {what} wait in {place}"),
                    When::End => format!("at the end at most {max} {what} wait in {place}"),
                }
            }
            Self::Predicted { ids } => {
                let n = if ids.is_empty() { level.predictions.len() } else { ids.len() };
                match n {
                    1 => "the question answered".to_owned(),
                    2 => "both questions answered".to_owned(),
                    n => format!("all {n} questions answered"),
                }
            }
        }
    }
}

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn records_are(n: u64) -> String {
    if n == 1 { "1 record is".to_owned() } else { format!("{n} records are") }
}

fn always(when: When) -> &'static str {
    match when {
        When::Always => ", always",
        When::End => "",
    }
}

fn topics_of_group(level: &Level, group: &str) -> String {
    let app = level.apps.iter().find(|a| a.group.as_deref() == Some(group));
    app.map(|a| a.topics.join(" and ")).unwrap_or_else(|| "records".to_owned())
}

fn topic_of_app(level: &Level, name: &str) -> String {
    let app = level.apps.iter().find(|a| a.name == name);
    app.and_then(|a| a.topic.clone()).unwrap_or_else(|| "records".to_owned())
}

impl Check {
    /// Whether it is about the learner's answers rather than the cluster; such a check is judged in
    /// the run itself, never in a trial.
    #[must_use]
    pub fn is_about_answers(&self) -> bool {
        match self {
            Self::Predicted { .. } => true,
            Self::TopicExists { .. }
            | Self::TopicAbsent { .. }
            | Self::RecordCount { .. }
            | Self::EachRecordProcessedAtLeastOnce { .. }
            | Self::ProcessedInOrderPerKey { .. }
            | Self::StoreEquals { .. }
            | Self::LagAtMost { .. } => false,
        }
    }
}
