//! What an operation decides: records to append, replies to send, events to show.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{ClassicGroupState, GroupRecord, JoinGroupReply, RegexRefresh, SyncGroupReply};

/// Names a request that may be answered later; chosen by the caller, unique among parked requests.
pub type Token = u64;

/// What follows from an operation.
///
/// The caller appends `records` to the partition of `__consumer_offsets` that holds the group (one
/// batch), hands each to [`replay`](crate::Groups::replay), and sends `replies` once the
/// records are committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// To append to `__consumer_offsets`, in this order.
    pub records: Vec<GroupRecord>,
    /// Answers that are due: to this request, or to earlier ones that were parked.
    pub replies: Vec<(Token, Reply)>,
    /// What happened, in order, for whoever watches.
    pub events: Vec<GroupEvent>,
    /// Regular expressions to resolve once the records are replayed.
    pub regex_refresh: Option<RegexRefresh>,
}

impl Decision {
    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.replies.is_empty()
            && self.events.is_empty()
            && self.regex_refresh.is_none()
    }
}

/// A [`Decision`] of an operation that is always answered at once, with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided<R> {
    /// The answer, due once the records are committed.
    pub response: R,
    /// What else follows.
    pub decision: Decision,
}

/// The answer to a request that may have been parked.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To a JoinGroup.
    JoinGroup(JoinGroupReply),
    /// To a SyncGroup.
    SyncGroup(SyncGroupReply),
}

/// Something that happened to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// The group went to another state.
    StateChanged {
        /// The group.
        group_id: String,
        /// From this state.
        from: ClassicGroupState,
        /// To this state.
        to: ClassicGroupState,
        /// The generation after the change.
        generation_id: i32,
        /// The ids of the members after the change, in order of their joining.
        members: Vec<String>,
        /// Why, in the words of Kafka's log.
        reason: String,
    },
    /// A member was added.
    MemberJoined {
        /// The group.
        group_id: String,
        /// The member.
        member_id: String,
        /// Its client id.
        client_id: String,
        /// Its `group.instance.id`.
        group_instance_id: Option<String>,
    },
    /// A member left by LeaveGroup.
    MemberLeft {
        /// The group.
        group_id: String,
        /// The member.
        member_id: String,
        /// The reason that the client gave (KIP-800).
        reason: Option<String>,
    },
    /// A member was removed: session timeout, or it did not rejoin or sync in time.
    MemberExpired {
        /// The group.
        group_id: String,
        /// The member.
        member_id: String,
    },
    /// A static member came back with a new member id (KIP-345).
    StaticMemberReplaced {
        /// The group.
        group_id: String,
        /// The `group.instance.id`.
        group_instance_id: String,
        /// Fenced from now on.
        old_member_id: String,
        /// Takes its place.
        new_member_id: String,
    },
    /// An offset was committed.
    OffsetCommitted {
        /// The group.
        group_id: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read.
        offset: i64,
        /// The member that committed; empty outside group management, and in a transaction.
        member_id: String,
        /// The generation or member epoch that it named; -1 where it named none.
        generation_id: i32,
    },
    /// A committed offset was removed by its retention, by OffsetDelete, or with its topic.
    OffsetRemoved {
        /// The group.
        group_id: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// The group is gone.
    GroupDeleted {
        /// The group.
        group_id: String,
    },
}
