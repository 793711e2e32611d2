//! DescribeCluster, versions 0 to 2, asked of a controller: it tells of the controllers (KIP-919).

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::{Deciding, read};
use crate::api::authorized_operations as operations;
use crate::api::describe_cluster::{CONTROLLER_ENDPOINT, wrong_endpoint};
use crate::api::text;
use crate::controller::ControllerResult;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &DescribeClusterRequest,
) -> ControllerResult<DescribeClusterResponse> {
    let config = deciding.config;
    if let Some(refused) = wrong_endpoint(request, deciding.version, CONTROLLER_ENDPOINT) {
        return read(refused);
    }
    let controller = DescribeClusterBroker::default()
        .with_broker_id(BrokerId(config.node_id))
        .with_host(text(config.host.clone()))
        .with_port(i32::from(config.port));
    let asked = request.include_cluster_authorized_operations;
    read(
        DescribeClusterResponse::default()
            .with_endpoint_type(CONTROLLER_ENDPOINT)
            .with_controller_id(BrokerId(config.node_id))
            .with_error_message(None)
            .with_cluster_authorized_operations(operations::asked(asked, operations::CLUSTER))
            .with_cluster_id(text(config.cluster_id.clone()))
            .with_brokers(vec![controller]),
    )
}
