//! `processed_in_order_per_key`: each entity's events complete for the first time with `n`
//! ascending. Repeats are ignored: at-least-once delivery may repeat, it may not reorder.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_client::process::{AppEvent, Outcome, RecordRef};

use super::{Finding, Found, Moment, Stamp, Watch, apps_of_group, is_one_of};
use crate::level::Level;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct InOrder {
    apps: Vec<String>,
    entities: SortedMap<String, Seen>,
    processed: u64,
    broken: Option<Found>,
}

/// What is known of one entity.
#[derive(Clone)]
struct Seen {
    done: SortedSet<u64>,
    /// The greatest `n` that completed, and where its record stood.
    last: u64,
    last_at: RecordRef,
}

impl InOrder {
    pub(super) fn new(level: &Level, group: &str) -> Self {
        Self {
            apps: apps_of_group(level, group),
            entities: SortedMap::new(),
            processed: 0,
            broken: None,
        }
    }
}

impl Watch for InOrder {
    fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        let AppEvent::Processed { record, entity: Some(entity), n: Some(n), outcome, .. } = event
        else {
            return;
        };
        let completes = match outcome {
            Outcome::Done | Outcome::Duplicate => true,
            Outcome::Skipped | Outcome::SetAside | Outcome::Failed => false,
        };
        if !completes || !is_one_of(who, &self.apps) {
            return;
        }
        self.processed += 1;
        let Some(seen) = self.entities.get_mut(entity) else {
            let seen = Seen { done: SortedSet::from([*n]), last: *n, last_at: record.clone() };
            self.entities.insert(entity.clone(), seen);
            return;
        };
        if !seen.done.insert(*n) {
            return;
        }
        if *n > seen.last {
            seen.last = *n;
            seen.last_at = record.clone();
        } else if self.broken.is_none() {
            let (after, other) = (seen.last, seen.last_at.partition.0);
            let partition = record.partition.0;
            let values = Values::from([
                ("key", entity.clone()),
                ("n", n.to_string()),
                ("after", after.to_string()),
                ("partition", partition.to_string()),
                ("other_partition", other.to_string()),
                ("partitions", format!("partitions {partition} and {other}")),
            ]);
            let message = "{key}: n={n} was applied after n={after}.".to_owned();
            self.broken = Some(Found { message, values, at: Some(at) });
        }
    }

    fn find(&self, _now: &Moment<'_>) -> Finding {
        match (&self.broken, self.processed) {
            (Some(found), _) => Finding::Broken(found.clone()),
            (None, 0) => Finding::NotYet(Found {
                message: "Nothing has been applied yet.".to_owned(),
                ..Found::default()
            }),
            (None, n) => {
                let keys = self.entities.len();
                Finding::Holds(format!("{n} applied, {keys} keys, none out of order"))
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
