//! From a consumer group (KIP-848), and to one.

use alloc::vec::Vec;

use super::{ClassicGroup, ClassicGroupMember, ClassicGroupState, Context};
use crate::consumer_group::{ConsumerGroup, ConsumerGroupMember};
use crate::consumer_protocol::{self, Subscription};
use crate::{GroupError, JoinGroupReply, Reply, SyncGroupReply, TopicPartition, TopicsImage};

impl ClassicGroup {
    /// A classic group of the members of a consumer group that use the classic protocol, each with
    /// its target assignment (`ClassicGroup.fromConsumerGroup`). `joining` takes the place of the
    /// static member with its instance id. None where a member's subscription cannot be read.
    pub(crate) fn from_consumer_group(
        group: &ConsumerGroup,
        members: &[&ConsumerGroupMember],
        joining: Option<&ConsumerGroupMember>,
        now: i64,
        image: &TopicsImage,
    ) -> Option<Self> {
        let mut classic = Self::new(group.group_id(), now);
        classic.state = ClassicGroupState::Stable;
        classic.generation_id = group.group_epoch();
        classic.protocol_type = Some(consumer_protocol::PROTOCOL_TYPE.into());
        for member in members.iter().copied().chain(joining) {
            let metadata = member.classic.as_ref()?;
            let mut added = ClassicGroupMember {
                member_id: member.member_id.clone(),
                group_instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: metadata.session_timeout_ms,
                protocol_type: consumer_protocol::PROTOCOL_TYPE.into(),
                protocols: metadata.supported_protocols.clone(),
                assignment: bytes::Bytes::new(),
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
                session_deadline: None,
            };
            added.reschedule_heartbeat(now);
            classic.leader_id.get_or_insert_with(|| added.member_id.clone());
            classic.members.push(added);
        }
        classic.protocol_name = classic.select_protocol();
        classic.subscribed_topics = classic.compute_subscribed_topics();
        let protocol = classic.protocol_name.clone()?;
        for member in &mut classic.members {
            let of = match joining {
                Some(joining) if joining.member_id == member.member_id => {
                    group.static_member(joining.instance_id.as_deref()?)?.member_id()
                }
                _ => member.member_id.as_str(),
            };
            let version = Subscription::decode_version(member.metadata(&protocol)?).ok()?;
            let target = group.target_assignment(of).cloned().unwrap_or_default();
            let partitions = target
                .iter()
                .filter_map(|(topic, partitions)| Some((image.name(topic)?, partitions)))
                .flat_map(|(name, partitions)| {
                    partitions.iter().map(move |partition| TopicPartition::new(name, *partition))
                })
                .collect();
            let assignment = consumer_protocol::Assignment::of(partitions);
            member.assignment = assignment.encode_version(version).into();
        }
        Some(classic)
    }

    /// The group becomes a consumer group: whoever waits joins again, there
    /// (`completeAllJoinFutures`, `completeAllSyncFutures`).
    pub(crate) fn become_consumer_group(&mut self, cx: &mut Context<'_>) {
        let error = GroupError::RebalanceInProgress;
        for member in &mut self.members {
            if let Some(token) = member.awaiting_join.take() {
                let reply = JoinGroupReply::failed(error, &member.member_id);
                cx.out.replies.push((token, Reply::JoinGroup(reply)));
            }
            if let Some(token) = member.awaiting_sync.take() {
                let reply = SyncGroupReply::failed(error);
                cx.out.replies.push((token, Reply::SyncGroup(reply)));
            }
        }
    }

    /// The names of a member's protocols.
    pub(crate) fn protocol_names(protocols: &[crate::JoinGroupProtocol]) -> Vec<&str> {
        protocols.iter().map(|protocol| protocol.name.as_str()).collect()
    }

    /// The record with the group's members and assignments.
    pub(crate) fn record(&self) -> crate::GroupRecord {
        self.metadata_record()
    }
}
