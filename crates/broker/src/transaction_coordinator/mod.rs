//! The transaction coordinator of a broker: `__transaction_state` and the transactional ids kept in it.
//!
//! Each partition of `__transaction_state` that this broker leads is a shard with the transactional
//! ids that hash to it (`TransactionStateManager`). An operation reads a transactional id's metadata
//! and decides what they become; that is appended to the partition's log, and replaying the record is
//! what changes the state. A shard is loaded by replaying the log when it is first asked for, and what
//! was prepared before is then completed.
//!
//! ```text
//!   api/init_producer_id ----+
//!   api/add_partitions_to_txn+--> decide (transaction_metadata) --> append to __transaction_state
//!   api/produce (v12+)       |                                          |
//!   api/end_txn -------------+                                       replay --> Prepare*
//!   tick: timeouts, expiry --+                                          |
//!                                 Complete* <-- append <-- every marker is written (markers)
//! ```
//!
//! Sources: `TransactionCoordinator`, `TransactionStateManager`, `TransactionMarkerChannelManager` of
//! Apache Kafka 4.3.1. Different from Kafka 4.4: what is appended counts at once for whoever asks next, and
//! only the answer waits until it is replicated; nothing is ever pending but markers, and those of this
//! broker's partitions are written within the request where they can be.

mod add_partitions;
mod describe;
mod end_transaction;
mod init_producer_id;
mod markers;
mod producer_id_manager;
mod remote;
mod state_manager;
mod timeouts;
mod transaction_log;
mod transaction_metadata;
mod transaction_state;
mod verify_partitions;

use logbrook_group::records::partition_for;
use logbrook_sorted::SortedMap;

use crate::api::RequestContext;
use crate::{Broker, BrokerConfig, Cause, ErrorCode};

pub(crate) use add_partitions::add_partitions;
pub(crate) use describe::{ListFilters, describe, list};
pub(crate) use end_transaction::{EndTransaction, end_transaction};
pub(crate) use init_producer_id::{InitProducerId, ProducerIdAndEpoch, init_producer_id};
pub(crate) use markers::{
    EndTxnMarker, append_marker, markers_answered, send_replicated, write_marker,
};
pub(crate) use producer_id_manager::generate_producer_id;
pub(crate) use remote::{AskCoordinator, Told};
pub(crate) use state_manager::{TransactionStateManager, follow_leader, on_topics_deleted};
pub(crate) use timeouts::{next_wakeup, tick};
pub use transaction_log::{TransactionRecord, TransactionRecordError};
pub use transaction_metadata::TransactionMetadata;
pub use transaction_state::{TransactionResult, TransactionState, TransactionVersion};
pub(crate) use verify_partitions::{
    TransactionSupportedOperation, Verification, add_or_verify_partition, add_or_verify_partitions,
    verify_partition,
};

/// The topic that holds the transactional ids.
pub(crate) const TRANSACTION_STATE_TOPIC_NAME: &str = "__transaction_state";

/// What the broker is configured with for transactions (`TransactionConfig`).
#[derive(Clone, Debug)]
struct TransactionConfig {
    transactional_id_expiration_ms: i64,
    transaction_max_timeout_ms: i64,
    abort_timed_out_transactions_interval_ms: i64,
    remove_expired_transactional_ids_interval_ms: i64,
    two_phase_commit_enable: bool,
    partition_verification_enable: bool,
}

/// The transactional ids that this broker coordinates.
#[derive(Clone, Debug)]
pub struct TransactionCoordinator {
    config: TransactionConfig,
    /// The transactional ids by partition of `__transaction_state`, as far as they are loaded.
    shards: SortedMap<i32, TransactionStateManager>,
    /// Whether partitions that were there at the start may still have to be loaded.
    load_pending: bool,
    /// When transactions that are open for too long are looked for next.
    next_abort_check_ms: i64,
    /// When transactional ids that are unused for too long are looked for next.
    next_expiration_check_ms: i64,
}

impl TransactionCoordinator {
    pub(crate) fn new(config: &BrokerConfig, now: i64) -> TransactionCoordinator {
        let number = |name| config.number(name);
        let config = TransactionConfig {
            transactional_id_expiration_ms: number("transactional.id.expiration.ms"),
            transaction_max_timeout_ms: number("transaction.max.timeout.ms"),
            abort_timed_out_transactions_interval_ms: number(
                "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            )
            .max(1),
            remove_expired_transactional_ids_interval_ms: number(
                "transaction.remove.expired.transaction.cleanup.interval.ms",
            )
            .max(1),
            two_phase_commit_enable: config.flag("transaction.two.phase.commit.enable"),
            partition_verification_enable: config.flag("transaction.partition.verification.enable"),
        };
        TransactionCoordinator {
            next_abort_check_ms: now
                .saturating_add(config.abort_timed_out_transactions_interval_ms),
            next_expiration_check_ms: now
                .saturating_add(config.remove_expired_transactional_ids_interval_ms),
            config,
            shards: SortedMap::new(),
            load_pending: true,
        }
    }

    /// A transactional id, where its partition is loaded.
    pub fn transaction(&self, transactional_id: &str) -> Option<&TransactionMetadata> {
        self.transactions().find(|(id, _)| *id == transactional_id).map(|(_, metadata)| metadata)
    }

    /// The transactional ids that are loaded.
    pub fn transactions(&self) -> impl Iterator<Item = (&str, &TransactionMetadata)> {
        self.shards.values().flat_map(TransactionStateManager::transactions)
    }
}

/// When something is done, and for which request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Ms since the epoch.
    pub(crate) now: i64,
    /// `None` where time passing is the reason.
    pub(crate) cause: Option<Cause>,
}

impl Call {
    pub(crate) fn of(ctx: &RequestContext) -> Call {
        Call { now: ctx.now, cause: ctx.cause() }
    }

    fn timer(now: i64) -> Call {
        Call { now, cause: None }
    }
}

/// An error as a client knows it: `PRODUCER_FENCED` came with version `first` of its request, and before
/// it `INVALID_PRODUCER_EPOCH` stands for it (KIP-588).
pub(crate) fn error_for(error: ErrorCode, version: i16, first: i16) -> ErrorCode {
    if error == ErrorCode::ProducerFenced && version < first {
        ErrorCode::InvalidProducerEpoch
    } else {
        error
    }
}

/// The partition of `__transaction_state` that holds a transactional id.
pub(crate) fn partition_of(broker: &Broker, transactional_id: &str) -> i32 {
    let partitions = match broker.image.topic(TRANSACTION_STATE_TOPIC_NAME) {
        Some(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        None => i32::try_from(broker.config.number("transaction.state.log.num.partitions"))
            .unwrap_or(i32::MAX),
    };
    partition_for(transactional_id, partitions)
}
