use bytes::Bytes;
use logbrook_record::{BatchBuilder, BatchOptions, batches};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::controller::{
    BrokerRegistration, LeaderRecoveryState, MetadataRecord, PartitionChange,
    PartitionRegistration, QuotaValue, ScramCredential, ScramMechanism,
};
use crate::{ConfigResource, ConfigResourceType, MetadataImage};

const TOPIC_ID: Uuid = Uuid::from_u128(0x1234);
const DIRECTORY: Uuid = Uuid::from_u128(0xd1);

fn records() -> Vec<MetadataRecord> {
    vec![
        MetadataRecord::FeatureLevel { name: "metadata.version".into(), level: 33 },
        MetadataRecord::RegisterBroker(BrokerRegistration {
            broker_id: 3,
            epoch: 17,
            incarnation_id: Uuid::from_u128(7),
            host: "localhost".into(),
            port: 65_000,
            features: [("metadata.version".to_owned(), (7, 33))].into_iter().collect(),
            rack: Some("r1".into()),
            directories: vec![DIRECTORY],
            ..BrokerRegistration::default()
        }),
        MetadataRecord::BrokerRegistrationChange {
            broker_id: 3,
            broker_epoch: 17,
            fenced: Some(false),
            in_controlled_shutdown: false,
            directories: None,
        },
        MetadataRecord::BrokerRegistrationChange {
            broker_id: 3,
            broker_epoch: 17,
            fenced: Some(true),
            in_controlled_shutdown: true,
            directories: Some(vec![DIRECTORY]),
        },
        MetadataRecord::UnregisterBroker { broker_id: 3, broker_epoch: 17 },
        MetadataRecord::Topic { name: "orders".into(), topic_id: TOPIC_ID },
        MetadataRecord::Partition {
            topic_id: TOPIC_ID,
            partition_id: 2,
            registration: PartitionRegistration {
                replicas: vec![1, 2, 3],
                directories: vec![DIRECTORY; 3],
                isr: vec![2],
                elr: vec![1],
                last_known_elr: vec![3],
                removing_replicas: vec![1],
                adding_replicas: vec![3],
                leader: 2,
                leader_epoch: 4,
                leader_recovery_state: LeaderRecoveryState::Recovering,
                partition_epoch: 9,
            },
        },
        MetadataRecord::PartitionChange {
            topic_id: TOPIC_ID,
            partition_id: 2,
            change: PartitionChange {
                isr: Some(Vec::new()),
                leader: Some(-1),
                replicas: Some(vec![1]),
                removing_replicas: Some(Vec::new()),
                adding_replicas: Some(vec![4]),
                leader_recovery_state: Some(LeaderRecoveryState::Recovered),
                directories: Some(vec![DIRECTORY]),
                elr: Some(vec![1, 2]),
                last_known_elr: Some(vec![5]),
            },
        },
        MetadataRecord::PartitionChange {
            topic_id: TOPIC_ID,
            partition_id: 0,
            change: PartitionChange::default(),
        },
        MetadataRecord::Config {
            resource: ConfigResource::new(ConfigResourceType::Broker, String::new()),
            name: "min.insync.replicas".into(),
            value: Some("1".into()),
        },
        MetadataRecord::UserScramCredential {
            user: "alice".into(),
            mechanism: ScramMechanism::Sha512,
            credential: ScramCredential {
                salt: "salt".into(),
                stored_key: "stored".into(),
                server_key: "server".into(),
                iterations: 4096,
            },
        },
        MetadataRecord::RemoveUserScramCredential {
            user: "alice".into(),
            mechanism: ScramMechanism::Sha256,
        },
        MetadataRecord::ClientQuota {
            entity: [("user".to_owned(), Some("alice".to_owned())), ("client-id".to_owned(), None)]
                .into_iter()
                .collect(),
            key: "producer_byte_rate".into(),
            value: Some(QuotaValue::new(0.5)),
        },
        MetadataRecord::ClientQuota {
            entity: [("ip".to_owned(), None)].into_iter().collect(),
            key: "connection_creation_rate".into(),
            value: None,
        },
        MetadataRecord::ClearElr { topic: "orders".into() },
        MetadataRecord::ProducerIds { broker_id: 3, broker_epoch: 17, next_producer_id: 1000 },
        MetadataRecord::RemoveTopic { topic_id: TOPIC_ID },
    ]
}

#[test]
fn every_record_reads_back_as_it_was_written() {
    for record in records() {
        assert_eq!(decode(&encode(&record)), Ok(Some(record)));
    }
}

#[test]
fn a_record_that_is_cut_off_is_an_error() {
    for record in records() {
        let bytes = encode(&record);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{record:?}, cut at {end}");
        }
    }
}

#[test]
fn a_fetch_reads_as_records_with_their_offsets() {
    let batch = |base: i64, control: bool, values: &[Vec<u8>]| {
        let options = BatchOptions { control, base_offset: base.into(), ..BatchOptions::default() };
        let mut builder = BatchBuilder::new(options);
        for value in values {
            builder.append(5, None, Some(value), &[]);
        }
        builder.build().unwrap()
    };
    // `NoOpRecord` is a kind that says nothing here.
    let no_op = vec![1, 20, 0, 0];
    let [first, second] = [&records()[0], &records()[4]].map(encode);
    let bytes: Bytes =
        [batch(0, true, &[vec![0]]), batch(1, false, &[first, no_op]), batch(3, false, &[second])]
            .concat()
            .into();
    let [first, second] = [records().remove(0), records().remove(4)];
    assert_eq!(decode_batches(&bytes), Ok(vec![(1, first), (3, second)]));

    let wrong = batch(8, false, &[vec![1, 1, 0, 7]]);
    let said = "offset 8: record of type 1: byte 3, field BrokerId: expected 4 bytes (int32)";
    assert_eq!(decode_batches(&wrong), Err(said.to_owned()));
}

/// The metadata log of an Apache Kafka 4.4.0 with a controller and three brokers, on which a topic `r` was created
/// on 1, 2 and 3 with `min.insync.replicas=2`, and moved to 1 alone.
const KAFKAS_LOG: &[u8] = include_bytes!("../../../tests/data/cluster-metadata.log");

#[test]
fn kafkas_own_log_is_read_and_written_the_same() {
    let bytes = Bytes::from_static(KAFKAS_LOG);
    let mut image = MetadataImage::default();
    for (_, record) in decode_batches(&bytes).unwrap() {
        image.replay(&record);
    }
    assert!([1, 2, 3].iter().all(|id| image.is_active(*id)));
    let epochs: Vec<i64> = image.brokers().values().map(|broker| broker.epoch).collect();
    assert_eq!(epochs, [17, 21, 18]);
    assert!(image.is_elr_enabled());
    let partition = &image.topic("r").unwrap().partitions[&0];
    assert_eq!((partition.replicas.as_slice(), partition.isr.as_slice()), (&[1][..], &[1][..]));
    // As Kafka has it: also replicas that are no more.
    assert_eq!((partition.elr.as_slice(), partition.leader_epoch), (&[2, 3][..], 1));

    let mut written = 0;
    for batch in batches(&bytes) {
        let batch = batch.unwrap();
        let records = batch.records().unwrap();
        for record in records.iter().filter(|_| !batch.header().attributes.is_control()) {
            let value = record.value.as_ref().unwrap();
            match decode(value).unwrap() {
                // Features come in the order of a hash map; cordoned directories are not modelled.
                None
                | Some(MetadataRecord::RegisterBroker(_))
                | Some(MetadataRecord::BrokerRegistrationChange { fenced: None, .. }) => {}
                Some(record) => {
                    assert_eq!(encode(&record), value[..], "{record:?}");
                    written += 1;
                }
            }
        }
    }
    assert_eq!(written, 15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Records with some bytes changed or cut off: no panic, and what is read is written and read the same.
    #[test]
    fn damaged_records_do_no_harm(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encode(&records()[at.index(records().len())]);
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(Some(record)) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&record)), Ok(Some(record)));
        }
    }
}
