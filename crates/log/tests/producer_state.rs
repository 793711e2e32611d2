//! Kafka's `ProducerStateManagerTest`, case by case, as far as `append.rs`, `log.rs` and `transactions.rs` do not
//! hold the case already: what a log remembers of producers, on a leader and on a follower.

mod common;

use common::{NOW, build};
use logbrook_log::{
    AppendError, AppendErrorKind, AppendInfo, AppendOrigin, LATE_TRANSACTION_BUFFER_MS,
    LeaderAppend, Log, LogConfig, ProducerStateEntry, ProducerStateManager, TransactionVersion,
};
use logbrook_record::{
    BatchOptions, EndTransactionMarker, LeaderEpoch, Offset, ProducerEpoch, ProducerId,
};

const EPOCH: LeaderEpoch = LeaderEpoch(0);
const ID: i64 = 1;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn log() -> Log {
    let config = LogConfig { retention_ms: -1, ..LogConfig::default() };
    // Who writes without asking the coordinator first, as the cases do.
    Log::new(LogConfig { transaction_verification_enable: false, ..config }, Offset(0))
}

fn options(id: i64, epoch: i16, sequence: i32, transactional: bool) -> BatchOptions {
    BatchOptions {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        transactional,
        ..BatchOptions::default()
    }
}

/// `appendClientEntry`: one record at this time.
fn client(
    log: &mut Log,
    id: i64,
    (epoch, sequence): (i16, i32),
    transactional: bool,
    now: i64,
) -> Result<AppendInfo, AppendError> {
    let batch = build(options(id, epoch, sequence, transactional), 1, now);
    log.append_with(batch, LeaderAppend::new(EPOCH, AppendOrigin::Client, now))
}

fn plain(log: &mut Log, epoch: i16, sequence: i32) -> Result<AppendInfo, AppendErrorKind> {
    client(log, ID, (epoch, sequence), false, NOW).map_err(|error| error.kind)
}

fn in_transaction(
    log: &mut Log,
    id: i64,
    epoch: i16,
    sequence: i32,
) -> Result<i64, AppendErrorKind> {
    let appended = client(log, id, (epoch, sequence), true, NOW);
    appended.map(|info| info.first_offset.0).map_err(|error| error.kind)
}

/// `appendReplicationEntry`: as it came from a leader, at an offset of its choice.
fn replicate(log: &mut Log, epoch: i16, sequence: i32, records: usize, offset: i64) {
    let options =
        BatchOptions { base_offset: Offset(offset), ..options(ID, epoch, sequence, false) };
    log.append_as_follower(build(options, records, NOW), NOW).expect("a leader's batch");
}

/// `appendEndTxnMarker`: the offset that it got.
fn end(
    log: &mut Log,
    id: i64,
    epoch: i16,
    committed: bool,
    coordinator_epoch: i32,
) -> Result<i64, AppendErrorKind> {
    let marker = EndTransactionMarker { committed, coordinator_epoch };
    let batch = marker.batch(NOW, ProducerId(id), ProducerEpoch(epoch)).expect("no codec");
    let how = LeaderAppend {
        transaction_version: TransactionVersion::TV_1,
        ..LeaderAppend::new(EPOCH, AppendOrigin::Coordinator, NOW)
    };
    log.append_with(batch, how).map(|info| info.first_offset.0).map_err(|error| error.kind)
}

fn entry(log: &Log) -> ProducerStateEntry {
    log.producer_state().last_entry(ProducerId(ID)).expect("a known producer").clone()
}

/// First and last sequence of what is remembered of the producer; -1 for nothing.
fn sequences(log: &Log) -> (i32, i32) {
    let entry = entry(log);
    (entry.batches.front().map_or(-1, |batch| batch.first_sequence()), entry.last_sequence())
}

#[test]
fn test_basic_id_mapping() {
    let mut log = log();
    plain(&mut log, 0, 0).expect("the first");
    plain(&mut log, 0, 1).expect("the second");
    assert_eq!(plain(&mut log, 0, 5), Err(AppendErrorKind::OutOfOrderSequence));
    plain(&mut log, 1, 0).expect("a new epoch");
    assert_eq!(plain(&mut log, 0, 0), Err(AppendErrorKind::InvalidProducerEpoch));
}

#[test]
fn test_append_txn_marker_with_no_producer_state() {
    let mut log = log();
    end(&mut log, ID, 2, true, 0).expect("a marker alone");
    assert_eq!((entry(&log).producer_epoch, sequences(&log)), (ProducerEpoch(2), (-1, -1)));
    assert_eq!(plain(&mut log, 0, 0), Err(AppendErrorKind::InvalidProducerEpoch));
    assert_eq!(plain(&mut log, 2, 17), Err(AppendErrorKind::OutOfOrderSequence));
    plain(&mut log, 2, 0).expect("it began anew");
    assert_eq!((entry(&log).producer_epoch, sequences(&log)), (ProducerEpoch(2), (0, 0)));
}

#[test]
fn test_producer_sequence_wrap_around() {
    let mut log = log();
    replicate(&mut log, 15, i32::MAX, 1, 735);
    plain(&mut log, 15, 0).expect("0 follows the greatest");
    assert_eq!(sequences(&log), (i32::MAX, 0));
}

#[test]
fn test_producer_sequence_with_wrap_around_batch_record() {
    let mut log = log();
    replicate(&mut log, 15, i32::MAX - 10, 21, 2000);
    let entry = entry(&log);
    let batch = entry.batches.front().expect("one batch");
    assert_eq!((batch.first_sequence(), batch.last_sequence), (i32::MAX - 10, 9));
    assert_eq!((batch.first_offset(), batch.last_offset), (Offset(2000), Offset(2020)));
}

#[test]
fn test_producer_sequence_invalid_wrap_around() {
    let mut log = log();
    replicate(&mut log, 15, i32::MAX, 1, 735);
    assert_eq!(plain(&mut log, 15, 1), Err(AppendErrorKind::OutOfOrderSequence));
}

#[test]
fn test_no_validation_on_first_entry_when_loading_log() {
    let mut log = log();
    replicate(&mut log, 5, 16, 1, 735);
    assert_eq!(sequences(&log), (16, 16));
    let batch = entry(&log).batches[0];
    assert_eq!((batch.first_offset(), batch.last_offset), (Offset(735), Offset(735)));
}

#[test]
fn test_control_record_bumps_producer_epoch() {
    let mut log = log();
    plain(&mut log, 0, 0).expect("the first");
    end(&mut log, ID, 1, false, 0).expect("a fence");
    let fenced = entry(&log);
    assert_eq!((fenced.producer_epoch, fenced.current_txn_first_offset), (ProducerEpoch(1), None));
    assert_eq!(sequences(&log), (-1, -1));
    plain(&mut log, 1, 0).expect("the new epoch begins at 0");
    assert_eq!(sequences(&log), (0, 0));
}

#[test]
fn test_has_late_transaction() {
    let mut log = log();
    let timeout_ms = 60_000;
    let late_ms = timeout_ms + LATE_TRANSACTION_BUFFER_MS;
    let is_late = |log: &Log, now| log.producer_state().has_late_transaction(now, timeout_ms);
    client(&mut log, 39, (2, 0), true, NOW).expect("the first begins");
    assert!(!is_late(&log, NOW));
    client(&mut log, 57, (9, 0), true, NOW + 500).expect("the second begins");
    assert!(!is_late(&log, NOW + 500));
    assert!(is_late(&log, NOW + late_ms + 1), "the first");
    assert!(is_late(&log, NOW + 500 + late_ms + 1), "both");
    // What is read from a snapshot is as late as before.
    let bytes = log.producer_state().encode_snapshot();
    let reloaded = ProducerStateManager::from_snapshot(&bytes, NOW, DAY_MS).expect("a snapshot");
    assert!(reloaded.has_late_transaction(NOW + late_ms + 1, timeout_ms));
    end(&mut log, 39, 2, true, 0).expect("the first ends");
    assert!(is_late(&log, NOW + 500 + late_ms + 1), "the second");
    end(&mut log, 57, 9, true, 0).expect("the second ends");
    assert!(!is_late(&log, NOW + 500 + late_ms + 1));
}

#[test]
fn test_has_late_transaction_updated_after_truncation() {
    let timeout_ms = 60_000;
    let late = NOW + timeout_ms + LATE_TRANSACTION_BUFFER_MS + 1;
    let mut partly = log();
    plain(&mut partly, 0, 0).expect("another batch first");
    in_transaction(&mut partly, 39, 2, 0).expect("a transaction");
    let mut fully = partly.clone();
    assert!(partly.producer_state().has_late_transaction(late, timeout_ms));
    partly.truncate_to(Offset(1), late);
    assert!(!partly.producer_state().has_late_transaction(late, timeout_ms));
    fully.truncate_fully_and_start_at(Offset(150), late);
    assert!(!fully.producer_state().has_late_transaction(late, timeout_ms));
}

#[test]
fn update_producer_transaction_state() {
    let mut log = log();
    plain(&mut log, 0, 0).expect("outside a transaction");
    let five = build(options(ID, 0, 1, true), 5, NOW);
    let how = LeaderAppend::new(EPOCH, AppendOrigin::Client, NOW);
    log.append_with(five, how).expect("it begins");
    log.append_with(build(options(ID, 0, 6, true), 5, NOW), how).expect("it goes on");
    let open = entry(&log);
    assert_eq!((sequences(&log), open.current_txn_first_offset), ((0, 10), Some(Offset(1))));
    end(&mut log, ID, 0, true, 15).expect("it ends");
    // The marker does not touch the batches.
    let ended = entry(&log);
    assert_eq!((sequences(&log), ended.current_txn_first_offset), ((0, 10), None));
    assert_eq!((ended.batches, ended.coordinator_epoch), (open.batches, 15));
}

#[test]
fn test_out_of_sequence_after_control_record_epoch_bump() {
    let mut log = log();
    in_transaction(&mut log, ID, 0, 0).expect("it begins");
    in_transaction(&mut log, ID, 0, 1).expect("it goes on");
    end(&mut log, ID, 1, false, 0).expect("a fence");
    let wrong = Err(AppendErrorKind::OutOfOrderSequence);
    assert_eq!(in_transaction(&mut log, ID, 1, 2), wrong);
    assert_eq!(in_transaction(&mut log, ID, 2, 2), wrong);
    in_transaction(&mut log, ID, 1, 0).expect("it begins at 0");
    assert_eq!((entry(&log).producer_epoch, sequences(&log)), (ProducerEpoch(1), (0, 0)));
}

#[test]
fn test_producer_state_after_fencing_abort_marker() {
    let mut log = log();
    in_transaction(&mut log, ID, 0, 0).expect("it begins");
    end(&mut log, ID, 1, false, 0).expect("a fence");
    let fenced = entry(&log);
    assert_eq!((fenced.current_txn_first_offset, fenced.batches.len()), (None, 0));
    // Fencing epochs are remembered.
    log.remove_expired_producers(NOW);
    assert_eq!(entry(&log), fenced);
}

#[test]
fn test_pid_expiration_timeout() {
    let mut log = log();
    plain(&mut log, 5, 0).expect("the first");
    log.remove_expired_producers(NOW + DAY_MS + 1);
    plain(&mut log, 5, 1).expect("nobody remembers what came before");
    assert_eq!(log.producer_state().active_producers().count(), 1);
    assert_eq!(sequences(&log), (1, 1));
}

#[test]
fn test_accept_append_without_producer_state_on_replica() {
    let mut log = log();
    plain(&mut log, 0, 0).expect("the first");
    plain(&mut log, 0, 1).expect("the second");
    log.remove_expired_producers(NOW + DAY_MS);
    assert_eq!(log.producer_state().active_producers().count(), 0);
    replicate(&mut log, 0, 2, 1, 2);
    assert_eq!((entry(&log).producer_epoch, sequences(&log)), (ProducerEpoch(0), (2, 2)));
}

#[test]
fn test_accept_append_with_sequence_gaps_on_replica() {
    let mut log = log();
    plain(&mut log, 0, 0).expect("the first");
    assert_eq!(plain(&mut log, 0, 3), Err(AppendErrorKind::OutOfOrderSequence));
    assert_eq!(sequences(&log), (0, 0));
    replicate(&mut log, 0, 3, 1, 1);
    assert_eq!(sequences(&log), (0, 3));
}

#[test]
fn test_first_unstable_offset() {
    let mut log = log();
    let undecided = |log: &Log| log.producer_state().first_undecided_offset().map(|o| o.0);
    let unstable = |log: &Log| log.producer_state().first_unstable_offset().map(|o| o.0);
    assert_eq!(undecided(&log), None);
    let first = in_transaction(&mut log, 1, 5, 0).expect("one begins");
    assert_eq!((undecided(&log), unstable(&log)), (Some(first), Some(first)));
    let second = in_transaction(&mut log, 2, 5, 0).expect("another begins");
    assert_eq!((undecided(&log), unstable(&log)), (Some(first), Some(first)));
    let committed = end(&mut log, 1, 5, true, 0).expect("one ends");
    assert_eq!((undecided(&log), unstable(&log)), (Some(second), Some(first)));
    log.set_high_watermark(Offset(committed));
    assert_eq!(unstable(&log), Some(first));
    log.set_high_watermark(Offset(committed + 1));
    assert_eq!(unstable(&log), Some(second));
    let aborted = end(&mut log, 2, 5, false, 0).expect("the other ends");
    assert_eq!((undecided(&log), unstable(&log)), (None, Some(second)));
    log.set_high_watermark(Offset(aborted + 1));
    assert_eq!(unstable(&log), None);
}

#[test]
fn test_last_stable_offset_completed_txn() {
    let mut log = log();
    let mut offsets = Vec::new();
    for id in 1..=3 {
        offsets.push(in_transaction(&mut log, id, 5, 0).expect("it begins"));
    }
    let mut end_and_replicate = |id| {
        let marker = end(&mut log, id, 5, true, 0).expect("it ends");
        log.set_high_watermark(Offset(marker + 1));
        (log.producer_state().first_unstable_offset().map(|o| o.0), marker)
    };
    assert_eq!(end_and_replicate(1).0, Some(offsets[1]));
    assert_eq!(end_and_replicate(3).0, Some(offsets[1]));
    let (unstable, marker) = end_and_replicate(2);
    assert_eq!((unstable, log.last_stable_offset()), (None, Offset(marker + 1)));
}

#[test]
fn test_producers_with_ongoing_transactions_dont_expire() {
    let mut log = log();
    let begun = in_transaction(&mut log, ID, 5, 0).expect("it begins");
    for _ in 0..2 {
        log.remove_expired_producers(NOW + DAY_MS + 1);
        assert_eq!(entry(&log).current_txn_first_offset, Some(Offset(begun)));
        assert_eq!(log.producer_state().first_undecided_offset(), Some(Offset(begun)));
    }
}

#[test]
fn test_sequence_not_validated_for_group_metadata_topic() {
    let mut log = log();
    for _ in 0..2 {
        let batch = build(options(ID, 0, -1, true), 1, NOW);
        let how = LeaderAppend::new(EPOCH, AppendOrigin::Coordinator, NOW);
        log.append_with(batch, how).expect("a coordinator has no sequence");
    }
}

#[test]
fn test_old_epoch_for_control_record() {
    let mut log = log();
    in_transaction(&mut log, ID, 5, 0).expect("it begins");
    assert_eq!(end(&mut log, ID, 3, true, 0), Err(AppendErrorKind::InvalidProducerEpoch));
}

#[test]
fn test_coordinator_fencing() {
    let mut log = log();
    in_transaction(&mut log, ID, 5, 0).expect("it begins");
    end(&mut log, ID, 5, true, 1).expect("it ends");
    assert_eq!(entry(&log).coordinator_epoch, 1);
    end(&mut log, ID, 5, true, 1).expect("the same term");
    end(&mut log, ID, 5, true, 2).expect("a later term");
    let fenced = Err(AppendErrorKind::TransactionCoordinatorFenced);
    assert_eq!(end(&mut log, ID, 5, true, 1), fenced);
    // A snapshot keeps the term (`testCoordinatorFencedAfterReload`).
    let bytes = log.producer_state().encode_snapshot();
    let reloaded = ProducerStateManager::from_snapshot(&bytes, NOW, DAY_MS).expect("a snapshot");
    assert_eq!(reloaded.last_entry(ProducerId(ID)), Some(&entry(&log)));
}

#[test]
fn test_skip_empty_transactions() {
    let mut log = log();
    let open = in_transaction(&mut log, ID, 0, 0).expect("it begins");
    log.set_high_watermark(log.log_end_offset());
    assert_eq!(log.producer_state().first_unstable_offset(), Some(Offset(open)));
    end(&mut log, ID, 0, true, 0).expect("it ends");
    // Two that hold nothing.
    end(&mut log, ID, 0, true, 0).expect("an empty one");
    end(&mut log, ID, 0, false, 0).expect("another");
    let aborted = in_transaction(&mut log, ID, 0, 1).expect("one to abort");
    let marker = end(&mut log, ID, 0, false, 0).expect("aborted");
    end(&mut log, ID, 0, false, 0).expect("an empty one");
    let last = in_transaction(&mut log, ID, 0, 2).expect("one that stays open");
    log.set_high_watermark(log.log_end_offset());
    assert_eq!(log.producer_state().first_unstable_offset(), Some(Offset(last)));
    let listed = log.aborted_transactions(Offset(0), log.log_end_offset());
    let listed: Vec<_> = listed.iter().map(|t| (t.first_offset.0, t.last_offset.0)).collect();
    assert_eq!(listed, [(aborted, marker)], "the empty ones are not there");
}

#[test]
fn test_sequence_and_epoch_in_verification_entry() {
    let mut log = Log::new(LogConfig::default(), Offset(0));
    let mut verify = |sequence, epoch| {
        let begun = log.maybe_start_transaction_verification(
            ProducerId(ID),
            sequence,
            ProducerEpoch(epoch),
            false,
            NOW,
        );
        let guard = begun.expect("current");
        let entry = log.producer_state().verification_state_entry(ProducerId(ID)).expect("begun");
        (guard, entry.lowest_sequence, entry.epoch.0)
    };
    let (guard, ..) = verify(1, 0);
    assert_eq!(verify(0, 0), (guard, 0, 0), "the lower sequence");
    assert_eq!(verify(2, 1), (guard, 2, 1), "the higher epoch");
    assert_eq!(verify(0, 0), (guard, 2, 1), "a lower epoch says nothing");
}
