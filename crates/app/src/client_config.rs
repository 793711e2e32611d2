//! An application's client settings: which names there are, and what the client says to the values.
//!
//! A name that Kafka has and this build's client does not honour is refused: a level that set it would
//! teach something that did not happen.

use logbrook_sorted::SortedMap;

use logbrook_client::{ConsumerConfig, KafkaError, ProducerConfig};

use crate::code_values::{Commit, Transaction};
use crate::instance::Instance;
use crate::spec::{AppSpec, ClientLibrary, Role, SettingError};

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
    "partitioner",
    "partitioner.class",
    "partitioner.ignore.keys",
    "retries",
    "transaction.timeout.ms",
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

/// Where kafka-python's defaults differ from Java's (`KafkaProducer.DEFAULT_CONFIG` of kafka-python 2.0, as
/// the study note's producer has them).
const PYTHON_DEFAULTS: &[(&str, &str)] = &[
    ("acks", "1"),
    ("retries", "0"),
    ("linger.ms", "0"),
    ("enable.idempotence", "false"),
    ("request.timeout.ms", "30000"),
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
    let instance = Instance {
        number: 1,
        instances: spec.instances,
        starts: 1,
        seed: 0,
        t0_ms: 0,
        bootstrap_servers: "localhost:9092".to_owned(),
        cursor: None,
    };
    let produces = || ProducerConfig::from_properties(&producer_properties(spec, &instance));
    let consumes = || ConsumerConfig::from_properties(&consumer_properties(spec, &instance));
    match spec.role {
        Role::Producer | Role::Relay => produces().map(|_| ()),
        Role::Consumer => consumes().and_then(|_| produces()).map(|_| ()),
        Role::Processor => consumes().and_then(|_| produces().map(|_| ())),
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

/// A producer's properties: the application's own, and what its place in the level says. With
/// transactions and no `transactional.id` of its own each instance has a stable one, `APP-NUMBER`.
pub(crate) fn producer_properties(spec: &AppSpec, instance: &Instance) -> Properties {
    let mut properties = properties(spec, instance);
    if spec.code.transaction != Transaction::Off {
        properties
            .entry("transactional.id".to_owned())
            .or_insert_with(|| format!("{}-{}", spec.name, instance.number));
    }
    properties
}

/// A consumer's properties. Code that commits itself, or in transactions, does not leave that to the client
/// as well, unless the level says so.
pub(crate) fn consumer_properties(spec: &AppSpec, instance: &Instance) -> Properties {
    let mut properties = properties(spec, instance);
    if let Some(group) = &spec.group {
        properties.insert("group.id".to_owned(), group.clone());
    }
    if spec.code.commit != Commit::Auto || spec.code.transaction != Transaction::Off {
        properties.entry("enable.auto.commit".to_owned()).or_insert_with(|| "false".to_owned());
    }
    properties
}

type Properties = SortedMap<String, String>;

/// What every client of the application has. `{instance}` in an id is the instance's number, `{start}` one
/// that no other start of any instance has.
fn properties(spec: &AppSpec, instance: &Instance) -> Properties {
    let mut properties = spec.config.clone();
    match spec.client {
        ClientLibrary::Java => {}
        // librdkafka's default, and its name for it; kafka-python hashes as Java does.
        ClientLibrary::Librdkafka => {
            let own = properties.get("partitioner").cloned();
            properties
                .entry("partitioner.class".to_owned())
                .or_insert_with(|| own.unwrap_or_else(|| "consistent_random".to_owned()));
        }
        ClientLibrary::Python => {
            for (name, default) in PYTHON_DEFAULTS {
                properties.entry((*name).to_owned()).or_insert_with(|| (*default).to_owned());
            }
        }
    }
    properties
        .entry("bootstrap.servers".to_owned())
        .or_insert_with(|| instance.bootstrap_servers.clone());
    for name in ["client.id", "group.instance.id", "transactional.id"] {
        if let Some(value) = properties.get_mut(name)
            && value.contains('{')
        {
            let number = instance.number.to_string();
            let start = format!("{number}-{}", instance.starts);
            *value = value.replace("{instance}", &number).replace("{start}", &start);
        }
    }
    properties
}
