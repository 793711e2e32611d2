//! JoinGroup, versions 0 to 9.
//!
//! Parked until the other members have joined, or the rebalance timeout; version 4 on makes a new
//! dynamic member come twice (KIP-394). Different from Kafka 4.4: members are listed in the order
//! of their joining (there: of a HashMap).

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use logbrook_group::{JoinGroup, JoinGroupProtocol, JoinGroupReply};

use super::{Reply, RequestContext, now, text};
use crate::coordinator::{self, error_code};
use crate::{Broker, Effects, ErrorCode};

/// A rebalance timeout of its own (KIP-62).
const REBALANCE_TIMEOUT_VERSION: i16 = 1;
/// New dynamic members are told their id first (KIP-394).
const KNOWN_MEMBER_ID_VERSION: i16 = 4;
/// The protocol's name may be null.
const NULLABLE_PROTOCOL_NAME_VERSION: i16 = 7;
/// A static leader that comes back may skip the assignment (KIP-814).
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: JoinGroupRequest,
    effects: &mut Effects,
) -> Reply {
    let group_id = request.group_id.to_string();
    let new_member_uuid = broker.coordinator.member_uuid();
    let token = broker.coordinator.park(ctx.to);
    let (index, groups) = match coordinator::shard(broker, ctx.now, &group_id, effects) {
        Ok(shard) => shard,
        Err(error) => {
            broker.coordinator.unpark(token);
            return now(refused(ctx.version(), error).with_member_id(request.member_id));
        }
    };
    let join = JoinGroup {
        group_id,
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        client_id: ctx.client_id.clone().unwrap_or_default(),
        client_host: ctx.host.clone(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if ctx.version() < REBALANCE_TIMEOUT_VERSION {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| JoinGroupProtocol {
                name: protocol.name.to_string(),
                metadata: protocol.metadata,
            })
            .collect(),
        reason: request.reason.map(|reason| reason.to_string()),
        requires_known_member_id: ctx.version() >= KNOWN_MEMBER_ID_VERSION,
        supports_skipping_assignment: ctx.version() >= SKIP_ASSIGNMENT_VERSION,
        new_member_uuid,
    };
    let decision = groups.join_group(ctx.now, token, join);
    // Where the append fails, the answer is among those that went out.
    let _ = coordinator::apply(broker, ctx.now, index, decision, ctx.cause(), effects);
    Reply::Later
}

fn refused(version: i16, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_type(None)
        .with_protocol_name(protocol_name(version, None))
}

fn protocol_name(version: i16, name: Option<String>) -> Option<kafka_protocol::protocol::StrBytes> {
    match name {
        None if version < NULLABLE_PROTOCOL_NAME_VERSION => Some(text("")),
        name => name.map(text),
    }
}

/// The answer as this version has it.
pub(crate) fn response(reply: JoinGroupReply, version: i16) -> JoinGroupResponse {
    let members = reply.members.into_iter().map(|member| {
        JoinGroupResponseMember::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(text))
            .with_metadata(member.metadata)
    });
    JoinGroupResponse::default()
        .with_error_code(error_code(reply.error))
        .with_generation_id(reply.generation_id)
        .with_protocol_type(reply.protocol_type.map(text))
        .with_protocol_name(protocol_name(version, reply.protocol_name))
        .with_leader(text(reply.leader))
        .with_skip_assignment(reply.skip_assignment)
        .with_member_id(text(reply.member_id))
        .with_members(members.collect())
}
