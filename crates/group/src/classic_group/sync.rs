//! SyncGroup: the leader brings the assignment, the others wait for it.

use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use bytes::Bytes;

use super::{ClassicGroup, ClassicGroupState, Context};
use crate::{GroupError, Reply, SyncGroup, SyncGroupReply, Token};

impl SyncGroupReply {
    /// An answer that carries nothing but an error.
    pub(crate) fn failed(error: GroupError) -> Self {
        Self {
            error: Some(error),
            protocol_type: None,
            protocol_name: None,
            assignment: Bytes::new(),
        }
    }
}

impl ClassicGroup {
    pub(crate) fn sync(&mut self, cx: &mut Context<'_>, token: Token, request: SyncGroup) {
        if let Err(error) = self.validate_sync_group(&request) {
            cx.out.replies.push((token, Reply::SyncGroup(SyncGroupReply::failed(error))));
            return;
        }
        let member_id = request.member_id.as_str();
        match self.state {
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                let error = SyncGroupReply::failed(GroupError::UnknownMemberId);
                cx.out.replies.push((token, Reply::SyncGroup(error)));
            }
            ClassicGroupState::PreparingRebalance => {
                let error = SyncGroupReply::failed(GroupError::RebalanceInProgress);
                cx.out.replies.push((token, Reply::SyncGroup(error)));
            }
            ClassicGroupState::CompletingRebalance => {
                if let Some(member) = self.member_mut(member_id) {
                    let superseded = member.awaiting_sync.replace(token);
                    answer_superseded(cx, superseded);
                }
                self.remove_pending_sync_member(member_id);
                if self.is_leader(member_id) {
                    self.assign(cx, request.assignments);
                }
            }
            ClassicGroupState::Stable => {
                self.remove_pending_sync_member(member_id);
                let assignment = self.member(member_id).map(|member| member.assignment.clone());
                let reply = self.assignment_reply(assignment.unwrap_or_default());
                cx.out.replies.push((token, reply));
            }
        }
    }

    /// The leader's assignment makes the group stable. Members that it leaves out get an empty one.
    fn assign(&mut self, cx: &mut Context<'_>, assignments: Vec<(alloc::string::String, Bytes)>) {
        let mut by_member: SortedMap<_, _> = assignments.into_iter().collect();
        for member in &mut self.members {
            member.assignment = by_member.remove(&member.member_id).unwrap_or_default();
        }
        // Written before the transition: the record has the time at which the group began to wait
        // for the assignment, as Kafka's has.
        cx.out.records.push(self.metadata_record());
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            let Some(token) = member.awaiting_sync.take() else { continue };
            member.reschedule_heartbeat(cx.now);
            let assignment = member.assignment.clone();
            let reply = self.assignment_reply(assignment);
            cx.out.replies.push((token, reply));
        }
        self.transition_to(
            cx,
            ClassicGroupState::Stable,
            alloc::format!("assignment received from leader {}", self.leader().unwrap_or_default()),
        );
    }

    fn assignment_reply(&self, assignment: Bytes) -> Reply {
        Reply::SyncGroup(SyncGroupReply {
            error: None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment,
        })
    }

    fn remove_pending_sync_member(&mut self, member_id: &str) {
        self.pending_sync_members.remove(member_id);
        if self.pending_sync_members.is_empty() {
            self.sync_deadline = None;
        }
    }

    /// The assignment will not come: `resetAndPropagateAssignmentWithError`.
    pub(super) fn fail_parked_syncs(&mut self, cx: &mut Context<'_>, error: GroupError) {
        for member in &mut self.members {
            member.assignment = Bytes::new();
            if let Some(token) = member.awaiting_sync.take() {
                member.reschedule_heartbeat(cx.now);
                let reply = Reply::SyncGroup(SyncGroupReply::failed(error));
                cx.out.replies.push((token, reply));
            }
        }
    }
}

/// A member sent a request again while the first was parked. Kafka leaves the first without an
/// answer (its connection is gone, or it could not have sent the second); here each is answered.
fn answer_superseded(cx: &mut Context<'_>, token: Option<Token>) {
    if let Some(token) = token {
        let reply = SyncGroupReply::failed(GroupError::RebalanceInProgress);
        cx.out.replies.push((token, Reply::SyncGroup(reply)));
    }
}
