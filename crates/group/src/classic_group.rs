//! One classic group: its state, its generation, its members.
//!
//! ```text
//!              join of a new member                 all joined, or the time is up
//!   Empty ------------------------> PreparingRebalance -------------------> CompletingRebalance
//!     ^                                 |   ^   ^                               |       |
//!     |        everybody left           |   |   |  member joins, leaves, fails  |       |
//!     +---------------------------------+   |   +-------------------------------+       |
//!                                           |                                           |
//!                                           |   leader rejoins, member joins,           | leader's
//!                                           |   leaves, fails                           | SyncGroup
//!                                           +----------------------- Stable <-----------+
//! ```
//!
//! Source: `ClassicGroup` and the operations on it in `GroupMetadataManager`. Two things differ,
//! and only in order: members are kept in the order in which they joined (Java: a HashMap), so the
//! next leader is the oldest member.

mod convert;
mod join;
mod leave;
mod member;
mod metadata;
mod protocol;
mod rebalance;
mod state;
mod sync;
mod validate;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

pub use member::ClassicGroupMember;
pub(crate) use protocol::java_hash_map_bucket;
pub use state::ClassicGroupState;

use crate::{Decision, GroupConfig, GroupEvent};

/// What an operation on a group has at hand.
pub(crate) struct Context<'a> {
    pub(crate) now: i64,
    pub(crate) config: &'a GroupConfig,
    pub(crate) out: &'a mut Decision,
}

/// A classic group.
#[derive(Clone, Debug)]
pub struct ClassicGroup {
    group_id: String,
    state: ClassicGroupState,
    previous_state: ClassicGroupState,
    current_state_timestamp: Option<i64>,
    protocol_type: Option<String>,
    protocol_name: Option<String>,
    generation_id: i32,
    leader_id: Option<String>,
    /// In the order of their joining.
    members: Vec<ClassicGroupMember>,
    /// Members that were given an id and have not joined with it, and when they are given up.
    pending_join_members: SortedMap<String, i64>,
    /// Members of this generation that have not sent SyncGroup yet.
    pending_sync_members: SortedSet<String>,
    /// What the members subscribe to; None where that is not known.
    subscribed_topics: Option<SortedSet<String>>,
    /// A member joined since the delay of the first rebalance last began.
    new_member_added: bool,
    join_timer: Option<JoinTimer>,
    /// When members that have not sent SyncGroup are removed.
    sync_deadline: Option<i64>,
}

/// When the joining ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct JoinTimer {
    at: i64,
    /// Of a group's first rebalance: the delay that ends at `at`, and how much longer the group
    /// may wait if members keep coming.
    initial: Option<InitialDelay>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InitialDelay {
    delay_ms: i32,
    remaining_ms: i32,
}

impl ClassicGroup {
    /// A group without members.
    pub(crate) fn new(group_id: &str, now: i64) -> Self {
        Self {
            group_id: group_id.into(),
            state: ClassicGroupState::Empty,
            previous_state: ClassicGroupState::Dead,
            current_state_timestamp: Some(now),
            protocol_type: None,
            protocol_name: None,
            generation_id: 0,
            leader_id: None,
            members: Vec::new(),
            pending_join_members: SortedMap::new(),
            pending_sync_members: SortedSet::new(),
            subscribed_topics: None,
            new_member_added: false,
            join_timer: None,
            sync_deadline: None,
        }
    }

    /// The group's id.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// The state.
    pub fn state(&self) -> ClassicGroupState {
        self.state
    }

    /// The generation; 0 before the first rebalance ends.
    pub fn generation_id(&self) -> i32 {
        self.generation_id
    }

    /// `consumer`...; None before the first member, and for a group that only commits offsets.
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// The protocol chosen for the generation.
    pub fn protocol_name(&self) -> Option<&str> {
        self.protocol_name.as_deref()
    }

    /// The leader's member id.
    pub fn leader(&self) -> Option<&str> {
        self.leader_id.as_deref()
    }

    /// The members, in the order of their joining.
    pub fn members(&self) -> &[ClassicGroupMember] {
        &self.members
    }

    /// Whether no member is in the group.
    pub fn is_empty(&self) -> bool {
        self.state == ClassicGroupState::Empty
    }

    /// When the group last changed its state; None where an old record did not say.
    pub fn current_state_timestamp(&self) -> Option<i64> {
        self.current_state_timestamp
    }

    /// When the joining ends, while it lasts and where a time is set.
    pub fn join_deadline(&self) -> Option<i64> {
        self.join_timer.map(|timer| timer.at)
    }

    /// The member with this id.
    pub fn member(&self, member_id: &str) -> Option<&ClassicGroupMember> {
        self.members.iter().find(|member| member.member_id == member_id)
    }

    fn member_mut(&mut self, member_id: &str) -> Option<&mut ClassicGroupMember> {
        self.members.iter_mut().find(|member| member.member_id == member_id)
    }

    pub(crate) fn has_member(&self, member_id: &str) -> bool {
        self.member(member_id).is_some()
    }

    fn is_leader(&self, member_id: &str) -> bool {
        self.leader_id.as_deref() == Some(member_id)
    }

    /// The member id behind a `group.instance.id`.
    fn static_member_id(&self, group_instance_id: &str) -> Option<&str> {
        self.members
            .iter()
            .find(|member| member.group_instance_id.as_deref() == Some(group_instance_id))
            .map(|member| member.member_id.as_str())
    }

    pub(crate) fn is_pending_member(&self, member_id: &str) -> bool {
        self.pending_join_members.contains_key(member_id)
    }

    fn num_awaiting_join(&self) -> usize {
        self.members.iter().filter(|member| member.is_awaiting_join()).count()
    }

    fn has_all_members_joined(&self) -> bool {
        self.pending_join_members.is_empty()
            && self.members.iter().all(ClassicGroupMember::is_awaiting_join)
    }

    /// The longest rebalance timeout of the members.
    fn rebalance_timeout_ms(&self) -> i32 {
        self.members.iter().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    /// A new member: the first decides the protocol type and leads.
    fn add(&mut self, cx: &mut Context<'_>, member: ClassicGroupMember) {
        if self.members.is_empty() {
            self.protocol_type = Some(member.protocol_type.clone());
        }
        if self.leader_id.is_none() {
            self.leader_id = Some(member.member_id.clone());
        }
        self.pending_join_members.remove(&member.member_id);
        cx.out.events.push(GroupEvent::MemberJoined {
            group_id: self.group_id.clone(),
            member_id: member.member_id.clone(),
            client_id: member.client_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
        });
        self.members.push(member);
    }

    /// Takes a member out, pending or not. If it led, the oldest member leads.
    fn remove(&mut self, member_id: &str) -> Option<ClassicGroupMember> {
        self.pending_join_members.remove(member_id);
        self.pending_sync_members.remove(member_id);
        let at = self.members.iter().position(|member| member.member_id == member_id)?;
        let removed = self.members.remove(at);
        if self.is_leader(member_id) {
            self.leader_id = self.members.first().map(|member| member.member_id.clone());
        }
        Some(removed)
    }

    fn transition_to(
        &mut self,
        cx: &mut Context<'_>,
        to: ClassicGroupState,
        reason: impl ToString,
    ) {
        debug_assert!(to.valid_previous_states().contains(&self.state), "{} -> {to}", self.state);
        cx.out.events.push(GroupEvent::StateChanged {
            group_id: self.group_id.clone(),
            from: self.state,
            to,
            generation_id: self.generation_id,
            members: self.members.iter().map(|member| member.member_id.clone()).collect(),
            reason: reason.to_string(),
        });
        self.previous_state = self.state;
        self.state = to;
        self.current_state_timestamp = Some(cx.now);
    }

    /// When the earliest of the group's timers is due.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        let members = self.members.iter().filter_map(|member| member.session_deadline);
        let pending = self.pending_join_members.values().copied();
        members.chain(pending).chain(self.join_deadline()).chain(self.sync_deadline).min()
    }

    /// What must hold between operations; for tests.
    pub fn assert_valid(&self) {
        let ids: SortedSet<&str> = self.members.iter().map(|m| m.member_id.as_str()).collect();
        assert_eq!(ids.len(), self.members.len(), "member ids are distinct");
        let instances: Vec<&str> =
            self.members.iter().filter_map(|m| m.group_instance_id.as_deref()).collect();
        let distinct: SortedSet<&str> = instances.iter().copied().collect();
        assert_eq!(distinct.len(), instances.len(), "instance ids are distinct");
        if let Some(leader) = &self.leader_id {
            assert!(ids.contains(leader.as_str()), "the leader is a member");
        }
        assert_eq!(self.leader_id.is_none(), self.members.is_empty(), "members have a leader");
        for pending in self.pending_join_members.keys() {
            assert!(!ids.contains(pending.as_str()), "a pending member has not joined");
        }
        for pending in &self.pending_sync_members {
            assert!(ids.contains(pending.as_str()), "who is to sync is a member");
        }
        for member in &self.members {
            assert!(!(member.is_awaiting_join() && member.is_awaiting_sync()));
            if member.is_awaiting_join() {
                assert_eq!(self.state, ClassicGroupState::PreparingRebalance, "joins are parked");
            }
            if member.is_awaiting_sync() {
                assert_eq!(self.state, ClassicGroupState::CompletingRebalance, "syncs are parked");
            }
            if !member.is_awaiting_join() && !member.is_awaiting_sync() {
                assert!(member.session_deadline.is_some(), "someone waits for the heartbeat");
            }
        }
        match self.state {
            ClassicGroupState::Empty => {
                assert!(self.members.is_empty());
                assert!(self.protocol_name.is_none());
            }
            ClassicGroupState::PreparingRebalance => {
                assert!(self.join_timer.is_some(), "a rebalance ends");
            }
            ClassicGroupState::CompletingRebalance => {
                assert!(!self.members.is_empty() && self.protocol_name.is_some());
            }
            ClassicGroupState::Stable => {
                assert!(!self.members.is_empty() && self.protocol_name.is_some());
            }
            ClassicGroupState::Dead => {}
        }
    }
}
