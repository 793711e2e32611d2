//! Invariants of producers and consumers: what was promised to them, and what they saw.

use logbrook_app::{AppSpec, Role, Transaction};
use logbrook_client::process::AppEvent;
use logbrook_cluster::Cluster;
use logbrook_sorted::{SortedMap, SortedSet};

use super::replication::{Key, Replication};
use super::written::{Fate, Logs, fate_now};
use super::{Invariant, Loss};
use crate::coverage::Coverage;

/// What clients were told, and what they read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    /// By application and id: where it was acknowledged.
    acked: SortedMap<(String, String), (Key, i64)>,
    /// By application and id: how often it was handed to a producer. An application that was killed goes on
    /// from where it last noted how far it was.
    sent: SortedMap<(String, String), u32>,
    /// By application: what was delivered where.
    delivered: SortedMap<String, SortedMap<(Key, i64), Option<String>>>,
}

/// What a writer's settings promise.
struct Promise {
    replicated: bool,
    idempotent: bool,
}

impl Promise {
    fn of(spec: &AppSpec) -> Promise {
        let setting = |name: &str| spec.config.get(name).map(String::as_str);
        Promise {
            replicated: !matches!(setting("acks"), Some("0" | "1")),
            idempotent: setting("enable.idempotence") != Some("false"),
        }
    }
}

fn reads_committed(spec: &AppSpec) -> bool {
    spec.config.get("isolation.level").is_some_and(|level| level == "read_committed")
}

fn reads(spec: &AppSpec) -> bool {
    matches!(spec.role, Role::Consumer | Role::Processor)
}

/// Reads and writes in transactions: each output stands once for its input.
fn is_exactly_once(spec: &AppSpec) -> bool {
    spec.role == Role::Processor && spec.code.transaction != Transaction::Off
}

type Found = Result<(), (Invariant, String)>;

/// What the clients are compared with at rest.
pub(crate) struct AtRest<'a> {
    pub(crate) apps: &'a [AppSpec],
    pub(crate) logs: &'a Logs,
    pub(crate) replication: &'a Replication,
}

impl Clients {
    /// Looks at an event of an application.
    pub(crate) fn observe(
        &mut self,
        cluster: &Cluster,
        spec: &AppSpec,
        event: &AppEvent,
        replication: &Replication,
        coverage: &mut Coverage,
    ) -> Found {
        let app = &spec.name;
        match event {
            AppEvent::Sent { id, .. } => {
                *self.sent.entry((app.clone(), id.clone())).or_default() += 1;
            }
            AppEvent::Acked { id, topic, partition, offset } => {
                let place = ((topic.clone(), partition.0), offset.0);
                self.acked.insert((app.clone(), id.clone()), place);
            }
            AppEvent::Delivered { record, id, .. } => {
                let key = (record.topic.clone(), record.partition.0);
                coverage.risked(Invariant::NoPhantomRead);
                let end = replication.committed_end(&key);
                if record.offset.0 >= end && !replication.unclean.contains(&key) {
                    let what = format!(
                        "{app} read {}-{} at {}, and only what is below {end} is committed",
                        key.0, key.1, record.offset.0
                    );
                    return Err((Invariant::NoPhantomRead, what));
                }
                if reads_committed(spec) && !replication.unclean.contains(&key) {
                    check_is_committed(cluster, app, &key, record.offset, coverage)?;
                }
                let read = self.delivered.entry(app.to_owned()).or_default();
                read.insert((key, record.offset.0), id.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares with the logs, once everything is at rest.
    pub(crate) fn check_at_rest(
        &self,
        at_rest: &AtRest<'_>,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        self.check_acked(at_rest, coverage, losses)?;
        for (key, events) in &at_rest.logs.events {
            self.check_events(key, events, at_rest, coverage, losses)?;
        }
        for (app, read) in &self.delivered {
            for ((key, offset), id) in read {
                let there = at_rest.logs.at(key, *offset).map(|written| &written.id);
                if !at_rest.replication.unclean.contains(key) && there != id.as_ref() {
                    let what = format!(
                        "{app} read {id:?} at {}-{} {offset}, which is not there",
                        key.0, key.1
                    );
                    return Err((Invariant::NoPhantomRead, what));
                }
            }
        }
        at_rest.logs.check_transactions(at_rest.replication, coverage)?;
        for spec in at_rest.apps.iter().filter(|spec| is_exactly_once(spec)) {
            check_processor(spec, at_rest, coverage)?;
        }
        self.check_read(at_rest, coverage, losses)
    }

    /// What was acknowledged is there.
    fn check_acked(
        &self,
        at_rest: &AtRest<'_>,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        for ((app, id), (key, offset)) in &self.acked {
            let spec = at_rest.apps.iter().find(|spec| spec.name == *app);
            let Some(promise) = spec.map(Promise::of) else { continue };
            let there = at_rest.logs.at(key, *offset).filter(|written| written.id == *id);
            if there.is_some_and(|written| written.counts()) {
                coverage.risked(Invariant::NoLostWrite);
                continue;
            }
            let because = if at_rest.replication.unclean.contains(key) {
                "an unclean election took a replica that lacked it"
            } else if !promise.replicated {
                "acks=1: only the leader had it when it was acknowledged"
            } else {
                let how = match there.map(|written| written.fate) {
                    Some(fate) => format!("its transaction is {fate:?}"),
                    None => "it is not there".to_owned(),
                };
                let what = format!(
                    "{}-{}: `{id}`, acknowledged to {app} at {offset}: {how}",
                    key.0, key.1
                );
                return Err((Invariant::NoLostWrite, what));
            };
            let what = format!("{}-{}: `{id}` of {app} at {offset} is lost", key.0, key.1);
            losses.push(Loss { what, because });
        }
        Ok(())
    }

    /// Of one partition: nothing twice, and each sender's records in order.
    fn check_events(
        &self,
        key: &Key,
        events: &SortedMap<i64, super::written::Written>,
        at_rest: &AtRest<'_>,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        let writes = |spec: &&AppSpec| {
            spec.role == Role::Producer && spec.topic.as_deref() == Some(key.0.as_str())
        };
        let writers: Vec<&AppSpec> = at_rest.apps.iter().filter(writes).collect();
        let mut seen = SortedSet::new();
        let mut last: SortedMap<&str, u64> = SortedMap::new();
        for (offset, written) in events.iter().filter(|(_, written)| written.counts()) {
            let id = &written.id;
            let Some((app, number)) = id.rsplit_once('-') else { continue };
            let Some(spec) = writers.iter().find(|spec| spec.name == app) else { continue };
            let promise = Promise::of(spec);
            let number: u64 = number.parse().unwrap_or_default();
            let (twice, back) =
                (!seen.insert(id), last.get(app).is_some_and(|last| *last > number));
            last.insert(app, number);
            if promise.idempotent {
                coverage.risked(Invariant::NoDuplicate);
                coverage.risked(Invariant::SendOrder);
            }
            if !twice && !back {
                continue;
            }
            let (invariant, how) = match twice {
                true => (Invariant::NoDuplicate, "is there twice"),
                false => (Invariant::SendOrder, "comes after a later one"),
            };
            let what = format!("{}-{}: `{id}` at {offset} {how}", key.0, key.1);
            let sent = self.sent.get(&(app.to_owned(), id.clone())).copied().unwrap_or_default();
            let because = if sent > 1 {
                "the application was killed before it noted how far it was, and sent it again"
            } else if at_rest.replication.unclean.contains(key) {
                "an unclean election took the producer's last sequence numbers"
            } else if !promise.idempotent {
                "a send without idempotence was tried again"
            } else {
                return Err((invariant, what));
            };
            losses.push(Loss { what, because });
        }
        Ok(())
    }

    /// Every group has read everything that is there for it.
    fn check_read(
        &self,
        at_rest: &AtRest<'_>,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        let none = SortedMap::new();
        for spec in at_rest.apps.iter().filter(|spec| reads(spec)) {
            let read = self.delivered.get(&spec.name).unwrap_or(&none);
            let topics = at_rest.logs.events.iter();
            for (key, events) in topics.filter(|(key, _)| spec.topics.contains(&key.0)) {
                for (offset, written) in events {
                    if reads_committed(spec) && !written.counts() {
                        continue;
                    }
                    coverage.risked(Invariant::EverythingRead);
                    if read.contains_key(&(key.clone(), *offset)) {
                        continue;
                    }
                    let what = format!(
                        "{} never read `{}` at {}-{} {offset}",
                        spec.name, written.id, key.0, key.1
                    );
                    if !at_rest.replication.unclean.contains(key) {
                        return Err((Invariant::EverythingRead, what));
                    }
                    // The offsets begin again below where the reader is.
                    let because =
                        "an unclean election took the log back to before a reader's place";
                    losses.push(Loss { what, because });
                }
            }
        }
        Ok(())
    }
}

fn check_is_committed(
    cluster: &Cluster,
    app: &str,
    key: &Key,
    offset: logbrook_record::Offset,
    coverage: &mut Coverage,
) -> Found {
    let how = match fate_now(cluster, key, offset) {
        Some(Fate::Plain) | None => return Ok(()),
        Some(Fate::Committed) => {
            coverage.risked(Invariant::CommittedReadsOnly);
            return Ok(());
        }
        Some(Fate::Aborted) => "is aborted",
        Some(Fate::Open) => "is open",
    };
    let what = format!("{app} read {}-{} at {}, whose transaction {how}", key.0, key.1, offset.0);
    Err((Invariant::CommittedReadsOnly, what))
}

/// What counts of a processor's output is as often there as its input.
fn check_processor(spec: &AppSpec, at_rest: &AtRest<'_>, coverage: &mut Coverage) -> Found {
    let output = spec.output.clone().into_iter().collect::<Vec<String>>();
    let involved = |key: &Key| output.contains(&key.0) || spec.topics.contains(&key.0);
    if at_rest.replication.unclean.iter().any(|key| involved(key) || key.0.starts_with("__")) {
        return Ok(());
    }
    let count = |topics: &[String]| {
        let mut counts: SortedMap<&str, u32> = SortedMap::new();
        let of = at_rest.logs.events.iter().filter(|(key, _)| topics.contains(&key.0));
        for written in of.flat_map(|(_, events)| events.values()).filter(|w| w.counts()) {
            *counts.entry(&written.id).or_default() += 1;
        }
        counts
    };
    let (read, wrote) = (count(&spec.topics), count(&output));
    for (id, times) in &read {
        coverage.risked(Invariant::WholeTransactions);
        let written = wrote.get(id).copied().unwrap_or_default();
        if written != *times {
            let name = &spec.name;
            let what =
                format!("{name}: `{id}` is {times} times in its input, {written} in its output");
            return Err((Invariant::WholeTransactions, what));
        }
    }
    Ok(())
}
