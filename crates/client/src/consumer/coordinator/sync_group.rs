//! The leader's assignment, and SyncGroup, by which every member gets its part (`onLeaderElected`,
//! `sendSyncGroupRequest`, `SyncGroupResponseHandler`).

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{JoinGroupResponse, SyncGroupRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_group::assignors::{Assignor, GroupMember, PartitionsPerTopic, Subscriptions};
use logbrook_group::consumer_protocol::{Assignment, PROTOCOL_TYPE, Subscription};

use super::rebalance::Rebalance;
use super::{MemberState, text};
use crate::consumer::{Consumer, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::response_errors::code;

impl Consumer {
    /// `onLeaderElected`: the metadata of every topic of the group are needed.
    pub(super) fn elected_leader(&mut self, now: i64, response: JoinGroupResponse) {
        let mut topics = SortedSet::new();
        for member in &response.members {
            if let Ok(subscription) = Subscription::decode(&member.metadata) {
                topics.extend(subscription.topics);
            }
        }
        self.coordinator.is_leader = true;
        self.subscriptions.group_subscription = topics;
        self.update_interest();
        let metadata = &self.client.metadata;
        let stale = metadata.version == 0
            || metadata.update_wanted()
            || metadata.next_update_at().is_some_and(|at| at <= now);
        if stale {
            let version = metadata.version;
            self.client.metadata.request_update(false);
            let response = Box::new(response);
            self.coordinator.rebalance = Rebalance::AwaitingMetadata { response, version };
        } else {
            self.sync_as_leader(now, &response);
        }
    }

    pub(super) fn sync_as_leader(&mut self, now: i64, response: &JoinGroupResponse) {
        let group_subscription = self.subscriptions.group_subscription.clone();
        let counts = self.partitions_per_topic(group_subscription.iter());
        self.coordinator.assignment_snapshot = Some(counts.clone());
        if response.skip_assignment {
            self.send_sync(now, Vec::new());
            return;
        }
        let name = self.coordinator.generation.protocol.clone().unwrap_or_default();
        let Some(assignor) = Assignor::by_name(&name) else {
            self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                format!("Coordinator selected invalid assignment protocol: {name}"),
            ));
            return;
        };
        let mut members = Subscriptions::new();
        for member in &response.members {
            if let Ok(subscription) = Subscription::decode(&member.metadata) {
                let group_instance_id =
                    member.group_instance_id.as_ref().map(|instance| instance.to_string());
                members.insert(
                    member.member_id.to_string(),
                    GroupMember { subscription, group_instance_id },
                );
            }
        }
        let existing: PartitionsPerTopic =
            counts.into_iter().filter(|(_, count)| *count > 0).collect();
        let assignments = assignor
            .assign(&existing, &members)
            .into_iter()
            .map(|(member, partitions)| {
                SyncGroupRequestAssignment::default()
                    .with_member_id(StrBytes::from_string(member))
                    .with_assignment(Assignment::of(partitions).encode().into())
            })
            .collect();
        self.send_sync(now, assignments);
    }

    pub(super) fn send_sync(&mut self, now: i64, assignments: Vec<SyncGroupRequestAssignment>) {
        self.coordinator.rebalance = Rebalance::Syncing;
        let node = self.coordinator.node.clone();
        let Some(node) = node.filter(|node| self.client.ready(now, node)) else {
            self.join_failed(now, ErrorCode::CoordinatorNotAvailable);
            return;
        };
        let generation = &self.coordinator.generation;
        let request = SyncGroupRequest::default()
            .with_group_id(self.group())
            .with_generation_id(generation.id)
            .with_member_id(text(&generation.member_id))
            .with_group_instance_id(self.instance())
            .with_protocol_type(Some(StrBytes::from_static_str(PROTOCOL_TYPE)))
            .with_protocol_name(generation.protocol.as_deref().map(text))
            .with_assignments(assignments);
        let token = self.pending(Pending::Sync);
        // Unlike a join it has the usual request.timeout.ms: the leader's answer is only computed.
        if self.client.send(now, node.id, token, Request::SyncGroup(request)).is_none() {
            self.pending.remove(&token);
            self.join_failed(now, ErrorCode::UnsupportedVersion);
        }
    }

    pub(in crate::consumer) fn sync_response(&mut self, now: i64, result: Option<Response>) {
        if !matches!(self.coordinator.rebalance, Rebalance::Syncing) {
            return;
        }
        let Some(Response::SyncGroup(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.join_failed(now, ErrorCode::NetworkException);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => {
                self.coordinator.state = MemberState::Stable;
                self.coordinator.rejoin_needed = false;
                self.coordinator.rejoin_reason.clear();
                self.coordinator.rebalance = Rebalance::Synced(response.assignment);
            }
            error @ (ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) => {
                self.mark_coordinator_unknown(now);
                self.join_failed(now, error);
            }
            error @ ErrorCode::RebalanceInProgress => self.join_failed(now, error),
            error @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                self.reset_generation("", error == ErrorCode::IllegalGeneration);
                self.join_failed(now, error);
            }
            error => {
                let raised = match error {
                    ErrorCode::FencedInstanceId => KafkaError::of(error),
                    other => KafkaError::client(
                        KAFKA,
                        format!("Unexpected error from SyncGroup: {}", other.message()),
                    ),
                };
                self.join_failed(now, error);
                self.raise(raised);
            }
        }
    }
}
