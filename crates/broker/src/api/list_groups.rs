//! ListGroups, versions 0 to 5.
//!
//! States (KIP-518) and types (KIP-848) filter, in any case of letters.

use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse};

use super::{Reply, RequestContext, now, text};
use crate::coordinator;
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: ListGroupsRequest,
    effects: &mut Effects,
) -> Reply {
    coordinator::load_all(broker, ctx.now, effects);
    let wanted = |filter: &[kafka_protocol::protocol::StrBytes], word: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(word))
    };
    let groups = coordinator::shards(broker)
        .flat_map(|shard| shard.list_groups())
        .filter(|group| {
            wanted(&request.states_filter, group.state)
                && wanted(&request.types_filter, group.group_type.name())
        })
        .map(|group| {
            ListedGroup::default()
                .with_group_id(GroupId(text(group.group_id)))
                .with_protocol_type(text(group.protocol_type))
                .with_group_state(text(group.state))
                .with_group_type(text(group.group_type.name()))
        });
    now(ListGroupsResponse::default().with_groups(groups.collect()))
}
