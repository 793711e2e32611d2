//! DescribeCluster, versions 0 to 2 (KIP-700, KIP-919, KIP-1073). No broker is ever fenced here.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::{
    AUTHORIZED_OPERATIONS_OMITTED, Reply, RequestContext, authorized_operations as operations, now,
    text,
};
use crate::{Broker, ErrorCode};

/// `EndpointType.BROKER`.
const BROKER_ENDPOINT: i8 = 1;
/// `EndpointType.CONTROLLER`.
pub(crate) const CONTROLLER_ENDPOINT: i8 = 2;

pub(crate) fn handle(
    broker: &Broker,
    ctx: &RequestContext,
    request: DescribeClusterRequest,
) -> Reply {
    if let Some(refused) = wrong_endpoint(&request, ctx.version(), BROKER_ENDPOINT) {
        return now(refused);
    }
    let fenced_too = ctx.version() >= 2 && request.include_fenced_brokers;
    let brokers = broker.image.brokers().values().filter(|broker| fenced_too || !broker.fenced);
    let brokers = brokers.map(|registered| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(registered.broker_id))
            .with_host(text(registered.host.clone()))
            .with_port(i32::from(registered.port))
            .with_rack(registered.rack.clone().map(text))
            .with_is_fenced(fenced_too && registered.fenced)
    });
    let asked = request.include_cluster_authorized_operations;
    now(DescribeClusterResponse::default()
        .with_endpoint_type(BROKER_ENDPOINT)
        .with_controller_id(BrokerId(broker.config.node_id))
        .with_error_message(None)
        .with_cluster_authorized_operations(operations::asked(asked, operations::CLUSTER))
        .with_cluster_id(text(broker.config.cluster_id.clone()))
        .with_brokers(brokers.collect()))
}

/// The refusal of a request that is for endpoints of another type than this node's
/// (`AuthHelper.computeDescribeClusterResponse`). Version 0 is for brokers.
pub(crate) fn wrong_endpoint(
    request: &DescribeClusterRequest,
    version: i16,
    own: i8,
) -> Option<DescribeClusterResponse> {
    let name = |kind| match kind {
        BROKER_ENDPOINT => Some("BROKER"),
        CONTROLLER_ENDPOINT => Some("CONTROLLER"),
        _ => None,
    };
    let wanted = if version == 0 { BROKER_ENDPOINT } else { request.endpoint_type };
    if wanted == own {
        return None;
    }
    let (error, message) = match (name(wanted), name(own)) {
        (Some(wanted), Some(own)) => (
            ErrorCode::MismatchedEndpointType,
            format!(
                "The request was sent to an endpoint of type {own}, but we wanted an endpoint of \
                 type {wanted}"
            ),
        ),
        _ => (ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {wanted}")),
    };
    let error = if version == 0 { ErrorCode::InvalidRequest } else { error };
    Some(
        DescribeClusterResponse::default()
            .with_controller_id(BrokerId(-1))
            .with_cluster_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
            .with_error_code(error.code())
            .with_error_message(Some(text(message))),
    )
}
