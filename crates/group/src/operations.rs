//! The operations on groups and their answers: what the Kafka requests of the same names carry,
//! without their wire form.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::GroupError;

/// The id that a topic keeps through its life (KIP-516); zero where it is not known.
pub type TopicId = [u8; 16];

/// JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroup {
    /// The group.
    pub group_id: String,
    /// Empty at the first join of a dynamic member.
    pub member_id: String,
    /// `group.instance.id`, of a static member.
    pub group_instance_id: Option<String>,
    /// From the request's header.
    pub client_id: String,
    /// `/127.0.0.1`, as Kafka prints an address.
    pub client_host: String,
    /// Without a heartbeat for this long the member is removed.
    pub session_timeout_ms: i32,
    /// How long a rebalance waits for this member.
    pub rebalance_timeout_ms: i32,
    /// `consumer` for consumers, `connect` for Connect workers.
    pub protocol_type: String,
    /// In order of preference.
    pub protocols: Vec<JoinGroupProtocol>,
    /// Why the client joins (KIP-800).
    pub reason: Option<String>,
    /// Whether a dynamic member must join a second time with the id given (version >= 4, KIP-394).
    pub requires_known_member_id: bool,
    /// Whether the client knows `skip_assignment` (version >= 9, KIP-814).
    pub supports_skipping_assignment: bool,
    /// Random bits for the id of a new member; the version and variant bits are set here.
    pub new_member_uuid: u128,
}

/// One protocol (assignor) that a member supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupProtocol {
    /// `range`, `cooperative-sticky`...
    pub name: String,
    /// The member's subscription under this protocol: [`crate::consumer_protocol`].
    pub metadata: Bytes,
}

/// The answer to a JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupReply {
    /// None where the member is in the new generation.
    pub error: Option<GroupError>,
    /// -1 with an error.
    pub generation_id: i32,
    /// The protocol type of the group.
    pub protocol_type: Option<String>,
    /// The protocol that was chosen.
    pub protocol_name: Option<String>,
    /// The id of the leader; empty with an error.
    pub leader: String,
    /// A static leader that came back need not assign again (KIP-814).
    pub skip_assignment: bool,
    /// The member's own id, also with `MEMBER_ID_REQUIRED`.
    pub member_id: String,
    /// All members; for the leader only.
    pub members: Vec<JoinGroupReplyMember>,
}

/// A member as the leader is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroupReplyMember {
    /// Its id.
    pub member_id: String,
    /// Its `group.instance.id`.
    pub group_instance_id: Option<String>,
    /// Its subscription under the protocol that was chosen.
    pub metadata: Bytes,
}

/// SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroup {
    /// The group.
    pub group_id: String,
    /// From JoinGroup's answer.
    pub generation_id: i32,
    /// The member.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// From JoinGroup's answer (version >= 5).
    pub protocol_type: Option<String>,
    /// From JoinGroup's answer (version >= 5).
    pub protocol_name: Option<String>,
    /// Member id and assignment, from the leader only.
    pub assignments: Vec<(String, Bytes)>,
}

/// The answer to a SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroupReply {
    /// None where `assignment` holds.
    pub error: Option<GroupError>,
    /// The protocol type of the group.
    pub protocol_type: Option<String>,
    /// The protocol that was chosen.
    pub protocol_name: Option<String>,
    /// The member's assignment: [`crate::consumer_protocol`].
    pub assignment: Bytes,
}

/// Heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The group.
    pub group_id: String,
    /// The member's generation.
    pub generation_id: i32,
    /// The member.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
}

/// LeaveGroup, of one or of several members (KIP-345).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroup {
    /// The group.
    pub group_id: String,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// One member of a [`LeaveGroup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingMember {
    /// May be empty where `group_instance_id` says who is meant.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// Why (KIP-800).
    pub reason: Option<String>,
}

/// What became of one member of a [`LeaveGroup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMember {
    /// As requested.
    pub member_id: String,
    /// As requested.
    pub group_instance_id: Option<String>,
    /// None where it left.
    pub error: Option<GroupError>,
}

/// A partition of a topic, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl core::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// OffsetCommit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommit {
    /// The group.
    pub group_id: String,
    /// -1 outside group management.
    pub generation_id: i32,
    /// Empty outside group management.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// Whether the client knows `GROUP_ID_NOT_FOUND` here (version >= 9); else it is told
    /// `ILLEGAL_GENERATION`.
    pub knows_group_id_not_found: bool,
    /// How long the offsets are kept, of versions 2 to 4; None leaves it to the broker.
    pub retention_time_ms: Option<i64>,
    /// What to commit.
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset of an [`OffsetCommit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// Of which partition.
    pub partition: TopicPartition,
    /// The topic's id, zero where not known.
    pub topic_id: TopicId,
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read; -1 where not known.
    pub leader_epoch: i32,
    /// Free text of the application.
    pub metadata: String,
}

/// What became of one offset of an [`OffsetCommit`] or an [`OffsetDelete`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetResult {
    /// Of which partition.
    pub partition: TopicPartition,
    /// None where it was done.
    pub error: Option<GroupError>,
}

/// OffsetFetch of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetch {
    /// The group.
    pub group_id: String,
    /// Of which partitions; None for all that are committed.
    pub partitions: Option<Vec<TopicPartition>>,
    /// Whether a partition with an offset in an open transaction is answered with
    /// `UNSTABLE_OFFSET_COMMIT` (version >= 7, KIP-447).
    pub require_stable: bool,
    /// Of a member that names itself (version >= 9).
    pub member_id: Option<String>,
    /// Its epoch; -1 where it does not say.
    pub member_epoch: i32,
}

impl OffsetFetch {
    /// By somebody who is no member, or does not say.
    pub fn new(group_id: impl Into<String>, partitions: Option<Vec<TopicPartition>>) -> Self {
        Self {
            group_id: group_id.into(),
            partitions,
            require_stable: false,
            member_id: None,
            member_epoch: -1,
        }
    }
}

/// One offset of the answer to an [`OffsetFetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// Of which partition.
    pub partition: TopicPartition,
    /// -1 where none is committed.
    pub offset: i64,
    /// -1 where not known.
    pub leader_epoch: i32,
    /// As committed.
    pub metadata: String,
    /// Why there is no answer.
    pub error: Option<GroupError>,
}

/// TxnOffsetCommit: offsets that count when the producer's transaction commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnOffsetCommit {
    /// The group.
    pub group_id: String,
    /// -1 where the client does not know it (version < 3).
    pub generation_id: i32,
    /// Empty where the client does not know it (version < 3).
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// What to commit.
    pub offsets: Vec<OffsetToCommit>,
}

/// OffsetDelete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetDelete {
    /// The group.
    pub group_id: String,
    /// Which offsets.
    pub partitions: Vec<TopicPartition>,
}

/// A group as DescribeGroups tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// The group.
    pub group_id: String,
    /// `Stable`...; `Dead` where there is no such group.
    pub state: crate::ClassicGroupState,
    /// `consumer`; empty for a group that only commits offsets.
    pub protocol_type: String,
    /// The protocol chosen, where the group is stable; else empty.
    pub protocol: String,
    /// The generation; not in Kafka's answer, for views.
    pub generation_id: i32,
    /// The members in order of their joining.
    pub members: Vec<MemberDescription>,
}

/// A member as DescribeGroups tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// The member.
    pub member_id: String,
    /// Of a static member.
    pub group_instance_id: Option<String>,
    /// The client.
    pub client_id: String,
    /// Its host.
    pub client_host: String,
    /// Its subscription under the protocol chosen; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its assignment; during a rebalance still the one before.
    pub assignment: Bytes,
}

/// A group as ListGroups tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group.
    pub group_id: String,
    /// `consumer`; empty for a group that only commits offsets.
    pub protocol_type: String,
    /// The name of its state.
    pub state: &'static str,
    /// Its kind.
    pub group_type: GroupType,
}

/// The kinds of groups (`Group.GroupType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupType {
    /// JoinGroup, SyncGroup, Heartbeat; the leader assigns.
    Classic,
    /// ConsumerGroupHeartbeat; the coordinator assigns (KIP-848).
    Consumer,
    // Share (KIP-932) and streams groups (KIP-1071) will stand here.
}

impl GroupType {
    /// The name in ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// ConsumerGroupHeartbeat (KIP-848). Fields that are None have not changed since the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupHeartbeat {
    /// The group.
    pub group_id: String,
    /// Chosen by the member (version >= 1), or empty at its first heartbeat.
    pub member_id: String,
    /// 0 to join, -1 to leave, -2 to leave for a while as a static member.
    pub member_epoch: i32,
    /// `group.instance.id`, of a static member.
    pub instance_id: Option<String>,
    /// `client.rack`.
    pub rack_id: Option<String>,
    /// How long the member may take to give up partitions; -1 where it has not changed.
    pub rebalance_timeout_ms: i32,
    /// The topics that it names.
    pub subscribed_topic_names: Option<Vec<String>>,
    /// Its regular expression; empty for none.
    pub subscribed_topic_regex: Option<String>,
    /// What is wrong with the regular expression. Whoever calls can read it; this crate has no
    /// engine for it.
    pub invalid_regex: Option<String>,
    /// The assignor that it asks for.
    pub server_assignor: Option<String>,
    /// What it owns.
    pub topic_partitions: Option<crate::TopicPartitionsList>,
    /// From the request's header.
    pub client_id: String,
    /// `/127.0.0.1`, as Kafka prints an address.
    pub client_host: String,
    /// Whether the member must have chosen its id (version >= 1).
    pub requires_member_id: bool,
    /// Random bits for the id of a new member.
    pub new_member_uuid: u128,
}

/// The answer to a [`ConsumerGroupHeartbeat`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroupHeartbeatReply {
    /// The member's id.
    pub member_id: String,
    /// Its epoch from now on.
    pub member_epoch: i32,
    /// When the next heartbeat is due; 0 to a member that leaves.
    pub heartbeat_interval_ms: i32,
    /// What it may own, where that has changed or it told all about itself.
    pub assignment: Option<crate::TopicPartitionsList>,
}

/// Regular expressions that are to be resolved, once the decision's records are replayed: answered
/// by [`crate::Groups::regular_expressions_resolved`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexRefresh {
    /// The group.
    pub group_id: String,
    /// The expressions.
    pub regexes: logbrook_sorted::SortedSet<String>,
}

/// What became of one group of a DeleteGroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedGroup {
    /// The group.
    pub group_id: String,
    /// None where it was deleted.
    pub error: Option<GroupError>,
}
