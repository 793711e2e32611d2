//! How each assertion is said as a goal.

use super::{Check, Isolation};
use crate::level::{Level, When};
use crate::selection::Selection;

impl Check {
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
            Self::RecordCount { topic, partition, key, isolation, min, max } => {
                let place = match partition {
                    Some(p) => format!("`{topic}`, partition {p}"),
                    None => format!("`{topic}`"),
                };
                let place = format!("{place}{}", isolated(*isolation));
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
            Self::ReprocessedAtMost { group, app, max } => match (group, app.as_deref()) {
                (Some(group), _) => format!("group `{group}` does at most {max} records again"),
                (None, Some("console")) => {
                    format!("your readers show at most {max} records again")
                }
                (None, app) => {
                    format!("`{}` does at most {max} records again", app.unwrap_or_default())
                }
            },
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
            Self::KeysInOnePartition { topic } => {
                format!("all records of a key are in one partition of `{topic}`")
            }
            Self::RecordsSpread { topic, max_percent } => {
                format!("no partition of `{topic}` holds more than {max_percent} % of the records")
            }
            Self::NoDuplicateRecord { topic, isolation } => {
                format!("no event stands in `{topic}` twice{}", isolated(*isolation))
            }
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
            Self::NoUncleanElection { topic } => {
                let what = topic.as_ref().map(|t| format!(" of `{t}`")).unwrap_or_default();
                format!("no partition{what} is led by a replica that was not eligible, always")
            }
            Self::ReplicasIdentical { topic } => {
                format!("all copies of `{topic}` hold the same records")
            }
            Self::RetainedBetween { topic, min_age, max_age } => format!(
                "each record of `{topic}` can be read for {min_age}, and is gone after {max_age}, always"
            ),
            Self::ClusterHealthy { restarted: None } => {
                "all brokers are up and all replicas in sync".to_owned()
            }
            Self::ClusterHealthy { restarted: Some(_each) } => {
                "each broker has been restarted, all are up and all replicas in sync".to_owned()
            }
            Self::AppRunning { app, instances, crashes_max: _ } => match instances {
                Some(n) => format!("{n} instances of `{app}` run"),
                None => format!("`{app}` runs"),
            },
            Self::ConfigIs { entity, name, eq, min, max } => match eq {
                Some(value) => format!("`{name}` of {entity} is `{value}`"),
                None => format!("`{name}` of {entity} is {}", bounds(None, *min, *max)),
            },
            Self::Untouched { topics, groups, apps } => {
                let all: Vec<String> = [topics, groups, apps]
                    .into_iter()
                    .flatten()
                    .map(|name| format!("`{name}`"))
                    .collect();
                format!("nothing of {} is changed", all.join(", "))
            }
            Self::GroupIs { group, protocol, state, members, members_max } => {
                let mut parts = Vec::new();
                parts.extend(state.as_ref().map(|state| format!("is {state}")));
                parts.extend(protocol.as_ref().map(|p| format!("uses the {p} protocol")));
                parts.extend(members.map(|n| format!("has {}", count(n, "member", "members"))));
                parts.extend(members_max.map(|n| format!("has at most {n} members")));
                match parts.len() {
                    0 => format!("group `{group}` exists"),
                    _some => format!("group `{group}` {}", parts.join(" and ")),
                }
            }
            Self::AssignmentBalanced { group, max_diff, idle_max } => {
                let idle = match idle_max {
                    None => String::new(),
                    Some(0) => ", and none is idle".to_owned(),
                    Some(n) => format!(", and at most {n} are idle"),
                };
                format!(
                    "the members of `{group}` differ by at most {}{idle}",
                    count(*max_diff, "partition", "partitions")
                )
            }
            Self::RebalancesAtMost { group, max } => {
                format!("group `{group}` rebalances at most {}", count(*max, "time", "times"))
            }
            Self::TakeoverWithin { group, ms } => format!(
                "when a member of `{group}` dies, another goes on within {}",
                crate::duration::Millis(*ms as i64)
            ),
            Self::RebalancePausesAtMost { group, ms } => format!(
                "rebalances of `{group}` pause its partitions for at most {} all together",
                crate::duration::Millis(*ms as i64)
            ),
            Self::TransactionsAtomic { topics, group, app } => {
                let topics: Vec<_> = topics.iter().map(|topic| format!("`{topic}`")).collect();
                let reader = group.as_ref().or(app.as_ref());
                let reader = reader.map(|r| format!(", and `{r}` takes nothing of an aborted one"));
                format!(
                    "each transaction in {} is over, as a whole{}",
                    topics.join(" and "),
                    reader.unwrap_or_default()
                )
            }
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

/// For whom: nothing for the default.
fn isolated(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadUncommitted => "",
        Isolation::ReadCommitted => " with `read_committed`",
    }
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
