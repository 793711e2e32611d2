//! Consumer groups of the new protocol (KIP-848) through a broker.

mod common;

use common::*;
use logbrook_broker::ConnectionId;
use logbrook_broker::messages::consumer_group_heartbeat_request::TopicPartitions;
use logbrook_broker::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use logbrook_broker::messages::offset_fetch_request::OffsetFetchRequestGroup;
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

const GROUP: &str = "modern";

fn node() -> Node {
    let mut node = Node::with(&[
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "1"),
        ("group.consumer.assignment.interval.ms", "0"),
    ]);
    assert_eq!(node.create("orders", 4, &[]), "ok");
    let find = || FindCoordinatorRequest::default().with_coordinator_keys(vec![text(GROUP)]);
    node.latest(find());
    node.latest(find());
    node
}

fn group_id() -> GroupId {
    GroupId(text(GROUP))
}

fn heartbeat(member_id: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group_id())
        .with_member_id(text(member_id))
        .with_member_epoch(epoch)
        .with_instance_id(None)
        .with_rack_id(None)
        .with_rebalance_timeout_ms(-1)
        .with_subscribed_topic_names(None)
        .with_subscribed_topic_regex(None)
        .with_server_assignor(None)
        .with_topic_partitions(None)
}

fn joining(member_id: &str) -> ConsumerGroupHeartbeatRequest {
    heartbeat(member_id, 0)
        .with_rebalance_timeout_ms(300_000)
        .with_subscribed_topic_names(Some(vec![topic_name("orders")]))
        .with_topic_partitions(Some(vec![]))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn beat(node: &mut Node, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
    let Response::ConsumerGroupHeartbeat(response) = node.latest(request) else { panic!() };
    response
}

fn partitions(response: &ConsumerGroupHeartbeatResponse) -> Option<Vec<i32>> {
    let assignment = response.assignment.as_ref()?;
    Some(assignment.topic_partitions.iter().flat_map(|topic| topic.partitions.clone()).collect())
}

/// Heartbeats of a member that owns what it is told to own, as often as it takes.
fn settle(node: &mut Node, members: &mut [(String, i32, Vec<i32>)]) {
    let topic_id = node.broker.topic("orders").expect("it is there").id;
    for _ in 0..6 {
        for (member_id, epoch, owned) in members.iter_mut() {
            let owned_partitions =
                TopicPartitions::default().with_topic_id(topic_id).with_partitions(owned.clone());
            let request =
                heartbeat(member_id, *epoch).with_topic_partitions(Some(vec![owned_partitions]));
            let response = beat(node, request);
            assert_eq!(error(response.error_code), "ok", "{response:?}");
            *epoch = response.member_epoch;
            if let Some(assigned) = partitions(&response) {
                *owned = assigned;
            }
        }
    }
}

fn commit(node: &mut Node, member_id: &str, epoch: i32, partition: i32) -> &'static str {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(7)
        .with_committed_metadata(Some(text("")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name("orders"))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id())
        .with_member_id(text(member_id))
        .with_generation_id_or_member_epoch(epoch)
        .with_group_instance_id(None)
        .with_topics(vec![topic]);
    let Response::OffsetCommit(response) = node.latest(request) else { panic!() };
    error(response.topics[0].partitions[0].error_code)
}

fn describe(node: &mut Node) -> String {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id()]);
    let Response::ConsumerGroupDescribe(response) = node.latest(request) else { panic!() };
    let group = &response.groups[0];
    if group.error_code != 0 {
        return format!("{}: {}", error(group.error_code), group.error_message.as_ref().unwrap());
    }
    let mut out = format!(
        "{} {} epoch {}/{}",
        group.group_state.as_str(),
        group.assignor_name.as_str(),
        group.group_epoch,
        group.assignment_epoch
    );
    for member in &group.members {
        let of = |assignment: &consumer_group_describe_response::Assignment| {
            let topics = assignment.topic_partitions.iter();
            topics
                .map(|topic| format!("{}{:?}", topic.topic_name.as_str(), topic.partitions))
                .collect::<Vec<_>>()
                .join(" ")
        };
        out += &format!(
            "\n{} epoch {} {} -> {}",
            member.member_id.as_str(),
            member.member_epoch,
            of(&member.assignment),
            of(&member.target_assignment)
        );
    }
    out
}

#[test]
fn two_members_share_the_topic_and_the_rest_goes_to_who_stays() {
    let mut node = node();
    let response = beat(&mut node, joining("a"));
    assert_eq!(error(response.error_code), "ok");
    assert_eq!((response.member_epoch, partitions(&response)), (2, Some(vec![0, 1, 2, 3])));
    assert_eq!(response.heartbeat_interval_ms, 5_000);
    let response = beat(&mut node, joining("b"));
    assert_eq!((response.member_epoch, partitions(&response)), (3, Some(vec![])));
    let listed = node.latest(ListGroupsRequest::default());
    let Response::ListGroups(listed) = listed else { panic!() };
    let group = &listed.groups[0];
    assert_eq!(
        (group.group_type.as_str(), group.group_state.as_str(), group.protocol_type.as_str()),
        ("consumer", "Reconciling", "consumer")
    );

    let mut members = [("a".to_owned(), 2, vec![0, 1, 2, 3]), ("b".to_owned(), 3, vec![])];
    settle(&mut node, &mut members);
    expect_test::expect![[r#"
        Stable uniform epoch 3/3
        a epoch 3 orders[0, 1] -> orders[0, 1]
        b epoch 3 orders[2, 3] -> orders[2, 3]"#]]
    .assert_eq(&describe(&mut node));

    // Of what it has had since epoch 2 it may commit in that epoch; of the rest it may not.
    assert_eq!(commit(&mut node, "a", 3, 0), "ok");
    assert_eq!(commit(&mut node, "a", 2, 0), "ok");
    assert_eq!(commit(&mut node, "a", 2, 2), "STALE_MEMBER_EPOCH");
    assert_eq!(commit(&mut node, "a", 4, 0), "STALE_MEMBER_EPOCH");
    assert_eq!(commit(&mut node, "b", 2, 2), "STALE_MEMBER_EPOCH");
    assert_eq!(commit(&mut node, "c", 3, 2), "UNKNOWN_MEMBER_ID");
    assert_eq!(commit(&mut node, "", -1, 2), "UNKNOWN_MEMBER_ID");

    // `a` says nothing more. Its session ends, and `b` gets everything.
    for _ in 0..10 {
        node.now += 5_000;
        node.broker.tick(node.now);
        settle(&mut node, &mut members[1..]);
    }
    expect_test::expect![[r#"
        Stable uniform epoch 4/4
        b epoch 4 orders[0, 1, 2, 3] -> orders[0, 1, 2, 3]"#]]
    .assert_eq(&describe(&mut node));
    let response = beat(&mut node, heartbeat("a", 3));
    assert_eq!(error(response.error_code), "UNKNOWN_MEMBER_ID");
    assert_eq!(
        response.error_message.unwrap().as_str(),
        "Member a is not a member of group modern."
    );
    assert_eq!(beat(&mut node, heartbeat("b", -1)).member_epoch, -1);
    assert_eq!(describe(&mut node), "Empty uniform epoch 5/5");
}

#[test]
fn a_regular_expression_follows_the_topics() {
    let mut node = node();
    let request = heartbeat("a", 0)
        .with_rebalance_timeout_ms(300_000)
        .with_subscribed_topic_regex(Some(text("ord.*|pay.*")))
        .with_topic_partitions(Some(vec![]));
    let response = beat(&mut node, request);
    assert_eq!(partitions(&response), Some(vec![]), "it is resolved after the first heartbeat");
    let response = beat(&mut node, heartbeat("a", response.member_epoch));
    assert_eq!(partitions(&response), Some(vec![0, 1, 2, 3]));
    assert_eq!(node.create("payments", 1, &[]), "ok");
    node.now += 11_000;
    let response = beat(&mut node, heartbeat("a", response.member_epoch));
    let response = beat(&mut node, heartbeat("a", response.member_epoch));
    assert_eq!(response.assignment.expect("one topic more").topic_partitions.len(), 2);

    let bad = heartbeat("b", 0)
        .with_rebalance_timeout_ms(300_000)
        .with_subscribed_topic_regex(Some(text("[")))
        .with_topic_partitions(Some(vec![]));
    let response = beat(&mut node, bad);
    assert_eq!(error(response.error_code), "INVALID_REGULAR_EXPRESSION");
    assert_eq!(
        response.error_message.unwrap().as_str(),
        "SubscribedTopicRegex `[` is not a valid regular expression: missing closing ]."
    );
}

#[test]
fn what_is_wrong_with_a_heartbeat_is_said() {
    let mut node = node();
    let wrong = |node: &mut Node, request: ConsumerGroupHeartbeatRequest| {
        let response = beat(node, request);
        let message = response.error_message.map(|text| text.to_string()).unwrap_or_default();
        format!("{} {message}", error(response.error_code))
    };
    let lines = [
        wrong(&mut node, joining("")),
        wrong(&mut node, joining("a").with_instance_id(Some(text(" ")))),
        wrong(&mut node, joining("a").with_rebalance_timeout_ms(-1)),
        wrong(&mut node, joining("a").with_topic_partitions(None)),
        wrong(&mut node, joining("a").with_subscribed_topic_names(None)),
        wrong(&mut node, heartbeat("a", -2)),
        wrong(&mut node, heartbeat("a", -3)),
        wrong(&mut node, joining("a").with_server_assignor(Some(text("best")))),
        wrong(&mut node, heartbeat("a", 1)),
        wrong(&mut node, joining("a")),
        wrong(&mut node, heartbeat("a", 7)),
        wrong(&mut node, heartbeat("a", 1)),
        wrong(&mut node, joining("b").with_instance_id(Some(text("i")))),
        wrong(&mut node, joining("c").with_instance_id(Some(text("i")))),
        wrong(&mut node, heartbeat("c", 3).with_instance_id(Some(text("i")))),
        wrong(&mut node, heartbeat("c", 3).with_instance_id(Some(text("j")))),
    ];
    expect_test::expect![[r#"
        INVALID_REQUEST MemberId can't be empty.
        INVALID_REQUEST InstanceId can't be empty.
        INVALID_REQUEST RebalanceTimeoutMs must be provided in first request.
        INVALID_REQUEST TopicPartitions must be empty when (re-)joining.
        INVALID_REQUEST Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.
        INVALID_REQUEST InstanceId can't be null.
        INVALID_REQUEST MemberEpoch is invalid.
        UNSUPPORTED_ASSIGNOR ServerAssignor best is not supported. Supported assignors: uniform, range.
        GROUP_ID_NOT_FOUND Consumer group modern not found.
        ok 
        FENCED_MEMBER_EPOCH The consumer group member has a greater member epoch (7) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
        FENCED_MEMBER_EPOCH The consumer group member has a smaller member epoch (1) than the one known by the group coordinator (2). The member must abandon all its partitions and rejoin.
        ok 
        UNRELEASED_INSTANCE_ID Static member c with instance id i cannot join the group because the instance id is owned by b member.
        FENCED_INSTANCE_ID Static member c with instance id i was fenced by member b.
        UNKNOWN_MEMBER_ID Instance id j is unknown."#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_member_that_fetches_offsets_must_be_in_its_epoch() {
    let mut node = node();
    beat(&mut node, joining("a"));
    assert_eq!(commit(&mut node, "a", 2, 3), "ok");
    let fetch = |epoch| {
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(group_id())
            .with_member_id(Some(text("a")))
            .with_member_epoch(epoch)
            .with_topics(None);
        OffsetFetchRequest::default().with_groups(vec![group])
    };
    let Response::OffsetFetch(response) = node.latest(fetch(2)) else { panic!() };
    assert_eq!(response.groups[0].topics[0].partitions[0].committed_offset, 7);
    let Response::OffsetFetch(response) = node.latest(fetch(1)) else { panic!() };
    assert_eq!(error(response.groups[0].error_code), "STALE_MEMBER_EPOCH");
    let effects = node.broker.disconnect(node.now, ConnectionId(1));
    assert!(effects.responses.is_empty(), "a member outlives its connection");
    assert_eq!(describe(&mut node).lines().next(), Some("Stable uniform epoch 2/2"));
}

#[test]
fn a_group_has_a_configuration_of_its_own() {
    use logbrook_broker::messages::incremental_alter_configs_request::{
        AlterConfigsResource, AlterableConfig,
    };
    let mut node = node();
    let config = AlterableConfig::default()
        .with_name(text("consumer.heartbeat.interval.ms"))
        .with_config_operation(0)
        .with_value(Some(text("7000")));
    let resource = AlterConfigsResource::default()
        .with_resource_type(32)
        .with_resource_name(text(GROUP))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let Response::IncrementalAlterConfigs(response) = node.latest(request) else { panic!() };
    assert_eq!(error(response.responses[0].error_code), "ok");
    assert_eq!(beat(&mut node, joining("a")).heartbeat_interval_ms, 7_000);
}
