//! What becomes of a partition when its replicas, its ISR or the brokers change: `PartitionChangeBuilder`, with
//! elections and eligible leader replicas (KIP-966).

use logbrook_planted::{Bug, planted};
use logbrook_sorted::SortedMap;
use uuid::Uuid;

use super::directories::{default_directory, has_online_directory};
use super::reassignment_replicas::ReassignmentReplicas;
use super::{LeaderRecoveryState, NO_LEADER, PartitionChange, PartitionRegistration, configured};
use crate::{BrokerConfig, MetadataImage, TopicImage};

/// How a leader is looked for (`PartitionChangeBuilder.Election`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Election {
    /// The preferred replica where it is in sync, else as [`Election::Online`].
    Preferred,
    /// One of those in sync, to keep the partition online.
    Online,
    /// Also one that is not in sync, where nobody is.
    Unclean,
}

/// A partition as it is, and what it is to become.
pub(crate) struct PartitionChangeBuilder<'a> {
    partition: &'a PartitionRegistration,
    acceptable_leader: Box<dyn Fn(i32) -> bool + 'a>,
    default_directory: Box<dyn Fn(i32) -> Uuid + 'a>,
    min_isr: usize,
    elr_enabled: bool,
    target_isr: Vec<i32>,
    target_replicas: Vec<i32>,
    target_removing: Vec<i32>,
    target_adding: Vec<i32>,
    target_elr: Vec<i32>,
    target_directories: SortedMap<i32, Uuid>,
    target_leader_recovery_state: LeaderRecoveryState,
    unclean_shutdown_replicas: Vec<i32>,
    election: Election,
}

/// Who leads from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Elected {
    /// -1: nobody.
    node: i32,
    unclean: bool,
}

impl<'a> PartitionChangeBuilder<'a> {
    /// A partition of this topic that stays as it is. `accepts` tells of a broker whether it may lead; so must
    /// its log directory, which is looked at here (`LeaderAcceptor`).
    pub(crate) fn new(
        image: &'a MetadataImage,
        config: &BrokerConfig,
        topic: &TopicImage,
        partition: &'a PartitionRegistration,
        accepts: impl Fn(i32) -> bool + 'a,
    ) -> Self {
        let acceptable_leader = move |id: i32| {
            (accepts(id) || planted(Bug::ElectFencedBroker))
                && directory_of(partition, id)
                    .is_some_and(|directory| has_online_directory(image.broker(id), directory))
        };
        Self {
            partition,
            acceptable_leader: Box::new(acceptable_leader),
            default_directory: Box::new(|id| default_directory(image.broker(id))),
            min_isr: configured::effective_min_isr(image, config, topic),
            elr_enabled: image.is_elr_enabled(),
            target_isr: partition.isr.clone(),
            target_replicas: partition.replicas.clone(),
            target_removing: partition.removing_replicas.clone(),
            target_adding: partition.adding_replicas.clone(),
            target_elr: partition.elr.clone(),
            target_directories: partition
                .replicas
                .iter()
                .copied()
                .zip(partition.directories.iter().copied())
                .collect(),
            target_leader_recovery_state: partition.leader_recovery_state,
            unclean_shutdown_replicas: Vec::new(),
            election: Election::Online,
        }
    }

    pub(crate) fn target_isr(mut self, isr: Vec<i32>) -> Self {
        self.target_isr = isr;
        self
    }

    pub(crate) fn target_replicas(mut self, replicas: Vec<i32>) -> Self {
        self.target_replicas = replicas;
        self
    }

    pub(crate) fn target_removing(mut self, removing: Vec<i32>) -> Self {
        self.target_removing = removing;
        self
    }

    pub(crate) fn target_adding(mut self, adding: Vec<i32>) -> Self {
        self.target_adding = adding;
        self
    }

    pub(crate) fn target_leader_recovery_state(mut self, state: LeaderRecoveryState) -> Self {
        self.target_leader_recovery_state = state;
        self
    }

    /// Replicas that may have lost records: none of them is eligible any more.
    pub(crate) fn unclean_shutdown_replicas(mut self, replicas: Vec<i32>) -> Self {
        self.unclean_shutdown_replicas = replicas;
        self
    }

    pub(crate) fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    /// The change; `None` where there is none.
    pub(crate) fn build(mut self) -> Option<PartitionChange> {
        let mut change = PartitionChange::default();
        self.complete_reassignment_if_needed();
        self.populate_target_elr();
        self.try_election(&mut change);
        self.raise_leader_epoch_for_removed_replicas(&mut change);
        self.update_elr(&mut change);
        // With eligible leader replicas the ISR may be empty.
        if change.isr.is_none()
            && (!self.target_isr.is_empty() || self.elr_enabled)
            && self.target_isr != self.partition.isr
        {
            change.isr = Some(self.target_isr.clone());
        }
        self.update_last_known_leader(&mut change);
        self.set_assignment(&mut change);
        if self.target_leader_recovery_state != self.partition.leader_recovery_state {
            change.leader_recovery_state = Some(self.target_leader_recovery_state);
        }
        (change != PartitionChange::default()).then_some(change)
    }

    fn complete_reassignment_if_needed(&mut self) {
        let reassignment = ReassignmentReplicas {
            removing: self.target_removing.clone(),
            adding: self.target_adding.clone(),
            replicas: self.target_replicas.clone(),
        };
        if let Some(completed) = reassignment.complete(&self.target_isr) {
            self.target_isr = completed.isr;
            self.target_replicas = completed.replicas;
            self.target_removing = Vec::new();
            self.target_adding = Vec::new();
        }
    }

    /// `maybePopulateTargetElr`: who leaves an ISR that is too small stays eligible.
    fn populate_target_elr(&mut self) {
        if !self.elr_enabled {
            return;
        }
        if self.target_isr.len() >= self.min_isr {
            self.target_elr = Vec::new();
            return;
        }
        let mut eligible = self.target_elr.clone();
        eligible.extend(&self.partition.isr);
        logbrook_sorted::sort(&mut eligible);
        eligible.dedup();
        eligible.retain(|id| {
            !self.target_isr.contains(id) && !self.unclean_shutdown_replicas.contains(id)
        });
        self.target_elr = eligible;
    }

    fn try_election(&mut self, change: &mut PartitionChange) {
        let elected = self.elect();
        if elected.node == self.partition.leader {
            return;
        }
        if self.target_elr.contains(&elected.node) {
            self.target_isr = vec![elected.node];
            self.target_elr.retain(|id| *id != elected.node);
        }
        change.leader = Some(elected.node);
        if elected.unclean {
            // Nobody else is known to have what the new leader has: what it lacks is lost.
            change.isr = Some(vec![elected.node]);
            if self.partition.leader_recovery_state != LeaderRecoveryState::Recovering {
                change.leader_recovery_state = Some(LeaderRecoveryState::Recovering);
            }
        }
    }

    /// `electPreferredLeader`, `electAnyLeader`.
    fn elect(&self) -> Elected {
        let clean = |node| Elected { node, unclean: false };
        let unclean = |node| Elected { node, unclean: true };
        let preferred = self.target_replicas.first().copied();
        if self.election == Election::Preferred
            && let Some(preferred) = preferred.filter(|id| self.is_valid_leader(*id))
        {
            return clean(preferred);
        }
        if self.is_valid_leader(self.partition.leader) {
            return clean(self.partition.leader);
        }
        if let Some(online) = self.target_replicas.iter().find(|id| self.is_valid_leader(**id)) {
            return clean(*online);
        }
        if let Some(last) = self.last_known_leader() {
            return unclean(last);
        }
        let anybody = self.target_replicas.iter().find(|id| (self.acceptable_leader)(**id));
        match (self.election, anybody) {
            (Election::Unclean, Some(anybody)) => unclean(*anybody),
            (Election::Unclean | Election::Online | Election::Preferred, _) => clean(NO_LEADER),
        }
    }

    /// One of the ISR, or of those eligible where that is empty.
    fn is_valid_leader(&self, id: i32) -> bool {
        let eligible = self.target_isr.contains(&id)
            || planted(Bug::ElectOutsideIsr)
            || (self.target_isr.is_empty() && self.target_elr.contains(&id));
        eligible && (self.acceptable_leader)(id)
    }

    /// Who led last, where nobody is in sync or eligible and it is back (`canElectLastKnownLeader`).
    fn last_known_leader(&self) -> Option<i32> {
        let nobody = self.target_elr.is_empty() && self.target_isr.is_empty();
        match self.partition.last_known_elr.as_slice() {
            [last] if self.elr_enabled && nobody && (self.acceptable_leader)(*last) => Some(*last),
            _several_or_none => None,
        }
    }

    /// A leader that no longer replicates to somebody has a new epoch
    /// (`triggerLeaderEpochBumpForReplicaReassignmentIfNeeded`).
    fn raise_leader_epoch_for_removed_replicas(&self, change: &mut PartitionChange) {
        let kept = self.partition.replicas.iter().all(|id| self.target_replicas.contains(id));
        if change.leader.is_none() && !kept {
            change.leader = Some(self.partition.leader);
        }
    }

    fn update_elr(&mut self, change: &mut PartitionChange) {
        // So far only an unclean election has set it.
        if change.isr.is_some() || !self.elr_enabled {
            self.target_elr = Vec::new();
        }
        if self.target_elr != self.partition.elr {
            change.elr = Some(self.target_elr.clone());
        }
    }

    /// The field keeps the last leader, from when there is none until there is one again.
    fn update_last_known_leader(&self, change: &mut PartitionChange) {
        if !self.elr_enabled {
            return;
        }
        let known = !self.partition.last_known_elr.is_empty();
        match change.leader {
            Some(NO_LEADER) if !known => {
                change.last_known_elr = Some(vec![self.partition.leader]);
            }
            Some(leader) if leader >= 0 && known => change.last_known_elr = Some(Vec::new()),
            Some(_) | None => {}
        }
    }

    fn set_assignment(&self, change: &mut PartitionChange) {
        if !self.target_replicas.is_empty() {
            let directory = |id: &i32| {
                let known = self.target_directories.get(id).copied();
                known.unwrap_or_else(|| (self.default_directory)(*id))
            };
            let directories: Vec<Uuid> = self.target_replicas.iter().map(directory).collect();
            change.directories = changed(directories, &self.partition.directories);
            change.replicas = changed(self.target_replicas.clone(), &self.partition.replicas);
        }
        change.removing_replicas =
            changed(self.target_removing.clone(), &self.partition.removing_replicas);
        change.adding_replicas =
            changed(self.target_adding.clone(), &self.partition.adding_replicas);
    }
}

fn changed<T: PartialEq>(new: Vec<T>, old: &[T]) -> Option<Vec<T>> {
    (new != old).then_some(new)
}

/// Where a replica of the partition is.
fn directory_of(partition: &PartitionRegistration, id: i32) -> Option<Uuid> {
    let at = partition.replicas.iter().position(|replica| *replica == id)?;
    Some(partition.directories.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
