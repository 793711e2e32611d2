//! Bytes of the records of `__consumer_offsets`, both ways.

use alloc::vec::Vec;

use super::consumer_group;
use super::{
    ConsumerGroupRecord, GroupMetadataValue, GroupRecord, MemberMetadata, OffsetCommitValue,
};
use crate::primitives::{DecodeError, Reader, Writer};

const OFFSET_COMMIT_KEY: i16 = 1;
/// Written by Kafka before 0.9; the same key.
const LEGACY_OFFSET_COMMIT_KEY: i16 = 0;
const GROUP_METADATA_KEY: i16 = 2;

const OFFSET_COMMIT_VALUE_WITH_EXPIRY: i16 = 1;
const OFFSET_COMMIT_VALUE_WITHOUT_TOPIC_ID: i16 = 3;
const OFFSET_COMMIT_VALUE: i16 = 4;
const GROUP_METADATA_VALUE: i16 = 3;
const NO_TOPIC_ID: [u8; 16] = [0; 16];

/// Why a record of `__consumer_offsets` could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// A key of a type that belongs to something not modelled (share groups, streams groups) or to
    /// nothing. Kafka skips these with a warning; so may the caller.
    UnknownKeyType(i16),
    /// A value of a version that is not known.
    UnknownVersion {
        /// `OffsetCommitValue`...
        what: &'static str,
        /// The version found.
        version: i16,
    },
    /// Bytes that are not what the schema says.
    Decode {
        /// The struct being read.
        what: &'static str,
        /// Where and why.
        error: DecodeError,
    },
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownKeyType(key) => {
                write!(f, "key type {key} of __consumer_offsets: expected 0 to 8, or 16")
            }
            Self::UnknownVersion { what, version } => {
                write!(f, "{what} version {version}: expected 0 to 4")
            }
            Self::Decode { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl core::error::Error for RecordError {}

impl GroupRecord {
    /// The group that the record is of.
    pub fn group_id(&self) -> &str {
        match self {
            Self::OffsetCommit { group_id, .. }
            | Self::GroupMetadata { group_id, .. }
            | Self::ConsumerGroup { group_id, .. } => group_id,
        }
    }

    /// The key's bytes.
    pub fn encode_key(&self) -> Vec<u8> {
        let mut key = Writer::default();
        match self {
            Self::OffsetCommit { group_id, topic, partition, .. } => {
                key.i16(OFFSET_COMMIT_KEY);
                key.string(group_id);
                key.string(topic);
                key.i32(*partition);
            }
            Self::GroupMetadata { group_id, .. } => {
                key.i16(GROUP_METADATA_KEY);
                key.string(group_id);
            }
            Self::ConsumerGroup { group_id, record } => return record.encode_key(group_id),
        }
        key.out
    }

    /// The value's bytes; None is a tombstone.
    pub fn encode_value(&self) -> Option<Vec<u8>> {
        match self {
            Self::OffsetCommit { value, .. } => value.as_ref().map(encode_offset_commit),
            Self::GroupMetadata { value, .. } => value.as_ref().map(encode_group_metadata),
            Self::ConsumerGroup { record, .. } => record.encode_value(),
        }
    }

    /// Reads a record back from the bytes of its key and value.
    pub fn decode(key: &[u8], value: Option<&[u8]>) -> Result<GroupRecord, RecordError> {
        let in_key = |error| RecordError::Decode { what: "key", error };
        let mut reader = Reader::new(key);
        match reader.i16("type").map_err(in_key)? {
            LEGACY_OFFSET_COMMIT_KEY | OFFSET_COMMIT_KEY => Ok(Self::OffsetCommit {
                group_id: reader.string("group").map_err(in_key)?,
                topic: reader.string("topic").map_err(in_key)?,
                partition: reader.i32("partition").map_err(in_key)?,
                value: value.map(decode_offset_commit).transpose()?,
            }),
            GROUP_METADATA_KEY => Ok(Self::GroupMetadata {
                group_id: reader.string("group").map_err(in_key)?,
                value: value.map(decode_group_metadata).transpose()?,
            }),
            key_type @ (consumer_group::METADATA_KEY
                ..=consumer_group::CURRENT_MEMBER_ASSIGNMENT_KEY
            | consumer_group::REGULAR_EXPRESSION_KEY) => Ok(Self::ConsumerGroup {
                group_id: reader.string("groupId").map_err(in_key)?,
                record: ConsumerGroupRecord::decode(key_type, &mut reader, value)?,
            }),
            other => Err(RecordError::UnknownKeyType(other)),
        }
    }
}

fn encode_offset_commit(value: &OffsetCommitValue) -> Vec<u8> {
    let mut out = Writer::default();
    if value.expire_timestamp != -1 {
        // Only version 1 can say it, and later ones leave it out.
        out.i16(OFFSET_COMMIT_VALUE_WITH_EXPIRY);
        out.i64(value.offset);
        out.string(&value.metadata);
        out.i64(value.commit_timestamp);
        out.i64(value.expire_timestamp);
    } else if value.topic_id == NO_TOPIC_ID {
        out.i16(OFFSET_COMMIT_VALUE_WITHOUT_TOPIC_ID);
        out.i64(value.offset);
        out.i32(value.leader_epoch);
        out.string(&value.metadata);
        out.i64(value.commit_timestamp);
    } else {
        out.i16(OFFSET_COMMIT_VALUE);
        out.i64(value.offset);
        out.i32(value.leader_epoch);
        out.compact_string(&value.metadata);
        out.i64(value.commit_timestamp);
        // One tagged field: tag 0, 16 bytes.
        out.unsigned_varint(1);
        out.unsigned_varint(0);
        out.unsigned_varint(16);
        out.raw(&value.topic_id);
    }
    out.out
}

fn decode_offset_commit(bytes: &[u8]) -> Result<OffsetCommitValue, RecordError> {
    const WHAT: &str = "OffsetCommitValue";
    let mut reader = Reader::new(bytes);
    let decode = |reader: &mut Reader<'_>, version: i16| {
        let flexible = version >= 4;
        let offset = reader.i64("offset")?;
        let leader_epoch = if version >= 3 { reader.i32("leaderEpoch")? } else { -1 };
        let metadata = if flexible {
            reader.compact_string("metadata")?
        } else {
            reader.string("metadata")?
        };
        let commit_timestamp = reader.i64("commitTimestamp")?;
        let expire_timestamp = if version == 1 { reader.i64("expireTimestamp")? } else { -1 };
        let mut topic_id = NO_TOPIC_ID;
        if flexible {
            for (tag, field) in reader.tagged_fields()? {
                if tag == 0 {
                    topic_id = Reader::new(field).uuid("topicId")?;
                }
            }
        }
        Ok(OffsetCommitValue {
            offset,
            leader_epoch,
            metadata,
            commit_timestamp,
            expire_timestamp,
            topic_id,
        })
    };
    match reader.i16("version").map_err(|error| RecordError::Decode { what: WHAT, error })? {
        version @ 0..=4 => {
            decode(&mut reader, version).map_err(|error| RecordError::Decode { what: WHAT, error })
        }
        version => Err(RecordError::UnknownVersion { what: WHAT, version }),
    }
}

fn encode_group_metadata(value: &GroupMetadataValue) -> Vec<u8> {
    let mut out = Writer::default();
    out.i16(GROUP_METADATA_VALUE);
    out.string(&value.protocol_type);
    out.i32(value.generation);
    out.nullable_string(value.protocol.as_deref());
    out.nullable_string(value.leader.as_deref());
    out.i64(value.current_state_timestamp);
    out.i32(value.members.len() as i32);
    for member in &value.members {
        out.string(&member.member_id);
        out.nullable_string(member.group_instance_id.as_deref());
        out.string(&member.client_id);
        out.string(&member.client_host);
        out.i32(member.rebalance_timeout_ms);
        out.i32(member.session_timeout_ms);
        out.bytes(&member.subscription);
        out.bytes(&member.assignment);
    }
    out.out
}

fn decode_group_metadata(bytes: &[u8]) -> Result<GroupMetadataValue, RecordError> {
    const WHAT: &str = "GroupMetadataValue";
    let mut reader = Reader::new(bytes);
    match reader.i16("version").map_err(|error| RecordError::Decode { what: WHAT, error })? {
        version @ 0..=4 => read_group_metadata(&mut reader, version)
            .map_err(|error| RecordError::Decode { what: WHAT, error }),
        version => Err(RecordError::UnknownVersion { what: WHAT, version }),
    }
}

fn read_group_metadata(
    reader: &mut Reader<'_>,
    version: i16,
) -> Result<GroupMetadataValue, DecodeError> {
    let flexible = version >= 4;
    macro_rules! field {
        ($compact:ident, $plain:ident, $name:literal) => {
            if flexible { reader.$compact($name)? } else { reader.$plain($name)? }
        };
    }
    let protocol_type = field!(compact_string, string, "protocolType");
    let generation = reader.i32("generation")?;
    let protocol = field!(compact_nullable_string, nullable_string, "protocol");
    let leader = field!(compact_nullable_string, nullable_string, "leader");
    let current_state_timestamp =
        if version >= 2 { reader.i64("currentStateTimestamp")? } else { -1 };
    let mut members = Vec::new();
    for _ in 0..field!(compact_array_len, array_len, "members") {
        let member_id = field!(compact_string, string, "memberId");
        let group_instance_id = if version >= 3 {
            field!(compact_nullable_string, nullable_string, "groupInstanceId")
        } else {
            None
        };
        let client_id = field!(compact_string, string, "clientId");
        let client_host = field!(compact_string, string, "clientHost");
        let rebalance_timeout = if version >= 1 { reader.i32("rebalanceTimeout")? } else { -1 };
        let session_timeout_ms = reader.i32("sessionTimeout")?;
        members.push(MemberMetadata {
            member_id,
            group_instance_id,
            client_id,
            client_host,
            // Before version 1 the session timeout was both.
            rebalance_timeout_ms: if rebalance_timeout == -1 {
                session_timeout_ms
            } else {
                rebalance_timeout
            },
            session_timeout_ms,
            subscription: field!(compact_bytes, bytes, "subscription").into(),
            assignment: field!(compact_bytes, bytes, "assignment").into(),
        });
        if flexible {
            reader.tagged_fields()?;
        }
    }
    Ok(GroupMetadataValue {
        protocol_type,
        generation,
        protocol,
        leader,
        current_state_timestamp,
        members,
    })
}
