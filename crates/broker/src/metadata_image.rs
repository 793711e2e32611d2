//! What a broker knows about the cluster: the result of replaying the metadata records, and only
//! of that (`MetadataImage`).

use logbrook_sorted::SortedMap;

use uuid::Uuid;

use crate::ConfigResource;
use crate::controller::{
    BrokerRegistration, MetadataRecord, PartitionChange, PartitionRegistration, QuotaEntity,
    QuotaValue, ScramCredential, ScramMechanism,
};

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
    features: SortedMap<String, i16>,
    scram_credentials: SortedMap<(String, ScramMechanism), ScramCredential>,
    client_quotas: SortedMap<QuotaEntity, SortedMap<String, QuotaValue>>,
    next_producer_id: i64,
}

impl MetadataImage {
    /// The brokers registered, by id: also those that are fenced.
    pub fn brokers(&self) -> &SortedMap<i32, BrokerRegistration> {
        &self.brokers
    }

    /// The broker of this id, where it is registered.
    pub fn broker(&self, id: i32) -> Option<&BrokerRegistration> {
        self.brokers.get(&id)
    }

    /// Whether a broker is registered and not fenced (`ClusterControlManager.isUnfenced`).
    pub fn is_unfenced(&self, id: i32) -> bool {
        self.broker(id).is_some_and(|broker| !broker.fenced)
    }

    /// Whether a broker is neither fenced nor about to stop (`ClusterControlManager.isActive`).
    pub fn is_active(&self, id: i32) -> bool {
        self.broker(id).is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }

    /// The finalized levels of the features that are on.
    pub fn features(&self) -> &SortedMap<String, i16> {
        &self.features
    }

    /// The finalized level of a feature; 0 is off.
    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or_default()
    }

    /// The SCRAM credentials of users.
    pub fn scram_credentials(&self) -> &SortedMap<(String, ScramMechanism), ScramCredential> {
        &self.scram_credentials
    }

    /// The quotas of users, clients and addresses, by their names.
    pub fn client_quotas(&self) -> &SortedMap<QuotaEntity, SortedMap<String, QuotaValue>> {
        &self.client_quotas
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

    /// A partition of the topic with this id.
    pub fn partition(&self, topic_id: Uuid, index: i32) -> Option<&PartitionRegistration> {
        self.topic_by_id(topic_id)?.partitions.get(&index)
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
        self.feature_level("eligible.leader.replicas.version") >= 1
    }

    /// The first producer id that no broker was given yet.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }

    /// Takes one record of the metadata log into account. One about what is not known changes nothing.
    pub fn replay(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::RegisterBroker(registration) => {
                self.brokers.insert(registration.broker_id, registration.clone());
            }
            MetadataRecord::UnregisterBroker { broker_id, broker_epoch } => {
                if self.broker(*broker_id).is_some_and(|broker| broker.epoch == *broker_epoch) {
                    self.brokers.remove(broker_id);
                }
            }
            MetadataRecord::BrokerRegistrationChange {
                broker_id,
                broker_epoch,
                fenced,
                in_controlled_shutdown,
                directories,
            } => {
                let Some(broker) = self.brokers.get_mut(broker_id) else { return };
                if broker.epoch != *broker_epoch {
                    return;
                }
                broker.fenced = fenced.unwrap_or(broker.fenced);
                broker.in_controlled_shutdown |= in_controlled_shutdown;
                if let Some(directories) = directories {
                    broker.directories.clone_from(directories);
                }
            }
            MetadataRecord::Topic { name, topic_id } => {
                let topic =
                    TopicImage { name: name.clone(), id: *topic_id, partitions: SortedMap::new() };
                self.topic_names.insert(*topic_id, name.clone());
                self.topics.insert(name.clone(), topic);
            }
            MetadataRecord::Partition { topic_id, partition_id, registration } => {
                if let Some(topic) = self.topic_mut(*topic_id) {
                    topic.partitions.insert(*partition_id, registration.clone());
                }
            }
            MetadataRecord::PartitionChange { topic_id, partition_id, change } => {
                let topic = self.topic_mut(*topic_id);
                if let Some(known) = topic.and_then(|t| t.partitions.get_mut(partition_id)) {
                    *known = known.merge(change);
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
            MetadataRecord::FeatureLevel { name, level: 0 } => {
                self.features.remove(name);
            }
            MetadataRecord::FeatureLevel { name, level } => {
                self.features.insert(name.clone(), *level);
            }
            MetadataRecord::UserScramCredential { user, mechanism, credential } => {
                let key = (user.clone(), *mechanism);
                self.scram_credentials.insert(key, credential.clone());
            }
            MetadataRecord::RemoveUserScramCredential { user, mechanism } => {
                self.scram_credentials.remove(&(user.clone(), *mechanism));
            }
            MetadataRecord::ClientQuota { entity, key, value: Some(value) } => {
                let quotas = self.client_quotas.entry(entity.clone()).or_default();
                quotas.insert(key.clone(), *value);
            }
            MetadataRecord::ClientQuota { entity, key, value: None } => {
                if let Some(quotas) = self.client_quotas.get_mut(entity) {
                    quotas.remove(key);
                    if quotas.is_empty() {
                        self.client_quotas.remove(entity);
                    }
                }
            }
            MetadataRecord::ClearElr { topic } if topic.is_empty() => {
                self.topics.values_mut().for_each(clear_elr);
            }
            MetadataRecord::ClearElr { topic } => {
                if let Some(topic) = self.topics.get_mut(topic) {
                    clear_elr(topic);
                }
            }
        }
    }

    fn topic_mut(&mut self, id: Uuid) -> Option<&mut TopicImage> {
        self.topics.get_mut(self.topic_names.get(&id)?)
    }
}

/// `ReplicationControlManager.replay(ClearElrRecord)`: a change of each partition that has any.
fn clear_elr(topic: &mut TopicImage) {
    let nobody = PartitionChange {
        elr: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        ..PartitionChange::default()
    };
    for partition in topic.partitions.values_mut() {
        if !partition.elr.is_empty() || !partition.last_known_elr.is_empty() {
            *partition = partition.merge(&nobody);
        }
    }
}
