//! `each_record_processed_at_least_once`: every record that a reader can get was processed by the
//! group or app, or shown by the console.

use logbrook_sorted::SortedSet;

use logbrook_client::process::{AppEvent, Outcome, RecordRef};
use logbrook_record::{Offset, PartitionIndex};

use super::{Finding, Found, Moment, Stamp, Watch, apps_of_group, is_one_of};
use crate::level::Level;
use crate::read;
use crate::verdict::Values;

/// Tools that a learner leaves running count as this app.
const CONSOLE: &str = "console";

#[derive(Clone)]
pub(super) struct EachProcessed {
    /// `app/` prefixes of who counts; empty for the console.
    apps: Vec<String>,
    topic: String,
    done: SortedSet<(PartitionIndex, Offset)>,
}

impl EachProcessed {
    pub(super) fn new(level: &Level, group: Option<&str>, app: Option<&str>, topic: &str) -> Self {
        let apps = match (group, app) {
            (Some(group), _) => apps_of_group(level, group),
            (None, Some(CONSOLE)) => Vec::new(),
            (None, Some(app)) => vec![format!("{app}/")],
            (None, None) => Vec::new(),
        };
        Self { apps, topic: topic.to_owned(), done: SortedSet::new() }
    }

    fn count(&mut self, record: &RecordRef) {
        if record.topic == self.topic {
            self.done.insert((record.partition, record.offset));
        }
    }
}

impl Watch for EachProcessed {
    fn app(&mut self, _at: Stamp, who: &str, event: &AppEvent) {
        match event {
            AppEvent::Displayed { record } if self.apps.is_empty() => self.count(record),
            AppEvent::Processed { record, outcome: Outcome::Done | Outcome::Duplicate, .. }
                if is_one_of(who, &self.apps) =>
            {
                self.count(record);
            }
            _not_processing => {}
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        let records = read::records(now.cluster, &self.topic);
        if records.is_empty() {
            let values = Values::from([("id", "a record".to_owned())]);
            let message = format!("`{}` holds no record yet.", self.topic);
            return Finding::NotYet(Found { message, values, at: None });
        }
        let all = records.len();
        let missing: Vec<_> =
            records.iter().filter(|r| !self.done.contains(&(r.partition, r.offset))).collect();
        match missing.first() {
            None => Finding::Holds(format!("{all} of {all} records")),
            Some(first) => {
                let values = Values::from([
                    ("id", first.name(&self.topic)),
                    ("partition", first.partition.0.to_string()),
                    ("offset", first.offset.0.to_string()),
                    ("count", missing.len().to_string()),
                    ("got", (all - missing.len()).to_string()),
                    ("want", all.to_string()),
                ]);
                let message = "{id} was not processed; {got} of {want} were.".to_owned();
                Finding::NotYet(Found { message, values, at: None })
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
