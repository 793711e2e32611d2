//! Observables: scalars about a moment of a run. They answer predictions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A scalar that can be read off a run, written `name(argument, …)`.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshDeserialize, borsh::BorshSerialize)]
pub enum Observable {
    /// Partitions of the topic that hold at least one record.
    PartitionsUsed {
        /// Topic name.
        topic: String,
    },
    /// Records shown by a run block (by its label) or an app.
    Delivered {
        /// Label of a run block, or an app's name.
        by: String,
    },
    /// Records that a reader gets.
    RecordCount {
        /// Topic name.
        topic: String,
        /// One partition; all without.
        partition: Option<i32>,
    },
    /// The partition that the default partitioner gives the key.
    PartitionOf {
        /// Topic name.
        topic: String,
        /// The key.
        key: String,
    },
    /// Offset after the last record: of the leader's log, or of the replica on one broker, whether it runs or not.
    LogEnd {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// A broker's id; the leader's without.
        node: Option<i32>,
    },
    /// The first offset that is still there, in the leader's log.
    LogStart {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// The term of a partition's leader, as the controller counts it (KIP-101): raised with each change.
    LeaderEpoch {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// The replicas in sync, as the Isr column has them: `1,2,3`.
    Isr {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// The eligible leader replicas (KIP-966), as the Elr column has them; empty is `none`.
    Elr {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// Events of a producing app that were acknowledged, from the start of the level.
    Acked {
        /// The app.
        app: String,
    },
    /// Of those, the ones that no reader can get now and that no retention has let go, as
    /// `no_acked_record_lost` counts them.
    Lost {
        /// The app.
        app: String,
    },
    /// The group's committed offset.
    Committed {
        /// Group id.
        group: String,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// Records between the committed offset and the high watermark, as the LAG column has it.
    Lag {
        /// Group id.
        group: String,
        /// Topic name.
        topic: String,
        /// One partition; the sum of all without.
        partition: Option<i32>,
    },
    /// Members of the group that have no partition.
    IdleMembers {
        /// Group id.
        group: String,
    },
    /// The broker that leads a partition.
    Leader {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// The high watermark of a partition.
    HighWatermark {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// How often a group has begun to rebalance.
    Rebalances {
        /// Group id.
        group: String,
    },
    /// The exit code of a run block's command.
    ExitCode {
        /// Label of a run block.
        label: String,
    },
    /// The first group of a regular expression in what a run block's command printed, or all that it matches.
    Output {
        /// Label of a run block.
        label: String,
        /// The expression.
        pattern: String,
    },
    /// The end of what `read_committed` readers get.
    LastStableOffset {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// Readable records whose event stands in the topic already.
    Duplicates {
        /// Topic name.
        topic: String,
    },
    /// The instance that has a partition, such as `worker/2`.
    Owner {
        /// Group id.
        group: String,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
    },
    /// Partitions that members had to give back, and nobody had for a moment, since a line last changed an app of
    /// the group.
    PausedPartitions {
        /// Group id.
        group: String,
    },
    /// How long that was in milliseconds, all of them added up.
    PauseMs {
        /// Group id.
        group: String,
    },
    /// Seconds, rounded down, from the last death of a member of the group until a record of one of its
    /// partitions was processed by another.
    TakeoverS {
        /// Group id.
        group: String,
    },
}

/// Why a text is no observable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservableError(String);

impl fmt::Display for ObservableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ObservableError {}

const KNOWN: &str = "partitions_used(topic), delivered(label or app), record_count(topic, partition?), \
     partition_of(topic, key), log_end(topic, partition, node?), log_start(topic, partition), \
     leader_epoch(topic, partition), isr(topic, partition), elr(topic, partition), acked(app), lost(app), \
     committed(group, topic, partition), lag(group, topic, partition?), \
     idle_members(group), leader(topic, partition), high_watermark(topic, partition), rebalances(group), \
     exit_code(label), output(label, regex), takeover_s(group), last_stable_offset(topic, partition), \
     duplicates(topic), owner(group, topic, partition), paused_partitions(group), pause_ms(group)";

impl FromStr for Observable {
    type Err = ObservableError;
    fn from_str(text: &str) -> Result<Self, ObservableError> {
        let error = || ObservableError(format!("found {text:?}, expected one of {KNOWN}"));
        let (name, rest) = text.trim().split_once('(').ok_or_else(error)?;
        let inside = rest.strip_suffix(')').ok_or_else(error)?;
        if name.trim() == "output" {
            // An expression may have commas and brackets of its own.
            let (label, pattern) = inside.split_once(',').ok_or_else(error)?;
            let (label, pattern) = (label.trim().to_owned(), pattern.trim().to_owned());
            if let Err(why) = regex_lite::Regex::new(&pattern) {
                return Err(ObservableError(format!("in {text:?}: {why}")));
            }
            return Ok(Self::Output { label, pattern });
        }
        let args: Vec<&str> = inside.split(',').map(str::trim).collect();
        let owned = |text: &str| text.to_owned();
        let natural = |s: &str, what: &str| {
            s.parse::<i32>().ok().filter(|n| *n >= 0).ok_or_else(|| {
                ObservableError(format!("in {text:?}: found {s:?}, expected {what}"))
            })
        };
        let number = |s: &str| natural(s, "a partition number");
        let broker = |s: &str| natural(s, "a broker's id");
        Ok(match (name.trim(), args.as_slice()) {
            ("partitions_used", [topic]) if !topic.is_empty() => {
                Self::PartitionsUsed { topic: (*topic).to_owned() }
            }
            ("delivered", [by]) if !by.is_empty() => Self::Delivered { by: (*by).to_owned() },
            ("record_count", [topic]) if !topic.is_empty() => {
                Self::RecordCount { topic: (*topic).to_owned(), partition: None }
            }
            ("record_count", [topic, p]) => {
                Self::RecordCount { topic: (*topic).to_owned(), partition: Some(number(p)?) }
            }
            ("partition_of", [topic, key]) => {
                Self::PartitionOf { topic: (*topic).to_owned(), key: (*key).to_owned() }
            }
            ("log_end", [topic, p]) => {
                Self::LogEnd { topic: owned(topic), partition: number(p)?, node: None }
            }
            ("log_end", [topic, p, node]) => Self::LogEnd {
                topic: owned(topic),
                partition: number(p)?,
                node: Some(broker(node)?),
            },
            ("log_start", [topic, p]) => {
                Self::LogStart { topic: owned(topic), partition: number(p)? }
            }
            ("leader_epoch", [topic, p]) => {
                Self::LeaderEpoch { topic: owned(topic), partition: number(p)? }
            }
            ("isr", [topic, p]) => Self::Isr { topic: owned(topic), partition: number(p)? },
            ("elr", [topic, p]) => Self::Elr { topic: owned(topic), partition: number(p)? },
            ("acked", [app]) if !app.is_empty() => Self::Acked { app: owned(app) },
            ("lost", [app]) if !app.is_empty() => Self::Lost { app: owned(app) },
            ("committed", [group, topic, p]) => Self::Committed {
                group: (*group).to_owned(),
                topic: (*topic).to_owned(),
                partition: number(p)?,
            },
            ("lag", [group, topic]) => {
                Self::Lag { group: owned(group), topic: owned(topic), partition: None }
            }
            ("lag", [group, topic, p]) => {
                Self::Lag { group: owned(group), topic: owned(topic), partition: Some(number(p)?) }
            }
            ("idle_members", [group]) if !group.is_empty() => {
                Self::IdleMembers { group: owned(group) }
            }
            ("leader", [topic, p]) => Self::Leader { topic: owned(topic), partition: number(p)? },
            ("high_watermark", [topic, p]) => {
                Self::HighWatermark { topic: owned(topic), partition: number(p)? }
            }
            ("last_stable_offset", [topic, p]) => {
                Self::LastStableOffset { topic: owned(topic), partition: number(p)? }
            }
            ("duplicates", [topic]) if !topic.is_empty() => {
                Self::Duplicates { topic: owned(topic) }
            }
            ("owner", [group, topic, p]) => {
                Self::Owner { group: owned(group), topic: owned(topic), partition: number(p)? }
            }
            ("paused_partitions", [group]) if !group.is_empty() => {
                Self::PausedPartitions { group: owned(group) }
            }
            ("pause_ms", [group]) if !group.is_empty() => Self::PauseMs { group: owned(group) },
            ("rebalances", [group]) if !group.is_empty() => {
                Self::Rebalances { group: owned(group) }
            }
            ("exit_code", [label]) if !label.is_empty() => Self::ExitCode { label: owned(label) },
            ("takeover_s", [group]) if !group.is_empty() => Self::TakeoverS { group: owned(group) },
            _unknown => return Err(error()),
        })
    }
}

impl fmt::Display for Observable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartitionsUsed { topic } => write!(f, "partitions_used({topic})"),
            Self::Delivered { by } => write!(f, "delivered({by})"),
            Self::RecordCount { topic, partition: None } => write!(f, "record_count({topic})"),
            Self::RecordCount { topic, partition: Some(p) } => {
                write!(f, "record_count({topic}, {p})")
            }
            Self::PartitionOf { topic, key } => write!(f, "partition_of({topic}, {key})"),
            Self::LogEnd { topic, partition, node: None } => {
                write!(f, "log_end({topic}, {partition})")
            }
            Self::LogEnd { topic, partition, node: Some(node) } => {
                write!(f, "log_end({topic}, {partition}, {node})")
            }
            Self::LogStart { topic, partition } => write!(f, "log_start({topic}, {partition})"),
            Self::LeaderEpoch { topic, partition } => {
                write!(f, "leader_epoch({topic}, {partition})")
            }
            Self::Isr { topic, partition } => write!(f, "isr({topic}, {partition})"),
            Self::Elr { topic, partition } => write!(f, "elr({topic}, {partition})"),
            Self::Acked { app } => write!(f, "acked({app})"),
            Self::Lost { app } => write!(f, "lost({app})"),
            Self::Committed { group, topic, partition } => {
                write!(f, "committed({group}, {topic}, {partition})")
            }
            Self::Lag { group, topic, partition: None } => write!(f, "lag({group}, {topic})"),
            Self::Lag { group, topic, partition: Some(p) } => {
                write!(f, "lag({group}, {topic}, {p})")
            }
            Self::IdleMembers { group } => write!(f, "idle_members({group})"),
            Self::Leader { topic, partition } => write!(f, "leader({topic}, {partition})"),
            Self::HighWatermark { topic, partition } => {
                write!(f, "high_watermark({topic}, {partition})")
            }
            Self::Rebalances { group } => write!(f, "rebalances({group})"),
            Self::ExitCode { label } => write!(f, "exit_code({label})"),
            Self::Output { label, pattern } => write!(f, "output({label}, {pattern})"),
            Self::LastStableOffset { topic, partition } => {
                write!(f, "last_stable_offset({topic}, {partition})")
            }
            Self::Duplicates { topic } => write!(f, "duplicates({topic})"),
            Self::Owner { group, topic, partition } => {
                write!(f, "owner({group}, {topic}, {partition})")
            }
            Self::PausedPartitions { group } => write!(f, "paused_partitions({group})"),
            Self::PauseMs { group } => write!(f, "pause_ms({group})"),
            Self::TakeoverS { group } => write!(f, "takeover_s({group})"),
        }
    }
}

impl Serialize for Observable {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Observable {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observables_round_trip_and_refuse_what_they_do_not_know() {
        for text in [
            "partitions_used(orders)",
            "delivered(second-read)",
            "record_count(orders)",
            "record_count(orders, 1)",
            "partition_of(orders, k1)",
            "log_end(orders, 0)",
            "log_end(orders, 0, 2)",
            "log_start(orders, 0)",
            "leader_epoch(orders, 0)",
            "isr(orders, 0)",
            "elr(orders, 0)",
            "acked(shop)",
            "lost(shop)",
            "committed(billing, orders, 2)",
            "lag(billing, orders)",
            "lag(billing, orders, 2)",
            "idle_members(billing)",
            "leader(orders, 0)",
            "high_watermark(orders, 0)",
            "rebalances(billing)",
            "exit_code(delete)",
            "output(describe, Leader: (\\d+), Replicas)",
            "takeover_s(workers)",
            "last_stable_offset(orders, 0)",
            "duplicates(orders)",
            "owner(workers, orders, 1)",
            "paused_partitions(workers)",
            "pause_ms(workers)",
        ] {
            assert_eq!(text.parse::<Observable>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "orders",
            "isr(orders",
            "partitions_used()",
            "log_end(orders, x)",
            "log_end(orders, -1)",
            "log_end(orders, 0, leader)",
            "lost()",
        ] {
            assert!(text.parse::<Observable>().is_err(), "{text}");
        }
    }
}
