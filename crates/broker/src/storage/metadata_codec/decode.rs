//! Bytes to records.

use bytes::Bytes;
use logbrook_group::primitives::{DecodeError, Reader};
use logbrook_record::batches;
use uuid::Uuid;

use super::{
    BROKER_REGISTRATION_CHANGE, CLEAR_ELR, CLIENT_QUOTA, CONFIG, FEATURE_LEVEL, FRAME_VERSION,
    PARTITION, PARTITION_CHANGE, PRODUCER_IDS, REGISTER_BROKER, REMOVE_TOPIC,
    REMOVE_USER_SCRAM_CREDENTIAL, TOPIC, UNREGISTER_BROKER, USER_SCRAM_CREDENTIAL,
};
use crate::controller::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, PartitionChange,
    PartitionRegistration, QuotaEntity, QuotaValue, ScramCredential, ScramMechanism,
};
use crate::{ConfigResource, ConfigResourceType};

/// The metadata records in the records of a fetch of `__cluster_metadata-0`, each with its offset. Control
/// batches, and records of kinds that say nothing here, are passed over.
///
/// # Errors
/// What is wrong with the batch or record that begins at or before the offset named.
pub fn decode_batches(bytes: &Bytes) -> Result<Vec<(i64, MetadataRecord)>, String> {
    let mut records = Vec::new();
    for batch in batches(bytes) {
        let batch = batch.map_err(|error| error.to_string())?;
        if batch.header().attributes.is_control() {
            continue;
        }
        let base = batch.header().base_offset;
        let read = batch.records().map_err(|error| format!("offset {}: {error}", base.0))?;
        for record in read {
            let at = record.offset.0;
            let decoded = decode(record.value.as_deref().unwrap_or_default());
            if let Some(decoded) = decoded.map_err(|what| format!("offset {at}: {what}"))? {
                records.push((at, decoded));
            }
        }
    }
    Ok(records)
}

/// The record in a value of the metadata log. `Ok(None)` for one of a kind that says nothing here
/// (controllers, transactions of the controller, ACLs).
///
/// # Errors
/// What stands there instead of a record.
pub(crate) fn decode(value: &[u8]) -> Result<Option<MetadataRecord>, String> {
    let mut from = Reader::new(value);
    let header = |from: &mut Reader<'_>| {
        let mut next = |field| from.unsigned_varint(field);
        Ok::<_, DecodeError>((next("FrameVersion")?, next("ApiKey")?, next("Version")?))
    };
    let Ok((FRAME_VERSION, api_key, version)) = header(&mut from) else {
        return Err("found no frame of version 1".to_owned());
    };
    let from = &mut from;
    let record = match api_key {
        REGISTER_BROKER => decode_registration(from, version).map(Some),
        UNREGISTER_BROKER => plain(from, decode_unregister),
        BROKER_REGISTRATION_CHANGE => decode_registration_change(from).map(Some),
        TOPIC => plain(from, decode_topic),
        PARTITION => decode_partition(from, version).map(Some),
        PARTITION_CHANGE => decode_partition_change(from).map(Some),
        REMOVE_TOPIC => plain(from, |from| {
            Ok(Some(MetadataRecord::RemoveTopic { topic_id: uuid(from, "TopicId")? }))
        }),
        // None for a kind of resource that is not modelled.
        CONFIG => plain(from, decode_config),
        PRODUCER_IDS => plain(from, decode_producer_ids),
        FEATURE_LEVEL => plain(from, decode_feature_level),
        USER_SCRAM_CREDENTIAL => plain(from, decode_scram_credential),
        REMOVE_USER_SCRAM_CREDENTIAL => plain(from, |from| {
            let (user, mechanism) = (from.compact_string("Name")?, scram_mechanism(from)?);
            Ok(Some(MetadataRecord::RemoveUserScramCredential { user, mechanism }))
        }),
        CLIENT_QUOTA => plain(from, decode_client_quota),
        CLEAR_ELR => plain(from, |from| {
            Ok(Some(MetadataRecord::ClearElr { topic: from.compact_string("TopicName")? }))
        }),
        _says_nothing_here => return Ok(None),
    };
    record.map_err(|error| format!("record of type {api_key}: {error}"))
}

type Decoded = Result<Option<MetadataRecord>, DecodeError>;

/// A record without tagged fields of its own.
fn plain(from: &mut Reader<'_>, fields: impl Fn(&mut Reader<'_>) -> Decoded) -> Decoded {
    let record = fields(from)?;
    from.tagged_fields()?;
    Ok(record)
}

fn uuid(from: &mut Reader<'_>, field: &'static str) -> Result<Uuid, DecodeError> {
    Ok(Uuid::from_bytes(from.uuid(field)?))
}

fn uuids(from: &mut Reader<'_>, field: &'static str) -> Result<Vec<Uuid>, DecodeError> {
    array(from, field, |from| uuid(from, field))
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

fn decode_registration(from: &mut Reader<'_>, version: u32) -> Result<MetadataRecord, DecodeError> {
    let broker_id = from.i32("BrokerId")?;
    if version >= 2 {
        let _is_migrating_zk_broker = from.i8("IsMigratingZkBroker")?;
    }
    let incarnation_id = uuid(from, "IncarnationId")?;
    let epoch = from.i64("BrokerEpoch")?;
    let endpoints = array(from, "EndPoints", |from| {
        let (name, host) = (from.compact_string("Name")?, from.compact_string("Host")?);
        let port = from.i16("Port")?.cast_unsigned();
        let security_protocol = from.i16("SecurityProtocol")?;
        from.tagged_fields()?;
        Ok((name, host, port, security_protocol))
    })?;
    let features = array(from, "Features", |from| {
        let name = from.compact_string("Name")?;
        let levels = (from.i16("MinSupportedVersion")?, from.i16("MaxSupportedVersion")?);
        from.tagged_fields()?;
        Ok((name, levels))
    })?;
    let rack = from.compact_nullable_string("Rack")?;
    let fenced = from.i8("Fenced")? != 0;
    let in_controlled_shutdown = version >= 1 && from.i8("InControlledShutdown")? != 0;
    // A broker of this cluster has one advertised listener beside its controller's.
    let (listener, host, port, security_protocol) =
        endpoints.into_iter().next().ok_or_else(|| from.error("EndPoints", "an endpoint"))?;
    let mut registration = BrokerRegistration {
        broker_id,
        epoch,
        incarnation_id,
        listener,
        host,
        port,
        security_protocol,
        features: features.into_iter().collect(),
        rack,
        directories: Vec::new(),
        fenced,
        in_controlled_shutdown,
    };
    for (tag, field) in from.tagged_fields()? {
        if tag == 0 {
            registration.directories = uuids(&mut Reader::new(field), "LogDirs")?;
        }
    }
    Ok(MetadataRecord::RegisterBroker(registration))
}

fn decode_unregister(from: &mut Reader<'_>) -> Decoded {
    let broker_id = from.i32("BrokerId")?;
    Ok(Some(MetadataRecord::UnregisterBroker { broker_id, broker_epoch: from.i64("BrokerEpoch")? }))
}

fn decode_registration_change(from: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let (broker_id, broker_epoch) = (from.i32("BrokerId")?, from.i64("BrokerEpoch")?);
    let (mut fenced, mut in_controlled_shutdown, mut directories) = (None, false, None);
    for (tag, field) in from.tagged_fields()? {
        let field = &mut Reader::new(field);
        match tag {
            0 => {
                fenced = match field.i8("Fenced")? {
                    0 => None,
                    change => Some(change > 0),
                }
            }
            1 => in_controlled_shutdown = field.i8("InControlledShutdown")? > 0,
            2 => directories = Some(uuids(field, "LogDirs")?).filter(|dirs| !dirs.is_empty()),
            _others => {}
        }
    }
    Ok(MetadataRecord::BrokerRegistrationChange {
        broker_id,
        broker_epoch,
        fenced,
        in_controlled_shutdown,
        directories,
    })
}

fn decode_topic(from: &mut Reader<'_>) -> Decoded {
    Ok(Some(MetadataRecord::Topic {
        name: from.compact_string("Name")?,
        topic_id: uuid(from, "TopicId")?,
    }))
}

fn decode_config(from: &mut Reader<'_>) -> Decoded {
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

fn decode_producer_ids(from: &mut Reader<'_>) -> Decoded {
    let (broker_id, broker_epoch) = (from.i32("BrokerId")?, from.i64("BrokerEpoch")?);
    let next_producer_id = from.i64("NextProducerId")?;
    Ok(Some(MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id }))
}

fn decode_feature_level(from: &mut Reader<'_>) -> Decoded {
    let name = from.compact_string("Name")?;
    Ok(Some(MetadataRecord::FeatureLevel { name, level: from.i16("FeatureLevel")? }))
}

fn scram_mechanism(from: &mut Reader<'_>) -> Result<ScramMechanism, DecodeError> {
    let number = from.i8("Mechanism")?;
    ScramMechanism::from_type(number).ok_or_else(|| from.error("Mechanism", "1 or 2"))
}

fn decode_scram_credential(from: &mut Reader<'_>) -> Decoded {
    let (user, mechanism) = (from.compact_string("Name")?, scram_mechanism(from)?);
    let credential = ScramCredential {
        salt: from.compact_bytes("Salt")?.into(),
        stored_key: from.compact_bytes("StoredKey")?.into(),
        server_key: from.compact_bytes("ServerKey")?.into(),
        iterations: from.i32("Iterations")?,
    };
    Ok(Some(MetadataRecord::UserScramCredential { user, mechanism, credential }))
}

fn decode_client_quota(from: &mut Reader<'_>) -> Decoded {
    let parts = array(from, "Entity", |from| {
        let kind = from.compact_string("EntityType")?;
        let name = from.compact_nullable_string("EntityName")?;
        from.tagged_fields()?;
        Ok((kind, name))
    })?;
    let entity: QuotaEntity = parts.into_iter().collect();
    let key = from.compact_string("Key")?;
    let value = f64::from_bits(from.i64("Value")?.cast_unsigned());
    let removed = from.i8("Remove")? != 0;
    let value = (!removed).then(|| QuotaValue::new(value));
    Ok(Some(MetadataRecord::ClientQuota { entity, key, value }))
}

/// What stands in a record of a partition is one of its two states.
fn recovery_state(from: &mut Reader<'_>) -> Result<LeaderRecoveryState, DecodeError> {
    let value = from.i8("LeaderRecoveryState")?;
    LeaderRecoveryState::from_value(value)
        .ok_or_else(|| from.error("LeaderRecoveryState", "0 or 1"))
}

fn decode_partition(from: &mut Reader<'_>, version: u32) -> Result<MetadataRecord, DecodeError> {
    let (partition_id, topic_id) = (from.i32("PartitionId")?, uuid(from, "TopicId")?);
    let mut registration = PartitionRegistration {
        replicas: ids(from, "Replicas")?,
        isr: ids(from, "Isr")?,
        removing_replicas: ids(from, "RemovingReplicas")?,
        adding_replicas: ids(from, "AddingReplicas")?,
        leader: from.i32("Leader")?,
        leader_epoch: from.i32("LeaderEpoch")?,
        partition_epoch: from.i32("PartitionEpoch")?,
        ..PartitionRegistration::default()
    };
    if version >= 1 {
        registration.directories = uuids(from, "Directories")?;
    }
    for (tag, field) in from.tagged_fields()? {
        let field = &mut Reader::new(field);
        match tag {
            0 => registration.leader_recovery_state = recovery_state(field)?,
            1 => registration.elr = ids(field, "EligibleLeaderReplicas")?,
            2 => registration.last_known_elr = ids(field, "LastKnownElr")?,
            _others => {}
        }
    }
    Ok(MetadataRecord::Partition { topic_id, partition_id, registration })
}

/// `PartitionChangeRecord.leader` where it does not change.
const NO_LEADER_CHANGE: i32 = -2;

fn decode_partition_change(from: &mut Reader<'_>) -> Result<MetadataRecord, DecodeError> {
    let (partition_id, topic_id) = (from.i32("PartitionId")?, uuid(from, "TopicId")?);
    let mut change = PartitionChange::default();
    for (tag, field) in from.tagged_fields()? {
        let field = &mut Reader::new(field);
        match tag {
            0 => change.isr = Some(ids(field, "Isr")?),
            1 => {
                change.leader =
                    Some(field.i32("Leader")?).filter(|leader| *leader != NO_LEADER_CHANGE);
            }
            2 => change.replicas = Some(ids(field, "Replicas")?),
            3 => change.removing_replicas = Some(ids(field, "RemovingReplicas")?),
            4 => change.adding_replicas = Some(ids(field, "AddingReplicas")?),
            5 => change.leader_recovery_state = Some(recovery_state(field)?),
            6 => change.elr = Some(ids(field, "EligibleLeaderReplicas")?),
            7 => change.last_known_elr = Some(ids(field, "LastKnownElr")?),
            8 => change.directories = Some(uuids(field, "Directories")?),
            _others => {}
        }
    }
    Ok(MetadataRecord::PartitionChange { topic_id, partition_id, change })
}
