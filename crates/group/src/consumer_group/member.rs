//! A member of a consumer group.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::assignment::{AssignmentWithEpochs, is_empty_assignment};
use crate::JoinGroupProtocol;
use crate::records::{
    ClassicMemberMetadata, ConsumerGroupMemberMetadataValue, CurrentMemberAssignmentValue,
};

/// Where a member stands with its assignment (`MemberState`).
///
/// ```text
///                 a newer target takes something away
///        Stable --------------------------------------> UnrevokedPartitions
///          ^  \                                           |   (it says that it gave it up)
///          |   \ a newer target gives what others hold    v
///          |    +----------------------------------> UnreleasedPartitions
///          +------------------------------------------------+  (the others gave it up)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// It has what the target assignment of its epoch says.
    Stable,
    /// It must give up partitions before it may go to the next epoch.
    UnrevokedPartitions,
    /// It is in the target's epoch, and waits for partitions that others have not given up yet.
    UnreleasedPartitions,
    /// A state of a later version, read from the log: the member is fenced and starts anew.
    Unknown,
}

impl MemberState {
    /// The number in the record.
    pub fn value(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }

    /// The state of a number in a record.
    pub fn from_value(value: i8) -> Self {
        match value {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }
}

/// A member of a consumer group (`ConsumerGroupMember`). All of it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupMember {
    pub(crate) member_id: String,
    pub(crate) member_epoch: i32,
    pub(crate) previous_member_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) subscribed_topic_names: SortedSet<String>,
    pub(crate) subscribed_topic_regex: Option<String>,
    pub(crate) server_assignor: Option<String>,
    pub(crate) assigned_partitions: AssignmentWithEpochs,
    pub(crate) partitions_pending_revocation: AssignmentWithEpochs,
    /// Of a member that uses the classic protocol.
    pub(crate) classic: Option<ClassicMemberMetadata>,
}

impl ConsumerGroupMember {
    /// A member that has not joined yet.
    pub(crate) fn new(member_id: &str) -> Self {
        Self {
            member_id: member_id.into(),
            member_epoch: 0,
            previous_member_epoch: -1,
            state: MemberState::Stable,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: -1,
            client_id: String::new(),
            client_host: String::new(),
            subscribed_topic_names: SortedSet::new(),
            subscribed_topic_regex: Some(String::new()),
            server_assignor: None,
            assigned_partitions: SortedMap::new(),
            partitions_pending_revocation: SortedMap::new(),
            classic: None,
        }
    }

    /// Its id.
    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    /// Its epoch: the target assignment that it has reached. -2 of a static member that left for
    /// a while.
    pub fn member_epoch(&self) -> i32 {
        self.member_epoch
    }

    /// Where it stands with its assignment.
    pub fn state(&self) -> MemberState {
        self.state
    }

    /// Its `group.instance.id`.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }

    /// Its `client.rack`.
    pub fn rack_id(&self) -> Option<&str> {
        self.rack_id.as_deref()
    }

    /// The client.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Its host, `/127.0.0.1`.
    pub fn client_host(&self) -> &str {
        &self.client_host
    }

    /// The topics that it subscribes to by name.
    pub fn subscribed_topic_names(&self) -> &SortedSet<String> {
        &self.subscribed_topic_names
    }

    /// What it may read: of each topic the partitions, each with the epoch in which it was given.
    pub fn assigned_partitions(&self) -> &AssignmentWithEpochs {
        &self.assigned_partitions
    }

    /// What it must give up.
    pub fn partitions_pending_revocation(&self) -> &AssignmentWithEpochs {
        &self.partitions_pending_revocation
    }

    /// Whether it speaks JoinGroup, SyncGroup and Heartbeat.
    pub fn uses_classic_protocol(&self) -> bool {
        self.classic.is_some()
    }

    /// The regular expression that it subscribes to; None for the empty one too.
    pub fn regex(&self) -> Option<&str> {
        self.subscribed_topic_regex.as_deref().filter(|regex| !regex.is_empty())
    }

    pub(crate) fn classic_protocols(&self) -> &[JoinGroupProtocol] {
        self.classic.as_ref().map_or(&[], |classic| &classic.supported_protocols)
    }

    /// `ModernGroupMember.isReconciledTo`.
    pub(crate) fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.member_epoch == target_epoch
    }

    /// `Builder.updateMemberEpoch`.
    pub(crate) fn update_member_epoch(&mut self, member_epoch: i32) {
        self.previous_member_epoch = self.member_epoch;
        self.member_epoch = member_epoch;
    }

    /// The epoch in which it was given a partition that it has not given up.
    pub(crate) fn assignment_epoch(
        &self,
        topic_id: &crate::TopicId,
        partition: i32,
    ) -> Option<i32> {
        let of =
            |assignment: &AssignmentWithEpochs| assignment.get(topic_id)?.get(&partition).copied();
        of(&self.assigned_partitions).or_else(|| of(&self.partitions_pending_revocation))
    }

    /// What a member record says of it.
    pub(crate) fn metadata_value(&self) -> ConsumerGroupMemberMetadataValue {
        ConsumerGroupMemberMetadataValue {
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            subscribed_topic_names: self.subscribed_topic_names.iter().cloned().collect(),
            subscribed_topic_regex: self.subscribed_topic_regex.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            server_assignor: self.server_assignor.clone(),
            classic_member_metadata: self.classic.clone(),
        }
    }

    pub(crate) fn update_with_metadata(&mut self, value: &ConsumerGroupMemberMetadataValue) {
        self.instance_id = value.instance_id.clone();
        self.rack_id = value.rack_id.clone();
        self.client_id = value.client_id.clone();
        self.client_host = value.client_host.clone();
        self.subscribed_topic_names = value.subscribed_topic_names.iter().cloned().collect();
        self.subscribed_topic_regex = value.subscribed_topic_regex.clone();
        self.rebalance_timeout_ms = value.rebalance_timeout_ms;
        self.server_assignor = value.server_assignor.clone();
        self.classic = value.classic_member_metadata.clone();
    }

    /// What an assignment record says of it.
    pub(crate) fn assignment_value(&self) -> CurrentMemberAssignmentValue {
        CurrentMemberAssignmentValue {
            member_epoch: self.member_epoch,
            previous_member_epoch: self.previous_member_epoch,
            state: self.state.value(),
            assigned_partitions: self.assigned_partitions.clone(),
            partitions_pending_revocation: self.partitions_pending_revocation.clone(),
        }
    }

    pub(crate) fn update_with_assignment(&mut self, value: &CurrentMemberAssignmentValue) {
        self.member_epoch = value.member_epoch;
        self.previous_member_epoch = value.previous_member_epoch;
        self.state = MemberState::from_value(value.state);
        self.assigned_partitions = value.assigned_partitions.clone();
        self.partitions_pending_revocation = value.partitions_pending_revocation.clone();
    }

    /// What it holds, given up or not: of each topic the partitions.
    pub(crate) fn held_partitions(&self) -> Vec<(crate::TopicId, i32)> {
        let all = [&self.assigned_partitions, &self.partitions_pending_revocation];
        all.into_iter()
            .flat_map(|assignment| assignment.iter())
            .flat_map(|(topic, partitions)| partitions.keys().map(|partition| (*topic, *partition)))
            .collect()
    }

    pub(crate) fn must_revoke(&self) -> bool {
        !is_empty_assignment(&self.partitions_pending_revocation)
    }
}
