//! Topics are created, described, extended and deleted; refusals are in Kafka 4.4's words.

mod common;

use common::*;
use expect_test::{Expect, expect};
use logbrook_broker::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use logbrook_broker::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic,
};
use logbrook_broker::messages::delete_topics_request::DeleteTopicState;
use logbrook_broker::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use logbrook_broker::messages::metadata_request::MetadataRequestTopic;
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;
use logbrook_broker::{BrokerEventKind, MetadataRecord};

fn check(got: impl Into<String>, expected: Expect) {
    expected.assert_eq(&got.into());
}

#[test]
fn creating_a_topic_and_every_common_mistake() {
    let mut node = Node::new();
    check(node.create("orders", 3, &[]), expect!["ok"]);
    check(
        node.create("orders", 3, &[]),
        expect!["TOPIC_ALREADY_EXISTS: Topic 'orders' already exists."],
    );
    check(
        node.create("bad name", 1, &[]),
        expect![
            "INVALID_TOPIC_EXCEPTION: Topic name is invalid: 'bad name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ],
    );
    check(
        node.create(".", 1, &[]),
        expect!["INVALID_TOPIC_EXCEPTION: Topic name is invalid: '.' is not allowed"],
    );
    check(
        node.create("..", 1, &[]),
        expect!["INVALID_TOPIC_EXCEPTION: Topic name is invalid: '..' is not allowed"],
    );
    check(
        node.create("", 1, &[]),
        expect!["INVALID_TOPIC_EXCEPTION: Topic name is invalid: the empty string is not allowed"],
    );
    assert_eq!(node.create(&"a".repeat(249), 1, &[]), "ok");
    assert!(
        node.create(&"a".repeat(250), 1, &[])
            .ends_with("' is longer than the max allowed length 249")
    );
    check(node.create("with.dot", 1, &[]), expect!["ok"]);
    check(
        node.create("with_dot", 1, &[]),
        expect!["INVALID_TOPIC_EXCEPTION: Topic 'with_dot' collides with existing topic: with.dot"],
    );
    check(
        node.create("none", 0, &[]),
        expect![
            "INVALID_PARTITIONS: Number of partitions was set to an invalid non-positive value."
        ],
    );
    check(
        node.create("none", 10_001, &[]),
        expect!["POLICY_VIOLATION: Excessively large number of partitions per request."],
    );
    check(
        node.create("__cluster_metadata", 1, &[]),
        expect!["INVALID_REQUEST: Creation of internal topic __cluster_metadata is prohibited."],
    );
    check(
        node.create("c1", 1, &[("no.such.config", "1")]),
        expect!["INVALID_CONFIG: Unknown topic config name: no.such.config"],
    );
    check(
        node.create("c1", 1, &[("segment.bytes", "10")]),
        expect![
            "INVALID_CONFIG: Invalid value 10 for configuration segment.bytes: Value must be at least 1048576"
        ],
    );
    let factor = |name_: &str, factor| {
        CreatableTopic::default()
            .with_name(name(name_))
            .with_num_partitions(-1)
            .with_replication_factor(factor)
    };
    check(
        node.create_topic(factor("wide", 3)),
        expect![
            "INVALID_REPLICATION_FACTOR: Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned."
        ],
    );
    check(
        node.create_topic(factor("none", 0)),
        expect![
            "INVALID_REPLICATION_FACTOR: Replication factor must be larger than 0, or -1 to use the default value."
        ],
    );
    // Nothing of what was refused is there.
    let names: Vec<String> = node.broker.topics().map(|topic| topic.name.clone()).collect();
    assert_eq!(names, ["a".repeat(249), "orders".into(), "with.dot".into()]);
}

#[test]
fn replicas_assigned_by_hand() {
    let mut node = Node::new();
    let topic = |name_: &str, replicas: &[(i32, &[i32])]| {
        let assignments = replicas.iter().map(|(index, ids)| {
            CreatableReplicaAssignment::default()
                .with_partition_index(*index)
                .with_broker_ids(ids.iter().map(|id| BrokerId(*id)).collect())
        });
        CreatableTopic::default()
            .with_name(name(name_))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(assignments.collect())
    };
    check(node.create_topic(topic("manual", &[(0, &[1]), (1, &[1])])), expect!["ok"]);
    check(
        node.create_topic(topic("manual2", &[(0, &[9])])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes broker 9, but no such broker is registered."
        ],
    );
    check(
        node.create_topic(topic("manual2", &[(0, &[1, 1])])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes the broker 1 more than once."
        ],
    );
    check(
        node.create_topic(topic("manual2", &[(1, &[1])])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: partitions should be a consecutive 0-based integer sequence"
        ],
    );
    check(
        node.create_topic(topic("manual2", &[(0, &[])])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: The manual partition assignment includes an empty replica list."
        ],
    );
    check(
        node.create_topic(topic("manual2", &[(0, &[1]), (0, &[1])])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: Found multiple manual partition assignments for partition 0"
        ],
    );
    check(
        node.create_topic(topic("manual2", &[(0, &[1])]).with_num_partitions(1)),
        expect![
            "INVALID_REQUEST: A manual partition assignment was specified, but numPartitions was not set to -1."
        ],
    );
}

#[test]
fn a_name_twice_in_one_request_is_refused_and_validate_only_creates_nothing() {
    let mut node = Node::new();
    let topic = |name_: &str| {
        CreatableTopic::default()
            .with_name(name(name_))
            .with_num_partitions(2)
            .with_replication_factor(1)
    };
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic("a"), topic("b"), topic("a")])
        .with_validate_only(true);
    let Response::CreateTopics(response) = node.latest(request) else { panic!() };
    let got: Vec<_> = response
        .topics
        .iter()
        .map(|topic| (topic.name.to_string(), error(topic.error_code), topic.num_partitions))
        .collect();
    assert_eq!(got, [("b".into(), "ok", 2), ("a".into(), "INVALID_REQUEST", -1)]);
    assert_eq!(node.broker.topics().count(), 0);
}

fn add_partitions(node: &mut Node, topic: &str, count: i32, replicas: Option<&[i32]>) -> String {
    let assignments = replicas.map(|ids| {
        let assignment =
            |id: &i32| CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(*id)]);
        ids.iter().map(assignment).collect()
    });
    let topic = CreatePartitionsTopic::default()
        .with_name(name(topic))
        .with_count(count)
        .with_assignments(assignments);
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
    let Response::CreatePartitions(response) = node.latest(request) else { panic!() };
    let result = &response.results[0];
    match &result.error_message {
        Some(message) => format!("{}: {message}", error(result.error_code)),
        None => error(result.error_code).to_owned(),
    }
}

#[test]
fn partitions_can_only_grow() {
    let mut node = Node::new();
    node.create("orders", 4, &[]);
    check(
        add_partitions(&mut node, "orders", 3, None),
        expect![
            "INVALID_PARTITIONS: The topic orders currently has 4 partition(s); 3 would not be an increase."
        ],
    );
    check(
        add_partitions(&mut node, "orders", 4, None),
        expect!["INVALID_PARTITIONS: Topic already has 4 partition(s)."],
    );
    check(add_partitions(&mut node, "orders", 5, Some(&[1])), expect!["ok"]);
    check(
        add_partitions(&mut node, "orders", 6, Some(&[])),
        expect![
            "INVALID_REPLICA_ASSIGNMENT: Attempted to add 1 additional partition(s), but only 0 assignment(s) were specified."
        ],
    );
    check(add_partitions(&mut node, "nothing", 6, None), expect!["UNKNOWN_TOPIC_OR_PARTITION"]);
    check(
        add_partitions(&mut node, "orders", i32::MAX, None),
        expect!["POLICY_VIOLATION: Excessively large number of partitions per request."],
    );
    check(add_partitions(&mut node, "orders", 7, None), expect!["ok"]);
    assert_eq!(node.produce("orders", 6, batch(&["a"])).base_offset, 0);
}

#[test]
fn a_topic_deleted_and_made_again_is_empty_and_has_another_id() {
    let mut node = Node::new();
    node.create("orders", 1, &[("retention.ms", "1000")]);
    node.produce("orders", 0, batch(&["a"]));
    let id = node.broker.metadata().topic("orders").unwrap().id;
    let delete = |states: &[(Option<&str>, uuid::Uuid)]| {
        let topics = states.iter().map(|(name_, id)| {
            DeleteTopicState::default().with_name(name_.map(name)).with_topic_id(*id)
        });
        DeleteTopicsRequest::default().with_topics(topics.collect())
    };
    let nil = uuid::Uuid::nil();
    let parked = Node::fetch_request("orders", 0, 1);
    node.send(5, 12, parked.into());
    let (_, effects) = node.send(6, 6, delete(&[(Some("orders"), nil), (Some("x"), nil)]).into());
    let kinds: Vec<_> = effects.events.iter().map(|event| &event.kind).collect();
    assert!(matches!(kinds[0], BrokerEventKind::TopicDeleted { topic } if topic == "orders"));
    // Who waited for its records learns at once.
    let answers: Vec<_> = effects
        .responses
        .iter()
        .map(|(_, frame)| match &frame.body {
            Response::DeleteTopics(response) => response
                .responses
                .iter()
                .map(|one| error(one.error_code))
                .collect::<Vec<_>>()
                .join(","),
            Response::Fetch(response) => {
                error(response.responses[0].partitions[0].error_code).to_owned()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers, ["UNKNOWN_TOPIC_OR_PARTITION,ok", "UNKNOWN_TOPIC_OR_PARTITION"]);

    node.create("orders", 1, &[]);
    let known = node.broker.metadata().topic("orders").unwrap().id;
    assert_ne!(known, id);
    assert!(node.broker.metadata().topic_config("orders").is_empty());
    assert_eq!(node.list_offsets("orders", 0, -1).offset, 0);

    let unknown = id;
    let request = delete(&[
        (None, nil),
        (Some("orders"), known),
        (None, unknown),
        (None, known),
        (Some("orders"), nil),
    ]);
    let Response::DeleteTopics(response) = node.latest(request) else { panic!() };
    let messages: Vec<_> = response
        .responses
        .iter()
        .map(|one| format!("{}: {}", error(one.error_code), one.error_message.clone().unwrap()))
        .collect();
    check(
        messages.join("\n"),
        expect![[r#"
            INVALID_REQUEST: Neither topic name nor id were specified.
            INVALID_REQUEST: You may not specify both topic name and topic id.
            UNKNOWN_TOPIC_ID: This server does not host this topic ID.
            INVALID_REQUEST: The provided topic name maps to an ID that was already supplied."#]],
    );
}

#[test]
fn metadata_create_a_missing_topic_but_say_so_only_the_next_time() {
    let mut node = Node::new();
    let ask = |names: &[&str], allow| {
        let topics = names
            .iter()
            .map(|one| MetadataRequestTopic::default().with_name(Some(name(one))))
            .collect();
        MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(allow)
    };
    let mut errors = |request: MetadataRequest| {
        let Response::Metadata(response) = node.latest(request) else { panic!() };
        assert_eq!(response.controller_id, BrokerId(1));
        assert_eq!(response.brokers[0].port, 9092);
        let one = |topic: &metadata_response::MetadataResponseTopic| error(topic.error_code);
        response.topics.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(errors(ask(&["new"], false)), ["UNKNOWN_TOPIC_OR_PARTITION"]);
    assert_eq!(errors(ask(&["new"], false)), ["UNKNOWN_TOPIC_OR_PARTITION"]);
    assert_eq!(
        errors(ask(&["new", "not this"], true)),
        ["UNKNOWN_TOPIC_OR_PARTITION", "INVALID_TOPIC_EXCEPTION"]
    );
    assert_eq!(errors(ask(&["new", "new"], true)), ["ok"]);
    assert_eq!(errors(MetadataRequest::default().with_topics(Some(vec![]))), [""; 0]);
    assert_eq!(errors(MetadataRequest::default().with_topics(None)), ["ok"]);

    let mut node = Node::with(&[("auto.create.topics.enable", "false")]);
    node.latest(ask(&["new"], true));
    assert_eq!(node.broker.topics().count(), 0);
}

#[test]
fn describing_goes_page_by_page() {
    let mut node = Node::new();
    node.create("a", 3, &[]);
    node.create("b", 2, &[]);
    let mut cursor = None;
    let mut pages = Vec::new();
    loop {
        let request = DescribeTopicPartitionsRequest::default()
            .with_response_partition_limit(2)
            .with_cursor(cursor);
        let Response::DescribeTopicPartitions(page) = node.latest(request) else { panic!() };
        pages.push(
            page.topics
                .iter()
                .flat_map(|topic| {
                    let name = topic.name.clone().unwrap().to_string();
                    topic.partitions.iter().map(move |p| format!("{name}-{}", p.partition_index))
                })
                .collect::<Vec<_>>()
                .join(" "),
        );
        match page.next_cursor {
            None => break,
            Some(next) => {
                cursor = Some(
                    Cursor::default()
                        .with_topic_name(next.topic_name)
                        .with_partition_index(next.partition_index),
                );
            }
        }
    }
    assert_eq!(pages, ["a-0 a-1", "a-2 b-0", "b-1"]);

    let request = DescribeTopicPartitionsRequest::default()
        .with_response_partition_limit(2000)
        .with_topics(vec![TopicRequest::default().with_name(name("nothing"))]);
    let Response::DescribeTopicPartitions(page) = node.latest(request) else { panic!() };
    assert_eq!(error(page.topics[0].error_code), "UNKNOWN_TOPIC_OR_PARTITION");
}

#[test]
fn the_metadata_log_tells_how_the_metadata_came_to_be() {
    let mut node = Node::new();
    node.create("orders", 2, &[("retention.ms", "5")]);
    let mut image = logbrook_broker::MetadataImage::default();
    for record in node.broker.metadata_log() {
        image.replay(record);
    }
    assert_eq!(&image, node.broker.metadata());
    let names: Vec<&str> = node
        .broker
        .metadata_log()
        .iter()
        .map(|record| match record {
            MetadataRecord::RegisterBroker(_) => "RegisterBroker",
            MetadataRecord::Topic { .. } => "Topic",
            MetadataRecord::Partition { .. } => "Partition",
            MetadataRecord::RemoveTopic { .. } => "RemoveTopic",
            MetadataRecord::Config { .. } => "Config",
            MetadataRecord::ProducerIds { .. } => "ProducerIds",
            MetadataRecord::FeatureLevel { .. } => "FeatureLevel",
            other => panic!("{other:?}"),
        })
        .collect();
    // Formatting writes the features and the first config. Those of a topic stand between it and its
    // partitions, as in Kafka.
    let (features, then) = names.split_at(6);
    assert_eq!(features, ["FeatureLevel"; 6]);
    assert_eq!(then, ["Config", "RegisterBroker", "Topic", "Config", "Partition", "Partition"]);
}
