//! The group as ConsumerGroupDescribe and ListGroups tell of it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Assignment, ConsumerGroup, ConsumerGroupMember, ConsumerGroupState, without_epochs};
use crate::TopicsImage;

/// A group as ConsumerGroupDescribe tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupDescription {
    /// The group.
    pub group_id: String,
    /// Its state.
    pub state: ConsumerGroupState,
    /// The group's epoch.
    pub group_epoch: i32,
    /// The epoch of the target assignment.
    pub assignment_epoch: i32,
    /// The assignor that most members ask for, or the broker's first.
    pub assignor_name: String,
    /// The members by id.
    pub members: Vec<ConsumerGroupMemberDescription>,
}

/// A member as ConsumerGroupDescribe tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMemberDescription {
    /// The member.
    pub member_id: String,
    /// Of a static member.
    pub instance_id: Option<String>,
    /// Its rack.
    pub rack_id: Option<String>,
    /// Its epoch.
    pub member_epoch: i32,
    /// The client.
    pub client_id: String,
    /// Its host.
    pub client_host: String,
    /// The topics that it names, sorted.
    pub subscribed_topic_names: Vec<String>,
    /// Its regular expression.
    pub subscribed_topic_regex: Option<String>,
    /// What it holds, with what it is to give up.
    pub assignment: Vec<DescribedPartitions>,
    /// What it is to have.
    pub target_assignment: Vec<DescribedPartitions>,
    /// Whether it uses the classic protocol.
    pub uses_classic_protocol: bool,
}

/// Partitions of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedPartitions {
    /// The topic's id.
    pub topic_id: crate::TopicId,
    /// The topic's name.
    pub topic_name: String,
    /// The partitions, sorted.
    pub partitions: Vec<i32>,
}

impl ConsumerGroup {
    /// The group as ConsumerGroupDescribe tells of it; topics that are gone are left out.
    pub(crate) fn describe(
        &self,
        default_assignor: &str,
        image: &TopicsImage,
    ) -> ConsumerGroupDescription {
        ConsumerGroupDescription {
            group_id: self.group_id.clone(),
            state: self.state(),
            group_epoch: self.group_epoch,
            assignment_epoch: self.assignment_epoch,
            assignor_name: self.preferred_server_assignor().unwrap_or(default_assignor.into()),
            members: self.members.values().map(|m| self.describe_member(m, image)).collect(),
        }
    }

    fn describe_member(
        &self,
        member: &ConsumerGroupMember,
        image: &TopicsImage,
    ) -> ConsumerGroupMemberDescription {
        let mut held = without_epochs(&member.assigned_partitions);
        for (topic, partitions) in &member.partitions_pending_revocation {
            held.entry(*topic).or_default().extend(partitions.keys().copied());
        }
        let target = self.target_assignment.get(&member.member_id);
        ConsumerGroupMemberDescription {
            member_id: member.member_id.clone(),
            instance_id: member.instance_id.clone(),
            rack_id: member.rack_id.clone(),
            member_epoch: member.member_epoch,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscribed_topic_names: member.subscribed_topic_names.iter().cloned().collect(),
            subscribed_topic_regex: member.subscribed_topic_regex.clone(),
            assignment: described(&held, image),
            target_assignment: target.map(|t| described(t, image)).unwrap_or_default(),
            uses_classic_protocol: member.uses_classic_protocol(),
        }
    }
}

fn described(assignment: &Assignment, image: &TopicsImage) -> Vec<DescribedPartitions> {
    assignment
        .iter()
        .filter_map(|(topic_id, partitions)| {
            Some(DescribedPartitions {
                topic_id: *topic_id,
                topic_name: image.name(topic_id)?.into(),
                partitions: partitions.iter().copied().collect(),
            })
        })
        .collect()
}
