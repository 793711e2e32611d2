//! SyncGroup, versions 0 to 5.
//!
//! A follower's is parked until the leader's has come.

use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use logbrook_group::{SyncGroup, SyncGroupReply};

use super::{Reply, RequestContext, now, text};
use crate::coordinator::{self, error_code};
use crate::{Broker, Effects, ErrorCode};

/// The protocol's type and name must be there (KIP-559).
const PROTOCOL_VERSION: i16 = 5;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: SyncGroupRequest,
    effects: &mut Effects,
) -> Reply {
    if ctx.version() >= PROTOCOL_VERSION
        && (request.protocol_type.is_none() || request.protocol_name.is_none())
    {
        return now(refused(ErrorCode::InconsistentGroupProtocol));
    }
    let group_id = request.group_id.to_string();
    let token = broker.coordinator.park(ctx.to);
    let (index, groups) = match coordinator::shard(broker, ctx.now, &group_id, effects) {
        Ok(shard) => shard,
        Err(error) => {
            broker.coordinator.unpark(token);
            return now(refused(error));
        }
    };
    let named = ctx.version() >= PROTOCOL_VERSION;
    let sync = SyncGroup {
        group_id,
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        // Below version 5 the fields hold what the struct begins with.
        protocol_type: request.protocol_type.filter(|_| named).map(|name| name.to_string()),
        protocol_name: request.protocol_name.filter(|_| named).map(|name| name.to_string()),
        assignments: request
            .assignments
            .into_iter()
            .map(|member| (member.member_id.to_string(), member.assignment))
            .collect(),
    };
    let decision = groups.sync_group(ctx.now, token, sync);
    // Where the append fails, the answer is among those that went out.
    let _ = coordinator::apply(broker, ctx.now, index, decision, ctx.cause(), effects);
    Reply::Later
}

fn refused(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(error.code())
        .with_protocol_type(None)
        .with_protocol_name(None)
}

/// The answer; every version says the same as far as it can.
pub(crate) fn response(reply: SyncGroupReply, _version: i16) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(error_code(reply.error))
        .with_protocol_type(reply.protocol_type.map(text))
        .with_protocol_name(reply.protocol_name.map(text))
        .with_assignment(reply.assignment)
}
