//! The errors that group operations answer with.

use alloc::string::String;

/// An error of a group or offset operation; each is one of Kafka's `Errors`, with its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(i16)]
pub enum GroupError {
    /// The coordinator failed in a way that it should not.
    UnknownServerError = -1,
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
    /// The client's version of the request is too old for this member.
    UnsupportedVersion = 35,
    /// A field of the request is not what it may be.
    InvalidRequest = 42,
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
    /// The member's epoch is not the one known: it gives up all partitions and joins again
    /// (KIP-848).
    FencedMemberEpoch = 110,
    /// Another member uses the instance id, and has not left (KIP-848).
    UnreleasedInstanceId = 111,
    /// The broker does not know the assignor that the member asks for (KIP-848).
    UnsupportedAssignor = 112,
    /// A commit or a fetch of offsets in another epoch than the member's (KIP-848).
    StaleMemberEpoch = 113,
    /// The regular expression of the subscription cannot be read (KIP-848).
    InvalidRegularExpression = 128,
}

impl GroupError {
    /// Kafka's error code.
    pub fn code(self) -> i16 {
        self as i16
    }
}

/// An error with the text that the answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFailure {
    /// The error.
    pub error: GroupError,
    /// What Kafka says of it.
    pub message: String,
}

impl GroupFailure {
    pub(crate) fn new(error: GroupError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}
