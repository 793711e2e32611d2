//! Each request as bytes, and what a controller refuses.

use bytes::Bytes;
use kafka_protocol::protocol::Encodable;
use logbrook_broker::messages::create_topics_request::CreatableTopic;
use logbrook_broker::messages::describe_quorum_request::{
    PartitionData as QuorumPartition, TopicData as QuorumTopic,
};
use logbrook_broker::messages::fetch_request::{FetchPartition, ReplicaState};
use logbrook_broker::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::codec::{
    decode_request, decode_response, encode_request, encode_response,
};
use logbrook_broker::wire::{Embedded, Envelope, Request, RequestFrame, Response, ServedApi};
use logbrook_broker::{ControllerNode, decode_metadata_batches};
use proptest::prelude::*;

use crate::common::{START_MS, client, error, name, text};
use crate::sim::*;

fn create_topics(topic: &str, partitions: i32, factor: i16) -> CreateTopicsRequest {
    let topic = CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(factor);
    CreateTopicsRequest::default().with_topics(vec![topic])
}

/// A request of this API that a controller answers.
fn request(cluster: &mut Cluster, key: ApiKey, version: i16) -> Request {
    match key {
        ApiKey::ApiVersions => ApiVersionsRequest::default()
            .with_client_software_name(text("logbrook"))
            .with_client_software_version(text("1"))
            .into(),
        ApiKey::Fetch => {
            let mut request = cluster.fetch_request(1, 0);
            if version < 13 {
                request.topics[0].topic = name("__cluster_metadata");
                request.topics[0].topic_id = uuid::Uuid::nil();
            }
            if version < 12 {
                // Epochs and the cluster's id came later: such a fetch is refused.
                request.topics[0].partitions = vec![FetchPartition::default()];
                request.cluster_id = None;
            }
            if version < 15 {
                request.replica_state = ReplicaState::default();
            }
            if version < 17 {
                request.topics[0].partitions[0].replica_directory_id = uuid::Uuid::nil();
            }
            request.into()
        }
        ApiKey::CreateTopics => create_topics("more", 2, 2).into(),
        ApiKey::DeleteTopics => DeleteTopicsRequest::default().into(),
        ApiKey::CreatePartitions => CreatePartitionsRequest::default().into(),
        ApiKey::AlterConfigs => AlterConfigsRequest::default().into(),
        ApiKey::IncrementalAlterConfigs => IncrementalAlterConfigsRequest::default().into(),
        ApiKey::ElectLeaders => ElectLeadersRequest::default().with_topic_partitions(None).into(),
        ApiKey::AlterPartitionReassignments => AlterPartitionReassignmentsRequest::default().into(),
        ApiKey::ListPartitionReassignments => {
            ListPartitionReassignmentsRequest::default().with_topics(None).into()
        }
        ApiKey::UnregisterBroker => {
            UnregisterBrokerRequest::default().with_broker_id(BrokerId(9)).into()
        }
        ApiKey::DescribeCluster => {
            let kind = if version == 0 { 1 } else { 2 };
            DescribeClusterRequest::default().with_endpoint_type(kind).into()
        }
        ApiKey::AlterPartition => {
            let mut request = cluster.alter_request("t", &[1, 2], false);
            if version < 3 {
                let data = &mut request.topics[0].partitions[0];
                data.new_isr = data.new_isr_with_epochs.drain(..).map(|b| b.broker_id).collect();
            }
            request.into()
        }
        ApiKey::BrokerRegistration => {
            let mut request = cluster.registration(1);
            if version < 2 {
                request.log_dirs = Vec::new();
            }
            request.into()
        }
        ApiKey::BrokerHeartbeat => BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(1))
            .with_broker_epoch(cluster.broker(1).epoch)
            .into(),
        ApiKey::AllocateProducerIds => AllocateProducerIdsRequest::default()
            .with_broker_id(BrokerId(1))
            .with_broker_epoch(cluster.broker(1).epoch)
            .into(),
        ApiKey::DescribeQuorum => describe_quorum().into(),
        ApiKey::Envelope => envelope(create_topics("passed-on", 1, 3).into(), 7).into(),
        ApiKey::AlterClientQuotas => AlterClientQuotasRequest::default().into(),
        ApiKey::AlterUserScramCredentials => AlterUserScramCredentialsRequest::default().into(),
        ApiKey::UpdateFeatures => UpdateFeaturesRequest::default().into(),
        other => panic!("{other:?} has no request here"),
    }
}

fn describe_quorum() -> DescribeQuorumRequest {
    let topic = QuorumTopic::default()
        .with_topic_name(name("__cluster_metadata"))
        .with_partitions(vec![QuorumPartition::default()]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

/// A client's request as a broker passes it on.
fn envelope(body: Request, version: i16) -> Envelope {
    let frame = RequestFrame { api_version: version, correlation_id: 77, client_id: None, body };
    let mut principal = vec![0, 0];
    DefaultPrincipalData::default()
        .with_type(text("User"))
        .with_name(text("ANONYMOUS"))
        .encode(&mut principal, 0)
        .unwrap();
    Envelope {
        request: frame.into(),
        principal: Some(principal.into()),
        client_host_address: Bytes::from_static(&[127, 0, 0, 1]),
    }
}

#[test]
fn every_version_goes_through_bytes_and_back() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("t", &[1, 2, 3], &[]);
    for api in ServedApi::ALL.iter().filter(|api| api.is_on_controllers()) {
        for version in api.min_version..=api.max_version {
            let what = format!("{} version {version}", api.name);
            let frame = RequestFrame {
                api_version: version,
                correlation_id: 42,
                client_id: Some("wire".into()),
                body: request(&mut cluster, api.key, version),
            };
            let bytes = encode_request(&frame).unwrap_or_else(|e| panic!("{what}: {e}"));
            let read = decode_request(bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(read.client_id, frame.client_id, "{what}");
            let effects = cluster.controller.handle(cluster.now, &client(1), read);
            let (_, response) = effects.responses.first().unwrap_or_else(|| panic!("{what}"));
            let bytes = encode_response(response).unwrap_or_else(|e| panic!("{what}: {e}"));
            let read =
                decode_response(api.key, version, bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(read.correlation_id, 42, "{what}");
        }
    }
}

#[test]
fn a_controller_tells_what_it_serves_and_closes_on_anything_else() {
    let mut cluster = Cluster::new(&[]);
    let request = request(&mut cluster, ApiKey::ApiVersions, 4);
    let Response::ApiVersions(response) = cluster.ask(request) else { panic!() };
    let keys: Vec<i16> = response.api_keys.iter().map(|api| api.api_key).collect();
    let has = |key: ApiKey| keys.contains(&(key as i16));
    assert!(has(ApiKey::AlterPartition) && has(ApiKey::Envelope) && has(ApiKey::Fetch));
    assert!(!has(ApiKey::Produce) && !has(ApiKey::Metadata));
    let effects = cluster.send(5, 12, MetadataRequest::default().into());
    assert_eq!((effects.responses, effects.disconnects), (vec![], vec![client(5).connection]));
}

#[test]
fn a_fetch_waits_for_the_next_record_or_its_time() {
    let mut cluster = Cluster::new(&[]);
    cluster.follow(1);
    let offset = cluster.broker(1).next_offset;
    let fetch = cluster.fetch_request(1, 500);
    assert_eq!(cluster.send(1, 17, fetch.clone().into()).responses, []);
    // Its time is over.
    assert_eq!(cluster.controller.next_wakeup(), Some(cluster.now + 500));
    cluster.now += 500;
    let effects = cluster.controller.tick(cluster.now);
    let [(_, frame)] = effects.responses.as_slice() else { panic!("{effects:?}") };
    let Response::Fetch(response) = &frame.body else { panic!() };
    let data = &response.responses[0].partitions[0];
    assert_eq!((data.error_code, data.high_watermark), (0, offset));
    assert_eq!(data.current_leader.leader_id, BrokerId(100));
    assert_eq!(response.node_endpoints[0].node_id, BrokerId(100));
    // Something happens: the one that waits is answered by what another asks for.
    assert_eq!(cluster.send(1, 17, fetch.into()).responses, []);
    let effects = cluster.send(2, 7, create_topics("new", 1, 3).into());
    assert_eq!(effects.responses.len(), 2);
    let Response::Fetch(response) = &effects.responses[1].1.body else { panic!() };
    let records = response.responses[0].partitions[0].records.clone().unwrap();
    let decoded = decode_metadata_batches(&records).unwrap();
    assert_eq!(decoded.first().map(|(offset, _)| *offset), Some(offset));
    assert_eq!(decoded.len(), 2);
}

#[test]
fn a_fetch_in_another_epoch_or_of_another_log_is_refused() {
    let mut cluster = Cluster::new(&[]);
    cluster.follow(1);
    let good = cluster.fetch_request(1, 0);
    let fetch = |cluster: &mut Cluster, change: &dyn Fn(&mut FetchRequest)| {
        let mut request = good.clone();
        change(&mut request);
        let Response::Fetch(response) = cluster.ask(request) else { panic!() };
        let inner = response.responses.first().map_or(0, |t| t.partitions[0].error_code);
        let diverging = response.responses.first().map(|topic| {
            let diverging = &topic.partitions[0].diverging_epoch;
            (diverging.epoch, diverging.end_offset)
        });
        (error(response.error_code), error(inner), diverging.filter(|(epoch, _)| *epoch >= 0))
    };
    let epoch = |epoch| {
        move |r: &mut FetchRequest| {
            r.topics[0].partitions[0].current_leader_epoch = epoch;
        }
    };
    assert_eq!(fetch(&mut cluster, &|_| {}), ("ok", "ok", None));
    assert_eq!(fetch(&mut cluster, &epoch(2)).1, "UNKNOWN_LEADER_EPOCH");
    let other = |r: &mut FetchRequest| r.cluster_id = Some(text("another"));
    assert_eq!(fetch(&mut cluster, &other).0, "INCONSISTENT_CLUSTER_ID");
    let other = |r: &mut FetchRequest| r.topics[0].topic_id = uuid::Uuid::from_u128(9);
    assert_eq!(fetch(&mut cluster, &other).0, "INVALID_REQUEST");
    let negative = |r: &mut FetchRequest| r.topics[0].partitions[0].fetch_offset = -1;
    assert_eq!(fetch(&mut cluster, &negative).1, "INVALID_REQUEST");
    let end = cluster.controller.log().log_end_offset().0;
    let beyond = |r: &mut FetchRequest| r.topics[0].partitions[0].fetch_offset = end + 5;
    assert_eq!(fetch(&mut cluster, &beyond), ("ok", "ok", Some((1, end))));
    // A new epoch: the old one is fenced.
    cluster.controller.restart(cluster.now);
    assert_eq!(fetch(&mut cluster, &|_| {}).1, "FENCED_LEADER_EPOCH");
    assert_eq!(fetch(&mut cluster, &epoch(2)), ("ok", "ok", None));
}

#[test]
fn a_clients_request_comes_in_an_envelope_and_so_does_its_answer() {
    let mut cluster = Cluster::new(&[]);
    let open = |response: Response| match response {
        Response::Envelope(answer) => (error(answer.error_code), answer.response),
        other => panic!("{other:?}"),
    };
    let asked = envelope(create_topics("orders", 2, 3).into(), 5);
    let (code, data) = open(cluster.ask(asked.clone()));
    assert_eq!(code, "ok");
    let Some(Embedded::Frame(answer)) = data else { panic!("{data:?}") };
    let Response::CreateTopics(body) = answer.body else { panic!() };
    assert_eq!((answer.correlation_id, error(body.topics[0].error_code)), (77, "ok"));
    assert_eq!(body.topics[0].num_partitions, 2);
    assert!(cluster.controller.metadata().topic("orders").is_some());
    // What is not to be passed on, and what cannot be read.
    let not_forwarded = envelope(BrokerHeartbeatRequest::default().into(), 1);
    assert_eq!(open(cluster.ask(not_forwarded)), ("INVALID_REQUEST", None));
    let unread =
        |bytes| Envelope { request: Embedded::Bytes(Bytes::from_static(bytes)), ..asked.clone() };
    let unreadable = unread(&[0, 19, 0]);
    assert_eq!(open(cluster.ask(unreadable)), ("UNSUPPORTED_VERSION", None));
    assert_eq!(open(cluster.ask(unread(&[0, 58, 0, 0]))), ("INVALID_REQUEST", None));
    let nowhere = Envelope { client_host_address: Bytes::from_static(&[1, 2, 3]), ..asked.clone() };
    assert_eq!(open(cluster.ask(nowhere)), ("INVALID_REQUEST", None));
    let nobody = Envelope { principal: Some(Bytes::from_static(&[0, 9])), ..asked };
    assert_eq!(open(cluster.ask(nobody)), ("PRINCIPAL_DESERIALIZATION_FAILURE", None));
}

#[test]
fn alter_partition_is_refused_for_each_reason() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("foo", &[1, 2, 3], &[]);
    let good = cluster.alter_request("foo", &[1, 2], false);
    let before = cluster.describe("foo");
    type Change<'a> = &'a dyn Fn(&mut AlterPartitionRequest);
    let mut refused = |change: Change<'_>, expected: &str| {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(cluster.alter(request), expected);
        assert_eq!(cluster.describe("foo"), before);
    };
    refused(&|r| r.broker_epoch -= 1, "STALE_BROKER_EPOCH");
    refused(&|r| r.broker_id = BrokerId(4), "STALE_BROKER_EPOCH");
    refused(&|r| r.topics[0].topic_id = uuid::Uuid::from_u128(3), "UNKNOWN_TOPIC_ID");
    refused(&|r| r.topics[0].partitions[0].partition_index = 9, "UNKNOWN_TOPIC_OR_PARTITION");
    refused(&|r| r.topics[0].partitions[0].leader_epoch = 500, "NOT_CONTROLLER");
    refused(&|r| r.topics[0].partitions[0].partition_epoch = 500, "NOT_CONTROLLER");
    refused(&|r| r.topics[0].partitions[0].leader_epoch = -1, "FENCED_LEADER_EPOCH");
    refused(&|r| r.topics[0].partitions[0].partition_epoch = -1, "INVALID_UPDATE_VERSION");
    let isr = |ids: &[i32], r: &mut AlterPartitionRequest| {
        let members = &mut r.topics[0].partitions[0].new_isr_with_epochs;
        let plain = members[0].clone().with_broker_epoch(-1);
        *members = ids.iter().map(|id| plain.clone().with_broker_id(BrokerId(*id))).collect();
    };
    refused(&|r| isr(&[1, 2, 4], r), "INVALID_REQUEST");
    refused(&|r| isr(&[1, 2, 2], r), "INVALID_REQUEST");
    refused(&|r| isr(&[2, 3], r), "INVALID_REQUEST");
    refused(&|r| r.topics[0].partitions[0].leader_recovery_state = 1, "INVALID_REQUEST");
    refused(
        &|r| {
            isr(&[1], r);
            r.topics[0].partitions[0].leader_recovery_state = 1;
        },
        "INVALID_REQUEST",
    );
    let stale = |r: &mut AlterPartitionRequest| {
        r.topics[0].partitions[0].new_isr_with_epochs[1].broker_epoch -= 1;
    };
    refused(&stale, "INELIGIBLE_REPLICA");
    // Not from the leader.
    let epoch = cluster.broker(2).epoch;
    let request = good.with_broker_id(BrokerId(2)).with_broker_epoch(epoch);
    assert_eq!(cluster.alter(request), "INVALID_REQUEST");
}

#[test]
fn a_fenced_broker_is_in_no_isr() {
    let mut cluster = Cluster::new(&[]);
    cluster.create("foo", &[1, 2, 3], &[]);
    assert_eq!(cluster.heartbeat(3, true, false).map(|beat| beat.fenced), Ok(true));
    assert_eq!(cluster.describe("foo"), "leader 1 replicas 1,2,3 isr 1,2 (epochs 0, 1)");
    assert_eq!(cluster.alter_isr("foo", &[1, 2, 3]), "INELIGIBLE_REPLICA");
    assert_eq!(cluster.beat(3), Beat { fenced: false, should_shut_down: false });
    assert_eq!(cluster.alter_isr("foo", &[1, 2, 3]), "ok");
}

#[test]
fn a_registration_is_refused_for_each_reason() {
    let mut cluster = Cluster::new(&[]);
    cluster.broker(4).epoch = -1;
    let good = cluster.registration(4);
    type Change<'a> = &'a dyn Fn(&mut BrokerRegistrationRequest);
    let mut refused = |change: Change<'_>, expected: &'static str| {
        let mut request = good.clone();
        change(&mut request);
        assert_eq!(cluster.register(request), Err(expected));
    };
    refused(&|r| r.cluster_id = text("another"), "INCONSISTENT_CLUSTER_ID");
    refused(&|r| r.is_migrating_zk_broker = true, "BROKER_ID_NOT_REGISTERED");
    refused(&|r| r.log_dirs.clear(), "INVALID_REGISTRATION");
    refused(&|r| r.log_dirs = vec![uuid::Uuid::from_u128(2)], "INVALID_REGISTRATION");
    refused(&|r| r.log_dirs = vec![directory(4), directory(4)], "INVALID_REGISTRATION");
    refused(&|r| r.log_dirs = vec![directory(1)], "INVALID_REGISTRATION");
    refused(&|r| r.listeners.clear(), "INVALID_REGISTRATION");
    refused(
        &|r| r.features.retain(|f| f.name.as_str() != "metadata.version"),
        "INVALID_REGISTRATION",
    );
    refused(&|r| r.features[2].max_supported_version = 30, "UNSUPPORTED_VERSION");
    // A feature of the cluster that it does not name is one that it does not know.
    refused(&|r| r.features.retain(|f| f.name.as_str() != "group.version"), "UNSUPPORTED_VERSION");
    assert!(cluster.register(good).is_ok());
}

#[test]
fn producer_ids_go_to_brokers_that_are_registered() {
    let mut cluster = Cluster::new(&[]);
    let mut allocate = |id: i32, stale: i64| {
        let epoch = cluster.broker(id).epoch - stale;
        let request = AllocateProducerIdsRequest::default()
            .with_broker_id(BrokerId(id))
            .with_broker_epoch(epoch);
        let Response::AllocateProducerIds(response) = cluster.ask(request) else { panic!() };
        (error(response.error_code), response.producer_id_start.0, response.producer_id_len)
    };
    assert_eq!(allocate(1, 0), ("ok", 0, 1000));
    assert_eq!(allocate(2, 0), ("ok", 1000, 1000));
    assert_eq!(allocate(1, 1).0, "STALE_BROKER_EPOCH");
    assert_eq!(allocate(1, 0), ("ok", 2000, 1000));
}

#[test]
fn replicas_go_to_every_rack_and_to_brokers_that_work() {
    let mut cluster = Cluster::without_brokers(&[]);
    for (id, rack) in [(1, "a"), (2, "b"), (3, "b"), (4, "b")] {
        let mut request = cluster.registration(id);
        request.rack = Some(text(rack));
        let epoch = cluster.register(request).unwrap();
        let broker = cluster.broker(id);
        broker.epoch = epoch;
        broker.alive = true;
        cluster.follow(id);
        cluster.beat(id);
    }
    // 4 registers again and is fenced.
    cluster.heartbeat(4, true, false).unwrap();
    let Response::CreateTopics(response) = cluster.ask(create_topics("t", 20, 2)) else { panic!() };
    assert_eq!(error(response.topics[0].error_code), "ok");
    let topic = cluster.controller.metadata().topic("t").unwrap();
    for partition in topic.partitions.values() {
        assert!(partition.replicas.contains(&1), "{partition:?}");
        assert!(!partition.replicas.contains(&4), "{partition:?}");
        assert_eq!(partition.leader, partition.replicas[0]);
    }
    let Response::CreateTopics(response) = cluster.ask(create_topics("u", 1, 5)) else { panic!() };
    let refused = &response.topics[0];
    assert_eq!(error(refused.error_code), "INVALID_REPLICATION_FACTOR");
    assert_eq!(
        refused.error_message.as_ref().map(|message| message.as_str()),
        Some(
            "Unable to replicate the partition 5 time(s): The target replication factor of 5 \
             cannot be reached because only 4 broker(s) are registered or some brokers have all \
             their log directories cordoned."
        )
    );
    // With a replica on the fenced one, it is not in sync.
    cluster.create("manual", &[4, 1], &[]);
    assert_eq!(cluster.describe("manual"), "leader 1 replicas 4,1 isr 1 (epochs 0, 0)");
}

#[test]
fn configs_are_told_which_resource_is_wrong() {
    let mut cluster = Cluster::new(&[]);
    let resource = |kind, name: &str| {
        let config =
            AlterableConfig::default().with_name(text("retention.ms")).with_value(Some(text("5")));
        AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configs(vec![config])
    };
    cluster.create("t", &[1], &[]);
    let resources = vec![
        resource(2, "t"),
        resource(2, "nothing"),
        resource(77, "x"),
        resource(2, "d"),
        resource(2, "d"),
    ];
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let Response::IncrementalAlterConfigs(response) = cluster.ask(request) else { panic!() };
    let said: Vec<(&str, &str)> = response
        .responses
        .iter()
        .map(|told| (told.resource_name.as_str(), error(told.error_code)))
        .collect();
    let expected = [
        ("x", "UNSUPPORTED_VERSION"),
        ("d", "INVALID_REQUEST"),
        ("t", "ok"),
        ("nothing", "UNKNOWN_TOPIC_OR_PARTITION"),
    ];
    assert_eq!(said, expected);
    let own = cluster.controller.metadata().topic_config("t");
    assert_eq!(own.get("retention.ms").map(String::as_str), Some("5"));
}

#[test]
fn a_controller_describes_controllers() {
    let mut cluster = Cluster::new(&[]);
    let mut describe = |kind| {
        let request = DescribeClusterRequest::default().with_endpoint_type(kind);
        let Response::DescribeCluster(response) = cluster.ask(request) else { panic!() };
        (error(response.error_code), response.brokers.len(), response.controller_id.0)
    };
    assert_eq!(describe(2), ("ok", 1, 100));
    assert_eq!(describe(1), ("MISMATCHED_ENDPOINT_TYPE", 0, -1));
    assert_eq!(describe(9), ("UNSUPPORTED_ENDPOINT_TYPE", 0, -1));
}

#[test]
fn the_quorum_is_the_controller_and_brokers_observe_it() {
    let mut cluster = Cluster::new(&[]);
    cluster.follow_all();
    let end = cluster.controller.log().log_end_offset().0;
    cluster.kill(3);
    cluster.create("t", &[1, 2], &[]);
    let Response::DescribeQuorum(response) = cluster.ask(describe_quorum()) else { panic!() };
    let quorum = &response.topics[0].partitions[0];
    assert_eq!((quorum.leader_id.0, quorum.leader_epoch), (100, 1));
    assert_eq!(quorum.high_watermark, end + 2);
    assert_eq!(quorum.current_voters[0].log_end_offset, end + 2);
    // What each asked for last: all before it, it has.
    let observers: Vec<(i32, i64)> =
        quorum.observers.iter().map(|o| (o.replica_id.0, o.log_end_offset)).collect();
    assert_eq!(observers, [(1, end), (2, end), (3, end)]);
    // One that does not fetch any more is forgotten.
    cluster.advance(400_000);
    let Response::DescribeQuorum(response) = cluster.ask(describe_quorum()) else { panic!() };
    let observers = &response.topics[0].partitions[0].observers;
    assert_eq!(observers.iter().map(|o| o.replica_id.0).collect::<Vec<_>>(), [1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Frames with some bytes changed: read or refused, handled, answered in bytes; no panic.
    #[test]
    fn damaged_frames_do_no_harm(
        api in any::<prop::sample::Index>(),
        version in 0i16..20,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let apis: Vec<&ServedApi> =
            ServedApi::ALL.iter().filter(|api| api.is_on_controllers()).collect();
        let api = apis[api.index(apis.len())];
        let mut cluster = Cluster::new(&[]);
        cluster.create("t", &[1, 2, 3], &[]);
        let version = version.clamp(api.min_version, api.max_version);
        let body = request(&mut cluster, api.key, version);
        let frame = RequestFrame { api_version: version, correlation_id: 1, client_id: None, body };
        let mut bytes = encode_request(&frame).unwrap().to_vec();
        for (at, to) in changes {
            // The first four bytes are API and version.
            let at = 4 + at.index(bytes.len() - 4);
            bytes[at] = to;
        }
        if let Ok(frame) = decode_request(bytes.into()) {
            let mut effects = cluster.controller.handle(cluster.now, &client(1), frame);
            effects.responses.extend(cluster.controller.tick(cluster.now + 100_000_000_000).responses);
            for (_, response) in &effects.responses {
                prop_assert!(encode_response(response).is_ok(), "{response:?}");
            }
        }
    }
}

#[test]
fn a_controller_alone_has_a_log_that_begins_as_kafkas() {
    let node = ControllerNode::new(config(&[]), 1, START_MS);
    let log = node.log();
    let first = log.batches(log.log_start_offset(), log.log_end_offset()).next().unwrap();
    assert!(first.header().attributes.is_control());
    assert_eq!(first.header().partition_leader_epoch.0, 1);
    assert_eq!(node.metadata().feature_level("metadata.version"), 33);
}
