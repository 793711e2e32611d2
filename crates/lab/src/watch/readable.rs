//! `record_readable`, `latest_value_is`, `records_in_order_per_key`, `keys_in_one_partition`, `records_spread` and
//! `no_duplicate_record`: judged on the records that a reader gets at the end.

use logbrook_sorted::SortedMap;

use logbrook_app::{ReadEvent, field_of};

use super::{Finding, Found, Moment, Watch};
use crate::check::Isolation;
use crate::read::{self, Read};
use crate::verdict::Values;

/// What is asked of a topic's records.
#[derive(Clone)]
pub(super) enum Asked {
    /// So many records match. Kafka stores bytes: null and an empty value are two things.
    Match { wanted: crate::check::RecordMatch, count: u64 },
    /// The last record of a key has this value; none (a tombstone, or no record) without. That is the
    /// table which a compacted topic keeps.
    Latest { key: String, value: Option<String> },
    /// Each entity's events stand in one partition, `n` ascending: Kafka orders inside a partition only.
    InOrder { by: Option<String> },
    /// Each key's records stand in one partition. The client computes it, so two clients have to agree on the hash.
    OnePlace,
    /// No partition has more than this share, in percent.
    Spread { max_percent: u64 },
    /// No event stands there twice: what idempotence prevents within one producer session.
    NoDuplicate { isolation: Isolation },
}

#[derive(Clone)]
pub(super) struct Readable {
    pub(super) topic: String,
    pub(super) asked: Asked,
}

fn text(bytes: Option<&bytes::Bytes>) -> Option<String> {
    bytes.map(|b| String::from_utf8_lossy(b).into_owned())
}

fn shown(value: Option<&String>) -> String {
    value.map_or_else(|| "null".to_owned(), |v| format!("`{v}`"))
}

impl Readable {
    fn not_yet(&self, record: Option<&Read>, got: String, want: String, message: &str) -> Finding {
        let mut values =
            Values::from([("topic", self.topic.clone()), ("got", got), ("want", want)]);
        if let Some(record) = record {
            values.insert("id", record.name(&self.topic));
            values.insert("key", text(record.key.as_ref()).unwrap_or_default());
            values.insert("partition", record.partition.0.to_string());
            values.insert("offset", record.offset.0.to_string());
        }
        Finding::NotYet(Found { message: message.to_owned(), values, at: None })
    }

    fn matching(
        &self,
        records: &[Read],
        wanted: &crate::check::RecordMatch,
        count: u64,
    ) -> Finding {
        let is = |want: &Option<String>, got: Option<&bytes::Bytes>| {
            want.as_ref().is_none_or(|want| match got {
                None => want == "null",
                // The four letters are a value like any other, and not the one that is wanted.
                Some(got) => want != "null" && got.as_ref() == want.as_bytes(),
            })
        };
        let has_header = |record: &Read| {
            wanted.header.as_ref().is_none_or(|want| {
                let (name, value) = want.split_once('=').unwrap_or((want, ""));
                record.headers.iter().any(|(k, v)| k == name && (value.is_empty() || v == value))
            })
        };
        let fits = |record: &&Read| {
            is(&wanted.key, record.key.as_ref())
                && is(&wanted.value, record.value.as_ref())
                && has_header(record)
                && wanted.id.as_ref().is_none_or(|id| record.event_id().as_ref() == Some(id))
        };
        let got = records.iter().filter(fits).count() as u64;
        if got >= count {
            return Finding::Holds(format!("{got} records"));
        }
        let same_key = records.iter().rev().find(|r| is(&wanted.key, r.key.as_ref()));
        let got = match same_key.filter(|_| wanted.key.is_some()) {
            Some(record) => {
                format!(
                    "a record with that key and the value {}",
                    shown(text(record.value.as_ref()).as_ref())
                )
            }
            None => format!("{} other records", records.len()),
        };
        self.not_yet(
            same_key,
            got,
            wanted.to_string(),
            "`{topic}` has no record with {want}; it has {got}.",
        )
    }

    fn latest(&self, records: &[Read], key: &str, value: Option<&String>) -> Finding {
        let of_key = |r: &&Read| r.key.as_deref() == Some(key.as_bytes());
        let last = records.iter().rev().find(of_key);
        let got = last.and_then(|record| text(record.value.as_ref()));
        if got.as_ref() == value {
            return Finding::Holds(format!("{key} is {}", shown(value)));
        }
        let message = format!("the last value of `{key}` in `{{topic}}` is {{got}}, not {{want}}.");
        self.not_yet(last, shown(got.as_ref()), shown(value), &message)
    }

    fn in_order(&self, records: &[Read], by: Option<&String>) -> Finding {
        let mut seen: SortedMap<String, (u64, i32)> = SortedMap::new();
        for record in records {
            let Some(value) = &record.value else { continue };
            let Ok(event) = ReadEvent::read(value) else { continue };
            let entity = match by {
                Some(field) => field_of(value, field).unwrap_or_default(),
                None => event.entity,
            };
            let place = (event.n, record.partition.0);
            let Some((n, partition)) = seen.insert(entity.clone(), place) else { continue };
            if partition != place.1 {
                let got = format!("partitions {partition} and {}", place.1);
                let message =
                    format!("`{entity}` has records in {{got}}; one partition was expected.");
                return self.not_yet(Some(record), got, "one partition".to_owned(), &message);
            }
            if event.n < n {
                let got = format!("n={} after n={n}", event.n);
                let message = format!("`{entity}` has {{got}} in partition {partition}.");
                return self.not_yet(Some(record), got, "n ascending".to_owned(), &message);
            }
        }
        if seen.is_empty() {
            return self.not_yet(
                None,
                "none".to_owned(),
                "events".to_owned(),
                "`{topic}` holds no event yet.",
            );
        }
        Finding::Holds(format!("{} keys, each in one partition and in order", seen.len()))
    }

    fn one_place(&self, records: &[Read]) -> Finding {
        let mut seen: SortedMap<&[u8], &Read> = SortedMap::new();
        for record in records {
            let Some(key) = record.key.as_deref() else { continue };
            let first = *seen.entry(key).or_insert(record);
            if first.partition != record.partition {
                let got = format!("{} and {}", first.partition.0, record.partition.0);
                let message = "`{key}` has records in partitions {got} of `{topic}`.";
                return self.not_yet(Some(record), got, "one partition".to_owned(), message);
            }
        }
        match seen.is_empty() {
            true => self.not_yet(
                None,
                "none".to_owned(),
                "keys".to_owned(),
                "`{topic}` holds no record with a key yet.",
            ),
            false => Finding::Holds(format!("{} keys, each in one partition", seen.len())),
        }
    }

    fn spread(&self, records: &[Read], max_percent: u64) -> Finding {
        let mut counts: SortedMap<i32, u64> = SortedMap::new();
        for record in records {
            *counts.entry(record.partition.0).or_insert(0) += 1;
        }
        let Some((partition, most)) = counts.iter().max_by_key(|(_, count)| **count) else {
            return self.not_yet(
                None,
                "0".to_owned(),
                "records".to_owned(),
                "`{topic}` holds no record yet.",
            );
        };
        let percent = most * 100 / records.len().max(1) as u64;
        if percent <= max_percent {
            return Finding::Holds(format!("at most {percent} % in one partition"));
        }
        let first = records.iter().find(|r| r.partition.0 == *partition);
        let message = "partition {partition} of `{topic}` holds {got} of the records; at most {want} may be in one.";
        self.not_yet(first, format!("{percent} %"), format!("{max_percent} %"), message)
    }

    fn no_duplicate(&self, records: &[Read]) -> Finding {
        let mut seen: SortedMap<String, (i32, i64)> = SortedMap::new();
        let mut twice = Vec::new();
        for record in records {
            let Some(id) = record.event_id() else { continue };
            if let Some(first) = seen.insert(id, (record.partition.0, record.offset.0)) {
                twice.push((record, first));
            }
        }
        let Some((record, (partition, offset))) = twice.first() else {
            return match seen.is_empty() {
                true => self.not_yet(
                    None,
                    "0".to_owned(),
                    "events".to_owned(),
                    "`{topic}` holds no event yet.",
                ),
                false => Finding::Holds(format!("{} events, each once", seen.len())),
            };
        };
        let message = format!(
            "{{got}} events stand in `{{topic}}` twice, the first of them {{id}}: at {}-{partition} offset {offset}, \
             and again at partition {{partition}}, offset {{offset}}.",
            self.topic
        );
        self.not_yet(Some(record), twice.len().to_string(), "0".to_owned(), &message)
    }
}

impl Watch for Readable {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let isolation = match self.asked {
            Asked::NoDuplicate { isolation } => isolation,
            Asked::Match { .. }
            | Asked::Latest { .. }
            | Asked::InOrder { .. }
            | Asked::OnePlace
            | Asked::Spread { .. } => Isolation::default(),
        };
        let records = read::records_of(now.cluster, &self.topic, isolation);
        match &self.asked {
            Asked::Match { wanted, count } => self.matching(&records, wanted, *count),
            Asked::Latest { key, value } => self.latest(&records, key, value.as_ref()),
            Asked::InOrder { by } => self.in_order(&records, by.as_ref()),
            Asked::OnePlace => self.one_place(&records),
            Asked::Spread { max_percent } => self.spread(&records, *max_percent),
            Asked::NoDuplicate { .. } => self.no_duplicate(&records),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
