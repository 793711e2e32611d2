//! Invariants of producers and consumers: what was promised to them, and what they saw.

use logbrook_app::{AppSpec, Role};
use logbrook_broker::Partition;
use logbrook_client::process::AppEvent;
use logbrook_cluster::Cluster;
use logbrook_sorted::{SortedMap, SortedSet};

use super::replication::{Key, Replication};
use super::{Invariant, Loss};
use crate::coverage::Coverage;

/// What clients were told, and what they read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    /// By id: where it was acknowledged, and to which application.
    acked: SortedMap<String, (Key, i64, String)>,
    /// By application: how many events were handed to the producer, and how many of them have an answer.
    sent: SortedMap<String, (u64, u64)>,
    /// By application: what was delivered where.
    delivered: SortedMap<String, SortedMap<(Key, i64), Option<String>>>,
}

/// What a producer's settings promise.
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

type Found = Result<(), (Invariant, String)>;

impl Clients {
    /// Looks at an event of an application. `process` is its name, such as `t1-reader1/2`.
    pub(crate) fn observe(
        &mut self,
        process: &str,
        event: &AppEvent,
        replication: &Replication,
        coverage: &mut Coverage,
    ) -> Found {
        let app = process.split('/').next().unwrap_or_default();
        match event {
            AppEvent::Sent { .. } => self.sent.entry(app.to_owned()).or_default().0 += 1,
            AppEvent::SendFailed { .. } => self.sent.entry(app.to_owned()).or_default().1 += 1,
            AppEvent::Acked { id, topic, partition, offset } => {
                self.sent.entry(app.to_owned()).or_default().1 += 1;
                let place = ((topic.clone(), partition.0), offset.0, app.to_owned());
                self.acked.insert(id.clone(), place);
            }
            AppEvent::Delivered { record, id, .. } => {
                let key = (record.topic.clone(), record.partition.0);
                coverage.risked(Invariant::NoPhantomRead);
                let end = replication.committed_end(&key);
                if record.offset.0 >= end && !replication.unclean.contains(&key) {
                    let what = format!(
                        "{process} read {}-{} at {}, and only what is below {end} is committed",
                        key.0, key.1, record.offset.0
                    );
                    return Err((Invariant::NoPhantomRead, what));
                }
                let read = self.delivered.entry(app.to_owned()).or_default();
                read.insert((key, record.offset.0), id.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether an application has sent all its events, and has an answer to each.
    pub(crate) fn has_sent_all(&self, spec: &AppSpec) -> bool {
        let (sent, answered) = self.sent.get(&spec.name).copied().unwrap_or_default();
        spec.count.is_none_or(|count| sent >= count) && answered >= sent
    }

    /// Compares with the logs, once everything is at rest.
    pub(crate) fn check_at_rest(
        &self,
        cluster: &Cluster,
        apps: &[AppSpec],
        replication: &Replication,
        disks_lost: bool,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        let logs = Logs::of(cluster);
        let spec = |app: &str| apps.iter().find(|spec| spec.name == app);
        for (id, (key, offset, app)) in &self.acked {
            let Some(promise) = spec(app).map(Promise::of) else { continue };
            if logs.id_at(key, *offset) == Some(id) {
                coverage.risked(Invariant::NoLostWrite);
                continue;
            }
            let because = if !promise.replicated {
                "acks=1: only the leader had it"
            } else if replication.unclean.contains(key) {
                "an unclean election"
            } else if disks_lost {
                "a disk was lost"
            } else {
                let what = format!(
                    "{}-{}: `{id}`, acknowledged to {app} at {offset}, is not there",
                    key.0, key.1
                );
                return Err((Invariant::NoLostWrite, what));
            };
            losses.push(Loss {
                what: format!("`{id}` of {app} is lost"),
                because: because.to_owned(),
            });
        }
        for (key, ids) in &logs.ids {
            self.check_ids(key, ids, apps, replication, coverage, losses)?;
        }
        for (app, read) in &self.delivered {
            for ((key, offset), id) in read {
                if replication.unclean.contains(key) || disks_lost {
                    continue;
                }
                if logs.id_at(key, *offset) != id.as_ref() {
                    let what = format!(
                        "{app} read {id:?} at {}-{} {offset}, which is not there",
                        key.0, key.1
                    );
                    return Err((Invariant::NoPhantomRead, what));
                }
            }
        }
        self.check_read(apps, &logs, coverage)
    }

    /// Of one partition: nothing twice, and each sender's records in order.
    fn check_ids(
        &self,
        key: &Key,
        ids: &SortedMap<i64, String>,
        apps: &[AppSpec],
        replication: &Replication,
        coverage: &mut Coverage,
        losses: &mut Vec<Loss>,
    ) -> Found {
        let mut seen = SortedSet::new();
        let mut last: SortedMap<&str, u64> = SortedMap::new();
        for (offset, id) in ids {
            let Some((app, number)) = id.rsplit_once('-') else { continue };
            let Some(spec) = apps.iter().find(|spec| spec.name == app) else { continue };
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
            let invariant = if twice { Invariant::NoDuplicate } else { Invariant::SendOrder };
            let what = format!("{}-{}: `{id}` at {offset}", key.0, key.1);
            if promise.idempotent && !replication.unclean.contains(key) {
                let how = if twice { "is there twice" } else { "comes after a later one" };
                return Err((invariant, format!("{what} {how}")));
            }
            let because = "a send without idempotence was tried again".to_owned();
            losses.push(Loss { what, because });
        }
        Ok(())
    }

    /// Every group has read everything that is there.
    fn check_read(&self, apps: &[AppSpec], logs: &Logs, coverage: &mut Coverage) -> Found {
        let none = SortedMap::new();
        for spec in apps.iter().filter(|spec| spec.role == Role::Consumer) {
            let read = self.delivered.get(&spec.name).unwrap_or(&none);
            for (key, ids) in logs.ids.iter().filter(|(key, _)| spec.topics.contains(&key.0)) {
                for (offset, id) in ids {
                    coverage.risked(Invariant::EverythingRead);
                    if !read.contains_key(&(key.clone(), *offset)) {
                        let what = format!(
                            "{} never read `{id}` at {}-{} {offset}",
                            spec.name, key.0, key.1
                        );
                        return Err((Invariant::EverythingRead, what));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The ids in the leaders' logs.
struct Logs {
    ids: SortedMap<Key, SortedMap<i64, String>>,
}

impl Logs {
    fn of(cluster: &Cluster) -> Logs {
        let mut ids: SortedMap<Key, SortedMap<i64, String>> = SortedMap::new();
        let Some(metadata) = cluster.metadata() else { return Logs { ids } };
        for topic in metadata.topics().values().filter(|topic| !topic.name.starts_with("__")) {
            for (index, registration) in &topic.partitions {
                let broker = cluster.broker(registration.leader);
                let log = broker.and_then(|b| b.partition(&topic.name, *index)).map(Partition::log);
                let Some(log) = log else { continue };
                let of = ids.entry((topic.name.clone(), *index)).or_default();
                for batch in log.batches(log.log_start_offset(), log.log_end_offset()) {
                    if batch.header().attributes.is_control() {
                        continue;
                    }
                    for record in batch.records().unwrap_or_default() {
                        if let Some(id) = record.value.as_deref().and_then(id_of) {
                            of.insert(record.offset.0, id);
                        }
                    }
                }
            }
        }
        Logs { ids }
    }

    fn id_at(&self, key: &Key, offset: i64) -> Option<&String> {
        self.ids.get(key)?.get(&offset)
    }
}

/// The id of an event: the first member of its JSON.
fn id_of(value: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(value).ok()?;
    let rest = text.strip_prefix("{\"id\":\"")?;
    Some(rest.split('"').next()?.to_owned())
}
