//! The records of `__consumer_offsets`, byte for byte as Kafka 4.4 writes them.
//!
//! The key starts with its type (i16): 1 is an offset commit, 2 a classic group's metadata, 3 to 8
//! and 16 are of consumer groups. The value starts with its version (i16). A null value (a
//! tombstone) removes what the key names. Types 10 to 15 are those of share groups (KIP-932), and
//! will be a file beside `consumer_group.rs`.

mod codec;
mod consumer_group;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::TopicId;

pub use codec::RecordError;
pub use consumer_group::{
    ClassicMemberMetadata, ConsumerGroupMemberMetadataValue, ConsumerGroupMetadataValue,
    ConsumerGroupRecord, CurrentMemberAssignmentValue, TargetAssignmentMetadataValue,
};

/// One record of `__consumer_offsets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRecord {
    /// Key type 1 (`OffsetCommitKey`).
    OffsetCommit {
        /// The group.
        group_id: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// None removes the offset.
        value: Option<OffsetCommitValue>,
    },
    /// Key type 2 (`GroupMetadataKey`).
    GroupMetadata {
        /// The group.
        group_id: String,
        /// None removes the group.
        value: Option<GroupMetadataValue>,
    },
    /// Key types 3 to 8 and 16: a record of a consumer group (KIP-848).
    ConsumerGroup {
        /// The group.
        group_id: String,
        /// What of it.
        record: ConsumerGroupRecord,
    },
}

/// The value of an offset commit (`OffsetCommitValue`, written as version 4 where the topic's id
/// is known, as version 1 where it has an expiry of its own, else as version 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read; -1 where not known.
    pub leader_epoch: i32,
    /// Free text of the application.
    pub metadata: String,
    /// When it was committed.
    pub commit_timestamp: i64,
    /// When it expires, as version 1 had it; -1 since.
    pub expire_timestamp: i64,
    /// The topic's id (tagged field 0 of version 4); zero where not known.
    pub topic_id: TopicId,
}

/// The value of a group's metadata (`GroupMetadataValue`, written as version 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// `consumer`; empty before the first member.
    pub protocol_type: String,
    /// The generation.
    pub generation: i32,
    /// The protocol chosen; None without members.
    pub protocol: Option<String>,
    /// The leader's member id; None without members.
    pub leader: Option<String>,
    /// When the group went to its state; -1 where not known.
    pub current_state_timestamp: i64,
    /// The members with their assignments.
    pub members: Vec<MemberMetadata>,
}

/// One member in a [`GroupMetadataValue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberMetadata {
    /// The member.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// The client.
    pub client_id: String,
    /// Its host.
    pub client_host: String,
    /// Its rebalance timeout.
    pub rebalance_timeout_ms: i32,
    /// Its session timeout.
    pub session_timeout_ms: i32,
    /// Its subscription under the protocol chosen.
    pub subscription: Bytes,
    /// Its assignment.
    pub assignment: Bytes,
}

/// The partition of `__consumer_offsets` that holds a group: `abs(hash(group id)) % partitions`,
/// with Java's `String.hashCode` and Kafka's `Utils.abs`.
pub fn partition_for(group_id: &str, partitions: i32) -> i32 {
    let hash = group_id
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let positive = if hash == i32::MIN { 0 } else { hash.abs() };
    positive.checked_rem(partitions).unwrap_or(0)
}
