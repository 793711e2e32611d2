//! What a user of transactions would notice.

use logbrook_broker::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;
use logbrook_broker::{Broker, BrokerEventKind};

use crate::client::*;
use crate::common::*;

const BOTH: [Protocol; 2] = [Protocol::V2, Protocol::V1];

#[test]
fn records_of_a_transaction_are_there_once_it_commits() {
    for protocol in BOTH {
        let mut node = node();
        let mut p = Producer::begun(&mut node, "p", protocol);
        p.send(&mut node, 0, &["a", "b"]).unwrap();
        p.send(&mut node, 1, &["c"]).unwrap();
        node.produce("t", 0, batch(&["plain"]));
        assert_eq!(committed_values(&mut node, 0), [""; 0], "{protocol:?}");
        assert_eq!(node.fetch("t", 0, 0).last_stable_offset, 0);
        p.end(&mut node, true).unwrap();
        assert_eq!(committed_values(&mut node, 0), ["a", "b", "plain"]);
        assert_eq!(committed_values(&mut node, 1), ["c"]);
        assert_eq!(node.fetch("t", 0, 0).last_stable_offset, 4);
        // An older client keeps its epoch, a newer one has one for each transaction.
        let epoch = if protocol == Protocol::V2 { 1 } else { 0 };
        assert_eq!(state(&mut node, "p"), format!("CompleteCommit 0:{epoch}"));
    }
}

#[test]
fn records_of_an_aborted_transaction_are_never_read() {
    for protocol in BOTH {
        let mut node = node();
        let mut p = Producer::begun(&mut node, "p", protocol);
        p.send(&mut node, 0, &["no"]).unwrap();
        p.end(&mut node, false).unwrap();
        p.send(&mut node, 0, &["yes"]).unwrap();
        p.end(&mut node, true).unwrap();
        assert_eq!(read_committed(&mut node, 0), [(2, "yes".to_owned())], "{protocol:?}");
        // Who reads everything sees both.
        let bytes = node.fetch("t", 0, 0).records.unwrap();
        assert!(records(&bytes).iter().any(|(_, value)| value == "no"));
    }
}

#[test]
fn a_parked_fetch_of_committed_records_wakes_up_with_the_marker() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a"]).unwrap();
    let fetch = Node::fetch_request("t", 0, 0).with_isolation_level(1);
    let (id, effects) = node.send(7, 12, fetch.into());
    assert_eq!(effects.responses, []);
    let end = EndTxnRequest::default()
        .with_transactional_id(transactional_id("p"))
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_committed(true);
    let (_, effects) = node.send(0, 5, end.into());
    let fetched = effects.responses.iter().find(|(_, frame)| frame.correlation_id == id);
    let Some((_, frame)) = fetched else { panic!("the fetch is still parked") };
    let Response::Fetch(response) = &frame.body else { panic!() };
    assert!(!response.responses[0].partitions[0].records.as_ref().unwrap().is_empty());
}

#[test]
fn a_second_producer_fences_the_first_and_aborts_what_it_left_open() {
    for protocol in BOTH {
        let mut node = node();
        let mut zombie = Producer::begun(&mut node, "p", protocol);
        zombie.send(&mut node, 0, &["zombie"]).unwrap();
        let mut p = Producer::new("p", protocol);
        // The first answer is to come back; the transaction is aborted meanwhile.
        assert_eq!(p.init(&mut node), Err("CONCURRENT_TRANSACTIONS"));
        p.init(&mut node).unwrap();
        assert_eq!((p.producer_id, p.epoch), (0, 2), "{protocol:?}");
        assert_eq!(zombie.end(&mut node, true), Err("PRODUCER_FENCED"));
        assert_eq!(zombie.produce(&mut node, 0, &["more"]), Err("INVALID_PRODUCER_EPOCH"));
        let offsets = zombie.txn_offset_commit(&mut node, "g", 5);
        assert_eq!(offsets, Err("INVALID_PRODUCER_EPOCH"));
        p.send(&mut node, 0, &["owner"]).unwrap();
        p.end(&mut node, true).unwrap();
        assert_eq!(committed_values(&mut node, 0), ["owner"]);
    }
}

#[test]
fn older_requests_are_told_of_fencing_in_words_that_they_know() {
    let mut node = node();
    let zombie = Producer::begun(&mut node, "p", Protocol::V1);
    Producer::begun(&mut node, "p", Protocol::V1);
    let end = |version| {
        let request = EndTxnRequest::default()
            .with_transactional_id(transactional_id("p"))
            .with_producer_id(ProducerId(zombie.producer_id))
            .with_producer_epoch(zombie.epoch);
        (version, request)
    };
    let mut told = |(version, request)| {
        let Response::EndTxn(response) = node.call(version, request) else { panic!() };
        error(response.error_code)
    };
    assert_eq!(told(end(1)), "INVALID_PRODUCER_EPOCH");
    assert_eq!(told(end(2)), "PRODUCER_FENCED");
}

#[test]
fn an_older_client_must_add_the_partition_before_it_writes() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V1);
    assert_eq!(p.produce_version(&mut node, 11, 0, &["a"]), Err("TRANSACTION_ABORTABLE"));
    assert_eq!(p.produce_version(&mut node, 10, 0, &["a"]), Err("INVALID_TXN_STATE"));
    p.add_partition(&mut node, 0).unwrap();
    p.produce_version(&mut node, 10, 0, &["a"]).unwrap();
    assert_eq!(p.produce_version(&mut node, 10, 1, &["b"]), Err("INVALID_TXN_STATE"));
    p.end(&mut node, true).unwrap();
    assert_eq!(p.produce_version(&mut node, 10, 0, &["late"]), Err("INVALID_TXN_STATE"));
    assert_eq!(committed_values(&mut node, 0), ["a"]);
}

#[test]
fn partitions_that_do_not_exist_keep_the_others_out() {
    let mut node = node();
    let p = Producer::begun(&mut node, "p", Protocol::V1);
    let topic = AddPartitionsToTxnTopic::default().with_name(name("t")).with_partitions(vec![0, 9]);
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(transactional_id("p"))
        .with_v3_and_below_producer_id(ProducerId(p.producer_id))
        .with_v3_and_below_producer_epoch(p.epoch)
        .with_v3_and_below_topics(vec![topic]);
    let Response::AddPartitionsToTxn(response) = node.call(3, request) else { panic!() };
    let errors: Vec<&str> = response.results_by_topic_v3_and_below[0]
        .results_by_partition
        .iter()
        .map(|result| error(result.partition_error_code))
        .collect();
    assert_eq!(errors, ["OPERATION_NOT_ATTEMPTED", "UNKNOWN_TOPIC_OR_PARTITION"]);
    assert_eq!(state(&mut node, "p"), "Empty 0:0");
}

#[test]
fn another_broker_may_ask_whether_partitions_are_in_a_transaction() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a"]).unwrap();
    let topic = AddPartitionsToTxnTopic::default().with_name(name("t")).with_partitions(vec![0, 1]);
    let transaction = |id: &str| {
        AddPartitionsToTxnTransaction::default()
            .with_transactional_id(transactional_id(id))
            .with_producer_id(ProducerId(p.producer_id))
            .with_producer_epoch(p.epoch)
            .with_verify_only(true)
            .with_topics(vec![topic.clone()])
    };
    let request = AddPartitionsToTxnRequest::default()
        .with_transactions(vec![transaction("p"), transaction("nobody")]);
    let Response::AddPartitionsToTxn(response) = node.latest(request) else { panic!() };
    let told: Vec<Vec<&str>> = response
        .results_by_transaction
        .iter()
        .map(|result| {
            let partitions = &result.topic_results[0].results_by_partition;
            partitions.iter().map(|p| error(p.partition_error_code)).collect()
        })
        .collect();
    assert_eq!(
        told,
        [
            ["ok", "TRANSACTION_ABORTABLE"],
            ["INVALID_PRODUCER_ID_MAPPING", "INVALID_PRODUCER_ID_MAPPING"]
        ]
    );
}

#[test]
fn a_transaction_that_is_open_for_too_long_is_aborted() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["slow"]).unwrap();
    // It is looked for every ten seconds.
    assert_eq!(pass(&mut node, 60_000), [""; 0]);
    assert_eq!(state(&mut node, "p"), "Ongoing 0:0");
    assert_eq!(pass(&mut node, 10_000), ["p PrepareAbort", "p CompleteAbort"]);
    assert_eq!(p.end(&mut node, true), Err("INVALID_TXN_STATE"));
    assert_eq!(p.produce(&mut node, 0, &["late"]), Err("INVALID_PRODUCER_EPOCH"));
    assert_eq!(committed_values(&mut node, 0), [""; 0]);
    assert_eq!(node.fetch("t", 0, 0).last_stable_offset, 2);
    // It goes on under a new epoch.
    p.init(&mut node).unwrap();
    p.send(&mut node, 0, &["quick"]).unwrap();
    p.end(&mut node, true).unwrap();
    assert_eq!(committed_values(&mut node, 0), ["quick"]);
}

#[test]
fn a_timeout_above_what_the_broker_allows_is_refused() {
    let mut node = node();
    let mut p = Producer::new("p", Protocol::V2);
    for timeout_ms in [900_001, 0, -1] {
        let refused = p.init_with(&mut node, -1, -1, timeout_ms);
        assert_eq!(refused, Err("INVALID_TRANSACTION_TIMEOUT"));
    }
    p.init_with(&mut node, -1, -1, 900_000).unwrap();
}

#[test]
fn offsets_of_a_transaction_count_once_it_commits() {
    for protocol in BOTH {
        let mut node = node();
        let mut p = Producer::begun(&mut node, "p", protocol);
        p.send_offsets(&mut node, "g", 7).unwrap();
        assert_eq!(committed_offset(&mut node, "g", false), Ok(-1), "{protocol:?}");
        assert_eq!(committed_offset(&mut node, "g", true), Err("UNSTABLE_OFFSET_COMMIT"));
        p.end(&mut node, true).unwrap();
        assert_eq!(committed_offset(&mut node, "g", true), Ok(7));
        p.send_offsets(&mut node, "g", 9).unwrap();
        assert_eq!(committed_offset(&mut node, "g", false), Ok(7));
        p.end(&mut node, false).unwrap();
        assert_eq!(committed_offset(&mut node, "g", true), Ok(7));
    }
}

#[test]
fn a_transactional_id_that_is_not_used_is_forgotten() {
    let mut node = node_with(&[("transactional.id.expiration.ms", "7200000")]);
    Producer::begun(&mut node, "p", Protocol::V2);
    let mut q = Producer::begun(&mut node, "q", Protocol::V2);
    pass(&mut node, 3_600_000);
    q.send(&mut node, 0, &["a"]).unwrap();
    q.end(&mut node, true).unwrap();
    pass(&mut node, 3_600_000);
    assert_eq!(state(&mut node, "p"), "TRANSACTIONAL_ID_NOT_FOUND");
    assert_eq!(state(&mut node, "q"), "CompleteCommit 1:1");
    pass(&mut node, 7_200_000);
    assert_eq!(state(&mut node, "q"), "TRANSACTIONAL_ID_NOT_FOUND");
    // The producer begins anew, and with another id.
    assert_eq!(q.end(&mut node, true), Err("INVALID_PRODUCER_ID_MAPPING"));
    q.init(&mut node).unwrap();
    assert_eq!((q.producer_id, q.epoch), (2, 0));
}

#[test]
fn transactions_are_listed_by_what_they_are_and_how_long_they_are_open() {
    let mut node = node();
    let mut payments = Producer::begun(&mut node, "payments", Protocol::V2);
    payments.send(&mut node, 0, &["a"]).unwrap();
    Producer::begun(&mut node, "refunds", Protocol::V2);
    node.now += 5_000;
    let mut list = |request: ListTransactionsRequest| {
        let Response::ListTransactions(response) = node.latest(request) else { panic!() };
        let mut ids: Vec<String> = response
            .transaction_states
            .iter()
            .map(|state| {
                format!("{} {}", state.transactional_id.as_str(), state.transaction_state.as_str())
            })
            .collect();
        ids.sort();
        let unknown =
            response.unknown_state_filters.iter().map(|state| format!("?{}", state.as_str()));
        ids.extend(unknown);
        if response.error_code != 0 {
            ids.push(error(response.error_code).to_owned());
        }
        ids
    };
    let all = || ListTransactionsRequest::default().with_duration_filter(-1);
    assert_eq!(list(all()), ["payments Ongoing", "refunds Empty"]);
    let states = |states: &[&str]| states.iter().map(|state| text(state)).collect();
    assert_eq!(list(all().with_state_filters(states(&["Ongoing"]))), ["payments Ongoing"]);
    assert_eq!(list(all().with_state_filters(states(&["Dead", "Odd"]))), ["?Odd"]);
    assert_eq!(list(all().with_producer_id_filters(vec![ProducerId(1)])), ["refunds Empty"]);
    assert_eq!(
        list(all().with_duration_filter(5_000).with_state_filters(states(&["Ongoing"]))),
        [""; 0]
    );
    assert_eq!(
        list(all().with_duration_filter(4_999).with_state_filters(states(&["Ongoing"]))),
        ["payments Ongoing"]
    );
    let pattern = |pattern: &str| all().with_transactional_id_pattern(Some(text(pattern)));
    assert_eq!(list(pattern("pay.*")), ["payments Ongoing"]);
    assert_eq!(list(pattern("pay")), [""; 0]);
    assert_eq!(list(pattern("(")), ["INVALID_REGULAR_EXPRESSION"]);
}

#[test]
fn producers_of_a_partition_are_described() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a", "b"]).unwrap();
    let mut describe = |topic: &str, index| {
        let topic = describe_producers_request::TopicRequest::default()
            .with_name(name(topic))
            .with_partition_indexes(vec![index]);
        let request = DescribeProducersRequest::default().with_topics(vec![topic]);
        let Response::DescribeProducers(response) = node.latest(request) else { panic!() };
        let partition = &response.topics[0].partitions[0];
        let producers = partition.active_producers.iter().map(|producer| {
            format!(
                "{}:{} seq {} txn {}",
                producer.producer_id.0,
                producer.producer_epoch,
                producer.last_sequence,
                producer.current_txn_start_offset
            )
        });
        (error(partition.error_code), producers.collect::<Vec<_>>())
    };
    assert_eq!(describe("t", 0), ("ok", vec!["0:0 seq 1 txn 0".to_owned()]));
    assert_eq!(describe("t", 1), ("ok", vec![]));
    assert_eq!(describe("t", 5).0, "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(describe("nothing", 0).0, "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(describe("a b", 0).0, "INVALID_TOPIC_EXCEPTION");
}

#[test]
fn a_transaction_that_no_coordinator_knows_can_be_ended_by_hand() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["hanging"]).unwrap();
    let topic = write_txn_markers_request::WritableTxnMarkerTopic::default()
        .with_name(name("t"))
        .with_partition_indexes(vec![0, 7]);
    let marker = write_txn_markers_request::WritableTxnMarker::default()
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_transaction_result(false)
        .with_topics(vec![topic]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let Response::WriteTxnMarkers(response) = node.latest(request) else { panic!() };
    let errors: Vec<&str> = response.markers[0].topics[0]
        .partitions
        .iter()
        .map(|partition| error(partition.error_code))
        .collect();
    assert_eq!(errors, ["ok", "UNKNOWN_TOPIC_OR_PARTITION"]);
    assert_eq!(node.fetch("t", 0, 0).last_stable_offset, 2);
    assert_eq!(committed_values(&mut node, 0), [""; 0]);
}

#[test]
fn a_topic_that_is_deleted_does_not_hold_its_transactions_up() {
    let mut node = node();
    assert_eq!(node.create("gone", 1, &[]), "ok");
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a"]).unwrap();
    let topic = delete_topics_request::DeleteTopicState::default().with_name(Some(name("t")));
    node.latest(DeleteTopicsRequest::default().with_topics(vec![topic]));
    p.end(&mut node, true).unwrap();
    assert_eq!(state(&mut node, "p"), "CompleteCommit 0:1");
}

/// Everything but the logs is gone: what a broker is after a restart.
fn forget_volatile(node: &mut Node) {
    node.broker.restart(node.now);
}

#[test]
fn after_a_restart_everything_is_as_the_log_says() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a"]).unwrap();
    p.send_offsets(&mut node, "g", 3).unwrap();
    forget_volatile(&mut node);
    // Nobody asks for it, and its time passes all the same.
    let mut patient = node.clone();
    assert_eq!(pass(&mut patient, 70_000), ["p PrepareAbort", "p CompleteAbort"]);
    assert_eq!(committed_offset(&mut patient, "g", true), Ok(-1));
    // Or the producer goes on.
    p.send(&mut node, 1, &["b"]).unwrap();
    p.end(&mut node, true).unwrap();
    assert_eq!(committed_values(&mut node, 0), ["a"]);
    assert_eq!(committed_values(&mut node, 1), ["b"]);
    assert_eq!(committed_offset(&mut node, "g", true), Ok(3));
}

#[test]
fn events_tell_of_each_state() {
    let mut node = node();
    let mut p = Producer::begun(&mut node, "p", Protocol::V2);
    p.send(&mut node, 0, &["a"]).unwrap();
    let end = EndTxnRequest::default()
        .with_transactional_id(transactional_id("p"))
        .with_producer_id(ProducerId(p.producer_id))
        .with_producer_epoch(p.epoch)
        .with_committed(true);
    let (_, effects) = node.send(0, 5, end.into());
    let states: Vec<String> = effects
        .events
        .into_iter()
        .filter_map(|event| match event.kind {
            BrokerEventKind::TransactionState { from, to, .. } => Some(format!("{from} > {to}")),
            _ => None,
        })
        .collect();
    assert_eq!(states, ["Ongoing > PrepareCommit", "PrepareCommit > CompleteCommit"]);
    let coordinator: &Broker = &node.broker;
    assert!(coordinator.transaction_coordinator().transaction("p").is_some());
}
