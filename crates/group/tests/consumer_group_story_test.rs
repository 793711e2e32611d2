//! A story of Apache Kafka 4.4.0, as it stands in its `__consumer_offsets`, told to our coordinator:
//! two consumers of the new protocol, one of the classic one, the downgrade when the last of the
//! new protocol leaves, and a static member that leaves for a while.

use std::sync::Arc;

use logbrook_group::records::ConsumerGroupRecord;
use logbrook_group::*;
use logbrook_sorted::SortedMap;

const T: i64 = 1_795_647_600_000;
const ORDERS: TopicId = 0x6742_e83a_2624_4257_ba12_9d71_cb89_e46f_u128.to_be_bytes();
const PAYMENTS: TopicId = 0x1944_ebd6_0932_4578_b8a1_98c8_43be_c1af_u128.to_be_bytes();
const ONE: &str = "m0YhBKlkR_CaGgrVNtduEA";
const TWO: &str = "32Iv-OeeSIa8B9RIZts26A";
const THREE: &str = "aoIhrKctQ4mqyfrrJLBRgg";
const STATIC: &str = "QDSPfv39TuCsbSm28O_iNQ";

struct Recorded {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    record: GroupRecord,
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn recorded() -> Vec<Recorded> {
    include_str!("data/consumer_group_records.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ').skip(1);
            let key = unhex(words.next().unwrap());
            let value = words.next().filter(|value| *value != "-").map(unhex);
            let record =
                GroupRecord::decode(&key, value.as_deref()).expect("Kafka's bytes are read");
            Recorded { key, value, record }
        })
        .collect()
}

fn topics() -> Arc<TopicsImage> {
    let topics = [
        ("orders".to_owned(), TopicMetadata::new(ORDERS, 3)),
        ("payments".to_owned(), TopicMetadata::new(PAYMENTS, 2)),
    ];
    Arc::new(TopicsImage::new(1, topics.into()))
}

fn groups() -> Groups {
    let mut config = GroupConfig::default();
    config.consumer.assignment_interval_ms = 0;
    let mut groups = Groups::new(config);
    groups.on_metadata_update(topics());
    groups
}

fn heartbeat(member_id: &str, member_epoch: i32) -> ConsumerGroupHeartbeat {
    ConsumerGroupHeartbeat {
        group_id: "modern".into(),
        member_id: member_id.into(),
        member_epoch,
        instance_id: None,
        rack_id: None,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        subscribed_topic_regex: None,
        invalid_regex: None,
        server_assignor: None,
        topic_partitions: None,
        client_id: String::new(),
        client_host: "/127.0.0.1".into(),
        requires_member_id: true,
        new_member_uuid: 0,
    }
}

fn joining(member_id: &str, client_id: &str, topics: &[&str]) -> ConsumerGroupHeartbeat {
    ConsumerGroupHeartbeat {
        rebalance_timeout_ms: 300_000,
        subscribed_topic_names: Some(topics.iter().map(|topic| (*topic).into()).collect()),
        topic_partitions: Some(vec![]),
        client_id: client_id.into(),
        ..heartbeat(member_id, 0)
    }
}

/// Applies the records of a decision, which are those recorded, in any order (Kafka goes through
/// hash maps).
fn expect(groups: &mut Groups, records: &[GroupRecord], recorded: &[Recorded]) {
    let readable = |records: Vec<&GroupRecord>| {
        let mut lines: Vec<String> = records.iter().map(|record| format!("{record:#?}")).collect();
        logbrook_sorted::sort(&mut lines);
        lines.join("\n")
    };
    let expected: Vec<&GroupRecord> = recorded.iter().map(|recorded| &recorded.record).collect();
    assert_eq!(readable(records.iter().collect()), readable(expected));
    for recorded in recorded {
        groups.replay(&recorded.record);
    }
    groups.consumer_groups().for_each(ConsumerGroup::assert_valid);
}

#[test]
fn what_kafka_wrote_is_read_and_written_again_byte_for_byte() {
    let recorded = recorded();
    assert_eq!(recorded.len(), 61);
    for Recorded { key, value, record } in &recorded {
        assert_eq!(record.encode_key(), *key, "{record:?}");
        assert_eq!(record.encode_value(), *value, "{record:?}");
    }
}

#[test]
fn two_protocols_in_one_group_write_what_they_wrote_in_kafka() {
    let recorded = recorded();
    let mut groups = groups();
    let beat = |groups: &mut Groups,
                at: i64,
                request: ConsumerGroupHeartbeat,
                records: std::ops::Range<usize>| {
        let decided = groups.consumer_group_heartbeat(T + at, &request);
        expect(groups, &decided.decision.records, &recorded[records]);
        decided.response.expect("Kafka took it")
    };
    let skip = |groups: &mut Groups, records: std::ops::Range<usize>| {
        recorded[records].iter().for_each(|recorded| groups.replay(&recorded.record));
    };

    let reply = beat(&mut groups, 89_009, joining(ONE, "one", &["orders"]), 0..5);
    assert_eq!(reply.member_epoch, 2);
    assert_eq!(reply.assignment, Some(vec![(ORDERS, vec![0, 1, 2])]));
    skip(&mut groups, 5..8);
    beat(&mut groups, 95_696, joining(TWO, "two", &["payments", "orders"]), 8..13);
    let one = |epoch| ConsumerGroupHeartbeat { client_id: "one".into(), ..heartbeat(ONE, epoch) };
    let two = |epoch| ConsumerGroupHeartbeat { client_id: "two".into(), ..heartbeat(TWO, epoch) };
    beat(&mut groups, 95_903, one(2), 13..14);

    let GroupRecord::ConsumerGroup {
        record: ConsumerGroupRecord::MemberMetadata { value: Some(three), .. },
        ..
    } = &recorded[14].record
    else {
        panic!("the classic member is record 14")
    };
    let classic = three.classic_member_metadata.clone().expect("it uses the classic protocol");
    let join = |member_id: &str| JoinGroup {
        group_id: "modern".into(),
        member_id: member_id.into(),
        group_instance_id: None,
        client_id: "three".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: classic.session_timeout_ms,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".into(),
        protocols: classic.supported_protocols.clone(),
        reason: None,
        requires_known_member_id: true,
        supports_skipping_assignment: true,
        new_member_uuid: 3,
    };
    let decision = groups.join_group(T + 97_600, 1, join(""));
    assert!(decision.records.is_empty());
    assert!(matches!(&decision.replies[..], [(1, Reply::JoinGroup(reply))]
        if reply.error == Some(GroupError::MemberIdRequired)));
    let decision = groups.join_group(T + 97_704, 2, join(THREE));
    expect(&mut groups, &decision.records, &recorded[14..20]);
    assert!(matches!(&decision.replies[..], [(2, Reply::JoinGroup(reply))]
        if reply.error.is_none() && reply.generation_id == 4 && reply.leader.is_empty()));
    assert_eq!(groups.consumer_group("modern").unwrap().state().name(), "Reconciling");

    beat(&mut groups, 97_780, two(3), 20..21);
    let reply = beat(&mut groups, 97_959, one(3), 21..22);
    assert_eq!(reply.assignment, Some(vec![(ORDERS, vec![0, 1])]), "one is to give up orders-2");
    skip(&mut groups, 22..25);
    let given_up =
        ConsumerGroupHeartbeat { topic_partitions: Some(vec![(ORDERS, vec![0, 1])]), ..one(3) };
    beat(&mut groups, 98_660, given_up, 25..26);
    skip(&mut groups, 26..28);
    beat(&mut groups, 99_075, two(-1), 28..32);
    beat(&mut groups, 99_157, one(4), 32..34);
    skip(&mut groups, 34..36);
    beat(&mut groups, 99_981, one(-1), 36..46);
    assert_eq!(groups.group_type("modern"), Some(GroupType::Classic));
    assert_eq!(groups.group("modern").unwrap().state(), ClassicGroupState::PreparingRebalance);
}

#[test]
fn a_static_member_that_leaves_for_a_while_keeps_its_partitions() {
    let recorded = recorded();
    let mut groups = groups();
    recorded[..51].iter().for_each(|recorded| groups.replay(&recorded.record));
    groups.on_loaded(T + 110_000);
    assert!(groups.group("modern").unwrap().is_empty());
    let instance = Some("inst".to_owned());
    let join = ConsumerGroupHeartbeat {
        instance_id: instance.clone(),
        ..joining(STATIC, "four", &["orders"])
    };
    let decided = groups.consumer_group_heartbeat(T + 113_904, &join);
    expect(&mut groups, &decided.decision.records, &recorded[51..57]);
    recorded[57..60].iter().for_each(|recorded| groups.replay(&recorded.record));
    let leave = ConsumerGroupHeartbeat { instance_id: instance.clone(), ..heartbeat(STATIC, -2) };
    let decided = groups.consumer_group_heartbeat(T + 116_008, &leave);
    expect(&mut groups, &decided.decision.records, &recorded[60..61]);
    assert_eq!(decided.response.unwrap().member_epoch, -2);

    // It comes back under another id, and has its partitions again.
    let back =
        ConsumerGroupHeartbeat { instance_id: instance, ..joining("another", "four", &["orders"]) };
    let decided = groups.consumer_group_heartbeat(T + 120_000, &back);
    let reply = decided.response.unwrap();
    assert_eq!((reply.member_epoch, reply.assignment), (2, Some(vec![(ORDERS, vec![0, 1, 2])])));
    let committed = groups.offset_fetch(&OffsetFetch::new("modern", None));
    let by_topic: SortedMap<String, usize> =
        committed.unwrap().into_iter().fold(SortedMap::new(), |mut counts, offset| {
            *counts.entry(offset.partition.topic).or_default() += 1;
            counts
        });
    assert_eq!(by_topic.get("orders"), Some(&3), "offsets outlive the conversions");
}
