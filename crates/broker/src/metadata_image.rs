//! What a broker knows about the cluster: the result of replaying the metadata records, and only
//! of that (`MetadataImage`).

use logbrook_sorted::SortedMap;

use uuid::Uuid;

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
    topic_configs: SortedMap<String, SortedMap<String, String>>,
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
        self.topic_configs.get(topic).cloned().unwrap_or_default()
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
                    self.topic_configs.remove(&name);
                }
            }
            MetadataRecord::TopicConfig { topic, name, value: Some(value) } => {
                let configs = self.topic_configs.entry(topic.clone()).or_default();
                configs.insert(name.clone(), value.clone());
            }
            MetadataRecord::TopicConfig { topic, name, value: None } => {
                if let Some(configs) = self.topic_configs.get_mut(topic) {
                    configs.remove(name);
                    if configs.is_empty() {
                        self.topic_configs.remove(topic);
                    }
                }
            }
            MetadataRecord::ProducerIds { next_producer_id, .. } => {
                self.next_producer_id = *next_producer_id;
            }
        }
    }
}
