//! `cluster_healthy` with `restarted = "each"`: every broker's process has been started again, and all is well.
//!
//! A broker that runs is not ready by that: it is back in every ISR only when it has caught up.

use logbrook_sorted::SortedMap;

use super::state::State;
use super::{Finding, Found, Moment, Stamp, Watch};
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct Restarted {
    health: State,
    /// When each broker was started last.
    started: SortedMap<i32, Stamp>,
}

impl Restarted {
    pub(super) fn new(health: State) -> Self {
        Self { health, started: SortedMap::new() }
    }
}

impl Watch for Restarted {
    fn node_started(&mut self, at: Stamp, node: i32) {
        self.started.insert(node, at);
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let start_us = now.facts.start_us;
        let since = |node: &i32| self.started.get(node).is_some_and(|at| at.time_us >= start_us);
        let left: Vec<i32> = now.cluster.broker_ids().filter(|node| !since(node)).collect();
        if left.is_empty() {
            return self.health.find(now);
        }
        let left: Vec<String> = left.iter().map(i32::to_string).collect();
        let values =
            Values::from([("got", left.join(", ")), ("want", "each broker restarted".to_owned())]);
        let message = "Not restarted yet: {got}.".to_owned();
        Finding::NotYet(Found { message, values, at: None })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
