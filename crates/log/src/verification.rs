//! Proof that a producer's transaction is known to its coordinator before its first batch is taken
//! (`VerificationGuard`, `VerificationStateEntry`, KIP-890).

use logbrook_record::ProducerEpoch;

/// Names one verification of a transaction. A batch of a transaction that the log does not know is
/// taken only with the guard that was handed out when its verification began: an answer of the
/// coordinator to an earlier question proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerificationGuard(u64);

impl VerificationGuard {
    /// Verifies nothing: no verification was begun, or none is needed.
    pub const SENTINEL: Self = Self(0);

    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Whether `self` is a guard, and this one.
    #[must_use]
    pub fn verify(self, other: Self) -> bool {
        other != Self::SENTINEL && other == self
    }
}

/// A verification that has begun and was not followed by an append yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerificationStateEntry {
    /// When it began, in ms.
    pub timestamp: i64,
    /// What an append has to show.
    pub verification_guard: VerificationGuard,
    /// The producer speaks transactions v2: its epoch rises with each transaction.
    pub supports_epoch_bump: bool,
    /// The lowest sequence number that asked; higher ones have to wait for it.
    pub lowest_sequence: i32,
    /// The epoch that it belongs to.
    pub epoch: ProducerEpoch,
}

impl VerificationStateEntry {
    /// A lower sequence of the same epoch, or any of a higher epoch, is what the others wait for now.
    pub(crate) fn maybe_update_lowest_sequence_and_epoch(
        &mut self,
        sequence: i32,
        epoch: ProducerEpoch,
    ) {
        if epoch == self.epoch && sequence < self.lowest_sequence {
            self.lowest_sequence = sequence;
        }
        if epoch > self.epoch {
            self.epoch = epoch;
            self.lowest_sequence = sequence;
        }
    }
}

/// The version of the transaction protocol that a marker is written under (`transaction.version`, the
/// field of `WriteTxnMarkersRequest`, KIP-1228): how strictly its epoch is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TransactionVersion(pub i16);

impl TransactionVersion {
    /// Not said: data batches, and what a follower copies.
    pub const UNKNOWN: Self = Self(-1);
    /// A marker has the epoch of its transaction.
    pub const TV_1: Self = Self(1);
    /// A marker has an epoch above that of its transaction (KIP-890).
    pub const TV_2: Self = Self(2);
}
