//! ListConfigResources, versions 0 and 1 (KIP-1142): what has configs, by type. Version 0 was
//! ListClientMetricsResources and knows that type alone.

use kafka_protocol::messages::list_config_resources_response::ConfigResource as Listed;
use kafka_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse};

use super::{Reply, RequestContext, now, text};
use crate::{Broker, ConfigResourceType, ErrorCode};

/// In the order in which Kafka lists them.
const ORDER: &[ConfigResourceType] = &[
    ConfigResourceType::Group,
    ConfigResourceType::ClientMetrics,
    ConfigResourceType::BrokerLogger,
    ConfigResourceType::Broker,
    ConfigResourceType::Topic,
];

pub(crate) fn handle(
    broker: &Broker,
    ctx: &RequestContext,
    request: ListConfigResourcesRequest,
) -> Reply {
    let supported: &[ConfigResourceType] =
        if ctx.version() == 0 { &[ConfigResourceType::ClientMetrics] } else { ORDER };
    let response = ListConfigResourcesResponse::default();
    let wanted = |kind: &ConfigResourceType| {
        request.resource_types.is_empty() || request.resource_types.contains(&kind.id())
    };
    let known = |id: &i8| supported.iter().any(|kind| kind.id() == *id);
    if !request.resource_types.iter().all(known) {
        return now(response.with_error_code(ErrorCode::UnsupportedVersion.code()));
    }
    let mut listed = Vec::new();
    for kind in supported.iter().copied().filter(wanted) {
        let names: Vec<String> = match kind {
            ConfigResourceType::Group | ConfigResourceType::ClientMetrics => broker
                .image
                .configured()
                .filter(|resource| resource.kind == kind)
                .map(|resource| resource.name.clone())
                .collect(),
            ConfigResourceType::Broker | ConfigResourceType::BrokerLogger => {
                broker.image.brokers().keys().map(i32::to_string).collect()
            }
            ConfigResourceType::Topic => broker.image.topics().keys().cloned().collect(),
        };
        listed.extend(names.into_iter().map(|name| {
            Listed::default().with_resource_name(text(name)).with_resource_type(kind.id())
        }));
    }
    now(response.with_config_resources(listed))
}
