//! AlterConfigs, versions 0 to 2, asked of a controller. What is decided is in `controller/configs.rs`.

use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse};

use super::Deciding;
use crate::api_error::ApiError;
use crate::controller::{ControllerResult, clear_elr_records, replace_configs};
use crate::{ConfigResource, ConfigResourceType, ErrorCode};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: AlterConfigsRequest,
) -> ControllerResult<AlterConfigsResponse> {
    let names = request.resources.iter().map(|r| (r.resource_type, r.resource_name.as_str()));
    let (mut results, resources) = sort_out(&names.collect::<Vec<_>>());
    let mut records = Vec::new();
    for (at, resource) in resources {
        let values: Vec<(&str, &str)> = request.resources[at]
            .configs
            .iter()
            .filter_map(|config| Some((config.name.as_str(), config.value.as_ref()?.as_str())))
            .collect();
        let replaced = replace_configs(&resource, &values, deciding.image, deciding.config);
        results.push(told(at, replaced.map(|new| records.extend(new)).err()));
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
    let response = AlterConfigsResponse::default().with_responses(responses.collect());
    ControllerResult { records, response }
}

/// What a resource of the request is told, by its place in it.
pub(super) struct Told {
    pub(super) at: usize,
    pub(super) error: Option<ApiError>,
}

pub(super) fn told(at: usize, error: Option<ApiError>) -> Told {
    Told { at, error }
}

/// Which resources (type and name) can be asked for at all, and what the others are told: those of a type that
/// is not known, and those that are named several times (`ControllerApis`).
pub(super) fn sort_out(names: &[(i8, &str)]) -> (Vec<Told>, Vec<(usize, ConfigResource)>) {
    let (mut refused, mut resources) = (Vec::new(), Vec::new());
    for (at, (kind, name)) in names.iter().enumerate() {
        let count =
            |among: &[(i8, &str)]| among.iter().filter(|other| *other == &names[at]).count();
        let Some(resource_type) = ConfigResourceType::from_id(*kind) else {
            let message = format!("Unknown resource type {kind}.");
            refused.push(told(at, Some(ApiError::new(ErrorCode::UnsupportedVersion, message))));
            continue;
        };
        if count(names) == 1 {
            resources.push((at, ConfigResource::new(resource_type, *name)));
        } else if count(&names[..at]) == 1 {
            // The second one is told, for all of them.
            let error = ApiError::new(ErrorCode::InvalidRequest, "Duplicate resource.");
            refused.push(told(at, Some(error)));
        }
    }
    (refused, resources)
}
