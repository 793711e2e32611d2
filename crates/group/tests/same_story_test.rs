//! The same story as in `records_test`, told to our coordinator: it writes the same bytes as
//! Apache Kafka 4.4.0 did, given Kafka's member id and its times.

use logbrook_group::consumer_protocol::{Assignment, Subscription};
use logbrook_group::*;

const SECOND: i64 = 1_795_441_190_000;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Log(Vec<(String, String)>);

impl Log {
    fn apply(&mut self, groups: &mut Groups, decision: Decision) {
        for record in &decision.records {
            let value = record.encode_value().expect("no tombstone in this story");
            self.0.push((hex(&record.encode_key()), hex(&value)));
            groups.replay(record);
        }
    }
}

#[test]
fn a_consumer_that_comes_commits_and_leaves_writes_what_it_wrote_in_kafka() {
    let config = GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
    let mut groups = Groups::new(config);
    let mut log = Log::default();
    let member_id = "c-d290e1a7-2a26-41c0-8f6f-01102f485e9b";
    let join = |member_id: &str| JoinGroup {
        group_id: "readers".into(),
        member_id: member_id.into(),
        group_instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupProtocol {
            name: "range".into(),
            metadata: Subscription::to(["plain"]).encode().into(),
        }],
        reason: None,
        requires_known_member_id: true,
        supports_skipping_assignment: true,
        new_member_uuid: 0xd290e1a7_2a26_41c0_8f6f_01102f485e9b,
    };

    let decision = groups.join_group(SECOND + 841, 1, join(""));
    assert!(matches!(&decision.replies[..], [(1, Reply::JoinGroup(reply))]
        if reply.error == Some(GroupError::MemberIdRequired) && reply.member_id == member_id));
    log.apply(&mut groups, decision);
    let decision = groups.join_group(SECOND + 871, 2, join(member_id));
    log.apply(&mut groups, decision);
    let decision = groups.tick(SECOND + 871);
    log.apply(&mut groups, decision);
    let partition = TopicPartition::new("plain", 0);
    let sync = SyncGroup {
        group_id: "readers".into(),
        generation_id: 1,
        member_id: member_id.into(),
        group_instance_id: None,
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: vec![(
            member_id.into(),
            Assignment::of(vec![partition.clone()]).encode().into(),
        )],
    };
    let decision = groups.sync_group(SECOND + 899, 3, sync);
    log.apply(&mut groups, decision);
    let commit = OffsetCommit {
        group_id: "readers".into(),
        generation_id: 1,
        member_id: member_id.into(),
        group_instance_id: None,
        knows_group_id_not_found: true,
        retention_time_ms: None,
        offsets: vec![OffsetToCommit {
            partition,
            topic_id: 0xed6c8a30_9008_4a98_afc4_b33a32536dce_u128.to_be_bytes(),
            offset: 107,
            leader_epoch: 0,
            metadata: String::new(),
        }],
    };
    let decided = groups.offset_commit(SECOND + 1_021, &commit);
    log.apply(&mut groups, decided.decision);
    let leave = LeaveGroup {
        group_id: "readers".into(),
        members: vec![LeavingMember {
            member_id: member_id.into(),
            group_instance_id: None,
            reason: Some("the consumer is being closed".into()),
        }],
    };
    let decided = groups.leave_group(SECOND + 1_040, &leave);
    log.apply(&mut groups, decided.decision);

    let expected = [
        ("0002000772656164657273", "0003000000000000ffffffff000001a208a267b900000000"),
        (
            "0002000772656164657273",
            "00030008636f6e73756d657200000001000572616e67650026632d64323930653161372d326132362d34\
             3163302d386636662d303131303266343835653962000001a208a267d7000000010026632d6432393065\
             3161372d326132362d343163302d386636662d303131303266343835653962ffff000163000a2f313237\
             2e302e302e31000493e00000afc80000001b0003000000010005706c61696effffffff00000000ffffff\
             ffffff000000190003000000010005706c61696e0000000100000000ffffffff",
        ),
        (
            "00010007726561646572730005706c61696e00000000",
            "0004000000000000006b0000000001000001a208a2686d010010ed6c8a3090084a98afc4b33a32536dce",
        ),
        (
            "0002000772656164657273",
            "00030008636f6e73756d657200000002ffffffff000001a208a2688000000000",
        ),
    ];
    let expected = expected.map(|(key, value)| (key.to_string(), value.to_string()));
    assert_eq!(log.0, expected);
}
