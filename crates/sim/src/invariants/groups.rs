//! Invariants of groups: who owns what, as the members themselves know it, generations and commits.

use logbrook_app::{AppSpec, Role};
use logbrook_broker::{BrokerEventKind, GroupDescription};
use logbrook_client::process::AppEvent;
use logbrook_cluster::{Cluster, ProcessId};
use logbrook_sorted::{SortedMap, SortedSet};

use super::Invariant;
use super::replication::Key;
use crate::coverage::Coverage;

/// `Topic.GROUP_METADATA_TOPIC_NAME`.
const GROUP_METADATA_TOPIC_NAME: &str = "__consumer_offsets";

/// What each process has been assigned, and the generations of the groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    owned: SortedMap<ProcessId, SortedSet<Key>>,
    /// By coordinator and group: the last generation, and the last one that members joined. A new coordinator
    /// begins where the log ends: a generation that did not get as far as the log comes again.
    generations: SortedMap<(i32, String), (i32, i32)>,
}

type Found = Result<(), (Invariant, String)>;

impl Owners {
    /// Looks at an event of a member.
    pub(crate) fn observe(
        &mut self,
        cluster: &Cluster,
        process: ProcessId,
        event: &AppEvent,
        coverage: &mut Coverage,
    ) -> Found {
        match event {
            AppEvent::Assigned { group, partitions } => {
                let keys = partitions.iter().map(|(topic, index)| (topic.clone(), index.0));
                let keys: Vec<Key> = keys.collect();
                self.check_assigned(cluster, process, group, &keys, coverage)?;
                self.owned.entry(process).or_default().extend(keys);
            }
            AppEvent::Revoked { partitions, .. } | AppEvent::Lost { partitions, .. } => {
                let owned = self.owned.entry(process).or_default();
                for (topic, index) in partitions {
                    owned.remove(&(topic.clone(), index.0));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Nobody else whom the coordinator counts as a member has what this member was given. One that was
    /// removed from the group may go on for a while: it does not know yet.
    fn check_assigned(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        group: &str,
        keys: &[Key],
        coverage: &mut Coverage,
    ) -> Found {
        let Some(group) = coordinated(cluster, group) else { return Ok(()) };
        if !is_member(cluster, process, &group) {
            return Ok(());
        }
        for (other, owned) in self.owned.iter().filter(|(other, _)| **other != process) {
            if !is_member(cluster, *other, &group) {
                continue;
            }
            coverage.risked(Invariant::OneOwner);
            if let Some((topic, index)) = keys.iter().find(|key| owned.contains(*key)) {
                let name = |id| cluster.process(id).map_or("", |state| state.name.as_str());
                let (one, two) = (name(*other), name(process));
                let what = format!("{two} is given {topic}-{index}, which {one} has not given up");
                return Err((Invariant::OneOwner, what));
            }
        }
        Ok(())
    }

    /// Looks at an event of a coordinator.
    pub(crate) fn observe_broker(
        &mut self,
        cluster: &Cluster,
        node: i32,
        event: &BrokerEventKind,
        coverage: &mut Coverage,
    ) -> Found {
        match event {
            BrokerEventKind::BecameLeader { topic, .. }
            | BrokerEventKind::BecameFollower { topic, .. }
                if topic == GROUP_METADATA_TOPIC_NAME =>
            {
                self.node_disturbed(node);
                Ok(())
            }
            BrokerEventKind::GroupState { group, to, generation, .. } => {
                self.check_generation(node, group, to, *generation, coverage)
            }
            BrokerEventKind::OffsetCommitted {
                group,
                topic,
                partition,
                member_id,
                generation,
                ..
            } if !member_id.is_empty() => {
                check_commit(cluster, node, group, (topic, *partition), member_id, *generation)
            }
            _ => Ok(()),
        }
    }

    /// A node was stopped or started: its groups are read from the log again.
    pub(crate) fn node_disturbed(&mut self, node: i32) {
        self.generations.retain(|(of, _), _| *of != node);
    }

    fn check_generation(
        &mut self,
        node: i32,
        group: &str,
        to: &str,
        generation: i32,
        coverage: &mut Coverage,
    ) -> Found {
        let key = (node, group.to_owned());
        let (before, joined) = self.generations.get(&key).copied().unwrap_or((generation, -1));
        // Of a classic group: a rebalance has ended, and makes a generation of its own.
        let is_new = to == "CompletingRebalance";
        coverage.risked(Invariant::GenerationsRise);
        if generation < before || (is_new && generation <= joined) {
            let what = format!("{group}: generation {generation} follows {}", before.max(joined));
            return Err((Invariant::GenerationsRise, what));
        }
        let joined = if is_new { generation } else { joined };
        self.generations.insert(key, (generation, joined));
        Ok(())
    }

    /// A commit arrived: of somebody who is no member, or while the group changes, it is likely to be stale.
    pub(crate) fn commit_arrived(
        &self,
        cluster: &Cluster,
        node: i32,
        process: ProcessId,
        coverage: &mut Coverage,
    ) {
        let program = cluster.process(process).and_then(|state| state.program());
        let Some(view) = program.map(|program| program.view()) else { return };
        let Some(group) = view.group.and_then(|group| described(cluster, node, &group)) else {
            return;
        };
        let is_member = group.members.iter().any(|member| member.member_id == view.member_id);
        if group.state != "Stable" || !is_member {
            coverage.risked(Invariant::StaleCommitsRefused);
        }
    }

    /// Whether each group's partitions have one owner each among the processes that run.
    pub(crate) fn check_at_rest(
        &self,
        cluster: &Cluster,
        apps: &[AppSpec],
        coverage: &mut Coverage,
    ) -> Found {
        let Some(metadata) = cluster.metadata() else { return Ok(()) };
        for spec in apps.iter().filter(|spec| spec.role != Role::Producer) {
            let Some(app) = cluster.app(&spec.name) else { continue };
            let mut owners: SortedMap<Key, Vec<String>> = SortedMap::new();
            for process in app.processes() {
                let name =
                    cluster.process(process).map(|state| state.name.clone()).unwrap_or_default();
                for key in self.owned.get(&process).into_iter().flatten() {
                    owners.entry(key.clone()).or_default().push(name.clone());
                }
            }
            for topic in &spec.topics {
                let count = metadata.topic(topic).map_or(0, |topic| topic.partitions.len());
                for index in 0..i32::try_from(count).unwrap_or_default() {
                    coverage.risked(Invariant::OneOwner);
                    coverage.risked(Invariant::EveryPartitionOwned);
                    match owners.get(&(topic.clone(), index)).map_or(&[][..], Vec::as_slice) {
                        [_one] => {}
                        [] => {
                            let what = format!("{}: nobody owns {topic}-{index}", spec.name);
                            return Err((Invariant::EveryPartitionOwned, what));
                        }
                        several => {
                            let several = several.join(" and ");
                            let what =
                                format!("{}: {topic}-{index} is owned by {several}", spec.name);
                            return Err((Invariant::OneOwner, what));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// A commit that was taken is of the generation that the group is in; of a consumer group, of the member's
/// epoch, or of an older one since which the member has had the partition (KIP-1251).
fn check_commit(
    cluster: &Cluster,
    node: i32,
    group: &str,
    (topic, partition): (&str, i32),
    member_id: &str,
    generation: i32,
) -> Found {
    let Some(group) = described(cluster, node, group) else { return Ok(()) };
    let member = group.members.iter().find(|member| member.member_id == member_id);
    let stands = member.is_some_and(|member| {
        let has = || member.assignment.iter().any(|(of, index)| of == topic && *index == partition);
        generation == member.member_epoch
            || (group.is_consumer_group && generation < member.member_epoch && has())
    });
    if stands {
        return Ok(());
    }
    let now = member.map_or("no member".to_owned(), |member| member.member_epoch.to_string());
    let what = format!(
        "{}: a commit of {member_id} for {topic}-{partition} in generation {generation} is taken, and it is in \
         {now}",
        group.group_id
    );
    Err((Invariant::StaleCommitsRefused, what))
}

fn described(cluster: &Cluster, node: i32, group: &str) -> Option<GroupDescription> {
    cluster.broker(node)?.groups().into_iter().find(|described| described.group_id == group)
}

/// The group as the broker has it that the controller has made its coordinator.
fn coordinated(cluster: &Cluster, group: &str) -> Option<GroupDescription> {
    let topic = cluster.metadata()?.topic(GROUP_METADATA_TOPIC_NAME)?;
    let leaders = topic.partitions.values().map(|registration| registration.leader);
    leaders.filter_map(|leader| described(cluster, leader, group)).next()
}

fn is_member(cluster: &Cluster, process: ProcessId, group: &GroupDescription) -> bool {
    let program = cluster.process(process).and_then(|state| state.program());
    program.map(|program| program.view()).is_some_and(|view| {
        view.group.as_ref() == Some(&group.group_id)
            && group.members.iter().any(|member| member.member_id == view.member_id)
    })
}
