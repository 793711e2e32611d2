//! Frames as bytes: every API in every version, and bytes that are no frames.

mod common;

use bytes::{BufMut, Bytes, BytesMut};
use common::*;
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::messages::create_topics_request::CreatableTopic;
use logbrook_broker::messages::delete_topics_request::DeleteTopicState;
use logbrook_broker::messages::describe_configs_request::DescribeConfigsResource;
use logbrook_broker::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, NodeEndpoint, PartitionData,
};
use logbrook_broker::messages::incremental_alter_configs_request::AlterConfigsResource;
use logbrook_broker::messages::metadata_request::MetadataRequestTopic;
use logbrook_broker::messages::*;
use logbrook_broker::wire::codec::{
    CodecError, decode_request, decode_response, encode_request, encode_response,
    encode_response_pieces,
};
use logbrook_broker::wire::{Request, RequestFrame, ResponseFrame, ServedApi};
use proptest::prelude::*;

/// A request that finds something, in this version.
fn request(node: &Node, key: ApiKey, version: i16) -> Request {
    let id = node.broker.metadata().topic("orders").unwrap().id;
    match key {
        ApiKey::Produce => {
            let topic = if version >= 13 { "" } else { "orders" };
            let mut request = Node::produce_request(topic, 0, 1, batch(&["a"]));
            if version >= 13 {
                request.topic_data[0].topic_id = id;
            }
            request.into()
        }
        ApiKey::Fetch => {
            let topic = if version >= 13 { "" } else { "orders" };
            let mut request = Node::fetch_request(topic, 0, 0).with_max_wait_ms(0);
            if version >= 13 {
                request.topics[0].topic_id = id;
            }
            if version < 7 {
                request.session_epoch = -1;
            }
            request.into()
        }
        ApiKey::ListOffsets => {
            let partition = list_offsets_request::ListOffsetsPartition::default()
                .with_current_leader_epoch(-1)
                .with_timestamp(-2);
            let topic = list_offsets_request::ListOffsetsTopic::default()
                .with_name(name("orders"))
                .with_partitions(vec![partition]);
            ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_topics(vec![topic])
                .into()
        }
        ApiKey::Metadata => {
            let topic = |one| MetadataRequestTopic::default().with_name(Some(name(one)));
            MetadataRequest::default()
                .with_topics(Some(vec![topic("orders"), topic("nothing")]))
                .with_allow_auto_topic_creation(version < 4)
                .into()
        }
        ApiKey::ApiVersions => ApiVersionsRequest::default()
            .with_client_software_name(text(if version >= 3 { "a" } else { "" }))
            .with_client_software_version(text(if version >= 3 { "1" } else { "" }))
            .into(),
        ApiKey::CreateTopics => {
            let topic = CreatableTopic::default()
                .with_name(name(&format!("made-{version}")))
                .with_num_partitions(1)
                .with_replication_factor(1);
            CreateTopicsRequest::default().with_topics(vec![topic]).into()
        }
        ApiKey::DeleteTopics if version >= 6 => {
            let topic = DeleteTopicState::default().with_name(Some(name("nothing")));
            DeleteTopicsRequest::default().with_topics(vec![topic]).into()
        }
        ApiKey::DeleteTopics => {
            DeleteTopicsRequest::default().with_topic_names(vec![name("nothing")]).into()
        }
        ApiKey::DescribeConfigs => {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("orders"));
            DescribeConfigsRequest::default()
                .with_resources(vec![resource])
                .with_include_synonyms(true)
                .into()
        }
        ApiKey::IncrementalAlterConfigs => {
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("nothing"));
            IncrementalAlterConfigsRequest::default().with_resources(vec![resource]).into()
        }
        ApiKey::InitProducerId => InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
            .into(),
        ApiKey::AddPartitionsToTxn if version <= 3 => AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transactional_id())
            .with_v3_and_below_topics(vec![
                add_partitions_to_txn_request::AddPartitionsToTxnTopic::default()
                    .with_name(name("orders"))
                    .with_partitions(vec![0, 1]),
            ])
            .into(),
        ApiKey::AddPartitionsToTxn => AddPartitionsToTxnRequest::default()
            .with_transactions(vec![
                add_partitions_to_txn_request::AddPartitionsToTxnTransaction::default()
                    .with_transactional_id(transactional_id())
                    .with_verify_only(true),
            ])
            .into(),
        ApiKey::AddOffsetsToTxn => AddOffsetsToTxnRequest::default()
            .with_transactional_id(transactional_id())
            .with_group_id(GroupId(text("group")))
            .into(),
        ApiKey::EndTxn => EndTxnRequest::default().with_transactional_id(transactional_id()).into(),
        ApiKey::WriteTxnMarkers => WriteTxnMarkersRequest::default()
            .with_markers(vec![
                write_txn_markers_request::WritableTxnMarker::default().with_topics(vec![
                    write_txn_markers_request::WritableTxnMarkerTopic::default()
                        .with_name(name("orders"))
                        .with_partition_indexes(vec![0]),
                ]),
            ])
            .into(),
        ApiKey::TxnOffsetCommit => TxnOffsetCommitRequest::default()
            .with_transactional_id(transactional_id())
            .with_group_id(GroupId(text("group")))
            .with_generation_id(-1)
            .with_topics(vec![
                txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
                    .with_name(name("orders"))
                    .with_partitions(vec![
                        txn_offset_commit_request::TxnOffsetCommitRequestPartition::default()
                            .with_committed_offset(3)
                            .with_committed_metadata(None),
                    ]),
            ])
            .into(),
        ApiKey::DescribeProducers => DescribeProducersRequest::default()
            .with_topics(vec![
                describe_producers_request::TopicRequest::default()
                    .with_name(name("orders"))
                    .with_partition_indexes(vec![0, 7]),
            ])
            .into(),
        ApiKey::DescribeTransactions => DescribeTransactionsRequest::default()
            .with_transactional_ids(vec![transactional_id()])
            .into(),
        ApiKey::ListTransactions => ListTransactionsRequest::default()
            .with_duration_filter(-1)
            .with_state_filters(vec![text("Ongoing")])
            .into(),
        ApiKey::DescribeCluster => DescribeClusterRequest::default().with_endpoint_type(1).into(),
        ApiKey::AlterReplicaLogDirs => AlterReplicaLogDirsRequest::default().into(),
        ApiKey::DescribeClientQuotas => DescribeClientQuotasRequest::default().into(),
        ApiKey::AlterClientQuotas => AlterClientQuotasRequest::default().into(),
        ApiKey::DescribeUserScramCredentials => {
            DescribeUserScramCredentialsRequest::default().into()
        }
        ApiKey::AlterUserScramCredentials => AlterUserScramCredentialsRequest::default().into(),
        ApiKey::UpdateFeatures => UpdateFeaturesRequest::default().into(),
        ApiKey::DescribeLogDirs => DescribeLogDirsRequest::default().into(),
        ApiKey::DescribeQuorum => DescribeQuorumRequest::default().into(),
        ApiKey::AlterConfigs => AlterConfigsRequest::default().into(),
        ApiKey::ListConfigResources => ListConfigResourcesRequest::default().into(),
        ApiKey::CreatePartitions => CreatePartitionsRequest::default().into(),
        ApiKey::DeleteRecords => DeleteRecordsRequest::default().into(),
        ApiKey::OffsetForLeaderEpoch => {
            let partition = offset_for_leader_epoch_request::OffsetForLeaderPartition::default()
                .with_current_leader_epoch(-1);
            let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default()
                .with_topic(name("orders"))
                .with_partitions(vec![partition]);
            OffsetForLeaderEpochRequest::default().with_topics(vec![topic]).into()
        }
        ApiKey::DescribeAcls => DescribeAclsRequest::default().into(),
        ApiKey::CreateAcls => CreateAclsRequest::default().into(),
        ApiKey::DeleteAcls => DeleteAclsRequest::default().into(),
        ApiKey::AlterPartitionReassignments => AlterPartitionReassignmentsRequest::default().into(),
        ApiKey::ElectLeaders => ElectLeadersRequest::default().into(),
        ApiKey::UnregisterBroker => UnregisterBrokerRequest::default().into(),
        ApiKey::ListPartitionReassignments => ListPartitionReassignmentsRequest::default().into(),
        ApiKey::DescribeTopicPartitions => DescribeTopicPartitionsRequest::default().into(),
        ApiKey::ConsumerGroupHeartbeat => ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text("modern")))
            .with_member_id(text("a"))
            .with_instance_id(Some(text("i")))
            .with_rack_id(None)
            .with_subscribed_topic_names(Some(vec![TopicName(text("orders"))]))
            .with_server_assignor(None)
            .with_topic_partitions(Some(vec![]))
            .into(),
        ApiKey::ConsumerGroupDescribe => ConsumerGroupDescribeRequest::default()
            .with_group_ids(vec![GroupId(text("modern"))])
            .into(),
        other => panic!("{other:?} has no request here"),
    }
}

fn transactional_id() -> TransactionalId {
    TransactionalId(text("payments"))
}

/// The APIs of the group coordinator and of the controller have their tests with those.
fn is_tested_elsewhere(api: &ServedApi) -> bool {
    is_group_api(api.key) || !api.is_on_brokers()
}

fn is_group_api(key: ApiKey) -> bool {
    use ApiKey::*;
    matches!(
        key,
        OffsetCommit
            | OffsetFetch
            | FindCoordinator
            | JoinGroup
            | Heartbeat
            | LeaveGroup
            | SyncGroup
            | DescribeGroups
            | ListGroups
            | DeleteGroups
            | OffsetDelete
    )
}

#[test]
fn every_version_goes_through_bytes_and_back() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    for api in ServedApi::ALL.iter().filter(|api| !is_tested_elsewhere(api)) {
        for version in api.min_version..=api.max_version {
            let frame = RequestFrame {
                api_version: version,
                correlation_id: 42,
                client_id: Some("wire".into()),
                body: request(&node, api.key, version),
            };
            let what = format!("{} version {version}", api.name);
            let bytes = encode_request(&frame).unwrap_or_else(|error| panic!("{what}: {error}"));
            let read = decode_request(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(read.client_id.as_deref(), Some("wire"));
            let effects = node.broker.handle(node.now, &client(1), read);
            let (_, response) = &effects.responses[0];
            let bytes = encode_response(response).unwrap_or_else(|error| panic!("{what}: {error}"));
            let read = decode_response(api.key, version, bytes)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(read.correlation_id, 42);
        }
    }
}

#[test]
fn what_is_no_frame_is_refused_with_place_and_reason() {
    let says =
        |bytes: &[u8]| decode_request(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
    assert_eq!(says(&[0, 3]), "frame: 2 bytes, expected at least 8 for its header");
    assert_eq!(says(&[0x7f, 0, 0, 0, 0, 0, 0, 1]), "request header: api key 32512 is not served");
    assert_eq!(
        says(&[0, 3, 0, 99, 0, 0, 0, 1]),
        "request header: Metadata version 99, expected 0 to 13"
    );
    let cut = says(&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0]);
    assert_eq!(
        cut,
        "Metadata request version 1: topics: malformed at byte 10: found 2 bytes, expected 4"
    );
    let error = decode_request(Bytes::from_static(&[0, 18, 0, 9, 0, 0, 0, 5])).unwrap_err();
    assert!(matches!(error, CodecError::UnsupportedVersion { correlation_id: 5, .. }));
}

/// As Kafka reads it: librdkafka 2.12 sends Metadata version 13 with three bytes too many.
#[test]
fn what_follows_a_request_in_its_frame_is_ignored() {
    let plain = [0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
    let long = [plain.as_slice(), &[7, 0, 0]].concat();
    let read = |bytes: &[u8]| decode_request(Bytes::copy_from_slice(bytes));
    assert_eq!(read(&long), read(&plain));
    assert!(read(&long).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Frames with some bytes changed: read or refused, handled, answered in bytes; no panic.
    #[test]
    fn damaged_frames_do_no_harm(
        api in 0..ServedApi::ALL.len(),
        version in 0i16..20,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let api = &ServedApi::ALL[api];
        prop_assume!(!is_tested_elsewhere(api));
        let mut node = Node::new();
        node.create("orders", 1, &[]);
        let version = version.clamp(api.min_version, api.max_version);
        let frame = RequestFrame {
            api_version: version,
            correlation_id: 1,
            client_id: None,
            body: request(&node, api.key, version),
        };
        let mut bytes = encode_request(&frame).unwrap().to_vec();
        for (at, to) in changes {
            // The first four bytes are API and version.
            let at = 4 + at.index(bytes.len() - 4);
            bytes[at] = to;
        }
        if let Some(cut) = cut {
            bytes.truncate(8 + cut.index(bytes.len() - 8));
        }
        if let Ok(frame) = decode_request(bytes.into()) {
            let mut effects = node.broker.handle(node.now, &client(1), frame);
            effects.responses.extend(node.broker.tick(node.now + 100_000_000_000).responses);
            for (_, response) in &effects.responses {
                prop_assert!(encode_response(response).is_ok(), "{response:?}");
            }
        }
    }

    /// Records shared or copied: the same bytes.
    #[test]
    fn a_fetch_response_in_pieces_is_the_same_frame(
        version in 4i16..=17,
        topics in prop::collection::vec(prop::collection::vec((
            any::<i16>(),
            any::<i64>(),
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..4),
            prop::option::of(prop::collection::vec((any::<i64>(), any::<i64>()), 0..3)),
            any::<bool>(),
        ), 0..4), 0..3),
        endpoint in any::<bool>(),
    ) {
        let mut whole = FetchResponse::default().with_throttle_time_ms(3);
        if version >= 7 {
            whole = whole.with_error_code(1).with_session_id(9);
        }
        if version >= 16 && endpoint {
            whole.node_endpoints.push(NodeEndpoint::default());
        }
        let mut pieces = whole.clone();
        let mut rest = Vec::new();
        for (index, partitions) in topics.into_iter().enumerate() {
            let mut topic = FetchableTopicResponse::default();
            if version >= 13 {
                topic.topic_id = uuid::Uuid::from_u128(index as u128);
            } else {
                topic.topic = name(&format!("orders-{index}"));
            }
            let mut other = topic.clone();
            for (error, offset, records, aborted, diverges) in partitions {
                let mut data = PartitionData::default()
                    .with_error_code(error)
                    .with_high_watermark(offset)
                    .with_preferred_read_replica((-1).into());
                data.aborted_transactions = aborted.map(|aborted| {
                    let entry = |(id, first): (i64, i64)| {
                        AbortedTransaction::default()
                            .with_producer_id(id.into())
                            .with_first_offset(first)
                    };
                    aborted.into_iter().map(entry).collect()
                });
                if version >= 12 && diverges {
                    data.diverging_epoch = EpochEndOffset::default().with_epoch(4);
                }
                topic.partitions.push(data.clone().with_records(Some(records.concat().into())));
                let mut records = records.into_iter().map(Bytes::from);
                other.partitions.push(data.with_records(Some(records.next().unwrap_or_default())));
                rest.push(records.collect());
            }
            whole.responses.push(topic);
            pieces.responses.push(other);
        }
        let frame = |body: FetchResponse| ResponseFrame {
            api_version: version,
            correlation_id: 5,
            body: body.into(),
        };
        let expected = encode_response(&frame(whole)).unwrap();
        let found = encode_response_pieces(frame(pieces), rest).unwrap().concat();
        prop_assert_eq!(Bytes::from(found), expected);
    }

    /// Any bytes behind a header that is served: read or refused with the field's name, and never with room
    /// made for what is not there.
    #[test]
    fn any_bytes_are_read_or_refused_by_their_field(
        api in 0..ServedApi::ALL.len(),
        version in 0i16..20,
        body in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0x7f), any::<u8>()], 0..300),
    ) {
        let api = &ServedApi::ALL[api];
        let version = version.clamp(api.min_version, api.max_version);
        let mut bytes = BytesMut::new();
        bytes.put_i16(api.key as i16);
        bytes.put_i16(version);
        bytes.put_i32(1);
        bytes.put_slice(&body);
        if let Err(error) = decode_request(bytes.freeze()) {
            let said = error.to_string();
            prop_assert!(said.contains(api.name) || said.contains("header"), "{said}");
        }
    }

    /// Bytes that are no records at all.
    #[test]
    fn garbage_is_not_appended(garbage in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let mut node = Node::new();
        node.create("orders", 1, &[]);
        let mut bytes = BytesMut::from(&garbage[..]);
        if magic && bytes.len() > 17 {
            let size = bytes.len() as i32 - 12;
            bytes[8..12].as_mut().put_i32(size);
            bytes[16] = 2;
        }
        let response = node.produce("orders", 0, bytes.freeze());
        prop_assert!(response.error_code != 0);
        prop_assert_eq!(node.list_offsets("orders", 0, -1).offset, 0);
    }

    /// Names that no topic has, and numbers from everywhere.
    #[test]
    fn odd_numbers_and_names_are_answered(
        topic in "\\PC{0,8}",
        index in any::<i32>(),
        offset in any::<i64>(),
        size in any::<i32>(),
        wait in any::<i32>(),
        timestamp in any::<i64>(),
    ) {
        let mut node = Node::new();
        node.create("orders", 1, &[]);
        node.produce("orders", 0, batch(&["a"]));
        for topic in [topic.as_str(), "orders"] {
            for index in [index, 0] {
                let mut fetch = Node::fetch_request(topic, index, offset)
                    .with_max_bytes(size)
                    .with_min_bytes(size)
                    .with_max_wait_ms(wait);
                fetch.topics[0].partitions[0].partition_max_bytes = size;
                let twice = fetch.topics[0].partitions[0].clone();
                fetch.topics[0].partitions.push(twice);
                node.send(9, 12, fetch.into());
                node.broker.tick(i64::MAX);
                node.list_offsets(topic, index, timestamp);
                node.list_offsets(topic, index, -timestamp.rem_euclid(10));
            }
        }
        let topic = CreatableTopic::default()
            .with_name(TopicName(StrBytes::from_string(topic)))
            .with_num_partitions(index % 100)
            .with_replication_factor(size as i16);
        node.create_topic(topic);
        prop_assert!(node.broker.topics().count() <= 2);
    }
}
