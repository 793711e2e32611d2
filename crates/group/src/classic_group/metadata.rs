//! The group as its record says, both ways.

use alloc::string::ToString;
use alloc::vec;

use super::{ClassicGroup, ClassicGroupMember, ClassicGroupState};
use crate::records::{GroupMetadataValue, MemberMetadata};
use crate::{GroupDescription, GroupRecord, GroupType, JoinGroupProtocol, ListedGroup};

impl ClassicGroup {
    /// `newEmptyGroupMetadataRecord`: what is written when a group comes into being.
    pub(crate) fn empty_metadata_record(&self) -> GroupRecord {
        GroupRecord::GroupMetadata {
            group_id: self.group_id.clone(),
            value: Some(GroupMetadataValue {
                protocol_type: "".into(),
                generation: 0,
                protocol: None,
                leader: None,
                current_state_timestamp: self.current_state_timestamp.unwrap_or(-1),
                members: vec![],
            }),
        }
    }

    /// `newGroupMetadataRecord`: the generation, its members and their assignments.
    pub(super) fn metadata_record(&self) -> GroupRecord {
        let protocol = self.protocol_name.as_deref();
        GroupRecord::GroupMetadata {
            group_id: self.group_id.clone(),
            value: Some(GroupMetadataValue {
                protocol_type: self.protocol_type.clone().unwrap_or_default(),
                generation: self.generation_id,
                protocol: self.protocol_name.clone(),
                leader: self.leader_id.clone(),
                current_state_timestamp: self.current_state_timestamp.unwrap_or(-1),
                members: self
                    .members
                    .iter()
                    .map(|member| MemberMetadata {
                        member_id: member.member_id.clone(),
                        group_instance_id: member.group_instance_id.clone(),
                        client_id: member.client_id.clone(),
                        client_host: member.client_host.clone(),
                        rebalance_timeout_ms: member.rebalance_timeout_ms,
                        session_timeout_ms: member.session_timeout_ms,
                        subscription: protocol
                            .and_then(|name| member.metadata(name))
                            .cloned()
                            .unwrap_or_default(),
                        assignment: member.assignment.clone(),
                    })
                    .collect(),
            }),
        }
    }

    /// The group as a record tells of it: Stable with members, else Empty. Sessions start at `now`.
    pub(crate) fn from_metadata(group_id: &str, value: &GroupMetadataValue, now: i64) -> Self {
        let mut group = Self::new(group_id, now);
        group.state = if value.members.is_empty() {
            ClassicGroupState::Empty
        } else {
            ClassicGroupState::Stable
        };
        group.generation_id = value.generation;
        group.protocol_type =
            Some(value.protocol_type.clone()).filter(|protocol_type| !protocol_type.is_empty());
        group.protocol_name = value.protocol.clone();
        let first = value.members.first().map(|member| &member.member_id);
        group.leader_id = value.leader.as_ref().or(first).cloned();
        group.current_state_timestamp =
            Some(value.current_state_timestamp).filter(|timestamp| *timestamp != -1);
        for member in &value.members {
            let mut member = ClassicGroupMember {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocol_type: value.protocol_type.clone(),
                protocols: vec![JoinGroupProtocol {
                    name: value.protocol.clone().unwrap_or_default(),
                    metadata: member.subscription.clone(),
                }],
                assignment: member.assignment.clone(),
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
                session_deadline: None,
            };
            member.reschedule_heartbeat(now);
            group.members.push(member);
        }
        group.subscribed_topics = group.compute_subscribed_topics();
        group
    }

    /// The group as DescribeGroups tells of it.
    pub fn describe(&self) -> GroupDescription {
        let protocol =
            self.protocol_name.as_deref().filter(|_| self.state == ClassicGroupState::Stable);
        GroupDescription {
            group_id: self.group_id.clone(),
            state: self.state,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: protocol.unwrap_or_default().to_string(),
            generation_id: self.generation_id,
            members: self.members.iter().map(|member| member.describe(protocol)).collect(),
        }
    }

    pub(crate) fn listed(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.group_id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            state: self.state.name(),
            group_type: GroupType::Classic,
        }
    }
}
