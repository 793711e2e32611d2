//! When metadata are asked for, and what a response changes (`DefaultMetadataUpdater`).

use kafka_protocol::messages::{ApiKey, MetadataResponse};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Request;

use super::{NetworkClient, Purpose};
use crate::backoff::backoff_ms;
use crate::log_line::Level;

impl NetworkClient {
    pub(super) fn update_metadata(&mut self, now: i64) {
        let Some(node) = self.least_loaded_node(now) else { return };
        if self.ready(now, &node) {
            let body = Request::Metadata(self.metadata.request());
            if let Some(version) = self.version(node.id, ApiKey::Metadata) {
                self.metadata_in_flight = true;
                self.dispatch(now, node.id, Purpose::Metadata, body, version);
            }
        }
    }

    pub(super) fn metadata_response(
        &mut self,
        now: i64,
        correlation_id: i32,
        response: &MetadataResponse,
    ) {
        if response.brokers.is_empty() {
            // A broker in its start-up phase: ask again later.
            self.metadata_failed(now);
            return;
        }
        let errors = self.metadata.update(now, response);
        if !errors.is_empty() {
            let listed: Vec<String> =
                errors.iter().map(|(topic, error)| format!("{topic}={}", error.name())).collect();
            self.warn(format!(
                "The metadata response from the cluster reported a recoverable issue with correlation id {correlation_id} : {{{}}}",
                listed.join(", ")
            ));
            for (fatal, text) in [
                (ErrorCode::InvalidTopicException, "Metadata response reported invalid topics "),
                (ErrorCode::TopicAuthorizationFailed, "Topic authorization failed for topics "),
            ] {
                let topics: Vec<&str> = errors
                    .iter()
                    .filter(|(_, error)| **error == fatal)
                    .map(|(topic, _)| topic.as_str())
                    .collect();
                if !topics.is_empty() {
                    self.log(
                        Level::Error,
                        "org.apache.kafka.clients.Metadata",
                        format!("{text}[{}]", topics.join(", ")),
                    );
                }
            }
        }
        self.metadata_backoff(now);
        if errors.is_empty() && !self.metadata.update_wanted() {
            self.metadata.attempts = 0;
        }
    }

    pub(super) fn metadata_failed(&mut self, now: i64) {
        self.metadata.request_update(false);
        self.metadata_backoff(now);
    }

    /// At least `retry.backoff.ms` between two updates, growing while they do not bring what is wanted.
    fn metadata_backoff(&mut self, now: i64) {
        let wait = backoff_ms(
            self.config.retry_backoff_ms,
            self.config.retry_backoff_max_ms,
            self.metadata.attempts,
            &mut self.random,
        );
        self.metadata.attempts = self.metadata.attempts.saturating_add(1);
        self.metadata.not_before_ms = now.saturating_add(wait);
    }
}
