//! What belongs to the node: versions, producer ids, retention, the cluster, forks.

mod common;

use common::*;
use logbrook_broker::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::{Response, ServedApi};
use logbrook_broker::{BrokerEventKind, ConnectionId};
use logbrook_record::{BatchBuilder, BatchOptions, ProducerEpoch, ProducerId};

#[test]
fn api_versions_tell_what_is_served() {
    let mut node = Node::new();
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("apache-kafka-java"))
        .with_client_software_version(text("4.4.0"));
    let Response::ApiVersions(response) = node.latest(request) else { panic!() };
    let on_brokers = ServedApi::ALL.iter().filter(|api| api.is_on_brokers());
    assert_eq!(response.api_keys.len(), on_brokers.count());
    assert!(ServedApi::ALL.is_sorted_by_key(|api| api.key as i16));
    // An unknown version is answered in version 0 (KIP-511), any other API's closes the connection.
    let (_, effects) = node.send(0, 9, ApiVersionsRequest::default().into());
    let (_, frame) = &effects.responses[0];
    let Response::ApiVersions(body) = &frame.body else { panic!() };
    assert_eq!((frame.api_version, error(body.error_code)), (0, "UNSUPPORTED_VERSION"));
    let (_, effects) = node.send(4, 99, MetadataRequest::default().into());
    assert_eq!((effects.responses.len(), effects.disconnects), (0, vec![ConnectionId(4)]));
}

#[test]
fn producer_ids_come_in_blocks_of_a_thousand() {
    let mut node = Node::new();
    let mut ask = |id: Option<&str>| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(id.map(|id| TransactionalId(text(id))))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(logbrook_broker::messages::ProducerId(-1))
            .with_producer_epoch(-1);
        let Response::InitProducerId(response) = node.latest(request) else { panic!() };
        (error(response.error_code), response.producer_id.0, response.producer_epoch)
    };
    for id in 0..1001 {
        assert_eq!(ask(None), ("ok", id, 0));
    }
    assert_eq!(ask(Some("tx")), ("NOT_COORDINATOR", -1, -1));
    assert_eq!(ask(Some("")), ("INVALID_REQUEST", -1, -1));
    assert_eq!(node.broker.metadata().next_producer_id(), 2000);
}

fn idempotent(sequence: i32) -> BatchOptions {
    BatchOptions {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(0),
        base_sequence: sequence,
        ..BatchOptions::default()
    }
}

#[test]
fn a_batch_sent_again_is_answered_with_its_first_offset() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    let first = batch_with(idempotent(0), &["a", "b"], START_MS);
    assert_eq!(node.produce("orders", 0, first.clone()).base_offset, 0);
    let second = batch_with(idempotent(2), &["c"], START_MS);
    assert_eq!(node.produce("orders", 0, second).base_offset, 2);
    let again = node.produce("orders", 0, first);
    assert_eq!((error(again.error_code), again.base_offset), ("ok", 0));
    assert_eq!(node.list_offsets("orders", 0, -1).offset, 3);
    let gap = node.produce("orders", 0, batch_with(idempotent(9), &["d"], START_MS));
    assert_eq!(error(gap.error_code), "OUT_OF_ORDER_SEQUENCE_NUMBER");
}

#[test]
fn a_batch_with_bad_records_names_them() {
    let mut node = Node::new();
    node.create("table", 1, &[("cleanup.policy", "compact")]);
    let response = node.produce("table", 0, batch(&["no key"]));
    assert_eq!(error(response.error_code), "INVALID_RECORD");
    let record = &response.record_errors[0];
    assert_eq!(record.batch_index, 0);
    assert_eq!(
        record.batch_index_error_message.as_ref().unwrap().as_str(),
        "Compacted topic cannot accept message without key in topic partition table-0"
    );
    assert!(response.error_message.is_some());
}

#[test]
fn old_records_go_when_retention_looks() {
    let mut node = Node::new();
    node.create("orders", 1, &[("retention.ms", "60000"), ("segment.ms", "1000")]);
    node.produce("orders", 0, batch_at(&["old"], node.now));
    node.now += 5_000;
    node.produce("orders", 0, batch_at(&["new"], node.now));
    let first_check = START_MS + 30_000;
    assert_eq!(node.broker.next_wakeup(), Some(first_check));
    assert!(node.broker.tick(first_check).events.is_empty());
    let second_check = first_check + 300_000;
    assert_eq!(node.broker.next_wakeup(), Some(second_check));
    let effects = node.broker.tick(second_check);
    assert!(
        effects.events.iter().any(|event| event.cause.is_none()
            && matches!(&event.kind, BrokerEventKind::SegmentsDeleted { topic, .. } if topic == "orders")),
        "{effects:?}"
    );
    assert!(node.list_offsets("orders", 0, -2).offset >= 1);
    assert_eq!(error(node.fetch("orders", 0, 0).error_code), "OFFSET_OUT_OF_RANGE");
}

#[test]
fn records_are_deleted_up_to_an_offset() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    for value in ["a", "b", "c"] {
        node.produce("orders", 0, batch(&[value]));
    }
    let mut delete = |topic: &str, offset| {
        let partition =
            DeleteRecordsPartition::default().with_partition_index(0).with_offset(offset);
        let topic =
            DeleteRecordsTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
        let Response::DeleteRecords(response) = node.latest(request) else { panic!() };
        let result = &response.topics[0].partitions[0];
        (error(result.error_code), result.low_watermark)
    };
    assert_eq!(delete("orders", 2), ("ok", 2));
    assert_eq!(delete("orders", 1), ("ok", 2));
    assert_eq!(delete("orders", 4), ("OFFSET_OUT_OF_RANGE", -1));
    assert_eq!(delete("orders", -5), ("OFFSET_OUT_OF_RANGE", -1));
    assert_eq!(delete("orders", -1), ("ok", 3));
    assert_eq!(delete("nothing", 0), ("UNKNOWN_TOPIC_OR_PARTITION", -1));
    assert_eq!(node.list_offsets("orders", 0, -2).offset, 3);
}

#[test]
fn the_cluster_is_described() {
    let mut node = Node::new();
    let request = DescribeClusterRequest::default().with_endpoint_type(1);
    let Response::DescribeCluster(response) = node.latest(request) else { panic!() };
    assert_eq!(response.brokers[0].host.as_str(), "localhost");
    assert_eq!(response.cluster_id.as_str(), node.broker.config().cluster_id);
    let request = DescribeClusterRequest::default().with_endpoint_type(2);
    let Response::DescribeCluster(response) = node.latest(request) else { panic!() };
    assert_eq!(error(response.error_code), "MISMATCHED_ENDPOINT_TYPE");
}

#[test]
fn a_fork_goes_its_own_way() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    node.produce("orders", 0, batch(&["a"]));
    let before = node.broker.clone();
    node.produce("orders", 0, batch(&["b"]));
    let other = Node { broker: before, ..Node::new() };
    assert_eq!(other.broker.partition("orders", 0).unwrap().log().log_end_offset().0, 1);
    assert_eq!(node.list_offsets("orders", 0, -1).offset, 2);
}

#[test]
fn the_same_seed_gives_the_same_effects() {
    let story = || {
        let mut node = Node::new();
        let mut all = Vec::new();
        node.create("orders", 2, &[]);
        all.push(node.send(1, 12, Node::fetch_request("orders", 0, 0).into()).1);
        let produce = Node::produce_request("orders", 0, -1, batch(&["a"]));
        all.push(node.send(2, 12, produce.into()).1);
        (all, node.broker.metadata().clone())
    };
    assert_eq!(story(), story());
}

#[test]
fn a_compacted_topic_keeps_the_last_value_of_each_key() {
    let mut node = Node::with(&[("log.cleaner.backoff.ms", "1000")]);
    let configs = [("cleanup.policy", "compact"), ("segment.ms", "60000")];
    node.create("table", 1, &configs);
    let keyed = |key: &str, value: &str, timestamp: i64| {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(timestamp, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        builder.build().unwrap()
    };
    assert_eq!(node.broker.next_wakeup(), None, "nothing to look after");
    let start = node.now;
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        node.produce("table", 0, keyed(key, value, start));
    }
    node.produce("table", 0, keyed("c", "4", start + 60_001));
    let round = START_MS + 1000;
    assert_eq!(node.broker.next_wakeup(), Some(round), "there is a closed segment");
    let effects = node.broker.tick(round);
    let cleaned = effects.events.iter().find_map(|event| match &event.kind {
        BrokerEventKind::LogCleaned {
            topic, end_offset, records_before, records_after, ..
        } => Some((topic.as_str(), *end_offset, *records_before, *records_after)),
        _ => None,
    });
    assert_eq!(cleaned, Some(("table", 3, 3, 2)), "{effects:?}");
    let values =
        |node: &mut Node, offset| records(&node.fetch("table", 0, offset).records.unwrap());
    assert_eq!(values(&mut node, 0), [(1, "2".into()), (2, "3".into())]);
    assert_eq!(values(&mut node, 3), [(3, "4".into())], "the active segment stays");
    // Until a segment closes there is nothing to clean: the next wake-up is retention's.
    assert_eq!(node.broker.next_wakeup(), Some(START_MS + 30_000));
}
