//! `rebalance_pauses_at_most`: what rebalances cost, in time that partitions were read by nobody.
//!
//! What is measured is said in [`crate::pauses`]: all partitions of the group, added up.

use logbrook_client::process::AppEvent;
use logbrook_sorted::SortedMap;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::pauses::{Ownership, Place};
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct RebalancePauses {
    group: String,
    /// In ms.
    max_ms: u64,
    ownership: Ownership,
}

impl RebalancePauses {
    pub(super) fn new(group: &str, max_ms: u64) -> Self {
        Self { group: group.to_owned(), max_ms, ownership: Ownership::of(group) }
    }
}

impl Watch for RebalancePauses {
    fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        self.ownership.app(at.time_us, who, event);
    }

    fn ended(&mut self, _at: Stamp, who: &str) {
        self.ownership.ended(who);
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let (start_us, now_us) = (now.facts.start_us, now.cluster.now_us());
        let mut by_place: SortedMap<&Place, i64> = SortedMap::new();
        let (mut times, mut all_us) = (0, 0);
        for pause in self.ownership.pauses() {
            let us = pause.within_us(start_us, now_us);
            if us > 0 {
                *by_place.entry(&pause.place).or_default() += us;
                all_us += us;
                times += 1;
            }
        }
        let got_ms = all_us / 1_000;
        if u64::try_from(got_ms).is_ok_and(|got| got <= self.max_ms) {
            return Finding::Holds(format!("{got_ms} ms in all"));
        }
        let longest = by_place.iter().max_by_key(|(_, us)| **us);
        let ((topic, partition), us) =
            longest.map(|(place, us)| ((*place).clone(), *us)).unwrap_or_default();
        let values = Values::from([
            ("group", self.group.clone()),
            ("got", got_ms.to_string()),
            ("want", self.max_ms.to_string()),
            ("count", times.to_string()),
            ("topic", topic),
            ("partition", partition.to_string()),
            ("longest", (us / 1_000).to_string()),
        ]);
        let message = "Rebalances of `{group}` took partitions away {count} times, for {got} ms all together; \
                       {want} were allowed. {topic}-{partition} alone was nobody's for {longest} ms.";
        Finding::Broken(Found { message: message.to_owned(), values, at: None })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
