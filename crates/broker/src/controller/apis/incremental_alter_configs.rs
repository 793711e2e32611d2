//! IncrementalAlterConfigs, versions 0 and 1, asked of a controller (KIP-339): a broker has looked the changes
//! over before it passes them on (`config_admin.rs`). What is decided is in `controller/configs.rs`.

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::Deciding;
use super::alter_configs::{Told, sort_out, told};
use crate::api_error::ApiError;
use crate::config_admin;
use crate::controller::{AlterConfigs, ControllerResult, MetadataRecord, clear_elr_records};
use crate::{ConfigResource, ConfigResourceType};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: IncrementalAlterConfigsRequest,
) -> ControllerResult<IncrementalAlterConfigsResponse> {
    let names = request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str()));
    let (mut results, resources) = sort_out(&names.collect::<Vec<_>>());
    let mut records = Vec::new();
    let (loggers, others): (Vec<_>, Vec<_>) = resources
        .into_iter()
        .partition(|(_, resource)| resource.kind == ConfigResourceType::BrokerLogger);
    for (at, resource) in others.into_iter().chain(loggers) {
        let changed = change(deciding, &resource, &request.resources[at]);
        results.push(told(at, changed.map(|new| records.extend(new)).err()));
    }
    records.extend(clear_elr_records(deciding.image, &records));
    if request.validate_only {
        records.clear();
    }
    let responses = results.into_iter().map(|Told { at, error }| {
        let resource = &request.resources[at];
        AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone())
            .with_error_code(error.as_ref().map_or(0, |error| error.code.code()))
            .with_error_message(error.and_then(|error| error.wire_message()))
    });
    let response = IncrementalAlterConfigsResponse::default().with_responses(responses.collect());
    ControllerResult { records, response }
}

fn change(
    deciding: &Deciding<'_>,
    resource: &ConfigResource,
    given: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let mut ops: Vec<(&str, i8, Option<&str>)> = Vec::new();
    for config in &given.configs {
        let op = (
            config.name.as_str(),
            config.config_operation,
            config.value.as_ref().map(|value| value.as_str()),
        );
        // Of a key that is named twice the last change counts.
        ops.retain(|(name, ..)| *name != op.0);
        ops.push(op);
    }
    if config_admin::is_logger(resource) {
        config_admin::check_node_id(deciding.config.node_id, &resource.name)?;
        return config_admin::alter_loggers(&ops);
    }
    AlterConfigs { resource: resource.clone(), ops, newly_created: false }
        .decide(deciding.image, deciding.config)
}
