//! Bytes of the consumer protocol: what members of a `consumer` group tell their leader, and what
//! the leader tells them. The coordinator carries both without reading them (but for the topics of
//! a subscription, which guard OffsetDelete).
//!
//! Source: `ConsumerProtocol`, `ConsumerProtocolSubscription.json`, `ConsumerProtocolAssignment.json`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::TopicPartition;
pub use crate::primitives::DecodeError;
use crate::primitives::{Reader, Writer};

/// The protocol type of consumer groups.
pub const PROTOCOL_TYPE: &str = "consumer";

/// What Kafka 4 writes.
pub const HIGHEST_VERSION: i16 = 3;

/// `ConsumerProtocolSubscription`: what a member would read, and what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topics subscribed to, as given; Java's consumer sorts them.
    pub topics: Vec<String>,
    /// What the assignor wants to be told (a sticky assignor's generation).
    pub user_data: Option<Vec<u8>>,
    /// What the member has now (version >= 1); written sorted by topic and partition.
    pub owned_partitions: Vec<TopicPartition>,
    /// The generation in which it had them; -1 where not known (version >= 2).
    pub generation_id: i32,
    /// `client.rack` (version >= 3).
    pub rack_id: Option<String>,
}

impl Subscription {
    /// A subscription of a member that has nothing yet.
    pub fn to(topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            user_data: None,
            owned_partitions: Vec::new(),
            generation_id: -1,
            rack_id: None,
        }
    }

    /// The bytes, in the highest version; topics and partitions are sorted as Java sorts them.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_version(HIGHEST_VERSION)
    }

    /// The bytes in a version from 0 to 3; a higher one counts as 3, a lower one as 0. What the
    /// version cannot say is left out.
    pub fn encode_version(&self, version: i16) -> Vec<u8> {
        let version = version.clamp(0, HIGHEST_VERSION);
        let mut out = Writer::default();
        out.i16(version);
        let mut topics: Vec<&String> = self.topics.iter().collect();
        logbrook_sorted::sort(&mut topics);
        out.i32(topics.len() as i32);
        for topic in topics {
            out.string(topic);
        }
        out.nullable_bytes(self.user_data.as_deref());
        if version >= 1 {
            let mut owned = self.owned_partitions.clone();
            logbrook_sorted::sort(&mut owned);
            write_partitions(&mut out, &owned);
        }
        if version >= 2 {
            out.i32(self.generation_id);
        }
        if version >= 3 {
            out.nullable_string(self.rack_id.as_deref());
        }
        out.out
    }

    /// The version that the bytes are in.
    pub fn decode_version(bytes: &[u8]) -> Result<i16, DecodeError> {
        read_version(&mut Reader::new(bytes))
    }

    /// Reads the topics only, as the coordinator does.
    pub fn decode_topics(bytes: &[u8]) -> Result<Vec<String>, DecodeError> {
        let mut reader = Reader::new(bytes);
        read_version(&mut reader)?;
        let topics = read_topics(&mut reader)?;
        reader.nullable_bytes("userData")?;
        Ok(topics)
    }

    /// Reads a subscription of any version; of one above 3 what 3 knows, as Kafka does.
    pub fn decode(bytes: &[u8]) -> Result<Subscription, DecodeError> {
        let mut reader = Reader::new(bytes);
        let version = read_version(&mut reader)?;
        let topics = read_topics(&mut reader)?;
        let user_data = reader.nullable_bytes("userData")?;
        let owned_partitions = if version >= 1 {
            read_partitions(&mut reader, "ownedPartitions")?
        } else {
            Vec::new()
        };
        let generation_id = if version >= 2 { reader.i32("generationId")? } else { -1 };
        let rack_id = if version >= 3 { reader.nullable_string("rackId")? } else { None }
            .filter(|rack| !rack.is_empty());
        Ok(Subscription { topics, user_data, owned_partitions, generation_id, rack_id })
    }
}

/// `ConsumerProtocolAssignment`: what a member is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The partitions, in the order of the assignor.
    pub partitions: Vec<TopicPartition>,
    /// For the assignor of the member.
    pub user_data: Option<Vec<u8>>,
}

impl Assignment {
    /// An assignment without user data.
    pub fn of(partitions: Vec<TopicPartition>) -> Self {
        Self { partitions, user_data: None }
    }

    /// The bytes, in the highest version. Topics are in the order in which each first stands in
    /// `partitions`.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_version(HIGHEST_VERSION)
    }

    /// The bytes in a version from 0 to 3 (they differ in the number only).
    pub fn encode_version(&self, version: i16) -> Vec<u8> {
        let mut out = Writer::default();
        out.i16(version.clamp(0, HIGHEST_VERSION));
        write_partitions(&mut out, &self.partitions);
        out.nullable_bytes(self.user_data.as_deref());
        out.out
    }

    /// Reads an assignment of any version. No bytes at all are no partitions: what a member gets
    /// that the leader left out.
    pub fn decode(bytes: &[u8]) -> Result<Assignment, DecodeError> {
        if bytes.is_empty() {
            return Ok(Assignment::default());
        }
        let mut reader = Reader::new(bytes);
        read_version(&mut reader)?;
        let partitions = read_partitions(&mut reader, "assignedPartitions")?;
        let user_data = reader.nullable_bytes("userData")?;
        Ok(Assignment { partitions, user_data })
    }
}

fn read_topics(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let mut topics = Vec::new();
    for _ in 0..reader.array_len("topics")? {
        topics.push(reader.string("topics")?);
    }
    Ok(topics)
}

fn read_version(reader: &mut Reader<'_>) -> Result<i16, DecodeError> {
    let error = reader.error("version", "0 or more");
    match reader.i16("version")? {
        version if version < 0 => Err(error),
        version => Ok(version),
    }
}

pub(crate) fn read_partitions(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Vec<TopicPartition>, DecodeError> {
    let mut partitions = Vec::new();
    for _ in 0..reader.array_len(field)? {
        let topic = reader.string("topic")?;
        for _ in 0..reader.array_len("partitions")? {
            partitions.push(TopicPartition::new(topic.clone(), reader.i32("partitions")?));
        }
    }
    Ok(partitions)
}

pub(crate) fn write_partitions(out: &mut Writer, partitions: &[TopicPartition]) {
    let mut by_topic: Vec<(&str, Vec<i32>)> = Vec::new();
    for partition in partitions {
        match by_topic.iter_mut().find(|(topic, _)| *topic == partition.topic) {
            Some((_, indexes)) => indexes.push(partition.partition),
            None => by_topic.push((&partition.topic, [partition.partition].into())),
        }
    }
    out.i32(by_topic.len() as i32);
    for (topic, indexes) in by_topic {
        out.string(topic);
        out.i32(indexes.len() as i32);
        for index in indexes {
            out.i32(index);
        }
    }
}
