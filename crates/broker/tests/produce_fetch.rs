//! Records go in and come out: Produce, Fetch with long poll, ListOffsets.

mod common;

use bytes::Bytes;
use common::*;
use logbrook_broker::messages::ProduceRequest;
use logbrook_broker::wire::Response;
use logbrook_broker::{BrokerEventKind, ConnectionId};
use logbrook_record::{BatchOptions, Compression, ProducerEpoch, ProducerId};

fn orders() -> Node {
    let mut node = Node::new();
    assert_eq!(node.create("orders", 2, &[]), "ok");
    node
}

#[test]
fn what_is_produced_is_fetched_from_its_offset() {
    let mut node = orders();
    assert_eq!(node.produce("orders", 0, batch(&["a", "b"])).base_offset, 0);
    let second = node.produce("orders", 0, batch(&["c"]));
    assert_eq!((error(second.error_code), second.base_offset), ("ok", 2));
    assert_eq!((second.log_start_offset, second.log_append_time_ms), (0, -1));

    let data = node.fetch("orders", 0, 2);
    assert_eq!(records(&data.records.unwrap()), [(2, "c".into())]);
    assert_eq!((data.high_watermark, data.log_start_offset), (3, 0));
    // From the middle of a batch the whole batch comes: the client skips.
    let data = node.fetch("orders", 0, 1);
    assert_eq!(records(&data.records.unwrap()).len(), 3);
    assert!(node.fetch("orders", 1, 0).records.unwrap().is_empty());
}

#[test]
fn a_fetch_waits_for_records_and_the_append_wakes_it() {
    let mut node = orders();
    let (id, effects) = node.send(7, 12, Node::fetch_request("orders", 0, 0).into());
    assert!(effects.responses.is_empty());
    assert!(matches!(
        effects.events[0].kind,
        BrokerEventKind::FetchParked { deadline_ms } if deadline_ms == node.now + 500
    ));
    assert_eq!(node.broker.next_wakeup(), Some(node.now + 500));

    node.now += 20;
    let produce = Node::produce_request("orders", 0, -1, batch(&["a"]));
    let (_, effects) = node.send(8, 12, produce.into());
    let to: Vec<_> = effects.responses.iter().map(|(to, _)| *to).collect();
    assert_eq!(to, [ConnectionId(8), ConnectionId(7)]);
    let (_, frame) = &effects.responses[1];
    assert_eq!(frame.correlation_id, id);
    let Response::Fetch(response) = &frame.body else { panic!() };
    let data = response.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!(records(&data), [(0, "a".into())]);
    let answered = &effects.events.last().unwrap();
    assert_eq!(answered.cause.unwrap().correlation_id, id);
    assert!(matches!(answered.kind, BrokerEventKind::FetchAnswered { waited_ms: 20, .. }));
}

#[test]
fn a_fetch_that_waited_in_vain_is_answered_when_its_time_is_over() {
    let mut node = orders();
    node.send(7, 12, Node::fetch_request("orders", 0, 0).into());
    assert!(node.broker.tick(node.now + 499).responses.is_empty());
    let effects = node.broker.tick(node.now + 500);
    let Response::Fetch(response) = &effects.responses[0].1.body else { panic!() };
    assert!(response.responses[0].partitions[0].records.as_ref().unwrap().is_empty());
    assert_eq!(node.broker.tick(node.now + 501).responses.len(), 0);
}

#[test]
fn min_bytes_holds_a_fetch_back_until_they_are_there() {
    let mut node = orders();
    let size = batch(&["a"]).len() as i32;
    let fetch = Node::fetch_request("orders", 0, 0).with_min_bytes(2 * size);
    node.send(7, 12, fetch.into());
    let first = Node::produce_request("orders", 0, -1, batch(&["a"]));
    assert_eq!(node.send(8, 12, first.into()).1.responses.len(), 1);
    let second = Node::produce_request("orders", 0, -1, batch(&["b"]));
    assert_eq!(node.send(8, 12, second.into()).1.responses.len(), 2);
}

#[test]
fn a_connection_is_served_one_request_at_a_time() {
    let mut node = orders();
    node.send(7, 12, Node::fetch_request("orders", 0, 0).into());
    // The same connection asks for more: Kafka has muted the channel.
    let (_, effects) =
        node.send(7, 12, Node::fetch_request("orders", 0, 0).with_max_wait_ms(0).into());
    assert!(effects.responses.is_empty());
    let effects = node.broker.tick(node.now + 500);
    assert_eq!(effects.responses.len(), 2);
}

#[test]
fn nothing_is_sent_to_a_connection_that_is_gone() {
    let mut node = orders();
    node.send(7, 12, Node::fetch_request("orders", 0, 0).into());
    node.broker.disconnect(node.now, ConnectionId(7));
    assert_eq!(node.produce("orders", 0, batch(&["a"])).base_offset, 0);
    assert!(node.broker.tick(node.now + 1000).responses.is_empty());
}

#[test]
fn without_acks_there_is_no_response_and_an_error_closes_the_connection() {
    let mut node = orders();
    let good = Node::produce_request("orders", 0, 0, batch(&["a"]));
    let (_, effects) = node.send(3, 12, good.into());
    assert!(effects.responses.is_empty() && effects.disconnects.is_empty());
    assert_eq!(node.list_offsets("orders", 0, -1).offset, 1);
    let bad = Node::produce_request("nothing", 0, 0, batch(&["a"]));
    let (_, effects) = node.send(3, 12, bad.into());
    assert_eq!(effects.disconnects, [ConnectionId(3)]);
}

#[test]
fn what_cannot_be_produced_says_why() {
    let mut node = orders();
    let mut try_it = |topic: &str, index, records| {
        let response = node.produce(topic, index, records);
        assert_eq!(response.base_offset, -1);
        error(response.error_code)
    };
    assert_eq!(try_it("nothing", 0, batch(&["a"])), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(try_it("orders", 2, batch(&["a"])), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(try_it("orders", 0, Bytes::new()), "INVALID_RECORD");
    assert_eq!(try_it("orders", 0, Bytes::from_static(&[0; 100])), "CORRUPT_MESSAGE");
    let two = [batch(&["a"]), batch(&["b"])].concat();
    assert_eq!(try_it("orders", 0, two.into()), "INVALID_RECORD");
    let mut damaged = batch(&["a"]).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(try_it("orders", 0, damaged.into()), "CORRUPT_MESSAGE");
    let transactional = BatchOptions {
        producer_id: ProducerId(1),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        transactional: true,
        ..BatchOptions::default()
    };
    assert_eq!(
        try_it("orders", 0, batch_with(transactional, &["a"], START_MS)),
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    );
    let request = Node::produce_request("orders", 0, 2, batch(&["a"]));
    let Response::Produce(response) = node.call(12, request) else { panic!() };
    let code = response.responses[0].partition_responses[0].error_code;
    assert_eq!(error(code), "INVALID_REQUIRED_ACKS");
}

#[test]
fn topics_are_named_by_id_in_the_newest_versions() {
    let mut node = orders();
    let id = node.broker.metadata().topic("orders").unwrap().id;
    let with_id = |id, records| {
        let mut request = Node::produce_request("", 0, -1, records);
        request.topic_data[0].topic_id = id;
        request
    };
    let mut produce = |request: ProduceRequest| {
        let Response::Produce(response) = node.latest(request) else { panic!() };
        let topic = &response.responses[0];
        (topic.topic_id, error(topic.partition_responses[0].error_code))
    };
    assert_eq!(produce(with_id(id, batch(&["a"]))), (id, "ok"));
    let nobody = uuid::Uuid::from_u128(5);
    assert_eq!(produce(with_id(nobody, batch(&["a"]))), (nobody, "UNKNOWN_TOPIC_ID"));
    let mut fetch = Node::fetch_request("", 0, 0);
    fetch.topics[0].topic_id = id;
    let Response::Fetch(response) = node.latest(fetch) else { panic!() };
    let data = response.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!(records(&data), [(0, "a".into())]);
}

#[test]
fn the_first_batch_comes_whole_however_small_the_limit() {
    let mut node = orders();
    node.produce("orders", 0, batch(&["a"]));
    node.produce("orders", 0, batch(&["b"]));
    let mut fetch = Node::fetch_request("orders", 0, 0).with_max_bytes(1);
    fetch.topics[0].partitions[0].partition_max_bytes = 1;
    let Response::Fetch(response) = node.call(12, fetch) else { panic!() };
    let data = response.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!(records(&data), [(0, "a".into())]);
}

#[test]
fn fetch_errors() {
    let mut node = orders();
    assert_eq!(error(node.fetch("orders", 0, 1).error_code), "OFFSET_OUT_OF_RANGE");
    assert_eq!(error(node.fetch("orders", 0, -1).error_code), "OFFSET_OUT_OF_RANGE");
    assert_eq!(error(node.fetch("nothing", 0, 0).error_code), "UNKNOWN_TOPIC_OR_PARTITION");
    let mut fenced = Node::fetch_request("orders", 0, 0);
    fenced.topics[0].partitions[0].current_leader_epoch = 5;
    let Response::Fetch(response) = node.call(12, fenced) else { panic!() };
    let code = response.responses[0].partitions[0].error_code;
    assert_eq!(error(code), "UNKNOWN_LEADER_EPOCH");
    let session = Node::fetch_request("orders", 0, 0).with_session_id(9).with_session_epoch(1);
    let Response::Fetch(response) = node.call(12, session) else { panic!() };
    assert_eq!(error(response.error_code), "FETCH_SESSION_ID_NOT_FOUND");
}

#[test]
fn offsets_by_time() {
    let mut node = orders();
    for (value, timestamp) in [("a", 100), ("b", 300), ("c", 200)] {
        node.produce("orders", 0, batch_at(&[value], timestamp));
    }
    let mut at = |timestamp| {
        let found = node.list_offsets("orders", 0, timestamp);
        (error(found.error_code), found.offset, found.timestamp)
    };
    assert_eq!(at(-2), ("ok", 0, -1));
    assert_eq!(at(-1), ("ok", 3, -1));
    assert_eq!(at(-3), ("ok", 1, 300));
    assert_eq!(at(-4), ("ok", 0, -1));
    assert_eq!(at(-5), ("ok", -1, -1));
    assert_eq!(at(150), ("ok", 1, 300));
    assert_eq!(at(301), ("ok", -1, -1));
    assert_eq!(at(-9), ("UNSUPPORTED_VERSION", -1, -1));
}

#[test]
fn zstd_needs_a_request_that_may_carry_it() {
    let zstd = || {
        let options = BatchOptions { compression: Compression::Zstd, ..BatchOptions::default() };
        batch_with(options, &["a", "b"], Node::new().now)
    };
    let mut node = orders();
    let old = node.call(6, Node::produce_request("orders", 0, -1, zstd()));
    let Response::Produce(old) = old else { panic!() };
    let old = &old.responses[0].partition_responses[0];
    assert_eq!(error(old.error_code), "UNSUPPORTED_COMPRESSION_TYPE");
    assert_eq!(node.produce("orders", 0, zstd()).base_offset, 0);
    let data = node.fetch("orders", 0, 0);
    assert_eq!(records(&data.records.unwrap()), [(0, "a".into()), (1, "b".into())]);
}

/// The same batch, with the number of another codec in its attributes and a CRC that fits.
fn with_codec(batch: &Bytes, codec: u8) -> Bytes {
    const ATTRIBUTES: usize = 22;
    const CRC: usize = 17;
    let mut bytes = batch.to_vec();
    bytes[ATTRIBUTES] = bytes[ATTRIBUTES] & !7 | codec;
    let crc = logbrook_record::crc32c(&bytes[CRC + 4..]);
    bytes[CRC..CRC + 4].copy_from_slice(&crc.to_be_bytes());
    bytes.into()
}

#[test]
fn a_codec_that_kafka_does_not_know_is_refused_as_kafka_stumbles_over_it() {
    let mut node = Node::new();
    node.create("t", 2, &[]);
    let unknown = with_codec(&batch(&["a"]), 5);
    let mut request = Node::produce_request("t", 0, -1, unknown.clone());
    request.topic_data[0].partition_data.push(
        Node::produce_request("t", 1, -1, batch(&["b"])).topic_data[0].partition_data[0].clone(),
    );
    let mut answers = |version| {
        let Response::Produce(response) = node.call(version, request.clone()) else { panic!() };
        let answers = response.responses[0].partition_responses.iter();
        answers.map(|p| (error(p.error_code), p.log_start_offset)).collect::<Vec<_>>()
    };
    // From version 7 on the log stumbles, over this batch alone.
    assert_eq!(answers(9), [("UNKNOWN_SERVER_ERROR", 0), ("ok", 0)]);
    // Before, the request does: nothing is appended.
    let all = ("UNKNOWN_SERVER_ERROR", -1);
    assert_eq!(answers(6), [all, all]);
    assert_eq!(node.list_offsets("t", 1, -1).offset, 1);
    // Bytes that the CRC does not fit are damaged before anybody looks at the codec.
    let mut damaged = unknown.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(error(node.produce("t", 0, damaged.into()).error_code), "CORRUPT_MESSAGE");
}
