//! Fetches that found too little and wait: `DelayedFetch` and its purgatory.
//!
//! A fetch waits until `min_bytes` can be read, until something about its partitions is wrong, or
//! until `max_wait_ms` is over. It is looked at again when one of its partitions is touched.

use logbrook_sorted::{SortedMap, SortedSet};

use crate::ConnectionId;
use crate::api::ResponseTo;
use crate::api::fetch::Fetch;

/// A parked fetch.
#[derive(Clone, Debug)]
pub(crate) struct DelayedFetch {
    pub(crate) to: ResponseTo,
    pub(crate) fetch: Fetch,
    pub(crate) parked_at: i64,
    pub(crate) deadline_ms: i64,
}

/// Fetches in the order in which they came, and which of them to look at again.
#[derive(Clone, Debug, Default)]
pub(crate) struct DelayedFetches {
    next_id: u64,
    waiting: SortedMap<u64, DelayedFetch>,
    watchers: SortedMap<String, SortedMap<i32, SortedSet<u64>>>,
    deadlines: SortedSet<(i64, u64)>,
    touched: SortedSet<u64>,
}

impl DelayedFetches {
    pub(crate) fn park(&mut self, fetch: DelayedFetch) {
        let id = self.next_id;
        self.next_id += 1;
        for (topic, index) in fetch.fetch.partitions() {
            let watchers = self.watchers.entry(topic.to_owned()).or_default();
            watchers.entry(index).or_default().insert(id);
        }
        self.deadlines.insert((fetch.deadline_ms, id));
        self.waiting.insert(id, fetch);
    }

    /// More can be read from this partition.
    pub(crate) fn touch(&mut self, topic: &str, index: i32) {
        if let Some(ids) = self.watchers.get(topic).and_then(|by_index| by_index.get(&index)) {
            self.touched.extend(ids);
        }
    }

    /// Anything may have changed.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.waiting.keys());
    }

    /// A fetch to look at again: touched, or past its deadline. Leaves it where it is.
    pub(crate) fn next_due(&mut self, now: i64) -> Option<u64> {
        if let Some(id) = self.touched.pop_first() {
            return Some(id);
        }
        let (deadline, id) = self.deadlines.first()?;
        (*deadline <= now).then_some(*id)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn get(&self, id: u64) -> Option<&DelayedFetch> {
        self.waiting.get(&id)
    }

    pub(crate) fn take(&mut self, id: u64) -> Option<DelayedFetch> {
        let fetch = self.waiting.remove(&id)?;
        self.deadlines.remove(&(fetch.deadline_ms, id));
        self.touched.remove(&id);
        for (topic, index) in fetch.fetch.partitions() {
            let Some(by_index) = self.watchers.get_mut(topic) else { continue };
            if let Some(ids) = by_index.get_mut(&index) {
                ids.remove(&id);
                if ids.is_empty() {
                    by_index.remove(&index);
                }
            }
            if by_index.is_empty() {
                self.watchers.remove(topic);
            }
        }
        Some(fetch)
    }

    /// Forgets what a connection waits for.
    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        let gone: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, fetch)| fetch.to.connection == connection)
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.take(id);
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }
}
