//! Rebalances, from the first member to the last.

use logbrook_group::{ClassicGroupState, GroupConfig, GroupError, GroupEvent};

use crate::harness::*;

#[test]
fn a_new_member_is_given_an_id_and_joins_with_it() {
    let mut c = Coordinator::new();
    let id = c.new_member_id();
    assert_eq!(id, "consumer-00000000-0000-4000-8000-000000000001");
    assert_eq!(c.state(), ClassicGroupState::Empty);
    // The group exists from now on, as Kafka writes it.
    assert_eq!(c.log.len(), 1);
    let token = c.rejoin(&id);
    assert!(c.is_parked(token));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
}

#[test]
fn an_id_that_is_not_used_is_forgotten_after_the_session_timeout() {
    let mut c = Coordinator::new();
    let id = c.new_member_id();
    c.pass(i64::from(SESSION_MS));
    let token = c.rejoin(&id);
    assert_eq!(c.joined(token).error, Some(GroupError::UnknownMemberId));
}

#[test]
fn the_first_rebalance_waits_for_more_members_and_longer_while_they_come() {
    let mut c = Coordinator::new();
    let (_, first) = c.new_member();
    c.pass(DELAY_MS - 1);
    let (_, second) = c.new_member();
    c.pass(1);
    assert!(c.is_parked(first), "the second came during the delay: it starts over");
    c.pass(DELAY_MS - 1);
    assert!(c.is_parked(first));
    c.pass(1);
    let (first, second) = (c.joined(first), c.joined(second));
    assert_eq!((first.generation_id, second.generation_id), (1, 1));
    assert_eq!(first.members.len(), 2, "the first member leads and is told of all");
    assert!(second.members.is_empty());
    assert_eq!(second.leader, first.member_id);
    assert_eq!(c.state(), ClassicGroupState::CompletingRebalance);
}

#[test]
fn members_that_keep_coming_delay_the_first_rebalance_by_its_timeout_at_most() {
    let mut c = Coordinator::new();
    let (_, first) = c.new_member();
    for _ in 0..i64::from(REBALANCE_MS) / 1_000 - 1 {
        c.pass(1_000);
        assert!(c.is_parked(first));
        c.new_member();
    }
    c.pass(DELAY_MS);
    assert!(!c.is_parked(first));
}

#[test]
fn without_a_delay_the_first_rebalance_ends_at_once() {
    let mut c =
        Coordinator::with(GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() });
    let (_, first) = c.new_member();
    c.pass(0);
    assert_eq!(c.joined(first).generation_id, 1);
}

#[test]
fn syncs_wait_for_the_leaders_and_carry_each_members_assignment() {
    let mut c = Coordinator::new();
    let ids = c.stable(3);
    let group = c.group();
    assert_eq!(group.leader(), Some(ids[0].as_str()));
    assert_eq!(group.protocol_name(), Some("range"));
    let again = c.send_sync(&ids[2], 1, &[]);
    assert_eq!(c.synced(again), Ok("2".into()), "a stable group answers again");
}

#[test]
fn who_the_leader_leaves_out_gets_an_empty_assignment() {
    let mut c = Coordinator::new();
    let (a, join_a) = c.new_member();
    let (b, _) = c.new_member();
    c.pass(2 * DELAY_MS);
    c.joined(join_a);
    let sync_b = c.send_sync(&b, 1, &[]);
    c.send_sync(&a, 1, &[(&a, "all")]);
    assert_eq!(c.synced(sync_b), Ok(String::new()));
}

#[test]
fn a_member_that_comes_makes_the_others_rejoin() {
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let (new, join) = c.new_member();
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    assert_eq!(c.heartbeat(&ids[0], 1), Err(GroupError::RebalanceInProgress));
    let rejoined = c.rejoin(&ids[0]);
    assert!(c.is_parked(join), "one has not rejoined");
    c.rejoin(&ids[1]);
    assert_eq!(c.joined(rejoined).generation_id, 2);
    let reply = c.joined(join);
    assert_eq!((reply.generation_id, reply.leader), (2, ids[0].clone()), "the leader stays");
    assert_eq!(c.group().members().len(), 3);
    assert_eq!(c.heartbeat(&new, 2), Ok(()));
    assert_eq!(c.heartbeat(&new, 1), Err(GroupError::IllegalGeneration));
}

#[test]
fn who_does_not_rejoin_within_the_rebalance_timeout_is_out_and_its_group_goes_on() {
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let (_, join) = c.new_member();
    // The second member shows itself, and does not rejoin; the leader does neither.
    for _ in 0..i64::from(REBALANCE_MS) / 5_000 {
        let _ = c.heartbeat(&ids[1], 1);
        c.pass(5_000);
    }
    let reply = c.joined(join);
    assert_eq!((reply.error, reply.generation_id, reply.members.len()), (None, 2, 1));
    assert_eq!(c.heartbeat(&ids[1], 2), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_member_without_heartbeats_is_out_after_its_session() {
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    c.pass(i64::from(SESSION_MS) - 1);
    assert_eq!(c.heartbeat(&ids[0], 1), Ok(()));
    c.pass(1);
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    let join = c.rejoin(&ids[0]);
    assert_eq!(c.joined(join).generation_id, 2);
    assert!(c.events.contains(&GroupEvent::MemberExpired {
        group_id: GROUP.into(),
        member_id: ids[1].clone()
    }));
}

#[test]
fn the_last_member_that_leaves_empties_the_group() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    assert_eq!(c.leave(&ids[0]), None);
    assert_eq!(c.state(), ClassicGroupState::Empty);
    assert_eq!(c.group().generation_id(), 2);
    assert_eq!(c.leave(&ids[0]), Some(GroupError::UnknownMemberId));
    assert_eq!(c.groups.describe_group(GROUP).protocol_type, "consumer");
}

#[test]
fn a_leader_that_leaves_is_followed_by_the_oldest_member() {
    let mut c = Coordinator::new();
    let ids = c.stable(3);
    c.leave(&ids[0]);
    c.rejoin(&ids[2]);
    let join = c.rejoin(&ids[1]);
    assert_eq!(c.joined(join).leader, ids[1]);
}

#[test]
fn members_that_join_and_never_sync_are_out_after_the_rebalance_timeout() {
    let mut c = Coordinator::new();
    let (a, _) = c.new_member();
    let (b, _) = c.new_member();
    c.pass(2 * DELAY_MS);
    // b syncs and waits; a, the leader, only heartbeats.
    let sync_b = c.send_sync(&b, 1, &[]);
    for _ in 0..i64::from(REBALANCE_MS) / 5_000 {
        c.pass(5_000);
        let _ = c.heartbeat(&a, 1);
    }
    assert_eq!(c.synced(sync_b), Err(GroupError::RebalanceInProgress));
    let join = c.rejoin(&b);
    let reply = c.joined(join);
    assert_eq!((reply.generation_id, reply.leader), (2, b));
}

#[test]
fn the_protocol_is_one_that_all_support_and_most_prefer() {
    let mut c = Coordinator::new();
    let mut joins = Vec::new();
    for preferences in [["sticky", "range"], ["range", "sticky"], ["range", "sticky"]] {
        let id = c.new_member_id();
        let mut request = c.join_request(&id);
        request.protocols = preferences.iter().map(|name| protocol(name, &["orders"])).collect();
        joins.push(c.send_join(request));
    }
    let stranger = c.join_request("");
    let stranger =
        logbrook_group::JoinGroup { protocols: vec![protocol("own", &["orders"])], ..stranger };
    let token = c.send_join(stranger);
    assert_eq!(c.joined(token).error, Some(GroupError::InconsistentGroupProtocol));
    c.pass(2 * DELAY_MS);
    assert_eq!(c.joined(joins[0]).protocol_name.as_deref(), Some("range"));
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut c = Coordinator::with(GroupConfig { max_size: 1, ..GroupConfig::default() });
    c.stable(1);
    let request = c.join_request("");
    let token = c.send_join(request);
    assert_eq!(c.joined(token).error, Some(GroupError::GroupMaxSizeReached));
}

#[test]
fn session_timeouts_have_bounds_and_groups_a_name() {
    let mut c = Coordinator::new();
    for session_timeout_ms in [5_999, 1_800_001] {
        let request = c.join_request("");
        let token = c.send_join(logbrook_group::JoinGroup { session_timeout_ms, ..request });
        assert_eq!(c.joined(token).error, Some(GroupError::InvalidSessionTimeout));
    }
    let request = c.join_request("");
    let token = c.send_join(logbrook_group::JoinGroup { group_id: String::new(), ..request });
    assert_eq!(c.joined(token).error, Some(GroupError::InvalidGroupId));
}

#[test]
fn a_stable_group_lives_on_at_another_broker() {
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    c.fail_over();
    assert_eq!(c.state(), ClassicGroupState::Stable);
    assert_eq!(c.heartbeat(&ids[1], 1), Ok(()));
    let sync = c.send_sync(&ids[1], 1, &[]);
    assert_eq!(c.synced(sync), Ok("1".into()));
    c.pass(i64::from(SESSION_MS));
    assert_eq!(c.groups.describe_group(GROUP).members.len(), 0, "sessions count from the load");
}

#[test]
fn parked_requests_are_told_that_the_coordinator_moved() {
    let mut c = Coordinator::new();
    let (_, join) = c.new_member();
    c.fail_over();
    assert_eq!(c.joined(join).error, Some(GroupError::NotCoordinator));
}

#[test]
fn a_group_is_deleted_only_when_empty() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    c.commit(&ids[0], 1, 5).unwrap();
    let names = [GROUP.to_string(), "nobody".to_string()];
    let decided = c.groups.delete_groups(&names);
    let errors: Vec<_> = decided.response.iter().map(|group| group.error).collect();
    assert_eq!(errors, [Some(GroupError::NonEmptyGroup), Some(GroupError::GroupIdNotFound)]);
    assert!(decided.decision.is_empty());
    c.leave(&ids[0]);
    let decided = c.groups.delete_groups(&names[..1]);
    assert_eq!(decided.response[0].error, None);
    c.apply(decided.decision);
    assert_eq!(c.state(), ClassicGroupState::Dead);
    assert_eq!(c.committed(), -1);
    assert!(c.groups.list_groups().is_empty());
}
