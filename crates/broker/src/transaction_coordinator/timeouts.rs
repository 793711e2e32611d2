//! What time brings: transactions that are open for too long are aborted, transactional ids that
//! nobody uses are forgotten, markers that could not be written are tried again.

use super::end_transaction::fence_and_abort;
use super::transaction_log::TransactionRecord;
use super::transaction_state::TransactionState;
use super::{Call, TRANSACTION_STATE_TOPIC_NAME, TransactionStateManager, markers, state_manager};
use crate::{Broker, Effects};

/// When [`tick`] has something to do next.
pub(crate) fn next_wakeup(broker: &Broker) -> Option<i64> {
    let coordinator = &broker.transaction_coordinator;
    let unloaded =
        coordinator.load_pending && broker.image.topic(TRANSACTION_STATE_TOPIC_NAME).is_some();
    let watched = unloaded || coordinator.shards.values().any(TransactionStateManager::has_ongoing);
    let abort_check = watched.then_some(coordinator.next_abort_check_ms);
    let known = coordinator.shards.values().any(|shard| !shard.is_empty());
    let expiration_check = known.then_some(coordinator.next_expiration_check_ms);
    let retry = coordinator
        .shards
        .values()
        .flat_map(|shard| shard.pending.values())
        .filter_map(|pending| pending.retry_at)
        .min();
    [abort_check, expiration_check, retry].into_iter().flatten().min()
}

/// Does what is due.
pub(crate) fn tick(broker: &mut Broker, now: i64, effects: &mut Effects) {
    retry_markers(broker, now, effects);
    let coordinator = &mut broker.transaction_coordinator;
    let abort = coordinator.next_abort_check_ms <= now;
    if abort {
        let interval = coordinator.config.abort_timed_out_transactions_interval_ms;
        coordinator.next_abort_check_ms = after(coordinator.next_abort_check_ms, interval, now);
    }
    let expire = coordinator.next_expiration_check_ms <= now;
    if expire {
        let interval = coordinator.config.remove_expired_transactional_ids_interval_ms;
        coordinator.next_expiration_check_ms =
            after(coordinator.next_expiration_check_ms, interval, now);
    }
    if abort {
        state_manager::load_all(broker, now, effects);
        abort_timed_out_transactions(broker, now, effects);
    }
    if expire {
        remove_expired_transactional_ids(broker, now, effects);
    }
}

/// The first time after `now` on the grid of a periodic task.
fn after(due: i64, interval: i64, now: i64) -> i64 {
    let steps = (now.saturating_sub(due) / interval).saturating_add(1);
    due.saturating_add(steps.saturating_mul(interval))
}

fn retry_markers(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let due: Vec<String> = broker
        .transaction_coordinator
        .shards
        .values()
        .flat_map(|shard| shard.pending.iter())
        .filter(|(_, pending)| pending.retry_at.is_some_and(|at| at <= now))
        .map(|(id, _)| id.clone())
        .collect();
    for transactional_id in due {
        markers::send(broker, Call::timer(now), &transactional_id, effects);
    }
}

/// `abortTimedOutTransactions`.
fn abort_timed_out_transactions(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let timed_out: Vec<String> = broker
        .transaction_coordinator
        .transactions()
        .filter(|(_, metadata)| {
            let end =
                metadata.txn_start_timestamp.saturating_add(i64::from(metadata.txn_timeout_ms));
            metadata.state == TransactionState::Ongoing
                && !metadata.is_distributed_two_phase_commit_txn()
                && end < now
        })
        .map(|(id, _)| id.to_owned())
        .collect();
    for transactional_id in timed_out {
        // Where it fails, the next check comes by again.
        let _ = fence_and_abort(broker, Call::timer(now), &transactional_id, effects);
    }
}

/// `removeExpiredTransactionalIds`: tombstones, as many to a batch as a batch may hold.
fn remove_expired_transactional_ids(broker: &mut Broker, now: i64, effects: &mut Effects) {
    let call = Call::timer(now);
    let coordinator = &broker.transaction_coordinator;
    let oldest = now.saturating_sub(coordinator.config.transactional_id_expiration_ms);
    let expired = |shard: &TransactionStateManager| -> Vec<TransactionRecord> {
        shard
            .transactions()
            .filter(|(_, metadata)| {
                metadata.state.is_expiration_allowed()
                    && metadata.txn_last_update_timestamp <= oldest
            })
            .map(|(id, _)| TransactionRecord { transactional_id: id.to_owned(), metadata: None })
            .collect()
    };
    let by_partition: Vec<(i32, Vec<TransactionRecord>)> =
        coordinator.shards.iter().map(|(index, shard)| (*index, expired(shard))).collect();
    for (index, records) in by_partition {
        let partition = broker.replica_manager.partition(TRANSACTION_STATE_TOPIC_NAME, index);
        let limit = partition.map_or(0, |partition| partition.log().config().max_message_bytes);
        let mut batch = Vec::new();
        let mut bytes = 0;
        for record in records {
            // The key, and what a record and a batch take around it.
            let size = record.transactional_id.len() + RECORD_OVERHEAD_BYTES;
            if bytes + size + BATCH_OVERHEAD_BYTES > limit && !batch.is_empty() {
                let full = core::mem::take(&mut batch);
                let _ = state_manager::append_records(broker, call, index, full, effects);
                bytes = 0;
            }
            bytes += size;
            batch.push(record);
        }
        if !batch.is_empty() {
            // Where it fails, the ids are still there when the next check comes by.
            let _ = state_manager::append_records(broker, call, index, batch, effects);
        }
    }
}

/// `DefaultRecord.MAX_RECORD_OVERHEAD` and the four bytes of type and length before an id.
const RECORD_OVERHEAD_BYTES: usize = 21 + 4;
const BATCH_OVERHEAD_BYTES: usize = logbrook_record::RECORD_BATCH_OVERHEAD;
