//! Whether a request's member, instance and generation are the group's.

use logbrook_planted::{Bug, planted};

use super::{ClassicGroup, ClassicGroupState, Context};
use crate::{GroupError, Heartbeat, OffsetCommit, SyncGroup, TxnOffsetCommit};

/// Whether a commit says that it comes from a member; else it is an admin client's, or a consumer's
/// outside group management.
fn names_member(generation_id: i32, member_id: &str, group_instance_id: Option<&str>) -> bool {
    generation_id >= 0 || !member_id.is_empty() || group_instance_id.is_some()
}

impl ClassicGroup {
    pub(super) fn validate_member(
        &self,
        member_id: &str,
        group_instance_id: Option<&str>,
    ) -> Result<(), GroupError> {
        if let Some(instance) = group_instance_id {
            match self.static_member_id(instance) {
                None => return Err(GroupError::UnknownMemberId),
                Some(existing) if existing != member_id => {
                    return Err(GroupError::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        if self.has_member(member_id) { Ok(()) } else { Err(GroupError::UnknownMemberId) }
    }

    /// The member is in the group, and in its generation.
    fn validate_generation(
        &self,
        generation_id: i32,
        member_id: &str,
        group_instance_id: Option<&str>,
    ) -> Result<(), GroupError> {
        self.validate_member(member_id, group_instance_id)?;
        if generation_id == self.generation_id {
            Ok(())
        } else {
            Err(GroupError::IllegalGeneration)
        }
    }

    pub(super) fn validate_sync_group(&self, request: &SyncGroup) -> Result<(), GroupError> {
        if self.state == ClassicGroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        let instance_id = request.group_instance_id.as_deref();
        self.validate_generation(request.generation_id, &request.member_id, instance_id)?;
        let inconsistent = |asked: Option<&str>, ours: Option<&str>| matches!((asked, ours), (Some(asked), Some(ours)) if asked != ours);
        if inconsistent(request.protocol_type.as_deref(), self.protocol_type())
            || inconsistent(request.protocol_name.as_deref(), self.protocol_name())
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        Ok(())
    }

    pub(crate) fn heartbeat(
        &mut self,
        cx: &mut Context<'_>,
        request: &Heartbeat,
    ) -> Result<(), GroupError> {
        if self.state == ClassicGroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        let instance_id = request.group_instance_id.as_deref();
        self.validate_generation(request.generation_id, &request.member_id, instance_id)?;
        self.restart_session(cx.now, &request.member_id);
        match self.state {
            ClassicGroupState::Empty | ClassicGroupState::Dead => Err(GroupError::UnknownMemberId),
            ClassicGroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            ClassicGroupState::CompletingRebalance | ClassicGroupState::Stable => Ok(()),
        }
    }

    fn restart_session(&mut self, now: i64, member_id: &str) {
        if let Some(member) = self.member_mut(member_id) {
            member.reschedule_heartbeat(now);
        }
    }

    /// `validateOffsetCommit`; a commit that is taken stands for a heartbeat.
    pub(crate) fn validate_offset_commit(
        &mut self,
        now: i64,
        request: &OffsetCommit,
    ) -> Result<(), GroupError> {
        if self.state == ClassicGroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        // From an admin client, or a consumer outside group management.
        if request.generation_id < 0 && self.state == ClassicGroupState::Empty {
            return Ok(());
        }
        let instance_id = request.group_instance_id.as_deref();
        if names_member(request.generation_id, &request.member_id, instance_id) {
            let valid =
                self.validate_generation(request.generation_id, &request.member_id, instance_id);
            if !planted(Bug::StaleCommitsAccepted) {
                valid?;
            }
        } else if self.state != ClassicGroupState::Empty {
            return Err(GroupError::UnknownMemberId);
        }
        if self.state == ClassicGroupState::CompletingRebalance {
            return Err(GroupError::RebalanceInProgress);
        }
        self.restart_session(now, &request.member_id);
        Ok(())
    }

    /// `validateOffsetCommit` of a transaction: the state of the group does not matter, and clients
    /// before KIP-447 do not say who they are.
    pub(crate) fn validate_txn_offset_commit(
        &self,
        request: &TxnOffsetCommit,
    ) -> Result<(), GroupError> {
        if self.state == ClassicGroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        if request.generation_id < 0 && self.state == ClassicGroupState::Empty {
            return Ok(());
        }
        let instance_id = request.group_instance_id.as_deref();
        if names_member(request.generation_id, &request.member_id, instance_id) {
            self.validate_generation(request.generation_id, &request.member_id, instance_id)?;
        }
        Ok(())
    }

    pub(crate) fn validate_offset_delete(&self) -> Result<(), GroupError> {
        match self.state {
            ClassicGroupState::Dead => Err(GroupError::GroupIdNotFound),
            ClassicGroupState::Stable
            | ClassicGroupState::PreparingRebalance
            | ClassicGroupState::CompletingRebalance => {
                if self.uses_consumer_group_protocol() {
                    Ok(())
                } else {
                    Err(GroupError::NonEmptyGroup)
                }
            }
            ClassicGroupState::Empty => Ok(()),
        }
    }

    pub(crate) fn validate_delete(&self) -> Result<(), GroupError> {
        match self.state {
            ClassicGroupState::Dead => Err(GroupError::GroupIdNotFound),
            ClassicGroupState::Stable
            | ClassicGroupState::PreparingRebalance
            | ClassicGroupState::CompletingRebalance => Err(GroupError::NonEmptyGroup),
            ClassicGroupState::Empty => Ok(()),
        }
    }

    /// Since when the retention of an offset counts, given when it was committed; None while none
    /// of the group's offsets may expire (`offsetExpirationCondition`).
    pub(crate) fn offset_retention_start(&self, commit_timestamp: i64) -> Option<i64> {
        if self.protocol_type.is_none() {
            Some(commit_timestamp)
        } else if self.state == ClassicGroupState::Empty {
            Some(self.current_state_timestamp.unwrap_or(commit_timestamp))
        } else if self.uses_consumer_group_protocol()
            && self.subscribed_topics.is_some()
            && self.state == ClassicGroupState::Stable
        {
            Some(commit_timestamp)
        } else {
            None
        }
    }
}
