//! A rebalance from the wish to rejoin to the new assignment (`joinGroupIfNeeded`,
//! `onJoinPrepare`, `onJoinComplete`).
//!
//! ```text
//!   Idle --rejoin needed--> Committing --> Revoking --> Joining --> (leader: waits for metadata,
//!     ^                    (auto commit)  (callback)       ^         assigns)
//!     |                                                    |             |
//!     +-- Completing <-- Synced <-- Syncing <--------------+-------------+
//!         (cooperative: callback for what is given up, then rejoin)
//! ```

use bytes::Bytes;
use kafka_protocol::messages::JoinGroupResponse;
use logbrook_group::consumer_protocol::Assignment;

use super::{MemberState, group_partitions};
use crate::consumer::commit::CommitKind;
use crate::consumer::subscription_state::SubscriptionType;
use crate::consumer::{Consumer, ConsumerOutput};
use crate::error::KafkaError;
use crate::topic_partition::TopicPartition;

/// Where a rebalance stands.
#[derive(Clone, Debug)]
pub(super) enum Rebalance {
    Idle,
    /// The automatic commit before a rebalance is under way.
    Committing,
    /// The application was told what it loses; it may commit before the join goes out.
    Revoking,
    Joining,
    /// The leader wants the partitions of all topics of the group.
    AwaitingMetadata {
        response: Box<JoinGroupResponse>,
        version: u64,
    },
    Syncing,
    /// The assignment is here and waits for the application's next poll.
    Synced(Bytes),
    /// Cooperative: the application was told what it gives up.
    Completing(Vec<TopicPartition>),
}

impl Consumer {
    /// `rejoinNeededOrPending`.
    pub(super) fn rejoin_needed(&mut self) -> bool {
        if !self.subscriptions.has_auto_assigned_partitions() {
            return false;
        }
        if let Some(snapshot) = &self.coordinator.assignment_snapshot
            && *snapshot != self.partitions_per_topic(snapshot.keys())
            && !self.coordinator.rejoin_needed
        {
            self.request_rejoin("cached metadata has changed");
        } else if let Some(joined) = &self.coordinator.joined_subscription
            && *joined != self.subscriptions.subscription
            && !self.coordinator.rejoin_needed
        {
            self.request_rejoin("subscription has changed");
        }
        self.coordinator.rejoin_needed || !matches!(self.coordinator.rebalance, Rebalance::Idle)
    }

    pub(super) fn advance_rebalance(&mut self, now: i64) {
        loop {
            match self.coordinator.rebalance.clone() {
                Rebalance::Idle => {
                    if !self.coordinator.is_known() {
                        self.find_coordinator(now);
                        return;
                    }
                    if self.pattern_awaits_metadata() || now < self.coordinator.join_retry_ms {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Committing;
                    if self.config.enable_auto_commit
                        && self.coordinator.state == MemberState::Stable
                    {
                        let revoked = self.to_be_revoked();
                        self.subscriptions.mark_pending_revocation(&revoked);
                        self.auto_commit(now, CommitKind::Prepare);
                    }
                }
                Rebalance::Committing => {
                    if self.has_commit(CommitKind::Prepare) {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Revoking;
                    if self.tell_what_is_revoked() {
                        // The application's callback runs before the next poll.
                        self.fence = true;
                        return;
                    }
                }
                Rebalance::Revoking => {
                    if self.has_application_sync_commit() {
                        return;
                    }
                    self.give_up_revoked();
                    self.coordinator.is_leader = false;
                    self.subscriptions.group_subscription.clear();
                    if !self.send_join(now) {
                        return;
                    }
                }
                Rebalance::AwaitingMetadata { response, version } => {
                    if self.client.metadata.version <= version {
                        return;
                    }
                    self.sync_as_leader(now, &response);
                }
                Rebalance::Synced(assignment) => {
                    self.coordinator.rebalance = Rebalance::Idle;
                    self.join_complete(now, &assignment);
                    if self.fence {
                        return;
                    }
                    if !self.coordinator.rejoin_needed {
                        return;
                    }
                }
                Rebalance::Completing(assigned) => {
                    if self.has_application_sync_commit() {
                        return;
                    }
                    self.coordinator.rebalance = Rebalance::Idle;
                    self.take_assignment(now, &assigned);
                }
                Rebalance::Joining | Rebalance::Syncing => return,
            }
            if matches!(self.coordinator.rebalance, Rebalance::Idle)
                && !self.coordinator.rejoin_needed
            {
                return;
            }
        }
    }

    /// What this member gives up before it joins: everything (eager), or what it no longer subscribes
    /// to (cooperative).
    fn to_be_revoked(&self) -> Vec<TopicPartition> {
        let mut partitions = self.subscriptions.assigned_sorted();
        if self.is_cooperative() && !self.is_lost() {
            partitions
                .retain(|partition| !self.subscriptions.subscription.contains(&partition.topic));
        }
        partitions
    }

    fn tell_what_is_revoked(&mut self) -> bool {
        let partitions = self.to_be_revoked();
        if partitions.is_empty() {
            return false;
        }
        self.subscriptions.mark_pending_revocation(&partitions);
        self.outputs.push_back(if self.is_lost() {
            ConsumerOutput::Lost(partitions)
        } else {
            ConsumerOutput::Revoked(partitions)
        });
        true
    }

    fn give_up_revoked(&mut self) {
        let revoked = self.to_be_revoked();
        let mut kept = self.subscriptions.assigned_sorted();
        kept.retain(|partition| !revoked.contains(partition));
        self.subscriptions.assign_from_subscribed(&kept);
        self.drop_unassigned_fetches();
    }

    /// `onJoinComplete`.
    fn join_complete(&mut self, now: i64, bytes: &Bytes) {
        let Ok(assignment) = Assignment::decode(bytes) else {
            self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                format!(
                    "There are insufficient bytes available to read assignment from the sync-group response (actual byte size {}) , this is not expected; it is possible that the leader's assign function is buggy and did not return any assignment for this member, or because static member is configured and the protocol is buggy hence did not get the assignment for this member",
                    bytes.len()
                ),
            ));
            return;
        };
        if !self.coordinator.is_leader {
            self.coordinator.assignment_snapshot = None;
        }
        let mut assigned: Vec<TopicPartition> = assignment
            .partitions
            .iter()
            .map(|partition| TopicPartition::new(partition.topic.clone(), partition.partition))
            .collect();
        logbrook_sorted::sort(&mut assigned);
        let matches = assigned.iter().all(|partition| self.matches_subscription(&partition.topic));
        if !matches {
            self.request_rejoin("received assignment does not match the current subscription");
            return;
        }
        self.coordinator.last_assignment = Some(group_partitions(&assigned));
        self.coordinator.last_generation = self.coordinator.generation.id;
        self.coordinator.group_metadata = self.coordinator.generation.clone();
        if self.is_cooperative() {
            let mut revoked = self.subscriptions.assigned_sorted();
            revoked.retain(|partition| !assigned.contains(partition));
            if !revoked.is_empty() {
                self.subscriptions.mark_pending_revocation(&revoked);
                self.outputs.push_back(ConsumerOutput::Revoked(revoked));
                self.request_rejoin("need to revoke partitions and re-join");
                self.coordinator.rebalance = Rebalance::Completing(assigned);
                self.fence = true;
                return;
            }
        }
        self.take_assignment(now, &assigned);
    }

    fn matches_subscription(&self, topic: &str) -> bool {
        match &self.subscriptions.kind {
            SubscriptionType::AutoPattern(pattern) => pattern.is_match(topic),
            SubscriptionType::AutoTopics => self.subscriptions.subscription.contains(topic),
            // The coordinator's regular expressions are of the other protocol.
            SubscriptionType::AutoServerPattern(_)
            | SubscriptionType::None
            | SubscriptionType::UserAssigned => false,
        }
    }

    fn take_assignment(&mut self, now: i64, assigned: &[TopicPartition]) {
        let owned = self.subscriptions.assigned_sorted();
        let added: Vec<TopicPartition> =
            assigned.iter().filter(|partition| !owned.contains(partition)).cloned().collect();
        if self.config.enable_auto_commit {
            self.coordinator.next_auto_commit_ms =
                now.saturating_add(self.config.auto_commit_interval_ms);
        }
        self.subscriptions.assign_from_subscribed(assigned);
        self.drop_unassigned_fetches();
        self.outputs.push_back(ConsumerOutput::Assigned(added));
    }
}
