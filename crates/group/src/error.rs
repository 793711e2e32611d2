//! The errors that group operations answer with.

/// An error of a group or offset operation; each is one of Kafka's `Errors`, with its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(i16)]
pub enum GroupError {
    /// The metadata field of an offset commit is longer than `offset.metadata.max.bytes`.
    OffsetMetadataTooLarge = 12,
    /// The group is not known, or is being removed; find the coordinator again.
    CoordinatorNotAvailable = 15,
    /// Another broker coordinates the group; find the coordinator again.
    NotCoordinator = 16,
    /// The member's generation is not the current one.
    IllegalGeneration = 22,
    /// The member offers no protocol that all members support, or another protocol type.
    InconsistentGroupProtocol = 23,
    /// The group id is empty where it may not be.
    InvalidGroupId = 24,
    /// The coordinator does not know this member.
    UnknownMemberId = 25,
    /// The session timeout is outside `group.min/max.session.timeout.ms`.
    InvalidSessionTimeout = 26,
    /// The group is rebalancing: join again.
    RebalanceInProgress = 27,
    /// The group still has members.
    NonEmptyGroup = 68,
    /// There is no such group.
    GroupIdNotFound = 69,
    /// First join of a dynamic member: join again with the id given (KIP-394).
    MemberIdRequired = 79,
    /// The group has `group.max.size` members.
    GroupMaxSizeReached = 81,
    /// Another member took over this `group.instance.id` (KIP-345).
    FencedInstanceId = 82,
    /// Offsets of a topic that the group reads cannot be deleted.
    GroupSubscribedToTopic = 86,
    /// An open transaction has an offset for this partition: ask again.
    UnstableOffsetCommit = 88,
}

impl GroupError {
    /// Kafka's error code.
    pub fn code(self) -> i16 {
        self as i16
    }
}
