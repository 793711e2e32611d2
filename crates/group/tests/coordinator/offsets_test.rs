//! Committed offsets: who may commit, what is kept, and for how long.

use logbrook_group::*;

use crate::harness::*;

const RETENTION_MS: i64 = 7 * 24 * 3_600_000;

#[test]
fn a_member_commits_in_its_generation_and_not_in_one_before() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    assert_eq!(c.commit(&ids[0], 1, 5), Ok(()));
    assert_eq!(c.committed(), 5);
    assert_eq!(c.commit(&ids[0], 0, 6), Err(GroupError::IllegalGeneration));
    assert_eq!(c.commit("stranger", 1, 6), Err(GroupError::UnknownMemberId));
    assert_eq!(c.commit("", -1, 6), Err(GroupError::UnknownMemberId));
    assert_eq!(c.committed(), 5);
    c.fail_over();
    assert_eq!(c.committed(), 5);
}

#[test]
fn a_commit_stands_for_a_heartbeat() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    c.pass(i64::from(SESSION_MS) - 1);
    c.commit(&ids[0], 1, 5).unwrap();
    c.pass(i64::from(SESSION_MS) - 1);
    assert_eq!(c.heartbeat(&ids[0], 1), Ok(()));
}

#[test]
fn during_a_rebalance_the_generation_before_may_still_commit_until_the_next_begins() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    c.new_member();
    assert_eq!(c.commit(&ids[0], 1, 5), Ok(()));
    c.rejoin(&ids[0]);
    assert_eq!(c.state(), ClassicGroupState::CompletingRebalance);
    assert_eq!(c.commit(&ids[0], 2, 6), Err(GroupError::RebalanceInProgress));
    assert_eq!(c.commit(&ids[0], 1, 6), Err(GroupError::IllegalGeneration));
}

#[test]
fn a_group_without_members_keeps_offsets_for_whoever_commits() {
    let mut c = Coordinator::new();
    assert_eq!(c.commit("", -1, 3), Ok(()));
    let listed = c.groups.list_groups();
    assert_eq!((listed[0].state, listed[0].protocol_type.as_str()), ("Empty", ""));
    c.fail_over();
    assert_eq!(c.committed(), 3);
    assert_eq!(c.groups.list_groups(), listed);
}

#[test]
fn a_generation_of_a_group_that_is_not_there_is_refused_in_the_words_of_the_version() {
    let mut c = Coordinator::new();
    let mut request = c.commit_request("m", 1, 3);
    assert_eq!(c.send_commit(&request), Err(GroupError::GroupIdNotFound));
    request.knows_group_id_not_found = false;
    assert_eq!(c.send_commit(&request), Err(GroupError::IllegalGeneration));
    assert!(c.groups.list_groups().is_empty());
}

#[test]
fn metadata_has_a_length_limit_for_its_own_partition_only() {
    let mut c = Coordinator::new();
    let mut request = c.commit_request("", -1, 3);
    let mut long = request.offsets[0].clone();
    long.partition = TopicPartition::new("orders", 1);
    long.metadata = "ü".repeat(4_097);
    request.offsets[0].metadata = "ü".repeat(4_096);
    request.offsets.push(long);
    assert_eq!(c.send_commit(&request), Err(GroupError::OffsetMetadataTooLarge));
    assert_eq!(c.committed(), 3);
    let all = c.groups.offset_fetch(&OffsetFetch::new(GROUP, None)).expect("it names no member");
    assert_eq!(all.len(), 1);
}

#[test]
fn offsets_that_are_not_there_are_minus_one() {
    let c = Coordinator::new();
    let asked = OffsetFetch::new(GROUP, Some(vec![TopicPartition::new("orders", 4)]));
    let expected = FetchedOffset {
        partition: TopicPartition::new("orders", 4),
        offset: -1,
        leader_epoch: -1,
        metadata: String::new(),
        error: None,
    };
    assert_eq!(c.groups.offset_fetch(&asked), Ok(vec![expected]));
    assert_eq!(c.groups.offset_fetch(&OffsetFetch::new(GROUP, None)), Ok(vec![]));
}

fn delete(c: &mut Coordinator, topic: &str) -> Result<Option<GroupError>, GroupError> {
    let request =
        OffsetDelete { group_id: GROUP.into(), partitions: vec![TopicPartition::new(topic, 0)] };
    let decided = c.groups.offset_delete(&request);
    c.apply(decided.decision);
    decided.response.map(|results| results[0].error)
}

#[test]
fn offsets_are_deleted_where_nobody_reads_the_topic() {
    let mut c = Coordinator::new();
    assert_eq!(delete(&mut c, "orders"), Err(GroupError::GroupIdNotFound));
    let ids = c.stable(1);
    c.commit(&ids[0], 1, 5).unwrap();
    assert_eq!(delete(&mut c, "orders"), Ok(Some(GroupError::GroupSubscribedToTopic)));
    assert_eq!(delete(&mut c, "other"), Ok(None), "nothing there is no error");
    assert_eq!(c.committed(), 5);
    c.leave(&ids[0]);
    assert_eq!(delete(&mut c, "orders"), Ok(None));
    assert_eq!(c.committed(), -1);
}

#[test]
fn offsets_of_a_deleted_topic_go() {
    let mut c = Coordinator::new();
    c.commit("", -1, 5).unwrap();
    let decision = c.groups.partitions_deleted(&[TopicPartition::new("orders", 0)]);
    c.apply(decision);
    assert_eq!(c.committed(), -1);
}

#[test]
fn offsets_of_an_empty_group_expire_and_the_group_with_them() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    c.commit(&ids[0], 1, 5).unwrap();
    c.leave(&ids[0]);
    c.pass(RETENTION_MS - 1);
    assert_eq!(c.committed(), 5);
    c.pass(600_001);
    assert_eq!(c.committed(), -1);
    assert!(c.groups.list_groups().is_empty());
}

#[test]
fn offsets_of_a_group_that_only_commits_expire_since_the_last_commit_of_each() {
    let mut c = Coordinator::new();
    c.commit("", -1, 5).unwrap();
    c.pass(RETENTION_MS / 2);
    c.commit("", -1, 6).unwrap();
    c.pass(RETENTION_MS / 2 + 600_000);
    assert_eq!(c.committed(), 6);
    c.pass(RETENTION_MS / 2);
    assert_eq!(c.committed(), -1);
}

#[test]
fn offsets_that_are_being_read_do_not_expire() {
    let mut c = Coordinator::with(GroupConfig {
        offsets_retention_ms: 60_000,
        offsets_retention_check_interval_ms: 1_000,
        ..GroupConfig::default()
    });
    let ids = c.stable(1);
    c.commit(&ids[0], 1, 5).unwrap();
    for _ in 0..30 {
        c.pass(5_000);
        c.heartbeat(&ids[0], 1).unwrap();
    }
    assert_eq!(c.committed(), 5);
}
