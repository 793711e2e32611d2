//! The assignors of the classic protocol: pure functions from what the members subscribe to and
//! the partitions there are, to who reads what. Equal to Java's, member by member.
//!
//! Source: `org.apache.kafka.clients.consumer.{Range,RoundRobin,Sticky,CooperativeSticky}Assignor`.
//! What Java leaves to the order of a HashMap is taken in the order of topics, partitions and
//! member ids here. Racks are not looked at: each behaves as where all brokers are in one rack.

mod cooperative_sticky;
mod range;
mod round_robin;
mod sticky;

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use crate::TopicPartition;
use crate::consumer_protocol::Subscription;

/// A member as an assignor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// What it subscribes to, and owns.
    pub subscription: Subscription,
    /// Of a static member: these keep their place in the order when their member id changes.
    pub group_instance_id: Option<String>,
}

/// The members by id.
pub type Subscriptions = SortedMap<String, GroupMember>;

/// How many partitions each topic has; a topic that does not exist is not in it.
pub type PartitionsPerTopic = SortedMap<String, i32>;

/// What each member is to read; every member is in it.
pub type Assignments = SortedMap<String, Vec<TopicPartition>>;

/// An assignor, by its name in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignor {
    /// `range`.
    Range,
    /// `roundrobin`.
    RoundRobin,
    /// `sticky`.
    Sticky,
    /// `cooperative-sticky`.
    CooperativeSticky,
}

impl Assignor {
    /// All, in the order of Kafka's documentation.
    pub const ALL: [Assignor; 4] =
        [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The name in JoinGroup.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The class in `partition.assignment.strategy`.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Range => "org.apache.kafka.clients.consumer.RangeAssignor",
            Self::RoundRobin => "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            Self::Sticky => "org.apache.kafka.clients.consumer.StickyAssignor",
            Self::CooperativeSticky => {
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
            }
        }
    }

    /// The assignor of this name in JoinGroup.
    pub fn by_name(name: &str) -> Option<Assignor> {
        Self::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// The assignor of this class.
    pub fn by_class_name(class: &str) -> Option<Assignor> {
        Self::ALL.into_iter().find(|assignor| assignor.class_name() == class)
    }

    /// Whether members keep what they own during a rebalance, and give up in a second one what
    /// another is to have (KIP-429).
    pub fn is_cooperative(self) -> bool {
        matches!(self, Self::CooperativeSticky)
    }

    /// `subscriptionUserData`: what goes into [`Subscription::user_data`] at a join, given what
    /// the member was last assigned (None before its first assignment) and in which generation.
    pub fn subscription_user_data(
        self,
        assigned: Option<&[TopicPartition]>,
        generation: i32,
    ) -> Option<Vec<u8>> {
        match self {
            Self::Range | Self::RoundRobin => None,
            Self::Sticky => assigned.map(|assigned| sticky::encode_user_data(assigned, generation)),
            Self::CooperativeSticky => Some(cooperative_sticky::encode_user_data(generation)),
        }
    }

    /// Divides the partitions of the topics that some member subscribes to.
    pub fn assign(self, partitions: &PartitionsPerTopic, members: &Subscriptions) -> Assignments {
        // As AbstractPartitionAssignor.assign: topics that nobody reads, or that have no
        // partitions, are not looked at.
        let partitions: PartitionsPerTopic = partitions
            .iter()
            .filter(|(topic, count)| {
                **count > 0
                    && members.values().any(|member| member.subscription.topics.contains(topic))
            })
            .map(|(topic, count)| (topic.clone(), *count))
            .collect();
        match self {
            Self::Range => range::assign(&partitions, members),
            Self::RoundRobin => round_robin::assign(&partitions, members),
            Self::Sticky => sticky::assign(&partitions, members, sticky::previous).assignments,
            Self::CooperativeSticky => cooperative_sticky::assign(&partitions, members),
        }
    }
}

/// The members in the order of `MemberInfo`: static ones first by instance, then by member id.
fn in_order(members: &Subscriptions) -> Vec<(&String, &GroupMember)> {
    let mut ordered: Vec<_> = members.iter().collect();
    logbrook_sorted::sort_by_key(&mut ordered, |(member_id, member)| {
        let instance = member.group_instance_id.as_ref();
        (instance.is_none(), instance, *member_id)
    });
    ordered
}

/// Every member with nothing.
fn nothing(members: &Subscriptions) -> Assignments {
    members.keys().map(|member_id| (member_id.clone(), Vec::new())).collect()
}

/// All partitions, by topic and index.
fn all_partitions(partitions: &PartitionsPerTopic) -> Vec<TopicPartition> {
    partitions
        .iter()
        .flat_map(|(topic, count)| {
            (0..*count).map(|index| TopicPartition::new(topic.clone(), index))
        })
        .collect()
}
