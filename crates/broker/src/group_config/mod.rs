//! Group configs: the table of all keys, their validation, and the value that counts for a group
//! (`GroupConfig`).

mod table;

use logbrook_sorted::SortedMap;

use crate::api_error::ApiError;
use crate::config_def::{ConfigKey, ConfigType, ConfigValue};
use crate::{BrokerConfig, ErrorCode, server_config};

/// One group config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupConfigKey {
    /// Name, type, default and validator.
    pub key: ConfigKey,
    /// Not for users, and not described unless it is set.
    pub internal: bool,
}

impl GroupConfigKey {
    /// The server config that it falls back on, where there is one (`GroupConfig.brokerSynonym`).
    pub(crate) fn broker_synonym(&self) -> Option<String> {
        let name = match self.key.name {
            "streams.assignor.name" => "group.streams.assignors".to_owned(),
            name => format!("group.{name}"),
        };
        server_config::find(&name).is_some().then_some(name)
    }
}

/// Every group config, sorted by name.
pub fn keys() -> impl Iterator<Item = &'static GroupConfigKey> {
    table::KEYS.iter()
}

/// What counts for a group: its own value, else the broker's, else the default.
pub(crate) fn value(
    config: &BrokerConfig,
    entry: &GroupConfigKey,
    own: &SortedMap<String, String>,
) -> Option<ConfigValue> {
    if let Some(value) = own.get(entry.key.name).and_then(|text| entry.key.parse(text).ok()) {
        return Some(value);
    }
    match entry.broker_synonym() {
        // Of a list of assignors the first is meant.
        Some(name) => config.value(&name).map(|value| match value {
            ConfigValue::List(all) if entry.key.kind == ConfigType::String => {
                ConfigValue::String(all.into_iter().next().unwrap_or_default())
            }
            value => value,
        }),
        None => entry.key.parse(entry.key.default?).ok(),
    }
}

/// A range with both ends in server configs: `group.consumer.min.session.timeout.ms` and its like.
const IN_RANGE: &[(&str, &str)] = &[
    ("consumer", "heartbeat.interval.ms"),
    ("consumer", "session.timeout.ms"),
    ("consumer", "assignment.interval.ms"),
    ("share", "heartbeat.interval.ms"),
    ("share", "session.timeout.ms"),
    ("share", "record.lock.duration.ms"),
    ("share", "delivery.count.limit"),
    ("share", "partition.max.record.locks"),
    ("share", "assignment.interval.ms"),
    ("streams", "heartbeat.interval.ms"),
    ("streams", "session.timeout.ms"),
    ("streams", "assignment.interval.ms"),
];

/// `GroupConfig.validate` of Kafka 4.4.
pub(crate) fn validate(
    config: &BrokerConfig,
    configs: &SortedMap<String, String>,
) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidConfig, message));
    let find = |name: &str| keys().find(|entry| entry.key.name == name);
    if let Some(unknown) = configs.keys().find(|name| find(name).is_none()) {
        return invalid(format!("Unknown group config name: {unknown}"));
    }
    const TAGS: &str = "streams.rack.aware.assignment.tags";
    if let Some(tags) = configs.get(TAGS) {
        let tags: Vec<&str> = tags.split(',').map(str::trim).collect();
        if tags.iter().enumerate().any(|(at, tag)| tags[..at].contains(tag)) {
            return invalid(format!("{TAGS} must not contain duplicate tag keys."));
        }
    }
    let mut numbers: SortedMap<&str, i64> = SortedMap::new();
    for (name, text) in configs {
        let Some(entry) = find(name) else { continue };
        match entry.key.parse(text) {
            Ok(ConfigValue::Number(number)) => {
                numbers.insert(name, number);
            }
            Ok(_) => {}
            Err(error) => return invalid(error.message),
        }
    }
    for (kind, name) in IN_RANGE {
        let own = format!("{kind}.{name}");
        let Some(number) = numbers.get(own.as_str()) else { continue };
        let min = config.number(&format!("group.{kind}.min.{name}"));
        let max = config.number(&format!("group.{kind}.max.{name}"));
        if !(min..=max).contains(number) {
            return invalid(format!("{own} must be in the range {min} to {max} inclusive."));
        }
    }
    let at_most = |own: &str, bound: &str| match numbers.get(own) {
        Some(number) if *number > config.number(bound) => {
            invalid(format!("{own} must be less than or equal to {}", config.number(bound)))
        }
        Some(_) | None => Ok(()),
    };
    at_most("streams.num.standby.replicas", "group.streams.max.standby.replicas")?;
    at_most("streams.num.warmup.replicas", "group.streams.max.warmup.replicas")?;
    if let Some(number) = numbers.get("streams.task.offset.interval.ms") {
        let min = config.number("group.streams.min.task.offset.interval.ms");
        if *number < min {
            return invalid(format!(
                "streams.task.offset.interval.ms must be greater than or equal to {min}"
            ));
        }
    }
    if let Some(name) = configs.get("streams.assignor.name") {
        let registered = config.value("group.streams.assignors").map(|value| value.to_string());
        let registered = registered.unwrap_or_default();
        if !registered.split(',').any(|assignor| assignor == name) {
            return invalid(format!(
                "streams.assignor.name '{name}' is not a registered task assignor. Registered \
                 assignors are: [{}].",
                registered.replace(',', ", ")
            ));
        }
    }
    for kind in ["consumer", "share", "streams"] {
        let (session, heartbeat) =
            (format!("{kind}.session.timeout.ms"), format!("{kind}.heartbeat.interval.ms"));
        let own = |name: &str| numbers.get(name).copied();
        if own(&session).is_none() && own(&heartbeat).is_none() {
            continue;
        }
        let counts =
            |name: &str| own(name).unwrap_or_else(|| config.number(&format!("group.{name}")));
        if counts(&session) <= counts(&heartbeat) {
            return invalid(format!("{session} must be greater than {heartbeat}"));
        }
    }
    if configs.get("errors.deadletterqueue.topic.name").is_some_and(|name| name.starts_with("__")) {
        return invalid(
            "errors.deadletterqueue.topic.name: DLQ topic name must not start with '__'".to_owned(),
        );
    }
    Ok(())
}
