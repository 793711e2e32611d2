//! What the cluster, a group or an app is like at the end: `offset_is`, `committed_offset_equals`,
//! `partition_has_leader`, `leader_is`, `leader_is_not`, `partition_has_isr`, `leaders_balanced`,
//! `cluster_healthy`, `app_running`, `effects_exactly_once`.

use logbrook_sorted::SortedMap;

use logbrook_cluster::Cluster;

use super::{Finding, Found, Moment, Watch};
use crate::check::{Check, Which};
use crate::read;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct State {
    pub(super) check: Check,
}

/// What was measured, and whether it is as it should be.
struct Measured {
    fits: bool,
    got: String,
    want: String,
    message: &'static str,
    more: Values,
}

fn measured(
    fits: bool,
    got: impl ToString,
    want: impl ToString,
    message: &'static str,
) -> Measured {
    let (got, want) = (got.to_string(), want.to_string());
    Measured { fits, got, want, message, more: Values::new() }
}

impl Measured {
    fn of_partition(mut self, topic: &str, partition: i32) -> Self {
        self.more.insert("topic", topic.to_owned());
        self.more.insert("partition", partition.to_string());
        self
    }
}

/// `eq`, `min` and `max` as a level gives them, in words.
fn bounds(eq: Option<i64>, min: Option<i64>, max: Option<i64>) -> String {
    let parts = [("", eq), ("at least ", min), ("at most ", max)];
    let parts: Vec<_> =
        parts.iter().filter_map(|(word, n)| n.map(|n| format!("{word}{n}"))).collect();
    parts.join(", ")
}

fn within(got: Option<i64>, eq: Option<i64>, min: Option<i64>, max: Option<i64>) -> bool {
    got.is_some_and(|got| {
        eq.is_none_or(|eq| got == eq)
            && min.is_none_or(|min| got >= min)
            && max.is_none_or(|max| got <= max)
    })
}

fn or_none(n: Option<i64>) -> String {
    n.map_or_else(|| "none".to_owned(), |n| n.to_string())
}

fn ids(ids: &[i32]) -> String {
    let ids: Vec<_> = ids.iter().map(i32::to_string).collect();
    ids.join(", ")
}

/// The partitions of a topic, or the one that is named.
fn partitions(cluster: &Cluster, topic: &str, partition: Option<i32>) -> Vec<i32> {
    match partition {
        Some(partition) => vec![partition],
        None => (0..read::describe(cluster, topic).map_or(0, |d| d.partitions)).collect(),
    }
}

/// The first partition that does not fit, or the last that does.
fn each(
    cluster: &Cluster,
    topic: &str,
    partition: Option<i32>,
    measure: impl Fn(i32) -> Measured,
) -> Measured {
    let mut last = measured(false, "no such topic", "the topic", "`{topic}` does not exist.");
    last.more.insert("topic", topic.to_owned());
    for partition in partitions(cluster, topic, partition) {
        last = measure(partition).of_partition(topic, partition);
        if !last.fits {
            break;
        }
    }
    last
}

impl State {
    fn measure(&self, now: &Moment<'_>) -> Option<Measured> {
        let cluster = now.cluster;
        let leader =
            |topic: &str, p: i32| read::registration(cluster, topic, p).map_or(-1, |r| r.leader);
        Some(match &self.check {
            Check::OffsetIs { which, topic, partition, eq, min, max } => {
                let got = read::leader_log(cluster, topic, *partition).map(|log| match which {
                    Which::LogStart => log.log_start_offset().0,
                    Which::HighWatermark => log.high_watermark().0,
                    Which::LastStable => log.last_stable_offset().0,
                    Which::LogEnd => log.log_end_offset().0,
                });
                let fits = within(got, *eq, *min, *max);
                let message = "{which} of {topic}-{partition} is {got}; {want} was expected.";
                let mut m = measured(fits, or_none(got), bounds(*eq, *min, *max), message);
                m.more.insert("which", which.words().to_owned());
                m.of_partition(topic, *partition)
            }
            Check::CommittedOffsetEquals { group, topic, partition, eq, min, max } => {
                let got = read::committed(cluster, group, topic, *partition);
                let fits = within(got, *eq, *min, *max);
                let message =
                    "`{group}` has committed {got} for {topic}-{partition}; {want} was expected.";
                let mut m = measured(fits, or_none(got), bounds(*eq, *min, *max), message);
                m.more.insert("group", group.clone());
                m.of_partition(topic, *partition)
            }
            Check::PartitionHasLeader { topic, partition } => {
                each(cluster, topic, *partition, |p| {
                    let up = read::leader_log(cluster, topic, p).is_some();
                    measured(up, leader(topic, p), "a leader", "{topic}-{partition} has no leader.")
                })
            }
            Check::LeaderIs { topic, partition, node } => {
                let got = leader(topic, *partition);
                let message = "{topic}-{partition} is led by {got}, not by {want}.";
                measured(got == *node, got, node, message).of_partition(topic, *partition)
            }
            Check::LeaderIsNot { topic, partition, node } => {
                let got = leader(topic, *partition);
                let message = "{topic}-{partition} is led by {got}.";
                measured(got != *node && got >= 0, got, format!("not {node}"), message)
                    .of_partition(topic, *partition)
            }
            Check::PartitionHasIsr { topic, partition, min, eq } => {
                each(cluster, topic, *partition, |p| {
                    let isr = read::registration(cluster, topic, p).map(|r| r.isr.clone());
                    let isr = isr.unwrap_or_default();
                    let fits = within(i64::try_from(isr.len()).ok(), *eq, *min, None);
                    let message =
                        "{topic}-{partition} has {got} in sync; {want} replicas were expected.";
                    let got = if isr.is_empty() { "nobody".to_owned() } else { ids(&isr) };
                    measured(fits, got, bounds(*eq, *min, None), message)
                })
            }
            Check::LeadersBalanced { topic, max_extra } => {
                let topics = match topic {
                    Some(topic) => vec![topic.clone()],
                    None => read::topics(cluster),
                };
                let mut counts: SortedMap<i32, i64> =
                    cluster.broker_ids().map(|id| (id, 0)).collect();
                for topic in &topics {
                    for p in partitions(cluster, topic, None) {
                        *counts.entry(leader(topic, p)).or_insert(0) += 1;
                    }
                }
                let least = counts.values().min().copied().unwrap_or(0);
                let most = counts.iter().max_by_key(|(_, n)| **n).map(|(id, n)| (*id, *n));
                let (node, most) = most.unwrap_or((-1, 0));
                let message = "broker {node} leads {got} partitions, another one {least}; they may \
                               differ by {want}.";
                let mut m = measured(most - least <= *max_extra, most, max_extra, message);
                m.more.insert("node", node.to_string());
                m.more.insert("least", least.to_string());
                m
            }
            Check::ClusterHealthy { restarted: _judged_elsewhere } => {
                let down: Vec<i32> =
                    cluster.broker_ids().filter(|id| !cluster.is_broker_running(*id)).collect();
                if !down.is_empty() {
                    let message = "not every broker is up: {got} is not.";
                    return Some(measured(false, ids(&down), "all brokers", message));
                }
                let names = cluster.metadata().into_iter().flat_map(|m| m.topics().keys());
                for topic in names.cloned().collect::<Vec<String>>() {
                    for p in partitions(cluster, &topic, None) {
                        let Some(r) = read::registration(cluster, &topic, p) else { continue };
                        if r.isr.len() < r.replicas.len() {
                            let message = "{topic}-{partition} has {got} in sync; its replicas are \
                                           {want}.";
                            let m = measured(false, ids(&r.isr), ids(&r.replicas), message);
                            return Some(m.of_partition(&topic, p));
                        }
                    }
                }
                measured(true, "all brokers up, all replicas in sync", "", "")
            }
            Check::AppRunning { app, instances, crashes_max } => {
                let state = cluster.app(app);
                let count = |f: fn(&logbrook_cluster::InstanceState) -> bool| {
                    let instances = state.map(|s| s.instances().values());
                    instances.map_or(0, |all| all.filter(|i| f(i)).count() as u64)
                };
                let running = count(|i| i.process.is_some());
                let want = instances.unwrap_or_else(|| count(|i| i.wanted).max(1));
                let crashes: u64 = state
                    .map(|s| s.instances().values().map(|i| u64::from(i.crashes)).sum())
                    .unwrap_or(0);
                let message = "{want} instances of `{app}` should run; {got} do, and it has crashed \
                               {crashes} times.";
                let fits = running == want && crashes_max.is_none_or(|most| crashes <= most);
                let mut m = measured(fits, running, want, message);
                m.more.insert("app", app.clone());
                m.more.insert("crashes", crashes.to_string());
                m
            }
            Check::ConfigIs { entity, name, eq, min, max } => {
                let got = read::config(cluster, entity, name);
                let fits = match eq {
                    Some(value) => got.as_ref() == Some(value),
                    None => within(got.as_ref().and_then(|v| v.parse().ok()), None, *min, *max),
                };
                let want = eq.clone().unwrap_or_else(|| bounds(None, *min, *max));
                let got = got.unwrap_or_else(|| "not set".to_owned());
                let mut m = measured(
                    fits,
                    got,
                    want,
                    "`{name}` of {entity} is {got}; {want} was expected.",
                );
                m.more.insert("name", name.clone());
                m.more.insert("entity", entity.clone());
                m
            }
            Check::EffectsExactlyOnce { store } => {
                let log = cluster.stores().get(store).map(logbrook_app::Store::log);
                let mut counts: SortedMap<&str, u64> = SortedMap::new();
                for effect in log.unwrap_or_default() {
                    *counts.entry(effect.id.as_str()).or_insert(0) += 1;
                }
                let twice: Vec<_> = counts.iter().filter(|(_, n)| **n > 1).collect();
                let message = "{got} events took effect in `{store}` more than once, the first of \
                               them {id}, {times} times.";
                let fits = twice.is_empty() && !counts.is_empty();
                let mut m = match counts.is_empty() {
                    true => measured(false, 0, "effects", "nothing is in `{store}` yet."),
                    false => measured(fits, twice.len(), 0, message),
                };
                m.more.insert("store", store.clone());
                if let Some((id, times)) = twice.first() {
                    m.more.insert("id", (**id).to_owned());
                    m.more.insert("times", times.to_string());
                }
                m
            }
            _judged_elsewhere => return None,
        })
    }
}

impl Watch for State {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let Some(m) = self.measure(now) else {
            return Finding::NotYet(Found { message: "not judged".to_owned(), ..Found::default() });
        };
        if m.fits {
            return Finding::Holds(m.got);
        }
        let mut values = m.more;
        values.insert("got", m.got);
        values.insert("want", m.want);
        Finding::NotYet(Found { message: m.message.to_owned(), values, at: None })
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
