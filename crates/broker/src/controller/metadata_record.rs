//! The records of the metadata log, and what they are about. Their bytes are in
//! `storage/metadata_codec.rs`.

use logbrook_sorted::SortedMap;
use uuid::Uuid;

use super::{QuotaEntity, QuotaValue, ScramCredential, ScramMechanism};
use crate::ConfigResource;

/// `LeaderConstants.NO_LEADER`.
pub const NO_LEADER: i32 = -1;

/// A broker that has registered (`RegisterBrokerRecord`, `BrokerRegistration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// `node.id`.
    pub broker_id: i32,
    /// Offset of the record that registered this incarnation: each start of a broker has its own.
    pub epoch: i64,
    /// Drawn by the broker's process at its start.
    pub incarnation_id: Uuid,
    /// Name of its advertised listener.
    pub listener: String,
    /// Host of its advertised listener.
    pub host: String,
    /// Port of its advertised listener.
    pub port: u16,
    /// `SecurityProtocol` of its advertised listener: 0 is PLAINTEXT.
    pub security_protocol: i16,
    /// Least and greatest level of each feature that it supports.
    pub features: SortedMap<String, (i16, i16)>,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Ids of its log directories (KIP-858).
    pub directories: Vec<Uuid>,
    /// It serves no client and leads nothing: it has just registered, or was not heard of for a session.
    pub fenced: bool,
    /// It is about to stop, and its partitions are led by others already.
    pub in_controlled_shutdown: bool,
}

impl Default for BrokerRegistration {
    /// As `BrokerRegistration.Builder`: fenced, with nothing known.
    fn default() -> Self {
        Self {
            broker_id: 0,
            epoch: -1,
            incarnation_id: Uuid::nil(),
            listener: "PLAINTEXT".to_owned(),
            host: String::new(),
            port: 0,
            security_protocol: 0,
            features: SortedMap::new(),
            rack: None,
            directories: Vec::new(),
            fenced: true,
            in_controlled_shutdown: false,
        }
    }
}

/// Whether a leader has yet to mend what an unclean election may have lost (`LeaderRecoveryState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// Elected from those in sync, or mended.
    #[default]
    Recovered,
    /// Elected although it was not known to be in sync.
    Recovering,
}

impl LeaderRecoveryState {
    /// The number in records and requests.
    pub fn value(self) -> i8 {
        match self {
            LeaderRecoveryState::Recovered => 0,
            LeaderRecoveryState::Recovering => 1,
        }
    }

    /// `LeaderRecoveryState.optionalOf`.
    pub fn from_value(value: i8) -> Option<Self> {
        match value {
            0 => Some(LeaderRecoveryState::Recovered),
            1 => Some(LeaderRecoveryState::Recovering),
            _ => None,
        }
    }
}

/// A partition's replicas and leadership (`PartitionRegistration`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// Brokers that hold a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// The log directory of each replica (KIP-858), nil where it is not known.
    pub directories: Vec<Uuid>,
    /// Those of them in sync.
    pub isr: Vec<i32>,
    /// Eligible leader replicas (KIP-966).
    pub elr: Vec<i32>,
    /// The last member of ISR and ELR when both became empty (KIP-966).
    pub last_known_elr: Vec<i32>,
    /// Replicas that a reassignment takes away, once it is complete.
    pub removing_replicas: Vec<i32>,
    /// Replicas that a reassignment brought.
    pub adding_replicas: Vec<i32>,
    /// The leader, or -1.
    pub leader: i32,
    /// Raised with each change of the leader.
    pub leader_epoch: i32,
    /// Whether the leader has to mend what an unclean election may have lost.
    pub leader_recovery_state: LeaderRecoveryState,
    /// Raised with each change of the registration.
    pub partition_epoch: i32,
}

impl PartitionRegistration {
    /// What a change makes of it (`PartitionRegistration.merge`).
    #[must_use]
    pub fn merge(&self, change: &PartitionChange) -> PartitionRegistration {
        let ids = |new: &Option<Vec<i32>>, old: &[i32]| new.as_deref().unwrap_or(old).to_vec();
        let replicas = ids(&change.replicas, &self.replicas);
        let mut directories = change.directories.as_ref().unwrap_or(&self.directories).clone();
        directories.resize(replicas.len(), Uuid::nil());
        PartitionRegistration {
            replicas,
            directories,
            isr: ids(&change.isr, &self.isr),
            elr: ids(&change.elr, &self.elr),
            last_known_elr: ids(&change.last_known_elr, &self.last_known_elr),
            removing_replicas: ids(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: ids(&change.adding_replicas, &self.adding_replicas),
            leader: change.leader.unwrap_or(self.leader),
            leader_epoch: self.leader_epoch.saturating_add(i32::from(change.leader.is_some())),
            leader_recovery_state: change
                .leader_recovery_state
                .unwrap_or(self.leader_recovery_state),
            partition_epoch: self.partition_epoch.saturating_add(1),
        }
    }

    /// Whether somebody leads it.
    pub fn has_leader(&self) -> bool {
        self.leader != NO_LEADER
    }

    /// The replica named first, or -1.
    pub fn preferred_replica(&self) -> i32 {
        self.replicas.first().copied().unwrap_or(NO_LEADER)
    }

    /// Whether the replica named first leads.
    pub fn has_preferred_leader(&self) -> bool {
        self.leader == self.preferred_replica()
    }

    /// Whether replicas come or go (`PartitionReassignmentReplicas.isReassignmentInProgress`).
    pub fn is_reassigning(&self) -> bool {
        !self.removing_replicas.is_empty() || !self.adding_replicas.is_empty()
    }
}

/// What changes of a partition: `None` where a field stays as it is (`PartitionChangeRecord`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of PartitionRegistration
pub struct PartitionChange {
    pub isr: Option<Vec<i32>>,
    /// Also the leader that there is already: that raises the leader epoch. -1 for nobody.
    pub leader: Option<i32>,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: Option<LeaderRecoveryState>,
    pub directories: Option<Vec<Uuid>>,
    pub elr: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

/// One record of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// `RegisterBrokerRecord`.
    RegisterBroker(BrokerRegistration),
    /// `UnregisterBrokerRecord`.
    UnregisterBroker {
        /// The broker.
        broker_id: i32,
        /// Of the incarnation that is registered.
        broker_epoch: i64,
    },
    /// `BrokerRegistrationChangeRecord`.
    BrokerRegistrationChange {
        /// The broker.
        broker_id: i32,
        /// Of the incarnation that is registered.
        broker_epoch: i64,
        /// Whether it is fenced from now on; `None` where that stays.
        fenced: Option<bool>,
        /// It is about to stop. A broker does not come back from that but as a new incarnation.
        in_controlled_shutdown: bool,
        /// The log directories that work; `None` where they stay.
        directories: Option<Vec<Uuid>>,
    },
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
    /// `PartitionChangeRecord`.
    PartitionChange {
        /// Id of its topic.
        topic_id: Uuid,
        /// Its index.
        partition_id: i32,
        /// What changes.
        change: PartitionChange,
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
        /// Of the incarnation that asked.
        broker_epoch: i64,
        /// The first id that is free afterwards.
        next_producer_id: i64,
    },
    /// `FeatureLevelRecord`.
    FeatureLevel {
        /// Name of the feature.
        name: String,
        /// Its finalized level; 0 is off.
        level: i16,
    },
    /// `UserScramCredentialRecord`.
    UserScramCredential {
        /// The user.
        user: String,
        /// How the password was hashed.
        mechanism: ScramMechanism,
        /// What is kept of it.
        credential: ScramCredential,
    },
    /// `RemoveUserScramCredentialRecord`.
    RemoveUserScramCredential {
        /// The user.
        user: String,
        /// Which of the user's credentials.
        mechanism: ScramMechanism,
    },
    /// `ClientQuotaRecord`.
    ClientQuota {
        /// Whose quota.
        entity: QuotaEntity,
        /// Its name, as `producer_byte_rate`.
        key: String,
        /// `None` where it is removed.
        value: Option<QuotaValue>,
    },
    /// `ClearElrRecord`: what `min.insync.replicas` demands has changed, so who is eligible is known no more.
    ClearElr {
        /// The topic; empty for all.
        topic: String,
    },
}
