//! AlterConfigs, versions 0 to 2: the older request, which replaces all configs of a resource. Kafka
//! has it deprecated; old clients send it.

use kafka_protocol::messages::alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::{Reply, RequestContext, now};
use crate::api_error::ApiError;
use crate::config_admin::{self, Given};
use crate::controller::{MetadataRecord, replace_configs};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: AlterConfigsRequest,
    effects: &mut Effects,
) -> Reply {
    let names: Vec<(i8, &str)> =
        request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
    let (records, results) = config_admin::decide_each(&broker.image, &names, |at| {
        decide(broker, &request.resources[at])
    });
    let responses = request.resources.iter().zip(results).map(|(resource, error)| {
        AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_error_code(error.as_ref().map_or(0, |error| error.code.code()))
            .with_error_message(error.and_then(|error| error.wire_message()))
    });
    let responses = responses.collect();
    if !request.validate_only {
        broker.commit(ctx.now, records, ctx.cause(), effects);
    }
    now(AlterConfigsResponse::default().with_responses(responses))
}

fn decide(
    broker: &Broker,
    resource: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let value = |config: &kafka_protocol::messages::alter_configs_request::AlterableConfig| {
        config.value.as_ref().map(|value| value.to_string())
    };
    let given = Given {
        resource_type: resource.resource_type,
        name: resource.resource_name.as_str(),
        keys: resource.configs.iter().map(|config| config.name.as_str()).collect(),
        nulls: resource
            .configs
            .iter()
            .filter(|config| config.value.is_none())
            .map(|config| config.name.as_str())
            .collect(),
    };
    let checked = config_admin::check(broker, &given)?;
    if config_admin::is_logger(&checked) {
        return Err(ApiError::new(
            ErrorCode::InvalidRequest,
            format!("Unknown resource type {}", resource.resource_type),
        ));
    }
    let values: Vec<(String, String)> = resource
        .configs
        .iter()
        .filter_map(|config| Some((config.name.to_string(), value(config)?)))
        .collect();
    let values: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let new = replace_configs(&checked, &values, &broker.image, &broker.config);
    config_admin::validate_broker_change(broker, &checked, &new)?;
    new
}
