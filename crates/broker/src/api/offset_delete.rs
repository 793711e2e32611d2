//! OffsetDelete: answers `COORDINATOR_NOT_AVAILABLE` until the group coordinator is in place.

use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    _broker: &mut Broker,
    _ctx: &RequestContext,
    _request: OffsetDeleteRequest,
    _effects: &mut Effects,
) -> Reply {
    now(OffsetDeleteResponse::default().with_error_code(ErrorCode::CoordinatorNotAvailable.code()))
}
