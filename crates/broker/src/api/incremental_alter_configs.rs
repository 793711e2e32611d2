//! IncrementalAlterConfigs, versions 0 and 1, of topics (`ConfigAdminManager`,
//! `ConfigurationControlManager`).
//!
//! Different from Kafka 4.4: brokers, groups, loggers and client metrics are refused with
//! `INVALID_REQUEST`.

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::{Reply, RequestContext, now};
use crate::api_error::ApiError;
use crate::controller::{AlterTopicConfigs, MetadataRecord};
use crate::{Broker, Effects, ErrorCode};

/// `ConfigResource.Type.TOPIC`.
const TOPIC: i8 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: IncrementalAlterConfigsRequest,
    effects: &mut Effects,
) -> Reply {
    let mut seen = SortedSet::new();
    let mut duplicates = SortedSet::new();
    for resource in &request.resources {
        let key = (resource.resource_type, resource.resource_name.as_str());
        if !seen.insert(key) {
            duplicates.insert(key);
        }
    }
    let mut records = Vec::new();
    let mut responses = Vec::new();
    for resource in &request.resources {
        let key = (resource.resource_type, resource.resource_name.as_str());
        let decided = if duplicates.contains(&key) {
            Err(ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once."))
        } else {
            decide(broker, resource)
        };
        let response = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_error_message(None);
        responses.push(match decided {
            Ok(new) => {
                records.extend(new);
                response
            }
            Err(error) => {
                response.with_error_code(error.code.code()).with_error_message(error.wire_message())
            }
        });
    }
    if !request.validate_only {
        broker.commit(ctx.now, records, ctx.cause(), effects);
    }
    now(IncrementalAlterConfigsResponse::default().with_responses(responses))
}

fn decide(
    broker: &Broker,
    resource: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    if resource.resource_type != TOPIC {
        return invalid(format!("Unknown resource type {}", resource.resource_type));
    }
    let mut names = SortedSet::new();
    let repeated: SortedSet<&str> = resource
        .configs
        .iter()
        .map(|config| config.name.as_str())
        .filter(|name| !names.insert(*name))
        .collect();
    if !repeated.is_empty() {
        let repeated: Vec<&str> = repeated.into_iter().collect();
        return invalid(format!("Error due to duplicate config keys : {}", repeated.join(",")));
    }
    AlterTopicConfigs {
        topic: resource.resource_name.as_str(),
        ops: resource
            .configs
            .iter()
            .map(|config| {
                let value = config.value.as_ref().map(|value| value.as_str());
                (config.name.as_str(), config.config_operation, value)
            })
            .collect(),
        newly_created: false,
    }
    .decide(&broker.image)
}
