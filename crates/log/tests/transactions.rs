//! What a partition's log knows of transactions: verification, markers, last stable offset, aborted lists.

mod common;

use bytes::Bytes;
use common::{NOW, batch, build, idempotent};
use logbrook_log::{
    AppendError, AppendErrorKind, AppendInfo, AppendOrigin, LeaderAppend, Log, LogConfig,
    TransactionVersion, VerificationGuard,
};
use logbrook_record::{
    BatchOptions, EndTransactionMarker, LeaderEpoch, Offset, ProducerEpoch, ProducerId,
};

const EPOCH: LeaderEpoch = LeaderEpoch(5);
const CLIENT: LeaderAppend = LeaderAppend::new(EPOCH, AppendOrigin::Client, NOW);

fn transactional(producer_id: i64, epoch: i16, base_sequence: i32) -> Bytes {
    let options = BatchOptions {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
        transactional: true,
        ..BatchOptions::default()
    };
    build(options, 1, NOW)
}

/// Verifies and appends the first or a later batch of a transaction.
fn send(log: &mut Log, id: i64, epoch: i16, sequence: i32) -> Result<AppendInfo, AppendError> {
    let verification_guard = log.maybe_start_transaction_verification(
        ProducerId(id),
        sequence,
        ProducerEpoch(epoch),
        false,
        NOW,
    )?;
    log.append_with(
        transactional(id, epoch, sequence),
        LeaderAppend { verification_guard, ..CLIENT },
    )
}

struct Marker {
    committed: bool,
    coordinator_epoch: i32,
    version: TransactionVersion,
}

const COMMIT: Marker =
    Marker { committed: true, coordinator_epoch: 7, version: TransactionVersion::TV_1 };
const ABORT: Marker = Marker { committed: false, ..COMMIT };

fn end(log: &mut Log, id: i64, epoch: i16, marker: &Marker) -> Result<AppendInfo, AppendError> {
    let Marker { committed, coordinator_epoch, version } = *marker;
    let batch = EndTransactionMarker { committed, coordinator_epoch }
        .batch(NOW, ProducerId(id), ProducerEpoch(epoch))
        .expect("no codec");
    let how = LeaderAppend::new(EPOCH, AppendOrigin::Coordinator, NOW);
    log.append_with(batch, LeaderAppend { transaction_version: version, ..how })
}

fn log() -> Log {
    Log::new(LogConfig::default(), Offset(0))
}

#[test]
fn committed_reads_wait_for_the_marker_and_for_its_replication() {
    let mut log = log();
    log.append_as_leader(batch(2, NOW), EPOCH, NOW).expect("a plain batch");
    send(&mut log, 1, 0, 0).expect("offset 2");
    send(&mut log, 2, 0, 0).expect("offset 3");
    log.set_high_watermark(Offset(4));
    assert_eq!(log.last_stable_offset(), Offset(2));

    end(&mut log, 1, 0, &ABORT).expect("an abort, offset 4");
    assert_eq!(log.last_stable_offset(), Offset(2), "the marker is not replicated");
    log.set_high_watermark(Offset(5));
    assert_eq!(log.last_stable_offset(), Offset(3), "the second is open");
    end(&mut log, 2, 0, &COMMIT).expect("a commit, offset 5");
    log.set_high_watermark(Offset(6));
    assert_eq!(log.last_stable_offset(), Offset(6));
    let aborted: Vec<_> =
        log.aborted_transactions(Offset(0), Offset(6)).iter().map(|txn| txn.first_offset).collect();
    assert_eq!(aborted, [Offset(2)]);

    let error = end(&mut log, 2, 0, &Marker { coordinator_epoch: 6, ..COMMIT })
        .expect_err("an older coordinator");
    assert_eq!(
        (error.kind, error.kind.code()),
        (AppendErrorKind::TransactionCoordinatorFenced, 52)
    );
}

#[test]
fn a_transaction_that_nobody_verified_is_refused() {
    let mut log = log();
    let refused = |log: &mut Log, how| {
        let error = log.append_with(transactional(1, 0, 0), how).expect_err("not verified");
        (error.kind, error.message("orders-0"))
    };
    let not_ongoing = || {
        let text = "Record was not part of an ongoing transaction";
        (AppendErrorKind::InvalidTxnState, text.to_owned())
    };
    assert_eq!(refused(&mut log, CLIENT), not_ongoing());

    let begin = |log: &mut Log| {
        log.maybe_start_transaction_verification(ProducerId(1), 0, ProducerEpoch(0), false, NOW)
            .expect("a new epoch")
    };
    let guard = begin(&mut log);
    assert_eq!(begin(&mut log), guard, "the same question");
    // The coordinator aborts; the answer to the question from before it comes too late.
    end(&mut log, 1, 0, &ABORT).expect("an empty transaction");
    assert_eq!(
        refused(&mut log, LeaderAppend { verification_guard: guard, ..CLIENT }),
        not_ongoing()
    );
    let guard = begin(&mut log);
    let verified = LeaderAppend { verification_guard: guard, ..CLIENT };
    log.append_with(transactional(1, 0, 0), verified).expect("verified");
    assert_eq!(begin(&mut log), VerificationGuard::SENTINEL, "the transaction is known");
    log.append_with(transactional(1, 0, 1), CLIENT).expect("its second batch");

    let error = log
        .maybe_start_transaction_verification(ProducerId(1), 0, ProducerEpoch(-1), false, NOW)
        .expect_err("an old epoch");
    assert_eq!(error.kind, AppendErrorKind::InvalidProducerEpoch);
    assert_eq!(
        error.message("orders-0"),
        "Epoch of producer 1 is -1, which is smaller than the last seen epoch 0"
    );
}

#[test]
fn verification_can_be_switched_off_and_is_forgotten_in_time() {
    let config = LogConfig { transaction_verification_enable: false, ..LogConfig::default() };
    let mut log = Log::new(config.clone(), Offset(0));
    log.append_with(transactional(1, 0, 3), CLIENT).expect("taken at its word");

    let id = ProducerId(2);
    log.maybe_start_transaction_verification(id, 0, ProducerEpoch(0), true, NOW).expect("begun");
    log.remove_expired_producers(NOW + config.producer_id_expiration_ms - 1);
    assert!(log.producer_state().verification_state_entry(id).is_some());
    log.remove_expired_producers(NOW + config.producer_id_expiration_ms);
    assert!(log.producer_state().verification_state_entry(id).is_none());
    assert!(
        log.producer_state().last_entry(ProducerId(1)).is_some(),
        "an open transaction is not forgotten"
    );
}

#[test]
fn a_verification_makes_higher_sequences_wait_for_the_lowest() {
    let mut log = log();
    let (id, epoch) = (ProducerId(1), ProducerEpoch(0));
    let verify = |log: &mut Log, sequence| {
        log.maybe_start_transaction_verification(id, sequence, epoch, false, NOW).expect("current")
    };
    verify(&mut log, 8);
    let guard = verify(&mut log, 5);
    let how = LeaderAppend { verification_guard: guard, ..CLIENT };
    let error = log.append_with(transactional(1, 0, 8), how).expect_err("5 first");
    assert_eq!(error.kind, AppendErrorKind::OutOfOrderSequence);
    assert_eq!(
        error.message("orders-0"),
        "Out of order sequence number for producer 1 at offset 0 in partition orders-0: 8 (incoming seq. number), 5 (earliest seen sequence)"
    );
    log.append_with(transactional(1, 0, 5), how).expect("it is the lowest");

    // A new epoch counts anew.
    log.maybe_start_transaction_verification(ProducerId(2), 3, ProducerEpoch(0), false, NOW)
        .expect("begun");
    let guard = log
        .maybe_start_transaction_verification(ProducerId(2), 6, ProducerEpoch(1), false, NOW)
        .expect("begun");
    let how = LeaderAppend { verification_guard: guard, ..CLIENT };
    log.append_with(transactional(2, 1, 6), how).expect("the lowest of its epoch");
}

#[test]
fn a_producer_of_transactions_v2_begins_at_sequence_zero() {
    let mut log = log();
    let guard = log
        .maybe_start_transaction_verification(ProducerId(1), 4, ProducerEpoch(0), true, NOW)
        .expect("begun");
    let how = LeaderAppend { verification_guard: guard, ..CLIENT };
    let error = log.append_with(transactional(1, 0, 4), how).expect_err("nothing came before");
    assert_eq!(error.kind, AppendErrorKind::OutOfOrderSequence);
    assert_eq!(
        error.message("orders-0"),
        "Invalid sequence number for producer 1 at offset 0 in partition orders-0: 4 (incoming seq. number). Expected sequence 0 for transactions v2 idempotent producer with no existing state."
    );
    log.append_with(transactional(1, 0, 0), how).expect("0");
}

#[test]
fn a_marker_of_transactions_v2_has_a_higher_epoch() {
    let v2 = Marker { version: TransactionVersion::TV_2, ..COMMIT };
    let mut log = log();
    send(&mut log, 1, 3, 0).expect("open");
    let error = end(&mut log, 1, 3, &v2).expect_err("the transaction's own epoch");
    assert_eq!(error.kind, AppendErrorKind::InvalidProducerEpoch);
    assert_eq!(
        error.message("orders-0"),
        "Epoch of producer 1 at offset 1 in orders-0 is 3, which is <= the last seen epoch 3 (TV2)"
    );
    end(&mut log, 1, 4, &v2).expect("raised");
    end(&mut log, 1, 4, &v2).expect("the coordinator asks again (KAFKA-19999)");
    let error = end(&mut log, 1, 3, &COMMIT).expect_err("an older one, of v1");
    assert_eq!(
        error.message("orders-0"),
        "Epoch of producer 1 is 3, which is smaller than the last seen epoch 4"
    );
    let error = send(&mut log, 1, 3, 1).expect_err("its producer is fenced");
    assert_eq!(error.kind, AppendErrorKind::InvalidProducerEpoch);

    // The next transaction may be under verification when the marker of the last one comes.
    let guard = log
        .maybe_start_transaction_verification(ProducerId(1), 0, ProducerEpoch(4), true, NOW)
        .expect("begun");
    end(&mut log, 1, 4, &v2).expect("once more");
    let how = LeaderAppend { verification_guard: guard, ..CLIENT };
    log.append_with(transactional(1, 4, 0), how).expect("its guard is as good as before");
}

#[test]
fn a_plain_batch_within_a_transaction_is_refused() {
    let mut log = log();
    send(&mut log, 1, 0, 0).expect("open");
    let error =
        log.append_with(idempotent(1, 0, 1, 1), CLIENT).expect_err("not in the transaction");
    assert_eq!(error.kind, AppendErrorKind::InvalidTxnState);
    assert_eq!(
        error.message("orders-0"),
        "Expected transactional write from producer 1 at offset 1 in partition orders-0"
    );
}

#[test]
fn a_transaction_left_hanging_is_seen() {
    let timeout_ms = 900_000;
    let mut log = log();
    send(&mut log, 1, 0, 0).expect("open");
    let late = |log: &Log, at| log.producer_state().has_late_transaction(at, timeout_ms);
    assert!(!late(&log, NOW + timeout_ms + logbrook_log::LATE_TRANSACTION_BUFFER_MS));
    assert!(late(&log, NOW + timeout_ms + logbrook_log::LATE_TRANSACTION_BUFFER_MS + 1));
    end(&mut log, 1, 0, &ABORT).expect("found by hand");
    assert!(!late(&log, i64::MAX));
}

#[test]
fn aborted_lists_end_where_later_segments_have_nothing_to_add() {
    // Room for a batch and a marker: one transaction a segment.
    let config = LogConfig { segment_bytes: 160, ..LogConfig::default() };
    let mut log = Log::new(config, Offset(0));
    let mut expected = Vec::new();
    for id in 0..4 {
        let first = send(&mut log, id, 0, 0).expect("open").first_offset;
        end(&mut log, id, 0, &ABORT).expect("aborted");
        expected.push((ProducerId(id), first));
    }
    log.set_high_watermark(log.log_end_offset());
    assert_eq!(log.segments().len(), 4);
    let aborted = |from, to| -> Vec<_> {
        log.aborted_transactions(Offset(from), Offset(to))
            .iter()
            .map(|txn| (txn.producer_id, txn.first_offset))
            .collect()
    };
    assert_eq!(aborted(0, 8), expected);
    assert_eq!(aborted(0, 1), expected[..1]);
    assert_eq!(aborted(3, 5), expected[1..3]);
    assert_eq!(aborted(8, 8), []);

    // A fetch tells its own range: one segment at a time here.
    let data = log.read(Offset(2), 1, true, log.last_stable_offset()).expect("within the log");
    assert_eq!(data.upper_bound, Offset(4));
    let list: Vec<_> = log
        .aborted_transactions(Offset(2), data.upper_bound)
        .iter()
        .map(|txn| txn.producer_id)
        .collect();
    assert_eq!(list, [ProducerId(1)]);
}

#[test]
fn a_truncated_log_forgets_the_markers_that_went() {
    let mut log = log();
    send(&mut log, 1, 0, 0).expect("offset 0");
    end(&mut log, 1, 0, &ABORT).expect("offset 1");
    send(&mut log, 2, 0, 0).expect("offset 2");
    end(&mut log, 2, 0, &ABORT).expect("offset 3");
    log.truncate_to(Offset(3), 0);
    let ids = |log: &Log| -> Vec<_> {
        log.aborted_transactions(Offset(0), Offset(9)).iter().map(|txn| txn.producer_id).collect()
    };
    assert_eq!(ids(&log), [ProducerId(1)]);
    log.set_high_watermark(Offset(3));
    assert_eq!(log.last_stable_offset(), Offset(2), "the second is open again");
    end(&mut log, 2, 0, &ABORT).expect("offset 3 anew");
    assert_eq!(ids(&log), [ProducerId(1), ProducerId(2)]);
}
