//! The records of the metadata log. Typed here; their bytes in `__cluster_metadata` come with the
//! quorum.

use uuid::Uuid;

use crate::ConfigResource;

/// A broker that has registered (`RegisterBrokerRecord`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// `node.id`.
    pub broker_id: i32,
    /// Host of its advertised listener.
    pub host: String,
    /// Port of its advertised listener.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
}

/// A partition's replicas and leadership (`PartitionRegistration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// Brokers that hold a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them in sync.
    pub isr: Vec<i32>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<i32>,
    /// The last member of ISR and ELR when both became empty (KIP-966).
    pub last_known_elr: Vec<i32>,
    /// The leader, or -1.
    pub leader: i32,
    /// Raised with each change of the leader.
    pub leader_epoch: i32,
    /// Raised with each change of the registration.
    pub partition_epoch: i32,
}

/// One record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// `RegisterBrokerRecord`.
    RegisterBroker(BrokerRegistration),
    /// `TopicRecord`.
    Topic {
        /// Its name.
        name: String,
        /// Its id.
        topic_id: Uuid,
    },
    /// `PartitionRecord`.
    Partition {
        /// Id of its topic.
        topic_id: Uuid,
        /// Its index.
        partition_id: i32,
        /// Its replicas and leadership.
        registration: PartitionRegistration,
    },
    /// `RemoveTopicRecord`.
    RemoveTopic {
        /// Id of the topic.
        topic_id: Uuid,
    },
    /// `ConfigRecord`.
    Config {
        /// What the config is of.
        resource: ConfigResource,
        /// Name of the config.
        name: String,
        /// Its value, or `None` where it is removed.
        value: Option<String>,
    },
    /// `ProducerIdsRecord`: a broker was given the ids below `next_producer_id`.
    ProducerIds {
        /// The broker.
        broker_id: i32,
        /// The first id that is free afterwards.
        next_producer_id: i64,
    },
}
