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
const CONTROLLER_ENDPOINT: i8 = 2;

pub(crate) fn handle(
    broker: &Broker,
    ctx: &RequestContext,
    request: DescribeClusterRequest,
) -> Reply {
    let response = DescribeClusterResponse::default()
        .with_endpoint_type(BROKER_ENDPOINT)
        .with_controller_id(BrokerId(broker.config.node_id))
        .with_cluster_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED)
        .with_error_message(None);
    if ctx.version() >= 1 && request.endpoint_type != BROKER_ENDPOINT {
        let (error, message) = if request.endpoint_type == CONTROLLER_ENDPOINT {
            (
                ErrorCode::MismatchedEndpointType,
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint \
                 of type CONTROLLER"
                    .to_owned(),
            )
        } else {
            (
                ErrorCode::UnsupportedEndpointType,
                format!("Unsupported endpoint type {}", request.endpoint_type),
            )
        };
        return now(response
            .with_controller_id(BrokerId(-1))
            .with_error_code(error.code())
            .with_error_message(Some(text(message))));
    }
    let brokers = broker.image.brokers().values().map(|registered| {
        DescribeClusterBroker::default()
            .with_broker_id(BrokerId(registered.broker_id))
            .with_host(text(registered.host.clone()))
            .with_port(i32::from(registered.port))
            .with_rack(registered.rack.clone().map(text))
    });
    let asked = request.include_cluster_authorized_operations;
    now(response
        .with_cluster_authorized_operations(operations::asked(asked, operations::CLUSTER))
        .with_cluster_id(text(broker.config.cluster_id.clone()))
        .with_brokers(brokers.collect()))
}
