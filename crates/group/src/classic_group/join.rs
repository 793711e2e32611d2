//! JoinGroup: a member comes, or comes again.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{ClassicGroup, ClassicGroupMember, ClassicGroupState, Context};
use crate::{
    GroupError, GroupEvent, JoinGroup, JoinGroupReply, JoinGroupReplyMember, Reply, SyncGroupReply,
    Token,
};

impl JoinGroupReply {
    /// An answer that carries an error and the member's id.
    pub(crate) fn failed(error: GroupError, member_id: &str) -> Self {
        Self {
            error: Some(error),
            generation_id: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.into(),
            members: Vec::new(),
        }
    }
}

fn fail(cx: &mut Context<'_>, token: Token, error: GroupError, member_id: &str) {
    cx.out.replies.push((token, Reply::JoinGroup(JoinGroupReply::failed(error, member_id))));
}

impl ClassicGroup {
    pub(crate) fn join(&mut self, cx: &mut Context<'_>, token: Token, request: JoinGroup) {
        let is_unknown_member = request.member_id.is_empty();
        if !self.accepts_joining_member(cx, &request.member_id) {
            self.remove(&request.member_id);
            fail(cx, token, GroupError::GroupMaxSizeReached, "");
        } else if self.state == ClassicGroupState::Dead {
            fail(cx, token, GroupError::CoordinatorNotAvailable, &request.member_id);
        } else if !self.supports_protocols(&request.protocol_type, &request.protocols) {
            fail(cx, token, GroupError::InconsistentGroupProtocol, &request.member_id);
        } else if is_unknown_member {
            self.join_new_member(cx, token, request);
        } else {
            self.join_existing_member(cx, token, request);
        }
    }

    fn accepts_joining_member(&self, cx: &Context<'_>, member_id: &str) -> bool {
        match self.state {
            ClassicGroupState::Empty | ClassicGroupState::Dead => true,
            ClassicGroupState::PreparingRebalance => {
                self.member(member_id).is_some_and(ClassicGroupMember::is_awaiting_join)
                    || self.num_awaiting_join() < cx.config.max_size
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                self.has_member(member_id) || self.members.len() < cx.config.max_size
            }
        }
    }

    fn join_new_member(&mut self, cx: &mut Context<'_>, token: Token, request: JoinGroup) {
        let id = generate_member_id(&request);
        match request.group_instance_id.clone() {
            Some(instance) => match self.static_member_id(&instance).map(ToString::to_string) {
                Some(old) => self.join_replacing(cx, token, request, &instance, &old, id),
                None => self.add_member_then_rebalance(cx, token, request, id),
            },
            None if request.requires_known_member_id => {
                // KIP-394: a member that does not come back with the id leaves no trace.
                let deadline = cx.now.saturating_add(i64::from(request.session_timeout_ms));
                self.pending_join_members.insert(id.clone(), deadline);
                fail(cx, token, GroupError::MemberIdRequired, &id);
            }
            None => self.add_member_then_rebalance(cx, token, request, id),
        }
    }

    fn join_existing_member(&mut self, cx: &mut Context<'_>, token: Token, request: JoinGroup) {
        let member_id = request.member_id.clone();
        if self.is_pending_member(&member_id) {
            // Kafka throws where a pending (so: dynamic) member names an instance.
            if request.group_instance_id.is_some() {
                fail(cx, token, GroupError::UnknownMemberId, &member_id);
            } else {
                self.add_member_then_rebalance(cx, token, request, member_id);
            }
            return;
        }
        if let Err(error) = self.validate_member(&member_id, request.group_instance_id.as_deref()) {
            fail(cx, token, error, &member_id);
            return;
        }
        let matches =
            self.member(&member_id).is_some_and(|member| member.protocols == request.protocols);
        let what = match self.state {
            ClassicGroupState::PreparingRebalance => {
                format!("Member {member_id} is joining group during {}", self.state)
            }
            ClassicGroupState::CompletingRebalance if matches => {
                // It missed the answer to the join before.
                let members = self.members_for(&member_id);
                let reply = self.joined_reply(&member_id, members, false);
                cx.out.replies.push((token, reply));
                return;
            }
            ClassicGroupState::Stable if self.is_leader(&member_id) => {
                format!("Leader {member_id} re-joining group during {}", self.state)
            }
            ClassicGroupState::Stable if matches => {
                let reply = self.joined_reply(&member_id, Vec::new(), false);
                cx.out.replies.push((token, reply));
                return;
            }
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => {
                format!("Updating metadata for member {member_id} during {}", self.state)
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {
                fail(cx, token, GroupError::UnknownMemberId, &member_id);
                return;
            }
        };
        let reason = format!("{what}; client reason: {}", client_reason(&request));
        self.update_member(cx, &member_id, token, request);
        self.prepare_rebalance_or_complete_join(cx, reason);
    }

    fn add_member_then_rebalance(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: JoinGroup,
        member_id: String,
    ) {
        let reason = format!(
            "Adding new member {member_id} with group instance id {}; client reason: {}",
            request.group_instance_id.as_deref().unwrap_or("null"),
            client_reason(&request)
        );
        if self.state == ClassicGroupState::PreparingRebalance
            && self.previous_state == ClassicGroupState::Empty
        {
            self.new_member_added = true;
        }
        // The join may be parked for long, so a new member has longer than its session: enough for
        // a client that waits for its answer, and not for ever for one that gave up.
        let deadline = cx.now.saturating_add(i64::from(cx.config.new_member_join_timeout_ms));
        let member = ClassicGroupMember {
            member_id,
            group_instance_id: request.group_instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocol_type: request.protocol_type,
            protocols: request.protocols,
            assignment: Bytes::new(),
            awaiting_join: Some(token),
            awaiting_sync: None,
            is_new: true,
            session_deadline: Some(deadline),
        };
        self.add(cx, member);
        self.prepare_rebalance_or_complete_join(cx, reason);
    }

    fn update_member(
        &mut self,
        cx: &mut Context<'_>,
        member_id: &str,
        token: Token,
        request: JoinGroup,
    ) {
        let Some(member) = self.member_mut(member_id) else { return };
        member.protocols = request.protocols;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
        if let Some(superseded) = member.awaiting_join.replace(token) {
            // Kafka leaves the first join without an answer; here each is answered.
            fail(cx, superseded, GroupError::RebalanceInProgress, member_id);
        }
    }

    /// A static member came back without its member id (KIP-345): it takes its old place under a
    /// new id, and whoever uses the old id is fenced.
    fn join_replacing(
        &mut self,
        cx: &mut Context<'_>,
        token: Token,
        request: JoinGroup,
        instance: &str,
        old_member_id: &str,
        new_member_id: String,
    ) {
        let reason = client_reason(&request).to_string();
        let supports_skipping = request.supports_skipping_assignment;
        let old_leader = self.leader_id.clone();
        self.replace_static_member(cx, instance, old_member_id, &new_member_id);
        self.update_member(cx, &new_member_id, token, request);
        match self.state {
            ClassicGroupState::Stable => {
                if self.select_protocol() == self.protocol_name {
                    // Nothing changes for the others, so they are left alone.
                    cx.out.records.push(self.metadata_record());
                    if let Some(member) = self.member_mut(&new_member_id) {
                        member.awaiting_join = None;
                    }
                    let reply = if supports_skipping {
                        let is_leader = self.is_leader(&new_member_id);
                        let members = self.members_for(&new_member_id);
                        self.joined_reply(&new_member_id, members, is_leader)
                    } else {
                        // An old client would assign anew if it were told that it leads: it is
                        // told of the leader before it.
                        match self.joined_reply(&new_member_id, Vec::new(), false) {
                            Reply::JoinGroup(reply) => Reply::JoinGroup(JoinGroupReply {
                                leader: old_leader.unwrap_or_default(),
                                ..reply
                            }),
                            other @ Reply::SyncGroup(_) => other,
                        }
                    };
                    cx.out.replies.push((token, reply));
                } else {
                    self.prepare_rebalance_or_complete_join(
                        cx,
                        format!(
                            "Group's selectedProtocol will change because static member \
                             {new_member_id} with instance id {instance} joined with change of \
                             protocol; client reason: {reason}"
                        ),
                    );
                }
            }
            ClassicGroupState::CompletingRebalance => self.prepare_rebalance(
                cx,
                format!(
                    "Updating metadata for static member {new_member_id} with instance id \
                     {instance}; client reason: {reason}"
                ),
            ),
            ClassicGroupState::PreparingRebalance
            | ClassicGroupState::Empty
            | ClassicGroupState::Dead => self.maybe_complete_join_phase(cx),
        }
    }

    fn replace_static_member(
        &mut self,
        cx: &mut Context<'_>,
        instance: &str,
        old_member_id: &str,
        new_member_id: &str,
    ) {
        let Some(member) = self.member_mut(old_member_id) else { return };
        member.member_id = new_member_id.into();
        let join = member.awaiting_join.take();
        let sync = member.awaiting_sync.take();
        member.is_new = false;
        member.reschedule_heartbeat(cx.now);
        if let Some(token) = join {
            fail(cx, token, GroupError::FencedInstanceId, old_member_id);
        }
        if let Some(token) = sync {
            let reply = SyncGroupReply::failed(GroupError::FencedInstanceId);
            cx.out.replies.push((token, Reply::SyncGroup(reply)));
        }
        if self.pending_sync_members.remove(old_member_id) {
            self.pending_sync_members.insert(new_member_id.into());
        }
        if self.is_leader(old_member_id) {
            self.leader_id = Some(new_member_id.into());
        }
        cx.out.events.push(GroupEvent::StaticMemberReplaced {
            group_id: self.group_id.clone(),
            group_instance_id: instance.into(),
            old_member_id: old_member_id.into(),
            new_member_id: new_member_id.into(),
        });
    }

    /// All members for the leader, none for the others.
    pub(super) fn members_for(&self, member_id: &str) -> Vec<JoinGroupReplyMember> {
        if !self.is_leader(member_id) {
            return Vec::new();
        }
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        self.members
            .iter()
            .map(|member| JoinGroupReplyMember {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                metadata: member.metadata(protocol).cloned().unwrap_or_default(),
            })
            .collect()
    }

    pub(super) fn joined_reply(
        &self,
        member_id: &str,
        members: Vec<JoinGroupReplyMember>,
        skip_assignment: bool,
    ) -> Reply {
        Reply::JoinGroup(JoinGroupReply {
            error: None,
            generation_id: self.generation_id,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader_id.clone().unwrap_or_default(),
            skip_assignment,
            member_id: member_id.into(),
            members,
        })
    }
}

fn client_reason(request: &JoinGroup) -> &str {
    request.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("not provided")
}

/// `<client id>-<uuid>`, or `<group.instance.id>-<uuid>`; the uuid of version 4.
fn generate_member_id(request: &JoinGroup) -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0x3 << 62;
    let bits = request.new_member_uuid & !VERSION & !VARIANT | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}-{}",
        request.group_instance_id.as_deref().unwrap_or(&request.client_id),
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
