//! The controller: decides what the metadata become, as records. Nothing here changes an image;
//! [`crate::MetadataImage::replay`] alone does.
//!
//! Modelled on `ReplicationControlManager`, `ConfigurationControlManager`,
//! `ProducerIdControlManager` and `StripedReplicaPlacer` of Kafka 4.4, with their errors and words.

mod alter_partition;
pub(crate) mod apis;
mod bootstrap;
mod broker_epoch;
mod broker_heartbeats;
mod broker_registration;
mod broker_states;
mod brokers_to_partitions;
mod client_quotas;
mod configs;
mod configured;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod directories;
mod elections;
mod features;
mod metadata_record;
mod partition_change;
mod placement;
mod producer_ids;
mod reassignment_replicas;
mod reassignments;
mod scram;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use uuid::{Builder, Uuid};

pub(crate) use alter_partition::alter_partition;
pub(crate) use bootstrap::format_records;
pub(crate) use broker_heartbeats::{BrokerHeartbeats, Heartbeat};
pub(crate) use broker_registration::{Registering, register_broker};
pub(crate) use broker_states::{fence_stale_broker, process_heartbeat, unregister_broker};
pub(crate) use client_quotas::{CLIENT_ID, IP, USER};
pub use client_quotas::{QuotaEntity, QuotaValue};
pub(crate) use configs::{AlterConfigs, clear_elr_records, replace_configs};
pub(crate) use delete_topics::delete_topics;
pub(crate) use elections::{
    ElectionResults, ElectionType, balance_leaders, elect_leaders, elect_unclean_leaders,
};
pub(crate) use features::supported as supported_features;
pub use metadata_record::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, NO_LEADER, PartitionChange,
    PartitionRegistration,
};
pub(crate) use producer_ids::{
    ProducerIdBlock, allocate as allocate_producer_ids, allocate_of as allocate_producer_ids_of,
};
pub(crate) use reassignments::{alter_partition_reassignment, reassigning};
pub use scram::{ScramCredential, ScramMechanism};

/// What an operation comes to: records to write, and the answer once they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ControllerResult<T> {
    pub(crate) records: Vec<MetadataRecord>,
    pub(crate) response: T,
}

/// The controller's own state: its random draws and the log that it has written.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    topic_ids: Pcg32,
    placement: Pcg32,
    log: Vec<MetadataRecord>,
}

// One stream of the generator for each purpose: a draw more in one does not shift the other.
const TOPIC_ID_STREAM: u64 = 0x746f_7069_6373;
const PLACEMENT_STREAM: u64 = 0x706c_6163_6572;

impl Controller {
    pub(crate) fn new(seed: u64) -> Controller {
        Controller {
            topic_ids: Pcg32::new(seed, TOPIC_ID_STREAM),
            placement: Pcg32::new(seed, PLACEMENT_STREAM),
            log: Vec::new(),
        }
    }

    /// The metadata log so far.
    pub(crate) fn log(&self) -> &[MetadataRecord] {
        &self.log
    }

    /// Writes records to the metadata log. The caller replays them.
    pub(crate) fn append(&mut self, records: &[MetadataRecord]) {
        self.log.extend_from_slice(records);
    }

    /// `Uuid.randomUuid`: version 4, and never one whose text begins with a dash, which a command
    /// line would take for an option.
    fn random_topic_id(&mut self) -> Uuid {
        loop {
            let mut bytes = [0; 16];
            self.topic_ids.fill_bytes(&mut bytes);
            let id = Builder::from_random_bytes(bytes).into_uuid();
            // The first character in base 64 is the first six bits; 62 is the dash.
            if id.as_bytes()[0] >> 2 != 62 {
                return id;
            }
        }
    }
}
