//! Heartbeats, and the two timeouts that end a membership: the session's and the poll loop's
//! (`HeartbeatThread`, `Heartbeat`, `HeartbeatResponseHandler`).

use kafka_protocol::messages::HeartbeatRequest;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};

use super::{Generation, LOGGER, MemberState, text};
use crate::consumer::{Consumer, Pending};
use crate::error::KafkaError;
use crate::log_line::Level;
use crate::response_errors::code;

impl Consumer {
    pub(super) fn reset_heartbeat(&mut self, now: i64) {
        let coordinator = &mut self.coordinator;
        coordinator.heartbeat_in_flight = false;
        coordinator.heartbeat_attempts = 0;
        coordinator.next_heartbeat_ms = now.saturating_add(self.config.heartbeat_interval_ms);
        coordinator.session_deadline_ms =
            now.saturating_add(i64::from(self.config.session_timeout_ms));
    }

    /// One round of Java's heartbeat thread.
    pub(in crate::consumer) fn heartbeat_tick(&mut self, now: i64, in_poll: bool) {
        match self.coordinator.state {
            MemberState::Unjoined | MemberState::PreparingRebalance => return,
            MemberState::CompletingRebalance | MemberState::Stable => {}
        }
        if in_poll {
            self.coordinator.last_poll_ms = now;
        }
        let poll_deadline = self
            .coordinator
            .last_poll_ms
            .saturating_add(i64::from(self.config.max_poll_interval_ms));
        if !self.coordinator.is_known() {
            self.find_coordinator(now);
        } else if now >= self.coordinator.session_deadline_ms {
            self.client.log(
                Level::Info,
                LOGGER,
                "Group coordinator is unavailable or invalid due to cause: session timed out without receiving a heartbeat response. isDisconnected: false. Rediscovery will be attempted."
                    .to_owned(),
            );
            self.mark_coordinator_unknown(now);
            self.coordinator.session_deadline_ms =
                now.saturating_add(i64::from(self.config.session_timeout_ms));
        } else if now >= poll_deadline {
            self.client.log(
                Level::Warn,
                LOGGER,
                "consumer poll timeout has expired. This means the time between subsequent calls to poll() was longer than the configured max.poll.interval.ms, which typically implies that the poll loop is spending too much time processing messages. You can address this either by increasing max.poll.interval.ms or by reducing the maximum size of batches returned in poll() with max.poll.records."
                    .to_owned(),
            );
            self.send_leave(now, "consumer poll timeout has expired.");
            self.reset_generation("consumer pro-actively leaving the group", false);
        } else if !self.coordinator.heartbeat_in_flight && now >= self.coordinator.next_heartbeat_ms
        {
            let Some(node) = self.ready_coordinator(now) else { return };
            let generation = self.coordinator.generation.clone();
            let request = HeartbeatRequest::default()
                .with_group_id(self.group())
                .with_generation_id(generation.id)
                .with_member_id(text(&generation.member_id))
                .with_group_instance_id(self.instance());
            let token = self.pending(Pending::Heartbeat { generation });
            if self.client.send(now, node.id, token, Request::Heartbeat(request)).is_some() {
                self.coordinator.heartbeat_in_flight = true;
                self.coordinator.next_heartbeat_ms =
                    now.saturating_add(self.config.heartbeat_interval_ms);
            } else {
                self.pending.remove(&token);
            }
        }
    }

    pub(in crate::consumer) fn heartbeat_response(
        &mut self,
        now: i64,
        sent: &Generation,
        result: Option<Response>,
    ) {
        self.coordinator.heartbeat_in_flight = false;
        let unchanged = *sent == self.coordinator.generation;
        let Some(Response::Heartbeat(response)) = result else {
            self.mark_coordinator_unknown(now);
            self.heartbeat_failed(now);
            return;
        };
        match code(response.error_code) {
            ErrorCode::None => self.heartbeat_received(now),
            ErrorCode::RebalanceInProgress => {
                self.heartbeat_received(now);
                if self.coordinator.state == MemberState::Stable {
                    self.request_rejoin("group is already rebalancing");
                }
            }
            ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => {
                self.mark_coordinator_unknown(now);
                self.heartbeat_failed(now);
            }
            error @ (ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::FencedInstanceId) => {
                if !unchanged {
                    return;
                }
                if error == ErrorCode::FencedInstanceId {
                    self.client.log(
                        Level::Error,
                        LOGGER,
                        format!(
                            "Caught fenced group.instance.id Optional[{}] error in heartbeat thread",
                            self.config.group_instance_id.clone().unwrap_or_default()
                        ),
                    );
                    self.raise(KafkaError::of(error));
                }
                let reason = format!("encountered {} from HEARTBEAT response", error.name());
                self.reset_generation(&reason, error == ErrorCode::IllegalGeneration);
            }
            // Whatever else: `HeartbeatThread` tries again, and poll does not throw.
            _ => self.heartbeat_failed(now),
        }
    }

    fn heartbeat_received(&mut self, now: i64) {
        self.coordinator.heartbeat_attempts = 0;
        self.coordinator.session_deadline_ms =
            now.saturating_add(i64::from(self.config.session_timeout_ms));
    }

    fn heartbeat_failed(&mut self, now: i64) {
        let wait = self.client.retry_backoff(self.coordinator.heartbeat_attempts);
        self.coordinator.heartbeat_attempts = self.coordinator.heartbeat_attempts.saturating_add(1);
        self.coordinator.next_heartbeat_ms = now.saturating_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::HeartbeatResponse;

    use super::*;
    use crate::consumer::{ConsumerConfig, ConsumerOutput};

    /// `HeartbeatThread` takes such an error for a failed heartbeat and sends another one.
    #[test]
    fn an_unexpected_error_is_not_thrown_out_of_poll() {
        let properties = [("bootstrap.servers", "localhost:9092"), ("group.id", "g")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = ConsumerConfig::from_properties(&properties.into()).expect("valid");
        let mut consumer = Consumer::new(config, 1);
        let generation = Generation::none();
        for error in [ErrorCode::GroupAuthorizationFailed, ErrorCode::UnknownServerError] {
            let response = HeartbeatResponse::default().with_error_code(error.code());
            consumer.heartbeat_response(1000, &generation, Some(Response::Heartbeat(response)));
            let threw = consumer.outputs.iter().any(|o| matches!(o, ConsumerOutput::Error(_)));
            assert!(!threw, "{error:?}: {:?}", consumer.outputs);
            let wait_ms = consumer.coordinator.next_heartbeat_ms - 1000;
            assert!((80..=240).contains(&wait_ms), "{wait_ms}");
        }
    }
}
