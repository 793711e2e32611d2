//! Fetch sessions (KIP-227), as a consumer sees them: cases of Kafka's `FetchSessionTest`.

mod common;

use common::{Node, batch};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;

/// A fetch by name, of the last version that has names.
const BY_NAME: i16 = 12;

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// `orders 0@5`: partition 0 from offset 5 on.
fn request(session: (i32, i32), wanted: &[(&str, i32, i64)]) -> FetchRequest {
    let topics = wanted.iter().map(|(topic, index, offset)| {
        let partition = FetchPartition::default()
            .with_partition(*index)
            .with_fetch_offset(*offset)
            .with_current_leader_epoch(-1)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(1 << 20);
        FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition])
    });
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_max_bytes(1 << 20)
        .with_max_wait_ms(0)
        .with_topics(topics.collect())
}

fn fetch(node: &mut Node, request: FetchRequest) -> FetchResponse {
    match node.call(BY_NAME, request) {
        Response::Fetch(response) => response,
        other => panic!("{other:?}"),
    }
}

/// Topic, partition, error and bytes of each partition told.
fn told(response: &FetchResponse) -> Vec<(String, i32, i16, bool)> {
    assert_eq!(response.error_code, 0);
    let rows = response.responses.iter().flat_map(|topic| {
        topic.partitions.iter().map(|data| {
            let records = data.records.as_ref().is_some_and(|records| !records.is_empty());
            (topic.topic.to_string(), data.partition_index, data.error_code, records)
        })
    });
    rows.collect()
}

fn row(index: i32, records: bool) -> (String, i32, i16, bool) {
    ("orders".into(), index, 0, records)
}

fn node() -> Node {
    let mut node = Node::new();
    node.create("orders", 3, &[]);
    node
}

#[test]
fn a_session_tells_only_news() {
    let mut node = node();
    let first = request((0, 0), &[("orders", 0, 0), ("orders", 1, 0)]);
    let response = fetch(&mut node, first);
    let id = response.session_id;
    assert!(id > 0);
    assert_eq!(told(&response), [row(0, false), row(1, false)]);
    // Nothing new.
    let response = fetch(&mut node, request((id, 1), &[]));
    assert_eq!((response.session_id, told(&response)), (id, vec![]));
    node.produce("orders", 1, batch(&["a"]));
    assert_eq!(told(&fetch(&mut node, request((id, 2), &[]))), [row(1, true)]);
    // The position was not moved: the same again.
    assert_eq!(told(&fetch(&mut node, request((id, 3), &[]))), [row(1, true)]);
    let moved = request((id, 4), &[("orders", 1, 1), ("orders", 2, 0)]);
    assert_eq!(told(&fetch(&mut node, moved)), [row(2, false)], "one that is new is told once");
    // Who brought records is read last: nobody starves.
    node.produce("orders", 0, batch(&["b"]));
    node.produce("orders", 1, batch(&["c"]));
    assert_eq!(told(&fetch(&mut node, request((id, 5), &[]))), [row(0, true), row(1, true)]);
    let topic = ForgottenTopic::default().with_topic(name("orders")).with_partitions(vec![0]);
    let forget = request((id, 6), &[]).with_forgotten_topics_data(vec![topic]);
    assert_eq!(told(&fetch(&mut node, forget)), [row(1, true)]);
}

#[test]
fn the_epoch_must_be_the_next_one_and_the_session_must_exist() {
    let mut node = node();
    let id = fetch(&mut node, request((0, 0), &[("orders", 0, 0)])).session_id;
    let error = |node: &mut Node, session| {
        let response = fetch(node, request(session, &[]));
        assert_eq!((response.session_id, response.responses.len()), (0, 0));
        ErrorCode::from_code(response.error_code)
    };
    assert_eq!(error(&mut node, (id, 5)), Some(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(error(&mut node, (id, 2)), Some(ErrorCode::InvalidFetchSessionEpoch));
    assert_eq!(error(&mut node, (id + 1, 1)), Some(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(error(&mut node, (-1, 1)), Some(ErrorCode::FetchSessionIdNotFound));
    assert_eq!(error(&mut node, (i32::MAX, 1)), Some(ErrorCode::UnknownServerError));
    assert_eq!(error(&mut node, (i32::MIN, 1)), Some(ErrorCode::UnknownServerError));
    // A session of names cannot go on with ids.
    let Response::Fetch(response) = node.call(17, request((id, 1), &[])) else { panic!() };
    assert_eq!(response.error_code, ErrorCode::FetchSessionTopicIdError.code());
    assert_eq!(told(&fetch(&mut node, request((id, 1), &[]))), []);
}

#[test]
fn a_full_fetch_replaces_the_session_and_a_final_one_ends_it() {
    let mut node = node();
    let all = [("orders", 0, 0), ("orders", 1, 0)];
    let first = fetch(&mut node, request((0, 0), &all)).session_id;
    let second = fetch(&mut node, request((first, 0), &all)).session_id;
    assert!(second > 0 && second != first);
    let gone = fetch(&mut node, request((first, 1), &[]));
    assert_eq!(gone.error_code, ErrorCode::FetchSessionIdNotFound.code());
    let last = fetch(&mut node, request((second, -1), &all));
    assert_eq!((last.session_id, told(&last).len()), (0, 2));
    let gone = fetch(&mut node, request((second, 1), &[]));
    assert_eq!(gone.error_code, ErrorCode::FetchSessionIdNotFound.code());
    // One without partitions ends as well.
    let id = fetch(&mut node, request((0, 0), &all)).session_id;
    let topic = ForgottenTopic::default().with_topic(name("orders")).with_partitions(vec![0, 1]);
    let empty = fetch(&mut node, request((id, 1), &[]).with_forgotten_topics_data(vec![topic]));
    assert_eq!((empty.session_id, told(&empty)), (0, vec![]));
}

#[test]
fn unknown_partitions_come_last_and_are_told_until_they_are_there() {
    let mut node = node();
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    let wanted = [("later", 0, 0), ("orders", 0, 0), ("orders", 9, 0)];
    let response = fetch(&mut node, request((0, 0), &wanted));
    let missing = |topic: &str, index| (topic.to_owned(), index, unknown, false);
    assert_eq!(told(&response), [row(0, false), missing("later", 0), missing("orders", 9)]);
    let id = response.session_id;
    let again = fetch(&mut node, request((id, 1), &[]));
    assert_eq!(told(&again), [missing("later", 0), missing("orders", 9)]);
    node.create("later", 1, &[]);
    let again = fetch(&mut node, request((id, 2), &[]));
    assert_eq!(told(&again), [("later".into(), 0, 0, false), missing("orders", 9)]);
    assert_eq!(told(&fetch(&mut node, request((id, 3), &[]))), [missing("orders", 9)]);
}

#[test]
fn a_partition_named_twice_counts_once_with_its_last_word() {
    let mut node = node();
    node.produce("orders", 0, batch(&["a"]));
    let wanted = [("orders", 0, 0), ("orders", 1, 0), ("orders", 0, 1)];
    let response = fetch(&mut node, request((0, 0), &wanted));
    assert_eq!(told(&response), [row(0, false), row(1, false)]);
}

#[test]
fn there_are_so_many_sessions_and_a_new_one_evicts_the_stale_or_the_smaller() {
    // One for each of the eight shards.
    let mut node = Node::with(&[("max.incremental.fetch.session.cache.slots", "8")]);
    node.create("orders", 3, &[]);
    let one = [("orders", 0, 0)];
    let two = [("orders", 0, 0), ("orders", 1, 0)];
    let ids: Vec<i32> =
        (0..8).map(|_| fetch(&mut node, request((0, 0), &one)).session_id).collect();
    assert!(ids.iter().all(|id| *id > 0), "{ids:?}");
    assert_eq!(fetch(&mut node, request((0, 0), &two)).session_id, 0, "all are young");
    // Used, and older than two minutes: a larger one may take their places, an equal one too.
    node.now += 100_000;
    for id in &ids {
        fetch(&mut node, request((*id, 1), &[]));
    }
    node.now += 100_000;
    for id in &ids {
        fetch(&mut node, request((*id, 2), &[]));
    }
    let larger = fetch(&mut node, request((0, 0), &two)).session_id;
    assert!(larger > 0);
    let lost = ids.iter().filter(|id| {
        fetch(&mut node, request((**id, 3), &[])).error_code
            == ErrorCode::FetchSessionIdNotFound.code()
    });
    assert_eq!(lost.count(), 1);
    // After two minutes without a fetch anybody may take it.
    node.now += 120_001;
    assert!(fetch(&mut node, request((0, 0), &one)).session_id > 0);
}

#[test]
fn the_last_batch_is_cut_where_the_limit_is_and_the_first_never() {
    let mut node = node();
    for text in ["a", "b", "c"] {
        node.produce("orders", 0, batch(&[text]));
    }
    let size = batch(&["a"]).len();
    let mut bytes = |max_bytes: usize, partition_max_bytes: usize| {
        let mut request = request((0, -1), &[("orders", 0, 0)]).with_max_bytes(max_bytes as i32);
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes as i32;
        let response = fetch(&mut node, request);
        response.responses[0].partitions[0].records.as_ref().map_or(0, |records| records.len())
    };
    assert_eq!(bytes(10_000, 10_000), 3 * size);
    assert_eq!(bytes(10_000, 2 * size + 1), 2 * size + 1);
    assert_eq!(bytes(size + 7, 10_000), size + 7);
    assert_eq!(bytes(1, 1), size);
}
