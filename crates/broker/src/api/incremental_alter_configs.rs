//! IncrementalAlterConfigs, versions 0 and 1: topics, brokers, client metrics and groups (KIP-339).
//! What a broker checks before the controller is asked is in `config_admin.rs`; the rest is in
//! `controller/configs.rs`.

use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse};

use super::{Reply, RequestContext, now};
use crate::api_error::ApiError;
use crate::config_admin::{self, Given};
use crate::controller::{AlterConfigs, MetadataRecord};
use crate::{Broker, Effects};

/// `AlterConfigOp.OpType.DELETE`.
const DELETE: i8 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: IncrementalAlterConfigsRequest,
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
    now(IncrementalAlterConfigsResponse::default().with_responses(responses))
}

fn decide(
    broker: &Broker,
    resource: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let ops: Vec<(&str, i8, Option<&str>)> = resource
        .configs
        .iter()
        .map(|config| {
            let value = config.value.as_ref().map(|value| value.as_str());
            (config.name.as_str(), config.config_operation, value)
        })
        .collect();
    let given = Given {
        resource_type: resource.resource_type,
        name: resource.resource_name.as_str(),
        keys: ops.iter().map(|(name, ..)| *name).collect(),
        nulls: ops
            .iter()
            .filter(|(_, op, value)| *op != DELETE && value.is_none())
            .map(|(name, ..)| *name)
            .collect(),
    };
    let resource = config_admin::check(broker, &given)?;
    if config_admin::is_logger(&resource) {
        return config_admin::alter_loggers(&ops);
    }
    let new = AlterConfigs { resource: resource.clone(), ops, newly_created: false }
        .decide(&broker.image, &broker.config);
    config_admin::validate_broker_change(broker, &resource, &new)?;
    new
}
