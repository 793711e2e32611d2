//! Kafka's `TransactionCoordinatorTest` and `TransactionStateManagerTest`, case by case, as far as
//! `stories_test.rs` does not hold the case already. Where Kafka puts a state into a mock, here it is written to
//! `__transaction_state`, and the coordinator loads it.

use logbrook_broker::ErrorCode;
use logbrook_broker::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use logbrook_broker::messages::update_features_request::FeatureUpdateKey;
use logbrook_broker::messages::*;
use logbrook_broker::transaction_coordinator::{
    TransactionMetadata, TransactionRecord, TransactionState, TransactionVersion,
};
use logbrook_broker::wire::{RequestFrame, Response};
use logbrook_group::TopicPartition;
use logbrook_record::{BatchBuilder, BatchOptions};

use crate::client::{Producer, Protocol, TIMEOUT_MS, node, pass, state, transactional_id};
use crate::common::*;

const PRODUCER_ID: i64 = 10;

/// A state of `p`, of a producer with this epoch.
fn metadata(state: TransactionState, epoch: i16) -> TransactionMetadata {
    let partitions = match state {
        TransactionState::Ongoing
        | TransactionState::PrepareCommit
        | TransactionState::PrepareAbort => vec![TopicPartition::new("t", 0)],
        _ => Vec::new(),
    };
    TransactionMetadata {
        prev_producer_id: PRODUCER_ID,
        producer_epoch: epoch,
        state,
        topic_partitions: partitions.into_iter().collect(),
        txn_start_timestamp: START_MS,
        ..TransactionMetadata::new(PRODUCER_ID, TIMEOUT_MS, START_MS)
    }
}

/// A node whose coordinator will find these records of `__transaction_state` when it looks.
fn loaded(records: &[(&str, Option<TransactionMetadata>)]) -> Node {
    let mut node = node();
    write(&mut node, records);
    node.broker.restart(node.now);
    node
}

fn write(node: &mut Node, records: &[(&str, Option<TransactionMetadata>)]) {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for (id, metadata) in records {
        let record =
            TransactionRecord { transactional_id: (*id).to_owned(), metadata: metadata.clone() };
        let value = record.encode_value(TransactionVersion::V2);
        let _ = builder.append(node.now, Some(&record.encode_key()), value.as_deref(), &[]);
    }
    // The admin client alone may write to internal topics. `p` is in partition 0.
    let records = builder.build().unwrap();
    let frame = RequestFrame {
        api_version: 12,
        correlation_id: 1,
        client_id: Some("__admin_client".into()),
        body: Node::produce_request("__transaction_state", 0, -1, records).into(),
    };
    let effects = node.broker.handle(node.now, &client(9), frame);
    let Response::Produce(response) = &effects.responses[0].1.body else { panic!() };
    assert_eq!(error(response.responses[0].partition_responses[0].error_code), "ok");
}

fn with(state: TransactionState, epoch: i16) -> Node {
    loaded(&[("p", Some(metadata(state, epoch)))])
}

fn producer(protocol: Protocol, epoch: i16) -> Producer {
    Producer { producer_id: PRODUCER_ID, epoch, ..Producer::new("p", protocol) }
}

/// `NONE 10:0`, or the error.
fn init(node: &mut Node, producer_id: i64, epoch: i16) -> String {
    let mut p = Producer::new("p", Protocol::V2);
    match p.init_with(node, producer_id, epoch, TIMEOUT_MS) {
        Ok(()) => format!("{}:{}", p.producer_id, p.epoch),
        Err(error) => error.to_owned(),
    }
}

/// The error of an EndTxn, and the producer id and epoch that the answer tells.
fn end(node: &mut Node, p: &Producer, committed: bool) -> (&'static str, i64, i16) {
    let response = p.end_request(node, committed);
    (error(response.error_code), response.producer_id.0, response.producer_epoch)
}

const BOTH: [Protocol; 2] = [Protocol::V1, Protocol::V2];

#[test]
fn ids_that_are_empty_or_unknown() {
    let mut node = node();
    let nobody = producer(Protocol::V1, 0);
    // shouldReturnInvalidRequestWhenTransactionalIdIsEmpty and its siblings
    let mut empty = Producer::new("", Protocol::V1);
    assert_eq!(empty.init(&mut node), Err("INVALID_REQUEST"));
    assert_eq!(empty.add_partition(&mut node, 0), Err("INVALID_REQUEST"));
    // shouldRespondWithInvalidPidMappingOnAddPartitionsToTransactionWhenTransactionalIdNotPresent
    assert_eq!(nobody.add_partition(&mut node, 0), Err("INVALID_PRODUCER_ID_MAPPING"));
    for protocol in BOTH {
        let invalid = ("INVALID_REQUEST", -1, -1);
        assert_eq!(end(&mut node, &Producer::new("", protocol), true), invalid);
        // shouldReplyWithInvalidPidMappingOnEndTxnWhenTxnIdDoesntExist
        let unknown = ("INVALID_PRODUCER_ID_MAPPING", -1, -1);
        assert_eq!(end(&mut node, &producer(protocol, 0), true), unknown);
    }
    // shouldGenerateNewProducerIdIfNoStateAndProducerIdAndEpochProvided
    assert_eq!(init(&mut node, 5, 7), "0:0");
}

#[test]
fn partitions_are_added_in_every_state_that_allows_it() {
    use TransactionState::{CompleteAbort, CompleteCommit, Empty, Ongoing};
    for state_before in [Empty, Ongoing, CompleteCommit, CompleteAbort] {
        let mut node = with(state_before, 0);
        assert_eq!(producer(Protocol::V1, 0).add_partition(&mut node, 1), Ok(()));
        assert_eq!(state(&mut node, "p"), "Ongoing 10:0");
    }
    // shouldRespondWithProducerFencedOnAddPartitionsWhenEpochsAreDifferent
    for epoch in [1, 3] {
        let mut node = with(Ongoing, 2);
        let refused = producer(Protocol::V1, epoch).add_partition(&mut node, 1);
        assert_eq!(refused, Err("PRODUCER_FENCED"));
    }
    // shouldRespondWithErrorsNoneOnAddPartitionWhenNoErrorsAndPartitionsTheSame
    let mut node = with(Ongoing, 0);
    let written = |node: &Node| {
        node.broker.partition("__transaction_state", 0).unwrap().log().log_end_offset()
    };
    let before = written(&node);
    assert_eq!(producer(Protocol::V1, 0).add_partition(&mut node, 0), Ok(()));
    assert_eq!(written(&node), before, "it is there already");
}

#[test]
fn test_verify_partition_handling() {
    let verify = |node: &mut Node, producer_id: i64, epoch: i16| {
        let topic =
            AddPartitionsToTxnTopic::default().with_name(name("t")).with_partitions(vec![1]);
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(transactional_id("p"))
            .with_producer_id(ProducerId(producer_id))
            .with_producer_epoch(epoch)
            .with_verify_only(true)
            .with_topics(vec![topic]);
        let request = AddPartitionsToTxnRequest::default().with_transactions(vec![transaction]);
        let Response::AddPartitionsToTxn(response) = node.latest(request) else { panic!() };
        let result = &response.results_by_transaction[0].topic_results[0].results_by_partition[0];
        error(result.partition_error_code)
    };
    let mut node = with(TransactionState::Ongoing, 1);
    assert_eq!(verify(&mut node, PRODUCER_ID + 1, 1), "INVALID_PRODUCER_ID_MAPPING");
    assert_eq!(verify(&mut node, PRODUCER_ID, 0), "PRODUCER_FENCED");
    // shouldRespondWithInvalidTxnStateWhenVerifyOnlyAndPartitionNotPresent
    assert_eq!(verify(&mut node, PRODUCER_ID, 1), "TRANSACTION_ABORTABLE");
}

#[test]
fn a_transaction_that_does_not_fit_the_request_is_not_ended() {
    for protocol in BOTH {
        let mut node = with(TransactionState::Ongoing, 1);
        // shouldReplyWithInvalidPidMappingOnEndTxnWhenPidDosentMatchMapped
        let other = Producer { producer_id: PRODUCER_ID + 1, ..producer(protocol, 1) };
        assert_eq!(end(&mut node, &other, true), ("INVALID_PRODUCER_ID_MAPPING", -1, -1));
        // shouldReplyWithProducerFencedOnEndTxnWhenEpochIsNotSameAsTransaction
        for epoch in [0, 2] {
            let fenced = ("PRODUCER_FENCED", -1, -1);
            assert_eq!(end(&mut node, &producer(protocol, epoch), true), fenced);
        }
    }
    // shouldReturnInvalidEpochOnEndTxnWhenEpochIsLarger
    for protocol in BOTH {
        let mut node = with(TransactionState::CompleteCommit, 1);
        let fenced = ("PRODUCER_FENCED", -1, -1);
        assert_eq!(end(&mut node, &producer(protocol, 2), true), fenced);
    }
}

#[test]
fn an_end_that_is_asked_for_again_is_recognized() {
    let (commit, abort) = (TransactionState::CompleteCommit, TransactionState::CompleteAbort);
    for (was, committed) in [(commit, true), (abort, false)] {
        // Before transactions v2 by the state; the answer tells no epoch.
        let mut node = with(was, 1);
        assert_eq!(end(&mut node, &producer(Protocol::V1, 1), committed), ("ok", -1, -1));
        let wrong = ("INVALID_TXN_STATE", -1, -1);
        assert_eq!(end(&mut node, &producer(Protocol::V1, 1), !committed), wrong);
        // With them by the epoch that the end has raised.
        let mut node = with(was, 1);
        assert_eq!(end(&mut node, &producer(Protocol::V2, 0), committed), ("ok", PRODUCER_ID, 1));
        assert_eq!(end(&mut node, &producer(Protocol::V2, 0), !committed), wrong);
    }
    // With the current epoch there is nothing to commit, and an abort is one more transaction.
    let wrong = ("INVALID_TXN_STATE", -1, -1);
    for was in [commit, abort, TransactionState::Empty] {
        let mut node = with(was, 1);
        assert_eq!(end(&mut node, &producer(Protocol::V2, 1), true), wrong);
        assert_eq!(end(&mut node, &producer(Protocol::V2, 1), false), ("ok", PRODUCER_ID, 2));
    }
    // Before transactions v2 an empty one ends in no way.
    let mut node = with(TransactionState::Empty, 1);
    assert_eq!(end(&mut node, &producer(Protocol::V1, 1), true), wrong);
    assert_eq!(end(&mut node, &producer(Protocol::V1, 1), false), wrong);
}

#[test]
fn should_return_ok_on_end_txn_v2_if_end_txn_v2_retry_epoch_overflow() {
    // The last epoch that a client may have: the end brings another producer id.
    let mut node = with(TransactionState::Ongoing, i16::MAX - 1);
    let p = producer(Protocol::V2, i16::MAX - 1);
    let (code, next, epoch) = end(&mut node, &p, true);
    assert_eq!((code, epoch), ("ok", 0));
    assert_ne!(next, PRODUCER_ID);
    assert_eq!(end(&mut node, &p, true), ("ok", next, 0), "the answer was lost");
}

#[test]
fn a_transaction_that_was_being_ended_is_ended_after_a_restart() {
    // loadTransactionsForTxnTopicPartition, shouldSendMarkers…
    use TransactionState::{PrepareAbort, PrepareCommit};
    for (was, now) in [(PrepareCommit, "CompleteCommit"), (PrepareAbort, "CompleteAbort")] {
        let mut node = with(was, 3);
        assert_eq!(state(&mut node, "p"), format!("{now} 10:3"));
        let marker = node.broker.partition("t", 0).unwrap().log().log_end_offset();
        assert_eq!(marker.0, 1, "its marker");
    }
}

#[test]
fn should_increment_epoch_on_handle_init_pid() {
    use TransactionState::{CompleteAbort, CompleteCommit, Empty};
    for was in [Empty, CompleteCommit, CompleteAbort] {
        let mut node = with(was, 4);
        assert_eq!(init(&mut node, -1, -1), "10:5");
        assert_eq!(state(&mut node, "p"), "Empty 10:5");
    }
    // shouldAbortTransactionOnHandleInitPidWhenExistingTransactionInOngoingState
    let mut node = with(TransactionState::Ongoing, 4);
    assert_eq!(init(&mut node, -1, -1), "CONCURRENT_TRANSACTIONS");
    assert_eq!(state(&mut node, "p"), "CompleteAbort 10:5");
    assert_eq!(init(&mut node, -1, -1), "10:6");
}

#[test]
fn should_generate_new_producer_id_if_epochs_exhausted() {
    let mut node = with(TransactionState::Empty, i16::MAX - 1);
    let next = init(&mut node, -1, -1);
    assert!(next.ends_with(":0") && next != "10:0", "{next}");
}

#[test]
fn should_use_last_epoch_to_fence_when_epochs_are_exhausted() {
    let mut node = with(TransactionState::Ongoing, i16::MAX - 1);
    assert_eq!(init(&mut node, -1, -1), "CONCURRENT_TRANSACTIONS");
    let next = init(&mut node, -1, -1);
    assert!(!next.starts_with("10:"), "{next}");
}

#[test]
fn test_init_producer_id_with_current_epoch_provided() {
    let mut node = with(TransactionState::Empty, 10);
    assert_eq!(init(&mut node, PRODUCER_ID, 10), "10:11");
    assert_eq!(init(&mut node, PRODUCER_ID, 10), "10:11", "the answer was lost");
    // testInitProducerIdStaleCurrentEpochProvided
    let mut node = with(TransactionState::Empty, 10);
    assert_eq!(init(&mut node, -1, -1), "10:11");
    assert_eq!(init(&mut node, PRODUCER_ID, 10), "PRODUCER_FENCED");
    // testInitProducerIdWithNoLastProducerData
    let mut node = with(TransactionState::Empty, 1);
    assert_eq!(init(&mut node, PRODUCER_ID, 0), "PRODUCER_FENCED");
    // testFenceProducerWhenMappingExistsWithDifferentProducerId
    let mut node = with(TransactionState::Empty, 0);
    assert_eq!(init(&mut node, PRODUCER_ID + 1, 0), "PRODUCER_FENCED");
}

#[test]
fn test_retry_init_producer_id_after_producer_id_rotation() {
    let mut node = with(TransactionState::Empty, i16::MAX - 1);
    let rotated = init(&mut node, PRODUCER_ID, i16::MAX - 1);
    assert!(rotated.ends_with(":0") && rotated != "10:0", "{rotated}");
    assert_eq!(init(&mut node, PRODUCER_ID, i16::MAX - 1), rotated, "the answer was lost");
    // testInitProducerIdWithInvalidEpochAfterProducerIdRotation
    assert_eq!(init(&mut node, PRODUCER_ID, i16::MAX - 2), "PRODUCER_FENCED");
}

#[test]
fn should_abort_expired_transactions_in_ongoing_state_and_bump_epoch() {
    let mut node = with(TransactionState::Ongoing, 4);
    let timeout_ms = i64::from(TIMEOUT_MS);
    assert_eq!(pass(&mut node, timeout_ms), [""; 0]);
    assert_eq!(pass(&mut node, 20_000), ["p PrepareAbort", "p CompleteAbort"]);
    assert_eq!(state(&mut node, "p"), "CompleteAbort 10:5");
    // shouldNotAcceptSmallerEpochDuringTransactionExpiration
    let fenced = ("PRODUCER_FENCED", -1, -1);
    assert_eq!(end(&mut node, &producer(Protocol::V1, 4), true), fenced);
}

#[test]
fn below_transactions_v2_a_fence_raises_the_epoch_all_the_same() {
    let lower = |node: &mut Node, level| {
        let update = FeatureUpdateKey::default()
            .with_feature(text("transaction.version"))
            .with_max_version_level(level)
            .with_upgrade_type(2);
        let request = UpdateFeaturesRequest::default().with_feature_updates(vec![update]);
        let Response::UpdateFeatures(response) = node.latest(request) else { panic!() };
        assert_eq!(ErrorCode::from_code(response.error_code), Some(ErrorCode::None));
    };
    for level in [1, 0] {
        let mut node = with(TransactionState::Ongoing, 4);
        lower(&mut node, level);
        let mut expiring = node.clone();
        assert_eq!(init(&mut node, -1, -1), "CONCURRENT_TRANSACTIONS");
        assert_eq!(state(&mut node, "p"), "CompleteAbort 10:5");
        let fenced = ("PRODUCER_FENCED", -1, -1);
        assert_eq!(end(&mut node, &producer(Protocol::V1, 4), true), fenced);
        assert_eq!(init(&mut node, -1, -1), "10:6");
        pass(&mut expiring, 80_000);
        assert_eq!(state(&mut expiring, "p"), "CompleteAbort 10:5");
        // What is written then reads back, in the older format too.
        node.broker.restart(node.now);
        assert_eq!(state(&mut node, "p"), "Empty 10:6");
        let mut p = Producer { epoch: 6, ..producer(Protocol::V1, 6) };
        p.send(&mut node, 0, &["a"]).unwrap();
        node.broker.restart(node.now);
        assert_eq!(state(&mut node, "p"), "Ongoing 10:6");
        p.end(&mut node, true).unwrap();
        assert_eq!(state(&mut node, "p"), "CompleteCommit 10:6");
    }
}

#[test]
fn test_describe_transactions() {
    let mut node = with(TransactionState::Ongoing, 4);
    assert_eq!(state(&mut node, "p"), "Ongoing 10:4");
    // testDescribeTransactionsWithEmptyTransactionalId
    assert_eq!(state(&mut node, ""), "INVALID_REQUEST");
    assert_eq!(state(&mut node, "nobody"), "TRANSACTIONAL_ID_NOT_FOUND");
}

#[test]
fn what_is_loaded_is_the_last_record_of_each_id() {
    // testLoadAndRemoveTransactionsForPartition, testLoadTransactionMetadataWithCorruptedLog's order
    let (empty, ongoing) = (TransactionState::Empty, TransactionState::Ongoing);
    let mut node = loaded(&[
        ("p", Some(metadata(empty, 0))),
        ("p", Some(metadata(ongoing, 0))),
        ("r", Some(metadata(empty, 1))),
        ("p", Some(metadata(ongoing, 1))),
        ("r", None),
    ]);
    assert_eq!(state(&mut node, "p"), "Ongoing 10:1");
    assert_eq!(state(&mut node, "r"), "TRANSACTIONAL_ID_NOT_FOUND");
}

#[test]
fn only_what_rests_is_forgotten() {
    // shouldRemoveCompleteCommitExpiredTransactionalIds, shouldNotRemoveOngoing… and their siblings
    use TransactionState::{CompleteAbort, CompleteCommit, Empty, Ongoing};
    let week_ms = 7 * 24 * 60 * 60 * 1000;
    let hour_ms = 60 * 60 * 1000;
    for was in [Empty, CompleteCommit, CompleteAbort] {
        let mut node = with(was, 0);
        state(&mut node, "p");
        pass(&mut node, week_ms - hour_ms - 1);
        assert_ne!(state(&mut node, "p"), "TRANSACTIONAL_ID_NOT_FOUND");
        pass(&mut node, 2 * hour_ms + 2);
        assert_eq!(state(&mut node, "p"), "TRANSACTIONAL_ID_NOT_FOUND");
    }
    let mut open = metadata(Ongoing, 0);
    open.txn_timeout_ms = i32::MAX;
    let mut node = loaded(&[("p", Some(open))]);
    state(&mut node, "p");
    pass(&mut node, week_ms + 2 * hour_ms);
    assert_eq!(state(&mut node, "p"), "Ongoing 10:0");
}
