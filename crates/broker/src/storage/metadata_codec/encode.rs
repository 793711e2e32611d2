//! Records to bytes.

use logbrook_group::primitives::Writer;
use uuid::Uuid;

use super::{
    BROKER_REGISTRATION_CHANGE, CLEAR_ELR, CLIENT_QUOTA, CONFIG, FEATURE_LEVEL, FRAME_VERSION,
    PARTITION, PARTITION_CHANGE, PRODUCER_IDS, REGISTER_BROKER, REMOVE_TOPIC,
    REMOVE_USER_SCRAM_CREDENTIAL, TOPIC, UNREGISTER_BROKER, USER_SCRAM_CREDENTIAL,
};
use crate::controller::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, PartitionChange,
    PartitionRegistration, QuotaValue,
};

fn frame(api_key: u32, version: u32) -> Writer {
    let mut out = Writer::default();
    out.unsigned_varint(FRAME_VERSION);
    out.unsigned_varint(api_key);
    out.unsigned_varint(version);
    out
}

/// The value of a record of the metadata log, in the versions of metadata version 33.
pub(crate) fn encode(record: &MetadataRecord) -> Vec<u8> {
    match record {
        MetadataRecord::RegisterBroker(registration) => encode_registration(registration),
        MetadataRecord::UnregisterBroker { broker_id, broker_epoch } => {
            let mut out = frame(UNREGISTER_BROKER, 0);
            out.i32(*broker_id);
            out.i64(*broker_epoch);
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::BrokerRegistrationChange {
            broker_id,
            broker_epoch,
            fenced,
            in_controlled_shutdown,
            directories,
        } => {
            // `ReplicationControlManager` writes each in the first version that has its field.
            let version = match (in_controlled_shutdown, directories) {
                (_, Some(_)) => 2,
                (true, None) => 1,
                (false, None) => 0,
            };
            let mut out = frame(BROKER_REGISTRATION_CHANGE, version);
            out.i32(*broker_id);
            out.i64(*broker_epoch);
            let mut tags = Vec::new();
            if let Some(fenced) = fenced {
                tags.push((0, byte(if *fenced { 1 } else { -1 })));
            }
            if *in_controlled_shutdown {
                tags.push((1, byte(1)));
            }
            if let Some(directories) = directories {
                tags.push((2, uuids_field(directories)));
            }
            out.tagged_fields(&tags);
            out.out
        }
        MetadataRecord::Topic { name, topic_id } => {
            let mut out = frame(TOPIC, 0);
            out.compact_string(name);
            out.raw(topic_id.as_bytes());
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::Partition { topic_id, partition_id, registration } => {
            encode_partition(*topic_id, *partition_id, registration)
        }
        MetadataRecord::PartitionChange { topic_id, partition_id, change } => {
            encode_partition_change(*topic_id, *partition_id, change)
        }
        MetadataRecord::RemoveTopic { topic_id } => {
            let mut out = frame(REMOVE_TOPIC, 0);
            out.raw(topic_id.as_bytes());
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::Config { resource, name, value } => {
            let mut out = frame(CONFIG, 0);
            out.i8(resource.kind.id());
            out.compact_string(&resource.name);
            out.compact_string(name);
            out.compact_nullable_string(value.as_deref());
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id } => {
            let mut out = frame(PRODUCER_IDS, 0);
            out.i32(*broker_id);
            out.i64(*broker_epoch);
            out.i64(*next_producer_id);
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::FeatureLevel { name, level } => {
            let mut out = frame(FEATURE_LEVEL, 0);
            out.compact_string(name);
            out.i16(*level);
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::UserScramCredential { user, mechanism, credential } => {
            let mut out = frame(USER_SCRAM_CREDENTIAL, 0);
            out.compact_string(user);
            out.i8(mechanism.type_number());
            for bytes in [&credential.salt, &credential.stored_key, &credential.server_key] {
                out.compact_bytes(bytes);
            }
            out.i32(credential.iterations);
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::RemoveUserScramCredential { user, mechanism } => {
            let mut out = frame(REMOVE_USER_SCRAM_CREDENTIAL, 0);
            out.compact_string(user);
            out.i8(mechanism.type_number());
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::ClientQuota { entity, key, value } => {
            let mut out = frame(CLIENT_QUOTA, 0);
            let entity: Vec<_> = entity.iter().collect();
            out.compact_array(&entity, |out, (kind, name)| {
                out.compact_string(kind);
                out.compact_nullable_string(name.as_deref());
                out.tagged_fields(&[]);
            });
            out.compact_string(key);
            out.raw(&value.map_or(0.0, QuotaValue::get).to_be_bytes());
            out.i8(i8::from(value.is_none()));
            out.tagged_fields(&[]);
            out.out
        }
        MetadataRecord::ClearElr { topic } => {
            let mut out = frame(CLEAR_ELR, 0);
            out.compact_string(topic);
            out.tagged_fields(&[]);
            out.out
        }
    }
}

fn byte(value: i8) -> Vec<u8> {
    vec![value.cast_unsigned()]
}

fn write_ids(out: &mut Writer, ids: &[i32]) {
    out.compact_array(ids, |out, id| out.i32(*id));
}

fn write_uuids(out: &mut Writer, ids: &[Uuid]) {
    out.compact_array(ids, |out, id| out.raw(id.as_bytes()));
}

fn ids_field(ids: &[i32]) -> Vec<u8> {
    let mut field = Writer::default();
    write_ids(&mut field, ids);
    field.out
}

fn uuids_field(ids: &[Uuid]) -> Vec<u8> {
    let mut field = Writer::default();
    write_uuids(&mut field, ids);
    field.out
}

fn encode_registration(registration: &BrokerRegistration) -> Vec<u8> {
    let mut out = frame(REGISTER_BROKER, 4);
    out.i32(registration.broker_id);
    // `IsMigratingZkBroker`
    out.i8(0);
    out.raw(registration.incarnation_id.as_bytes());
    out.i64(registration.epoch);
    out.compact_array(&[registration], |out, registration| {
        out.compact_string(&registration.listener);
        out.compact_string(&registration.host);
        out.raw(&registration.port.to_be_bytes());
        out.i16(registration.security_protocol);
        out.tagged_fields(&[]);
    });
    let features: Vec<_> = registration.features.iter().collect();
    out.compact_array(&features, |out, (name, (min, max))| {
        out.compact_string(name);
        out.i16(*min);
        out.i16(*max);
        out.tagged_fields(&[]);
    });
    out.compact_nullable_string(registration.rack.as_deref());
    out.i8(i8::from(registration.fenced));
    out.i8(i8::from(registration.in_controlled_shutdown));
    let directories = &registration.directories;
    let tags = (!directories.is_empty()).then(|| (0, uuids_field(directories)));
    out.tagged_fields(tags.as_slice());
    out.out
}

fn encode_partition(
    topic_id: Uuid,
    partition_id: i32,
    registration: &PartitionRegistration,
) -> Vec<u8> {
    let mut out = frame(PARTITION, 2);
    out.i32(partition_id);
    out.raw(topic_id.as_bytes());
    write_ids(&mut out, &registration.replicas);
    write_ids(&mut out, &registration.isr);
    write_ids(&mut out, &registration.removing_replicas);
    write_ids(&mut out, &registration.adding_replicas);
    out.i32(registration.leader);
    out.i32(registration.leader_epoch);
    out.i32(registration.partition_epoch);
    write_uuids(&mut out, &registration.directories);
    let mut tags = Vec::new();
    if registration.leader_recovery_state != LeaderRecoveryState::Recovered {
        tags.push((0, byte(registration.leader_recovery_state.value())));
    }
    for (tag, ids) in [(1, &registration.elr), (2, &registration.last_known_elr)] {
        if !ids.is_empty() {
            tags.push((tag, ids_field(ids)));
        }
    }
    out.tagged_fields(&tags);
    out.out
}

fn encode_partition_change(topic_id: Uuid, partition_id: i32, change: &PartitionChange) -> Vec<u8> {
    let mut out = frame(PARTITION_CHANGE, 2);
    out.i32(partition_id);
    out.raw(topic_id.as_bytes());
    let ids = |ids: &Option<Vec<i32>>| ids.as_deref().map(ids_field);
    let fields = [
        (0, ids(&change.isr)),
        (1, change.leader.map(|leader| leader.to_be_bytes().to_vec())),
        (2, ids(&change.replicas)),
        (3, ids(&change.removing_replicas)),
        (4, ids(&change.adding_replicas)),
        (5, change.leader_recovery_state.map(|state| byte(state.value()))),
        (6, ids(&change.elr)),
        (7, ids(&change.last_known_elr)),
        (8, change.directories.as_deref().map(uuids_field)),
    ];
    let tags: Vec<(u32, Vec<u8>)> =
        fields.into_iter().filter_map(|(tag, field)| Some((tag, field?))).collect();
    out.tagged_fields(&tags);
    out.out
}
