//! DescribeConfigs, versions 1 to 4: topics and brokers, with sources and synonyms
//! (`ConfigHelper`).
//!
//! Different from Kafka 4.4: of a broker only the configs are told that this broker reads;
//! documentation is left out; broker loggers, client metrics and groups answer `INVALID_REQUEST`;
//! configs come sorted by name (Kafka's order is that of a hash map).

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::{Reply, now, text};
use crate::api_error::ApiError;
use crate::config::{
    ConfigSource, DescribedConfig, describe_broker_configs, describe_dynamic_default_configs,
    describe_topic_configs,
};
use crate::{Broker, ErrorCode, topic_name};

/// `ConfigResource.Type`.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

pub(crate) fn handle(broker: &Broker, request: DescribeConfigsRequest) -> Reply {
    let results = request.resources.iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_error_message(None);
        match describe(broker, resource) {
            Ok(configs) => {
                let wanted = |config: &&DescribedConfig| match &resource.configuration_keys {
                    Some(keys) if !keys.is_empty() => {
                        keys.iter().any(|key| key.as_str() == config.key.name)
                    }
                    Some(_) | None => true,
                };
                let entry = |config| entry(config, request.include_synonyms);
                result.with_configs(configs.iter().filter(wanted).map(entry).collect())
            }
            Err(error) => {
                result.with_error_code(error.code.code()).with_error_message(error.wire_message())
            }
        }
    });
    now(DescribeConfigsResponse::default().with_results(results.collect()))
}

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribedConfig>, ApiError> {
    let name = resource.resource_name.as_str();
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    match resource.resource_type {
        TOPIC => {
            topic_name::validate(name)
                .map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))?;
            if broker.image.topic(name).is_none() {
                return Err(ApiError::silent(ErrorCode::UnknownTopicOrPartition));
            }
            Ok(describe_topic_configs(&broker.config, &broker.image.topic_config(name)))
        }
        BROKER if name.is_empty() => Ok(describe_dynamic_default_configs(&broker.config)),
        BROKER => match name.parse::<i32>() {
            Ok(id) if id == broker.config.node_id => Ok(describe_broker_configs(&broker.config)),
            Ok(_) => invalid(format!(
                "Unexpected broker id, expected {} or empty string, but received {name}",
                broker.config.node_id
            )),
            Err(_) => invalid(format!("Broker id must be an integer, but it is: {name}")),
        },
        other => invalid(format!("Unsupported resource type: {}", type_name(other))),
    }
}

/// `ConfigResource.Type.forId`, as it prints.
fn type_name(id: i8) -> &'static str {
    match id {
        8 => "BROKER_LOGGER",
        16 => "CLIENT_METRICS",
        32 => "GROUP",
        _ => "UNKNOWN",
    }
}

fn entry(config: &DescribedConfig, include_synonyms: bool) -> DescribeConfigsResourceResult {
    let source = config.synonyms.first().map_or(ConfigSource::Default, |first| first.source);
    let synonyms = config.synonyms.iter().filter(|_| include_synonyms).map(|synonym| {
        DescribeConfigsSynonym::default()
            .with_name(text(synonym.name))
            .with_value(Some(text(synonym.value.clone())))
            .with_source(synonym.source.id())
    });
    DescribeConfigsResourceResult::default()
        .with_name(text(config.key.name))
        .with_value(config.value.clone().map(text))
        .with_read_only(config.read_only)
        .with_config_source(source.id())
        .with_is_sensitive(false)
        .with_synonyms(synonyms.collect())
        .with_config_type(config.key.kind.id())
        .with_documentation(None)
}
