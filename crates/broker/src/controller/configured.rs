//! What configs say of a topic to the controller (`ConfigurationControlManager.getTopicConfig`).

use crate::config_def::ConfigValue;
use crate::{BrokerConfig, MetadataImage, TopicImage, topic_config};

fn value(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &str,
    name: &str,
) -> Option<ConfigValue> {
    config.topic_value(topic_config::find(name)?, &image.topic_config(topic))
}

/// `min.insync.replicas`, but not more than there are replicas (`getTopicEffectiveMinIsr`).
pub(super) fn effective_min_isr(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &TopicImage,
) -> usize {
    let configured = match value(image, config, &topic.name, "min.insync.replicas") {
        Some(ConfigValue::Number(number)) => usize::try_from(number).unwrap_or_default(),
        _no_number => 1,
    };
    let replicas = topic.partitions.get(&0).map_or(configured, |first| first.replicas.len());
    configured.min(replicas)
}

/// `unclean.leader.election.enable`.
pub(super) fn unclean_election_enabled(
    image: &MetadataImage,
    config: &BrokerConfig,
    topic: &str,
) -> bool {
    let enabled = value(image, config, topic, "unclean.leader.election.enable");
    enabled == Some(ConfigValue::Boolean(true))
}
