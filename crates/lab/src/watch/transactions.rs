//! `transactions_atomic`: what was written together counts together, or not at all.
//!
//! Kafka's promise is about what comes of a transaction, not about one moment: its markers are written one
//! partition after the other, and a reader with `isolation.level=read_committed` is given each partition up to
//! the last stable offset, without what was aborted. A reader with the default, `read_uncommitted`, is given
//! everything. And a transaction that nobody ends holds back all that stands behind it.

use logbrook_broker::BrokerEventKind;
use logbrook_sorted::{SortedMap, SortedSet};

use super::processed::Workers;
use super::{Finding, Found, Moment, Stamp, Watch};
use crate::read;
use crate::transactions::{Transaction, transactions};
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct Atomic {
    pub(super) topics: Vec<String>,
    /// Whose work counts, where the check names a reader.
    pub(super) readers: Option<Workers>,
    /// Producer id to its `transactional.id`, and since when its transaction is open.
    pub(super) producers: SortedMap<i64, (String, Option<Stamp>)>,
}

/// A transaction with the partition that it is in.
struct Here<'a> {
    topic: &'a str,
    partition: i32,
    what: Transaction,
}

impl Atomic {
    fn name(&self, producer_id: i64) -> String {
        let known = self.producers.get(&producer_id).map(|(name, _)| name.clone());
        known.unwrap_or_else(|| format!("producer id {producer_id}"))
    }

    fn values(&self, here: &Here<'_>) -> Values {
        Values::from([
            ("topic", here.topic.to_owned()),
            ("partition", here.partition.to_string()),
            ("offset", here.what.first_offset().to_string()),
            ("producer", self.name(here.what.producer_id)),
        ])
    }

    fn all<'a>(&'a self, now: &Moment<'_>) -> Vec<Here<'a>> {
        let mut all = Vec::new();
        for topic in &self.topics {
            for partition in 0..read::describe(now.cluster, topic).map_or(0, |d| d.partitions) {
                let Some(log) = read::leader_log(now.cluster, topic, partition) else { continue };
                let here = transactions(log).into_iter();
                all.extend(here.map(|what| Here { topic, partition, what }));
            }
        }
        all
    }

    /// A transaction that committed in one place and was aborted in another. An administrator can do that
    /// (`kafka-transactions.sh abort` writes a marker by itself). Only where an epoch had a single transaction in
    /// each partition is it known which of them belong together.
    fn torn<'a>(&self, all: &'a [Here<'a>]) -> Option<(&'a Here<'a>, &'a Here<'a>)> {
        let mut by_epoch: SortedMap<(i64, i16), Vec<&Here<'_>>> = SortedMap::new();
        for here in all {
            let key = (here.what.producer_id, here.what.producer_epoch);
            by_epoch.entry(key).or_default().push(here);
        }
        by_epoch.values().find_map(|parts| {
            let places: SortedSet<_> = parts.iter().map(|h| (h.topic, h.partition)).collect();
            let find = |word| parts.iter().copied().find(|h| h.what.committed == Some(word));
            (places.len() == parts.len()).then(|| find(true).zip(find(false))).flatten()
        })
    }

    /// The first work that one of the readers did on a record that was aborted, and on how many in all.
    fn taken(&self, now: &Moment<'_>, all: &[Here<'_>]) -> Option<Found> {
        let readers = self.readers.as_ref()?;
        let aborted = |topic: &str, partition: i32, offset: i64| {
            all.iter().find(|here| {
                let covers = |(first, last): &(i64, i64)| (*first..=*last).contains(&offset);
                here.what.committed == Some(false)
                    && here.topic == topic
                    && here.partition == partition
                    && here.what.batches.iter().any(covers)
            })
        };
        let mut records = SortedSet::new();
        let mut first = None;
        for done in now.facts.tries.iter().filter(|done| readers.count(done)) {
            let (topic, at) = (&done.record.topic, (done.record.partition.0, done.record.offset.0));
            let Some(here) = aborted(topic, at.0, at.1).filter(|_| done.took_effect()) else {
                continue;
            };
            records.insert(&done.record);
            first.get_or_insert((done, here));
        }
        let (done, here) = first?;
        let mut values = self.values(here);
        let place = format!("{}-{} offset {}", here.topic, here.partition, done.record.offset.0);
        values.insert("offset", done.record.offset.0.to_string());
        values.insert("id", done.id.clone().unwrap_or_else(|| format!("the record at {place}")));
        values.insert("who", done.who.clone());
        values.insert("got", records.len().to_string());
        values.insert("want", "0".to_owned());
        let message = "{who} took {id} ({topic}-{partition}, offset {offset}) for good, and its transaction was \
                       aborted; {got} records were taken so.";
        Some(Found { message: message.to_owned(), values, at: Some(done.at) })
    }
}

impl Watch for Atomic {
    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        let BrokerEventKind::TransactionState { transactional_id, to, producer_id, .. } = event
        else {
            return;
        };
        let since = (to == "Ongoing").then_some(at);
        self.producers.insert(*producer_id, (transactional_id.clone(), since));
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let all = self.all(now);
        if all.is_empty() {
            let message = "No transaction has written to {topics} yet.".to_owned();
            let topics: Vec<_> = self.topics.iter().map(|topic| format!("`{topic}`")).collect();
            let values = Values::from([("topics", topics.join(", "))]);
            return Finding::NotYet(Found { message, values, at: None });
        }
        if let Some(found) = self.taken(now, &all) {
            return Finding::Broken(found);
        }
        if let Some((here, other)) = self.torn(&all) {
            let mut values = self.values(here);
            values.insert("other", format!("{}-{}", other.topic, other.partition));
            let message = "A transaction of `{producer}` was committed in {topic}-{partition} and aborted in \
                           {other}.";
            return Finding::Broken(Found { message: message.to_owned(), values, at: None });
        }
        if let Some(here) = all.iter().find(|here| here.what.committed.is_none()) {
            let since = self.producers.get(&here.what.producer_id).and_then(|(_, since)| *since);
            let message = "A transaction of `{producer}` is open since {time}: who reads {topic}-{partition} \
                           with read_committed gets nothing from offset {offset} on.";
            let values = self.values(here);
            return Finding::NotYet(Found { message: message.to_owned(), values, at: since });
        }
        let of = |word| all.iter().filter(|here| here.what.committed == Some(word)).count();
        Finding::Holds(format!("{} committed and {} aborted parts", of(true), of(false)))
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
