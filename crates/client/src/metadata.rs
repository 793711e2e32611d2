//! What a client knows of the cluster: `Metadata` and its snapshot.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use uuid::Uuid;

use crate::net::Endpoint;
use crate::topic_partition::TopicPartition;

/// One partition of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionMetadata {
    /// The leader's id, if there is one.
    pub(crate) leader: Option<i32>,
    /// The leader's epoch, -1 if unknown.
    pub(crate) leader_epoch: i32,
    /// The replicas that are not offline.
    pub(crate) online: Vec<i32>,
}

/// One topic of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicMetadata {
    /// KIP-516 topic id; nil if unknown.
    pub(crate) id: Uuid,
    /// An internal topic of Kafka.
    pub(crate) internal: bool,
    /// Partitions by number.
    pub(crate) partitions: SortedMap<i32, PartitionMetadata>,
}

/// Which topics the client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// All (`null` in the request): pattern subscriptions.
    All,
    /// These.
    Topics(SortedSet<String>),
}

/// The client's view of the cluster and when to renew it.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    /// Brokers by id.
    pub(crate) brokers: SortedMap<i32, Endpoint>,
    /// The controller, or the broker that forwards to it.
    pub(crate) controller: Option<i32>,
    /// The cluster's id.
    pub(crate) cluster_id: Option<String>,
    /// Topics that exist.
    pub(crate) topics: SortedMap<String, TopicMetadata>,
    /// Errors of the last response, by topic.
    pub(crate) topic_errors: SortedMap<String, ErrorCode>,
    /// Counts successful responses.
    pub(crate) version: u64,
    interest: Interest,
    allow_auto_topic_creation: bool,
    max_age_ms: i64,
    /// An update was asked for.
    wanted: bool,
    last_success_ms: Option<i64>,
    /// Not before this time (retry backoff).
    pub(crate) not_before_ms: i64,
    /// Updates in a row without what was wanted (`attempts` of Java's `Metadata`).
    pub(crate) attempts: u32,
}

impl Metadata {
    pub(crate) fn new(max_age_ms: i64, allow_auto_topic_creation: bool) -> Self {
        Self {
            brokers: SortedMap::new(),
            controller: None,
            cluster_id: None,
            topics: SortedMap::new(),
            topic_errors: SortedMap::new(),
            version: 0,
            interest: Interest::Topics(SortedSet::new()),
            allow_auto_topic_creation,
            max_age_ms,
            wanted: false,
            last_success_ms: None,
            not_before_ms: i64::MIN,
            attempts: 0,
        }
    }

    /// Adds a topic to what is asked for; a new one asks for an update at once.
    pub(crate) fn add_topic(&mut self, topic: &str) {
        if let Interest::Topics(topics) = &mut self.interest
            && topics.insert(topic.to_owned())
        {
            self.request_update(true);
        }
    }

    /// Asks for these topics from now on.
    pub(crate) fn set_interest(&mut self, interest: Interest) {
        if self.interest != interest {
            let grown = match (&self.interest, &interest) {
                (Interest::Topics(old), Interest::Topics(new)) => !new.is_subset(old),
                (Interest::Topics(_), Interest::All) => true,
                (Interest::All, Interest::All | Interest::Topics(_)) => false,
            };
            self.interest = interest;
            if grown {
                self.request_update(true);
            }
        }
    }

    /// Asks for an update as soon as the backoff allows. `reset_backoff`: something new is wanted,
    /// so earlier failures do not count.
    pub(crate) fn request_update(&mut self, reset_backoff: bool) {
        self.wanted = true;
        if reset_backoff {
            self.attempts = 0;
            self.not_before_ms = i64::MIN;
        }
    }

    /// Whether an update was asked for and has not come.
    pub(crate) fn update_wanted(&self) -> bool {
        self.wanted
    }

    /// When the next update is due; `None` before anything was asked for.
    pub(crate) fn next_update_at(&self) -> Option<i64> {
        let by_age = self.last_success_ms.map(|at| at.saturating_add(self.max_age_ms));
        let due = if self.wanted { Some(i64::MIN) } else { by_age };
        due.map(|at| at.max(self.not_before_ms))
    }

    /// The request for the next update.
    pub(crate) fn request(&self) -> MetadataRequest {
        let topics = match &self.interest {
            Interest::All => None,
            Interest::Topics(topics) => Some(
                topics
                    .iter()
                    .map(|topic| {
                        MetadataRequestTopic::default()
                            .with_name(Some(TopicName(StrBytes::from_string(topic.clone()))))
                    })
                    .collect(),
            ),
        };
        MetadataRequest::default()
            .with_topics(topics)
            .with_allow_auto_topic_creation(self.allow_auto_topic_creation)
    }

    /// Takes a response. Gives the topics with errors, in the order of the names. `interest` may have
    /// grown since the request: then another update stays wanted.
    pub(crate) fn update(
        &mut self,
        now: i64,
        response: &MetadataResponse,
    ) -> SortedMap<String, ErrorCode> {
        let mut errors = SortedMap::new();
        self.brokers = response
            .brokers
            .iter()
            .map(|broker| {
                let port = u16::try_from(broker.port).unwrap_or(0);
                (broker.node_id.0, Endpoint::new(broker.host.to_string(), port))
            })
            .collect();
        self.controller = Some(response.controller_id.0).filter(|id| *id >= 0);
        self.cluster_id = response.cluster_id.as_ref().map(|id| id.to_string());
        let mut topics = SortedMap::new();
        let mut retriable_error = false;
        for topic in &response.topics {
            let Some(name) = topic.name.as_ref().map(|name| name.0.to_string()) else { continue };
            let error =
                ErrorCode::from_code(topic.error_code).unwrap_or(ErrorCode::UnknownServerError);
            if error != ErrorCode::None {
                // `handleMetadataResponse`: an `InvalidMetadataException` asks again, after the backoff.
                retriable_error |= error.refreshes_metadata();
                errors.insert(name, error);
                continue;
            }
            let mut partitions = SortedMap::new();
            for partition in &topic.partitions {
                retriable_error |= ErrorCode::from_code(partition.error_code)
                    .is_some_and(ErrorCode::refreshes_metadata);
                let leader = Some(partition.leader_id.0).filter(|id| *id >= 0);
                // A response from a broker that lags behind must not bring an old leader back
                // (`Metadata.updateLatestMetadata`).
                let known = self
                    .topics
                    .get(&name)
                    .filter(|old| old.id == topic.topic_id)
                    .and_then(|old| old.partitions.get(&partition.partition_index));
                let online = partition
                    .replica_nodes
                    .iter()
                    .filter(|id| !partition.offline_replicas.contains(id))
                    .map(|id| id.0);
                let fresh = PartitionMetadata {
                    leader,
                    leader_epoch: partition.leader_epoch,
                    online: online.collect(),
                };
                let entry = match known {
                    Some(old)
                        if partition.leader_epoch >= 0
                            && old.leader_epoch > partition.leader_epoch =>
                    {
                        old.clone()
                    }
                    _ => fresh,
                };
                partitions.insert(partition.partition_index, entry);
            }
            topics.insert(
                name,
                TopicMetadata { id: topic.topic_id, internal: topic.is_internal, partitions },
            );
        }
        self.topics = topics;
        self.topic_errors = errors.clone();
        self.version += 1;
        self.last_success_ms = Some(now);
        let complete = match &self.interest {
            Interest::All => true,
            Interest::Topics(wanted) => wanted
                .iter()
                .all(|topic| self.topics.contains_key(topic) || errors.contains_key(topic)),
        };
        self.wanted = !complete || retriable_error;
        errors
    }

    /// The leader of a partition, if known.
    pub(crate) fn leader(&self, partition: &TopicPartition) -> Option<i32> {
        self.topics
            .get(&partition.topic)
            .and_then(|topic| topic.partitions.get(&partition.partition.0))
            .and_then(|partition| partition.leader)
            .filter(|leader| self.brokers.contains_key(leader))
    }

    /// The leader's epoch of a partition, -1 if unknown.
    pub(crate) fn leader_epoch(&self, partition: &TopicPartition) -> i32 {
        self.topics
            .get(&partition.topic)
            .and_then(|topic| topic.partitions.get(&partition.partition.0))
            .map_or(-1, |partition| partition.leader_epoch)
    }

    /// `Cluster.nodeIfOnline`: whether a node is known, and has a replica of the partition that is not
    /// offline.
    pub(crate) fn is_online(&self, partition: &TopicPartition, node: i32) -> bool {
        self.brokers.contains_key(&node)
            && self
                .topics
                .get(&partition.topic)
                .and_then(|topic| topic.partitions.get(&partition.partition.0))
                .is_some_and(|partition| partition.online.contains(&node))
    }

    /// How long metadata are good for, in ms (`metadata.max.age.ms`).
    pub(crate) fn max_age_ms(&self) -> i64 {
        self.max_age_ms
    }

    /// How many partitions a topic has.
    pub(crate) fn partition_count(&self, topic: &str) -> Option<usize> {
        self.topics.get(topic).map(|topic| topic.partitions.len())
    }

    /// The name of a topic id.
    pub(crate) fn topic_name(&self, id: Uuid) -> Option<&str> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name.as_str())
    }

    /// The id of a topic, nil if unknown.
    pub(crate) fn topic_id(&self, topic: &str) -> Uuid {
        self.topics.get(topic).map_or(Uuid::nil(), |topic| topic.id)
    }

    /// Takes what a produce or fetch response says of a new leader (KIP-951).
    pub(crate) fn learn_leader(&mut self, partition: &TopicPartition, leader: i32, epoch: i32) {
        if let Some(known) = self
            .topics
            .get_mut(&partition.topic)
            .and_then(|topic| topic.partitions.get_mut(&partition.partition.0))
            && epoch > known.leader_epoch
        {
            known.leader = Some(leader);
            known.leader_epoch = epoch;
        }
    }
}
