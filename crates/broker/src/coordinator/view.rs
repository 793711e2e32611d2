//! What can be seen of the groups from outside, for views and graders.

use logbrook_group::consumer_protocol::{Assignment, PROTOCOL_TYPE};
use logbrook_group::{ClassicGroup, ClassicGroupMember, ConsumerGroup, Groups, TopicPartition};

use super::partition_of;
use crate::Broker;

/// A group as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group_id: String,
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable`; of a consumer group (KIP-848)
    /// `Empty`, `Assigning`, `Reconciling`, `Stable`.
    pub state: &'static str,
    /// Whether it is a group of the consumer protocol (KIP-848).
    pub is_consumer_group: bool,
    /// `consumer`; empty for a group that only commits offsets.
    pub protocol_type: String,
    /// The assignor chosen for the generation; empty where there is none.
    pub protocol: String,
    /// The generation; of a consumer group its epoch.
    pub generation_id: i32,
    /// The broker that coordinates it.
    pub coordinator: i32,
    /// The leader's member id; empty where there is none.
    pub leader: String,
    /// When the joining ends (ms since the epoch), while it lasts.
    pub join_deadline_ms: Option<i64>,
    /// The members in the order of their joining.
    pub members: Vec<GroupMemberDescription>,
}

/// A member as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMemberDescription {
    /// Its id.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// The client's id.
    pub client_id: String,
    /// Its host, `/127.0.0.1`.
    pub host: String,
    /// Its member epoch; of a classic group the generation.
    pub member_epoch: i32,
    /// What it is to read; during a rebalance what it had before. Empty for other protocols than
    /// consumers'.
    pub assignment: Vec<(String, i32)>,
    /// When it is removed unless it shows itself before (ms since the epoch).
    pub session_deadline_ms: Option<i64>,
    /// Whether its JoinGroup is parked.
    pub is_awaiting_join: bool,
    /// Whether its SyncGroup is parked.
    pub is_awaiting_sync: bool,
}

impl Broker {
    /// The groups that this broker coordinates, by id.
    pub fn groups(&self) -> Vec<GroupDescription> {
        let shards = self.coordinator.shards.values();
        let mut groups: Vec<GroupDescription> = shards
            .flat_map(|shard| {
                let classic = shard.groups().map(|group| describe(group, self.config.node_id));
                let consumer = shard
                    .consumer_groups()
                    .map(|group| describe_consumer_group(shard, group, self.config.node_id));
                classic.chain(consumer).collect::<Vec<_>>()
            })
            .collect();
        logbrook_sorted::sort_by(&mut groups, |a, b| a.group_id.cmp(&b.group_id));
        groups
    }

    /// The committed offset of a group for a partition.
    pub fn committed(&self, group_id: &str, topic: &str, partition: i32) -> Option<i64> {
        let shard = self.coordinator.shards.get(&partition_of(self, group_id))?;
        let fetched = shard.committed(group_id, &TopicPartition::new(topic, partition))?;
        Some(fetched.offset)
    }

    /// All committed offsets of a group: topic, partition, offset.
    pub fn committed_offsets(&self, group_id: &str) -> Vec<(String, i32, i64)> {
        let shard = self.coordinator.shards.get(&partition_of(self, group_id));
        shard
            .and_then(|shard| shard.durable().offsets.get(group_id))
            .into_iter()
            .flatten()
            .map(|(partition, value)| (partition.topic.clone(), partition.partition, value.offset))
            .collect()
    }
}

fn describe(group: &ClassicGroup, coordinator: i32) -> GroupDescription {
    let is_consumers = group.protocol_type() == Some(PROTOCOL_TYPE);
    GroupDescription {
        group_id: group.group_id().to_owned(),
        state: group.state().name(),
        is_consumer_group: false,
        protocol_type: group.protocol_type().unwrap_or_default().to_owned(),
        protocol: group.protocol_name().unwrap_or_default().to_owned(),
        generation_id: group.generation_id(),
        coordinator,
        leader: group.leader().unwrap_or_default().to_owned(),
        join_deadline_ms: group.join_deadline(),
        members: group
            .members()
            .iter()
            .map(|member| describe_member(member, group.generation_id(), is_consumers))
            .collect(),
    }
}

fn describe_consumer_group(
    shard: &Groups,
    group: &ConsumerGroup,
    coordinator: i32,
) -> GroupDescription {
    let described = shard.consumer_group_describe(group.group_id()).ok();
    let protocol = described.as_ref().map(|group| group.assignor_name.clone());
    let members = described.into_iter().flat_map(|group| group.members).map(|member| {
        let partitions = |topic: logbrook_group::DescribedPartitions| {
            let name = topic.topic_name;
            topic.partitions.into_iter().map(move |partition| (name.clone(), partition))
        };
        GroupMemberDescription {
            session_deadline_ms: shard
                .consumer_group_timers(group.group_id())
                .and_then(|timers| timers.session_deadline(&member.member_id)),
            member_id: member.member_id,
            group_instance_id: member.instance_id,
            client_id: member.client_id,
            host: member.client_host,
            member_epoch: member.member_epoch,
            assignment: member.assignment.into_iter().flat_map(partitions).collect(),
            is_awaiting_join: false,
            is_awaiting_sync: false,
        }
    });
    GroupDescription {
        group_id: group.group_id().to_owned(),
        state: group.state().name(),
        is_consumer_group: true,
        protocol_type: PROTOCOL_TYPE.to_owned(),
        protocol: protocol.unwrap_or_default(),
        generation_id: group.group_epoch(),
        coordinator,
        leader: String::new(),
        join_deadline_ms: None,
        members: members.collect(),
    }
}

fn describe_member(
    member: &ClassicGroupMember,
    generation_id: i32,
    is_consumer: bool,
) -> GroupMemberDescription {
    let assignment = if is_consumer {
        Assignment::decode(member.assignment()).unwrap_or_default().partitions
    } else {
        Vec::new()
    };
    GroupMemberDescription {
        member_id: member.member_id().to_owned(),
        group_instance_id: member.group_instance_id().map(str::to_owned),
        client_id: member.client_id().to_owned(),
        host: member.client_host().to_owned(),
        member_epoch: generation_id,
        assignment: assignment
            .into_iter()
            .map(|partition| (partition.topic, partition.partition))
            .collect(),
        session_deadline_ms: member.session_deadline(),
        is_awaiting_join: member.is_awaiting_join(),
        is_awaiting_sync: member.is_awaiting_sync(),
    }
}
