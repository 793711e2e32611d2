//! What DescribeConfigs tells of a config: its value, and the places where it has one
//! (`ConfigHelper`).

use logbrook_sorted::SortedMap;

use crate::config_def::{ConfigKey, ConfigType, ConfigValue};
use crate::group_config::{self, GroupConfigKey};
use crate::server_config::{self, UpdateMode};
use crate::topic_config::{self, TopicConfigKey};
use crate::{BrokerConfig, ConfigSource, client_metrics_config};

/// One place where a config has a value; a config has several, the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigSynonym {
    pub(crate) name: String,
    /// `None` where the value is not told.
    pub(crate) value: Option<String>,
    pub(crate) source: ConfigSource,
}

/// A config with its value and where it has it from: an entry of DescribeConfigs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConfigEntry {
    pub(crate) name: String,
    /// `None` where Kafka does not know the name.
    pub(crate) kind: Option<ConfigType>,
    pub(crate) value: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) synonyms: Vec<ConfigSynonym>,
}

impl ConfigEntry {
    /// Not told to anybody: passwords, and what Kafka does not know (`KafkaConfig.maybeSensitive`).
    pub(crate) fn is_sensitive(&self) -> bool {
        self.kind.is_none_or(ConfigType::is_sensitive)
    }

    /// Where the value is from: the first of the places.
    pub(crate) fn source(&self) -> ConfigSource {
        self.synonyms.first().map_or(ConfigSource::Default, |first| first.source)
    }

    fn new(key: ConfigKey, value: Option<String>) -> ConfigEntry {
        let sensitive = key.kind.is_sensitive();
        ConfigEntry {
            name: key.name.to_owned(),
            kind: Some(key.kind),
            value: value.filter(|_| !sensitive),
            read_only: false,
            synonyms: Vec::new(),
        }
    }

    /// Puts a value of the resource's own before the places that it falls back on.
    fn set_by(&mut self, own: bool, source: ConfigSource) {
        if own {
            let value = self.value.clone();
            self.synonyms.insert(0, ConfigSynonym { name: self.name.clone(), value, source });
        }
    }
}

/// `ConfigHelper.configSynonyms`.
fn synonyms(config: &BrokerConfig, name: &str) -> Vec<ConfigSynonym> {
    let sensitive = server_config::find(name).is_none_or(|entry| entry.key.kind.is_sensitive());
    let identity = config.identity();
    let default = |name: &str| {
        server_config::find(name).and_then(|entry| entry.key.default).map(str::to_owned)
    };
    let all = server_config::synonyms(&name);
    let mut found = Vec::new();
    let mut add = |name: &str, value: Option<String>, source| {
        let value = value.map(|value| Some(value).filter(|_| !sensitive));
        found.extend(value.map(|value| ConfigSynonym { name: name.to_owned(), value, source }));
    };
    for name in all {
        add(name, config.dynamic.broker.get(*name).cloned(), ConfigSource::DynamicBroker);
    }
    for name in all {
        add(name, config.dynamic.cluster.get(*name).cloned(), ConfigSource::DynamicDefaultBroker);
    }
    for name in all {
        let value = config.properties.get(*name).or_else(|| identity.get(*name)).cloned();
        add(name, value, ConfigSource::StaticBroker);
    }
    for name in all {
        // What is set at run time only has no default among those of `server.properties`.
        let of_file = server_config::find(name).is_some_and(|entry| !entry.dynamic_only());
        add(name, default(name).filter(|_| of_file), ConfigSource::Default);
    }
    // A synonym before the name itself would tell of another config's value.
    let first = found.iter().position(|synonym| synonym.name == name).unwrap_or(found.len());
    found.split_off(first)
}

fn text(value: Option<ConfigValue>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// All configs of a topic with these of its own (`createTopicConfigEntry`).
pub(crate) fn describe_topic(
    config: &BrokerConfig,
    own: &SortedMap<String, String>,
) -> Vec<ConfigEntry> {
    let describe = |topic: &TopicConfigKey| {
        let mut entry = ConfigEntry::new(topic.key, text(config.topic_value(topic, own)));
        if let Some(first) = topic.synonyms.first() {
            entry.synonyms = synonyms(config, first.name);
        }
        entry.set_by(own.contains_key(topic.key.name), ConfigSource::DynamicTopic);
        entry
    };
    topic_config::keys().map(describe).collect()
}

/// All configs of a group with these of its own (`createGroupConfigEntry`).
pub(crate) fn describe_group(
    config: &BrokerConfig,
    own: &SortedMap<String, String>,
) -> Vec<ConfigEntry> {
    let describe = |group: &GroupConfigKey| {
        let mut entry = ConfigEntry::new(group.key, text(group_config::value(config, group, own)));
        match group.broker_synonym() {
            Some(name) => entry.synonyms = synonyms(config, &name),
            None => {
                let default = ConfigSynonym {
                    name: group.key.name.to_owned(),
                    value: group.key.default.map(str::to_owned),
                    source: ConfigSource::Default,
                };
                entry.synonyms.extend(Some(default).filter(|default| default.value.is_some()));
            }
        }
        entry.set_by(own.contains_key(group.key.name), ConfigSource::DynamicGroup);
        entry
    };
    let shown = |group: &&GroupConfigKey| !group.internal || own.contains_key(group.key.name);
    group_config::keys().filter(shown).map(describe).collect()
}

/// All configs of a client metrics subscription (`createClientMetricsConfigEntry`).
pub(crate) fn describe_client_metrics(own: &SortedMap<String, String>) -> Vec<ConfigEntry> {
    let describe = |key: &ConfigKey| {
        let set = own.get(key.name).map(String::as_str);
        let value = set.or(key.default).and_then(|value| key.parse(value).ok());
        let mut entry = ConfigEntry::new(*key, text(value));
        entry.set_by(set.is_some(), ConfigSource::DynamicClientMetrics);
        entry
    };
    client_metrics_config::KEYS.iter().map(describe).collect()
}

/// All configs of one broker (`createBrokerConfigEntry`).
pub(crate) fn describe_broker(config: &BrokerConfig) -> Vec<ConfigEntry> {
    let identity = config.identity();
    let mut names: Vec<&str> = server_config::keys()
        .filter(|entry| !entry.internal && !entry.dynamic_only())
        .map(|entry| entry.key.name)
        .collect();
    let places = [&config.dynamic.broker, &config.dynamic.cluster, &config.properties, &identity];
    for name in places.into_iter().flat_map(SortedMap::keys) {
        // What is set stands there though Kafka does not know it.
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    logbrook_sorted::sort(&mut names);
    names.into_iter().map(|name| broker_entry(config, &identity, name)).collect()
}

/// The configs set for all brokers at run time.
pub(crate) fn describe_cluster_defaults(config: &BrokerConfig) -> Vec<ConfigEntry> {
    let describe = |(name, value): (&String, &String)| {
        let mut entry = broker_entry(config, &SortedMap::new(), name);
        entry.value = Some(value.clone()).filter(|_| !entry.is_sensitive());
        entry.synonyms.retain(|s| s.source == ConfigSource::DynamicDefaultBroker);
        entry
    };
    config.dynamic.cluster.iter().map(describe).collect()
}

fn broker_entry(
    config: &BrokerConfig,
    identity: &SortedMap<String, String>,
    name: &str,
) -> ConfigEntry {
    let known = server_config::find(name);
    let set = config.configured(name).or_else(|| identity.get(name).map(String::as_str));
    let value = match (known, set) {
        // A default is told as Kafka writes it.
        (Some(entry), None) => entry.key.default.map(str::to_owned),
        (Some(_), Some(set)) => text(config.value(name)).or_else(|| Some(set.to_owned())),
        (None, set) => set.map(str::to_owned),
    };
    // The identity is no property of this configuration, so `value` does not know it.
    let value = match identity.get(name) {
        Some(own) if config.configured(name).is_none() => Some(own.clone()),
        _ => value,
    };
    let mut entry = ConfigEntry {
        name: name.to_owned(),
        kind: known.map(|entry| entry.key.kind),
        value,
        read_only: known.is_none_or(|entry| entry.update == UpdateMode::ReadOnly),
        synonyms: synonyms(config, name),
    };
    if entry.is_sensitive() {
        entry.value = None;
    }
    entry
}
