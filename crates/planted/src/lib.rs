//! Bugs that can be planted in the engine, to show that the simulator finds them.
//!
//! A site asks `planted(Bug::...)` and does the wrong thing where that is true. Without the feature
//! `planted-bugs` the answer is a constant, so that nothing of it is left in the page or the server.
#![no_std]

/// One bug, at one place of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Bug {
    /// log: what a log remembers of its producers is not read again after a restart.
    ForgetProducerSnapshot = 1,
    /// log: a batch whose sequence number does not follow is appended.
    SkipSequenceCheck,
    /// log: the offset index names the entry after the one looked for.
    IndexOffByOne,
    /// log: the last stable offset does not wait for open transactions.
    LsoIgnoresOpenTransactions,
    /// partition: the high watermark is the leader's own log end.
    WatermarkEarly,
    /// partition: fewer replicas in sync than `min.insync.replicas` are enough.
    MinIsrIgnored,
    /// partition: a leader shrinks its ISR without asking the controller.
    IsrShrinkNotRecorded,
    /// partition: acks=all is answered when the leader alone has the records.
    AcksAllAnswersAtOnce,
    /// replication: a follower cuts its log to its high watermark, as before KIP-101.
    TruncateToWatermark,
    /// replication: a leader does not compare the epoch that a follower fetched last.
    SkipEpochCheck,
    /// controller: a replica is elected that is neither in sync nor eligible.
    ElectOutsideIsr,
    /// controller: a fenced broker is elected.
    ElectFencedBroker,
    /// groups: commits of an old generation or member epoch are taken.
    StaleCommitsAccepted,
    /// groups: a partition is given away before its owner has released it (KIP-848).
    PartitionGivenTwice,
    /// groups: a rebalance ends in the generation in which it began.
    GenerationNotRaised,
    /// fetch: consumers read up to the log end.
    ReadPastWatermark,
    /// fetch: the list of aborted transactions is empty.
    AbortedListEmpty,
    /// transactions: one partition of a transaction gets no marker.
    MarkerLost,
    /// producer: a batch that is sent again has a new sequence number.
    RetryWithNewSequence,
    /// consumer: the position committed is one too far.
    CommitOneTooFar,
}

impl Bug {
    /// Every bug.
    pub const ALL: &[Bug] = &[
        Bug::ForgetProducerSnapshot,
        Bug::SkipSequenceCheck,
        Bug::IndexOffByOne,
        Bug::LsoIgnoresOpenTransactions,
        Bug::WatermarkEarly,
        Bug::MinIsrIgnored,
        Bug::IsrShrinkNotRecorded,
        Bug::AcksAllAnswersAtOnce,
        Bug::TruncateToWatermark,
        Bug::SkipEpochCheck,
        Bug::ElectOutsideIsr,
        Bug::ElectFencedBroker,
        Bug::StaleCommitsAccepted,
        Bug::PartitionGivenTwice,
        Bug::GenerationNotRaised,
        Bug::ReadPastWatermark,
        Bug::AbortedListEmpty,
        Bug::MarkerLost,
        Bug::RetryWithNewSequence,
        Bug::CommitOneTooFar,
    ];

    /// Its name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Bug::ForgetProducerSnapshot => "forget-producer-snapshot",
            Bug::SkipSequenceCheck => "skip-sequence-check",
            Bug::IndexOffByOne => "index-off-by-one",
            Bug::LsoIgnoresOpenTransactions => "lso-ignores-open-transactions",
            Bug::WatermarkEarly => "watermark-early",
            Bug::MinIsrIgnored => "min-isr-ignored",
            Bug::IsrShrinkNotRecorded => "isr-shrink-not-recorded",
            Bug::AcksAllAnswersAtOnce => "acks-all-answers-at-once",
            Bug::TruncateToWatermark => "truncate-to-watermark",
            Bug::SkipEpochCheck => "skip-epoch-check",
            Bug::ElectOutsideIsr => "elect-outside-isr",
            Bug::ElectFencedBroker => "elect-fenced-broker",
            Bug::StaleCommitsAccepted => "stale-commits-accepted",
            Bug::PartitionGivenTwice => "partition-given-twice",
            Bug::GenerationNotRaised => "generation-not-raised",
            Bug::ReadPastWatermark => "read-past-watermark",
            Bug::AbortedListEmpty => "aborted-list-empty",
            Bug::MarkerLost => "marker-lost",
            Bug::RetryWithNewSequence => "retry-with-new-sequence",
            Bug::CommitOneTooFar => "commit-one-too-far",
        }
    }
}

#[cfg(feature = "planted-bugs")]
mod chosen {
    use core::sync::atomic::{AtomicU8, Ordering};

    use super::Bug;

    // One for the whole process, as handing it down through every constructor would put it into code that
    // never has it. Nothing but a test of the simulator sets it, before its runs.
    static CHOSEN: AtomicU8 = AtomicU8::new(0);

    /// Plants a bug in everything that runs in this process from now on; `None` takes it out.
    pub fn plant(bug: Option<Bug>) {
        CHOSEN.store(bug.map_or(0, |bug| bug as u8), Ordering::Relaxed);
    }

    /// Whether this bug is planted.
    #[must_use]
    pub fn planted(bug: Bug) -> bool {
        CHOSEN.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(feature = "planted-bugs")]
pub use chosen::{plant, planted};

/// Whether this bug is planted: never, as bugs can be planted only with the feature `planted-bugs`.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}
