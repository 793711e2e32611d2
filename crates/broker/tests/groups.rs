//! Consumer groups through a broker: what members send and are answered, and what is in
//! `__consumer_offsets` for it.

mod common;

use bytes::Bytes;
use common::*;
use kafka_protocol::messages::delete_groups_request::DeleteGroupsRequest;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use logbrook_broker::messages::join_group_request::JoinGroupRequestProtocol;
use logbrook_broker::messages::leave_group_request::MemberIdentity;
use logbrook_broker::messages::sync_group_request::SyncGroupRequestAssignment;
use logbrook_broker::messages::*;
use logbrook_broker::wire::{Request, RequestFrame, Response};
use logbrook_broker::{BrokerEventKind, ConnectionId, Effects};
use logbrook_group::consumer_protocol::{Assignment, Subscription};
use logbrook_group::{GroupRecord, TopicPartition};
use logbrook_record::{Batch, BatchBuilder, BatchOptions, Offset};

const GROUP: &str = "readers";

fn node() -> Node {
    Node::with(&[
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "1"),
        ("group.initial.rebalance.delay.ms", "0"),
    ])
}

fn group_id() -> GroupId {
    GroupId(text(GROUP))
}

/// A node whose coordinator is there, and the topic `orders` of two partitions.
fn ready() -> Node {
    let mut node = node();
    assert_eq!(node.create("orders", 2, &[]), "ok");
    assert_eq!(find(&mut node), "COORDINATOR_NOT_AVAILABLE");
    assert_eq!(find(&mut node), "ok");
    node
}

fn find(node: &mut Node) -> &'static str {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(GROUP)]);
    let Response::FindCoordinator(response) = node.latest(request) else { panic!() };
    error(response.coordinators[0].error_code)
}

fn join_request(member_id: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Subscription::to(["orders"]).encode().into());
    JoinGroupRequest::default()
        .with_group_id(group_id())
        .with_session_timeout_ms(45_000)
        .with_rebalance_timeout_ms(300_000)
        .with_member_id(text(member_id))
        .with_group_instance_id(None)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
        .with_reason(None)
}

/// The one response of these effects on this connection.
fn on(connection: u64, effects: Effects) -> Option<Response> {
    let mut responses = effects.responses.into_iter();
    responses.find(|(to, _)| *to == ConnectionId(connection)).map(|(_, frame)| frame.body)
}

fn joined(response: Option<Response>) -> JoinGroupResponse {
    let Some(Response::JoinGroup(response)) = response else { panic!("{response:?}") };
    response
}

fn member_id(node: &mut Node, connection: u64) -> String {
    let (_, effects) = node.send(connection, 9, join_request("").into());
    let response = joined(on(connection, effects));
    assert_eq!(error(response.error_code), "MEMBER_ID_REQUIRED");
    response.member_id.to_string()
}

fn sync_request(member_id: &str, generation: i32, assigned: &[(&str, &[i32])]) -> SyncGroupRequest {
    let assignments = assigned.iter().map(|(member, partitions)| {
        let partitions = partitions.iter().map(|index| TopicPartition::new("orders", *index));
        SyncGroupRequestAssignment::default()
            .with_member_id(text(member))
            .with_assignment(Assignment::of(partitions.collect()).encode().into())
    });
    SyncGroupRequest::default()
        .with_group_id(group_id())
        .with_generation_id(generation)
        .with_member_id(text(member_id))
        .with_group_instance_id(None)
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
        .with_assignments(assignments.collect())
}

/// A group of one member on connection 1 that has all partitions.
fn stable(node: &mut Node) -> String {
    let id = member_id(node, 1);
    let (_, effects) = node.send(1, 9, join_request(&id).into());
    assert!(effects.responses.is_empty(), "parked until the delay is over");
    let effects = node.broker.tick(node.now);
    let response = joined(on(1, effects));
    assert_eq!((response.generation_id, response.leader.as_str()), (1, id.as_str()));
    let (_, effects) = node.send(1, 5, sync_request(&id, 1, &[(&id, &[0, 1])]).into());
    let Some(Response::SyncGroup(response)) = on(1, effects) else { panic!() };
    assert_eq!(Assignment::decode(&response.assignment).unwrap().partitions.len(), 2);
    id
}

fn commit_request(member_id: &str, generation: i32, partition: i32) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(107)
        .with_committed_leader_epoch(0)
        .with_committed_metadata(Some(text("")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(name("orders"))
        .with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(group_id())
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(text(member_id))
        .with_group_instance_id(None)
        .with_retention_time_ms(-1)
        .with_topics(vec![topic])
}

fn commit(node: &mut Node, member_id: &str, generation: i32, partition: i32) -> &'static str {
    let request = commit_request(member_id, generation, partition);
    let Response::OffsetCommit(response) = node.latest(request) else { panic!() };
    error(response.topics[0].partitions[0].error_code)
}

fn fetch_offsets(node: &mut Node, topics: Option<&[i32]>) -> Vec<(i32, i64)> {
    let topics = topics.map(|indexes| {
        vec![
            OffsetFetchRequestTopics::default()
                .with_name(name("orders"))
                .with_partition_indexes(indexes.to_vec()),
        ]
    });
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(group_id())
        .with_member_id(None)
        .with_topics(topics);
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let Response::OffsetFetch(response) = node.latest(request) else { panic!() };
    assert_eq!(error(response.groups[0].error_code), "ok");
    let partitions = response.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|found| (found.partition_index, found.committed_offset)).collect()
}

fn heartbeat(node: &mut Node, connection: u64, member_id: &str, generation: i32) -> &'static str {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id())
        .with_generation_id(generation)
        .with_member_id(text(member_id))
        .with_group_instance_id(None);
    let (_, effects) = node.send(connection, 4, request.into());
    let Some(Response::Heartbeat(response)) = on(connection, effects) else { panic!() };
    error(response.error_code)
}

fn leave(node: &mut Node, member_id: &str) -> &'static str {
    let member = MemberIdentity::default()
        .with_member_id(text(member_id))
        .with_group_instance_id(None)
        .with_reason(Some(text("the consumer is being closed")));
    let request = LeaveGroupRequest::default().with_group_id(group_id()).with_members(vec![member]);
    let Response::LeaveGroup(response) = node.latest(request) else { panic!() };
    error(response.members[0].error_code)
}

/// The records of `__consumer_offsets`: offset, base sequence, and what they say.
fn log(node: &Node) -> Vec<String> {
    let partition = node.broker.partition("__consumer_offsets", 0).unwrap();
    let log = partition.log();
    let batches = log.batches(Offset(0), log.log_end_offset());
    let mut lines = Vec::new();
    for batch in batches {
        let (sequence, producer) = (batch.header().base_sequence, batch.header().producer_id.0);
        for record in batch.records().unwrap() {
            let key = record.key.unwrap();
            let what = match GroupRecord::decode(&key, record.value.as_deref()).unwrap() {
                GroupRecord::GroupMetadata { group_id, value: None } => format!("{group_id} gone"),
                GroupRecord::GroupMetadata { group_id, value: Some(value) } => format!(
                    "{group_id} '{}' generation {} of {}",
                    value.protocol_type,
                    value.generation,
                    value.members.len()
                ),
                GroupRecord::OffsetCommit { group_id, topic, partition, value } => {
                    format!("{group_id} {topic}-{partition} {:?}", value.map(|value| value.offset))
                }
                GroupRecord::ConsumerGroup { record, .. } => {
                    panic!("{record:?} in a classic group")
                }
            };
            lines.push(format!("{} {sequence} {producer} {what}", record.offset.0));
        }
    }
    lines
}

#[test]
fn the_first_question_for_a_coordinator_creates_the_offsets_topic() {
    let mut node = ready();
    let request = FindCoordinatorRequest::default().with_key(text(GROUP));
    let Response::FindCoordinator(response) = node.call(3, request) else { panic!() };
    let found = (response.node_id.0, response.host.as_str(), response.port);
    assert_eq!(found, (1, "localhost", 9092));
    let request = FindCoordinatorRequest::default()
        .with_key_type(2)
        .with_coordinator_keys(vec![text("share-group:topic:0")]);
    let Response::FindCoordinator(response) = node.latest(request) else { panic!() };
    assert_eq!(error(response.coordinators[0].error_code), "INVALID_REQUEST");
}

#[test]
fn groups_without_a_coordinator_are_told_to_look_for_one() {
    let mut node = node();
    node.create("orders", 2, &[]);
    let Response::JoinGroup(response) = node.latest(join_request("")) else { panic!() };
    assert_eq!(error(response.error_code), "NOT_COORDINATOR");
    assert_eq!(commit(&mut node, "", -1, 0), "NOT_COORDINATOR");
    let Response::ListGroups(response) = node.latest(ListGroupsRequest::default()) else {
        panic!()
    };
    assert!(response.groups.is_empty());
}

#[test]
fn a_consumer_comes_commits_and_leaves_and_the_log_is_kafkas() {
    let mut node = ready();
    let id = stable(&mut node);
    assert!(id.starts_with("story-"), "{id}");
    assert_eq!(heartbeat(&mut node, 1, &id, 1), "ok");
    assert_eq!(commit(&mut node, &id, 1, 0), "ok");
    assert_eq!(commit(&mut node, &id, 1, 9), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(commit(&mut node, &id, 0, 0), "ILLEGAL_GENERATION");
    assert_eq!(fetch_offsets(&mut node, Some(&[0, 1])), [(0, 107), (1, -1)]);
    assert_eq!(fetch_offsets(&mut node, None), [(0, 107)]);
    assert_eq!(leave(&mut node, &id), "ok");
    assert_eq!(heartbeat(&mut node, 1, &id, 1), "UNKNOWN_MEMBER_ID");
    // As Apache Kafka 4.4.0 wrote it for the same: one batch each, base sequence 0, no producer.
    assert_eq!(
        log(&node),
        [
            "0 0 -1 readers '' generation 0 of 0",
            "1 0 -1 readers 'consumer' generation 1 of 1",
            "2 0 -1 readers orders-0 Some(107)",
            "3 0 -1 readers 'consumer' generation 2 of 0",
        ]
    );
}

#[test]
fn the_record_of_a_commit_names_the_topics_id() {
    let mut node = ready();
    commit(&mut node, "", -1, 0);
    let topic_id = *node.broker.topics().find(|t| t.name == "orders").unwrap().id.as_bytes();
    let partition = node.broker.partition("__consumer_offsets", 0).unwrap();
    let batch = partition.log().batches(Offset(0), Offset(1)).next().unwrap();
    let value = batch.records().unwrap()[0].value.clone().unwrap();
    assert_eq!(value[..2], [0, 4]);
    assert_eq!(value[value.len() - 16..], topic_id);
}

#[test]
fn a_second_member_makes_the_first_rejoin_and_both_are_answered() {
    let mut node = ready();
    let first = stable(&mut node);
    let second = member_id(&mut node, 2);
    let (_, effects) = node.send(2, 9, join_request(&second).into());
    assert!(effects.responses.is_empty());
    assert_eq!(heartbeat(&mut node, 1, &first, 1), "REBALANCE_IN_PROGRESS");
    let (_, effects) = node.send(1, 9, join_request(&first).into());
    let kinds: Vec<&BrokerEventKind> = effects.events.iter().map(|event| &event.kind).collect();
    let completing = BrokerEventKind::GroupState {
        group: GROUP.into(),
        from: "PreparingRebalance".into(),
        to: "CompletingRebalance".into(),
        generation: 2,
        members: 2,
    };
    assert!(kinds.contains(&&completing), "{kinds:?}");
    let leader = joined(on(1, effects.clone()));
    assert_eq!((leader.generation_id, leader.members.len()), (2, 2));
    assert_eq!(joined(on(2, effects)).generation_id, 2);
    let (_, effects) = node.send(2, 5, sync_request(&second, 2, &[]).into());
    assert!(effects.responses.is_empty(), "the follower waits for the leader");
    let assigned: [(&str, &[i32]); 2] = [(&first, &[0]), (&second, &[1])];
    let (_, effects) = node.send(1, 5, sync_request(&first, 2, &assigned).into());
    assert_eq!(effects.responses.len(), 2);
    let group = &node.broker.groups()[0];
    assert_eq!((group.state, group.generation_id, group.protocol.as_str()), ("Stable", 2, "range"));
    let assignments: Vec<_> = group.members.iter().map(|member| &member.assignment).collect();
    assert_eq!(assignments, [&[("orders".to_owned(), 0)], &[("orders".to_owned(), 1)]]);
}

#[test]
fn a_client_that_is_gone_is_out_after_its_session() {
    let mut node = ready();
    stable(&mut node);
    node.broker.disconnect(node.now, ConnectionId(1));
    let session_end = node.now + 45_000;
    let effects = node.broker.tick(session_end - 1);
    assert!(effects.events.is_empty());
    assert_eq!(node.broker.next_wakeup(), Some(session_end));
    let effects = node.broker.tick(session_end);
    let expired = |kind: &BrokerEventKind| matches!(kind, BrokerEventKind::MemberExpired { .. });
    assert!(effects.events.iter().any(|event| expired(&event.kind)));
    assert_eq!(node.broker.groups()[0].state, "Empty");
}

#[test]
fn groups_are_described_and_listed_and_deleted() {
    let mut node = ready();
    let id = stable(&mut node);
    let groups = vec![group_id(), GroupId(text("nobody"))];
    let request = DescribeGroupsRequest::default().with_groups(groups.clone());
    let Response::DescribeGroups(response) = node.latest(request.clone()) else { panic!() };
    let [group, nobody] = &response.groups[..] else { panic!() };
    assert_eq!((group.group_state.as_str(), group.protocol_data.as_str()), ("Stable", "range"));
    assert_eq!(group.members[0].client_host.as_str(), "/127.0.0.1");
    assert_eq!(group.members[0].client_id.as_str(), "story");
    assert!(!group.members[0].member_metadata.is_empty());
    assert_eq!(error(nobody.error_code), "GROUP_ID_NOT_FOUND");
    assert_eq!(nobody.error_message.as_ref().unwrap().as_str(), "Group nobody not found.");
    let Response::DescribeGroups(response) = node.call(5, request) else { panic!() };
    assert_eq!(
        (response.groups[1].error_code, response.groups[1].group_state.as_str()),
        (0, "Dead")
    );

    let mut list = |states: &[&str]| {
        let states = states.iter().map(|state| text(state)).collect();
        let request = ListGroupsRequest::default().with_states_filter(states);
        let Response::ListGroups(response) = node.latest(request) else { panic!() };
        let show = |group: &list_groups_response::ListedGroup| {
            let (id, state, kind) = (&group.group_id.0, &group.group_state, &group.group_type);
            format!("{id} {state} {kind} {}", group.protocol_type)
        };
        response.groups.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), ["readers Stable classic consumer"]);
    assert_eq!(list(&["stable"]), ["readers Stable classic consumer"]);
    assert!(list(&["Empty"]).is_empty());

    let mut delete = || {
        let request = DeleteGroupsRequest::default().with_groups_names(groups.clone());
        let Response::DeleteGroups(response) = node.latest(request) else { panic!() };
        response.results.iter().map(|result| error(result.error_code)).collect::<Vec<_>>()
    };
    assert_eq!(delete(), ["NON_EMPTY_GROUP", "GROUP_ID_NOT_FOUND"]);
    leave(&mut node, &id);
    let request = DeleteGroupsRequest::default().with_groups_names(groups);
    let Response::DeleteGroups(response) = node.latest(request) else { panic!() };
    assert_eq!(error(response.results[0].error_code), "ok");
    assert!(node.broker.groups().is_empty());
    assert_eq!(log(&node).last().unwrap(), "3 0 -1 readers gone");
}

#[test]
fn offsets_are_deleted_one_by_one_and_with_their_topic() {
    let mut node = ready();
    commit(&mut node, "", -1, 0);
    commit(&mut node, "", -1, 1);
    let partitions =
        [0, 5].map(|index| OffsetDeleteRequestPartition::default().with_partition_index(index));
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(name("orders"))
        .with_partitions(partitions.to_vec());
    let request = OffsetDeleteRequest::default().with_group_id(group_id()).with_topics(vec![topic]);
    let Response::OffsetDelete(response) = node.latest(request) else { panic!() };
    let errors: Vec<_> =
        response.topics[0].partitions.iter().map(|found| error(found.error_code)).collect();
    assert_eq!(errors, ["ok", "UNKNOWN_TOPIC_OR_PARTITION"]);
    assert_eq!(fetch_offsets(&mut node, None), [(1, 107)]);
    assert_eq!(node.broker.committed(GROUP, "orders", 1), Some(107));
    let request = DeleteTopicsRequest::default().with_topic_names(vec![name("orders")]);
    let Response::DeleteTopics(response) = node.call(5, request) else { panic!() };
    assert_eq!(error(response.responses[0].error_code), "ok");
    assert_eq!(node.broker.committed(GROUP, "orders", 1), None);
    assert_eq!(log(&node).last().unwrap(), "3 0 -1 readers orders-1 None");
}

#[test]
fn old_clients_join_at_once_and_leave_alone() {
    let mut node = ready();
    let mut request = join_request("");
    request.rebalance_timeout_ms = -1;
    let (_, effects) = node.send(1, 0, request.into());
    assert!(effects.responses.is_empty());
    let effects = node.broker.tick(node.now);
    let response = joined(on(1, effects));
    assert_eq!((response.error_code, response.generation_id), (0, 1));
    let request =
        LeaveGroupRequest::default().with_group_id(group_id()).with_member_id(response.member_id);
    let Response::LeaveGroup(response) = node.call(1, request) else { panic!() };
    assert_eq!(error(response.error_code), "ok");
    let request =
        LeaveGroupRequest::default().with_group_id(group_id()).with_member_id(text("stranger"));
    let Response::LeaveGroup(response) = node.call(1, request) else { panic!() };
    assert_eq!(error(response.error_code), "UNKNOWN_MEMBER_ID");
}

#[test]
fn every_answer_can_be_written_in_every_version_served() {
    use kafka_protocol::protocol::Encodable;
    let mut node = ready();
    let join = |version: i16| {
        let mut node = node.clone();
        let mut request = join_request("");
        request.protocols[0].metadata = Bytes::new();
        let (_, effects) = node.send(1, version, Request::from(request));
        let response = on(1, effects).or_else(|| on(1, node.broker.tick(node.now)));
        joined(response)
    };
    for version in 0..=9 {
        let mut out = bytes::BytesMut::new();
        join(version).encode(&mut out, version).unwrap();
    }
    for version in 1..=9_i16 {
        let mut request = OffsetFetchRequest::default().with_group_id(group_id());
        request.topics = Some(Vec::new());
        let Response::OffsetFetch(response) = node.call(version, request) else { panic!() };
        response.encode(&mut bytes::BytesMut::new(), version).unwrap();
    }
    for version in 0..=6_i16 {
        let mut request = FindCoordinatorRequest::default();
        if version >= 4 {
            request.coordinator_keys = vec![text(GROUP)];
        } else {
            request.key = text(GROUP);
        }
        let Response::FindCoordinator(response) = node.call(version, request) else { panic!() };
        response.encode(&mut bytes::BytesMut::new(), version).unwrap();
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id()]);
        let Response::DescribeGroups(response) = node.call(version, request) else { panic!() };
        response.encode(&mut bytes::BytesMut::new(), version).unwrap();
    }
}

#[test]
fn the_groups_of_a_log_are_loaded_when_they_are_first_asked_for() {
    // What another broker wrote, as far as this one can tell: the records of a stable group.
    let mut before = ready();
    let id = stable(&mut before);
    commit(&mut before, &id, 1, 1);
    let partition = before.broker.partition("__consumer_offsets", 0).unwrap();
    let written = partition.log().read(Offset(0), 1 << 20, true, Offset(3)).unwrap();

    let mut node = ready();
    for batch in logbrook_record::batches(&written.into_bytes()) {
        // The admin client alone may write to internal topics.
        let frame = RequestFrame {
            api_version: 12,
            correlation_id: 1,
            client_id: Some("__admin_client".into()),
            body: unsequenced(&batch.unwrap()).into(),
        };
        let effects = node.broker.handle(node.now, &client(7), frame);
        let Some(Response::Produce(response)) = on(7, effects) else { panic!() };
        assert_eq!(error(response.responses[0].partition_responses[0].error_code), "ok");
    }
    assert!(node.broker.groups().is_empty());
    assert_eq!(heartbeat(&mut node, 1, &id, 1), "ok");
    assert_eq!(fetch_offsets(&mut node, None), [(1, 107)]);
    assert_eq!(node.broker.groups(), before.broker.groups());
}

/// The same records as a client may produce them: without a sequence number.
fn unsequenced(batch: &Batch) -> ProduceRequest {
    let mut builder = BatchBuilder::new(BatchOptions::default());
    for record in batch.records().unwrap() {
        let value = record.value.as_deref();
        let _ = builder.append(record.timestamp, record.key.as_deref(), value, &[]);
    }
    Node::produce_request("__consumer_offsets", 0, -1, builder.build().unwrap())
}
