//! LeaveGroup: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    _request: LeaveGroupRequest,
    _effects: &mut Effects,
) -> Reply {
    now(LeaveGroupResponse::default().with_error_code(ErrorCode::CoordinatorNotAvailable.code()))
}
