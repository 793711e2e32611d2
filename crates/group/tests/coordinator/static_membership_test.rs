//! Static members (KIP-345): who comes back under the same `group.instance.id` keeps its place.

use logbrook_group::{ClassicGroupState, GroupError, JoinGroup, LeavingMember};

use crate::harness::*;

fn join(c: &mut Coordinator, instance: &str, member_id: &str) -> u64 {
    let request = c.join_request(member_id);
    c.send_join(JoinGroup { group_instance_id: Some(instance.into()), ..request })
}

/// A stable group of two static members, `one` leading.
fn stable(c: &mut Coordinator) -> (String, String) {
    let (one, two) = (join(c, "one", ""), join(c, "two", ""));
    c.pass(2 * DELAY_MS);
    let (one, two) = (c.joined(one).member_id, c.joined(two).member_id);
    assert_eq!(one, "one-00000000-0000-4000-8000-000000000001");
    let sync_two = c.send_sync(&two, 1, &[]);
    c.send_sync(&one, 1, &[(&one, "0"), (&two, "1")]);
    assert_eq!(c.synced(sync_two), Ok("1".into()));
    (one, two)
}

#[test]
fn a_restart_within_the_session_is_not_noticed_by_the_others() {
    let mut c = Coordinator::new();
    let (_, two) = stable(&mut c);
    let records = c.log.len();
    let again = join(&mut c, "two", "");
    let reply = c.joined(again);
    assert_eq!((reply.error, reply.generation_id, reply.skip_assignment), (None, 1, false));
    assert_ne!(reply.member_id, two);
    assert_eq!(c.state(), ClassicGroupState::Stable);
    assert_eq!(c.log.len(), records + 1, "the new member id is written");
    let sync = c.send_sync(&reply.member_id, 1, &[]);
    assert_eq!(c.synced(sync), Ok("1".into()), "it has what it had");
    c.fail_over();
    assert_eq!(c.heartbeat(&reply.member_id, 1), Ok(()));
}

#[test]
fn a_leader_that_restarts_need_not_assign_again() {
    let mut c = Coordinator::new();
    stable(&mut c);
    let again = join(&mut c, "one", "");
    let reply = c.joined(again);
    assert!(reply.skip_assignment);
    assert_eq!(reply.leader, reply.member_id);
    assert_eq!(reply.members.len(), 2);
}

#[test]
fn an_old_client_that_led_is_told_of_the_leader_before_so_that_it_does_not_assign() {
    let mut c = Coordinator::new();
    let (one, _) = stable(&mut c);
    let request = c.join_request("");
    let token = c.send_join(JoinGroup {
        group_instance_id: Some("one".into()),
        supports_skipping_assignment: false,
        ..request
    });
    let reply = c.joined(token);
    assert_eq!((reply.leader, reply.members.len()), (one, 0));
}

#[test]
fn whoever_uses_the_old_member_id_is_fenced() {
    let mut c = Coordinator::new();
    let (_, two) = stable(&mut c);
    join(&mut c, "two", "");
    let zombie = join(&mut c, "two", &two);
    assert_eq!(c.joined(zombie).error, Some(GroupError::FencedInstanceId));
    let mut commit = c.commit_request(&two, 1, 9);
    commit.group_instance_id = Some("two".into());
    assert_eq!(c.send_commit(&commit), Err(GroupError::FencedInstanceId));
    assert_eq!(c.heartbeat(&two, 1), Err(GroupError::UnknownMemberId));
}

#[test]
fn a_parked_join_of_the_instance_before_is_fenced() {
    let mut c = Coordinator::new();
    let first = join(&mut c, "one", "");
    let second = join(&mut c, "one", "");
    assert_eq!(c.joined(first).error, Some(GroupError::FencedInstanceId));
    c.pass(2 * DELAY_MS);
    assert_eq!(c.joined(second).error, None);
    assert_eq!(c.group().members().len(), 1);
}

#[test]
fn a_restart_with_another_protocol_rebalances() {
    let mut c = Coordinator::new();
    let both = || vec![protocol("range", &["orders"]), protocol("sticky", &["orders"])];
    let request = c.join_request("");
    let token = c.send_join(JoinGroup {
        group_instance_id: Some("one".into()),
        protocols: both(),
        ..request
    });
    c.pass(DELAY_MS);
    let one = c.joined(token).member_id;
    c.send_sync(&one, 1, &[(&one, "0")]);
    let request = c.join_request("");
    let token = c.send_join(JoinGroup {
        group_instance_id: Some("one".into()),
        protocols: both().into_iter().rev().collect(),
        ..request
    });
    let reply = c.joined(token);
    assert_eq!((reply.generation_id, reply.protocol_name.as_deref()), (2, Some("sticky")));
}

#[test]
fn a_static_member_that_is_late_stays_and_expires_with_its_session() {
    let mut c = Coordinator::new();
    let (one, two) = stable(&mut c);
    let (_, join_new) = c.new_member();
    let rejoin_one = join(&mut c, "one", &one);
    // "two" neither rejoins nor sends heartbeats.
    c.pass(i64::from(SESSION_MS));
    assert_eq!(c.joined(join_new).error, None);
    assert_eq!(c.joined(rejoin_one).members.len(), 2);
    assert_eq!(c.heartbeat(&two, 1), Err(GroupError::UnknownMemberId));
}

#[test]
fn an_operator_removes_static_members_by_their_instance() {
    let mut c = Coordinator::new();
    stable(&mut c);
    let leaving = |instance: &str| LeavingMember {
        member_id: String::new(),
        group_instance_id: Some(instance.into()),
        reason: Some("member was removed by an admin".into()),
    };
    let left = c.leave_all(vec![leaving("two"), leaving("three")]).unwrap();
    let errors: Vec<_> = left.iter().map(|member| member.error).collect();
    assert_eq!(errors, [None, Some(GroupError::UnknownMemberId)]);
    assert_eq!(c.group().members().len(), 1);
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
}
