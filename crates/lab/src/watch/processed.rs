//! `each_record_processed_at_least_once`, `…_exactly_once`, `…_at_most_once` and `reprocessed_at_most`:
//! what became of the records that a reader can get.
//!
//! Kafka promises none of these by itself. A group's position is a committed offset: commit after the
//! work and a crash repeats records, commit before it and a crash leaves some out. Exactly once is at
//! least once whose repeats take no effect, or work and offset in one transaction.

use logbrook_sorted::SortedMap;

use logbrook_app::{Defect, ReadEvent};
use logbrook_client::process::Outcome;

use super::{Finding, Found, Moment, Watch, apps_of_group, is_one_of};
use crate::facts::Try;
use crate::level::Level;
use crate::read;
use crate::selection::{Part, Selection, Time};
use crate::verdict::Values;

/// Tools that a learner leaves running count as this app.
const CONSOLE: &str = "console";

/// How often each record has to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    AtLeast,
    Exactly,
    AtMost,
}

/// Whose work counts.
#[derive(Clone)]
pub(super) struct Workers {
    /// `app/` prefixes; empty for the console.
    apps: Vec<String>,
}

impl Workers {
    pub(super) fn new(level: &Level, group: Option<&str>, app: Option<&str>) -> Self {
        let apps = match (group, app) {
            (Some(group), _) => apps_of_group(level, group),
            (None, Some(app)) if app != CONSOLE => vec![format!("{app}/")],
            (None, Some(_) | None) => Vec::new(),
        };
        Self { apps }
    }

    pub(super) fn count(&self, done: &Try) -> bool {
        match done.outcome {
            None => self.apps.is_empty(),
            Some(_) => is_one_of(&done.who, &self.apps),
        }
    }
}

/// A record that an assertion is about.
pub(super) struct Item {
    /// The event's id, where it is one.
    pub(super) id: Option<String>,
    /// What a learner would call it.
    pub(super) name: String,
    pub(super) place: (i32, i64),
    pub(super) read: read::Read,
}

/// The readable records of a topic that a selection means.
pub(super) fn items(now: &Moment<'_>, topic: &str, of: &Selection) -> Vec<Item> {
    let mut out = Vec::new();
    for record in read::records(now.cluster, topic) {
        let place = (record.partition.0, record.offset.0);
        let event = record.value.as_deref().and_then(|value| ReadEvent::read(value).ok());
        let known = now.facts.id_at(topic, place.0, place.1).map(str::to_owned);
        let id = known.or_else(|| event.as_ref().map(|event| event.id.clone()));
        let bad =
            event.is_none_or(|event| matches!(event.defect, Some(Defect::Invalid | Defect::Fatal)));
        if is_selected(now, of, id.as_deref(), bad) {
            let name = id.clone().unwrap_or_else(|| record.name(topic));
            out.push(Item { id, name, place, read: record });
        }
    }
    out
}

fn is_selected(now: &Moment<'_>, of: &Selection, id: Option<&str>, bad: bool) -> bool {
    match of {
        Selection::All => true,
        Selection::Ids(ids) => id.is_some_and(|id| ids.iter().any(|i| i == id)),
        Selection::Of { app, part, time } => {
            let Some(sent) = id.and_then(|id| now.facts.sent.get(id)) else { return false };
            let of_part = match part {
                Part::All => true,
                Part::Poison => bad,
                Part::Good => !bad,
            };
            let after = sent.sent.time_us >= now.facts.start_us;
            let in_time = match time {
                Time::Any => true,
                Time::AfterStart => after,
                Time::BeforeStart => !after,
            };
            sent.app == *app && of_part && in_time
        }
    }
}

#[derive(Clone)]
pub(super) struct EachProcessed {
    pub(super) workers: Workers,
    pub(super) topic: String,
    pub(super) of: Selection,
    pub(super) times: Times,
}

/// What is known of the work on one record.
#[derive(Default)]
struct Work<'a> {
    effects: u32,
    done: bool,
    second: Option<&'a Try>,
    last: Option<&'a Try>,
}

impl EachProcessed {
    fn reason(&self, work: &Work<'_>) -> String {
        let reason = match work.last.map(|last| last.outcome) {
            Some(Some(Outcome::Failed)) => "Its last try failed.",
            Some(Some(Outcome::Skipped)) => "It was skipped.",
            Some(Some(Outcome::SetAside)) => "It was put aside.",
            Some(Some(Outcome::Done | Outcome::Duplicate) | None) | None => {
                "Nobody has finished a try of it."
            }
        };
        reason.to_owned()
    }
}

impl Watch for EachProcessed {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let items = items(now, &self.topic, &self.of);
        if items.is_empty() {
            let values = Values::from([("id", "a record".to_owned())]);
            let message = format!("`{}` holds no record yet.", self.topic);
            return Finding::NotYet(Found { message, values, at: None });
        }
        let mut by_place: SortedMap<(i32, i64), usize> = SortedMap::new();
        let mut by_id: SortedMap<&str, usize> = SortedMap::new();
        for (i, item) in items.iter().enumerate() {
            by_place.insert(item.place, i);
            if let Some(id) = &item.id {
                by_id.insert(id, i);
            }
        }
        let mut works: Vec<Work<'_>> = items.iter().map(|_| Work::default()).collect();
        for done in now.facts.tries.iter().filter(|t| self.workers.count(t)) {
            // A record that came back by way of a retry topic is the same event at another place.
            let here = (done.record.topic == self.topic)
                .then(|| by_place.get(&(done.record.partition.0, done.record.offset.0)))
                .flatten();
            let Some(i) = here.or_else(|| by_id.get(done.id.as_deref()?)) else { continue };
            let Some(work) = works.get_mut(*i) else { continue };
            work.last = Some(done);
            work.done |= done.took_effect();
            if matches!(done.outcome, None | Some(Outcome::Done)) {
                work.effects += 1;
                if work.effects == 2 {
                    work.second = Some(done);
                }
            }
        }
        let all = items.len();
        let both = || items.iter().zip(&works);
        let missing = || both().filter(|(_, work)| !work.done);
        let twice = || both().filter(|(_, work)| work.effects > 1);
        let values = |item: &Item, work: &Work<'_>, count: usize| {
            Values::from([
                ("id", item.name.clone()),
                ("topic", self.topic.clone()),
                ("partition", item.place.0.to_string()),
                ("offset", item.place.1.to_string()),
                ("count", count.to_string()),
                ("got", (all - count).to_string()),
                ("want", all.to_string()),
                ("times", work.effects.to_string()),
                ("reason", self.reason(work)),
            ])
        };
        if self.times != Times::AtLeast
            && let Some((item, work)) = twice().next()
        {
            let values = values(item, work, twice().count());
            let message =
                "{id} took effect {times} times; so did {count} of {want} records.".to_owned();
            return Finding::Broken(Found { message, values, at: work.second.map(|t| t.at) });
        }
        match missing().next() {
            Some((item, work)) if self.times != Times::AtMost => {
                let values = values(item, work, missing().count());
                let message = "{id} was not processed; {got} of {want} were. {reason}".to_owned();
                Finding::NotYet(Found { message, values, at: work.last.map(|t| t.at) })
            }
            Some(_) | None => {
                Finding::Holds(format!("{} of {all} records", all - missing().count()))
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}

/// How often a group's members did again what had been done.
#[derive(Clone)]
pub(super) struct Reprocessed {
    pub(super) workers: Workers,
    pub(super) max: u64,
}

impl Watch for Reprocessed {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let mut seen = logbrook_sorted::SortedSet::new();
        let mut got = 0;
        let mut first: Option<&Try> = None;
        for done in now.facts.tries.iter().filter(|t| self.workers.count(t)) {
            if done.took_effect() && !seen.insert(&done.record) {
                got += 1;
                first.get_or_insert(done);
            }
        }
        if got <= self.max {
            return Finding::Holds(format!("{got} done again"));
        }
        let record =
            first.map(|t| (t.record.partition.0.to_string(), t.record.offset.0.to_string()));
        let (partition, offset) = record.unwrap_or_default();
        let values = Values::from([
            ("got", got.to_string()),
            ("want", self.max.to_string()),
            ("partition", partition),
            ("offset", offset),
            ("id", first.and_then(|t| t.id.clone()).unwrap_or_default()),
        ]);
        let message = "{got} records were processed again; at most {want} may.".to_owned();
        Finding::Broken(Found { message, values, at: first.map(|t| t.at) })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
