//! LeaveGroup, versions 0 to 5.
//!
//! Several members from version 3 on (KIP-345); before that one, whose error is the request's.

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use logbrook_group::{LeaveGroup, LeavingMember};

use super::{Reply, RequestContext, now, text};
use crate::coordinator::{self, error_code};
use crate::{Broker, Effects};

const SEVERAL_MEMBERS_VERSION: i16 = 3;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: LeaveGroupRequest,
    effects: &mut Effects,
) -> Reply {
    let refused = |code: i16| now(LeaveGroupResponse::default().with_error_code(code));
    let identities = if ctx.version() < SEVERAL_MEMBERS_VERSION {
        vec![
            MemberIdentity::default()
                .with_member_id(request.member_id)
                .with_group_instance_id(None)
                .with_reason(None),
        ]
    } else {
        request.members
    };
    let leave = LeaveGroup {
        group_id: request.group_id.to_string(),
        members: identities
            .into_iter()
            .map(|member| LeavingMember {
                member_id: member.member_id.to_string(),
                group_instance_id: member.group_instance_id.map(|id| id.to_string()),
                reason: member.reason.map(|reason| reason.to_string()),
            })
            .collect(),
    };
    let (index, groups) = match coordinator::shard(broker, ctx.now, &leave.group_id, effects) {
        Ok(shard) => shard,
        Err(error) => return refused(error.code()),
    };
    let decided = groups.leave_group(ctx.now, &leave);
    let applied =
        coordinator::apply(broker, ctx.now, index, decided.decision, ctx.cause(), effects);
    if let Err(error) = applied {
        return refused(error.code());
    }
    let members = match decided.response {
        Ok(members) => members,
        Err(error) => return refused(error.code()),
    };
    if ctx.version() < SEVERAL_MEMBERS_VERSION {
        return refused(error_code(members.first().and_then(|member| member.error)));
    }
    let members = members.into_iter().map(|member| {
        MemberResponse::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(text))
            .with_error_code(error_code(member.error))
    });
    now(LeaveGroupResponse::default().with_members(members.collect()))
}
