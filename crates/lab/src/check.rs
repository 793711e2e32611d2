//! The assertions: a closed set, each with what it means and how it is said as a goal.

use logbrook_sorted::SortedMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::level::{Level, When};
use crate::selection::Selection;

/// What an assertion checks.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
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
        /// Which of its records.
        #[serde(default)]
        of: Selection,
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
    /// The same, and none took effect a second time.
    EachRecordProcessedExactlyOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app.
        app: Option<String>,
        /// Topic name.
        topic: String,
        /// Which of its records.
        #[serde(default)]
        of: Selection,
    },
    /// None took effect a second time; some may have been left out.
    EachRecordProcessedAtMostOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app.
        app: Option<String>,
        /// Topic name.
        topic: String,
        /// Which of its records.
        #[serde(default)]
        of: Selection,
    },
    /// So many records at most were processed again.
    ReprocessedAtMost {
        /// The group whose members process.
        group: String,
        /// Most repeats.
        max: u64,
    },
    /// No partition has records that wait while none is finished for longer than this.
    LongestStallAtMost {
        /// The group whose members process.
        group: String,
        /// Only this partition.
        partition: Option<i32>,
        /// Longest stall in milliseconds.
        ms: u64,
    },
    /// A dead letter topic holds these events.
    DlqContains {
        /// The dead letter topic.
        topic: String,
        /// These and nothing else.
        exactly: Option<Selection>,
        /// These, and maybe others.
        at_least: Option<Selection>,
        /// Headers that each of them has.
        #[serde(default)]
        headers: Vec<String>,
        /// Whether one of them may stand there more than once.
        #[serde(default)]
        duplicates_allowed: bool,
    },
    /// Every acknowledged event can be read, unless its log's start has passed it.
    NoAckedRecordLost {
        /// Events of this app.
        app: Option<String>,
        /// Or of this topic.
        topic: Option<String>,
    },
    /// Each event that the app was given is acknowledged.
    AllSendsAcked {
        /// The producing app.
        app: String,
    },
    /// No event waits longer for its acknowledgement.
    WriteStallAtMost {
        /// The producing app.
        app: String,
        /// Longest wait in milliseconds.
        ms: u64,
    },
    /// 99 of 100 events wait no longer for their acknowledgement.
    SendLatencyAtMost {
        /// The producing app.
        app: String,
        /// Longest wait of the 99 in milliseconds.
        p99_ms: u64,
    },
    /// Records like this are readable.
    RecordReadable {
        /// Topic name.
        topic: String,
        /// What they are like.
        #[serde(rename = "match")]
        wanted: RecordMatch,
        /// At least so many; 1 without.
        count: Option<u64>,
    },
    /// The last record of a key has this value, or there is none.
    LatestValueIs {
        /// Topic name.
        topic: String,
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
        /// Instead of a value: the key has none, or a tombstone.
        #[serde(default)]
        absent: bool,
    },
    /// Each entity's events are in one partition, with `n` ascending.
    RecordsInOrderPerKey {
        /// Topic name.
        topic: String,
        /// The entity field; the generator's own without.
        by: Option<String>,
    },
    /// No partition holds more than this share of the records.
    RecordsSpread {
        /// Topic name.
        topic: String,
        /// In percent.
        max_percent: u64,
    },
    /// No event stands in the topic twice.
    NoDuplicateRecord {
        /// Topic name.
        topic: String,
    },
    /// One of the four offsets of a partition.
    OffsetIs {
        /// Which of them.
        which: Which,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// Exactly.
        eq: Option<i64>,
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// The group's committed offset: the next record that it will read.
    CommittedOffsetEquals {
        /// The group.
        group: String,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// Exactly.
        eq: Option<i64>,
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// Somebody leads the partition, and is up.
    PartitionHasLeader {
        /// Topic name.
        topic: String,
        /// One partition; all without.
        partition: Option<i32>,
    },
    /// This broker leads the partition.
    LeaderIs {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// The broker.
        node: i32,
    },
    /// Another broker leads the partition.
    LeaderIsNot {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// The broker.
        node: i32,
    },
    /// So many replicas are in sync.
    PartitionHasIsr {
        /// Topic name.
        topic: String,
        /// One partition; all without.
        partition: Option<i32>,
        /// At least.
        min: Option<i64>,
        /// Exactly.
        eq: Option<i64>,
    },
    /// Brokers lead about as many partitions.
    LeadersBalanced {
        /// Of this topic; of all without.
        topic: Option<String>,
        /// How far the numbers may differ.
        max_extra: i64,
    },
    /// All brokers are up and all replicas in sync.
    ClusterHealthy {},
    /// The app runs.
    AppRunning {
        /// The app.
        app: String,
        /// So many of its instances; all that are wanted without.
        instances: Option<u64>,
        /// It crashed so often at most.
        crashes_max: Option<u64>,
    },
    /// No event took effect twice in the store.
    EffectsExactlyOnce {
        /// A store of the kind `log`.
        store: String,
    },
    /// Questions answered before their reveal; right or wrong.
    Predicted {
        /// These; all of the level without.
        #[serde(default)]
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
    "each_record_processed_exactly_once",
    "each_record_processed_at_most_once",
    "reprocessed_at_most",
    "longest_stall_at_most",
    "dlq_contains",
    "no_acked_record_lost",
    "all_sends_acked",
    "write_stall_at_most",
    "send_latency_at_most",
    "record_readable",
    "latest_value_is",
    "records_in_order_per_key",
    "records_spread",
    "no_duplicate_record",
    "offset_is",
    "committed_offset_equals",
    "partition_has_leader",
    "leader_is",
    "leader_is_not",
    "partition_has_isr",
    "leaders_balanced",
    "cluster_healthy",
    "app_running",
    "effects_exactly_once",
    "predicted",
];

impl Check {
    /// When it must hold unless the level says otherwise.
    #[must_use]
    pub fn default_when(&self) -> When {
        match self.may_be_always() {
            true if !matches!(self, Self::LagAtMost { .. }) => When::Always,
            _at_the_end => When::End,
        }
    }

    /// Whether it can be judged at every moment rather than at the end only.
    #[must_use]
    pub fn may_be_always(&self) -> bool {
        matches!(
            self,
            Self::ProcessedInOrderPerKey { .. }
                | Self::EachRecordProcessedAtMostOnce { .. }
                | Self::LongestStallAtMost { .. }
                | Self::WriteStallAtMost { .. }
                | Self::LagAtMost { .. }
        )
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
            Self::EachRecordProcessedAtLeastOnce { group, app, topic, of } => {
                let what = records_of(topic, of);
                match (group, app.as_deref()) {
                    (_, Some("console")) => format!("a reader has shown {what}"),
                    (Some(group), _) => format!("group `{group}` has processed {what}"),
                    (None, Some(app)) => format!("`{app}` has processed {what}"),
                    (None, None) => format!("{what} has been processed"),
                }
            }
            Self::EachRecordProcessedExactlyOnce { group, app, topic, of } => {
                let who = group.as_ref().or(app.as_ref()).cloned().unwrap_or_default();
                format!("`{who}` has processed {} exactly once", records_of(topic, of))
            }
            Self::EachRecordProcessedAtMostOnce { group, app, topic, of } => {
                let who = group.as_ref().or(app.as_ref()).cloned().unwrap_or_default();
                format!("`{who}` has processed {} at most once", records_of(topic, of))
            }
            Self::ReprocessedAtMost { group, max } => {
                format!("group `{group}` does at most {max} records again")
            }
            Self::LongestStallAtMost { group, partition, ms } => {
                let place = match partition {
                    Some(p) => format!("partition {p}"),
                    None => "no partition".to_owned(),
                };
                let stands = if partition.is_some() { "never stands" } else { "stands" };
                format!(
                    "{place} of `{group}` {stands} still for more than {}",
                    crate::duration::Millis(*ms as i64)
                )
            }
            Self::DlqContains { topic, exactly, at_least, headers, duplicates_allowed } => {
                let of = exactly.as_ref().or(at_least.as_ref()).cloned().unwrap_or_default();
                let mut text = format!("`{topic}` holds the {}", plainly(&of));
                if exactly.is_some() {
                    text.push_str(" and nothing else");
                }
                if !headers.is_empty() {
                    text.push_str(&format!(", each with {}", headers.join(", ")));
                }
                if *duplicates_allowed && exactly.is_some() {
                    text.push_str(" (repeats allowed)");
                }
                text
            }
            Self::NoAckedRecordLost { app, topic } => {
                let what = app.as_ref().map(|app| format!("of `{app}`"));
                let what = what.or(topic.as_ref().map(|topic| format!("of `{topic}`")));
                format!("no acknowledged record {} is lost", what.unwrap_or_default())
            }
            Self::AllSendsAcked { app } => format!("every event of `{app}` is acknowledged"),
            Self::WriteStallAtMost { app, ms } => format!(
                "no event of `{app}` waits more than {} for its ack",
                crate::duration::Millis(*ms as i64)
            ),
            Self::SendLatencyAtMost { app, p99_ms } => {
                format!("99 of 100 events of `{app}` are acknowledged within {p99_ms} ms")
            }
            Self::RecordReadable { topic, wanted, count } => match count.unwrap_or(1) {
                1 => format!("`{topic}` has a record with {wanted}"),
                n => format!("`{topic}` has {n} records with {wanted}"),
            },
            Self::LatestValueIs { topic, key, value, absent: _ } => match value {
                Some(value) => format!("the last value of `{key}` in `{topic}` is `{value}`"),
                None => format!("`{key}` has no value in `{topic}`"),
            },
            Self::RecordsInOrderPerKey { topic, by } => {
                let what = by.as_deref().unwrap_or("key");
                format!("each {what}'s records are in one partition of `{topic}`, in order")
            }
            Self::RecordsSpread { topic, max_percent } => {
                format!("no partition of `{topic}` holds more than {max_percent} % of the records")
            }
            Self::NoDuplicateRecord { topic } => format!("no event stands in `{topic}` twice"),
            Self::OffsetIs { which, topic, partition, eq, min, max } => {
                let what = which.words();
                format!("{what} of {topic}-{partition} is {}", bounds(*eq, *min, *max))
            }
            Self::CommittedOffsetEquals { group, topic, partition, eq, min, max } => format!(
                "`{group}` has committed {} for {topic}-{partition}",
                bounds(*eq, *min, *max)
            ),
            Self::PartitionHasLeader { topic, partition } => match partition {
                Some(p) => format!("{topic}-{p} has a leader"),
                None => format!("every partition of `{topic}` has a leader"),
            },
            Self::LeaderIs { topic, partition, node } => {
                format!("broker {node} leads {topic}-{partition}")
            }
            Self::LeaderIsNot { topic, partition, node } => {
                format!("another broker than {node} leads {topic}-{partition}")
            }
            Self::PartitionHasIsr { topic, partition, min, eq } => {
                let place = match partition {
                    Some(p) => format!("{topic}-{p} has"),
                    None => format!("each partition of `{topic}` has"),
                };
                format!("{place} {} replicas in sync", bounds(*eq, *min, None))
            }
            Self::LeadersBalanced { topic, max_extra } => {
                let what = topic.as_ref().map(|t| format!(" of `{t}`")).unwrap_or_default();
                format!("the brokers' numbers of leaders{what} differ by at most {max_extra}")
            }
            Self::ClusterHealthy {} => "all brokers are up and all replicas in sync".to_owned(),
            Self::AppRunning { app, instances, crashes_max: _ } => match instances {
                Some(n) => format!("{n} instances of `{app}` run"),
                None => format!("`{app}` runs"),
            },
            Self::EffectsExactlyOnce { store } => {
                format!("no event takes effect in `{store}` more than once")
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
        matches!(self, Self::Predicted { .. })
    }
}

/// What a record is like; what is not given may be anything. `null` as key or value is null.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordMatch {
    /// Its key.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// The id of the event in it.
    pub id: Option<String>,
    /// `name=value`, or a header's name.
    pub header: Option<String>,
}

impl std::fmt::Display for RecordMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("key", &self.key),
            ("value", &self.value),
            ("id", &self.id),
            ("header", &self.header),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name} `{v}`")))
            .collect();
        f.write_str(&parts.join(" and "))
    }
}

/// The four offsets of a partition.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first record that is still there.
    LogStart,
    /// The end of what all replicas in sync have: consumers read up to it.
    HighWatermark,
    /// The end of what `read_committed` readers get: the first open transaction begins there.
    LastStable,
    /// After the leader's last record.
    LogEnd,
}

impl Which {
    /// As it is said.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LogStart => "the log start offset",
            Self::HighWatermark => "the high watermark",
            Self::LastStable => "the last stable offset",
            Self::LogEnd => "the log end offset",
        }
    }
}

fn bounds(eq: Option<i64>, min: Option<i64>, max: Option<i64>) -> String {
    match (eq, min, max) {
        (Some(n), _, _) => n.to_string(),
        (None, Some(min), Some(max)) => format!("{min} to {max}"),
        (None, Some(min), None) => format!("at least {min}"),
        (None, None, Some(max)) => format!("at most {max}"),
        (None, None, None) => "something".to_owned(),
    }
}

fn records_of(topic: &str, of: &Selection) -> String {
    match of {
        Selection::All => format!("each record of `{topic}`"),
        Selection::Of { .. } | Selection::Ids(_) => {
            format!("each of the {} in `{topic}`", plainly(of))
        }
    }
}

/// A selection in a sentence.
fn plainly(of: &Selection) -> String {
    use crate::selection::{Part, Time};
    match of {
        Selection::All => "records".to_owned(),
        Selection::Ids(ids) => format!("events {}", ids.join(", ")),
        Selection::Of { app, part, time } => {
            let part = match part {
                Part::All => "",
                Part::Poison => "bad ",
                Part::Good => "good ",
            };
            let time = match time {
                Time::Any => "",
                Time::AfterStart => " from now on",
                Time::BeforeStart => " from before",
            };
            format!("{part}events of `{app}`{time}")
        }
    }
}
