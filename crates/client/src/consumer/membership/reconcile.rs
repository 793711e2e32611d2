//! From what is owned to what was assigned: commit, give up, take (`maybeReconcile`,
//! `revokeAndAssign`).

use logbrook_sorted::{SortedMap, SortedSet};
use uuid::Uuid;

use super::{LocalAssignment, MemberState};
use crate::consumer::commit::CommitKind;
use crate::consumer::{Consumer, ConsumerOutput};
use crate::topic_partition::TopicPartition;

/// Where a reconciliation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reconciliation {
    Idle,
    /// The automatic commit before it is under way.
    Committing(Resolved),
    /// The application was told what it gives up; it may commit before that goes.
    Revoking(Resolved),
}

/// An assignment as far as the topics' names are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    local: LocalAssignment,
    partitions: Vec<TopicPartition>,
}

impl Consumer {
    /// An assignment came with a heartbeat (`processAssignmentReceived`).
    pub(super) fn assignment_received(&mut self, partitions: SortedMap<Uuid, SortedSet<i32>>) {
        let membership = &mut self.membership;
        if membership.target.partitions != partitions || membership.target.epoch < 0 {
            let epoch = membership.target.epoch.max(membership.current.epoch) + 1;
            membership.target = LocalAssignment { epoch, partitions };
        }
        if !membership.is_reconciled() {
            membership.state = MemberState::Reconciling;
        } else if matches!(membership.state, MemberState::Reconciling | MemberState::Joining) {
            membership.state = MemberState::Stable;
        }
    }

    /// Goes as far as it can without waiting. What revokes, or commits, begins only while the
    /// application is inside poll: else it could be at work on records of what is taken away.
    pub(super) fn advance_reconciliation(&mut self, now: i64, in_poll: bool) {
        loop {
            match self.membership.reconciliation.clone() {
                Reconciliation::Idle => {
                    if !self.begin_reconciliation(now, in_poll) {
                        return;
                    }
                }
                Reconciliation::Committing(resolved) => {
                    if self.has_commit(CommitKind::Prepare) {
                        return;
                    }
                    if self.is_aborted() {
                        continue;
                    }
                    let revoked = self.revoked_by(&resolved.partitions);
                    self.membership.reconciliation = Reconciliation::Revoking(resolved);
                    if !revoked.is_empty() {
                        self.outputs.push_back(ConsumerOutput::Revoked(revoked));
                        self.fence = true;
                        return;
                    }
                }
                Reconciliation::Revoking(resolved) => {
                    if self.has_application_sync_commit() {
                        return;
                    }
                    if self.is_aborted() {
                        continue;
                    }
                    self.membership.reconciliation = Reconciliation::Idle;
                    self.take_resolved(now, resolved);
                    return;
                }
            }
        }
    }

    /// `maybeAbortReconciliation`: the member is no longer where it began.
    fn is_aborted(&mut self) -> bool {
        let membership = &mut self.membership;
        let is_aborted =
            membership.state != MemberState::Reconciling || membership.rejoined_while_reconciling;
        if is_aborted {
            membership.reconciliation = Reconciliation::Idle;
            membership.rejoined_while_reconciling = false;
        }
        is_aborted
    }

    fn begin_reconciliation(&mut self, now: i64, in_poll: bool) -> bool {
        if self.membership.state != MemberState::Reconciling || self.membership.is_reconciled() {
            return false;
        }
        let resolved = self.resolve_target();
        let membership = &mut self.membership;
        if membership.current.epoch >= 0
            && resolved.local.partitions == membership.current.partitions
        {
            membership.current = resolved.local;
            membership.state = MemberState::Acknowledging;
            return false;
        }
        let revoked = self.revoked_by(&resolved.partitions);
        let commits = self.config.enable_auto_commit;
        if !in_poll && (commits || !revoked.is_empty()) {
            return false;
        }
        self.membership.rejoined_while_reconciling = false;
        self.subscriptions.mark_pending_revocation(&revoked);
        if commits {
            self.auto_commit(now, CommitKind::Prepare);
        }
        self.membership.reconciliation = Reconciliation::Committing(resolved);
        true
    }

    fn revoked_by(&self, assigned: &[TopicPartition]) -> Vec<TopicPartition> {
        let mut revoked = self.subscriptions.assigned_sorted();
        revoked.retain(|partition| !assigned.contains(partition));
        revoked
    }

    /// `findResolvableAssignmentAndTriggerMetadataUpdate`.
    fn resolve_target(&mut self) -> Resolved {
        let target = &self.membership.target;
        let mut local = LocalAssignment { epoch: target.epoch, partitions: SortedMap::new() };
        let mut partitions = Vec::new();
        let mut is_complete = true;
        for (topic_id, indexes) in &target.partitions {
            let topics = &self.client.metadata.topics;
            let known = topics.iter().find(|(_, topic)| topic.id == *topic_id);
            let name = match known {
                Some((name, _)) => Some(name.clone()),
                None => self.membership.names.get(topic_id).cloned(),
            };
            match name {
                Some(name) => {
                    let of_topic = |index: &i32| TopicPartition::new(name.clone(), *index);
                    partitions.extend(indexes.iter().map(of_topic));
                    local.partitions.insert(*topic_id, indexes.clone());
                    self.membership.names.insert(*topic_id, name);
                }
                None => is_complete = false,
            }
        }
        if !is_complete {
            self.client.metadata.request_update(false);
        }
        logbrook_sorted::sort(&mut partitions);
        Resolved { local, partitions }
    }

    fn take_resolved(&mut self, now: i64, resolved: Resolved) {
        let owned = self.subscriptions.assigned_sorted();
        let mut added = resolved.partitions.clone();
        added.retain(|partition| !owned.contains(partition));
        if self.config.enable_auto_commit {
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.auto_commit_interval_ms);
        }
        self.subscriptions.assign_from_subscribed(&resolved.partitions);
        self.drop_unassigned_fetches();
        self.outputs.push_back(ConsumerOutput::Assigned(added));
        self.membership.current = resolved.local;
        self.membership.state = MemberState::Acknowledging;
    }
}
