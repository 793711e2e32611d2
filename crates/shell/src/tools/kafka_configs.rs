//! `kafka-configs.sh` (`kafka.admin.ConfigCommand`).

mod arguments;
mod quotas;
mod scram;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{
    DescribeConfigsRequest, IncrementalAlterConfigsRequest, ListConfigResourcesRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_broker::{ConfigResourceType, ErrorCode, topic_name};
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_sorted::SortedMap;

use super::admin_calls::{self as admin, Stop, check, ended, expect};
use super::java::{Throwable, hash_order};
use super::options::OptionTable;
use super::script::{Script, Scripted, Stage, Waiting};
use super::setup::{Early, ToolEnv};
use arguments::{Command, Entity, Flow};

pub(crate) const HELP: &str = include_str!("help/kafka-configs.txt");

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    match arguments::read(table, argv, env) {
        Ok((command, config)) => {
            let script = Configs { command, args: argv.join(" ") };
            Box::new(Scripted::<Configs>::new(script, AdminConfig::clone(&config), env.seed))
        }
        Err(Flow::Early(early)) => Box::new(early),
        Err(Flow::Thrown(thrown)) => Box::new(Early::error(shown(&argv.join(" "), &thrown))),
    }
}

/// What `main` prints of an exception.
fn shown(args: &str, thrown: &Throwable) -> String {
    let alone = [
        "java.lang.IllegalArgumentException",
        "org.apache.kafka.common.errors.InvalidConfigurationException",
        // A subclass of the one before.
        "org.apache.kafka.common.errors.InvalidTopicException",
        "org.apache.kafka.common.errors.UnsupportedVersionException",
    ];
    if alone.contains(&thrown.class.as_str()) || thrown.class.starts_with("joptsimple.") {
        return format!("{}\n", thrown.message_text());
    }
    format!("Error while executing config command with args '{args}'\n{}", thrown.stack_trace())
}

#[derive(Clone)]
struct Configs {
    command: Command,
    args: String,
}

impl Script for Configs {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = match &self.command {
            Command::Describe { entity, all } => describe(stage, entity, *all),
            Command::Alter { entity, add, delete } => alter(stage, entity, add, delete),
            Command::DescribeQuotas { quotas, credentials } => {
                quotas.describe(stage).and_then(|()| match credentials {
                    true => scram::describe(stage, &quotas.names),
                    false => Ok(()),
                })
            }
            Command::AlterQuotas { quotas, entity, add, delete } => {
                quotas.alter(stage, add, delete).map(|()| completed(stage, entity))
            }
            Command::AlterCredentials { credentials, entity } => {
                credentials.alter(stage).map(|()| completed(stage, entity))
            }
        };
        ended(stage, done, |stage, thrown| {
            stage.err(shown(&self.args, &thrown));
        })
    }
}

impl Entity {
    /// `topics` without its last letter.
    fn singular(&self) -> &str {
        self.kind.get(..self.kind.len().saturating_sub(1)).unwrap_or_default()
    }

    /// The type of resource. What has quotas instead of configs has commands of its own.
    fn resource_type(&self) -> ConfigResourceType {
        match self.kind.as_str() {
            "brokers" => ConfigResourceType::Broker,
            "broker-loggers" => ConfigResourceType::BrokerLogger,
            "client-metrics" => ConfigResourceType::ClientMetrics,
            "groups" => ConfigResourceType::Group,
            _topics => ConfigResourceType::Topic,
        }
    }
}

/// What `alterConfig` says at its end.
fn completed(stage: &mut Stage<'_>, entity: &Entity) {
    stage.out(match entity.name.as_deref().unwrap_or_default() {
        "" => format!("Completed updating default config for {} in the cluster.\n", entity.kind),
        name => format!("Completed updating config for {} {name}.\n", entity.singular()),
    });
}

fn alter(
    stage: &mut Stage<'_>,
    entity: &Entity,
    add: &[(String, String)],
    delete: &[String],
) -> Result<(), Stop> {
    let name = entity.name.as_deref().unwrap_or_default();
    let resource_type = entity.resource_type();
    if resource_type == ConfigResourceType::BrokerLogger {
        let known = resource_config(stage, resource_type, name)?;
        let keys = delete.iter().chain(add.iter().map(|(key, _)| key));
        let unknown: Vec<&str> = keys
            .filter(|key| !known.iter().any(|entry| entry.name == **key))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            return Err(Throwable::new(
                "org.apache.kafka.common.errors.InvalidConfigurationException",
                format!("Invalid broker logger(s): {}", unknown.join(",")),
            )
            .into());
        }
    }
    incremental_alter(stage, resource_type, name, add, delete)?;
    completed(stage, entity);
    Ok(())
}

/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// A broker's configs and loggers are its own to answer for.
fn target(resource_type: ConfigResourceType, name: &str) -> Target {
    let own =
        matches!(resource_type, ConfigResourceType::Broker | ConfigResourceType::BrokerLogger);
    match name.parse::<i32>() {
        Ok(id) if own => Target::Node(id),
        Ok(_) | Err(_) => Target::Any,
    }
}

/// `Admin.incrementalAlterConfigs` of one resource.
pub(super) fn incremental_alter(
    stage: &mut Stage<'_>,
    resource_type: ConfigResourceType,
    name: &str,
    add: &[(String, String)],
    delete: &[String],
) -> Result<(), Stop> {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let op = |key: &str, operation: i8, value: &str| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(operation)
            .with_value(Some(text(value)))
    };
    let deleted = delete.iter().map(|key| op(key, DELETE, ""));
    let set = add.iter().map(|(key, value)| op(key, SET, value));
    let resource = AlterConfigsResource::default()
        .with_resource_type(resource_type.id())
        .with_resource_name(text(name))
        .with_configs(deleted.chain(set).collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = stage.call(request.into(), target(resource_type, name))?;
    let response = expect(answer, |r| match r {
        Response::IncrementalAlterConfigs(body) => Some(body),
        _ => None,
    })
    .map_err(|thrown| Throwable::execution(&thrown))?;
    for result in &response.responses {
        check(result.error_code, result.error_message.as_ref())
            .map_err(|thrown| Throwable::execution(&thrown))?;
    }
    Ok(())
}

/// One entry of `Admin.describeConfigs`.
#[derive(Clone, Debug)]
pub(super) struct ConfigEntry {
    pub(super) name: String,
    pub(super) value: Option<String>,
    source: i8,
    sensitive: bool,
    /// Source, name and value.
    synonyms: Vec<(i8, String, Option<String>)>,
}

/// `ConfigEntry.ConfigSource`, as it prints.
fn source_name(id: i8) -> &'static str {
    match id {
        1 => "DYNAMIC_TOPIC_CONFIG",
        2 => "DYNAMIC_BROKER_CONFIG",
        3 => "DYNAMIC_DEFAULT_BROKER_CONFIG",
        4 => "STATIC_BROKER_CONFIG",
        5 => "DEFAULT_CONFIG",
        6 => "DYNAMIC_BROKER_LOGGER_CONFIG",
        7 => "DYNAMIC_CLIENT_METRICS_CONFIG",
        8 => "DYNAMIC_GROUP_CONFIG",
        _ => "UNKNOWN",
    }
}

/// `Admin.describeConfigs` of one resource, sorted by name.
pub(super) fn resource_config(
    stage: &mut Stage<'_>,
    resource_type: ConfigResourceType,
    name: &str,
) -> Result<Vec<ConfigEntry>, Stop> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(resource_type.id())
        .with_resource_name(StrBytes::from_string(name.to_owned()))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let answer = stage.call(request.into(), target(resource_type, name))?;
    let response = expect(answer, |r| match r {
        Response::DescribeConfigs(body) => Some(body),
        _ => None,
    })
    .map_err(|thrown| Throwable::execution(&thrown))?;
    let mut entries: SortedMap<String, ConfigEntry> = SortedMap::new();
    for result in &response.results {
        check(result.error_code, result.error_message.as_ref())
            .map_err(|thrown| Throwable::execution(&thrown))?;
        for config in &result.configs {
            let synonym = |s: &kafka_protocol::messages::describe_configs_response::DescribeConfigsSynonym| {
                (s.source, s.name.to_string(), s.value.as_ref().map(|value| value.to_string()))
            };
            let entry = ConfigEntry {
                name: config.name.to_string(),
                value: config.value.as_ref().map(|value| value.to_string()),
                source: config.config_source,
                sensitive: config.is_sensitive,
                synonyms: config.synonyms.iter().map(synonym).collect(),
            };
            entries.insert(entry.name.clone(), entry);
        }
    }
    Ok(entries.into_values().collect())
}

/// `Admin.listConfigResources` of one type: the names.
pub(super) fn list_config_resources(
    stage: &mut Stage<'_>,
    resource_type: ConfigResourceType,
) -> Result<Vec<String>, Stop> {
    let request =
        ListConfigResourcesRequest::default().with_resource_types(vec![resource_type.id()]);
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::ListConfigResources(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, None)?;
    Ok(response.config_resources.iter().map(|r| r.resource_name.to_string()).collect())
}

/// `describeResourceConfig`.
fn describe(stage: &mut Stage<'_>, entity: &Entity, all: bool) -> Result<(), Stop> {
    let resource_type = entity.resource_type();
    if let (Some(name), false) = (&entity.name, all)
        && !exists(stage, resource_type, name)?
    {
        let singular = entity.singular();
        stage.out(format!(
            "The {singular} '{name}' doesn't exist and doesn't have dynamic config.\n"
        ));
        return Ok(());
    }
    let names = match &entity.name {
        Some(name) => vec![name.clone()],
        None => all_of(stage, resource_type)?,
    };
    for name in names {
        stage.out(match name.as_str() {
            "" => format!("Default configs for {} in the cluster are:\n", entity.kind),
            name => {
                let which = if all { "All" } else { "Dynamic" };
                format!("{which} configs for {} {name} are:\n", entity.singular())
            }
        });
        if resource_type == ConfigResourceType::Topic {
            validate_topic(&name)?;
        }
        let dynamic = match resource_type {
            ConfigResourceType::Topic => Some(1),
            ConfigResourceType::Broker if name.is_empty() => Some(3),
            ConfigResourceType::Broker => Some(2),
            ConfigResourceType::BrokerLogger => None,
            ConfigResourceType::ClientMetrics => Some(7),
            ConfigResourceType::Group => Some(8),
        };
        let wanted = dynamic.filter(|_| !all);
        for entry in resource_config(stage, resource_type, &name)? {
            if wanted.is_some_and(|source| source != entry.source) {
                continue;
            }
            let null = || "null".to_owned();
            let synonyms: Vec<String> = entry
                .synonyms
                .iter()
                .map(|(source, name, value)| {
                    let value = value.clone().unwrap_or_else(null);
                    format!("{}:{name}={value}", source_name(*source))
                })
                .collect();
            stage.out(format!(
                "  {}={} sensitive={} synonyms={{{}}}\n",
                entry.name,
                entry.value.clone().unwrap_or_else(null),
                entry.sensitive,
                synonyms.join(", ")
            ));
        }
    }
    Ok(())
}

/// `Topic.validate`.
fn validate_topic(name: &str) -> Result<(), Throwable> {
    topic_name::validate(name).map_err(|message| {
        Throwable::new(ErrorCode::InvalidTopicException.exception_class(), message)
    })
}

fn exists(
    stage: &mut Stage<'_>,
    resource_type: ConfigResourceType,
    name: &str,
) -> Result<bool, Stop> {
    let named = |names: &[String]| names.iter().any(|other| other == name);
    Ok(match resource_type {
        ConfigResourceType::Topic => {
            validate_topic(name)?;
            admin::list_topics(stage, true)?.iter().any(|topic| topic.name == name)
        }
        ConfigResourceType::Broker | ConfigResourceType::BrokerLogger => {
            let brokers = admin::live_brokers(stage)?;
            name.is_empty() || brokers.iter().any(|id| id.to_string() == name)
        }
        ConfigResourceType::ClientMetrics => named(&list_config_resources(stage, resource_type)?),
        ConfigResourceType::Group => {
            let groups = admin::list_groups(stage, &[], &[])?;
            groups.iter().any(|group| group.id == name)
                || named(&list_config_resources(stage, resource_type)?)
        }
    })
}

/// The names of everything of a type, in the order in which the tool goes through them.
fn all_of(stage: &mut Stage<'_>, resource_type: ConfigResourceType) -> Result<Vec<String>, Stop> {
    Ok(match resource_type {
        ConfigResourceType::Topic => {
            let topics = admin::list_topics(stage, true)?;
            hash_order(topics.into_iter().map(|topic| topic.name), 16)
        }
        ConfigResourceType::Broker | ConfigResourceType::BrokerLogger => {
            let brokers = admin::live_brokers(stage)?;
            let mut names: Vec<String> = brokers.iter().map(i32::to_string).collect();
            names.push(String::new());
            names
        }
        ConfigResourceType::ClientMetrics => list_config_resources(stage, resource_type)?,
        ConfigResourceType::Group => {
            let groups = admin::list_groups(stage, &[], &[])?;
            let mut names: Vec<String> = groups.into_iter().map(|group| group.id).collect();
            for name in list_config_resources(stage, resource_type)? {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        }
    })
}
