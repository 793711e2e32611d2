//! The records of consumer groups (KIP-848): their structs and bytes.
//!
//! | key type | what | value |
//! |---|---|---|
//! | 3 | the group | epoch, hash of its topics |
//! | 4 | the group's topics, of Kafka 4.0 | only its tombstone is written |
//! | 5 | a member | what it told of itself |
//! | 6 | the target assignment | its epoch, when it was computed |
//! | 7 | a member's target | partitions |
//! | 8 | a member's assignment | epochs, state, partitions with their epochs |
//! | 16 | a regular expression | the topics that it matches |

use alloc::string::String;
use alloc::vec::Vec;

use super::codec::RecordError;
use crate::JoinGroupProtocol;
use crate::consumer_group::{Assignment, AssignmentWithEpochs, ResolvedRegularExpression};
use crate::primitives::{DecodeError, Reader, Writer};

pub(super) const METADATA_KEY: i16 = 3;
pub(super) const PARTITION_METADATA_KEY: i16 = 4;
pub(super) const MEMBER_METADATA_KEY: i16 = 5;
pub(super) const TARGET_ASSIGNMENT_METADATA_KEY: i16 = 6;
pub(super) const TARGET_ASSIGNMENT_MEMBER_KEY: i16 = 7;
pub(super) const CURRENT_MEMBER_ASSIGNMENT_KEY: i16 = 8;
pub(super) const REGULAR_EXPRESSION_KEY: i16 = 16;

const VALUE_VERSION: i16 = 0;

/// A record of a consumer group; a value of None removes what the key names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerGroupRecord {
    /// Key type 3 (`ConsumerGroupMetadata`).
    Metadata {
        /// None removes the group.
        value: Option<ConsumerGroupMetadataValue>,
    },
    /// Key type 4 (`ConsumerGroupPartitionMetadata`): written by Kafka 4.0, removed since. What its
    /// value says is not kept.
    PartitionMetadata {
        /// Whether it is removed.
        is_tombstone: bool,
    },
    /// Key type 5 (`ConsumerGroupMemberMetadata`).
    MemberMetadata {
        /// The member.
        member_id: String,
        /// None removes the member.
        value: Option<ConsumerGroupMemberMetadataValue>,
    },
    /// Key type 6 (`ConsumerGroupTargetAssignmentMetadata`).
    TargetAssignmentMetadata {
        /// None with the group's removal.
        value: Option<TargetAssignmentMetadataValue>,
    },
    /// Key type 7 (`ConsumerGroupTargetAssignmentMember`).
    TargetAssignmentMember {
        /// The member.
        member_id: String,
        /// None with the member's removal.
        value: Option<Assignment>,
    },
    /// Key type 8 (`ConsumerGroupCurrentMemberAssignment`).
    CurrentMemberAssignment {
        /// The member.
        member_id: String,
        /// None with the member's removal.
        value: Option<CurrentMemberAssignmentValue>,
    },
    /// Key type 16 (`ConsumerGroupRegularExpression`).
    RegularExpression {
        /// The regular expression.
        regex: String,
        /// None where nobody subscribes to it any more.
        value: Option<ResolvedRegularExpression>,
    },
}

/// The value of key type 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMetadataValue {
    /// The group's epoch.
    pub epoch: i32,
    /// The hash of the topics subscribed to (tagged field 0).
    pub metadata_hash: i64,
}

/// The value of key type 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMemberMetadataValue {
    /// Of a static member.
    pub instance_id: Option<String>,
    /// Its rack.
    pub rack_id: Option<String>,
    /// The client.
    pub client_id: String,
    /// Its host.
    pub client_host: String,
    /// Sorted.
    pub subscribed_topic_names: Vec<String>,
    /// Empty where there is none.
    pub subscribed_topic_regex: Option<String>,
    /// How long it may take to give up partitions.
    pub rebalance_timeout_ms: i32,
    /// The assignor that it asks for.
    pub server_assignor: Option<String>,
    /// Of a member that uses the classic protocol (tagged field 0).
    pub classic_member_metadata: Option<ClassicMemberMetadata>,
}

/// What a member of the classic protocol told in its JoinGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassicMemberMetadata {
    /// Its session timeout.
    pub session_timeout_ms: i32,
    /// Its protocols.
    pub supported_protocols: Vec<JoinGroupProtocol>,
}

/// The value of key type 6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAssignmentMetadataValue {
    /// The group epoch that the target is for.
    pub assignment_epoch: i32,
    /// When it was computed (tagged field 0); 0 where not known.
    pub assignment_timestamp: i64,
}

/// The value of key type 8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentMemberAssignmentValue {
    /// The member's epoch.
    pub member_epoch: i32,
    /// Taken too, from a member that missed the last answer.
    pub previous_member_epoch: i32,
    /// [`crate::MemberState`].
    pub state: i8,
    /// What it may read.
    pub assigned_partitions: AssignmentWithEpochs,
    /// What it must give up.
    pub partitions_pending_revocation: AssignmentWithEpochs,
}

impl ConsumerGroupRecord {
    /// Whether it removes what its key names.
    pub(crate) fn is_tombstone(&self) -> bool {
        match self {
            Self::Metadata { value } => value.is_none(),
            Self::PartitionMetadata { is_tombstone } => *is_tombstone,
            Self::MemberMetadata { value, .. } => value.is_none(),
            Self::TargetAssignmentMetadata { value } => value.is_none(),
            Self::TargetAssignmentMember { value, .. } => value.is_none(),
            Self::CurrentMemberAssignment { value, .. } => value.is_none(),
            Self::RegularExpression { value, .. } => value.is_none(),
        }
    }

    pub(super) fn encode_key(&self, group_id: &str) -> Vec<u8> {
        let mut key = Writer::default();
        let (key_type, name) = match self {
            Self::Metadata { .. } => (METADATA_KEY, None),
            Self::PartitionMetadata { .. } => (PARTITION_METADATA_KEY, None),
            Self::MemberMetadata { member_id, .. } => (MEMBER_METADATA_KEY, Some(member_id)),
            Self::TargetAssignmentMetadata { .. } => (TARGET_ASSIGNMENT_METADATA_KEY, None),
            Self::TargetAssignmentMember { member_id, .. } => {
                (TARGET_ASSIGNMENT_MEMBER_KEY, Some(member_id))
            }
            Self::CurrentMemberAssignment { member_id, .. } => {
                (CURRENT_MEMBER_ASSIGNMENT_KEY, Some(member_id))
            }
            Self::RegularExpression { regex, .. } => (REGULAR_EXPRESSION_KEY, Some(regex)),
        };
        key.i16(key_type);
        key.string(group_id);
        if let Some(name) = name {
            key.string(name);
        }
        key.out
    }

    pub(super) fn encode_value(&self) -> Option<Vec<u8>> {
        let mut out = Writer::default();
        out.i16(VALUE_VERSION);
        match self {
            Self::Metadata { value } => {
                let value = value.as_ref()?;
                out.i32(value.epoch);
                tagged_i64(&mut out, value.metadata_hash);
            }
            Self::PartitionMetadata { is_tombstone: true } => return None,
            // An empty list of topics: what it said is not kept.
            Self::PartitionMetadata { is_tombstone: false } => {
                out.unsigned_varint(1);
                out.unsigned_varint(0);
            }
            Self::MemberMetadata { value, .. } => write_member(&mut out, value.as_ref()?),
            Self::TargetAssignmentMetadata { value } => {
                let value = value.as_ref()?;
                out.i32(value.assignment_epoch);
                tagged_i64(&mut out, value.assignment_timestamp);
            }
            Self::TargetAssignmentMember { value, .. } => {
                let value = value.as_ref()?;
                out.unsigned_varint(len_plus_one(value.len()));
                for (topic, partitions) in value {
                    out.raw(topic);
                    write_ints(&mut out, partitions.iter());
                    out.unsigned_varint(0);
                }
                out.unsigned_varint(0);
            }
            Self::CurrentMemberAssignment { value, .. } => {
                let value = value.as_ref()?;
                out.i32(value.member_epoch);
                out.i32(value.previous_member_epoch);
                out.i8(value.state);
                write_with_epochs(&mut out, &value.assigned_partitions);
                write_with_epochs(&mut out, &value.partitions_pending_revocation);
                out.unsigned_varint(0);
            }
            Self::RegularExpression { value, .. } => {
                let value = value.as_ref()?;
                out.unsigned_varint(len_plus_one(value.topics.len()));
                for topic in &value.topics {
                    out.compact_string(topic);
                }
                out.i64(value.version);
                out.i64(value.timestamp);
                out.unsigned_varint(0);
            }
        }
        Some(out.out)
    }

    /// Reads the record of a key of this type; the reader stands after the group's id.
    pub(super) fn decode(
        key_type: i16,
        key: &mut Reader<'_>,
        value: Option<&[u8]>,
    ) -> Result<Self, RecordError> {
        let in_key = |error| RecordError::Decode { what: "key", error };
        Ok(match key_type {
            METADATA_KEY => Self::Metadata {
                value: read(value, "ConsumerGroupMetadataValue", |reader| {
                    let epoch = reader.i32("epoch")?;
                    Ok(ConsumerGroupMetadataValue {
                        epoch,
                        metadata_hash: read_tagged_i64(reader, "metadataHash")?,
                    })
                })?,
            },
            PARTITION_METADATA_KEY => Self::PartitionMetadata { is_tombstone: value.is_none() },
            MEMBER_METADATA_KEY => Self::MemberMetadata {
                member_id: key.string("memberId").map_err(in_key)?,
                value: read(value, "ConsumerGroupMemberMetadataValue", read_member)?,
            },
            TARGET_ASSIGNMENT_METADATA_KEY => Self::TargetAssignmentMetadata {
                value: read(value, "ConsumerGroupTargetAssignmentMetadataValue", |reader| {
                    let assignment_epoch = reader.i32("assignmentEpoch")?;
                    Ok(TargetAssignmentMetadataValue {
                        assignment_epoch,
                        assignment_timestamp: read_tagged_i64(reader, "assignmentTimestamp")?,
                    })
                })?,
            },
            TARGET_ASSIGNMENT_MEMBER_KEY => Self::TargetAssignmentMember {
                member_id: key.string("memberId").map_err(in_key)?,
                value: read(value, "ConsumerGroupTargetAssignmentMemberValue", |reader| {
                    let mut assignment = Assignment::new();
                    for _ in 0..reader.compact_array_len("topicPartitions")? {
                        let topic = reader.uuid("topicId")?;
                        let partitions = read_ints(reader, "partitions")?;
                        reader.tagged_fields()?;
                        assignment.insert(topic, partitions.into_iter().collect());
                    }
                    Ok(assignment)
                })?,
            },
            CURRENT_MEMBER_ASSIGNMENT_KEY => Self::CurrentMemberAssignment {
                member_id: key.string("memberId").map_err(in_key)?,
                value: read(value, "ConsumerGroupCurrentMemberAssignmentValue", |reader| {
                    let member_epoch = reader.i32("memberEpoch")?;
                    Ok(CurrentMemberAssignmentValue {
                        member_epoch,
                        previous_member_epoch: reader.i32("previousMemberEpoch")?,
                        state: reader.i8("state")?,
                        assigned_partitions: read_with_epochs(reader, member_epoch)?,
                        partitions_pending_revocation: read_with_epochs(reader, member_epoch)?,
                    })
                })?,
            },
            REGULAR_EXPRESSION_KEY => Self::RegularExpression {
                regex: key.string("regularExpression").map_err(in_key)?,
                value: read(value, "ConsumerGroupRegularExpressionValue", |reader| {
                    let topics = read_strings(reader, "topics")?;
                    Ok(ResolvedRegularExpression {
                        topics: topics.into_iter().collect(),
                        version: reader.i64("version")?,
                        timestamp: reader.i64("timestamp")?,
                    })
                })?,
            },
            other => return Err(RecordError::UnknownKeyType(other)),
        })
    }
}

fn read<T>(
    value: Option<&[u8]>,
    what: &'static str,
    fields: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Option<T>, RecordError> {
    let Some(value) = value else { return Ok(None) };
    let mut reader = Reader::new(value);
    match reader.i16("version").map_err(|error| RecordError::Decode { what, error })? {
        VALUE_VERSION => {
            fields(&mut reader).map(Some).map_err(|error| RecordError::Decode { what, error })
        }
        version => Err(RecordError::UnknownVersion { what, version }),
    }
}

fn len_plus_one(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX).saturating_add(1)
}

/// One tagged field of tag 0, left out where it is 0.
fn tagged_i64(out: &mut Writer, value: i64) {
    if value == 0 {
        out.unsigned_varint(0);
    } else {
        out.unsigned_varint(1);
        out.unsigned_varint(0);
        out.unsigned_varint(8);
        out.i64(value);
    }
}

fn read_tagged_i64(reader: &mut Reader<'_>, field: &'static str) -> Result<i64, DecodeError> {
    let mut value = 0;
    for (tag, bytes) in reader.tagged_fields()? {
        if tag == 0 {
            value = Reader::new(bytes).i64(field)?;
        }
    }
    Ok(value)
}

fn write_ints<'a>(out: &mut Writer, values: impl ExactSizeIterator<Item = &'a i32>) {
    out.unsigned_varint(len_plus_one(values.len()));
    for value in values {
        out.i32(*value);
    }
}

fn read_ints(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<i32>, DecodeError> {
    let mut values = Vec::new();
    for _ in 0..reader.compact_array_len(field)? {
        values.push(reader.i32(field)?);
    }
    Ok(values)
}

fn read_strings(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<String>, DecodeError> {
    let mut values = Vec::new();
    for _ in 0..reader.compact_array_len(field)? {
        values.push(reader.compact_string(field)?);
    }
    Ok(values)
}

fn write_with_epochs(out: &mut Writer, assignment: &AssignmentWithEpochs) {
    out.unsigned_varint(len_plus_one(assignment.len()));
    for (topic, partitions) in assignment {
        out.raw(topic);
        write_ints(out, partitions.keys());
        // Tag 0: the epoch of each partition.
        let mut epochs = Writer::default();
        write_ints(&mut epochs, partitions.values());
        out.unsigned_varint(1);
        out.unsigned_varint(0);
        out.unsigned_varint(u32::try_from(epochs.out.len()).unwrap_or(u32::MAX));
        out.raw(&epochs.out);
    }
}

/// Without epochs, or with another number of them than of partitions, each partition's is the
/// member's (`Utils.assignmentFromTopicPartitions`).
fn read_with_epochs(
    reader: &mut Reader<'_>,
    member_epoch: i32,
) -> Result<AssignmentWithEpochs, DecodeError> {
    let mut assignment = AssignmentWithEpochs::new();
    for _ in 0..reader.compact_array_len("partitions")? {
        let topic = reader.uuid("topicId")?;
        let partitions = read_ints(reader, "partitions")?;
        let mut epochs = Vec::new();
        for (tag, bytes) in reader.tagged_fields()? {
            // A null array is a length of 0.
            if tag == 0 && bytes != [0] {
                epochs = read_ints(&mut Reader::new(bytes), "assignmentEpochs")?;
            }
        }
        if epochs.len() != partitions.len() {
            epochs = alloc::vec![member_epoch.max(0); partitions.len()];
        }
        assignment.insert(topic, partitions.into_iter().zip(epochs).collect());
    }
    Ok(assignment)
}

fn write_member(out: &mut Writer, value: &ConsumerGroupMemberMetadataValue) {
    out.compact_nullable_string(value.instance_id.as_deref());
    out.compact_nullable_string(value.rack_id.as_deref());
    out.compact_string(&value.client_id);
    out.compact_string(&value.client_host);
    out.unsigned_varint(len_plus_one(value.subscribed_topic_names.len()));
    for name in &value.subscribed_topic_names {
        out.compact_string(name);
    }
    out.compact_nullable_string(value.subscribed_topic_regex.as_deref());
    out.i32(value.rebalance_timeout_ms);
    out.compact_nullable_string(value.server_assignor.as_deref());
    // Tag 0 is always written: its default is not null. A nullable struct is 1 and its fields, or 0.
    let mut tagged = Writer::default();
    match &value.classic_member_metadata {
        None => tagged.unsigned_varint(0),
        Some(classic) => {
            tagged.unsigned_varint(1);
            tagged.i32(classic.session_timeout_ms);
            tagged.unsigned_varint(len_plus_one(classic.supported_protocols.len()));
            for protocol in &classic.supported_protocols {
                tagged.compact_string(&protocol.name);
                tagged.unsigned_varint(len_plus_one(protocol.metadata.len()));
                tagged.raw(&protocol.metadata);
                tagged.unsigned_varint(0);
            }
            tagged.unsigned_varint(0);
        }
    }
    out.unsigned_varint(1);
    out.unsigned_varint(0);
    out.unsigned_varint(u32::try_from(tagged.out.len()).unwrap_or(u32::MAX));
    out.raw(&tagged.out);
}

fn read_member(reader: &mut Reader<'_>) -> Result<ConsumerGroupMemberMetadataValue, DecodeError> {
    let mut member = ConsumerGroupMemberMetadataValue {
        instance_id: reader.compact_nullable_string("instanceId")?,
        rack_id: reader.compact_nullable_string("rackId")?,
        client_id: reader.compact_string("clientId")?,
        client_host: reader.compact_string("clientHost")?,
        subscribed_topic_names: read_strings(reader, "subscribedTopicNames")?,
        subscribed_topic_regex: reader.compact_nullable_string("subscribedTopicRegex")?,
        rebalance_timeout_ms: reader.i32("rebalanceTimeoutMs")?,
        server_assignor: reader.compact_nullable_string("serverAssignor")?,
        classic_member_metadata: None,
    };
    for (tag, bytes) in reader.tagged_fields()? {
        if tag == 0 {
            member.classic_member_metadata = read_classic(&mut Reader::new(bytes))?;
        }
    }
    Ok(member)
}

fn read_classic(reader: &mut Reader<'_>) -> Result<Option<ClassicMemberMetadata>, DecodeError> {
    if reader.unsigned_varint("classicMemberMetadata")? == 0 {
        return Ok(None);
    }
    let session_timeout_ms = reader.i32("sessionTimeoutMs")?;
    let mut supported_protocols = Vec::new();
    for _ in 0..reader.compact_array_len("supportedProtocols")? {
        let name = reader.compact_string("name")?;
        let metadata = reader.compact_bytes("metadata")?.into();
        reader.tagged_fields()?;
        supported_protocols.push(JoinGroupProtocol { name, metadata });
    }
    Ok(Some(ClassicMemberMetadata { session_timeout_ms, supported_protocols }))
}
