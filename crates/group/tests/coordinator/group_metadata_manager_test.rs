//! The classic groups of Kafka's `GroupMetadataManagerTest`, case by case, as far as the other files here do not
//! hold the case already. Each test is named after Kafka's, or after what several of them have in common.

use logbrook_group::{
    ClassicGroupState, GroupConfig, GroupError, Heartbeat, JoinGroup, JoinGroupProtocol,
    LeavingMember, SyncGroup, Token,
};

use crate::harness::*;

fn of_at_most(max_size: usize) -> Coordinator {
    Coordinator::with(GroupConfig { max_size, ..GroupConfig::default() })
}

/// A join with changes to the usual request.
fn join_with(c: &mut Coordinator, member_id: &str, change: impl FnOnce(&mut JoinGroup)) -> Token {
    let mut request = c.join_request(member_id);
    change(&mut request);
    c.send_join(request)
}

fn join_static(c: &mut Coordinator, instance: &str, member_id: &str) -> Token {
    join_with(c, member_id, |request| request.group_instance_id = Some(instance.into()))
}

fn error(c: &mut Coordinator, token: Token) -> Option<GroupError> {
    c.joined(token).error
}

/// A stable group of two static members, the leader first.
fn static_members(c: &mut Coordinator) -> (String, String) {
    let (leader, follower) = (join_static(c, "leader", ""), join_static(c, "follower", ""));
    c.pass(2 * DELAY_MS);
    let (leader, follower) = (c.joined(leader).member_id, c.joined(follower).member_id);
    let sync = c.send_sync(&follower, 1, &[]);
    c.send_sync(&leader, 1, &[(&leader, "0"), (&follower, "1")]);
    assert_eq!(c.synced(sync), Ok("1".into()));
    (leader, follower)
}

/// A group in `CompletingRebalance`: its members, the leader first.
fn completing(c: &mut Coordinator, members: usize) -> Vec<String> {
    let joins: Vec<(String, Token)> = (0..members).map(|_| c.new_member()).collect();
    c.pass(2 * DELAY_MS);
    let ids = joins.into_iter().map(|(id, token)| {
        assert_eq!(error(c, token), None);
        id
    });
    ids.collect()
}

fn leaving(member_id: &str, instance: Option<&str>) -> LeavingMember {
    LeavingMember {
        member_id: member_id.into(),
        group_instance_id: instance.map(Into::into),
        reason: None,
    }
}

fn left(c: &mut Coordinator, members: Vec<LeavingMember>) -> Vec<Option<GroupError>> {
    c.leave_all(members).expect("members answer").into_iter().map(|member| member.error).collect()
}

/// Heartbeats of these members, half a session at a time.
fn pass_alive(c: &mut Coordinator, ms: i64, ids: &[&str], generation: i32) {
    let step = i64::from(SESSION_MS) / 2;
    for _ in 0..ms / step {
        c.pass(step);
        for id in ids {
            let _ = c.heartbeat(id, generation);
        }
    }
}

#[test]
fn test_dynamic_members_join_group_with_max_size_and_required_known_member() {
    let mut c = of_at_most(3);
    // Ids are given to more than there is room for, as nobody has joined yet.
    let ids: Vec<String> = (0..4).map(|_| c.new_member_id()).collect();
    assert_eq!(c.state(), ClassicGroupState::Empty);
    let joins: Vec<Token> = ids.iter().map(|id| c.rejoin(id)).collect();
    assert_eq!(error(&mut c, joins[3]), Some(GroupError::GroupMaxSizeReached));
    // testDynamicMembersCanRejoinGroupWithMaxSizeWhileRebalancing: who is in may ask again.
    let again = c.rejoin(&ids[0]);
    let refused = c.rejoin(&ids[3]);
    assert_ne!(error(&mut c, refused), None);
    c.pass(2 * DELAY_MS);
    assert_eq!(error(&mut c, again), None);
    for token in &joins[1..3] {
        assert_eq!(error(&mut c, *token), None);
    }
    assert_eq!((c.group().members().len(), c.state()), (3, ClassicGroupState::CompletingRebalance));
    // And so in the next state.
    let again = c.rejoin(&ids[1]);
    assert_eq!(error(&mut c, again), None);
}

#[test]
fn test_static_members_join_group_with_max_size() {
    let mut c = of_at_most(2);
    let names = ["a", "b", "c"];
    let joins = names.map(|name| join_static(&mut c, name, ""));
    assert_eq!(error(&mut c, joins[2]), Some(GroupError::GroupMaxSizeReached));
    c.pass(2 * DELAY_MS);
    let a = c.joined(joins[0]).member_id;
    let again = join_static(&mut c, "a", &a);
    assert_eq!(error(&mut c, again), None);
    let refused = join_static(&mut c, "c", "");
    assert_eq!(error(&mut c, refused), Some(GroupError::GroupMaxSizeReached));
}

#[test]
fn protocols_that_do_not_fit_are_refused() {
    let refused = Some(GroupError::InconsistentGroupProtocol);
    // testJoinGroupWithEmptyProtocolType, testJoinGroupWithEmptyGroupProtocol
    let mut c = Coordinator::new();
    let token = join_with(&mut c, "", |request| request.protocol_type = String::new());
    assert_eq!(error(&mut c, token), refused);
    let token = join_with(&mut c, "", |request| request.protocols = Vec::new());
    assert_eq!(error(&mut c, token), refused);
    // testClassicGroupJoinInconsistentProtocolType, testJoinGroupSecondJoinInconsistentProtocol
    let ids = completing(&mut c, 1);
    let token = join_with(&mut c, "", |request| request.protocol_type = "connect".into());
    let reply = c.joined(token);
    assert_eq!(reply.error, refused);
    // testJoinGroupProtocolTypeIsNotProvidedWhenAnErrorOccurs
    assert_eq!((reply.protocol_type, reply.protocol_name), (None, None));
    for protocols in [Vec::new(), vec![protocol("roundrobin", &["orders"])]] {
        let token = join_with(&mut c, "", |request| request.protocols = protocols);
        assert_eq!(error(&mut c, token), refused);
    }
    // testJoinGroupReturnsTheProtocolType
    let token = c.rejoin(&ids[0]);
    let reply = c.joined(token);
    assert_eq!(reply.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(reply.protocol_name.as_deref(), Some("range"));
}

#[test]
fn test_join_group_unknown_member() {
    // testJoinGroupUnknownMemberNewGroup, testJoinGroupUnknownConsumerExistingGroup
    let mut c = Coordinator::new();
    let token = c.rejoin("member");
    assert_eq!(error(&mut c, token), Some(GroupError::UnknownMemberId));
    assert!(c.groups.group(GROUP).is_none(), "no group comes of it");
    c.stable(1);
    let token = c.rejoin("member");
    assert_eq!(error(&mut c, token), Some(GroupError::UnknownMemberId));
    // testStaticMemberRejoinWithExplicitUnknownMemberId
    static_members(&mut Coordinator::new());
    let mut c = Coordinator::new();
    static_members(&mut c);
    let token = join_static(&mut c, "leader", "unknown");
    assert_eq!(error(&mut c, token), Some(GroupError::FencedInstanceId));
    // testStaticMemberJoinWithUnknownInstanceIdAndKnownMemberId
    let leader = c.group().leader().unwrap().to_owned();
    let token = join_static(&mut c, "unknown", &leader);
    assert_eq!(error(&mut c, token), Some(GroupError::UnknownMemberId));
}

#[test]
fn a_static_member_under_the_id_of_another_is_fenced() {
    // testStaticMemberRejoinAs{Follower,Leader}WithMismatchedInstanceId
    let mut c = Coordinator::new();
    let (leader, follower) = static_members(&mut c);
    let fenced = Some(GroupError::FencedInstanceId);
    let token = join_static(&mut c, "leader", &follower);
    assert_eq!(error(&mut c, token), fenced);
    let token = join_static(&mut c, "follower", &leader);
    assert_eq!(error(&mut c, token), fenced);
    // testStaticMemberSyncAsLeaderWithInvalidMemberId
    let token = c.token();
    let request = SyncGroup {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: "invalid".into(),
        group_instance_id: Some("follower".into()),
        protocol_type: None,
        protocol_name: None,
        assignments: Vec::new(),
    };
    let decision = c.groups.sync_group(c.now, token, request);
    c.apply(decision);
    assert_eq!(c.synced(token), Err(GroupError::FencedInstanceId));
    // testStaticMemberHeartbeatLeaderWithInvalidMemberId
    let heartbeat = |member_id: &str| Heartbeat {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: member_id.into(),
        group_instance_id: Some("leader".into()),
    };
    assert_eq!(c.groups.heartbeat(c.now, &heartbeat(&leader)), Ok(()));
    let refused = c.groups.heartbeat(c.now, &heartbeat("invalid"));
    assert_eq!(refused, Err(GroupError::FencedInstanceId));
}

#[test]
fn test_get_different_static_member_id_after_each_rejoin() {
    let mut c = Coordinator::new();
    let (mut last, _) = static_members(&mut c);
    for _ in 0..5 {
        let written = c.log.len();
        let token = join_static(&mut c, "leader", "");
        let reply = c.joined(token);
        assert_eq!(reply.error, None);
        assert_ne!(reply.member_id, last);
        assert_eq!(c.log.len(), written + 1);
        last = reply.member_id;
    }
    assert_eq!(c.state(), ClassicGroupState::Stable);
}

#[test]
fn test_static_member_rejoin_with_known_member_id() {
    // testStaticMemberRejoinWithLeaderIdAndKnownMemberId: with its id the leader makes a rebalance.
    let mut c = Coordinator::new();
    let (leader, follower) = static_members(&mut c);
    // testStaticMemberRejoinAsFollowerWithKnownMemberIdAndNoProtocolChange: the follower does not.
    let token = join_static(&mut c, "follower", &follower);
    let reply = c.joined(token);
    assert_eq!((reply.error, reply.generation_id, reply.leader), (None, 1, leader.clone()));
    assert_eq!(c.state(), ClassicGroupState::Stable);
    let token = join_static(&mut c, "leader", &leader);
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    let other = join_static(&mut c, "follower", &follower);
    let (reply, other) = (c.joined(token), c.joined(other));
    assert_eq!((reply.generation_id, other.generation_id), (2, 2));
    assert_eq!((reply.members.len(), other.members.len()), (2, 0));
}

#[test]
fn test_static_member_rejoin_with_follower_id_and_change_of_protocol() {
    let mut c = Coordinator::new();
    let (leader, follower) = static_members(&mut c);
    let token = join_with(&mut c, &follower, |request| {
        request.group_instance_id = Some("follower".into());
        request.protocols = vec![protocol("range", &["orders", "payments"])];
    });
    assert!(c.is_parked(token));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    let other = join_static(&mut c, "leader", &leader);
    assert_eq!(c.joined(token).generation_id, 2);
    assert_eq!(c.joined(other).leader, leader);
}

#[test]
fn test_delay_initial_rebalance_by_group_initial_rebalance_delay_on_empty_group() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    c.leave(&ids[0]);
    assert_eq!(c.state(), ClassicGroupState::Empty);
    let (_, token) = c.new_member();
    c.pass(DELAY_MS - 1);
    assert!(c.is_parked(token));
    c.pass(1);
    assert_eq!(c.joined(token).generation_id, 3);
}

#[test]
fn test_heartbeat_expiration_should_remove_member() {
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 1);
    c.pass(i64::from(SESSION_MS));
    assert_eq!(c.state(), ClassicGroupState::Empty);
    assert_eq!(c.heartbeat(&ids[0], 1), Err(GroupError::UnknownMemberId));
}

#[test]
fn who_rejoins_a_stable_group() {
    // testJoinGroupFromUnchangedFollowerDoesNotRebalance
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let token = c.rejoin(&ids[1]);
    let reply = c.joined(token);
    assert_eq!((reply.error, reply.generation_id), (None, 1));
    assert_eq!((reply.leader.as_str(), reply.members.len()), (ids[0].as_str(), 0));
    assert_eq!(c.state(), ClassicGroupState::Stable);
    // testJoinGroupFromUnchangedLeaderShouldRebalance
    let token = c.rejoin(&ids[0]);
    assert!(c.is_parked(token));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    // testJoinGroupAsExistingMemberWithUpdatedMetadataTriggersRebalanceInStableState
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let token = join_with(&mut c, &ids[1], |request| {
        request.protocols = vec![protocol("range", &["orders", "payments"])];
    });
    assert!(c.is_parked(token));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
}

#[test]
fn who_rejoins_while_the_leader_assigns() {
    // testJoinGroupExistingMemberUpdatedMetadataTriggersRebalance
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 2);
    let token = c.rejoin(&ids[0]);
    let reply = c.joined(token);
    assert_eq!((reply.generation_id, reply.members.len()), (1, 2), "the answer was lost");
    let both: Vec<JoinGroupProtocol> =
        ["range", "roundrobin"].map(|name| protocol(name, &["orders"])).into();
    let token = join_with(&mut c, &ids[1], |request| request.protocols = both);
    assert!(c.is_parked(token));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    // testHeartbeatDuringRebalanceCausesRebalanceInProgress
    assert_eq!(c.heartbeat(&ids[0], 1), Err(GroupError::RebalanceInProgress));
}

#[test]
fn test_complete_join_phase_no_members_rejoined_extends_join_phase() {
    let mut c = Coordinator::new();
    let short = |c: &mut Coordinator, instance: &str, member_id: &str| {
        join_with(c, member_id, |request| {
            request.group_instance_id = Some(instance.into());
            request.rebalance_timeout_ms = 4_000;
        })
    };
    let (first, second) = (short(&mut c, "first", ""), short(&mut c, "second", ""));
    c.pass(2 * DELAY_MS);
    let (first, second) = (c.joined(first).member_id, c.joined(second).member_id);
    let sync = c.send_sync(&second, 1, &[]);
    c.send_sync(&first, 1, &[]);
    assert_eq!(c.synced(sync), Ok(String::new()));
    // The leader asks for a rebalance, and leaves: nobody has joined when the time is over.
    short(&mut c, "first", &first);
    c.leave(&first);
    for _ in 0..3 {
        c.pass(4_000);
        let _ = c.heartbeat(&second, 1);
        assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
        assert_eq!(c.group().generation_id(), 1);
    }
    let token = short(&mut c, "second", &second);
    assert_eq!(c.joined(token).generation_id, 2);
}

#[test]
fn test_sync_group_protocol_type_and_name() {
    let sync = |protocol_type: Option<&str>, protocol_name: Option<&str>| {
        let mut c = Coordinator::new();
        let ids = completing(&mut c, 1);
        let token = c.token();
        let request = SyncGroup {
            group_id: GROUP.into(),
            generation_id: 1,
            member_id: ids[0].clone(),
            group_instance_id: None,
            protocol_type: protocol_type.map(Into::into),
            protocol_name: protocol_name.map(Into::into),
            assignments: Vec::new(),
        };
        let decision = c.groups.sync_group(c.now, token, request);
        c.apply(decision);
        c.synced(token)
    };
    let refused = Err(GroupError::InconsistentGroupProtocol);
    assert_eq!(sync(Some("whatever"), None), refused);
    assert_eq!(sync(None, Some("whatever")), refused);
    assert_eq!(sync(None, None), Ok(String::new()));
    assert_eq!(sync(Some("consumer"), Some("range")), Ok(String::new()));
}

#[test]
fn who_does_not_sync_before_the_rebalance_timeout_is_out() {
    let (half, whole) = (i64::from(REBALANCE_MS) / 2, i64::from(REBALANCE_MS));
    // testRebalanceTimesOutWhenSyncRequestIsNotReceived: nobody does.
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 3);
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    pass_alive(&mut c, half, &all, 1);
    assert_eq!(c.heartbeat(&ids[0], 1), Ok(()));
    pass_alive(&mut c, half, &all, 1);
    assert_eq!(c.state(), ClassicGroupState::Empty);
    for id in &ids {
        assert_eq!(c.heartbeat(id, 1), Err(GroupError::UnknownMemberId));
    }
    // testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromFollowers: the leader alone does.
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 3);
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let sync = c.send_sync(&ids[0], 1, &[]);
    assert_eq!(c.synced(sync), Ok(String::new()));
    pass_alive(&mut c, whole, &all, 1);
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    assert_eq!(c.heartbeat(&ids[0], 1), Err(GroupError::RebalanceInProgress));
    for id in &ids[1..] {
        assert_eq!(c.heartbeat(id, 1), Err(GroupError::UnknownMemberId));
    }
    // testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromLeaders: the followers do.
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 3);
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let syncs: Vec<Token> = ids[1..].iter().map(|id| c.send_sync(id, 1, &[])).collect();
    pass_alive(&mut c, whole, &all, 1);
    for token in syncs {
        assert_eq!(c.synced(token), Err(GroupError::RebalanceInProgress));
    }
    assert_eq!(c.heartbeat(&ids[0], 1), Err(GroupError::UnknownMemberId));
    assert_eq!(c.heartbeat(&ids[1], 1), Err(GroupError::RebalanceInProgress));
    // testRebalanceDoesNotTimeOutWhenAllSyncAreReceived
    let mut c = Coordinator::new();
    let ids = c.stable(3);
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    pass_alive(&mut c, 2 * whole, &all, 1);
    assert_eq!(c.state(), ClassicGroupState::Stable);
    for id in &ids {
        assert_eq!(c.heartbeat(id, 1), Ok(()));
    }
}

#[test]
fn test_leader_failure_in_sync_group() {
    // The leader's session ends while the other waits for its assignment.
    let mut c = Coordinator::new();
    let ids = completing(&mut c, 2);
    let sync = c.send_sync(&ids[1], 1, &[]);
    c.pass(i64::from(SESSION_MS) - 1);
    assert_eq!(c.heartbeat(&ids[1], 1), Ok(()));
    c.pass(1);
    assert_eq!(c.synced(sync), Err(GroupError::RebalanceInProgress));
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
}

#[test]
fn test_second_member_partially_join_and_timeout() {
    let mut c = Coordinator::new();
    let ids = c.stable(1);
    let pending = c.new_member_id();
    assert_eq!(c.state(), ClassicGroupState::Stable);
    pass_alive(&mut c, i64::from(SESSION_MS), &[&ids[0]], 1);
    assert_eq!((c.state(), c.group().members().len()), (ClassicGroupState::Stable, 1));
    let late = c.rejoin(&pending);
    assert_eq!(error(&mut c, late), Some(GroupError::UnknownMemberId));
}

#[test]
fn a_rebalance_waits_for_who_was_given_an_id() {
    // testJoinGroupCompletionWhenPendingMemberJoins
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let pending = c.new_member_id();
    let first = c.rejoin(&ids[0]);
    let second = c.rejoin(&ids[1]);
    assert!(c.is_parked(first) && c.is_parked(second));
    let mut in_time = c.rejoin(&pending);
    assert_eq!(c.joined(first).generation_id, 2);
    assert_eq!(error(&mut c, in_time), None);
    // testJoinGroupCompletionWhenPendingMemberTimesOut
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    c.new_member_id();
    let (first, second) = (c.rejoin(&ids[0]), c.rejoin(&ids[1]));
    c.pass(i64::from(SESSION_MS) - 1);
    assert!(c.is_parked(first));
    c.pass(1);
    assert_eq!((c.joined(first).members.len(), c.joined(second).generation_id), (2, 2));
    // testPendingMembersLeaveGroup
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let pending = c.new_member_id();
    in_time = c.rejoin(&ids[0]);
    c.rejoin(&ids[1]);
    assert_eq!(c.leave(&pending), None);
    assert_eq!(c.joined(in_time).members.len(), 2);
}

#[test]
fn test_group_stuck_in_rebalance_timeout_due_to_nonjoined_static_member() {
    let mut c = Coordinator::new();
    let short = |c: &mut Coordinator, instance: Option<&str>, member_id: &str| {
        join_with(c, member_id, |request| {
            request.group_instance_id = instance.map(Into::into);
            request.session_timeout_ms = 20_000;
            request.rebalance_timeout_ms = 5_000;
            request.requires_known_member_id = false;
        })
    };
    let leader = short(&mut c, Some("leader"), "");
    let follower = short(&mut c, Some("follower"), "");
    c.pass(2 * DELAY_MS);
    let (leader, follower) = (c.joined(leader).member_id, c.joined(follower).member_id);
    let sync = c.send_sync(&follower, 1, &[]);
    c.send_sync(&leader, 1, &[]);
    c.synced(sync).unwrap();
    // A dynamic member comes; the static ones do not rejoin, and stay.
    let new = short(&mut c, None, "");
    c.pass(5_000);
    let reply = c.joined(new);
    assert_eq!((reply.error, reply.generation_id, reply.members.len()), (None, 2, 3));
    assert_eq!(reply.leader, reply.member_id, "it is the one that is there");
    assert_eq!(c.state(), ClassicGroupState::CompletingRebalance);
    // One of them leaves: a rebalance, in which the dynamic one does not rejoin, and is out.
    assert_eq!(left(&mut c, vec![leaving(&follower, Some("follower"))]), [None]);
    assert_eq!(c.state(), ClassicGroupState::PreparingRebalance);
    c.pass(5_000);
    let members: Vec<&str> = c.group().members().iter().map(|member| member.member_id()).collect();
    assert_eq!(members, [leader.as_str()]);
    assert_eq!((c.state(), c.group().generation_id()), (ClassicGroupState::PreparingRebalance, 2));
}

#[test]
fn who_leaves_together_is_answered_each_for_itself() {
    let unknown = Some(GroupError::UnknownMemberId);
    // testStaticMembersValidBatchLeaveGroup
    let mut c = Coordinator::new();
    static_members(&mut c);
    let both = vec![leaving("", Some("leader")), leaving("", Some("follower"))];
    assert_eq!(left(&mut c, both), [None, None]);
    assert_eq!(c.state(), ClassicGroupState::Empty);
    // testStaticMembersLeaveUnknownGroup
    let mut c = Coordinator::new();
    let both = vec![leaving("", Some("leader")), leaving("", Some("follower"))];
    assert_eq!(left(&mut c, both), [unknown, unknown]);
    // testStaticMembersFencedInstanceBatchLeaveGroup, testLeaveGroupWithFencedInstanceId
    let mut c = Coordinator::new();
    static_members(&mut c);
    let both = vec![leaving("", Some("leader")), leaving("invalid", Some("follower"))];
    assert_eq!(left(&mut c, both), [None, Some(GroupError::FencedInstanceId)]);
    // testStaticMembersUnknownInstanceBatchLeaveGroup
    let mut c = Coordinator::new();
    static_members(&mut c);
    let both = vec![leaving("", Some("unknown")), leaving("", Some("follower"))];
    assert_eq!(left(&mut c, both), [unknown, None]);
    // testJoinedMemberPendingMemberBatchLeaveGroupWithUnknownMember
    let mut c = Coordinator::new();
    let ids = c.stable(2);
    let pending = c.new_member_id();
    let all = vec![
        leaving(&ids[0], None),
        leaving(&ids[1], None),
        leaving(&pending, None),
        leaving("unknown", None),
    ];
    assert_eq!(left(&mut c, all), [None, None, None, unknown]);
    assert_eq!(c.state(), ClassicGroupState::Empty);
    // testPendingMemberBatchLeaveGroup
    let mut c = Coordinator::new();
    c.stable(2);
    let pending = c.new_member_id();
    let both = vec![leaving("", Some("unknown")), leaving(&pending, None)];
    assert_eq!(left(&mut c, both), [unknown, None]);
}

#[test]
fn test_heartbeat_and_sync_without_a_group() {
    let mut c = Coordinator::new();
    assert_eq!(c.heartbeat("member", -1), Err(GroupError::UnknownMemberId));
    let sync = c.send_sync("member", 1, &[]);
    assert_eq!(c.synced(sync), Err(GroupError::UnknownMemberId));
    // testGenerationIdIncrementsOnRebalance
    let ids = c.stable(1);
    let token = c.rejoin(&ids[0]);
    assert_eq!(c.joined(token).generation_id, 2);
    // testSyncGroupFromIllegalGeneration
    let sync = c.send_sync(&ids[0], 1, &[]);
    assert_eq!(c.synced(sync), Err(GroupError::IllegalGeneration));
}
