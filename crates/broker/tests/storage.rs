//! A broker on a log directory: what comes back after a kill, after a stop, and what a full disk does.

mod common;
#[path = "../../log/tests/common/disk.rs"]
mod disk;

use std::sync::Arc;

use common::{Node, START_MS, batch, batch_with, error, name, records};
use disk::Disk;
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;
use logbrook_broker::{Broker, BrokerConfig};
use logbrook_log::{FileSystem, read_offset_checkpoint};
use logbrook_record::{BatchOptions, Offset, ProducerEpoch, ProducerId};

fn config() -> BrokerConfig {
    let properties =
        [("offsets.topic.num.partitions", "3"), ("offsets.topic.replication.factor", "1")];
    let properties = properties.map(|(name, value)| (name.into(), value.into()));
    BrokerConfig { properties: properties.into_iter().collect(), ..BrokerConfig::default() }
}

fn start(disk: &Disk, now: i64) -> Node {
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    // Another start has another seed.
    let broker = Broker::open(config(), now as u64, now, files).expect("a disk that works");
    Node { broker, now, correlation_id: 0 }
}

fn init_producer_id(node: &mut Node) -> i64 {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let Response::InitProducerId(response) = node.latest(request) else { panic!() };
    assert_eq!(response.error_code, 0);
    response.producer_id.0
}

fn from_producer(id: i64, base_sequence: i32, values: &[&str]) -> bytes::Bytes {
    let options = BatchOptions {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(0),
        base_sequence,
        ..BatchOptions::default()
    };
    batch_with(options, values, START_MS)
}

fn values(node: &mut Node, topic: &str) -> Vec<String> {
    let data = node.fetch(topic, 0, 0);
    assert_eq!(error(data.error_code), "ok");
    records(&data.records.unwrap()).into_iter().map(|(_, value)| value).collect()
}

/// A server that is killed and started again.
fn killed(node: Node, disk: &Disk) -> (Node, Disk) {
    let disk = disk.after_kill();
    let restarted = start(&disk, node.now + 1000);
    (restarted, disk)
}

#[test]
fn a_killed_broker_comes_back_with_its_topics_records_and_producers() {
    let disk = Disk::default();
    let mut node = start(&disk, START_MS);
    assert_eq!(node.create("orders", 2, &[("retention.ms", "-1")]), "ok");
    let id = init_producer_id(&mut node);
    let batch = from_producer(id, 0, &["a", "b"]);
    assert_eq!(error(node.produce("orders", 0, batch.clone()).error_code), "ok");
    let before = node.broker.topic("orders").expect("created").clone();
    let cluster = node.broker.config().cluster_id.clone();

    let (mut node, disk) = killed(node, &disk);
    assert_eq!(node.broker.take_storage_remarks(), [] as [&str; 0]);
    assert_eq!(node.broker.config().cluster_id, cluster);
    let after = node.broker.topic("orders").expect("it is there").clone();
    assert_eq!((after.id, after.partitions.len()), (before.id, 2));
    assert_eq!(after.partitions[&0].leader_epoch, 2, "as Kafka's: away and back are two terms");
    let configs = node.broker.metadata().topic_config("orders");
    assert_eq!(configs.get("retention.ms").map(String::as_str), Some("-1"));
    assert_eq!(values(&mut node, "orders"), ["a", "b"]);

    // What the producer sends again is not written twice, and it goes on.
    let again = node.produce("orders", 0, batch);
    assert_eq!((error(again.error_code), again.base_offset), ("ok", 0));
    let next = node.produce("orders", 0, from_producer(id, 2, &["c"]));
    assert_eq!((error(next.error_code), next.base_offset), ("ok", 2));
    assert!(init_producer_id(&mut node) >= 1000, "ids of the first block are not given out again");

    let (mut node, _disk) = killed(node, &disk);
    assert_eq!(values(&mut node, "orders"), ["a", "b", "c"]);
    assert_eq!(node.broker.topic("orders").expect("there").partitions[&0].leader_epoch, 4);
}

#[test]
fn a_stopped_broker_leaves_checkpoints_and_starts_without_recovery() {
    let disk = Disk::default();
    let mut node = start(&disk, START_MS);
    assert_eq!(node.create("orders", 1, &[]), "ok");
    node.produce("orders", 0, batch(&["a", "b", "c"]));
    node.broker.close(node.now);
    let checkpoint = |name: &str| {
        let bytes = disk.edit(name, |bytes| bytes.clone());
        read_offset_checkpoint(&bytes).expect(name).get(&("orders".to_owned(), 0)).copied()
    };
    assert_eq!(checkpoint("recovery-point-offset-checkpoint"), Some(Offset(3)));
    assert_eq!(checkpoint("replication-offset-checkpoint"), Some(Offset(3)));
    let marker = disk.edit(".kafka_cleanshutdown", |bytes| bytes.clone());
    assert!(marker.starts_with(br#"{"version":0,"brokerEpoch":"#));
    let index = disk.edit("orders-0/00000000000000000000.index", |bytes| bytes.len());
    assert_eq!(index, 0, "trimmed");

    let mut node = start(&disk, START_MS + 1000);
    assert_eq!(node.broker.take_storage_remarks(), [] as [&str; 0]);
    assert!(!disk.names().contains(&".kafka_cleanshutdown".to_owned()), "a crash is one now");
    assert_eq!(values(&mut node, "orders"), ["a", "b", "c"]);
}

#[test]
fn a_deleted_topic_is_renamed_at_once_and_removed_later() {
    let disk = Disk::default();
    let mut node = start(&disk, START_MS);
    assert_eq!(node.create("orders", 1, &[]), "ok");
    let request = DeleteTopicsRequest::default().with_topic_names(vec![name("orders")]);
    let Response::DeleteTopics(response) = node.call(5, request) else { panic!() };
    assert_eq!(error(response.responses[0].error_code), "ok");
    let there = |disk: &Disk| {
        let names = disk.list("").expect("listed");
        names.into_iter().filter(|name| name.starts_with("orders")).collect::<Vec<_>>()
    };
    let [renamed] = <[String; 1]>::try_from(there(&disk)).expect("one folder");
    assert!(renamed.starts_with("orders-0.") && renamed.ends_with("-delete"), "{renamed}");
    assert_eq!(node.create("orders", 1, &[]), "ok", "the name is free");
    node.broker.tick(START_MS + 60_000);
    assert_eq!(there(&disk), ["orders-0"]);
}

#[test]
fn a_full_disk_is_a_storage_error_and_the_rest_is_served() {
    let disk = Disk::default();
    let mut node = start(&disk, START_MS);
    assert_eq!(node.create("orders", 1, &[]), "ok");
    node.produce("orders", 0, batch(&["kept"]));
    disk.fail_after(100);
    let refused = node.produce("orders", 0, batch(&[&"x".repeat(200)]));
    assert_eq!(error(refused.error_code), "KAFKA_STORAGE_ERROR");
    assert_eq!(error(node.fetch("orders", 0, 0).error_code), "KAFKA_STORAGE_ERROR");
    let Response::Metadata(metadata) = node.latest(MetadataRequest::default()) else { panic!() };
    assert_eq!(metadata.brokers.len(), 1);

    let (mut node, _disk) = killed(node, &disk);
    assert_eq!(values(&mut node, "orders"), ["kept"]);
}

#[test]
fn a_directory_of_another_node_is_refused() {
    let disk = Disk::default();
    start(&disk, START_MS);
    let files: Arc<dyn FileSystem> = Arc::new(disk.clone());
    let config = BrokerConfig { node_id: 7, ..config() };
    let refused = Broker::open(config, 1, START_MS, files).expect_err("not its own");
    assert_eq!(refused.to_string(), "meta.properties: node.id: found 1, expected 7");
}
