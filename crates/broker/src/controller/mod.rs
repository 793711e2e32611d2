//! The controller: decides what the metadata become, as records. Nothing here changes an image;
//! [`crate::MetadataImage::replay`] alone does.
//!
//! Modelled on `ReplicationControlManager`, `ConfigurationControlManager`,
//! `ProducerIdControlManager` and `StripedReplicaPlacer` of Kafka 4.4, with their errors and words.

mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod metadata_record;
mod placement;
mod producer_ids;
mod reassignments;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use uuid::{Builder, Uuid};

pub(crate) use configs::{AlterConfigs, replace_configs};
pub(crate) use delete_topics::delete_topics;
pub use metadata_record::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, NO_LEADER, PartitionChange,
    PartitionRegistration,
};
pub(crate) use producer_ids::{ProducerIdBlock, allocate as allocate_producer_ids};
pub(crate) use reassignments::check_partition_reassignment;

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
