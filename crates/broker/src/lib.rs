//! One Kafka node, sans-IO: a request and the time go in, responses and effects come out.
//!
//! ```text
//!   RequestFrame --> Broker::handle --> api/<request>.rs --+--> controller/  decides metadata records
//!                                                          |       `-> metadata_image  replay
//!                                                          +--> replica_manager  partitions, logs, purgatory
//!                                                          +--> coordinator/  groups
//!                                                          +--> transaction_coordinator/
//!   Effects { responses, events }  <-----------------------+
//! ```
//!
//! A controller of its own ([`ControllerNode`]) is asked by brokers and has the same `controller/` decide.
//!
//! Nothing here reads a clock, draws from the system's randomness or blocks.

mod api;
mod api_error;
mod broker;
mod client_metrics_config;
mod config;
mod config_admin;
pub mod config_def;
mod config_entry;
mod config_resource;
mod connections;
mod controller;
mod controller_node;
mod coordinator;
mod coordinator_failure;
mod delayed_answers;
mod delayed_fetch;
mod effects;
mod error_code;
mod fetch_session;
pub mod group_config;
pub mod java_hash;
mod log_config;
pub mod log_dir_files;
mod log_dirs;
mod log_manager;
mod membership;
mod metadata_image;
mod metadata_publisher;
mod partition;
mod peers;
mod quorum_log;
mod replica_manager;
mod replica_selector;
mod replication;
pub mod server_config;
mod storage;
pub mod topic_config;
pub mod topic_name;
pub mod transaction_coordinator;
pub mod wire;

pub use broker::{Broker, ClientInfo, ConnectionId};
pub use config::{BrokerConfig, ConfigSource, DynamicConfigs};
pub use config_resource::{ConfigResource, ConfigResourceType};
pub use controller::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, NO_LEADER, PartitionChange,
    PartitionRegistration, QuotaEntity, QuotaValue, ScramCredential, ScramMechanism,
};
pub use controller_node::ControllerNode;
pub use coordinator::{GroupCoordinator, GroupDescription, GroupMemberDescription};
pub use effects::{BrokerEvent, BrokerEventKind, Cause, Effects};
pub use error_code::ErrorCode;
pub use membership::BrokerState;
pub use metadata_image::{MetadataImage, TopicImage};
pub use partition::Partition;
pub use peers::{PeerChannel, PeerRequest};
pub use storage::metadata_codec::decode_batches as decode_metadata_batches;

/// Kafka's messages, as `kafka-protocol` has them.
pub use kafka_protocol::messages;
