//! One file a check: each folds the history of a run, event by event, into a verdict.

pub(crate) mod acknowledged;
mod dead_letters;
mod group;
mod in_order;
mod lag;
mod pauses;
mod predicted;
mod processed;
mod readable;
mod records;
mod replicas;
mod restarts;
mod retention;
mod stall;
mod state;
mod store;
mod topic;
mod transactions;
mod untouched;

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::AppEvent;
use logbrook_cluster::{Cluster, EventId};

use crate::check::Check;
use crate::facts::Facts;
use crate::level::{Assert, Level};
use crate::run::Predictions;
use crate::verdict::{Failure, Values, Verdict, clock, fill};

/// Where in the history an event stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) event: EventId,
    /// Virtual time in microseconds from the start of the run.
    pub(crate) time_us: i64,
}

/// What a verdict is judged on, beside the history already observed.
pub(crate) struct Moment<'a> {
    pub(crate) level: &'a Level,
    pub(crate) cluster: &'a Cluster,
    pub(crate) predictions: &'a Predictions,
    pub(crate) facts: &'a Facts,
    /// The run is at its end: what does not hold now fails.
    pub(crate) over: bool,
}

/// What a watch finds, before the level's own words are put to it.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// It holds, with what was measured.
    Holds(String),
    /// Not yet. At the end of the run this is a failure.
    NotYet(Found),
    /// It cannot hold any more.
    Broken(Found),
}

/// Evidence against an assertion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The check's own words; the level's `say` stands instead where there is one.
    pub(crate) message: String,
    /// Placeholders that `say` may use.
    pub(crate) values: Values,
    /// The event that shows it.
    pub(crate) at: Option<Stamp>,
}

/// A fold over the history of a run.
pub(crate) trait Watch {
    /// An application or a console tool did something. `who` is its instance, such as `ledger/2`.
    fn app(&mut self, _at: Stamp, _who: &str, _event: &AppEvent) {}
    /// A broker did something.
    fn broker(&mut self, _at: Stamp, _event: &BrokerEventKind) {}
    /// A process ended; `who` as for [`Watch::app`].
    fn ended(&mut self, _at: Stamp, _who: &str) {}
    /// A node (a broker's process) was started by the operator; not those that the cluster begins with.
    fn node_started(&mut self, _at: Stamp, _node: i32) {}
    /// A line of the action language was carried out.
    fn action(&mut self, _at: Stamp, _line: &str) {}
    /// A trial goes on from here: what was wrong before is not held against it.
    fn forked(&mut self, _now_us: i64) {}
    /// What holds now.
    fn find(&self, now: &Moment<'_>) -> Finding;
    /// A copy in the same state, for a fork.
    fn clone_box(&self) -> Box<dyn Watch>;
}

impl Clone for Box<dyn Watch> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// One assertion being watched.
#[derive(Clone)]
pub(crate) struct Watched {
    assert: Assert,
    watch: Box<dyn Watch>,
}

impl Watched {
    pub(crate) fn new(assert: &Assert, level: &Level) -> Self {
        let watch: Box<dyn Watch> = match &assert.check {
            Check::TopicExists { .. } | Check::TopicAbsent { .. } => {
                Box::new(topic::TopicWatch::new(assert.check.clone()))
            }
            Check::RecordCount { topic, partition, key, isolation, min, max } => {
                Box::new(records::RecordCount {
                    topic: topic.clone(),
                    partition: *partition,
                    key: key.clone(),
                    isolation: *isolation,
                    min: *min,
                    max: *max,
                })
            }
            Check::EachRecordProcessedAtLeastOnce { group, app, topic, of } => {
                each(level, group, app, topic, of, processed::Times::AtLeast)
            }
            Check::EachRecordProcessedExactlyOnce { group, app, topic, of } => {
                each(level, group, app, topic, of, processed::Times::Exactly)
            }
            Check::EachRecordProcessedAtMostOnce { group, app, topic, of } => {
                each(level, group, app, topic, of, processed::Times::AtMost)
            }
            Check::ReprocessedAtMost { group, app, max } => Box::new(processed::Reprocessed {
                workers: processed::Workers::new(level, group.as_deref(), app.as_deref()),
                max: *max,
            }),
            Check::LongestStallAtMost { group, partition, ms } => {
                Box::new(stall::LongestStall::new(level, group, *partition, *ms))
            }
            Check::DlqContains { topic, exactly, at_least, headers, duplicates_allowed } => {
                Box::new(dead_letters::DeadLetters {
                    topic: topic.clone(),
                    of: exactly.as_ref().or(at_least.as_ref()).cloned().unwrap_or_default(),
                    exactly: exactly.is_some(),
                    headers: headers.clone(),
                    repeats: *duplicates_allowed,
                })
            }
            Check::NoAckedRecordLost { app, topic } => {
                acknowledged(app.as_ref(), topic.as_ref(), acknowledged::Asked::NoneLost)
            }
            Check::AllSendsAcked { app } => {
                acknowledged(Some(app), None, acknowledged::Asked::AllAcked)
            }
            Check::WriteStallAtMost { app, ms } => {
                acknowledged(Some(app), None, acknowledged::Asked::StallAtMost(*ms))
            }
            Check::SendLatencyAtMost { app, p99_ms } => {
                acknowledged(Some(app), None, acknowledged::Asked::LatencyAtMost(*p99_ms))
            }
            Check::RecordReadable { topic, wanted, count } => {
                let count = count.unwrap_or(1);
                readable(topic, readable::Asked::Match { wanted: wanted.clone(), count })
            }
            Check::LatestValueIs { topic, key, value, absent: _ } => {
                let (key, value) = (key.clone(), value.clone());
                readable(topic, readable::Asked::Latest { key, value })
            }
            Check::RecordsInOrderPerKey { topic, by } => {
                readable(topic, readable::Asked::InOrder { by: by.clone() })
            }
            Check::KeysInOnePartition { topic } => readable(topic, readable::Asked::OnePlace),
            Check::RecordsSpread { topic, max_percent } => {
                readable(topic, readable::Asked::Spread { max_percent: *max_percent })
            }
            Check::NoDuplicateRecord { topic, isolation } => {
                readable(topic, readable::Asked::NoDuplicate { isolation: *isolation })
            }
            Check::OffsetIs { .. }
            | Check::CommittedOffsetEquals { .. }
            | Check::PartitionHasLeader { .. }
            | Check::LeaderIs { .. }
            | Check::LeaderIsNot { .. }
            | Check::PartitionHasIsr { .. }
            | Check::LeadersBalanced { .. }
            | Check::ClusterHealthy { restarted: None }
            | Check::AppRunning { .. }
            | Check::ConfigIs { .. }
            | Check::EffectsExactlyOnce { .. } => {
                Box::new(state::State { check: assert.check.clone() })
            }
            Check::ClusterHealthy { restarted: Some(_each) } => {
                let health = state::State { check: Check::ClusterHealthy { restarted: None } };
                Box::new(restarts::Restarted::new(health))
            }
            Check::GroupIs { group, protocol, state, members, members_max } => {
                let (protocol, state) = (protocol.clone(), state.clone());
                let (members, members_max) = (*members, *members_max);
                let asked = group::Asked::Is { protocol, state, members, members_max };
                Box::new(group::GroupWatch::new(level, group, asked))
            }
            Check::AssignmentBalanced { group, max_diff, idle_max } => {
                let asked = group::Asked::Balanced { max_diff: *max_diff, idle_max: *idle_max };
                Box::new(group::GroupWatch::new(level, group, asked))
            }
            Check::RebalancesAtMost { group, max } => {
                let asked = group::Asked::Rebalances { max: *max };
                Box::new(group::GroupWatch::new(level, group, asked))
            }
            Check::TakeoverWithin { group, ms } => {
                let asked = group::Asked::Takeover { ms: *ms };
                Box::new(group::GroupWatch::new(level, group, asked))
            }
            Check::RebalancePausesAtMost { group, ms } => {
                Box::new(pauses::RebalancePauses::new(group, *ms))
            }
            Check::TransactionsAtomic { topics, group, app } => {
                let (group, app) = (group.as_deref(), app.as_deref());
                let named = group.is_some() || app.is_some();
                Box::new(transactions::Atomic {
                    topics: topics.clone(),
                    readers: named.then(|| processed::Workers::new(level, group, app)),
                    producers: logbrook_sorted::SortedMap::new(),
                })
            }
            Check::NoUncleanElection { topic } => {
                Box::new(replicas::NoUnclean { topic: topic.clone(), first: None })
            }
            Check::ReplicasIdentical { topic } => {
                Box::new(replicas::Identical { topic: topic.clone() })
            }
            Check::RetainedBetween { topic, min_age, max_age } => {
                Box::new(retention::Retained::new(topic, *min_age, *max_age))
            }
            Check::Untouched { topics, groups, apps } => Box::new(untouched::Untouched {
                topics: topics.clone(),
                groups: groups.clone(),
                apps: apps.clone(),
                touched: Vec::new(),
            }),
            Check::ProcessedInOrderPerKey { group, by: _ } => {
                Box::new(in_order::InOrder::new(level, group))
            }
            Check::StoreEquals { store, from } => {
                Box::new(store::StoreEquals::new(level, store, from))
            }
            Check::LagAtMost { group, topic, partition, max } => Box::new(lag::LagAtMost::new(
                level,
                group,
                topic.as_deref(),
                *partition,
                *max,
                assert.when,
            )),
            Check::Predicted { ids } => Box::new(predicted::Predicted { ids: ids.clone() }),
        };
        Self { assert: assert.clone(), watch }
    }

    pub(crate) fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        self.watch.app(at, who, event);
    }

    pub(crate) fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        self.watch.broker(at, event);
    }

    pub(crate) fn ended(&mut self, at: Stamp, who: &str) {
        self.watch.ended(at, who);
    }

    pub(crate) fn node_started(&mut self, at: Stamp, node: i32) {
        self.watch.node_started(at, node);
    }

    pub(crate) fn action(&mut self, at: Stamp, line: &str) {
        self.watch.action(at, line);
    }

    pub(crate) fn forked(&mut self, now_us: i64) {
        self.watch.forked(now_us);
    }

    pub(crate) fn verdict(&self, now: &Moment<'_>, now_us: i64) -> Verdict {
        match self.watch.find(now) {
            Finding::Holds(evidence) => Verdict::Holds { evidence },
            Finding::NotYet(found) if !now.over => {
                Verdict::Open { missing: self.words(&found, now_us) }
            }
            Finding::NotYet(found) | Finding::Broken(found) => Verdict::Fails(Failure {
                message: self.words(&found, now_us),
                event: found.at.map(|at| at.event),
                time_us: found.at.map_or(now_us, |at| at.time_us),
            }),
        }
    }

    fn words(&self, found: &Found, now_us: i64) -> String {
        let mut values = found.values.clone();
        values.insert("time", clock(found.at.map_or(now_us, |at| at.time_us)));
        // The level's words are about the failure that it has in mind. Where there is nothing yet to
        // fill them in with, the check's own words say what is missing.
        let say = self.assert.say.as_deref().and_then(|say| fill(say, &values).ok());
        let words = say.unwrap_or_else(|| match fill(&found.message, &values) {
            Ok(words) => words,
            Err(_unknown) => found.message.clone(),
        });
        words.trim_end().to_owned()
    }
}

/// The instances of the level's apps that belong to a group, as `app/` prefixes.
fn apps_of_group(level: &Level, group: &str) -> Vec<String> {
    let apps = level.apps.iter().filter(|a| a.group.as_deref() == Some(group));
    apps.map(|a| format!("{}/", a.name)).collect()
}

/// Whether the instance `who` is one of the apps given as `app/` prefixes.
fn is_one_of(who: &str, apps: &[String]) -> bool {
    apps.iter().any(|app| who.starts_with(app.as_str()))
}

fn each(
    level: &Level,
    group: &Option<String>,
    app: &Option<String>,
    topic: &str,
    of: &crate::selection::Selection,
    times: processed::Times,
) -> Box<dyn Watch> {
    Box::new(processed::EachProcessed {
        workers: processed::Workers::new(level, group.as_deref(), app.as_deref()),
        topic: topic.to_owned(),
        of: of.clone(),
        times,
    })
}

fn acknowledged(
    app: Option<&String>,
    topic: Option<&String>,
    asked: acknowledged::Asked,
) -> Box<dyn Watch> {
    Box::new(acknowledged::Acknowledged { app: app.cloned(), topic: topic.cloned(), asked })
}

fn readable(topic: &str, asked: readable::Asked) -> Box<dyn Watch> {
    Box::new(readable::Readable { topic: topic.to_owned(), asked })
}
