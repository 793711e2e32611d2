//! One broker and a client on one connection, for stories.
#![allow(dead_code, unreachable_pub)] // each test file uses a part

use bytes::Bytes;
use logbrook_broker::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use logbrook_broker::messages::fetch_request::{FetchPartition, FetchTopic};
use logbrook_broker::messages::fetch_response::PartitionData;
use logbrook_broker::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use logbrook_broker::messages::list_offsets_response::ListOffsetsPartitionResponse;
use logbrook_broker::messages::produce_request::{PartitionProduceData, TopicProduceData};
use logbrook_broker::messages::produce_response::PartitionProduceResponse;
use logbrook_broker::messages::*;
use logbrook_broker::wire::{Request, RequestFrame, Response};
use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId, Effects, ErrorCode};
use logbrook_record::{BatchBuilder, BatchOptions, batches};

use kafka_protocol::protocol::StrBytes;

pub const START_MS: i64 = 1_700_000_000_000;

#[derive(Clone)]
pub struct Node {
    pub broker: Broker,
    pub now: i64,
    pub correlation_id: i32,
}

pub fn name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn client(connection: u64) -> ClientInfo {
    ClientInfo { connection: ConnectionId(connection), host: "/127.0.0.1".into() }
}

/// `4 INVALID_FETCH_SIZE` as text, or `ok`.
pub fn error(code: i16) -> &'static str {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => "ok",
        Some(error) => error.name(),
        None => "?",
    }
}

/// A batch with these values, no keys.
pub fn batch(values: &[&str]) -> Bytes {
    batch_at(values, START_MS)
}

pub fn batch_at(values: &[&str], timestamp: i64) -> Bytes {
    batch_with(BatchOptions::default(), values, timestamp)
}

pub fn batch_with(options: BatchOptions, values: &[&str], timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for value in values {
        let _ = builder.append(timestamp, None, Some(value.as_bytes()), &[]);
    }
    builder.build().unwrap()
}

/// Offset and value of each record.
pub fn records(bytes: &Bytes) -> Vec<(i64, String)> {
    batches(bytes)
        .flat_map(|batch| batch.unwrap().records().unwrap())
        .map(|record| {
            let value = record.value.unwrap_or_default();
            (record.offset.0, String::from_utf8_lossy(&value).into_owned())
        })
        .collect()
}

impl Node {
    pub fn new() -> Node {
        Node::with(&[])
    }

    pub fn with(properties: &[(&str, &str)]) -> Node {
        let properties =
            properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let config = BrokerConfig { properties, ..BrokerConfig::default() };
        config.validate().unwrap();
        Node { broker: Broker::new(config, 1, START_MS), now: START_MS, correlation_id: 0 }
    }

    /// Sends without waiting, on this connection; says the correlation id.
    pub fn send(&mut self, connection: u64, version: i16, body: Request) -> (i32, Effects) {
        self.correlation_id += 1;
        let frame = RequestFrame {
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some("story".into()),
            body,
        };
        let effects = self.broker.handle(self.now, &client(connection), frame);
        (self.correlation_id, effects)
    }

    /// Sends and expects the answer at once.
    pub fn call(&mut self, version: i16, body: impl Into<Request>) -> Response {
        let (id, effects) = self.send(0, version, body.into());
        let [(connection, frame)] = <[_; 1]>::try_from(effects.responses).unwrap();
        assert_eq!((connection, frame.correlation_id), (ConnectionId(0), id));
        frame.body
    }

    pub fn latest(&mut self, body: impl Into<Request>) -> Response {
        let body = body.into();
        let version = body.latest_version();
        self.call(version, body)
    }

    /// `create("orders", 3, &[("retention.ms", "1")])` answers `ok` or `ERROR: message`.
    pub fn create(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
        let configs = configs.iter().map(|(name, value)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(-1)
            .with_configs(configs.collect());
        self.create_topic(topic)
    }

    pub fn create_topic(&mut self, topic: CreatableTopic) -> String {
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        let Response::CreateTopics(response) = self.latest(request) else { panic!() };
        let result = &response.topics[0];
        match &result.error_message {
            Some(message) => format!("{}: {message}", error(result.error_code)),
            None => error(result.error_code).to_owned(),
        }
    }

    pub fn produce_request(
        topic: &str,
        partition: i32,
        acks: i16,
        records: Bytes,
    ) -> ProduceRequest {
        let data =
            PartitionProduceData::default().with_index(partition).with_records(Some(records));
        let topic =
            TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data]);
        ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic])
    }

    /// acks=all, version 12 (topics by name).
    pub fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let request = Node::produce_request(topic, partition, -1, records);
        let Response::Produce(response) = self.call(12, request) else { panic!() };
        response.responses[0].partition_responses[0].clone()
    }

    pub fn fetch_request(topic: &str, partition: i32, offset: i64) -> FetchRequest {
        let partition = FetchPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(offset)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(1024 * 1024);
        let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(50 * 1024 * 1024)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }

    /// Version 12, without waiting for records.
    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let request = Node::fetch_request(topic, partition, offset).with_max_wait_ms(0);
        let Response::Fetch(response) = self.call(12, request) else { panic!() };
        assert_eq!(response.error_code, 0);
        response.responses[0].partitions[0].clone()
    }

    pub fn list_offsets(
        &mut self,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> ListOffsetsPartitionResponse {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(timestamp);
        let topic =
            ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        let request =
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let Response::ListOffsets(response) = self.latest(request) else { panic!() };
        response.topics[0].partitions[0].clone()
    }
}
