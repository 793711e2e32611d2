//! What a consumer reads: subscriptions with a group, or partitions of its own choice
//! (`subscribe`, `assign`, `unsubscribe` of `KafkaConsumer`).

use logbrook_broker::ErrorCode;

use super::commit::CommitKind;
use super::coordinator::Generation;
use super::subscription_state::SubscriptionType;
use super::{Consumer, GroupProtocol};
use crate::error::KafkaError;
use crate::java_pattern;
use crate::topic_partition::TopicPartition;

/// Which topics to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// These topics.
    Topics(Vec<String>),
    /// Every topic whose whole name matches this regular expression (`--include`).
    Pattern(String),
    /// Every topic whose whole name matches this RE2 regular expression, as the coordinator finds
    /// them (`SubscriptionPattern`). Needs `group.protocol=consumer`.
    ServerPattern(String),
}

impl Consumer {
    /// Subscribes with group management. Needs `group.id`.
    pub fn subscribe(&mut self, now: i64, to: Subscription) -> Result<(), KafkaError> {
        let _ = now;
        if self.config.group_id.as_deref().is_none_or(str::is_empty) {
            return Err(KafkaError::with_message(
                ErrorCode::InvalidGroupId,
                "To use the group management or offset commit APIs, you must provide a valid group.id in the consumer configuration.",
            ));
        }
        match to {
            Subscription::Topics(topics) => {
                if topics.iter().any(|topic| topic.trim().is_empty()) {
                    return Err(KafkaError::client(
                        "java.lang.IllegalArgumentException",
                        "Topic collection to subscribe to cannot contain null or empty topic",
                    ));
                }
                if topics.is_empty() {
                    self.unsubscribe(now);
                    return Ok(());
                }
                self.subscriptions.set_kind(SubscriptionType::AutoTopics)?;
                self.subscriptions.subscription = topics.into_iter().collect();
            }
            Subscription::Pattern(pattern) => {
                // `Pattern.matcher(topic).matches()`: the whole name.
                let regex =
                    regex_lite::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
                        KafkaError::client(
                            "java.util.regex.PatternSyntaxException",
                            java_pattern::syntax_error(&pattern)
                                .unwrap_or_else(|| format!("{error} in {pattern}")),
                        )
                    })?;
                self.subscriptions.set_kind(SubscriptionType::AutoPattern(regex))?;
                self.seen_metadata_version = 0;
                self.client.metadata.request_update(true);
            }
            Subscription::ServerPattern(pattern) => {
                if self.config.group_protocol == GroupProtocol::Classic {
                    return Err(KafkaError::client(
                        "java.lang.UnsupportedOperationException",
                        "Subscribe to RE2/J pattern is not supported when using the CLASSIC protocol defined in config group.protocol",
                    ));
                }
                if pattern.is_empty() {
                    return Err(KafkaError::client(
                        "java.lang.IllegalArgumentException",
                        "Topic pattern to subscribe to cannot be empty",
                    ));
                }
                self.subscriptions.set_kind(SubscriptionType::AutoServerPattern(pattern))?;
                self.client.metadata.request_update(true);
            }
        }
        self.update_interest();
        Ok(())
    }

    /// Leaves the group and forgets subscription and assignment.
    pub fn unsubscribe(&mut self, now: i64) {
        if self.subscriptions.has_auto_assigned_partitions() {
            self.tell_revoked_on_leave();
            self.leave_group(now, "the consumer unsubscribed from all topics");
        }
        if self.uses_consumer_protocol() {
            // `AsyncKafkaConsumer.resetGroupMetadata`; the classic consumer leaves it.
            self.coordinator.group_metadata = Generation::none();
        }
        self.subscriptions.unsubscribe();
        self.drop_unassigned_fetches();
        self.update_interest();
    }

    /// Takes these partitions, without group management. Replaces an earlier `assign`.
    pub fn assign(&mut self, now: i64, partitions: &[TopicPartition]) -> Result<(), KafkaError> {
        if partitions.is_empty() {
            self.unsubscribe(now);
            return Ok(());
        }
        self.subscriptions.set_kind(SubscriptionType::UserAssigned)?;
        if self.config.enable_auto_commit {
            self.auto_commit(now, CommitKind::Auto);
        }
        self.subscriptions.assign_from_user(partitions);
        self.drop_unassigned_fetches();
        self.update_interest();
        Ok(())
    }

    /// Assigned partitions, sorted.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.subscriptions.assigned_sorted()
    }
}
