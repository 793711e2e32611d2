//! An application's client settings: which names there are, and what the client says to the values.

use std::collections::BTreeMap;

use logbrook_client::{ConsumerConfig, KafkaError, ProducerConfig};

use crate::spec::{AppSpec, Role, SettingError};

/// Whether Kafka's client of this role has a setting of this name. Every name of Kafka's that is a
/// single word is listed; the client itself judges the others.
pub(crate) fn is_known(role: Role, name: &str) -> bool {
    let single_word = match role {
        Role::Producer | Role::Relay => ["acks", "retries"].contains(&name),
        Role::Consumer => false,
        Role::Processor => ["acks", "retries"].contains(&name),
    };
    single_word || name.contains('.')
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
pub(crate) fn properties(spec: &AppSpec, bootstrap_servers: &str) -> BTreeMap<String, String> {
    let mut properties = spec.config.clone();
    properties
        .entry("bootstrap.servers".to_owned())
        .or_insert_with(|| bootstrap_servers.to_owned());
    if let Some(group) = &spec.group {
        properties.insert("group.id".to_owned(), group.clone());
    }
    properties
}
