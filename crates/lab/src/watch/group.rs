//! What becomes of a group: `group_is`, `assignment_balanced`, `rebalances_at_most`, `takeover_within`.
//!
//! States and generations are the coordinator's own (`ClassicGroupState`, `ConsumerGroupState`); who has which
//! partition is what the members' applications were told by their clients.

use logbrook_broker::BrokerEventKind;
use logbrook_client::process::AppEvent;
use logbrook_sorted::SortedMap;

use super::{Finding, Found, Moment, Stamp, Watch, apps_of_group, is_one_of};
use crate::level::Level;
use crate::read;
use crate::run::observed::begins_to_rebalance;
use crate::verdict::Values;

/// What is asked of the group.
#[derive(Clone)]
pub(super) enum Asked {
    Is {
        protocol: Option<String>,
        state: Option<String>,
        members: Option<u64>,
        members_max: Option<u64>,
    },
    Balanced {
        max_diff: u64,
        idle_max: Option<u64>,
    },
    Rebalances {
        max: u64,
    },
    Takeover {
        ms: u64,
    },
}

type Place = (String, i32);

#[derive(Clone)]
pub(super) struct GroupWatch {
    group: String,
    asked: Asked,
    /// Of the level's apps, those in the group.
    apps: Vec<String>,
    /// When its state changed last.
    state: Option<Stamp>,
    /// When it began to rebalance, in the level's own past too.
    rebalances: Vec<Stamp>,
    owners: SortedMap<Place, String>,
    /// Members that were assigned something once and have not ended.
    members: SortedMap<String, ()>,
    /// Partitions whose owner has died, since when, and the offset after the last processed record.
    orphans: SortedMap<Place, (Stamp, String)>,
    processed: SortedMap<Place, i64>,
    slowest_ms: i64,
    broken: Vec<Found>,
}

impl GroupWatch {
    pub(super) fn new(level: &Level, group: &str, asked: Asked) -> Self {
        Self {
            group: group.to_owned(),
            asked,
            apps: apps_of_group(level, group),
            state: None,
            rebalances: Vec::new(),
            owners: SortedMap::new(),
            members: SortedMap::new(),
            orphans: SortedMap::new(),
            processed: SortedMap::new(),
            slowest_ms: 0,
            broken: Vec::new(),
        }
    }

    fn values(&self, got: impl ToString, want: impl ToString) -> Values {
        Values::from([
            ("group", self.group.clone()),
            ("got", got.to_string()),
            ("want", want.to_string()),
        ])
    }

    fn is(
        &self,
        now: &Moment<'_>,
        protocol: Option<&str>,
        state: Option<&str>,
        members: Option<u64>,
        members_max: Option<u64>,
    ) -> Finding {
        let at = self.state;
        let Some(there) = read::group(now.cluster, &self.group) else {
            let values = self.values("not there", state.unwrap_or_default());
            return Finding::NotYet(Found {
                message: "Group `{group}` is {got}.".to_owned(),
                values,
                at,
            });
        };
        let (is, count) = (there.state, there.members.len() as u64);
        let uses = if there.is_consumer_group { "consumer" } else { "classic" };
        let mut wrong = Vec::new();
        if state.is_some_and(|state| state != is) {
            wrong.push(is.to_owned());
        }
        if members.is_some_and(|n| n != count) || members_max.is_some_and(|n| count > n) {
            wrong.push(format!("of {count} members"));
        }
        if protocol.is_some_and(|protocol| protocol != uses) {
            wrong.push(format!("of the {uses} protocol"));
        }
        if wrong.is_empty() {
            return Finding::Holds(format!("{is}, {count} members"));
        }
        let values = self.values(wrong.join(", "), state.unwrap_or_default());
        Finding::NotYet(Found { message: "Group `{group}` is {got}.".to_owned(), values, at })
    }

    fn balanced(&self, max_diff: u64, idle_max: Option<u64>) -> Finding {
        let mut counts: SortedMap<&str, u64> =
            self.members.keys().map(|who| (who.as_str(), 0)).collect();
        for owner in self.owners.values() {
            *counts.entry(owner.as_str()).or_default() += 1;
        }
        let busy: Vec<u64> = counts.values().copied().filter(|n| *n > 0).collect();
        let idle = (counts.len() - busy.len()) as u64;
        let spread =
            busy.iter().max().zip(busy.iter().min()).map_or(0, |(most, least)| most - least);
        let shown: Vec<String> = counts.iter().map(|(who, n)| format!("{who}: {n}")).collect();
        let got = if shown.is_empty() { "nobody".to_owned() } else { shown.join(", ") };
        let fits =
            !busy.is_empty() && spread <= max_diff && idle_max.is_none_or(|most| idle <= most);
        if fits {
            return Finding::Holds(got);
        }
        let mut values = self.values(got, max_diff);
        values.insert("idle", idle.to_string());
        let message = "The partitions of `{group}` are with {got}.".to_owned();
        Finding::NotYet(Found { message, values, at: self.rebalances.last().copied() })
    }

    /// Whether a record waits in a partition, as far as its processing is known.
    fn waits(&self, now: &Moment<'_>, place: &Place) -> bool {
        let Some(log) = read::leader_log(now.cluster, &place.0, place.1) else { return false };
        let next = self.processed.get(place).copied().unwrap_or(log.log_start_offset().0);
        next < log.high_watermark().0
    }

    fn late(&self, place: &Place, at: Stamp, dead: &str, took_ms: i64, want: u64) -> Found {
        let mut values = self.values(took_ms, want);
        values.insert("topic", place.0.clone());
        values.insert("partition", place.1.to_string());
        values.insert("member", dead.to_owned());
        let message = "{member} died with {topic}-{partition}; nobody went on with it for {got} ms, and {want} \
                       were allowed.";
        Found { message: message.to_owned(), values, at: Some(at) }
    }
}

impl Watch for GroupWatch {
    fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        match event {
            AppEvent::Assigned { group, partitions } if *group == self.group => {
                self.members.insert(who.to_owned(), ());
                for (topic, partition) in partitions {
                    self.owners.insert((topic.clone(), partition.0), who.to_owned());
                }
            }
            AppEvent::Revoked { group, partitions } | AppEvent::Lost { group, partitions }
                if *group == self.group =>
            {
                for (topic, partition) in partitions {
                    let place = (topic.clone(), partition.0);
                    if self.owners.get(&place).is_some_and(|owner| owner == who) {
                        self.owners.remove(&place);
                    }
                }
            }
            AppEvent::Processed { record, .. } if is_one_of(who, &self.apps) => {
                let place = (record.topic.clone(), record.partition.0);
                self.processed.insert(place.clone(), record.offset.0 + 1);
                let Some((since, dead)) = self.orphans.remove(&place) else { return };
                let took_ms = (at.time_us - since.time_us) / 1_000;
                self.slowest_ms = self.slowest_ms.max(took_ms);
                if let Asked::Takeover { ms } = self.asked
                    && u64::try_from(took_ms).is_ok_and(|took| took > ms)
                {
                    self.broken.push(self.late(&place, since, &dead, took_ms, ms));
                }
            }
            _else => {}
        }
    }

    fn broker(&mut self, at: Stamp, event: &BrokerEventKind) {
        let BrokerEventKind::GroupState { group, from, to, .. } = event else { return };
        if *group != self.group {
            return;
        }
        self.state = Some(at);
        if begins_to_rebalance(from, to) {
            self.rebalances.push(at);
        }
    }

    fn ended(&mut self, at: Stamp, who: &str) {
        self.members.remove(who);
        if !is_one_of(who, &self.apps) {
            return;
        }
        let left: Vec<Place> = self
            .owners
            .iter()
            .filter(|(_, owner)| *owner == who)
            .map(|(place, _)| place.clone())
            .collect();
        for place in left {
            self.owners.remove(&place);
            self.orphans.insert(place, (at, who.to_owned()));
        }
    }

    fn forked(&mut self, _now_us: i64) {
        self.rebalances.clear();
        self.orphans.clear();
        self.broken.clear();
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        match &self.asked {
            Asked::Is { protocol, state, members, members_max } => {
                self.is(now, protocol.as_deref(), state.as_deref(), *members, *members_max)
            }
            Asked::Balanced { max_diff, idle_max } => self.balanced(*max_diff, *idle_max),
            Asked::Rebalances { max } => {
                let present = self.rebalances.iter().filter(|at| at.time_us >= now.facts.start_us);
                let count = present.count() as u64;
                if count <= *max {
                    return Finding::Holds(format!("{count} rebalances"));
                }
                let message =
                    "Group `{group}` has rebalanced {got} times; {want} were allowed.".to_owned();
                let at = self.rebalances.last().copied();
                Finding::Broken(Found { message, values: self.values(count, max), at })
            }
            Asked::Takeover { ms } => {
                let start_us = now.facts.start_us;
                let of_now = |found: &&Found| found.at.is_some_and(|at| at.time_us >= start_us);
                if let Some(found) = self.broken.iter().find(of_now) {
                    return Finding::Broken(found.clone());
                }
                let now_us = now.cluster.now_us();
                let late = self.orphans.iter().find_map(|(place, (since, dead))| {
                    let waited_ms = (now_us - since.time_us) / 1_000;
                    let is_late = u64::try_from(waited_ms).is_ok_and(|waited| waited > *ms);
                    (is_late && self.waits(now, place))
                        .then(|| self.late(place, *since, dead, waited_ms, *ms))
                });
                match late {
                    Some(found) => Finding::Broken(found),
                    None => Finding::Holds(format!("within {} ms", self.slowest_ms)),
                }
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
