//! DescribeConfigs, versions 1 to 4: topics, brokers, client metrics and groups, with sources and
//! synonyms (`ConfigHelper`).
//!
//! Different from Kafka 4.4: the documentation of a config is left out, though it is asked for; a
//! broker has no loggers, as there is no log4j; configs come sorted by name (Kafka's order is that of
//! a hash map).

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::{Reply, now, text};
use crate::api_error::ApiError;
use crate::config_entry::{
    ConfigEntry, describe_broker, describe_client_metrics, describe_cluster_defaults,
    describe_group, describe_topic,
};
use crate::{Broker, ConfigResource, ConfigResourceType, ErrorCode, topic_name};

pub(crate) fn handle(broker: &Broker, request: DescribeConfigsRequest) -> Reply {
    let results = request.resources.iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            // Kafka leaves the message at its default, which is empty and not null.
            .with_error_message(Some(text("")));
        match describe(broker, resource) {
            Ok(configs) => {
                let wanted = |config: &&ConfigEntry| match &resource.configuration_keys {
                    Some(keys) if !keys.is_empty() => {
                        keys.iter().any(|key| key.as_str() == config.name)
                    }
                    Some(_) | None => true,
                };
                let entry = |config| entry(config, request.include_synonyms);
                result.with_configs(configs.iter().filter(wanted).map(entry).collect())
            }
            Err(error) => {
                let message = error.wire_message().unwrap_or_default();
                result.with_error_code(error.code.code()).with_error_message(Some(message))
            }
        }
    });
    now(DescribeConfigsResponse::default().with_results(results.collect()))
}

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<ConfigEntry>, ApiError> {
    let name = resource.resource_name.as_str();
    let config = &broker.config;
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    let Some(kind) = ConfigResourceType::from_id(resource.resource_type) else {
        return invalid(format!("Unexpected resource type UNKNOWN for resource {name}"));
    };
    let own = || broker.image.config(&ConfigResource::new(kind, name));
    let broker_id = || {
        name.parse::<i32>().map_err(|_| {
            let message = format!("Broker id must be an integer, but it is: {name}");
            ApiError::new(ErrorCode::InvalidRequest, message)
        })
    };
    match kind {
        ConfigResourceType::Topic => {
            topic_name::validate(name)
                .map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))?;
            if broker.image.topic(name).is_none() {
                return Err(ApiError::silent(ErrorCode::UnknownTopicOrPartition));
            }
            Ok(describe_topic(config, &own()))
        }
        ConfigResourceType::Broker if name.is_empty() => Ok(describe_cluster_defaults(config)),
        ConfigResourceType::Broker if broker_id()? == config.node_id => Ok(describe_broker(config)),
        ConfigResourceType::Broker => invalid(format!(
            "Unexpected broker id, expected {} or empty string, but received {name}",
            config.node_id
        )),
        ConfigResourceType::BrokerLogger if name.is_empty() => {
            invalid("Broker id must not be empty".to_owned())
        }
        ConfigResourceType::BrokerLogger if broker_id()? == config.node_id => Ok(Vec::new()),
        ConfigResourceType::BrokerLogger => invalid(format!(
            "Unexpected broker id, expected {} but received {name}",
            config.node_id
        )),
        ConfigResourceType::ClientMetrics if name.is_empty() => {
            invalid("Client metrics subscription name must not be empty".to_owned())
        }
        ConfigResourceType::ClientMetrics => Ok(describe_client_metrics(&own())),
        ConfigResourceType::Group if name.is_empty() => {
            invalid("Group name must not be empty".to_owned())
        }
        ConfigResourceType::Group => Ok(describe_group(config, &own())),
    }
}

fn entry(config: &ConfigEntry, include_synonyms: bool) -> DescribeConfigsResourceResult {
    let synonyms = config.synonyms.iter().filter(|_| include_synonyms).map(|synonym| {
        DescribeConfigsSynonym::default()
            .with_name(text(synonym.name.clone()))
            .with_value(synonym.value.clone().map(text))
            .with_source(synonym.source.id())
    });
    DescribeConfigsResourceResult::default()
        .with_name(text(config.name.clone()))
        .with_value(config.value.clone().map(text))
        .with_read_only(config.read_only)
        .with_config_source(config.source().id())
        .with_is_sensitive(config.is_sensitive())
        .with_synonyms(synonyms.collect())
        // `ConfigType.UNKNOWN` is 0.
        .with_config_type(config.kind.map_or(0, |kind| kind.id()))
        .with_documentation(None)
}
