//! Heartbeat, versions 0 to 4.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};
use logbrook_group::Heartbeat;

use super::{Reply, RequestContext, now};
use crate::coordinator::{self, error_code};
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: HeartbeatRequest,
    effects: &mut Effects,
) -> Reply {
    let heartbeat = Heartbeat {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
    };
    let code = match coordinator::shard(broker, ctx.now, &heartbeat.group_id, effects) {
        Ok((_, groups)) => error_code(groups.heartbeat(ctx.now, &heartbeat).err()),
        Err(error) => error.code(),
    };
    now(HeartbeatResponse::default().with_error_code(code))
}
