//! Whether a request's member, instance and epoch are the group's.

use alloc::format;

use logbrook_planted::{Bug, planted};

use super::{
    ConsumerGroup, ConsumerGroupMember, LEAVE_GROUP_STATIC_MEMBER_EPOCH, TopicPartitionsList,
};
use crate::{GroupError, GroupFailure, OffsetCommit, TopicId, TopicPartition};

impl ConsumerGroup {
    /// The member, or `UNKNOWN_MEMBER_ID`.
    pub(crate) fn member_or_fail(
        &self,
        member_id: &str,
    ) -> Result<&ConsumerGroupMember, GroupFailure> {
        self.members.get(member_id).ok_or_else(|| {
            GroupFailure::new(
                GroupError::UnknownMemberId,
                format!("Member {member_id} is not a member of group {}.", self.group_id),
            )
        })
    }

    /// The static member behind an instance id, as `throwIfStaticMemberIsUnknown` wants it.
    pub(crate) fn static_member_or_fail(
        &self,
        instance_id: &str,
    ) -> Result<&ConsumerGroupMember, GroupFailure> {
        self.static_member(instance_id).ok_or_else(|| {
            GroupFailure::new(
                GroupError::UnknownMemberId,
                format!("Instance id {instance_id} is unknown."),
            )
        })
    }

    /// The member of a request of the classic protocol (`validateConsumerGroupMember`, and
    /// `throwIfMemberDoesNotUseClassicProtocol`).
    pub(crate) fn classic_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<&ConsumerGroupMember, GroupError> {
        let member = match instance_id {
            None => self.members.get(member_id).ok_or(GroupError::UnknownMemberId)?,
            Some(instance) => {
                let member = self.static_member(instance).ok_or(GroupError::UnknownMemberId)?;
                if member.member_id != member_id {
                    return Err(GroupError::FencedInstanceId);
                }
                member
            }
        };
        if member.uses_classic_protocol() { Ok(member) } else { Err(GroupError::UnknownMemberId) }
    }

    /// Whether a commit of the request may be taken, apart from single partitions:
    /// `validateOffsetCommit`. The answer says whether each partition must be asked for
    /// ([`validate_commit_of`](Self::validate_commit_of)).
    pub(crate) fn validate_offset_commit(
        &self,
        request: &OffsetCommit,
        is_transactional: bool,
    ) -> Result<PartitionCheck, GroupError> {
        let epoch = request.generation_id;
        if epoch < 0 && self.members.is_empty() {
            return Ok(PartitionCheck::None);
        }
        let names_nobody = request.member_id.is_empty() && request.group_instance_id.is_none();
        if is_transactional && epoch == -1 && names_nobody {
            return Ok(PartitionCheck::None);
        }
        let member = self.members.get(&request.member_id).ok_or(GroupError::UnknownMemberId)?;
        // Clients that do not know member epochs cannot be told of stale ones.
        if !is_transactional && !member.uses_classic_protocol() && !request.knows_group_id_not_found
        {
            return Err(GroupError::UnsupportedVersion);
        }
        if epoch == member.member_epoch || planted(Bug::StaleCommitsAccepted) {
            Ok(PartitionCheck::None)
        } else if epoch > member.member_epoch {
            Err(stale(member))
        } else {
            Ok(PartitionCheck::AssignmentEpoch)
        }
    }

    /// Whether a member of an older epoch may commit for a partition: it has had it since that
    /// epoch or before.
    pub(crate) fn validate_commit_of(
        &self,
        request: &OffsetCommit,
        topic_id: &TopicId,
    ) -> impl Fn(&TopicPartition) -> Result<(), GroupError> {
        let member = self.members.get(&request.member_id);
        move |partition| {
            let member = member.ok_or(GroupError::UnknownMemberId)?;
            match member.assignment_epoch(topic_id, partition.partition) {
                Some(epoch) if request.generation_id >= epoch => Ok(()),
                Some(_) | None => Err(stale(member)),
            }
        }
    }

    /// `validateOffsetFetch`: a reader that names itself must be in its epoch.
    pub(crate) fn validate_offset_fetch(
        &self,
        member_id: Option<&str>,
        member_epoch: i32,
    ) -> Result<(), GroupError> {
        let Some(member_id) = member_id else {
            return if member_epoch < 0 { Ok(()) } else { Err(GroupError::UnknownMemberId) };
        };
        let member = self.members.get(member_id).ok_or(GroupError::UnknownMemberId)?;
        if member.member_epoch == member_epoch { Ok(()) } else { Err(stale(member)) }
    }
}

/// What is left to check of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartitionCheck {
    /// Nothing.
    None,
    /// Each partition's assignment epoch.
    AssignmentEpoch,
}

fn stale(member: &ConsumerGroupMember) -> GroupError {
    if member.uses_classic_protocol() {
        GroupError::IllegalGeneration
    } else {
        GroupError::StaleMemberEpoch
    }
}

impl ConsumerGroupMember {
    /// `throwIfConsumerGroupMemberEpochIsInvalid`: 0 joins anew; the epoch before is taken from
    /// who may have missed the answer that raised it.
    pub(crate) fn validate_epoch(
        &self,
        received: i32,
        owned: Option<&TopicPartitionsList>,
    ) -> Result<(), GroupFailure> {
        let than = if received == 0 || received == self.member_epoch {
            return Ok(());
        } else if received > self.member_epoch {
            "greater"
        } else if received == self.previous_member_epoch
            && super::is_subset(owned, &self.assigned_partitions)
        {
            return Ok(());
        } else {
            "smaller"
        };
        Err(GroupFailure::new(
            GroupError::FencedMemberEpoch,
            format!(
                "The consumer group member has a {than} member epoch ({received}) than the one \
                 known by the group coordinator ({}). The member must abandon all its partitions \
                 and rejoin.",
                self.member_epoch
            ),
        ))
    }

    /// `throwIfInstanceIdIsUnreleased`: another holds the instance id and has not left.
    pub(crate) fn validate_released(
        &self,
        member_id: &str,
        instance_id: &str,
    ) -> Result<(), GroupFailure> {
        if self.member_epoch == LEAVE_GROUP_STATIC_MEMBER_EPOCH {
            return Ok(());
        }
        Err(GroupFailure::new(
            GroupError::UnreleasedInstanceId,
            format!(
                "Static member {member_id} with instance id {instance_id} cannot join the group \
                 because the instance id is owned by {} member.",
                self.member_id
            ),
        ))
    }

    /// `throwIfInstanceIdIsFenced`.
    pub(crate) fn validate_instance(
        &self,
        member_id: &str,
        instance_id: &str,
    ) -> Result<(), GroupFailure> {
        if self.member_id == member_id {
            return Ok(());
        }
        Err(GroupFailure::new(
            GroupError::FencedInstanceId,
            format!(
                "Static member {member_id} with instance id {instance_id} was fenced by member {}.",
                self.member_id
            ),
        ))
    }
}
