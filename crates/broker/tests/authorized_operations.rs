//! KIP-430: what a client may do, where it asks. Without an authorizer, everything.

mod common;

use common::*;
use logbrook_broker::messages::metadata_request::MetadataRequestTopic;
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

/// READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS.
const TOPIC: i32 = 0b1101_1111_1000;
/// CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE.
const CLUSTER: i32 = 0b1_1111_1010_0000;
/// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS.
const GROUP: i32 = 0b1101_0100_1000;
const NOT_ASKED: i32 = i32::MIN;

#[test]
fn metadata_tells_them_where_it_is_asked() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    let mut told = |version, asked| {
        let topic = MetadataRequestTopic::default().with_name(Some(name("orders")));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_include_cluster_authorized_operations(asked && version <= 10)
            .with_include_topic_authorized_operations(asked);
        let Response::Metadata(body) = node.call(version, request) else { panic!() };
        (body.cluster_authorized_operations, body.topics[0].topic_authorized_operations)
    };
    assert_eq!(told(10, true), (CLUSTER, TOPIC));
    assert_eq!(told(10, false), (NOT_ASKED, NOT_ASKED));
    assert_eq!(told(13, true), (NOT_ASKED, TOPIC));
}

#[test]
fn so_do_the_requests_that_describe() {
    let mut node = Node::with(&[("offsets.topic.replication.factor", "1")]);
    node.create("orders", 1, &[]);
    let mut cluster = |asked| {
        let request =
            DescribeClusterRequest::default().with_include_cluster_authorized_operations(asked);
        let Response::DescribeCluster(body) = node.latest(request) else { panic!() };
        body.cluster_authorized_operations
    };
    assert_eq!((cluster(true), cluster(false)), (CLUSTER, NOT_ASKED));

    // Always, as Kafka: the request has no field to ask with.
    let described = node.latest(DescribeTopicPartitionsRequest::default());
    let Response::DescribeTopicPartitions(body) = described else { panic!() };
    assert_eq!(body.topics[0].topic_authorized_operations, TOPIC);

    // The first to ask for a coordinator makes there be one.
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("nobody")]);
    node.latest(find);
    // Up to version 5 a group that is not there is described as dead, without an error.
    let mut group = |version| {
        let request = DescribeGroupsRequest::default()
            .with_groups(vec![GroupId(text("nobody"))])
            .with_include_authorized_operations(true);
        let Response::DescribeGroups(body) = node.call(version, request) else { panic!() };
        (error(body.groups[0].error_code), body.groups[0].authorized_operations)
    };
    assert_eq!(group(5), ("ok", GROUP));
    assert_eq!(group(6), ("GROUP_ID_NOT_FOUND", NOT_ASKED));
}
