//! FindCoordinator: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    _request: FindCoordinatorRequest,
    _effects: &mut Effects,
) -> Reply {
    now(FindCoordinatorResponse::default()
        .with_error_code(ErrorCode::CoordinatorNotAvailable.code()))
}
