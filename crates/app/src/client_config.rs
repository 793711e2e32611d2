//! An application's client settings: which names there are, and what the client says to the values.
//!
//! A name that Kafka has and this build's client does not honour is refused: a level that set it would
//! teach something that did not happen.

use logbrook_sorted::SortedMap;

use logbrook_client::{ConsumerConfig, KafkaError, ProducerConfig};

use crate::spec::{AppSpec, Role, SettingError};

/// Settings that both of this build's clients honour.
const COMMON: &[&str] = &[
    "bootstrap.servers",
    "client.id",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
];

/// Settings that this build's producer honours.
const PRODUCER: &[&str] = &[
    "acks",
    "batch.size",
    "buffer.memory",
    "compression.type",
    "delivery.timeout.ms",
    "enable.idempotence",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.request.size",
    "partitioner.class",
    "partitioner.ignore.keys",
    "retries",
    "transactional.id",
];

/// Settings that this build's consumer honours.
const CONSUMER: &[&str] = &[
    "allow.auto.create.topics",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "client.rack",
    "default.api.timeout.ms",
    "enable.auto.commit",
    "exclude.internal.topics",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "partition.assignment.strategy",
    "session.timeout.ms",
];

/// Settings of both of Kafka's clients that have no effect in this build (`CommonClientConfigs`).
const COMMON_WITHOUT_EFFECT: &[&str] = &[
    "client.dns.lookup",
    "connections.max.idle.ms",
    "enable.metrics.push",
    "interceptor.classes",
    "metadata.recovery.strategy",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "receive.buffer.bytes",
    "security.protocol",
    "security.providers",
    "send.buffer.bytes",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
];

/// Settings of Kafka's producer that have no effect in this build (`ProducerConfig`).
const PRODUCER_WITHOUT_EFFECT: &[&str] = &[
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "key.serializer",
    "metadata.max.idle.ms",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "transaction.timeout.ms",
    "value.serializer",
];

/// Settings of Kafka's consumer that have no effect in this build (`ConsumerConfig`).
const CONSUMER_WITHOUT_EFFECT: &[&str] =
    &["check.crcs", "group.remote.assignor", "key.deserializer", "value.deserializer"];

/// What this build knows of a client setting's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The client honours it.
    Honoured,
    /// Kafka's client has it; here it would have no effect.
    WithoutEffect,
    /// Kafka's client does not have it.
    No,
}

/// What this build knows of a setting of the role's client.
pub(crate) fn known(role: Role, name: &str) -> Known {
    let (produces, consumes) = match role {
        Role::Producer | Role::Relay => (true, false),
        Role::Consumer => (false, true),
        Role::Processor => (true, true),
    };
    let among = |common: &[&str], producer: &[&str], consumer: &[&str]| {
        common.contains(&name)
            || produces && producer.contains(&name)
            || consumes && consumer.contains(&name)
    };
    if among(COMMON, PRODUCER, CONSUMER) {
        Known::Honoured
    } else if among(COMMON_WITHOUT_EFFECT, PRODUCER_WITHOUT_EFFECT, CONSUMER_WITHOUT_EFFECT) {
        Known::WithoutEffect
    } else {
        Known::No
    }
}

/// What the client says to the application's settings.
pub(crate) fn check(spec: &AppSpec) -> Result<(), SettingError> {
    let properties = properties(spec, "localhost:9092");
    match spec.role {
        Role::Producer | Role::Relay => ProducerConfig::from_properties(&properties).map(|_| ()),
        Role::Consumer => ConsumerConfig::from_properties(&properties).map(|_| ()),
        Role::Processor => ConsumerConfig::from_properties(&properties)
            .and_then(|_| ProducerConfig::from_properties(&properties).map(|_| ())),
    }
    .map_err(|error| refused(spec, error))
}

pub(crate) fn refused(spec: &AppSpec, error: KafkaError) -> SettingError {
    SettingError::Client {
        app: spec.name.clone(),
        class: error.class.into_owned(),
        message: error.message,
    }
}

/// The client's properties: the application's own, and what its place in the level says.
pub(crate) fn properties(spec: &AppSpec, bootstrap_servers: &str) -> SortedMap<String, String> {
    let mut properties = spec.config.clone();
    properties
        .entry("bootstrap.servers".to_owned())
        .or_insert_with(|| bootstrap_servers.to_owned());
    if let Some(group) = &spec.group {
        properties.insert("group.id".to_owned(), group.clone());
    }
    properties
}
