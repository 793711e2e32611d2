//! The assignors of the coordinator (KIP-848): what `group.consumer.assignors` names.
//!
//! They work on topic ids, and take the target assignment before as the start: who has something
//! keeps it where that is fair. Source: `UniformAssignor`, `RangeAssignor` of `group-coordinator`.

mod range;
mod uniform_heterogeneous;
mod uniform_homogeneous;

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use crate::TopicId;
use crate::consumer_group::{Assignment, SubscriptionType};

/// An assignor that the coordinator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerAssignor {
    /// Even, and moves as little as it can.
    Uniform,
    /// Of each topic a range of neighbours, so that topics with equal partitions stay together.
    Range,
}

impl ServerAssignor {
    /// The name in configurations and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of a name, or of the Java class that Kafka has for it.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "uniform" | "org.apache.kafka.coordinator.group.assignor.UniformAssignor" => {
                Some(Self::Uniform)
            }
            "range" | "org.apache.kafka.coordinator.group.assignor.RangeAssignor" => {
                Some(Self::Range)
            }
            _ => None,
        }
    }

    /// What each member is to have.
    pub fn assign(
        self,
        spec: &GroupSpec<'_>,
    ) -> Result<SortedMap<String, Assignment>, PartitionAssignorError> {
        if spec.members.is_empty() {
            return Ok(SortedMap::new());
        }
        match (self, spec.subscription_type) {
            (Self::Uniform, SubscriptionType::Homogeneous) => uniform_homogeneous::assign(spec),
            (Self::Uniform, SubscriptionType::Heterogeneous) => uniform_heterogeneous::assign(spec),
            (Self::Range, _) => range::assign(spec),
        }
    }
}

/// What an assignor is asked (`GroupSpec`, `SubscribedTopicDescriber`).
pub struct GroupSpec<'a> {
    /// The members in order of their ids.
    pub members: Vec<MemberSpec>,
    /// Whether they all subscribe to the same topics.
    pub subscription_type: SubscriptionType,
    /// The number of partitions of a topic; None where there is no such topic.
    pub partitions: &'a dyn Fn(&TopicId) -> Option<i32>,
}

/// A member, for an assignor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSpec {
    /// Its id.
    pub member_id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// What it subscribes to.
    pub subscribed_topic_ids: SortedSet<TopicId>,
    /// Its target before.
    pub assignment: Assignment,
}

/// A member subscribes to a topic that does not exist (`PartitionAssignorException`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionAssignorError {
    message: &'static str,
}

impl core::fmt::Display for PartitionAssignorError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message)
    }
}

impl core::error::Error for PartitionAssignorError {}

impl GroupSpec<'_> {
    fn partitions_of(&self, topic: &TopicId) -> Result<i32, PartitionAssignorError> {
        (self.partitions)(topic).ok_or(PartitionAssignorError {
            message: "Member is subscribed to a non-existent topic",
        })
    }
}
