//! What is known of one transactional id, and the ways in which it may change
//! (`TransactionMetadata`, `TxnTransitMetadata`).
//!
//! ```text
//!                    add partitions                 EndTxn                  markers written
//!   Empty ------------------------> Ongoing ------------------> Prepare* ------------------> Complete*
//!     ^                                ^                                                        |
//!     |  InitProducerId                +--------------------- add partitions -------------------+
//!     +----------------------------------------------------------------------------------------+
//! ```
//!
//! Nothing here changes what is known: each `prepare_*` gives the metadata as they will be once they
//! are in the log. Kafka keeps the state that is aimed at in `pendingState` while the append is on its
//! way; here an append is over when it returns, so that only `Prepare*` waits for anything (markers).

use logbrook_group::TopicPartition;
use logbrook_sorted::SortedSet;

use super::transaction_state::{TransactionResult, TransactionState, TransactionVersion};
use crate::ErrorCode;

/// `RecordBatch.NO_PRODUCER_ID`.
pub(crate) const NO_PRODUCER_ID: i64 = -1;
/// `RecordBatch.NO_PRODUCER_EPOCH`.
pub(crate) const NO_PRODUCER_EPOCH: i16 = -1;

/// The state of one transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionMetadata {
    /// The producer id in use.
    pub producer_id: i64,
    /// The producer id before the last change, to know a retry over an exhausted epoch by; -1 for none.
    pub prev_producer_id: i64,
    /// The producer id that follows once the transaction is complete, where the epochs of this one are
    /// used up; -1 for none.
    pub next_producer_id: i64,
    /// The producer's epoch; -1 before its first InitProducerId.
    pub producer_epoch: i16,
    /// The epoch before the last bump, -1 for none. Not in the log: a retry over a restart is fenced.
    pub last_producer_epoch: i16,
    /// How long a transaction may stay open.
    pub txn_timeout_ms: i32,
    /// Where it stands.
    pub state: TransactionState,
    /// The partitions that take part; those of `__consumer_offsets` for offsets.
    pub topic_partitions: SortedSet<TopicPartition>,
    /// When the transaction began (ms since the epoch); -1 for none.
    pub txn_start_timestamp: i64,
    /// When anything changed last (ms since the epoch): what expiry goes by.
    pub txn_last_update_timestamp: i64,
    /// What the client knew that changed it last.
    pub client_transaction_version: TransactionVersion,
}

impl TransactionMetadata {
    /// A transactional id that is seen for the first time; never written like this.
    pub fn new(producer_id: i64, txn_timeout_ms: i32, now: i64) -> TransactionMetadata {
        TransactionMetadata {
            producer_id,
            prev_producer_id: NO_PRODUCER_ID,
            next_producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            last_producer_epoch: NO_PRODUCER_EPOCH,
            txn_timeout_ms,
            state: TransactionState::Empty,
            topic_partitions: SortedSet::new(),
            txn_start_timestamp: -1,
            txn_last_update_timestamp: now,
            client_transaction_version: TransactionVersion::V0,
        }
    }

    /// Whether the producer id has no epoch left for a client: the last one is kept for fencing.
    pub fn is_producer_epoch_exhausted(&self) -> bool {
        is_epoch_exhausted(self.producer_epoch)
    }

    /// Two-phase commit (KIP-939): a transaction that no timeout ends.
    pub fn is_distributed_two_phase_commit_txn(&self) -> bool {
        self.txn_timeout_ms == i32::MAX
    }

    /// Another state, and nothing else yet (`prepareTransitionTo`).
    fn to(&self, state: TransactionState) -> TransactionMetadata {
        debug_assert!(
            state.valid_previous_states().contains(&self.state),
            "from {:?} to {state:?}",
            self.state
        );
        TransactionMetadata { state, prev_producer_id: self.producer_id, ..self.clone() }
    }

    /// A producer begins, or goes on after an error: the next epoch. With the epoch that it expects
    /// to have, a retry gets the epoch it was given, and a zombie is fenced (KIP-360).
    pub fn prepare_increment_producer_epoch(
        &self,
        txn_timeout_ms: i32,
        expected_producer_epoch: Option<i16>,
        now: i64,
    ) -> Result<TransactionMetadata, ErrorCode> {
        // Kafka throws an `IllegalStateException` before it looks at what is expected.
        if self.is_producer_epoch_exhausted() {
            return Err(ErrorCode::UnknownServerError);
        }
        let bumped = self.producer_epoch + 1;
        let (producer_epoch, last_producer_epoch) = match expected_producer_epoch {
            None => (bumped, NO_PRODUCER_EPOCH),
            Some(expected)
                if self.producer_epoch == NO_PRODUCER_EPOCH || expected == self.producer_epoch =>
            {
                (bumped, self.producer_epoch)
            }
            Some(expected) if expected == self.last_producer_epoch => {
                (self.producer_epoch, self.last_producer_epoch)
            }
            Some(_) => return Err(ErrorCode::ProducerFenced),
        };
        Ok(TransactionMetadata {
            producer_epoch,
            last_producer_epoch,
            ..self.begun(txn_timeout_ms, now)
        })
    }

    /// A producer begins whose id has no epoch left: another id.
    pub fn prepare_producer_id_rotation(
        &self,
        producer_id: i64,
        txn_timeout_ms: i32,
        now: i64,
        record_last_epoch: bool,
    ) -> TransactionMetadata {
        TransactionMetadata {
            producer_id,
            producer_epoch: 0,
            last_producer_epoch: if record_last_epoch {
                self.producer_epoch
            } else {
                NO_PRODUCER_EPOCH
            },
            ..self.begun(txn_timeout_ms, now)
        }
    }

    fn begun(&self, txn_timeout_ms: i32, now: i64) -> TransactionMetadata {
        TransactionMetadata {
            txn_timeout_ms,
            topic_partitions: SortedSet::new(),
            txn_start_timestamp: -1,
            txn_last_update_timestamp: now,
            ..self.to(TransactionState::Empty)
        }
    }

    /// Partitions take part from now on; the first ones begin the transaction.
    pub fn prepare_add_partitions(
        &self,
        added: &SortedSet<TopicPartition>,
        now: i64,
        client_transaction_version: TransactionVersion,
    ) -> TransactionMetadata {
        let mut next = self.to(TransactionState::Ongoing);
        next.topic_partitions.extend(added.iter().cloned());
        if self.state != TransactionState::Ongoing {
            next.txn_start_timestamp = now;
        }
        next.txn_last_update_timestamp = now;
        next.client_transaction_version = client_transaction_version;
        next
    }

    /// The outcome is decided. Under transactions v2 the epoch goes up with it, so that nothing sent
    /// before can come into the next transaction; at its end `next_producer_id` takes over.
    pub fn prepare_abort_or_commit(
        &self,
        result: TransactionResult,
        client_transaction_version: TransactionVersion,
        next_producer_id: i64,
        now: i64,
        no_partition_added: bool,
    ) -> TransactionMetadata {
        let mut next = self.to(result.prepare_state());
        if client_transaction_version.supports_epoch_bump() {
            // At the very last epoch an abort goes through without another, to get out of there.
            next.producer_epoch = self.producer_epoch.saturating_add(1);
            next.last_producer_epoch = self.producer_epoch;
        }
        if no_partition_added {
            next.txn_start_timestamp = now;
        }
        next.next_producer_id = next_producer_id;
        next.txn_last_update_timestamp = now;
        next.client_transaction_version = client_transaction_version;
        next
    }

    /// Every marker is written.
    pub fn prepare_complete(&self, now: i64) -> TransactionMetadata {
        let result = match self.state {
            TransactionState::PrepareCommit => TransactionResult::Commit,
            TransactionState::PrepareAbort
            | TransactionState::Empty
            | TransactionState::Ongoing
            | TransactionState::CompleteCommit
            | TransactionState::CompleteAbort => TransactionResult::Abort,
        };
        let mut next = self.to(result.complete_state());
        if self.client_transaction_version.supports_epoch_bump()
            && self.next_producer_id != NO_PRODUCER_ID
        {
            next.producer_id = self.next_producer_id;
            next.producer_epoch = 0;
        }
        next.next_producer_id = NO_PRODUCER_ID;
        next.topic_partitions = SortedSet::new();
        next.txn_last_update_timestamp = now;
        next
    }
}

/// `TransactionMetadata.isEpochExhausted`.
pub(crate) fn is_epoch_exhausted(producer_epoch: i16) -> bool {
    producer_epoch >= i16::MAX - 1
}
