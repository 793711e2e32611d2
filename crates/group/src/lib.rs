//! Group and offset state machines, and the assignors.
//!
//! A group coordinator's rules without its surroundings: no network, no clock, no log. Groups of the
//! classic protocol and consumer groups of KIP-848 stand side by side in [`Groups`]; share groups
//! (KIP-932) will be a third kind, in `share_group.rs`. Sources: `ClassicGroup`, `ClassicGroupState`,
//! `ConsumerGroup`, `GroupMetadataManager`, `OffsetMetadataManager` of Apache Kafka's
//! `group-coordinator`.
//!
//! ```text
//!   JoinGroup, SyncGroup ... + now                      __consumer_offsets
//!        |                                                    ^
//!        v                                                    | append
//!   Groups::join_group ... --> Decision { records, replies, events }
//!        ^                                  |
//!        |                                  +--> replies leave once the records are committed
//!        +--- replay(record) <-- the same records, now or after a restart
//! ```
//!
//! What is durable changes in [`Groups::replay`] only: the committed offsets, of each classic group
//! what its last `GroupMetadata` record says, and all of a consumer group. What is volatile, and lost with the
//! coordinator exactly as in Kafka, changes while deciding: parked joins and syncs, session timers,
//! rebalance deadlines, members that joined but were not yet given an assignment.
#![no_std]

extern crate alloc;

pub mod assignors;
pub mod classic_group;
mod config;
pub mod consumer_group;
pub mod consumer_protocol;
mod decision;
mod error;
mod groups;
mod operations;
pub mod primitives;
pub mod records;
pub mod server_assignors;
mod topics_image;

pub use classic_group::{ClassicGroup, ClassicGroupMember, ClassicGroupState};
pub use config::{ConsumerGroupConfig, DynamicGroupConfig, GroupConfig, MigrationPolicy};
pub use consumer_group::{
    Assignment, AssignmentWithEpochs, ConsumerGroup, ConsumerGroupDescription, ConsumerGroupMember,
    ConsumerGroupMemberDescription, ConsumerGroupState, DescribedPartitions, MemberState,
    ResolvedRegularExpression, SubscriptionType, TopicPartitionsList,
};
pub use decision::{Decided, Decision, GroupEvent, Reply, Token};
pub use error::{GroupError, GroupFailure};
pub use groups::{Durable, Groups, PendingOffsets};
pub use operations::*;
pub use primitives::random_uuid;
pub use records::GroupRecord;
pub use server_assignors::ServerAssignor;
pub use topics_image::{TopicMetadata, TopicsImage};
