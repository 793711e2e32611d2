//! ListPartitionReassignments, version 0 (KIP-455). Reassignments cannot be begun yet
//! (AlterPartitionReassignments is not served), so none is ever under way.

use kafka_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::{Reply, now};

pub(crate) fn handle(_request: ListPartitionReassignmentsRequest) -> Reply {
    now(ListPartitionReassignmentsResponse::default().with_error_message(None))
}
