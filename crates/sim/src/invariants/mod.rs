//! What must hold, by name, and who says so.

pub(crate) mod clients;
pub(crate) mod groups;
pub(crate) mod logs;
pub(crate) mod replication;
pub(crate) mod written;

use core::fmt;

use logbrook_cluster::EventId;

/// Something that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Offsets of a log rise and do not overlap.
    OffsetsRise,
    /// Log start <= last stable offset <= high watermark <= log end.
    OffsetBounds,
    /// A read by offset finds the batch that a scan finds.
    IndexEqualsScan,
    /// What is read again from the records is what was known.
    RecoveryEqualsLive,
    /// At most one broker leads a partition in an epoch.
    OneLeaderAnEpoch,
    /// Leader epochs and partition epochs never fall.
    EpochsRise,
    /// A partition's leader is one of those in sync, and its broker is not fenced.
    LeaderInIsr,
    /// A leader's high watermark never falls, and in the end is above all that was committed.
    WatermarkRises,
    /// Replicas have the same bytes at the same offset and epoch.
    EqualBytes,
    /// What was committed is in the log of every leader that was elected cleanly.
    CommittedSurvives,
    /// A leader that has a successor commits nothing more.
    FencedLeaderStands,
    /// What was acknowledged with acks=all is in the log in the end.
    NoLostWrite,
    /// An idempotent producer's record is in the log once.
    NoDuplicate,
    /// An idempotent producer's records of a partition are in the order in which they were sent.
    SendOrder,
    /// A consumer reads what the log has at that offset, and nothing beyond what is committed.
    NoPhantomRead,
    /// A reader of committed records sees none of a transaction that is open or aborted.
    CommittedReadsOnly,
    /// The records of a transaction are read all, or none.
    WholeTransactions,
    /// No transaction is open in the end: readers of committed records reach the high watermark.
    TransactionsEnd,
    /// Generations and group epochs rise.
    GenerationsRise,
    /// A commit counts only in the generation or member epoch that the group is in.
    StaleCommitsRefused,
    /// No partition has two owners in a group that has come to rest.
    OneOwner,
    /// Every partition has an owner in the end.
    EveryPartitionOwned,
    /// Each group has read everything in the end.
    EverythingRead,
    /// Without faults everything comes to rest: all replicas in sync, leaders everywhere, senders done.
    ComesToRest,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: &[Invariant] = &[
        Invariant::OffsetsRise,
        Invariant::OffsetBounds,
        Invariant::IndexEqualsScan,
        Invariant::RecoveryEqualsLive,
        Invariant::OneLeaderAnEpoch,
        Invariant::EpochsRise,
        Invariant::LeaderInIsr,
        Invariant::WatermarkRises,
        Invariant::EqualBytes,
        Invariant::CommittedSurvives,
        Invariant::FencedLeaderStands,
        Invariant::NoLostWrite,
        Invariant::NoDuplicate,
        Invariant::SendOrder,
        Invariant::NoPhantomRead,
        Invariant::CommittedReadsOnly,
        Invariant::WholeTransactions,
        Invariant::TransactionsEnd,
        Invariant::GenerationsRise,
        Invariant::StaleCommitsRefused,
        Invariant::OneOwner,
        Invariant::EveryPartitionOwned,
        Invariant::EverythingRead,
        Invariant::ComesToRest,
    ];

    /// Its name, in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Invariant::OffsetsRise => "offsets-rise",
            Invariant::OffsetBounds => "offset-bounds",
            Invariant::IndexEqualsScan => "index-equals-scan",
            Invariant::RecoveryEqualsLive => "recovery-equals-live",
            Invariant::OneLeaderAnEpoch => "one-leader-an-epoch",
            Invariant::EpochsRise => "epochs-rise",
            Invariant::LeaderInIsr => "leader-in-isr",
            Invariant::WatermarkRises => "watermark-rises",
            Invariant::EqualBytes => "equal-bytes",
            Invariant::CommittedSurvives => "committed-survives",
            Invariant::FencedLeaderStands => "fenced-leader-stands",
            Invariant::NoLostWrite => "no-lost-write",
            Invariant::NoDuplicate => "no-duplicate",
            Invariant::SendOrder => "send-order",
            Invariant::NoPhantomRead => "no-phantom-read",
            Invariant::CommittedReadsOnly => "no-uncommitted-read",
            Invariant::WholeTransactions => "no-torn-transaction",
            Invariant::TransactionsEnd => "transactions-end",
            Invariant::GenerationsRise => "generations-rise",
            Invariant::StaleCommitsRefused => "stale-commits-refused",
            Invariant::OneOwner => "one-owner",
            Invariant::EveryPartitionOwned => "every-partition-owned",
            Invariant::EverythingRead => "everything-read",
            Invariant::ComesToRest => "comes-to-rest",
        }
    }

    /// Who says that it must hold.
    pub fn source(self) -> &'static str {
        match self {
            Invariant::OffsetsRise | Invariant::OffsetBounds => "UnifiedLog",
            Invariant::IndexEqualsScan => "LogSegmentTest",
            Invariant::RecoveryEqualsLive => "ProducerStateManagerTest, LogLoaderTest",
            Invariant::OneLeaderAnEpoch | Invariant::EpochsRise => "KafkaReplication.tla: TypeOk",
            Invariant::EqualBytes => "Kip101.tla: StrongIsr",
            Invariant::CommittedSurvives => "KafkaReplication.tla: WeakIsr, KIP-966",
            Invariant::FencedLeaderStands => "Kip320.tla, KIP-497",
            Invariant::NoLostWrite => "Jepsen kafka: lost-write",
            Invariant::NoDuplicate => "Jepsen kafka: duplicate",
            Invariant::SendOrder => "Jepsen kafka: nonmonotonic-send",
            Invariant::NoPhantomRead => "Jepsen kafka: unseen, inconsistent-offsets",
            Invariant::OneOwner => "GroupCoordinator, KIP-848",
            Invariant::EveryPartitionOwned => "ConsumerPartitionAssignor",
            Invariant::EverythingRead => "Jepsen kafka: int-poll-skip",
            Invariant::LeaderInIsr => "KafkaReplication.tla: LeaderInIsr",
            Invariant::WatermarkRises => "Partition.maybeIncrementLeaderHW",
            Invariant::CommittedReadsOnly => "Jepsen kafka: G1a, precommitted read",
            Invariant::WholeTransactions => "Jepsen kafka: torn transaction",
            Invariant::TransactionsEnd => "TransactionCoordinator, KIP-98",
            Invariant::GenerationsRise => "ClassicGroup, KIP-848",
            Invariant::StaleCommitsRefused => "GroupMetadataManagerTest, KIP-1251",
            Invariant::ComesToRest => "RaftEventSimulationTest",
        }
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, in µs of virtual time.
    pub at_us: i64,
    /// What was found, and what was expected.
    pub what: String,
    /// The event that shows it, where there is one.
    pub event: Option<EventId>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.at_us;
        write!(
            f,
            "{} at {}.{:06} s: {}",
            self.invariant.name(),
            us / 1_000_000,
            us % 1_000_000,
            self.what
        )
    }
}

/// A loss that the settings permit: found, counted, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What was lost, doubled or reordered.
    pub what: String,
    /// The setting or the event that permits it.
    pub because: &'static str,
}
