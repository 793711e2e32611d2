//! What a broker knows about the cluster: the result of replaying the metadata records, and only
//! of that (`MetadataImage`).

use logbrook_sorted::SortedMap;

use uuid::Uuid;

use crate::ConfigResource;
use crate::controller::{BrokerRegistration, MetadataRecord, PartitionRegistration};

/// A topic as the metadata have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its name.
    pub name: String,
    /// Its id: a topic made again under the same name has another.
    pub id: Uuid,
    /// Its partitions by index, from 0 without gaps.
    pub partitions: SortedMap<i32, PartitionRegistration>,
}

/// The cluster's metadata at one point of the metadata log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    brokers: SortedMap<i32, BrokerRegistration>,
    topics: SortedMap<String, TopicImage>,
    topic_names: SortedMap<Uuid, String>,
    configs: SortedMap<ConfigResource, SortedMap<String, String>>,
    next_producer_id: i64,
}

impl MetadataImage {
    /// The brokers registered, by id.
    pub fn brokers(&self) -> &SortedMap<i32, BrokerRegistration> {
        &self.brokers
    }

    /// The topics by name.
    pub fn topics(&self) -> &SortedMap<String, TopicImage> {
        &self.topics
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&TopicImage> {
        self.topics.get(name)
    }

    /// The topic with this id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&TopicImage> {
        self.topics.get(self.topic_names.get(&id)?)
    }

    /// A topic's own configs; empty where it has none.
    pub fn topic_config(&self, topic: &str) -> SortedMap<String, String> {
        self.config(&ConfigResource::topic(topic))
    }

    /// The configs that a resource has of its own; empty where it has none.
    pub fn config(&self, resource: &ConfigResource) -> SortedMap<String, String> {
        self.configs.get(resource).cloned().unwrap_or_default()
    }

    /// What has configs of its own.
    pub fn configured(&self) -> impl Iterator<Item = &ConfigResource> {
        self.configs.keys()
    }

    /// Whether eligible leader replicas are kept (KIP-966): so in a cluster that Kafka 4.4 formats.
    pub fn is_elr_enabled(&self) -> bool {
        true
    }

    /// The first producer id that no broker was given yet.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// Takes one record of the metadata log into account.
    pub fn replay(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker(registration) => {
                self.brokers.insert(registration.broker_id, registration.clone());
            }
            MetadataRecord::Topic { name, topic_id } => {
                let topic =
                    TopicImage { name: name.clone(), id: *topic_id, partitions: SortedMap::new() };
                self.topic_names.insert(*topic_id, name.clone());
                self.topics.insert(name.clone(), topic);
            }
            MetadataRecord::Partition { topic_id, partition_id, registration } => {
                let name = self.topic_names.get(topic_id);
                if let Some(topic) = name.and_then(|name| self.topics.get_mut(name)) {
                    topic.partitions.insert(*partition_id, registration.clone());
                }
            }
            MetadataRecord::RemoveTopic { topic_id } => {
                if let Some(name) = self.topic_names.remove(topic_id) {
                    self.topics.remove(&name);
                    self.configs.remove(&ConfigResource::topic(name));
                }
            }
            MetadataRecord::Config { resource, name, value: Some(value) } => {
                let configs = self.configs.entry(resource.clone()).or_default();
                configs.insert(name.clone(), value.clone());
            }
            MetadataRecord::Config { resource, name, value: None } => {
                if let Some(configs) = self.configs.get_mut(resource) {
                    configs.remove(name);
                    if configs.is_empty() {
                        self.configs.remove(resource);
                    }
                }
            }
            MetadataRecord::ProducerIds { next_producer_id, .. } => {
                self.next_producer_id = *next_producer_id;
            }
        }
    }
}
