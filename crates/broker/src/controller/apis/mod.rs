//! The requests that the controller answers, one file for each: `ControllerApis` and `QuorumController`. An
//! answer is decided together with its records; whoever asked writes those before the answer goes out. A broker
//! that is its own controller ([`crate::Broker`]) and a controller of its own ([`crate::ControllerNode`]) ask
//! the same functions.

mod allocate_producer_ids;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition;
mod alter_partition_reassignments;
mod alter_user_scram_credentials;
mod broker_heartbeat;
mod broker_registration;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_cluster;
mod elect_leaders;
mod incremental_alter_configs;
mod list_partition_reassignments;
mod unregister_broker;
mod update_features;

pub(crate) use broker_heartbeat::decide as broker_heartbeat;
pub(crate) use broker_registration::decide as broker_registration;

use super::{Controller, ControllerResult};
use crate::wire::{Request, Response};
use crate::{BrokerConfig, MetadataImage};

/// What a request is decided by.
pub(crate) struct Deciding<'a> {
    pub(crate) controller: &'a mut Controller,
    pub(crate) image: &'a MetadataImage,
    /// Of the node that decides, with what is set for the whole cluster.
    pub(crate) config: &'a BrokerConfig,
    /// The level of `kraft.version`.
    pub(crate) kraft_version: i16,
    /// Of the request.
    pub(crate) version: i16,
}

/// Decides a request of a client that a broker of its own controller answers in the same way as a controller of
/// its own. `None` for any other.
pub(crate) fn decide(
    deciding: &mut Deciding<'_>,
    request: Request,
) -> Option<ControllerResult<Response>> {
    Some(match request {
        Request::CreateTopics(body) => answer(create_topics::decide(deciding, &body)),
        Request::DeleteTopics(body) => answer(delete_topics::decide(deciding, body)),
        Request::CreatePartitions(body) => answer(create_partitions::decide(deciding, &body)),
        Request::ElectLeaders(body) => answer(elect_leaders::decide(deciding, &body)),
        Request::AlterPartitionReassignments(body) => {
            answer(alter_partition_reassignments::decide(deciding, body))
        }
        Request::ListPartitionReassignments(body) => {
            answer(list_partition_reassignments::decide(deciding, body))
        }
        Request::AlterClientQuotas(body) => answer(alter_client_quotas::decide(deciding, body)),
        Request::AlterUserScramCredentials(body) => {
            answer(alter_user_scram_credentials::decide(deciding, body))
        }
        Request::UpdateFeatures(body) => answer(update_features::decide(deciding, body)),
        Request::UnregisterBroker(body) => answer(unregister_broker::decide(deciding, &body)),
        _another => return None,
    })
}

/// Decides a request that only a controller of its own gets, or answers in a way of its own. `None` for any other.
pub(crate) fn decide_on_controller(
    deciding: &mut Deciding<'_>,
    request: Request,
) -> Option<ControllerResult<Response>> {
    Some(match request {
        Request::AlterConfigs(body) => answer(alter_configs::decide(deciding, body)),
        Request::IncrementalAlterConfigs(body) => {
            answer(incremental_alter_configs::decide(deciding, body))
        }
        Request::AlterPartition(body) => answer(alter_partition::decide(deciding, &body)),
        Request::AllocateProducerIds(body) => {
            answer(allocate_producer_ids::decide(deciding, &body))
        }
        Request::DescribeCluster(body) => answer(describe_cluster::decide(deciding, &body)),
        other => return decide(deciding, other),
    })
}

fn answer(result: ControllerResult<impl Into<Response>>) -> ControllerResult<Response> {
    ControllerResult { records: result.records, response: result.response.into() }
}

/// An answer without records.
fn read<T>(response: T) -> ControllerResult<T> {
    ControllerResult { records: Vec::new(), response }
}
