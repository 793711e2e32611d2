//! DeleteGroups: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    request: DeleteGroupsRequest,
    _effects: &mut Effects,
) -> Reply {
    now(DeleteGroupsResponse::default().with_results(
        request
            .groups_names
            .into_iter()
            .map(|group| {
                DeletableGroupResult::default()
                    .with_group_id(group)
                    .with_error_code(ErrorCode::CoordinatorNotAvailable.code())
            })
            .collect(),
    ))
}
