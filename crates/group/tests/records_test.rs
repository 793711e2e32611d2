//! The records of `__consumer_offsets` against bytes that Apache Kafka 4.4.0 wrote: one consumer
//! `c` of the group `readers` came, committed and left.

use logbrook_group::GroupRecord;
use logbrook_group::consumer_protocol::{Assignment, Subscription};
use logbrook_group::records::{OffsetCommitValue, RecordError, partition_for};
use logbrook_group::{TopicPartition, records};

const GROUP_KEY: &str = "0002000772656164657273";
const NEW_GROUP: &str = "0003000000000000ffffffff000001a208a267b900000000";
const STABLE_GROUP: &str = "00030008636f6e73756d657200000001000572616e67650026632d64323930653161\
    372d326132362d343163302d386636662d303131303266343835653962000001a208a267d7000000010026632d64\
    323930653161372d326132362d343163302d386636662d303131303266343835653962ffff000163000a2f313237\
    2e302e302e31000493e00000afc80000001b0003000000010005706c61696effffffff00000000ffffffffffff00\
    0000190003000000010005706c61696e0000000100000000ffffffff";
const COMMIT_KEY: &str = "00010007726561646572730005706c61696e00000000";
const COMMIT: &str =
    "0004000000000000006b0000000001000001a208a2686d010010ed6c8a3090084a98afc4b33a32536dce";
const EMPTY_GROUP: &str = "00030008636f6e73756d657200000002ffffffff000001a208a2688000000000";

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_kafka_wrote_reads_and_writes_back_byte_for_byte() {
    for (key, value) in [
        (GROUP_KEY, NEW_GROUP),
        (GROUP_KEY, STABLE_GROUP),
        (COMMIT_KEY, COMMIT),
        (GROUP_KEY, EMPTY_GROUP),
    ] {
        let record = GroupRecord::decode(&unhex(key), Some(&unhex(value))).unwrap();
        assert_eq!(hex(&record.encode_key()), key);
        assert_eq!(hex(&record.encode_value().unwrap()), value);
    }
}

#[test]
fn the_commit_says_what_was_committed() {
    let record = GroupRecord::decode(&unhex(COMMIT_KEY), Some(&unhex(COMMIT))).unwrap();
    let expected = GroupRecord::OffsetCommit {
        group_id: "readers".into(),
        topic: "plain".into(),
        partition: 0,
        value: Some(OffsetCommitValue {
            offset: 107,
            leader_epoch: 0,
            metadata: String::new(),
            commit_timestamp: 1_795_441_191_021,
            expire_timestamp: -1,
            topic_id: unhex("ed6c8a3090084a98afc4b33a32536dce").try_into().unwrap(),
        }),
    };
    assert_eq!(record, expected);
}

#[test]
fn the_member_in_the_record_carries_the_consumer_protocol() {
    let record = GroupRecord::decode(&unhex(GROUP_KEY), Some(&unhex(STABLE_GROUP))).unwrap();
    let GroupRecord::GroupMetadata { value: Some(value), .. } = record else { panic!() };
    let member = &value.members[0];
    let subscription = Subscription::decode(&member.subscription).unwrap();
    assert_eq!(subscription, Subscription::to(["plain"]));
    assert_eq!(subscription.encode(), member.subscription);
    let assignment = Assignment::decode(&member.assignment).unwrap();
    assert_eq!(assignment, Assignment::of(vec![TopicPartition::new("plain", 0)]));
    assert_eq!(assignment.encode(), member.assignment);
}

#[test]
fn tombstones_and_commits_without_a_topic_id() {
    let record = GroupRecord::decode(&unhex(COMMIT_KEY), None).unwrap();
    assert_eq!(record.encode_value(), None);
    let value = OffsetCommitValue {
        offset: 1,
        leader_epoch: -1,
        metadata: "m".into(),
        commit_timestamp: 2,
        expire_timestamp: -1,
        topic_id: [0; 16],
    };
    let of = |value: OffsetCommitValue| GroupRecord::OffsetCommit {
        group_id: "g".into(),
        topic: "t".into(),
        partition: 3,
        value: Some(value),
    };
    let record = of(value.clone());
    let bytes = record.encode_value().unwrap();
    assert_eq!(hex(&bytes), "00030000000000000001ffffffff00016d0000000000000002");
    assert_eq!(GroupRecord::decode(&record.encode_key(), Some(&bytes)), Ok(record));
    let expiring = of(OffsetCommitValue { expire_timestamp: 9, ..value });
    let bytes = expiring.encode_value().unwrap();
    assert_eq!(hex(&bytes), "0001000000000000000100016d00000000000000020000000000000009");
    assert_eq!(GroupRecord::decode(&expiring.encode_key(), Some(&bytes)), Ok(expiring));
}

#[test]
fn subscriptions_of_every_version_read_what_their_version_says() {
    let all = Subscription {
        topics: vec!["b".into(), "a".into()],
        user_data: Some(vec![1, 2]),
        owned_partitions: vec![TopicPartition::new("b", 1), TopicPartition::new("a", 0)],
        generation_id: 5,
        rack_id: Some("east".into()),
    };
    let sorted = Subscription {
        topics: vec!["a".into(), "b".into()],
        owned_partitions: vec![TopicPartition::new("a", 0), TopicPartition::new("b", 1)],
        ..all.clone()
    };
    let read = |version| Subscription::decode(&all.encode_version(version)).unwrap();
    assert_eq!(read(3), sorted);
    assert_eq!(read(2), Subscription { rack_id: None, ..sorted.clone() });
    assert_eq!(read(1), Subscription { rack_id: None, generation_id: -1, ..sorted.clone() });
    let oldest = Subscription { user_data: Some(vec![1, 2]), ..Subscription::to(["a", "b"]) };
    assert_eq!(read(0), oldest);
    assert_eq!(Subscription::decode_topics(&all.encode()).unwrap(), ["a", "b"]);
}

#[test]
fn every_cut_of_the_bytes_is_an_error_that_names_the_field() {
    for (key, value) in [(GROUP_KEY, STABLE_GROUP), (COMMIT_KEY, COMMIT)] {
        let (key, value) = (unhex(key), unhex(value));
        for end in 0..value.len() {
            let error = GroupRecord::decode(&key, Some(&value[..end])).unwrap_err();
            assert!(matches!(error, RecordError::Decode { .. }), "{error}");
        }
        for end in 0..key.len() {
            assert!(GroupRecord::decode(&key[..end], Some(&value)).is_err());
        }
    }
    let error = GroupRecord::decode(&unhex(COMMIT_KEY), Some(&[0, 4, 0])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "OffsetCommitValue: byte 2, field offset: expected 8 bytes (int64)"
    );
    let error = GroupRecord::decode(&[0, 9], None).unwrap_err();
    assert_eq!(error.to_string(), "key type 9 of __consumer_offsets: expected 0 to 8, or 16");
}

#[test]
fn a_length_that_the_bytes_cannot_hold_does_not_allocate() {
    let mut value = unhex(STABLE_GROUP);
    let at = value.len() - 200 + 69;
    value[at..at + 4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    assert!(GroupRecord::decode(&unhex(GROUP_KEY), Some(&value)).is_err());
    assert!(Assignment::decode(&[0, 0, 0x7f, 0xff, 0xff, 0xff]).is_err());
    assert_eq!(Assignment::decode(&[]), Ok(Assignment::default()));
}

#[test]
fn a_group_is_kept_where_java_would_keep_it() {
    // String.hashCode of Java: "g" is 103, "readers" is 1080410128, "polygenelubricants" is
    // Integer.MIN_VALUE.
    assert_eq!(partition_for("g", 50), 3);
    assert_eq!(partition_for("readers", 50), 1_080_410_128 % 50);
    assert_eq!(partition_for("polygenelubricants", 50), 0);
    assert_eq!(records::partition_for("", 50), 0);
}
