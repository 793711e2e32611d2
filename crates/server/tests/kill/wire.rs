//! The requests that the kill test sends, over a blocking socket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetFetchRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::codec::{decode_response, encode_request};
use logbrook_broker::wire::{Request, RequestFrame, Response};
use logbrook_record::{BatchBuilder, BatchOptions, ProducerEpoch, ProducerId, batches};

/// The connection is gone: the server was killed.
#[derive(Debug)]
pub(crate) struct Lost;

impl From<io::Error> for Lost {
    fn from(_: io::Error) -> Self {
        Lost
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

/// An error that a client tries again at: the coordinator's topic is being made, say.
fn again(code: i16) -> bool {
    matches!(code, 14..=16)
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self, Lost> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, correlation_id: 0 })
    }

    fn send(&mut self, api_version: i16, body: Request) -> Result<(), Lost> {
        self.correlation_id += 1;
        let correlation_id = self.correlation_id;
        let client_id = Some("kill".to_owned());
        let frame = RequestFrame { api_version, correlation_id, client_id, body };
        let bytes = encode_request(&frame).expect("a request of that version");
        let size = u32::try_from(bytes.len()).expect("a small request").to_be_bytes();
        self.stream.write_all(&[&size[..], &bytes].concat())?;
        Ok(())
    }

    fn receive(
        &mut self,
        api: kafka_protocol::messages::ApiKey,
        version: i16,
    ) -> Result<Response, Lost> {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size)?;
        let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(size)).expect("it fits")];
        self.stream.read_exact(&mut bytes)?;
        let frame = decode_response(api, version, Bytes::from(bytes)).expect("a response");
        Ok(frame.body)
    }

    fn call(&mut self, version: i16, body: Request) -> Result<Response, Lost> {
        let api = body.api_key();
        self.send(version, body)?;
        self.receive(api, version)
    }

    pub(crate) fn create_topic(&mut self, topic: &str, partitions: i32) -> Result<(), Lost> {
        let topic = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
        let Response::CreateTopics(response) = self.call(7, Request::CreateTopics(request))? else {
            unreachable!("the response of its request")
        };
        assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0].error_message);
        Ok(())
    }

    pub(crate) fn topics(&mut self) -> Result<Vec<String>, Lost> {
        let request = MetadataRequest::default().with_topics(None);
        let Response::Metadata(response) = self.call(12, Request::Metadata(request))? else {
            unreachable!("the response of its request")
        };
        Ok(response.topics.iter().filter_map(|t| Some(t.name.as_ref()?.to_string())).collect())
    }

    pub(crate) fn init_producer_id(&mut self) -> Result<i64, Lost> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let Response::InitProducerId(response) = self.call(4, Request::InitProducerId(request))?
        else {
            unreachable!("the response of its request")
        };
        assert_eq!(response.error_code, 0);
        Ok(response.producer_id.0)
    }

    /// Sends `count` records with the numbers from `first` on; their sequence numbers are the same.
    pub(crate) fn send_produce(
        &mut self,
        topic: &str,
        partition: i32,
        producer_id: i64,
        first: i64,
        count: i32,
    ) -> Result<(), Lost> {
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id: ProducerId(producer_id),
            producer_epoch: ProducerEpoch(0),
            base_sequence: i32::try_from(first).expect("not so many"),
            ..BatchOptions::default()
        });
        let now = 1_700_000_000_000;
        for number in first..first + i64::from(count) {
            // From a few bytes to a kilobyte.
            let padding = usize::try_from(number % 17 * 61).expect("small");
            let value = format!("{number} {}", "x".repeat(padding));
            builder.append(now, None, Some(value.as_bytes()), &[]);
        }
        let data = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(builder.build().expect("no codec")));
        let data =
            TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![data]);
        self.send(9, Request::Produce(request))
    }

    pub(crate) fn receive_produce(&mut self) -> Result<(), Lost> {
        let response = self.receive(kafka_protocol::messages::ApiKey::Produce, 9)?;
        let Response::Produce(response) = response else {
            unreachable!("the response of its request")
        };
        let partition = &response.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, 0, "{:?}", partition.error_message);
        Ok(())
    }

    /// Offsets and numbers of the records from an offset on.
    pub(crate) fn fetch(
        &mut self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> Result<Vec<(i64, i64)>, Lost> {
        let wanted = FetchPartition::default()
            .with_partition(partition)
            .with_fetch_offset(from)
            .with_current_leader_epoch(-1)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![wanted]);
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(5)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let Response::Fetch(response) = self.call(12, Request::Fetch(request))? else {
            unreachable!("the response of its request")
        };
        let partition = &response.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0, "fetch from {from}");
        let records = partition.records.clone().unwrap_or_default();
        let mut found = Vec::new();
        for batch in batches(&records) {
            for record in batch.expect("a valid CRC").records().expect("records") {
                let value = record.value.unwrap_or_default();
                let number = std::str::from_utf8(&value).ok().and_then(|v| v.split(' ').next());
                let number = number.and_then(|number| number.parse().ok()).expect("a number");
                if record.offset.0 >= from {
                    found.push((record.offset.0, number));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn end_offset(&mut self, topic: &str, partition: i32) -> Result<i64, Lost> {
        let wanted = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(-1);
        let topic =
            ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![wanted]);
        let request =
            ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        let Response::ListOffsets(response) = self.call(5, Request::ListOffsets(request))? else {
            unreachable!("the response of its request")
        };
        let partition = &response.topics[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        Ok(partition.offset)
    }

    pub(crate) fn commit(
        &mut self,
        group: &str,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<(), Lost> {
        loop {
            let wanted = OffsetCommitRequestPartition::default()
                .with_partition_index(partition)
                .with_committed_offset(offset)
                .with_committed_leader_epoch(-1)
                .with_committed_metadata(Some(text("")));
            let topic = OffsetCommitRequestTopic::default()
                .with_name(name(topic))
                .with_partitions(vec![wanted]);
            let request = OffsetCommitRequest::default()
                .with_group_id(text(group).into())
                .with_generation_id_or_member_epoch(-1)
                .with_topics(vec![topic]);
            let response = self.call(8, Request::OffsetCommit(request))?;
            let Response::OffsetCommit(response) = response else {
                unreachable!("the response of its request")
            };
            match response.topics[0].partitions[0].error_code {
                0 => return Ok(()),
                code if again(code) => self.find_coordinator(group)?,
                code => panic!("commit: error {code}"),
            }
        }
    }

    /// Makes `__consumer_offsets`, if it is not there.
    fn find_coordinator(&mut self, group: &str) -> Result<(), Lost> {
        let request = kafka_protocol::messages::FindCoordinatorRequest::default()
            .with_key_type(0)
            .with_coordinator_keys(vec![text(group)]);
        self.call(4, Request::FindCoordinator(request)).map(|_| ())
    }

    /// The committed offset; 0 for none.
    pub(crate) fn committed(
        &mut self,
        group: &str,
        topic: &str,
        partition: i32,
    ) -> Result<i64, Lost> {
        loop {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(name(topic))
                .with_partition_indexes(vec![partition]);
            let wanted = OffsetFetchRequestGroup::default()
                .with_group_id(text(group).into())
                .with_topics(Some(vec![topic]));
            let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
            let Response::OffsetFetch(response) = self.call(8, Request::OffsetFetch(request))?
            else {
                unreachable!("the response of its request")
            };
            let group_response = &response.groups[0];
            match group_response.error_code {
                0 => {
                    let partition = &group_response.topics[0].partitions[0];
                    assert_eq!(partition.error_code, 0);
                    return Ok(partition.committed_offset.max(0));
                }
                code if again(code) => self.find_coordinator(group)?,
                code => panic!("offset fetch: error {code}"),
            }
        }
    }
}
