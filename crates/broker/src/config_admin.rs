//! What a broker checks of a change to configs before the controller is asked: `ConfigAdminManager`,
//! and for its own configs `DynamicBrokerConfig`.

use crate::api_error::ApiError;
use crate::config_def::{ConfigException, ConfigValue};
use crate::controller::{MetadataRecord, clear_elr_records};
use crate::{
    Broker, BrokerConfig, ConfigResource, ConfigResourceType, DynamicConfigs, ErrorCode,
    MetadataImage, server_config,
};

/// What a request says of one resource.
pub(crate) struct Given<'a> {
    pub(crate) resource_type: i8,
    pub(crate) name: &'a str,
    /// Every key named.
    pub(crate) keys: Vec<&'a str>,
    /// Those of them with a value missing that there must be.
    pub(crate) nulls: Vec<&'a str>,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

/// Decides the resources of a request one by one; `decide` gets the place in `names` (type and name). The
/// records of those that may be changed, and of each resource why it may not.
pub(crate) fn decide_each(
    image: &MetadataImage,
    names: &[(i8, &str)],
    decide: impl Fn(usize) -> Result<Vec<MetadataRecord>, ApiError>,
) -> (Vec<MetadataRecord>, Vec<Option<ApiError>>) {
    let mut records = Vec::new();
    let errors = (0..names.len()).map(|at| match once(names, at).and_then(|()| decide(at)) {
        Ok(new) => {
            records.extend(new);
            None
        }
        Err(error) => Some(error),
    });
    let errors = errors.collect();
    records.extend(clear_elr_records(image, &records));
    (records, errors)
}

/// A resource that is named twice is refused both times.
fn once(names: &[(i8, &str)], at: usize) -> Result<(), ApiError> {
    let count = names.iter().filter(|name| Some(*name) == names.get(at)).count();
    if count > 1 { Err(invalid("Each resource must appear at most once.")) } else { Ok(()) }
}

/// `ConfigAdminManager.preprocess`, up to the configs themselves.
pub(crate) fn check(broker: &Broker, given: &Given<'_>) -> Result<ConfigResource, ApiError> {
    let twice = |(at, key): (usize, &&str)| given.keys[..at].contains(key);
    if given.keys.iter().enumerate().any(twice) {
        return Err(invalid("Error due to duplicate config keys"));
    }
    if !given.nulls.is_empty() {
        return Err(invalid(format!("Null value not supported for : {}", given.nulls.join(", "))));
    }
    let Some(kind) = ConfigResourceType::from_id(given.resource_type) else {
        return Err(invalid(format!("Unknown resource type {}", given.resource_type)));
    };
    let expected = broker.config.node_id;
    let id = given.name.parse::<i32>();
    match kind {
        ConfigResourceType::Broker if !given.name.is_empty() => match id {
            Ok(id) if id == expected => {}
            Ok(_) => {
                return Err(invalid(format!(
                    "Unexpected broker id, expected {expected}, but received {}",
                    given.name
                )));
            }
            Err(_) => {
                let message = format!("Node id must be an integer, but it is: {}", given.name);
                return Err(invalid(message));
            }
        },
        ConfigResourceType::BrokerLogger => check_node_id(expected, given.name)?,
        ConfigResourceType::Broker
        | ConfigResourceType::Topic
        | ConfigResourceType::ClientMetrics
        | ConfigResourceType::Group => {}
    }
    Ok(ConfigResource::new(kind, given.name))
}

/// Loggers are of one node (`RuntimeLoggerManager.validateResourceNameIsNodeId`).
pub(crate) fn check_node_id(expected: i32, name: &str) -> Result<(), ApiError> {
    match name.parse::<i32>() {
        Ok(id) if id == expected => Ok(()),
        Ok(id) => {
            Err(invalid(format!("Unexpected node id. Expected {expected}, but received {id}")))
        }
        Err(_) => Err(invalid(format!("Node id must be an integer, but it is: {name}"))),
    }
}

/// Log levels are not kept in the metadata.
pub(crate) fn is_logger(resource: &ConfigResource) -> bool {
    resource.kind == ConfigResourceType::BrokerLogger
}

/// `RuntimeLoggerManager`: there is no log4j, so no logger of any name exists.
pub(crate) fn alter_loggers(
    ops: &[(&str, i8, Option<&str>)],
) -> Result<Vec<MetadataRecord>, ApiError> {
    let not_allowed =
        |what: String| invalid(format!("{what} is not allowed for the BROKER_LOGGER resource"));
    match ops.first() {
        None => Ok(Vec::new()),
        Some((name, 0 | 1, _)) => {
            Err(ApiError::new(ErrorCode::InvalidConfig, format!("Logger {name} does not exist!")))
        }
        Some((_, 2, _)) => Err(not_allowed("APPEND operation".to_owned())),
        Some((_, 3, _)) => Err(not_allowed("SUBTRACT operation".to_owned())),
        Some((_, other, _)) => Err(not_allowed(format!("Unknown operation type {other}"))),
    }
}

/// `DynamicBrokerConfig.validate`: whether a broker can take what its configs would become. Its
/// refusals come before those of the controller, in `decided`.
pub(crate) fn validate_broker_change(
    broker: &Broker,
    resource: &ConfigResource,
    decided: &Result<Vec<MetadataRecord>, ApiError>,
) -> Result<(), ApiError> {
    if resource.kind != ConfigResourceType::Broker {
        return Ok(());
    }
    // The controller's own refusals of single values leave nothing to look at.
    let Ok(records) = decided else { return Ok(()) };
    let mut image = MetadataImage::default();
    for (name, value) in broker.image.config(resource) {
        let value = Some(value);
        image.replay(&MetadataRecord::Config { resource: resource.clone(), name, value });
    }
    for record in records {
        image.replay(record);
    }
    let configs = image.config(resource);
    let per_broker = !resource.name.is_empty();
    let refused = |error: ConfigException| invalid(error.message);
    server_config::validate_dynamic(&configs, per_broker).map_err(refused)?;
    let current = &broker.config;
    let dynamic = if per_broker {
        DynamicConfigs { broker: configs, ..current.dynamic.clone() }
    } else {
        DynamicConfigs { cluster: configs, ..current.dynamic.clone() }
    };
    let new = BrokerConfig { dynamic, ..current.clone() };
    validate_reconfiguration(current, &new).map_err(refused)
}

/// Thread pools may at most double and at least halve (`DynamicThreadPool`).
const THREAD_POOLS: &[&str] = &[
    "background.threads",
    "num.io.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// The checks of those that live by a config, Kafka's `BrokerReconfigurable`s: each says why not.
fn validate_reconfiguration(
    current: &BrokerConfig,
    new: &BrokerConfig,
) -> Result<(), ConfigException> {
    let wrong = |message: String| {
        // `new ConfigException("Invalid dynamic configuration", e)`: name and value.
        let exception = format!("org.apache.kafka.common.config.ConfigException: {message}");
        Err(ConfigException {
            message: format!(
                "Invalid value {exception} for configuration Invalid dynamic configuration"
            ),
        })
    };
    for kind in ["consumer", "share", "streams"] {
        let name = format!("group.{kind}.assignment.interval.ms");
        let (min, max) = (
            format!("group.{kind}.min.assignment.interval.ms"),
            format!("group.{kind}.max.assignment.interval.ms"),
        );
        let Some(Ok(ConfigValue::Number(ms))) =
            new.configured(&name).zip(server_config::find(&name)).map(|(t, e)| e.key.parse(t))
        else {
            continue;
        };
        let (relation, bound) = match ms {
            ms if ms > new.number(&max) => ("less", max),
            ms if ms < new.number(&min) => ("greater", min),
            _ => continue,
        };
        let message = format!("{name} must be {relation} than or equal to {bound}");
        return Err(ConfigException { message });
    }
    let both = |name: &str| (current.number(name), new.number(name));
    let (old, threads) = both("log.cleaner.threads");
    if threads == 0 {
        // Kafka divides the cleaner's memory by the number of threads.
        return Err(ConfigException { message: "/ by zero".to_owned() });
    }
    if threads < old / 2 {
        return wrong(format!(
            "Log cleaner threads cannot be reduced to less than half the current value {old}"
        ));
    }
    if threads > old * 2 {
        return wrong(format!(
            "Log cleaner threads cannot be increased to more than double the current value {old}"
        ));
    }
    for name in THREAD_POOLS {
        let (old, threads) = both(name);
        let failed = format!("Dynamic thread count update validation failed for {name}={threads}");
        if threads != old && threads < old / 2 {
            return wrong(format!(
                "{failed}, value should be at least half the current value {old}"
            ));
        }
        if threads > old * 2 {
            return wrong(format!(
                "{failed}, value should not be greater than double the current value {old}"
            ));
        }
    }
    let retention = |unit: &str| match new.value(&format!("log.local.retention.{unit}")) {
        Some(ConfigValue::Number(local)) => Some(local),
        _ => None,
    };
    let retention_ms = crate::topic_config::find("retention.ms")
        .and_then(|entry| new.topic_value(entry, &logbrook_sorted::SortedMap::new()));
    let retention_ms = match retention_ms {
        Some(ConfigValue::Number(ms)) => ms,
        _ => -1,
    };
    let local = |unit: &str, local: Option<i64>, total: i64, unlimited: bool| match local {
        Some(-1) if !unlimited => wrong(format!(
            "Invalid value -1 for configuration log.local.retention.{unit}: Value must not be -1 \
             as log.retention.{unit} value is set as {total}."
        )),
        Some(local) if local > total && local != -2 && !unlimited => wrong(format!(
            "Invalid value {local} for configuration log.local.retention.{unit}: Value must not \
             be more than log.retention.{unit} property value: {total}"
        )),
        Some(_) | None => Ok(()),
    };
    local("ms", retention("ms"), retention_ms, retention_ms == -1)?;
    let bytes = new.number("log.retention.bytes");
    local("bytes", retention("bytes"), bytes, bytes < 0)
}
