//! Topic configs: the table of all keys, validation as `LogConfig.validate` does it, and the value
//! that counts for a topic (its own, else the broker's, else the default).
//!
//! The same table serves the broker and the command line tools, which validate before they send.

mod table;

use logbrook_sorted::SortedMap;

use crate::config_def::{ConfigException, ConfigKey, ConfigValue};
use crate::{BrokerConfig, ErrorCode};

/// A server config that a topic config falls back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// Kafka's name of the server config.
    pub name: &'static str,
    /// Its unit in the unit of the topic config: 3 600 000 for hours into milliseconds.
    pub factor: i64,
}

/// One topic config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicConfigKey {
    /// Name, type, default and validator.
    pub key: ConfigKey,
    /// What it falls back on, first wins. The first alone shows among the synonyms that
    /// DescribeConfigs tells (`ServerTopicConfigSynonyms.TOPIC_CONFIG_SYNONYMS`).
    pub synonyms: &'static [Synonym],
}

/// `LogConfig` defines it, and nobody but Kafka's own tests is meant to set it or see it.
const INTERNAL: &str = "internal.segment.bytes";

/// What is wrong with a topic's configs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicConfigError {
    /// No such key (`InvalidConfigurationException`).
    UnknownName(String),
    /// A value that the key does not take (`ConfigException`).
    Value(ConfigException),
    /// Two values that exclude each other (`InvalidConfigurationException`).
    Conflict(String),
}

impl TopicConfigError {
    /// Every one of them travels as `INVALID_CONFIG`.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidConfig
    }

    /// Full name of the exception that Java throws where it validates (the tools print it).
    pub fn exception_class(&self) -> &'static str {
        match self {
            TopicConfigError::UnknownName(_) | TopicConfigError::Conflict(_) => {
                "org.apache.kafka.common.errors.InvalidConfigurationException"
            }
            TopicConfigError::Value(_) => "org.apache.kafka.common.config.ConfigException",
        }
    }

    /// Java's message, word by word.
    pub fn message(&self) -> String {
        match self {
            TopicConfigError::UnknownName(name) => format!("Unknown topic config name: {name}"),
            TopicConfigError::Value(exception) => exception.message.clone(),
            TopicConfigError::Conflict(message) => message.clone(),
        }
    }
}

impl core::fmt::Display for TopicConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for TopicConfigError {}

/// Every topic config that a user sees, sorted by name.
pub fn keys() -> impl Iterator<Item = &'static TopicConfigKey> {
    table::KEYS.iter().filter(|entry| entry.key.name != INTERNAL)
}

/// The topic config of this name (the internal one included).
pub fn find(name: &str) -> Option<&'static TopicConfigKey> {
    table::KEYS.iter().find(|entry| entry.key.name == name)
}

/// Validates a topic's own configs as a client can: names first, then values, then what excludes
/// each other.
pub fn validate<'a>(
    configs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), TopicConfigError> {
    check(configs.into_iter().collect(), None)
}

/// The same by a broker: what the topic does not say comes from the broker, and there is no tiered
/// storage (`LogConfig.validateTopicLogConfigValues`).
pub(crate) fn validate_in<'a>(
    broker: &BrokerConfig,
    configs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), TopicConfigError> {
    check(configs.into_iter().collect(), Some(broker))
}

fn check(
    configs: SortedMap<&str, &str>,
    broker: Option<&BrokerConfig>,
) -> Result<(), TopicConfigError> {
    if let Some(name) = configs.keys().find(|name| find(name).is_none()) {
        return Err(TopicConfigError::UnknownName((*name).to_owned()));
    }
    for (name, value) in &configs {
        if let Some(entry) = find(name) {
            entry.key.parse(value).map_err(TopicConfigError::Value)?;
        }
    }
    let value = |name: &str| {
        let entry = find(name)?;
        match (configs.get(name), broker) {
            (Some(own), _) => entry.key.parse(own).ok(),
            (None, Some(broker)) => broker.topic_value(entry, &SortedMap::new()),
            (None, None) => entry.key.parse(entry.key.default?).ok(),
        }
    };
    let lag = |name: &str| match value(name)? {
        ConfigValue::Number(number) => Some(number),
        ConfigValue::Boolean(_)
        | ConfigValue::String(_)
        | ConfigValue::Double(_)
        | ConfigValue::List(_) => None,
    };
    let (min, max) = (lag("min.compaction.lag.ms"), lag("max.compaction.lag.ms"));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(TopicConfigError::Conflict(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > \
             max.compaction.lag.ms ({max})"
        )));
    }
    if broker.is_some() && value("remote.storage.enable") == Some(ConfigValue::Boolean(true)) {
        return Err(TopicConfigError::Value(ConfigException {
            message: "Tiered Storage functionality is disabled in the broker. Topic cannot be \
                      configured with remote log storage."
                .to_owned(),
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
