//! Configs of topics and brokers: where they come from, and changing them.

mod common;

use common::*;
use expect_test::expect;
use logbrook_broker::messages::describe_configs_request::DescribeConfigsResource;
use logbrook_broker::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// One line for each config, as `kafka-configs.sh --describe` prints it.
fn describe(node: &mut Node, kind: i8, name: &str, keys: &[&str]) -> String {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(Some(keys.iter().map(|key| text(key)).collect()));
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let Response::DescribeConfigs(response) = node.latest(request) else { panic!() };
    let result = &response.results[0];
    if result.error_code != 0 {
        let message = result.error_message.clone().unwrap_or_default();
        return format!("{}: {message}", error(result.error_code));
    }
    let source = |id| match id {
        1 => "DYNAMIC_TOPIC_CONFIG",
        3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        4 => "STATIC_BROKER_CONFIG",
        5 => "DEFAULT_CONFIG",
        _ => "?",
    };
    let lines: Vec<String> = result
        .configs
        .iter()
        .map(|config| {
            let synonyms: Vec<String> = config
                .synonyms
                .iter()
                .map(|s| format!("{}:{}={}", source(s.source), s.name, s.value.clone().unwrap()))
                .collect();
            format!(
                "{}={} synonyms={{{}}}",
                config.name,
                config.value.clone().unwrap_or_else(|| text("null")),
                synonyms.join(", ")
            )
        })
        .collect();
    lines.join("\n")
}

/// `set("retention.ms", "5")` is operation 0.
fn alter(node: &mut Node, topic: &str, ops: &[(&str, i8, &str)]) -> String {
    let configs = ops.iter().map(|(name, op, value)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*op)
            .with_value((*op != 1).then(|| text(value)))
    });
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(topic))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let Response::IncrementalAlterConfigs(response) = node.latest(request) else { panic!() };
    let result = &response.responses[0];
    match &result.error_message {
        Some(message) => format!("{}: {message}", error(result.error_code)),
        None => error(result.error_code).to_owned(),
    }
}

// The lines are those of a recorded Kafka 4.4.
#[test]
fn a_topic_tells_where_each_value_comes_from() {
    let mut node = Node::new();
    node.create("orders", 1, &[("retention.ms", "1000000")]);
    let keys = [
        "cleanup.policy",
        "errors.deadletterqueue.group.enable",
        "flush.messages",
        "flush.ms",
        "leader.replication.throttled.replicas",
        "max.message.bytes",
        "min.cleanable.dirty.ratio",
        "min.insync.replicas",
        "retention.ms",
        "segment.ms",
        "unclean.leader.election.enable",
    ];
    expect![[r#"
        cleanup.policy=delete synonyms={DEFAULT_CONFIG:log.cleanup.policy=delete}
        errors.deadletterqueue.group.enable=false synonyms={}
        flush.messages=9223372036854775807 synonyms={DEFAULT_CONFIG:log.flush.interval.messages=9223372036854775807}
        flush.ms=9223372036854775807 synonyms={}
        leader.replication.throttled.replicas= synonyms={}
        max.message.bytes=1048588 synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}
        min.cleanable.dirty.ratio=0.5 synonyms={DEFAULT_CONFIG:log.cleaner.min.cleanable.ratio=0.5}
        min.insync.replicas=1 synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1, DEFAULT_CONFIG:min.insync.replicas=1}
        retention.ms=1000000 synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000000}
        segment.ms=604800000 synonyms={}
        unclean.leader.election.enable=false synonyms={DEFAULT_CONFIG:unclean.leader.election.enable=false}"#]]
    .assert_eq(&describe(&mut node, TOPIC, "orders", &keys));
    // All of them, where no keys are asked for.
    assert_eq!(describe(&mut node, TOPIC, "orders", &[]).lines().count(), 37);
    assert_eq!(describe(&mut node, TOPIC, "missing", &[]), "UNKNOWN_TOPIC_OR_PARTITION: ");
}

#[test]
fn configs_are_altered_step_by_step() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    assert_eq!(alter(&mut node, "orders", &[("cleanup.policy", 0, "compact")]), "ok");
    assert_eq!(alter(&mut node, "orders", &[("cleanup.policy", 2, "delete")]), "ok");
    assert_eq!(
        describe(&mut node, TOPIC, "orders", &["cleanup.policy"]),
        "cleanup.policy=compact,delete synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, \
         DEFAULT_CONFIG:log.cleanup.policy=delete}"
    );
    assert_eq!(alter(&mut node, "orders", &[("cleanup.policy", 3, "compact")]), "ok");
    assert_eq!(alter(&mut node, "orders", &[("no.such.config", 1, "")]), "ok");
    expect!["INVALID_CONFIG: Unknown topic config name: no.such.config"].assert_eq(&alter(
        &mut node,
        "orders",
        &[("no.such.config", 0, "1")],
    ));
    expect![
        "INVALID_CONFIG: Invalid value 1 for configuration segment.bytes: Value must be at least 1048576"
    ]
    .assert_eq(&alter(&mut node, "orders", &[("segment.bytes", 0, "1")]));
    expect!["INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST."]
        .assert_eq(&alter(&mut node, "orders", &[("retention.ms", 2, "1")]));
    expect!["UNKNOWN_TOPIC_OR_PARTITION: The topic 'missing' does not exist."].assert_eq(&alter(
        &mut node,
        "missing",
        &[("retention.ms", 0, "1")],
    ));
    // One wrong value, and nothing of the request happens.
    let before = node.broker.metadata().topic_config("orders");
    alter(&mut node, "orders", &[("retention.ms", 0, "7"), ("segment.bytes", 0, "1")]);
    assert_eq!(node.broker.metadata().topic_config("orders"), before);
}

#[test]
fn a_changed_config_counts_for_the_next_append() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    assert_eq!(alter(&mut node, "orders", &[("max.message.bytes", 0, "100")]), "ok");
    let response = node.produce("orders", 0, batch(&["a".repeat(200).as_str()]));
    assert_eq!(error(response.error_code), "MESSAGE_TOO_LARGE");
    assert_eq!(response.error_message, None);
}

#[test]
fn a_broker_tells_its_own_configs() {
    let mut node = Node::with(&[("num.partitions", "3"), ("log.retention.hours", "1")]);
    expect![[r#"
        log.retention.hours=1 synonyms={STATIC_BROKER_CONFIG:log.retention.hours=1, DEFAULT_CONFIG:log.retention.hours=168}
        num.partitions=3 synonyms={STATIC_BROKER_CONFIG:num.partitions=3, DEFAULT_CONFIG:num.partitions=1}"#]]
    .assert_eq(&describe(&mut node, BROKER, "1", &["num.partitions", "log.retention.hours"]));
    expect!["min.insync.replicas=1 synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1}"]
        .assert_eq(&describe(&mut node, BROKER, "", &[]));
    expect!["INVALID_REQUEST: Unexpected broker id, expected 1 or empty string, but received 5"]
        .assert_eq(&describe(&mut node, BROKER, "5", &[]));
    expect!["INVALID_REQUEST: Broker id must be an integer, but it is: x"].assert_eq(&describe(
        &mut node,
        BROKER,
        "x",
        &[],
    ));
    node.create("orders", -1, &[]);
    assert_eq!(node.broker.topics().next().unwrap().partitions.len(), 3);
}
