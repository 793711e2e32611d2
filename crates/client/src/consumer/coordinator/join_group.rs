//! JoinGroup: what this member can do, and what the group says to it (`sendJoinGroupRequest`,
//! `JoinGroupResponseHandler`).

use kafka_protocol::messages::JoinGroupRequest;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_group::consumer_protocol::{PROTOCOL_TYPE, Subscription};

use super::rebalance::Rebalance;
use super::{Generation, LOGGER, MemberState, group_partitions, text};
use crate::consumer::{Consumer, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::response_errors::code;

/// How much longer than a rebalance a JoinGroup may take (`JOIN_GROUP_TIMEOUT_LAPSE`), ms.
const JOIN_GROUP_TIMEOUT_LAPSE_MS: i64 = 5_000;

impl Consumer {
    /// `sendJoinGroupRequest`.
    pub(super) fn send_join(&mut self, now: i64) -> bool {
        let Some(node) = self.ready_coordinator(now) else { return false };
        let owned = group_partitions(&self.subscriptions.assigned_sorted());
        let topics: Vec<String> = self.subscriptions.subscription.iter().cloned().collect();
        let rack = Some(self.config.client_rack.clone()).filter(|rack| !rack.is_empty());
        let coordinator = &self.coordinator;
        let protocols = self
            .config
            .assignors
            .iter()
            .map(|assignor| {
                let mut subscription = Subscription::to(topics.clone());
                subscription.user_data = assignor.subscription_user_data(
                    coordinator.last_assignment.as_deref(),
                    coordinator.last_generation,
                );
                subscription.owned_partitions = owned.clone();
                subscription.generation_id = coordinator.generation.id;
                subscription.rack_id = rack.clone();
                JoinGroupRequestProtocol::default()
                    .with_name(text(assignor.name()))
                    .with_metadata(subscription.encode().into())
            })
            .collect();
        // `maybeTruncateReason`: at most 255 characters.
        let reason: String = coordinator.rejoin_reason.chars().take(255).collect();
        let request = JoinGroupRequest::default()
            .with_group_id(self.group())
            .with_session_timeout_ms(self.config.session_timeout_ms)
            .with_rebalance_timeout_ms(self.config.max_poll_interval_ms)
            .with_member_id(text(&coordinator.generation.member_id))
            .with_group_instance_id(self.instance())
            .with_protocol_type(StrBytes::from_static_str(PROTOCOL_TYPE))
            .with_protocols(protocols)
            .with_reason(Some(StrBytes::from_string(reason)));
        let timeout = self
            .config
            .common
            .request_timeout_ms
            .max(i64::from(self.config.max_poll_interval_ms) + JOIN_GROUP_TIMEOUT_LAPSE_MS);
        let token = self.pending(Pending::Join);
        let request = Request::JoinGroup(request);
        if self.client.send_with_timeout(now, node.id, token, request, timeout).is_none() {
            self.pending.remove(&token);
            return false;
        }
        self.coordinator.joined_subscription = Some(self.subscriptions.subscription.clone());
        self.coordinator.state = MemberState::PreparingRebalance;
        self.coordinator.rebalance = Rebalance::Joining;
        true
    }

    pub(in crate::consumer) fn join_response(&mut self, now: i64, result: Option<Response>) {
        if !matches!(self.coordinator.rebalance, Rebalance::Joining) {
            return;
        }
        let Some(Response::JoinGroup(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.join_failed(now, ErrorCode::NetworkException);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => {
                self.coordinator.state = MemberState::CompletingRebalance;
                self.coordinator.join_attempts = 0;
                self.reset_heartbeat(now);
                self.coordinator.generation = Generation {
                    id: response.generation_id,
                    member_id: response.member_id.to_string(),
                    protocol: response.protocol_name.as_ref().map(|name| name.to_string()),
                };
                if response.leader == response.member_id {
                    self.elected_leader(now, response);
                } else {
                    self.coordinator.is_leader = false;
                    self.send_sync(now, Vec::new());
                }
            }
            ErrorCode::MemberIdRequired => {
                self.coordinator.generation =
                    Generation { member_id: response.member_id.to_string(), ..Generation::none() };
                self.coordinator.state = MemberState::Unjoined;
                self.request_rejoin(format!(
                    "need to re-join with the given member-id: {}",
                    response.member_id
                ));
                // Nothing was given up since: straight to the second join.
                self.coordinator.rebalance = Rebalance::Revoking;
            }
            ErrorCode::UnknownMemberId => {
                self.reset_generation("rebalance failed due to UnknownMemberIdException", false);
            }
            error @ (ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator) => {
                self.mark_coordinator_unknown(now);
                self.join_failed(now, error);
            }
            error @ (ErrorCode::CoordinatorLoadInProgress | ErrorCode::RebalanceInProgress) => {
                self.join_failed(now, error);
            }
            error => {
                let group = self.config.group_id.clone().unwrap_or_default();
                let raised = match error {
                    ErrorCode::GroupMaxSizeReached => KafkaError::with_message(
                        error,
                        format!(
                            "Consumer group {group} already has the configured maximum number of members."
                        ),
                    ),
                    ErrorCode::GroupAuthorizationFailed => KafkaError::with_message(
                        error,
                        format!("Not authorized to access group: {group}"),
                    ),
                    ErrorCode::InconsistentGroupProtocol
                    | ErrorCode::InvalidSessionTimeout
                    | ErrorCode::InvalidGroupId
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::UnsupportedVersion => KafkaError::of(error),
                    other => KafkaError::client(
                        KAFKA,
                        format!("Unexpected error in join group response: {}", other.message()),
                    ),
                };
                self.client.log(
                    Level::Error,
                    LOGGER,
                    format!("JoinGroup failed due to fatal error: {}", error.message()),
                );
                self.join_failed(now, error);
                self.raise(raised);
            }
        }
    }

    /// A join or sync that failed: again, after the backoff.
    pub(super) fn join_failed(&mut self, now: i64, error: ErrorCode) {
        self.coordinator.state = MemberState::Unjoined;
        self.coordinator.rebalance = Rebalance::Idle;
        let wait = match error {
            ErrorCode::RebalanceInProgress
            | ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration => 0,
            _ => self.client.retry_backoff(self.coordinator.join_attempts),
        };
        self.coordinator.join_attempts = self.coordinator.join_attempts.saturating_add(1);
        self.coordinator.join_retry_ms = now.saturating_add(wait);
        self.request_rejoin(format!("rebalance failed due to {}", error.exception()));
    }
}
