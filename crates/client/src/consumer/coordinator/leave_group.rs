//! Leaving: LeaveGroup on close, unsubscribe and a poll loop that is too slow (`maybeLeaveGroup`,
//! `onLeavePrepare`).

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{ApiKey, LeaveGroupRequest};
use logbrook_broker::wire::Request;

use super::rebalance::Rebalance;
use super::{Generation, MemberState, text};
use crate::consumer::{Consumer, ConsumerOutput, Pending};

impl Consumer {
    /// `maybeLeaveGroup`: dynamic members only. True if a request went out.
    pub(super) fn send_leave(&mut self, now: i64, reason: &str) -> bool {
        let generation = self.coordinator.generation.clone();
        let dynamic = self.config.group_instance_id.is_none();
        if !dynamic
            || generation.member_id.is_empty()
            || self.coordinator.state == MemberState::Unjoined
        {
            return false;
        }
        let Some(node) = self.coordinator.node.clone() else { return false };
        if !self.client.ready(now, &node) {
            return false;
        }
        let version = self.client.version(node.id, ApiKey::LeaveGroup).unwrap_or_default();
        let request = LeaveGroupRequest::default().with_group_id(self.group());
        // Version 3 lets several members leave at once (KIP-345).
        let request = if version >= 3 {
            request.with_members(vec![
                MemberIdentity::default()
                    .with_member_id(text(&generation.member_id))
                    .with_group_instance_id(None)
                    .with_reason(Some(text(reason))),
            ])
        } else {
            request.with_member_id(text(&generation.member_id))
        };
        let token = self.pending(Pending::Leave);
        let sent = self.client.send(now, node.id, token, Request::LeaveGroup(request)).is_some();
        if sent {
            self.coordinator.leaving = true;
        } else {
            self.pending.remove(&token);
        }
        sent
    }

    pub(in crate::consumer) fn leave_response(&mut self) {
        self.coordinator.leaving = false;
    }

    /// Leaves on close or unsubscribe. True if there is a response to wait for.
    pub(in crate::consumer) fn leave_group(&mut self, now: i64, reason: &str) -> bool {
        if self.uses_consumer_protocol() {
            return self.leave_membership(now);
        }
        let sent = self.send_leave(now, reason);
        self.coordinator.generation = Generation::none();
        self.coordinator.state = MemberState::Unjoined;
        self.coordinator.rebalance = Rebalance::Idle;
        self.coordinator.rejoin_needed = true;
        self.coordinator.joined_subscription = None;
        self.coordinator.assignment_snapshot = None;
        sent
    }

    pub(in crate::consumer) fn is_leaving(&self) -> bool {
        self.coordinator.leaving
    }

    /// What a closing or unsubscribing member tells its application.
    pub(in crate::consumer) fn tell_revoked_on_leave(&mut self) -> bool {
        if self.uses_consumer_protocol() && self.subscriptions.has_auto_assigned_partitions() {
            return self.tell_revoked_on_membership_leave();
        }
        let partitions = self.subscriptions.assigned_sorted();
        if !self.subscriptions.has_auto_assigned_partitions() || partitions.is_empty() {
            return false;
        }
        self.outputs.push_back(if self.is_lost() {
            ConsumerOutput::Lost(partitions)
        } else {
            ConsumerOutput::Revoked(partitions)
        });
        true
    }
}
