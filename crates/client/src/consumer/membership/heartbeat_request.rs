//! ConsumerGroupHeartbeat: what the member tells of itself, when, and what it is told
//! (`ConsumerHeartbeatRequestManager`, `AbstractHeartbeatRequestManager`).

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupId, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_sorted::SortedSet;

use super::{LocalAssignment, MemberState};
use crate::consumer::subscription_state::SubscriptionType;
use crate::consumer::{Consumer, Pending};
use crate::error::KafkaError;
use crate::log_line::Level;
use crate::response_errors::code;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.ConsumerHeartbeatRequestManager";
/// `CONSUMER_PROTOCOL_NOT_SUPPORTED_MSG`.
const NOT_SUPPORTED: &str = "The cluster does not support the new CONSUMER group protocol. Set group.protocol=classic on the consumer configs to revert to the CLASSIC protocol until the cluster is upgraded.";

/// What was last told of the member; None where it must be told anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SentFields {
    rebalance_timeout: bool,
    topic_names: Option<SortedSet<String>>,
    regex: Option<String>,
    assignor: Option<String>,
    assignment: Option<LocalAssignment>,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

impl Consumer {
    pub(super) fn maybe_heartbeat(&mut self, now: i64) {
        if self.membership.skips_heartbeats() {
            return;
        }
        if !self.coordinator.is_known() {
            self.find_coordinator(now);
            return;
        }
        let poll_deadline = self
            .coordinator
            .last_poll_ms
            .saturating_add(i64::from(self.config.max_poll_interval_ms));
        if now >= poll_deadline {
            self.client.log(
                Level::Warn,
                LOGGER,
                "Consumer poll timeout has expired. This means the time between subsequent calls to poll() was longer than the configured max.poll.interval.ms, which typically implies that the poll loop is spending too much time processing messages. You can address this either by increasing max.poll.interval.ms or by reducing the maximum size of batches returned in poll() with max.poll.records."
                    .to_owned(),
            );
            self.membership.poll_timer_expired = true;
            self.membership.state = MemberState::Leaving;
            self.membership.reconciliation = super::Reconciliation::Idle;
            self.send_heartbeat(now, true);
            // Whether or not it could be sent, the member is out until the application polls.
            self.membership.state = MemberState::Stale;
            self.membership.sent = SentFields::default();
            self.membership.in_flight = false;
            self.set_epoch(0);
            self.release_lost();
            return;
        }
        let at_once =
            matches!(self.membership.state, MemberState::Acknowledging | MemberState::Joining);
        let is_due =
            now >= self.membership.next_heartbeat_ms || (at_once && self.membership.attempts == 0);
        if !self.membership.in_flight && is_due {
            self.send_heartbeat(now, false);
        }
    }

    /// Sends a heartbeat, if the coordinator can take one now.
    pub(super) fn send_heartbeat(&mut self, now: i64, is_leaving: bool) -> bool {
        let Some(node) = self.ready_coordinator(now) else { return false };
        if self.client.version(node.id, ApiKey::ConsumerGroupHeartbeat).is_none() {
            if !is_leaving {
                let error = ErrorCode::UnsupportedVersion;
                self.transition_to_fatal(KafkaError::with_message(error, NOT_SUPPORTED));
            }
            return false;
        }
        let (request, sent) = self.heartbeat_request(is_leaving);
        let token = self.pending(Pending::ConsumerHeartbeat { is_leaving });
        let request = Request::ConsumerGroupHeartbeat(request);
        if self.client.send(now, node.id, token, request).is_none() {
            self.pending.remove(&token);
            return false;
        }
        if is_leaving {
            self.coordinator.leaving = true;
            return true;
        }
        self.membership.sent = sent;
        self.membership.in_flight = true;
        self.membership.next_heartbeat_ms = now.saturating_add(self.membership.interval_ms);
        if self.membership.state == MemberState::Acknowledging {
            self.membership.state = if self.membership.is_reconciled() {
                MemberState::Stable
            } else {
                MemberState::Reconciling
            };
        }
        true
    }

    /// All about the member when it joins; else what has changed since it was last told.
    fn heartbeat_request(&self, is_leaving: bool) -> (ConsumerGroupHeartbeatRequest, SentFields) {
        let instance = self.config.group_instance_id.as_deref();
        let epoch = match instance {
            Some(_) if is_leaving => -2,
            None if is_leaving => -1,
            Some(_) | None => self.epoch(),
        };
        let group = self.config.group_id.as_deref().unwrap_or_default();
        let mut request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_member_id(text(&self.membership.member_id))
            .with_member_epoch(epoch)
            .with_instance_id(instance.map(text))
            .with_rack_id(None)
            .with_rebalance_timeout_ms(-1)
            .with_subscribed_topic_names(None)
            .with_subscribed_topic_regex(None)
            .with_server_assignor(None)
            .with_topic_partitions(None);
        let mut sent = self.membership.sent.clone();
        if is_leaving {
            return (request, sent);
        }
        let all = self.membership.state == MemberState::Joining;
        if all || !sent.rebalance_timeout {
            request.rebalance_timeout_ms = self.config.max_poll_interval_ms;
            sent.rebalance_timeout = true;
        }
        let names = &self.subscriptions.subscription;
        if all || sent.topic_names.as_ref() != Some(names) {
            let names = names.iter().map(|name| TopicName(text(name)));
            request.subscribed_topic_names = Some(names.collect());
            sent.topic_names = Some(self.subscriptions.subscription.clone());
        }
        let regex = match &self.subscriptions.kind {
            SubscriptionType::AutoServerPattern(pattern) => Some(pattern.clone()),
            SubscriptionType::None
            | SubscriptionType::AutoTopics
            | SubscriptionType::AutoPattern(_)
            | SubscriptionType::UserAssigned => None,
        };
        if (all && regex.is_some()) || regex != sent.regex {
            request.subscribed_topic_regex = Some(text(regex.as_deref().unwrap_or_default()));
            sent.regex = regex;
        }
        let assignor = &self.config.group_remote_assignor;
        if assignor.is_some() && (all || *assignor != sent.assignor) {
            request.server_assignor = assignor.as_deref().map(text);
            sent.assignor = assignor.clone();
        }
        let current = &self.membership.current;
        if all || sent.assignment.as_ref() != Some(current) {
            let owned = current.partitions.iter().map(|(topic_id, partitions)| {
                TopicPartitions::default()
                    .with_topic_id(*topic_id)
                    .with_partitions(partitions.iter().copied().collect())
            });
            request.topic_partitions = Some(owned.collect());
            sent.assignment = Some(current.clone());
        }
        if all {
            let rack = Some(self.config.client_rack.as_str()).filter(|rack| !rack.is_empty());
            request.rack_id = rack.map(text);
        }
        (request, sent)
    }

    pub(in crate::consumer) fn consumer_heartbeat_response(
        &mut self,
        now: i64,
        is_leaving: bool,
        result: Option<Response>,
    ) {
        if is_leaving {
            self.coordinator.leaving = false;
            return;
        }
        if !self.membership.in_flight {
            // The member left meanwhile.
            return;
        }
        self.membership.in_flight = false;
        let Some(Response::ConsumerGroupHeartbeat(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.heartbeat_failed_with(now);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => self.heartbeat_succeeded(now, response),
            error => self.heartbeat_refused(now, error, &response),
        }
    }

    fn heartbeat_succeeded(&mut self, now: i64, response: ConsumerGroupHeartbeatResponse) {
        self.membership.attempts = 0;
        self.membership.interval_ms = i64::from(response.heartbeat_interval_ms);
        self.membership.next_heartbeat_ms =
            now.max(self.last_poll_ms).saturating_add(self.membership.interval_ms);
        if self.membership.skips_heartbeats() || self.membership.state == MemberState::Leaving {
            return;
        }
        self.set_epoch(response.member_epoch);
        if let Some(assignment) = response.assignment {
            let partitions = assignment
                .topic_partitions
                .into_iter()
                .map(|topic| (topic.topic_id, topic.partitions.into_iter().collect()))
                .collect();
            self.assignment_received(partitions);
        }
    }

    /// Again after the backoff, with everything that the coordinator must know.
    fn heartbeat_failed_with(&mut self, now: i64) {
        let wait = self.client.retry_backoff(self.membership.attempts);
        self.membership.attempts = self.membership.attempts.saturating_add(1);
        self.membership.next_heartbeat_ms = now.saturating_add(wait);
        self.membership.sent = SentFields::default();
    }

    fn heartbeat_refused(
        &mut self,
        now: i64,
        error: ErrorCode,
        response: &ConsumerGroupHeartbeatResponse,
    ) {
        self.heartbeat_failed_with(now);
        let message = response.error_message.as_ref().map(|text| text.to_string());
        let message = message.unwrap_or_else(|| error.message().to_owned());
        match error {
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.mark_coordinator_unknown(now);
                self.membership.attempts = 0;
                self.membership.next_heartbeat_ms = now;
            }
            ErrorCode::CoordinatorLoadInProgress => {}
            ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId => {
                self.membership.attempts = 0;
                self.transition_to_fenced();
            }
            ErrorCode::TopicAuthorizationFailed => self.raise(KafkaError::of(error)),
            ErrorCode::GroupAuthorizationFailed => {
                let group = self.config.group_id.clone().unwrap_or_default();
                let message = format!("Not authorized to access group: {group}");
                self.transition_to_fatal(KafkaError::with_message(error, message));
            }
            ErrorCode::UnsupportedVersion => {
                self.transition_to_fatal(KafkaError::with_message(error, NOT_SUPPORTED));
            }
            ErrorCode::InvalidRegularExpression => {
                let message = format!(
                    "Invalid RE2J SubscriptionPattern provided in the call to subscribe. {message}"
                );
                self.transition_to_fatal(KafkaError::with_message(error, message));
            }
            error => {
                self.client.log(
                    Level::Error,
                    LOGGER,
                    format!(
                        "ConsumerGroupHeartbeatRequest failed due to {}: {message}",
                        error.name()
                    ),
                );
                self.transition_to_fatal(KafkaError::with_message(error, message));
            }
        }
    }
}
