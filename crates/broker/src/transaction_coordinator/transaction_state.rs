//! The states of a transaction (`TransactionState`), and the versions of the protocol.

use crate::MetadataImage;

/// Where the transaction of a transactional id stands, as `__transaction_state` says.
///
/// Two states of Kafka's are never written: `Dead` (the id is being expired) and
/// `PrepareEpochFence` (an older producer is being fenced). Here both are over within one call; see
/// [`TRANSIENT_STATE_NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionState {
    /// No transaction yet under this producer id and epoch.
    Empty,
    /// Partitions were added; records may be written.
    Ongoing,
    /// Decided to commit; markers are being written.
    PrepareCommit,
    /// Decided to abort; markers are being written.
    PrepareAbort,
    /// Committed, every marker is written.
    CompleteCommit,
    /// Aborted, every marker is written.
    CompleteAbort,
}

/// States that Kafka knows by name (ListTransactions may ask for them), in which no transactional id
/// can be seen.
pub(crate) const TRANSIENT_STATE_NAMES: [&str; 2] = ["Dead", "PrepareEpochFence"];

impl TransactionState {
    /// Every state.
    pub const ALL: [TransactionState; 6] = [
        TransactionState::Empty,
        TransactionState::Ongoing,
        TransactionState::PrepareCommit,
        TransactionState::PrepareAbort,
        TransactionState::CompleteCommit,
        TransactionState::CompleteAbort,
    ];

    /// The number in the log.
    pub fn id(self) -> i8 {
        match self {
            TransactionState::Empty => 0,
            TransactionState::Ongoing => 1,
            TransactionState::PrepareCommit => 2,
            TransactionState::PrepareAbort => 3,
            TransactionState::CompleteCommit => 4,
            TransactionState::CompleteAbort => 5,
        }
    }

    /// The state with this number.
    pub fn from_id(id: i8) -> Option<TransactionState> {
        TransactionState::ALL.into_iter().find(|state| state.id() == id)
    }

    /// Kafka's name, as DescribeTransactions gives it.
    pub fn name(self) -> &'static str {
        match self {
            TransactionState::Empty => "Empty",
            TransactionState::Ongoing => "Ongoing",
            TransactionState::PrepareCommit => "PrepareCommit",
            TransactionState::PrepareAbort => "PrepareAbort",
            TransactionState::CompleteCommit => "CompleteCommit",
            TransactionState::CompleteAbort => "CompleteAbort",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<TransactionState> {
        TransactionState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// From which states this one may be entered (`VALID_PREVIOUS_STATES`). Under transactions v2 an
    /// abort may come although nothing was added: the client need not know what the broker knows.
    pub fn valid_previous_states(self) -> &'static [TransactionState] {
        use TransactionState::*;
        match self {
            Empty => &[Empty, CompleteCommit, CompleteAbort],
            Ongoing => &[Ongoing, Empty, CompleteCommit, CompleteAbort],
            PrepareCommit => &[Ongoing],
            PrepareAbort => &[Ongoing, Empty, CompleteCommit, CompleteAbort],
            CompleteCommit => &[PrepareCommit],
            CompleteAbort => &[PrepareAbort],
        }
    }

    /// Whether a transactional id that stays in this state may expire.
    pub fn is_expiration_allowed(self) -> bool {
        match self {
            TransactionState::Empty
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort => true,
            TransactionState::Ongoing
            | TransactionState::PrepareCommit
            | TransactionState::PrepareAbort => false,
        }
    }

    /// Whether the outcome is decided and its markers are being written. Until they are, every other
    /// change is told to come back (`pendingTransitionInProgress`).
    pub fn is_preparing(self) -> bool {
        match self {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => true,
            TransactionState::Empty
            | TransactionState::Ongoing
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort => false,
        }
    }
}

/// `TransactionVersion`: what a client of transactions knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionVersion {
    /// The original protocol.
    V0,
    /// Flexible records in the log (KIP-890).
    V1,
    /// An epoch for each transaction, partitions added with the first write (KIP-890).
    V2,
}

impl TransactionVersion {
    /// The level of the feature `transaction.version` that a cluster has finalized.
    pub(crate) fn finalized(image: &MetadataImage) -> TransactionVersion {
        let level = image.feature_level("transaction.version");
        TransactionVersion::from_feature_level(level).unwrap_or(TransactionVersion::V0)
    }

    /// `transactionLogValueVersion`.
    pub(crate) fn log_value_version(self) -> i16 {
        i16::from(self >= TransactionVersion::V1)
    }

    /// The level of the feature.
    pub fn feature_level(self) -> i16 {
        match self {
            TransactionVersion::V0 => 0,
            TransactionVersion::V1 => 1,
            TransactionVersion::V2 => 2,
        }
    }

    /// The version of this level.
    pub fn from_feature_level(level: i16) -> Option<TransactionVersion> {
        match level {
            0 => Some(TransactionVersion::V0),
            1 => Some(TransactionVersion::V1),
            2 => Some(TransactionVersion::V2),
            _ => None,
        }
    }

    /// Whether each transaction ends with a new epoch.
    pub fn supports_epoch_bump(self) -> bool {
        self >= TransactionVersion::V2
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionResult {
    /// Its records and offsets count.
    Commit,
    /// They do not.
    Abort,
}

impl TransactionResult {
    /// EndTxn's and WriteTxnMarkers' flag.
    pub(crate) fn from_committed(committed: bool) -> TransactionResult {
        if committed { TransactionResult::Commit } else { TransactionResult::Abort }
    }

    /// The state in which markers are written.
    pub(crate) fn prepare_state(self) -> TransactionState {
        match self {
            TransactionResult::Commit => TransactionState::PrepareCommit,
            TransactionResult::Abort => TransactionState::PrepareAbort,
        }
    }

    /// The state after the last marker.
    pub(crate) fn complete_state(self) -> TransactionState {
        match self {
            TransactionResult::Commit => TransactionState::CompleteCommit,
            TransactionResult::Abort => TransactionState::CompleteAbort,
        }
    }
}
