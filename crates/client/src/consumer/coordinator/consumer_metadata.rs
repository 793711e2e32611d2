//! Which topics' metadata the consumer asks for, and what the group's topics look like in them
//! (`ConsumerMetadata`, `MetadataSnapshot`).

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_broker::ErrorCode;
use logbrook_group::assignors::PartitionsPerTopic;

use crate::consumer::Consumer;
use crate::consumer::subscription_state::SubscriptionType;
use crate::error::KafkaError;
use crate::metadata::Interest;

impl Consumer {
    /// Which topics' metadata are of interest: the subscription, the group's if this member leads, or
    /// everything with a pattern.
    pub(in crate::consumer) fn update_interest(&mut self) {
        let interest = match &self.subscriptions.kind {
            // What the coordinator's regular expression matches is told by topic id: the names of all
            // are asked for.
            SubscriptionType::AutoPattern(_) | SubscriptionType::AutoServerPattern(_) => {
                Interest::All
            }
            SubscriptionType::AutoTopics => {
                let mut topics = self.subscriptions.subscription.clone();
                topics.extend(self.subscriptions.group_subscription.iter().cloned());
                topics.extend(self.watched_topics.iter().cloned());
                Interest::Topics(topics)
            }
            SubscriptionType::UserAssigned | SubscriptionType::None => {
                let mut topics: SortedSet<String> = self
                    .subscriptions
                    .assigned()
                    .map(|(partition, _)| partition.topic.clone())
                    .collect();
                topics.extend(self.watched_topics.iter().cloned());
                Interest::Topics(topics)
            }
        };
        self.client.metadata.set_interest(interest);
    }

    /// `updatePatternSubscription`: topics that match, internal ones only if asked for.
    pub(in crate::consumer) fn update_pattern_subscription(&mut self) {
        if self.seen_metadata_version == self.client.metadata.version {
            return;
        }
        self.seen_metadata_version = self.client.metadata.version;
        // `Metadata.maybeThrowAnyException`: what no retry mends ends the poll.
        let invalid: Vec<String> = self
            .client
            .metadata
            .topic_errors
            .iter()
            .filter(|(_, error)| **error == ErrorCode::InvalidTopicException)
            .map(|(topic, _)| topic.clone())
            .collect();
        if !invalid.is_empty() {
            let message = format!("Invalid topics: [{}]", invalid.join(", "));
            self.raise(KafkaError::with_message(ErrorCode::InvalidTopicException, message));
        }
        let SubscriptionType::AutoPattern(pattern) = &self.subscriptions.kind else { return };
        let exclude_internal = self.config.exclude_internal_topics;
        let topics: SortedMap<&String, bool> = self
            .client
            .metadata
            .topics
            .iter()
            .map(|(name, topic)| (name, topic.internal))
            .collect();
        self.subscriptions.subscription = topics
            .into_iter()
            .filter(|(name, internal)| !(exclude_internal && *internal) && pattern.is_match(name))
            .map(|(name, _)| name.clone())
            .collect();
    }

    /// A pattern subscription wants fresh metadata before it joins.
    pub(in crate::consumer) fn pattern_awaits_metadata(&mut self) -> bool {
        matches!(self.subscriptions.kind, SubscriptionType::AutoPattern(_))
            && (self.client.metadata.version == 0 || self.client.metadata.update_wanted())
    }

    /// Partitions of the topics that exist; the topics that do not are left with 0, so that a snapshot
    /// keeps watching them.
    pub(super) fn partitions_per_topic<'a>(
        &self,
        topics: impl Iterator<Item = &'a String>,
    ) -> PartitionsPerTopic {
        topics
            .map(|topic| {
                let count = self.client.metadata.partition_count(topic).unwrap_or(0);
                (topic.clone(), count as i32)
            })
            .collect()
    }
}
