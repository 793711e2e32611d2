//! DescribeGroups: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    request: DescribeGroupsRequest,
    _effects: &mut Effects,
) -> Reply {
    now(DescribeGroupsResponse::default().with_groups(
        request
            .groups
            .into_iter()
            .map(|group| {
                DescribedGroup::default()
                    .with_group_id(group)
                    .with_error_code(ErrorCode::CoordinatorNotAvailable.code())
            })
            .collect(),
    ))
}
