//! Each state and each operation: what a member of the group, and a stranger, is answered.

use expect_test::expect;
use logbrook_group::{ClassicGroupState, GroupError};

use crate::harness::*;

/// A group in the state; a member of it that is not the leader, if it has members, with the
/// generation it knows.
fn in_state(state: ClassicGroupState) -> (Coordinator, String, i32) {
    let mut c = Coordinator::new();
    let (member, generation) = match state {
        ClassicGroupState::Dead => ("ghost".into(), 1),
        ClassicGroupState::Empty => {
            let ids = c.stable(1);
            c.leave(&ids[0]);
            (ids[0].clone(), 2)
        }
        ClassicGroupState::PreparingRebalance => {
            let ids = c.stable(2);
            c.new_member();
            (ids[1].clone(), 1)
        }
        ClassicGroupState::CompletingRebalance => {
            let (_, _) = c.new_member();
            let (member, _) = c.new_member();
            c.pass(2 * DELAY_MS);
            (member, 1)
        }
        ClassicGroupState::Stable => (c.stable(2)[1].clone(), 1),
    };
    assert_eq!(c.state(), state);
    (c, member, generation)
}

fn word(result: Result<(), GroupError>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |()| "ok".into())
}

#[test]
fn every_state_and_every_operation() {
    let mut table = String::new();
    for state in [
        ClassicGroupState::Empty,
        ClassicGroupState::PreparingRebalance,
        ClassicGroupState::CompletingRebalance,
        ClassicGroupState::Stable,
        ClassicGroupState::Dead,
    ] {
        let mut row = |operation: &str, run: &dyn Fn(&mut Coordinator, &str, i32) -> String| {
            let mut cells = Vec::new();
            for who in ["member", "stranger", "stale"] {
                let (mut c, member, generation) = in_state(state);
                let answer = match who {
                    "member" => run(&mut c, &member, generation),
                    "stranger" => run(&mut c, "stranger", generation),
                    _ => run(&mut c, &member, generation - 1),
                };
                cells.push(format!("{answer} -> {}", c.state()));
            }
            cells.dedup();
            table += &format!("{state} {operation}: {}\n", cells.join(" | "));
        };
        row("join", &|c, member, _| {
            let token = c.rejoin(member);
            if c.is_parked(token) {
                return "parked".into();
            }
            word(c.joined(token).error.map_or(Ok(()), Err))
        });
        row("sync", &|c, member, generation| {
            let token = c.send_sync(member, generation, &[]);
            if c.is_parked(token) { "parked".into() } else { word(c.synced(token).map(|_| ())) }
        });
        row("heartbeat", &|c, member, generation| word(c.heartbeat(member, generation)));
        row("leave", &|c, member, _| word(c.leave(member).map_or(Ok(()), Err)));
        row("commit", &|c, member, generation| word(c.commit(member, generation, 1)));
        row("commit outside", &|c, _, _| word(c.commit("", -1, 1)));
        row("delete", &|c, _, _| {
            let decided = c.groups.delete_groups(&[GROUP.into()]);
            c.apply(decided.decision);
            word(decided.response[0].error.map_or(Ok(()), Err))
        });
    }
    expect![[r#"
        Empty join: UnknownMemberId -> Empty
        Empty sync: UnknownMemberId -> Empty
        Empty heartbeat: UnknownMemberId -> Empty
        Empty leave: UnknownMemberId -> Empty
        Empty commit: UnknownMemberId -> Empty
        Empty commit outside: ok -> Empty
        Empty delete: ok -> Dead
        PreparingRebalance join: parked -> PreparingRebalance | UnknownMemberId -> PreparingRebalance | parked -> PreparingRebalance
        PreparingRebalance sync: RebalanceInProgress -> PreparingRebalance | UnknownMemberId -> PreparingRebalance | IllegalGeneration -> PreparingRebalance
        PreparingRebalance heartbeat: RebalanceInProgress -> PreparingRebalance | UnknownMemberId -> PreparingRebalance | IllegalGeneration -> PreparingRebalance
        PreparingRebalance leave: ok -> PreparingRebalance | UnknownMemberId -> PreparingRebalance | ok -> PreparingRebalance
        PreparingRebalance commit: ok -> PreparingRebalance | UnknownMemberId -> PreparingRebalance | IllegalGeneration -> PreparingRebalance
        PreparingRebalance commit outside: UnknownMemberId -> PreparingRebalance
        PreparingRebalance delete: NonEmptyGroup -> PreparingRebalance
        CompletingRebalance join: ok -> CompletingRebalance | UnknownMemberId -> CompletingRebalance | ok -> CompletingRebalance
        CompletingRebalance sync: parked -> CompletingRebalance | UnknownMemberId -> CompletingRebalance | IllegalGeneration -> CompletingRebalance
        CompletingRebalance heartbeat: ok -> CompletingRebalance | UnknownMemberId -> CompletingRebalance | IllegalGeneration -> CompletingRebalance
        CompletingRebalance leave: ok -> PreparingRebalance | UnknownMemberId -> CompletingRebalance | ok -> PreparingRebalance
        CompletingRebalance commit: RebalanceInProgress -> CompletingRebalance | UnknownMemberId -> CompletingRebalance | IllegalGeneration -> CompletingRebalance
        CompletingRebalance commit outside: UnknownMemberId -> CompletingRebalance
        CompletingRebalance delete: NonEmptyGroup -> CompletingRebalance
        Stable join: ok -> Stable | UnknownMemberId -> Stable | ok -> Stable
        Stable sync: ok -> Stable | UnknownMemberId -> Stable | IllegalGeneration -> Stable
        Stable heartbeat: ok -> Stable | UnknownMemberId -> Stable | IllegalGeneration -> Stable
        Stable leave: ok -> PreparingRebalance | UnknownMemberId -> Stable | ok -> PreparingRebalance
        Stable commit: ok -> Stable | UnknownMemberId -> Stable | IllegalGeneration -> Stable
        Stable commit outside: UnknownMemberId -> Stable
        Stable delete: NonEmptyGroup -> Stable
        Dead join: UnknownMemberId -> Dead
        Dead sync: UnknownMemberId -> Dead
        Dead heartbeat: UnknownMemberId -> Dead
        Dead leave: UnknownMemberId -> Dead
        Dead commit: GroupIdNotFound -> Dead
        Dead commit outside: ok -> Empty
        Dead delete: GroupIdNotFound -> Dead
    "#]].assert_eq(&table);
}
