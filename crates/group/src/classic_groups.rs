//! The groups of one partition of `__consumer_offsets`, and the operations on them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    ClassicGroup, ClassicGroupState, Decided, Decision, DeletedGroup, FetchedOffset, GroupConfig,
    GroupDescription, GroupError, GroupRecord, Heartbeat, JoinGroup, LeaveGroup, LeftMember,
    ListedGroup, OffsetCommit, OffsetDelete, OffsetFetch, OffsetResult, SyncGroup, Token,
    TopicPartition,
};

/// The groups of one partition of `__consumer_offsets`.
///
/// One coordinator may hold all its groups in one of these, or one a partition.
#[derive(Clone, Debug)]
pub struct ClassicGroups {
    config: GroupConfig,
}

impl ClassicGroups {
    /// No groups.
    pub fn new(config: GroupConfig) -> Self {
        Self { config }
    }

    /// The configuration.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// JoinGroup. The answer comes in a [`Decision`] of this or of a later call, under `token`.
    pub fn join_group(&mut self, now: i64, token: Token, request: JoinGroup) -> Decision {
        let _ = (now, token, request);
        Decision::default()
    }

    /// SyncGroup. The answer comes in a [`Decision`] of this or of a later call, under `token`.
    pub fn sync_group(&mut self, now: i64, token: Token, request: SyncGroup) -> Decision {
        let _ = (now, token, request);
        Decision::default()
    }

    /// Heartbeat.
    pub fn heartbeat(&mut self, now: i64, request: &Heartbeat) -> Result<(), GroupError> {
        let _ = (now, request);
        Err(GroupError::UnknownMemberId)
    }

    /// LeaveGroup; one result a member, in the order asked.
    pub fn leave_group(
        &mut self,
        now: i64,
        request: &LeaveGroup,
    ) -> Decided<Result<Vec<LeftMember>, GroupError>> {
        let _ = (now, request);
        Decided { response: Err(GroupError::UnknownMemberId), decision: Decision::default() }
    }

    /// OffsetCommit; one result an offset in the order asked, or one error for all.
    pub fn offset_commit(
        &mut self,
        now: i64,
        request: &OffsetCommit,
    ) -> Decided<Result<Vec<OffsetResult>, GroupError>> {
        let _ = (now, request);
        Decided { response: Err(GroupError::UnknownMemberId), decision: Decision::default() }
    }

    /// OffsetFetch of one group: partitions without an offset answer -1; an unknown group answers
    /// -1 for each.
    pub fn offset_fetch(&self, request: &OffsetFetch) -> Result<Vec<FetchedOffset>, GroupError> {
        let _ = request;
        Ok(Vec::new())
    }

    /// OffsetDelete; one result a partition in the order asked, or one error for all.
    pub fn offset_delete(
        &mut self,
        request: &OffsetDelete,
    ) -> Decided<Result<Vec<OffsetResult>, GroupError>> {
        let _ = request;
        Decided { response: Err(GroupError::GroupIdNotFound), decision: Decision::default() }
    }

    /// DescribeGroups, of one group; a group that is not known is described as Dead, which the
    /// caller answers as `GROUP_ID_NOT_FOUND` from version 6 on (KIP-1043).
    pub fn describe_group(&self, group_id: &str) -> GroupDescription {
        GroupDescription {
            group_id: group_id.into(),
            state: ClassicGroupState::Dead,
            protocol_type: String::new(),
            protocol: String::new(),
            generation_id: 0,
            members: Vec::new(),
        }
    }

    /// ListGroups, in the order of their ids.
    pub fn list_groups(&self) -> Vec<ListedGroup> {
        Vec::new()
    }

    /// DeleteGroups; one result a group, in the order asked.
    pub fn delete_groups(&mut self, group_ids: &[String]) -> Decided<Vec<DeletedGroup>> {
        let _ = group_ids;
        Decided { response: Vec::new(), decision: Decision::default() }
    }

    /// What follows from the deletion of partitions: their offsets are removed.
    pub fn partitions_deleted(&mut self, partitions: &[TopicPartition]) -> Decision {
        let _ = partitions;
        Decision::default()
    }

    /// Lets what is due happen: rebalances complete, members expire, offsets expire. To be called
    /// at [`next_wakeup`](Self::next_wakeup), or whenever.
    pub fn tick(&mut self, now: i64) -> Decision {
        let _ = now;
        Decision::default()
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn next_wakeup(&self) -> Option<i64> {
        None
    }

    /// Applies a committed record: the only place where durable state changes. After the replay of
    /// a log from its start, call [`on_loaded`](Self::on_loaded).
    pub fn replay(&mut self, record: &GroupRecord) {
        let _ = record;
    }

    /// The log has been replayed: sessions of the members start anew at `now`
    /// (`GroupMetadataManager.onLoaded`).
    pub fn on_loaded(&mut self, now: i64) -> Decision {
        let _ = now;
        Decision::default()
    }

    /// A group, for views.
    pub fn group(&self, group_id: &str) -> Option<&ClassicGroup> {
        let _ = group_id;
        None
    }

    /// The committed offset of a partition.
    pub fn committed(&self, group_id: &str, partition: &TopicPartition) -> Option<FetchedOffset> {
        let _ = (group_id, partition);
        None
    }
}
