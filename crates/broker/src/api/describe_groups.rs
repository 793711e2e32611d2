//! DescribeGroups, versions 0 to 6.
//!
//! Classic groups. A group that is not known, or is of another kind, is `Dead`, from version 6 on
//! with `GROUP_ID_NOT_FOUND` (KIP-1043).

use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};
use logbrook_group::{ClassicGroupState, GroupDescription, GroupType};

use super::{
    AUTHORIZED_OPERATIONS_OMITTED, Reply, RequestContext, authorized_operations as operations, now,
    text,
};
use crate::coordinator;
use crate::{Broker, Effects, ErrorCode};

const GROUP_ID_NOT_FOUND_VERSION: i16 = 6;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: DescribeGroupsRequest,
    effects: &mut Effects,
) -> Reply {
    let mut groups = Vec::new();
    for group_id in request.groups {
        let response = DescribedGroup::default()
            .with_error_message(None)
            .with_authorized_operations(AUTHORIZED_OPERATIONS_OMITTED);
        let shard = coordinator::shard(broker, ctx.now, group_id.as_str(), effects);
        groups.push(
            match shard {
                Ok((_, shard)) => {
                    let why = match shard.group_type(group_id.as_str()) {
                        Some(GroupType::Consumer) => "is not a classic group",
                        Some(GroupType::Classic) | None => "not found",
                    };
                    let group = shard.describe_group(group_id.as_str());
                    described(response, ctx.version(), group, why)
                }
                Err(error) => response.with_error_code(error.code()),
            }
            .with_group_id(group_id),
        );
    }
    // Only a request of version 3 or later can ask (KIP-430).
    if request.include_authorized_operations {
        let found = |group: &&mut DescribedGroup| group.error_code == ErrorCode::None.code();
        for group in groups.iter_mut().filter(found) {
            group.authorized_operations = operations::GROUP;
        }
    }
    now(DescribeGroupsResponse::default().with_groups(groups))
}

fn described(
    response: DescribedGroup,
    version: i16,
    group: GroupDescription,
    why: &str,
) -> DescribedGroup {
    let GroupDescription { group_id, state, protocol_type, protocol, members, .. } = group;
    let response = response.with_group_state(text(state.name()));
    if state == ClassicGroupState::Dead {
        if version < GROUP_ID_NOT_FOUND_VERSION {
            return response;
        }
        return response
            .with_error_code(ErrorCode::GroupIdNotFound.code())
            .with_error_message(Some(text(format!("Group {group_id} {why}."))));
    }
    let members = members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(text))
            .with_client_id(text(member.client_id))
            .with_client_host(text(member.client_host))
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    });
    response
        .with_group_id(GroupId(text(group_id)))
        .with_protocol_type(text(protocol_type))
        .with_protocol_data(text(protocol))
        .with_members(members.collect())
}
