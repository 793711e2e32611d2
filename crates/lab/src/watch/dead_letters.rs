//! `dlq_contains`: a dead letter topic holds these events, and with `exactly` no others.
//!
//! A dead letter topic is a topic like any other: an application writes to it what it cannot process,
//! and the headers that it adds are all that tells where the record came from.

use logbrook_sorted::{SortedMap, SortedSet};

use super::processed::items;
use super::{Finding, Found, Moment, Watch};
use crate::read;
use crate::selection::Selection;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct DeadLetters {
    pub(super) topic: String,
    pub(super) of: Selection,
    /// Nothing else may be in it.
    pub(super) exactly: bool,
    pub(super) headers: Vec<String>,
    pub(super) repeats: bool,
}

impl Watch for DeadLetters {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let sources: SortedSet<String> = match &self.of {
            Selection::Of { app, .. } => {
                let sent = now.facts.sent.values().filter(|event| event.app == *app);
                sent.map(|event| event.topic.clone()).collect()
            }
            Selection::All | Selection::Ids(_) => {
                read::topics(now.cluster).into_iter().filter(|t| *t != self.topic).collect()
            }
        };
        let mut wanted: SortedMap<bytes::Bytes, (String, (i32, i64))> = SortedMap::new();
        let mut names: SortedMap<bytes::Bytes, String> = SortedMap::new();
        for topic in &sources {
            // Bytes that do not parse are known by themselves: a dead letter has the value unchanged.
            for item in items(now, topic, &Selection::All) {
                names.insert(item.read.value.unwrap_or_default(), item.name);
            }
            for item in items(now, topic, &self.of) {
                wanted.insert(item.read.value.unwrap_or_default(), (item.name, item.place));
            }
        }
        let mut found: SortedMap<bytes::Bytes, u32> = SortedMap::new();
        let mut extra = Vec::new();
        let mut bare = None;
        let letters = read::records(now.cluster, &self.topic);
        for letter in &letters {
            let value = letter.value.clone().unwrap_or_default();
            *found.entry(value.clone()).or_insert(0) += 1;
            let Some((name, place)) = wanted.get(&value) else {
                extra.push(names.get(&value).cloned().unwrap_or_else(|| letter.name(&self.topic)));
                continue;
            };
            let lacks = |header: &&String| !letter.headers.iter().any(|(key, _)| key == *header);
            if let Some(header) = self.headers.iter().find(lacks) {
                bare.get_or_insert((name, place, header));
            }
        }
        let missing: Vec<_> =
            wanted.iter().filter(|(value, _)| !found.contains_key(*value)).collect();
        let twice = found.iter().find(|(value, n)| **n > 1 && wanted.contains_key(*value));
        let mut difference = Vec::new();
        if let Some((_, (name, _))) = missing.first() {
            difference.push(format!("{} are missing, the first of them {name}.", missing.len()));
        }
        if let Some(name) = extra.first().filter(|_| self.exactly) {
            difference.push(format!("{} do not belong there, such as {name}.", extra.len()));
        }
        if let Some((value, n)) = twice.filter(|_| !self.repeats)
            && let Some((name, _)) = wanted.get(value)
        {
            difference.push(format!("{name} is in it {n} times."));
        }
        let first = missing.first().map(|(_, (name, place))| (name, place));
        let first = first.or(bare.map(|(name, place, _)| (name, place)));
        let mut values = Values::from([
            ("topic", self.topic.clone()),
            ("want", wanted.len().to_string()),
            ("got", letters.len().to_string()),
            ("difference", difference.join(" ")),
            ("count", missing.len().to_string()),
            ("id", first.map(|(name, _)| name.clone()).unwrap_or_default()),
            ("partition", first.map(|(_, place)| place.0.to_string()).unwrap_or_default()),
            ("offset", first.map(|(_, place)| place.1.to_string()).unwrap_or_default()),
        ]);
        if let Some((_, _, header)) = bare.filter(|_| difference.is_empty()) {
            values.insert("header", header.clone());
            values.insert("count", names.len().to_string());
            let message = "The dead letter for {id} lacks the header {header}.".to_owned();
            return Finding::NotYet(Found { message, values, at: None });
        }
        if !difference.is_empty() || wanted.is_empty() {
            let message = "`{topic}` has {got} records; {want} were expected. {difference}";
            return Finding::NotYet(Found { message: message.to_owned(), values, at: None });
        }
        Finding::Holds(format!("{} of {} dead letters", wanted.len(), letters.len()))
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
