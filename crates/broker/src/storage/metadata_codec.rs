//! Metadata records as bytes: `MetadataRecordSerde`, and the schemas in Kafka's `metadata` module.
//!
//! ```text
//! frame version, varint = 1 | api key, varint | version of the record, varint | its fields
//! ```

use bytes::Bytes;
use uuid::Uuid;

use logbrook_group::primitives::{DecodeError, Reader, Writer};

use crate::api::api_versions::FEATURES;
use crate::controller::{MetadataRecord, PartitionRegistration};
use crate::{ConfigResource, ConfigResourceType, MetadataImage};

const FRAME_VERSION: u32 = 1;

const REGISTER_BROKER: u32 = 0;
const TOPIC: u32 = 2;
const PARTITION: u32 = 3;
const CONFIG: u32 = 4;
const PARTITION_CHANGE: u32 = 5;
const REMOVE_TOPIC: u32 = 9;
const FEATURE_LEVEL: u32 = 12;
const PRODUCER_IDS: u32 = 15;

/// What a record says beyond [`MetadataRecord`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// Of this start of the process.
    pub(super) incarnation_id: Uuid,
    /// The directory of this broker.
    pub(super) directory_id: Uuid,
    /// Offset of the record that registered it.
    pub(super) broker_epoch: i64,
}

fn frame(api_key: u32, version: u32) -> Writer {
    let mut out = Writer::default();
    out.unsigned_varint(FRAME_VERSION);
    out.unsigned_varint(api_key);
    out.unsigned_varint(version);
    out
}

/// `FeatureLevelRecord`, with which a metadata log begins.
pub(super) fn encode_feature_level(name: &str, level: i16) -> Vec<u8> {
    let mut out = frame(FEATURE_LEVEL, 0);
    out.compact_string(name);
    out.i16(level);
    out.tagged_fields(&[]);
    out.out
}

/// The value of a record of the metadata log.
pub(super) fn encode(record: &MetadataRecord, node: &Node) -> Vec<u8> {
    let mut out;
    match record {
        MetadataRecord::RegisterBroker(registration) => {
            out = frame(REGISTER_BROKER, 3);
            out.i32(registration.broker_id);
            out.i8(0);
            out.raw(node.incarnation_id.as_bytes());
            out.i64(node.broker_epoch);
            out.compact_array(&[registration], |out, registration| {
                out.compact_string("PLAINTEXT");
                out.compact_string(&registration.host);
                out.raw(&registration.port.to_be_bytes());
                out.i16(0);
                out.tagged_fields(&[]);
            });
            out.compact_array(FEATURES, |out, (name, min, max, _)| {
                out.compact_string(name);
                out.i16(*min);
                out.i16(*max);
                out.tagged_fields(&[]);
            });
            out.compact_nullable_string(registration.rack.as_deref());
            // It serves at once; Kafka's first registers fenced.
            out.i8(0);
            out.i8(0);
            let mut directories = Writer::default();
            directories.compact_array(&[node.directory_id], |out, id| out.raw(id.as_bytes()));
            out.tagged_fields(&[(0, directories.out)]);
        }
        MetadataRecord::Topic { name, topic_id } => {
            out = frame(TOPIC, 0);
            out.compact_string(name);
            out.raw(topic_id.as_bytes());
            out.tagged_fields(&[]);
        }
        MetadataRecord::Partition { topic_id, partition_id, registration } => {
            out = frame(PARTITION, 2);
            out.i32(*partition_id);
            out.raw(topic_id.as_bytes());
            let mut ids = |ids: &[i32]| out.compact_array(ids, |out, id| out.i32(*id));
            ids(&registration.replicas);
            ids(&registration.isr);
            ids(&[]);
            ids(&[]);
            out.i32(registration.leader);
            out.i32(registration.leader_epoch);
            out.i32(registration.partition_epoch);
            out.compact_array(&registration.replicas, |out, _| {
                out.raw(node.directory_id.as_bytes())
            });
            let mut tags = Vec::new();
            for (tag, ids) in [(1, &registration.elr), (2, &registration.last_known_elr)] {
                if !ids.is_empty() {
                    let mut field = Writer::default();
                    field.compact_array(ids, |out, id| out.i32(*id));
                    tags.push((tag, field.out));
                }
            }
            out.tagged_fields(&tags);
        }
        MetadataRecord::RemoveTopic { topic_id } => {
            out = frame(REMOVE_TOPIC, 0);
            out.raw(topic_id.as_bytes());
            out.tagged_fields(&[]);
        }
        MetadataRecord::Config { resource, name, value } => {
            out = frame(CONFIG, 0);
            out.i8(resource.kind.id());
            out.compact_string(&resource.name);
            out.compact_string(name);
            out.compact_nullable_string(value.as_deref());
            out.tagged_fields(&[]);
        }
        MetadataRecord::ProducerIds { broker_id, next_producer_id } => {
            out = frame(PRODUCER_IDS, 0);
            out.i32(*broker_id);
            out.i64(node.broker_epoch);
            out.i64(*next_producer_id);
            out.tagged_fields(&[]);
        }
    }
    out.out
}

/// The record in a value of the metadata log, which `image` is the state before. `Ok(None)` for one that says
/// nothing to this broker (registrations, features, transactions of the controller).
///
/// # Errors
/// What stands there instead of a record.
pub(super) fn decode(
    value: Bytes,
    image: &MetadataImage,
) -> Result<Option<MetadataRecord>, &'static str> {
    let mut from = Reader::new(&value);
    let header = |from: &mut Reader<'_>| {
        let mut next = |field| from.unsigned_varint(field);
        Ok::<_, DecodeError>((next("FrameVersion")?, next("ApiKey")?, next("Version")?))
    };
    let Ok((FRAME_VERSION, api_key, version)) = header(&mut from) else {
        return Err("found no frame of version 1");
    };
    let record = match api_key {
        TOPIC => decode_topic(&mut from).map(Some),
        PARTITION => decode_partition(&mut from, version).map(Some),
        PARTITION_CHANGE => decode_partition_change(&mut from, image).map(Some),
        REMOVE_TOPIC => {
            uuid(&mut from).map(|topic_id| Some(MetadataRecord::RemoveTopic { topic_id }))
        }
        // None for a kind of resource that is not modelled.
        CONFIG => decode_config(&mut from),
        PRODUCER_IDS => decode_producer_ids(&mut from).map(Some),
        _says_nothing_here => return Ok(None),
    };
    record.map_err(|_| "found a record that ends too early")
}

fn uuid(from: &mut Reader<'_>) -> Result<Uuid, DecodeError> {
    Ok(Uuid::from_bytes(from.uuid("TopicId")?))
}

/// An array of broker ids, empty for null.
fn ids(from: &mut Reader<'_>, field: &'static str) -> Result<Vec<i32>, DecodeError> {
    array(from, field, |from| from.i32(field))
}

/// An array, empty for null.
fn array<T>(
    from: &mut Reader<'_>,
    field: &'static str,
    item: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = from.unsigned_varint(field)?.saturating_sub(1);
    // Each item takes a byte at least: a count beyond that is no count.
    if count as usize > from.remaining() {
        return Err(from.error(field, "an array length that the bytes can hold"));
    }
    (0..count).map(|_| item(from)).collect()
}

fn decode_topic(from: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    Ok(MetadataRecord::Topic { name: from.compact_string("Name")?, topic_id: uuid(from)? })
}

fn decode_config(from: &mut Reader<'_>) -> Result<Option<MetadataRecord>, DecodeError> {
    let kind = ConfigResourceType::from_id(from.i8("ResourceType")?);
    let resource = from.compact_string("ResourceName")?;
    let name = from.compact_string("Name")?;
    let value = from.compact_nullable_string("Value")?;
    Ok(kind.map(|kind| MetadataRecord::Config {
        resource: ConfigResource::new(kind, resource),
        name,
        value,
    }))
}

fn decode_producer_ids(from: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let (broker_id, _broker_epoch) = (from.i32("BrokerId")?, from.i64("BrokerEpoch")?);
    Ok(MetadataRecord::ProducerIds { broker_id, next_producer_id: from.i64("NextProducerId")? })
}

fn decode_partition(from: &mut Reader<'_>, version: u32) -> Result<MetadataRecord, DecodeError> {
    let (partition_id, topic_id) = (from.i32("PartitionId")?, uuid(from)?);
    let (replicas, isr) = (ids(from, "Replicas")?, ids(from, "Isr")?);
    let _removing = ids(from, "RemovingReplicas")?;
    let _adding = ids(from, "AddingReplicas")?;
    let mut registration = PartitionRegistration {
        replicas,
        isr,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: from.i32("Leader")?,
        leader_epoch: from.i32("LeaderEpoch")?,
        partition_epoch: from.i32("PartitionEpoch")?,
    };
    if version >= 1 {
        array(from, "Directories", |from| from.uuid("Directories"))?;
    }
    for (tag, field) in from.tagged_fields()? {
        let mut field = Reader::new(field);
        match tag {
            1 => registration.elr = ids(&mut field, "EligibleLeaderReplicas")?,
            2 => registration.last_known_elr = ids(&mut field, "LastKnownElr")?,
            _others => {}
        }
    }
    Ok(MetadataRecord::Partition { topic_id, partition_id, registration })
}

/// `PartitionRegistration.merge`.
fn decode_partition_change(
    from: &mut Reader<'_>,
    image: &MetadataImage,
) -> Result<MetadataRecord, DecodeError> {
    let (partition_id, topic_id) = (from.i32("PartitionId")?, uuid(from)?);
    let known = image.topic_by_id(topic_id).and_then(|t| t.partitions.get(&partition_id));
    let known = known.ok_or_else(|| from.error("PartitionId", "a partition that is known"))?;
    let mut registration = known.clone();
    for (tag, field) in from.tagged_fields()? {
        let mut field = Reader::new(field);
        match tag {
            0 => registration.isr = ids(&mut field, "Isr")?,
            1 => {
                registration.leader = field.i32("Leader")?;
                registration.leader_epoch = registration.leader_epoch.saturating_add(1);
            }
            2 => registration.replicas = ids(&mut field, "Replicas")?,
            6 => registration.elr = ids(&mut field, "EligibleLeaderReplicas")?,
            7 => registration.last_known_elr = ids(&mut field, "LastKnownElr")?,
            _others => {}
        }
    }
    registration.partition_epoch = registration.partition_epoch.saturating_add(1);
    Ok(MetadataRecord::Partition { topic_id, partition_id, registration })
}
