//! `[[assert]]`: which parameters each check takes.

use logbrook_sorted::SortedMap;

use serde::Deserialize;

use crate::check::{Check, NAMES};
use crate::level::{Assert, When};

/// Every parameter that any check takes. Which of them a check takes is decided by `typed`, so that
/// an error can name the check and what it does take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAssert {
    id: String,
    check: String,
    #[serde(default)]
    when: Option<When>,
    #[serde(default)]
    trial: Option<String>,
    #[serde(default)]
    say: Option<String>,
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default)]
    partitions: Option<i32>,
    #[serde(default)]
    replication: Option<i16>,
    #[serde(default)]
    config: Option<SortedMap<String, String>>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    min: Option<u64>,
    #[serde(default)]
    max: Option<u64>,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    of: Option<String>,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    store: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    all: Option<bool>,
    #[serde(default)]
    ids: Option<Vec<String>>,
}

/// Takes parameters out one by one; what is left at the end was not meant for this check.
struct Params<'a> {
    id: &'a str,
    check: &'a str,
    takes: &'static str,
}

impl Params<'_> {
    fn need<T>(&self, name: &str, value: Option<T>) -> Result<T, String> {
        let Self { id, check, takes } = self;
        value.ok_or_else(|| format!("assert {id:?}: {check} needs {name}; it takes {takes}"))
    }
}

pub(super) fn typed(mut raw: RawAssert) -> Result<Assert, String> {
    let name = raw.check.clone();
    let takes = match name.as_str() {
        "topic_exists" => "topic, partitions?, replication?, config?",
        "topic_absent" => "topic",
        "record_count" => "topic, partition?, key?, min?, max?",
        "each_record_processed_at_least_once" => "group or app, topic, of = \"all\"?",
        "processed_in_order_per_key" => "group, by",
        "store_equals" => "store, from",
        "lag_at_most" => "group, topic?, partition?, max",
        "predicted" => "all = true or ids",
        _unknown => {
            return Err(format!(
                "assert {:?}: check: found {name:?}, expected one of {}",
                raw.id,
                NAMES.join(", ")
            ));
        }
    };
    let id = raw.id.clone();
    let p = Params { id: &id, check: &name, takes };
    let check = match name.as_str() {
        "topic_exists" => Check::TopicExists {
            topic: p.need("topic", raw.topic.take())?,
            partitions: raw.partitions.take(),
            replication: raw.replication.take(),
            config: raw.config.take().unwrap_or_default(),
        },
        "topic_absent" => Check::TopicAbsent { topic: p.need("topic", raw.topic.take())? },
        "record_count" => {
            let (min, max) = (raw.min.take(), raw.max.take());
            if min.is_none() && max.is_none() {
                p.need::<u64>("min or max", None)?;
            }
            let partition = raw.partition.take();
            let key = raw.key.take();
            Check::RecordCount {
                topic: p.need("topic", raw.topic.take())?,
                partition,
                key,
                min,
                max,
            }
        }
        "each_record_processed_at_least_once" => {
            let (group, app) = (raw.group.take(), raw.app.take());
            if group.is_some() == app.is_some() {
                p.need::<String>("one of group and app", None)?;
            }
            match raw.of.take().as_deref() {
                None | Some("all") => {}
                Some(other) => {
                    return Err(format!(
                        "assert {id:?}: of: found {other:?}, expected \"all\" in this build"
                    ));
                }
            }
            Check::EachRecordProcessedAtLeastOnce {
                group,
                app,
                topic: p.need("topic", raw.topic.take())?,
            }
        }
        "processed_in_order_per_key" => Check::ProcessedInOrderPerKey {
            group: p.need("group", raw.group.take())?,
            by: p.need("by", raw.by.take())?,
        },
        "store_equals" => Check::StoreEquals {
            store: p.need("store", raw.store.take())?,
            from: p.need("from", raw.from.take())?,
        },
        "lag_at_most" => Check::LagAtMost {
            group: p.need("group", raw.group.take())?,
            topic: raw.topic.take(),
            partition: raw.partition.take(),
            max: p.need("max", raw.max.take())?,
        },
        _predicted => match (raw.all.take(), raw.ids.take()) {
            (Some(true), None) => Check::Predicted { ids: Vec::new() },
            (None, Some(ids)) if !ids.is_empty() => Check::Predicted { ids },
            _neither => return Err(p.need::<()>("all = true or ids", None).unwrap_err()),
        },
    };
    if let Some(extra) = first_left(&raw) {
        return Err(format!("assert {id:?}: {name} does not take {extra}; it takes {takes}"));
    }
    let when = match (raw.when, &check) {
        (
            Some(When::Always),
            Check::TopicExists { .. }
            | Check::TopicAbsent { .. }
            | Check::RecordCount { .. }
            | Check::EachRecordProcessedAtLeastOnce { .. }
            | Check::StoreEquals { .. }
            | Check::Predicted { .. },
        ) => {
            return Err(format!("assert {id:?}: when: {name} is judged at the end only"));
        }
        (when, check) => when.unwrap_or(check.default_when()),
    };
    Ok(Assert { id: raw.id, check, when, trial: raw.trial, say: raw.say })
}

fn first_left(raw: &RawAssert) -> Option<&'static str> {
    let left = [
        ("topic", raw.topic.is_some()),
        ("partition", raw.partition.is_some()),
        ("partitions", raw.partitions.is_some()),
        ("replication", raw.replication.is_some()),
        ("config", raw.config.is_some()),
        ("key", raw.key.is_some()),
        ("min", raw.min.is_some()),
        ("max", raw.max.is_some()),
        ("group", raw.group.is_some()),
        ("app", raw.app.is_some()),
        ("of", raw.of.is_some()),
        ("by", raw.by.is_some()),
        ("store", raw.store.is_some()),
        ("from", raw.from.is_some()),
        ("all", raw.all.is_some()),
        ("ids", raw.ids.is_some()),
    ];
    left.into_iter().find(|(_, there)| *there).map(|(name, _)| name)
}
