//! A broker's identity and its `server.properties`.

use logbrook_sorted::SortedMap;

use crate::config_def::{ConfigException, ConfigKey, ConfigType, ConfigValue, Validator};
use crate::topic_config::{self, TopicConfigKey};

/// Who a broker is and how it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `node.id`.
    pub node_id: i32,
    /// The cluster's id: 22 characters of URL-safe base 64 in Kafka, any text here.
    pub cluster_id: String,
    /// Host of `advertised.listeners`: what Metadata answers.
    pub host: String,
    /// Port of `advertised.listeners`.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Other server properties by Kafka's names (`num.partitions`, `log.retention.ms`…). Names
    /// that this broker does not read are kept and without effect, as Kafka treats unknown ones.
    pub properties: SortedMap<String, String>,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        BrokerConfig {
            node_id: 1,
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".into(),
            host: "localhost".into(),
            port: 9092,
            rack: None,
            properties: SortedMap::new(),
        }
    }
}

const fn key(
    name: &'static str,
    kind: ConfigType,
    default: Option<&'static str>,
    validator: Validator,
) -> ConfigKey {
    ConfigKey { name, kind, default, validator }
}

use ConfigType::{Boolean, Int, List, Long, Short};
use Validator::{Any, AtLeast};

/// The server configs that this broker reads, beside those that topic configs fall back on.
/// Types, defaults and validators of Kafka 4.4's `KafkaConfig`. Sorted by name.
static KEYS: &[ConfigKey] = &[
    key("auto.create.topics.enable", Boolean, Some("true"), Any),
    key("connections.max.idle.ms", Long, Some("600000"), Any),
    key("default.replication.factor", Int, Some("1"), Any),
    key("delete.topic.enable", Boolean, Some("true"), Any),
    key("fetch.max.bytes", Int, Some("57671680"), AtLeast(1024)),
    key("group.consumer.assignors", List, Some("uniform,range"), Any),
    key("group.initial.rebalance.delay.ms", Int, Some("3000"), Any),
    key("group.max.session.timeout.ms", Int, Some("1800000"), Any),
    key("group.max.size", Int, Some("2147483647"), AtLeast(1)),
    key("group.min.session.timeout.ms", Int, Some("6000"), Any),
    key("log.initial.task.delay.ms", Long, Some("30000"), AtLeast(0)),
    key("log.retention.check.interval.ms", Long, Some("300000"), AtLeast(1)),
    key("max.connections", Int, Some("2147483647"), AtLeast(0)),
    key("max.request.partition.size.limit", Int, Some("2000"), AtLeast(1)),
    key("num.partitions", Int, Some("1"), AtLeast(1)),
    key("offset.metadata.max.bytes", Int, Some("4096"), Any),
    key("offsets.retention.check.interval.ms", Long, Some("600000"), AtLeast(1)),
    key("offsets.retention.minutes", Int, Some("10080"), AtLeast(1)),
    key("offsets.topic.num.partitions", Int, Some("50"), AtLeast(1)),
    key("offsets.topic.replication.factor", Short, Some("3"), AtLeast(1)),
    key("offsets.topic.segment.bytes", Int, Some("104857600"), AtLeast(1)),
    key("producer.id.expiration.ms", Int, Some("86400000"), AtLeast(1)),
    key("socket.request.max.bytes", Int, Some("104857600"), AtLeast(1)),
    key("transaction.partition.verification.enable", Boolean, Some("true"), Any),
];

/// Where the value of a config comes from: `DescribeConfigsResponse.ConfigSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own.
    DynamicTopic,
    /// Set for all brokers of the cluster at run time.
    DynamicDefaultBroker,
    /// From `server.properties`.
    StaticBroker,
    /// Kafka's default.
    Default,
}

impl ConfigSource {
    /// The number on the wire.
    pub fn id(self) -> i8 {
        match self {
            ConfigSource::DynamicTopic => 1,
            ConfigSource::DynamicDefaultBroker => 3,
            ConfigSource::StaticBroker => 4,
            ConfigSource::Default => 5,
        }
    }
}

/// The server config of this name, as this broker knows it: its key, and the topic config whose
/// fallback it is where it is one.
pub(crate) fn server_key(name: &str) -> Option<ConfigKey> {
    if let Some(found) = KEYS.iter().find(|key| key.name == name) {
        return Some(*found);
    }
    for entry in topic_config::keys() {
        for (at, synonym) in entry.synonyms.iter().enumerate() {
            if synonym.name == name {
                return Some(synonym_key(entry, at));
            }
        }
    }
    None
}

/// Every server config that this broker knows, sorted by name.
pub(crate) fn server_keys() -> Vec<ConfigKey> {
    let mut keys: Vec<ConfigKey> = KEYS.to_vec();
    for entry in topic_config::keys() {
        keys.extend((0..entry.synonyms.len()).map(|at| synonym_key(entry, at)));
    }
    logbrook_sorted::sort_by_key(&mut keys, |key| key.name);
    keys
}

/// A server config that is the fallback of a topic config has its type, default and validator,
/// except where several share the part: then the last of them carries the default, in its unit.
fn synonym_key(entry: &TopicConfigKey, at: usize) -> ConfigKey {
    let name = entry.synonyms[at].name;
    let (kind, default, validator) = match name {
        "log.retention.ms" | "log.roll.ms" | "log.roll.jitter.ms" | "log.flush.interval.ms" => {
            (Long, None, Any)
        }
        "log.retention.minutes" => (Int, None, Any),
        "log.retention.hours" => (Int, Some("168"), Any),
        "log.roll.hours" => (Int, Some("168"), AtLeast(1)),
        "log.roll.jitter.hours" => (Int, Some("0"), AtLeast(0)),
        _ => (entry.key.kind, entry.key.default, entry.key.validator),
    };
    ConfigKey { name, kind, default, validator }
}

impl BrokerConfig {
    /// Whether every property that this broker reads has a valid value. Kafka does not start
    /// where this fails; [`crate::Broker::new`] takes the default for such a value.
    pub fn validate(&self) -> Result<(), ConfigException> {
        self.properties.iter().try_for_each(|(name, value)| match server_key(name) {
            Some(key) => key.parse(value).map(|_| ()),
            None => Ok(()),
        })
    }

    /// Whether this broker reads a server config of this name. Kafka keeps names that it does not
    /// know, without effect; whoever takes them from a person may want to say so.
    pub fn reads(name: &str) -> bool {
        server_key(name).is_some()
    }

    /// The static value of a server config, where the properties set it to something valid.
    pub fn static_value(&self, name: &str) -> Option<ConfigValue> {
        let text = self.properties.get(name)?;
        server_key(name)?.parse(text).ok()
    }

    /// The value of a server config: static, else the default. `None` for Java's `null` and for
    /// names that this broker does not know.
    pub fn value(&self, name: &str) -> Option<ConfigValue> {
        self.static_value(name).or_else(|| {
            let key = server_key(name)?;
            key.parse(key.default?).ok()
        })
    }

    /// [`BrokerConfig::value`] of a numeric config; 0 where there is none.
    pub fn number(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(ConfigValue::Number(number)) => number,
            Some(
                ConfigValue::Boolean(_)
                | ConfigValue::String(_)
                | ConfigValue::Double(_)
                | ConfigValue::List(_),
            )
            | None => 0,
        }
    }

    /// [`BrokerConfig::value`] of a boolean config; `false` where there is none.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(ConfigValue::Boolean(true)))
    }

    /// A cluster-wide dynamic broker config. A cluster formatted by Kafka 4.4 has eligible leader
    /// replicas on (KIP-966), and that feature writes `min.insync.replicas` for the whole cluster,
    /// as the controller has it (`ConfigurationControlManager.maybeGenerateElrSafetyRecords`).
    fn dynamic_default(&self, name: &str) -> Option<String> {
        match name {
            "min.insync.replicas" => self.value(name).map(|value| value.to_string()),
            _ => None,
        }
    }

    /// What counts for a topic: its own value, else the cluster's dynamic one, else the first
    /// server config set, else the default. `None` is Java's `null`.
    pub fn topic_value(
        &self,
        entry: &TopicConfigKey,
        overrides: &SortedMap<String, String>,
    ) -> Option<ConfigValue> {
        if let Some(value) = overrides.get(entry.key.name).and_then(|v| entry.key.parse(v).ok()) {
            return Some(value);
        }
        for synonym in entry.synonyms {
            if let Some(text) = self.dynamic_default(synonym.name) {
                return entry.key.parse(&text).ok();
            }
            match self.static_value(synonym.name) {
                Some(ConfigValue::Number(number)) => {
                    return Some(ConfigValue::Number(number.saturating_mul(synonym.factor)));
                }
                Some(value) => return Some(value),
                None => {}
            }
        }
        entry.key.parse(entry.key.default?).ok()
    }
}

/// One place where a config has a value; a config has several, the first counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigSynonym {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) source: ConfigSource,
}

/// A config with its value and where it has it from: an entry of DescribeConfigs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DescribedConfig {
    pub(crate) key: ConfigKey,
    pub(crate) value: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) synonyms: Vec<ConfigSynonym>,
}

/// `ConfigHelper.configSynonyms`.
fn synonyms(config: &BrokerConfig, name: &'static str) -> Vec<ConfigSynonym> {
    let default = server_key(name).and_then(|key| key.default).map(str::to_owned);
    let sources = [
        (config.dynamic_default(name), ConfigSource::DynamicDefaultBroker),
        (config.properties.get(name).cloned(), ConfigSource::StaticBroker),
        (default, ConfigSource::Default),
    ];
    let present = |(value, source): (Option<String>, _)| {
        value.map(|value| ConfigSynonym { name, value, source })
    };
    sources.into_iter().filter_map(present).collect()
}

/// All configs of a topic with these of its own (`ConfigHelper.createTopicConfigEntry`).
pub(crate) fn describe_topic_configs(
    config: &BrokerConfig,
    own: &SortedMap<String, String>,
) -> Vec<DescribedConfig> {
    let describe = |entry: &TopicConfigKey| {
        let value = config.topic_value(entry, own).map(|value| value.to_string());
        let mut all = Vec::new();
        if own.contains_key(entry.key.name) {
            all.push(ConfigSynonym {
                name: entry.key.name,
                value: value.clone().unwrap_or_default(),
                source: ConfigSource::DynamicTopic,
            });
        }
        if let Some(first) = entry.synonyms.first() {
            all.extend(synonyms(config, first.name));
        }
        DescribedConfig { key: entry.key, value, read_only: false, synonyms: all }
    };
    topic_config::keys().map(describe).collect()
}

/// The configs of one broker that it knows (`ConfigHelper.createBrokerConfigEntry`).
pub(crate) fn describe_broker_configs(config: &BrokerConfig) -> Vec<DescribedConfig> {
    let describe = |key: ConfigKey| DescribedConfig {
        value: config.value(key.name).map(|value| value.to_string()),
        // Those that topics fall back on can be changed at run time (`DynamicLogConfig`).
        read_only: KEYS.iter().any(|own| own.name == key.name),
        synonyms: synonyms(config, key.name),
        key,
    };
    server_keys().into_iter().map(describe).collect()
}

/// The configs set for all brokers at run time.
pub(crate) fn describe_dynamic_default_configs(config: &BrokerConfig) -> Vec<DescribedConfig> {
    describe_broker_configs(config)
        .into_iter()
        .map(|mut described| {
            described.synonyms.retain(|s| s.source == ConfigSource::DynamicDefaultBroker);
            described
        })
        .filter(|described| !described.synonyms.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> BrokerConfig {
        let properties =
            properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        BrokerConfig { properties, ..BrokerConfig::default() }
    }

    fn topic_value(config: &BrokerConfig, name: &str) -> String {
        let entry = topic_config::find(name).unwrap();
        config.topic_value(entry, &SortedMap::new()).unwrap().to_string()
    }

    #[test]
    fn defaults_are_valid_and_sorted() {
        assert!(KEYS.is_sorted_by_key(|key| key.name));
        for key in server_keys() {
            if let Some(default) = key.default {
                assert_eq!(key.parse(default).unwrap().to_string(), default, "{}", key.name);
            }
        }
    }

    #[test]
    fn a_topic_falls_back_on_the_broker_in_kafkas_order() {
        assert_eq!(topic_value(&with(&[]), "retention.ms"), "604800000");
        assert_eq!(topic_value(&with(&[("log.retention.hours", "1")]), "retention.ms"), "3600000");
        let both = with(&[("log.retention.hours", "1"), ("log.retention.minutes", "2")]);
        assert_eq!(topic_value(&both, "retention.ms"), "120000");
        assert_eq!(topic_value(&with(&[("message.max.bytes", "77")]), "max.message.bytes"), "77");
        assert_eq!(topic_value(&with(&[("min.insync.replicas", "2")]), "min.insync.replicas"), "2");
    }

    #[test]
    fn a_bad_property_is_named() {
        let error = with(&[("num.partitions", "0")]).validate().unwrap_err();
        assert_eq!(
            error.message,
            "Invalid value 0 for configuration num.partitions: Value must be at least 1"
        );
        assert_eq!(with(&[("num.partitions", "0")]).number("num.partitions"), 1);
    }
}
