//! Changing configs: `ConfigurationControlManager`.

use logbrook_sorted::SortedMap;

use super::MetadataRecord;
use crate::api_error::ApiError;
use crate::config_def::{ConfigKey, ConfigType};
use crate::{
    BrokerConfig, ConfigResource, ConfigResourceType, ErrorCode, MetadataImage,
    client_metrics_config, group_config, server_config, topic_config,
};

/// `AlterConfigOp.OpType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpType {
    Set,
    Delete,
    Append,
    Subtract,
}

impl OpType {
    fn from_id(id: i8) -> Option<OpType> {
        match id {
            0 => Some(OpType::Set),
            1 => Some(OpType::Delete),
            2 => Some(OpType::Append),
            3 => Some(OpType::Subtract),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            OpType::Set => "SET",
            OpType::Delete => "DELETE",
            OpType::Append => "APPEND",
            OpType::Subtract => "SUBTRACT",
        }
    }
}

/// Changes to the configs of one resource: name, number of the operation, value.
pub(crate) struct AlterConfigs<'a> {
    pub(crate) resource: ConfigResource,
    pub(crate) ops: Vec<(&'a str, i8, Option<&'a str>)>,
    /// The topic is created by the same request.
    pub(crate) newly_created: bool,
}

impl AlterConfigs<'_> {
    /// The records of the change, or what is wrong with it (`incrementalAlterConfigResource`).
    pub(crate) fn decide(
        &self,
        image: &MetadataImage,
        config: &BrokerConfig,
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        let current = image.config(&self.resource);
        let mut new = Vec::new();
        for (name, op, value) in &self.ops {
            let Some(op) = OpType::from_id(*op) else {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("Unknown operation type {op}."),
                ));
            };
            let value = new_value(self.resource.kind, name, op, *value, &current)?;
            new.push(((*name).to_owned(), value));
        }
        decide(&self.resource, &current, new, self.newly_created, image, config)
    }
}

/// The configs that one resource has from now on, and no others (`legacyAlterConfigResource`).
pub(crate) fn replace_configs(
    resource: &ConfigResource,
    configs: &[(&str, &str)],
    image: &MetadataImage,
    config: &BrokerConfig,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let current = image.config(resource);
    let given = configs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    let mut new: Vec<(String, Option<String>)> = given.collect();
    let gone = current.keys().filter(|name| !configs.iter().any(|(given, _)| given == name));
    new.extend(gone.map(|name| (name.clone(), None)));
    decide(resource, &current, new, false, image, config)
}

/// `validateAlterConfig`, and the records of what changes.
fn decide(
    resource: &ConfigResource,
    current: &SortedMap<String, String>,
    new: Vec<(String, Option<String>)>,
    newly_created: bool,
    image: &MetadataImage,
    config: &BrokerConfig,
) -> Result<Vec<MetadataRecord>, ApiError> {
    // For brokers a record is written though nothing changes: it makes them load files anew
    // (KAFKA-14136).
    let always = resource.kind == ConfigResourceType::Broker;
    let changed =
        |(name, value): &(String, Option<String>)| always || value.as_ref() != current.get(name);
    let new: Vec<(String, Option<String>)> = new.into_iter().filter(changed).collect();
    let mut all = current.clone();
    for (name, value) in &new {
        refuse_min_isr(resource, name, value.as_deref(), image)?;
        match value {
            // Java counts UTF-16 units.
            Some(value) if value.encode_utf16().count() > MAX_VALUE_LENGTH => {
                return Err(ApiError::new(
                    ErrorCode::InvalidConfig,
                    format!(
                        "The configuration value cannot be added because it exceeds the maximum \
                         value size of {MAX_VALUE_LENGTH} bytes."
                    ),
                ));
            }
            Some(value) => all.insert(name.clone(), value.clone()),
            None => all.remove(name),
        };
    }
    validate(resource, &all, config)?;
    if !newly_created {
        ensure_exists(resource, image)?;
    }
    let record = |(name, value)| MetadataRecord::Config { resource: resource.clone(), name, value };
    Ok(new.into_iter().map(record).collect())
}

/// What follows the config records of one request: who is eligible to lead is known no more where
/// `min.insync.replicas` has changed (`createClearElrRecordsAsNeeded`, KIP-966).
pub(crate) fn clear_elr_records(
    image: &MetadataImage,
    records: &[MetadataRecord],
) -> Vec<MetadataRecord> {
    if !image.is_elr_enabled() {
        return Vec::new();
    }
    let cleared = |record: &MetadataRecord| match record {
        MetadataRecord::Config { resource, name, .. } if name == "min.insync.replicas" => {
            let topic = match resource.kind {
                ConfigResourceType::Topic => resource.name.clone(),
                _of_brokers => String::new(),
            };
            Some(MetadataRecord::ClearElr { topic })
        }
        _ => None,
    };
    records.iter().filter_map(cleared).collect()
}

/// `Short.MAX_VALUE`: how long a value may be.
const MAX_VALUE_LENGTH: usize = 32_767;

/// With eligible leader replicas on, `min.insync.replicas` of brokers is the cluster's alone
/// (KIP-966).
fn refuse_min_isr(
    resource: &ConfigResource,
    name: &str,
    value: Option<&str>,
    image: &MetadataImage,
) -> Result<(), ApiError> {
    let broker = resource.kind == ConfigResourceType::Broker;
    if !broker || name != "min.insync.replicas" || !image.is_elr_enabled() {
        return Ok(());
    }
    let refused = |message| Err(ApiError::new(ErrorCode::InvalidConfig, message));
    if !resource.name.is_empty() {
        return refused("Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    }
    match value {
        None => {
            refused("Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")
        }
        Some(_) => Ok(()),
    }
}

/// `ControllerConfigurationValidator.validate`.
fn validate(
    resource: &ConfigResource,
    configs: &SortedMap<String, String>,
    config: &BrokerConfig,
) -> Result<(), ApiError> {
    let invalid = |message: &str| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    match resource.kind {
        ConfigResourceType::Topic if resource.name.is_empty() => {
            invalid("Default topic resources are not allowed.")
        }
        ConfigResourceType::Topic => {
            crate::topic_name::validate(&resource.name)
                .map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))?;
            let pairs = configs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            topic_config::validate_in(config, pairs)
                .map_err(|error| ApiError::new(error.code(), error.message()))
        }
        ConfigResourceType::Broker if resource.name.is_empty() => Ok(()),
        ConfigResourceType::Broker => match resource.name.parse::<i32>() {
            Ok(id) if id < 0 => invalid("Invalid negative broker ID."),
            Ok(_) => Ok(()),
            Err(_) => invalid("Unable to parse broker name as a base 10 number."),
        },
        ConfigResourceType::ClientMetrics => {
            client_metrics_config::validate(&resource.name, configs)
        }
        ConfigResourceType::Group if resource.name.is_empty() => {
            invalid("Default group resources are not allowed.")
        }
        ConfigResourceType::Group => group_config::validate(config, configs),
        ConfigResourceType::BrokerLogger => invalid("Unknown resource type BROKER_LOGGER"),
    }
}

/// `QuorumController.ConfigResourceExistenceChecker`.
fn ensure_exists(resource: &ConfigResource, image: &MetadataImage) -> Result<(), ApiError> {
    let name = &resource.name;
    match resource.kind {
        ConfigResourceType::Topic if image.topic(name).is_none() => Err(ApiError::new(
            ErrorCode::UnknownTopicOrPartition,
            format!("The topic '{name}' does not exist."),
        )),
        ConfigResourceType::Broker if !name.is_empty() => match name.parse::<i32>() {
            Ok(id) if image.brokers().contains_key(&id) => Ok(()),
            Ok(id) => Err(ApiError::new(
                ErrorCode::BrokerIdNotRegistered,
                format!("No node with id {id} found."),
            )),
            Err(_) => {
                Err(ApiError::new(ErrorCode::InvalidRequest, format!("Invalid broker name {name}")))
            }
        },
        ConfigResourceType::Topic
        | ConfigResourceType::Broker
        | ConfigResourceType::BrokerLogger
        | ConfigResourceType::ClientMetrics
        | ConfigResourceType::Group => Ok(()),
    }
}

/// The key of a config of this type of resource (`KafkaConfigSchema`).
fn key_of(kind: ConfigResourceType, name: &str) -> Option<ConfigKey> {
    match kind {
        ConfigResourceType::Topic => topic_config::find(name).map(|entry| entry.key),
        ConfigResourceType::Broker => server_config::find(name).map(|entry| entry.key),
        // The schema that the controller is given has no others.
        ConfigResourceType::BrokerLogger
        | ConfigResourceType::ClientMetrics
        | ConfigResourceType::Group => None,
    }
}

/// What an operation makes of a value.
fn new_value(
    kind: ConfigResourceType,
    name: &str,
    op: OpType,
    value: Option<&str>,
    current: &SortedMap<String, String>,
) -> Result<Option<String>, ApiError> {
    let given = || {
        value.ok_or_else(|| {
            ApiError::new(
                ErrorCode::InvalidConfig,
                format!("Null value not supported for : {} {name}", op.name()),
            )
        })
    };
    match op {
        OpType::Set => Ok(Some(given()?.to_owned())),
        OpType::Delete => Ok(None),
        OpType::Append | OpType::Subtract => {
            let key = key_of(kind, name);
            if key.is_none_or(|key| key.kind != ConfigType::List) {
                return Err(ApiError::new(
                    ErrorCode::InvalidConfig,
                    format!("Can't {} to key {name} because its type is not LIST.", op.name()),
                ));
            }
            // Appending starts from the default where there is no value of its own.
            let old = current
                .get(name)
                .map(String::as_str)
                .or(key.and_then(|key| key.default))
                .unwrap_or_default();
            let mut parts: Vec<&str> = old.split(',').filter(|part| !part.is_empty()).collect();
            for part in given()?.split(',') {
                match op {
                    OpType::Append if !parts.contains(&part) => parts.push(part),
                    OpType::Subtract => parts.retain(|old| *old != part),
                    OpType::Append | OpType::Set | OpType::Delete => {}
                }
            }
            Ok(Some(parts.join(",")))
        }
    }
}
