//! What the groups are told of the metadata: the topics, and their own configurations.

use std::sync::Arc;

use logbrook_group::{DynamicGroupConfig, TopicMetadata, TopicsImage};

use super::group_config;
use crate::controller::MetadataRecord;
use crate::{Broker, ConfigResourceType};

/// Metadata records were replayed (`GroupCoordinatorService.onMetadataUpdate`).
pub(crate) fn on_metadata_update(broker: &mut Broker, records: &[MetadataRecord]) {
    let mut has_topics_changed = false;
    for record in records {
        match record {
            MetadataRecord::Topic { .. }
            | MetadataRecord::Partition { .. }
            | MetadataRecord::RemoveTopic { .. }
            | MetadataRecord::RegisterBroker(_)
            | MetadataRecord::UnregisterBroker { .. } => has_topics_changed = true,
            MetadataRecord::PartitionChange { change, .. } => {
                // Which racks a partition is in.
                has_topics_changed |= change.replicas.is_some();
            }
            MetadataRecord::Config { resource, .. } => match resource.kind {
                ConfigResourceType::Group => update_group_config(broker, &resource.name),
                ConfigResourceType::Broker => update_config(broker),
                _ => {}
            },
            MetadataRecord::ProducerIds { .. }
            | MetadataRecord::BrokerRegistrationChange { .. }
            | MetadataRecord::FeatureLevel { .. }
            | MetadataRecord::UserScramCredential { .. }
            | MetadataRecord::RemoveUserScramCredential { .. }
            | MetadataRecord::ClientQuota { .. }
            | MetadataRecord::ClearElr { .. } => {}
        }
    }
    if has_topics_changed {
        let topics = Arc::new(topics_image(broker));
        broker.coordinator.topics = topics.clone();
        for groups in broker.coordinator.shards.values_mut() {
            groups.on_metadata_update(topics.clone());
        }
    }
}

fn topics_image(broker: &Broker) -> TopicsImage {
    let racks = |replicas: &[i32]| {
        let broker_of = |id: &i32| broker.image.brokers().get(id);
        replicas.iter().filter_map(|id| broker_of(id)?.rack.clone()).collect()
    };
    let topics = broker.image.topics().iter().map(|(name, topic)| {
        let partition_racks = topic.partitions.values().map(|p| racks(&p.replicas)).collect();
        (name.clone(), TopicMetadata { id: *topic.id.as_bytes(), partition_racks })
    });
    let version = i64::try_from(broker.controller.log().len()).unwrap_or(i64::MAX);
    TopicsImage::new(version, topics.collect())
}

fn update_config(broker: &mut Broker) {
    let config = group_config(&broker.config);
    if config != broker.coordinator.config {
        for groups in broker.coordinator.shards.values_mut() {
            groups.update_config(config.clone());
        }
        broker.coordinator.config = config;
    }
}

fn update_group_config(broker: &mut Broker, group_id: &str) {
    let resource =
        crate::ConfigResource { kind: ConfigResourceType::Group, name: group_id.to_owned() };
    let own = broker.image.config(&resource);
    let number = |name: &str| own.get(name).and_then(|value| value.trim().parse().ok());
    let config = DynamicGroupConfig {
        consumer_session_timeout_ms: number("consumer.session.timeout.ms"),
        consumer_heartbeat_interval_ms: number("consumer.heartbeat.interval.ms"),
        consumer_assignment_interval_ms: number("consumer.assignment.interval.ms"),
    };
    for groups in broker.coordinator.shards.values_mut() {
        groups.update_group_config(group_id, config.clone());
    }
    broker.coordinator.dynamic_configs.insert(group_id.to_owned(), config);
}
