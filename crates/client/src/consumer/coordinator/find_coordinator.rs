//! Which broker coordinates the group: FindCoordinator (`ensureCoordinatorReady`,
//! `lookupCoordinator`, `markCoordinatorUnknown`).

use kafka_protocol::messages::{ApiKey, FindCoordinatorRequest};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};

use super::{LOGGER, text};
use crate::consumer::{Consumer, Pending};
use crate::error::KafkaError;
use crate::log_line::Level;
use crate::network_client::Node;
use crate::response_errors::read_coordinator;

impl Consumer {
    /// The coordinator if it can take a request now; looks for it if it is not known.
    pub(in crate::consumer) fn ready_coordinator(&mut self, now: i64) -> Option<Node> {
        match self.coordinator.node.clone() {
            Some(node) => self.client.ready(now, &node).then_some(node),
            None => {
                self.find_coordinator(now);
                None
            }
        }
    }

    pub(in crate::consumer) fn find_coordinator(&mut self, now: i64) {
        if self.coordinator.finding || now < self.coordinator.find_retry_ms {
            return;
        }
        if self.client.metadata.brokers.is_empty() {
            self.client.metadata.request_update(false);
        }
        let Some(node) = self.client.least_loaded_node(now) else { return };
        if !self.client.ready(now, &node) {
            return;
        }
        let key = text(self.config.group_id.as_deref().unwrap_or_default());
        let request = FindCoordinatorRequest::default().with_key_type(0);
        let version = self.client.version(node.id, ApiKey::FindCoordinator).unwrap_or_default();
        let request = if version >= 4 {
            request.with_coordinator_keys(vec![key])
        } else {
            request.with_key(key)
        };
        let token = self.pending(Pending::FindCoordinator);
        let request = Request::FindCoordinator(request);
        if self.client.send(now, node.id, token, request).is_some() {
            self.coordinator.finding = true;
        } else {
            self.pending.remove(&token);
        }
    }

    pub(in crate::consumer) fn find_coordinator_response(
        &mut self,
        now: i64,
        result: Option<Response>,
    ) {
        self.coordinator.finding = false;
        let group = self.config.group_id.clone().unwrap_or_default();
        let found = match result {
            Some(Response::FindCoordinator(response)) => read_coordinator(&response, &group),
            Some(_) | None => Err(KafkaError::of(ErrorCode::NetworkException)),
        };
        match found {
            Ok(node) => {
                self.coordinator.find_attempts = 0;
                self.coordinator.session_deadline_ms =
                    now.saturating_add(i64::from(self.config.session_timeout_ms));
                self.client.log(
                    Level::Info,
                    LOGGER,
                    format!(
                        "Discovered group coordinator {} (id: {} rack: null isFenced: false)",
                        node.endpoint, node.id
                    ),
                );
                self.coordinator.node = Some(node);
            }
            Err(error) if error.retriable => {
                let wait = self.client.retry_backoff(self.coordinator.find_attempts);
                self.coordinator.find_attempts = self.coordinator.find_attempts.saturating_add(1);
                self.coordinator.find_retry_ms = now.saturating_add(wait);
            }
            Err(error) => {
                self.coordinator.find_retry_ms =
                    now.saturating_add(self.config.common.retry_backoff_ms);
                let error = if error.code == Some(ErrorCode::GroupAuthorizationFailed) {
                    KafkaError {
                        message: format!("Not authorized to access group: {group}"),
                        ..error
                    }
                } else {
                    error
                };
                self.raise(error);
            }
        }
    }

    pub(in crate::consumer) fn mark_coordinator_unknown(&mut self, now: i64) {
        if self.coordinator.node.take().is_some() {
            self.coordinator.find_retry_ms =
                now.saturating_add(self.config.common.retry_backoff_ms);
        }
    }
}
