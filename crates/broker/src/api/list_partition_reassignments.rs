//! ListPartitionReassignments, version 0 (KIP-455). With one broker there is nowhere to move a replica
//! to (`controller/reassignments.rs`), so none is ever under way.

use kafka_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use super::{Reply, now};

pub(crate) fn handle(_request: ListPartitionReassignmentsRequest) -> Reply {
    now(ListPartitionReassignmentsResponse::default().with_error_message(None))
}
