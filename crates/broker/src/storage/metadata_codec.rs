//! Metadata records as bytes: `MetadataRecordSerde`, and the schemas in Kafka's `metadata` module.
//!
//! ```text
//! frame version, varint = 1 | api key, varint | version of the record, varint | its fields
//! ```

use bytes::Bytes;
use uuid::Uuid;

use super::frames::{Reader, Writer};
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
    out.varint(FRAME_VERSION);
    out.varint(api_key);
    out.varint(version);
    out
}

/// `FeatureLevelRecord`, with which a metadata log begins.
pub(super) fn encode_feature_level(name: &str, level: i16) -> Vec<u8> {
    let mut out = frame(FEATURE_LEVEL, 0);
    out.string(name);
    out.i16(level);
    out.tags(&[]);
    out.finish()
}

/// The value of a record of the metadata log.
pub(super) fn encode(record: &MetadataRecord, node: &Node) -> Vec<u8> {
    let mut out;
    match record {
        MetadataRecord::RegisterBroker(registration) => {
            out = frame(REGISTER_BROKER, 3);
            out.i32(registration.broker_id);
            out.bool(false);
            out.uuid(node.incarnation_id);
            out.i64(node.broker_epoch);
            out.array(&[registration], |out, registration| {
                out.string("PLAINTEXT");
                out.string(&registration.host);
                out.u16(registration.port);
                out.i16(0);
                out.tags(&[]);
            });
            out.array(FEATURES, |out, (name, min, max, _)| {
                out.string(name);
                out.i16(*min);
                out.i16(*max);
                out.tags(&[]);
            });
            out.nullable_string(registration.rack.as_deref());
            // It serves at once; Kafka's first registers fenced.
            out.bool(false);
            out.bool(false);
            let mut directories = Writer::default();
            directories.array(&[node.directory_id], |out, id| out.uuid(*id));
            out.tags(&[(0, directories.finish())]);
        }
        MetadataRecord::Topic { name, topic_id } => {
            out = frame(TOPIC, 0);
            out.string(name);
            out.uuid(*topic_id);
            out.tags(&[]);
        }
        MetadataRecord::Partition { topic_id, partition_id, registration } => {
            out = frame(PARTITION, 2);
            out.i32(*partition_id);
            out.uuid(*topic_id);
            let mut ids = |ids: &[i32]| out.array(ids, |out, id| out.i32(*id));
            ids(&registration.replicas);
            ids(&registration.isr);
            ids(&[]);
            ids(&[]);
            out.i32(registration.leader);
            out.i32(registration.leader_epoch);
            out.i32(registration.partition_epoch);
            out.array(&registration.replicas, |out, _| out.uuid(node.directory_id));
            let mut tags = Vec::new();
            for (tag, ids) in [(1, &registration.elr), (2, &registration.last_known_elr)] {
                if !ids.is_empty() {
                    let mut field = Writer::default();
                    field.array(ids, |out, id| out.i32(*id));
                    tags.push((tag, field.finish()));
                }
            }
            out.tags(&tags);
        }
        MetadataRecord::RemoveTopic { topic_id } => {
            out = frame(REMOVE_TOPIC, 0);
            out.uuid(*topic_id);
            out.tags(&[]);
        }
        MetadataRecord::Config { resource, name, value } => {
            out = frame(CONFIG, 0);
            out.i8(resource.kind.id());
            out.string(&resource.name);
            out.string(name);
            out.nullable_string(value.as_deref());
            out.tags(&[]);
        }
        MetadataRecord::ProducerIds { broker_id, next_producer_id } => {
            out = frame(PRODUCER_IDS, 0);
            out.i32(*broker_id);
            out.i64(node.broker_epoch);
            out.i64(*next_producer_id);
            out.tags(&[]);
        }
    }
    out.finish()
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
    let mut from = Reader(value);
    let header = |from: &mut Reader| Some((from.varint()?, from.varint()?, from.varint()?));
    let Some((FRAME_VERSION, api_key, version)) = header(&mut from) else {
        return Err("found no frame of version 1");
    };
    let record = match api_key {
        TOPIC => decode_topic(&mut from),
        PARTITION => decode_partition(&mut from, version),
        PARTITION_CHANGE => decode_partition_change(&mut from, image),
        REMOVE_TOPIC => from.uuid().map(|topic_id| MetadataRecord::RemoveTopic { topic_id }),
        CONFIG => match decode_config(&mut from) {
            Some(Some(record)) => Some(record),
            // A kind of resource that is not modelled.
            Some(None) => return Ok(None),
            None => None,
        },
        PRODUCER_IDS => decode_producer_ids(&mut from),
        _says_nothing_here => return Ok(None),
    };
    record.map(Some).ok_or("found a record that ends too early")
}

fn decode_topic(from: &mut Reader) -> Option<MetadataRecord> {
    Some(MetadataRecord::Topic { name: from.string()?, topic_id: from.uuid()? })
}

fn decode_config(from: &mut Reader) -> Option<Option<MetadataRecord>> {
    let kind = ConfigResourceType::from_id(from.i8()?);
    let (resource, name, value) = (from.string()?, from.string()?, from.nullable_string()?);
    Some(kind.map(|kind| MetadataRecord::Config {
        resource: ConfigResource::new(kind, resource),
        name,
        value,
    }))
}

fn decode_producer_ids(from: &mut Reader) -> Option<MetadataRecord> {
    let (broker_id, _broker_epoch) = (from.i32()?, from.i64()?);
    Some(MetadataRecord::ProducerIds { broker_id, next_producer_id: from.i64()? })
}

fn decode_partition(from: &mut Reader, version: u32) -> Option<MetadataRecord> {
    let (partition_id, topic_id) = (from.i32()?, from.uuid()?);
    let replicas = from.array(Reader::i32)?;
    let isr = from.array(Reader::i32)?;
    let (_removing, _adding) = (from.array(Reader::i32)?, from.array(Reader::i32)?);
    let mut registration = PartitionRegistration {
        replicas,
        isr,
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: from.i32()?,
        leader_epoch: from.i32()?,
        partition_epoch: from.i32()?,
    };
    if version >= 1 {
        from.array(Reader::uuid)?;
    }
    for (tag, mut field) in from.tags()? {
        match tag {
            1 => registration.elr = field.array(Reader::i32)?,
            2 => registration.last_known_elr = field.array(Reader::i32)?,
            _others => {}
        }
    }
    Some(MetadataRecord::Partition { topic_id, partition_id, registration })
}

/// `PartitionRegistration.merge`.
fn decode_partition_change(from: &mut Reader, image: &MetadataImage) -> Option<MetadataRecord> {
    let (partition_id, topic_id) = (from.i32()?, from.uuid()?);
    let mut registration = image.topic_by_id(topic_id)?.partitions.get(&partition_id)?.clone();
    for (tag, mut field) in from.tags()? {
        match tag {
            0 => registration.isr = field.array(Reader::i32)?,
            1 => {
                registration.leader = field.i32()?;
                registration.leader_epoch = registration.leader_epoch.saturating_add(1);
            }
            2 => registration.replicas = field.array(Reader::i32)?,
            6 => registration.elr = field.array(Reader::i32)?,
            7 => registration.last_known_elr = field.array(Reader::i32)?,
            _others => {}
        }
    }
    registration.partition_epoch = registration.partition_epoch.saturating_add(1);
    Some(MetadataRecord::Partition { topic_id, partition_id, registration })
}
