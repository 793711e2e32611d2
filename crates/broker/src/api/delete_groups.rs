//! DeleteGroups, versions 0 to 2.

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

use super::{Reply, RequestContext, now};
use crate::coordinator::{self, error_code};
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: DeleteGroupsRequest,
    effects: &mut Effects,
) -> Reply {
    let mut results: Vec<DeletableGroupResult> = Vec::new();
    for group_id in request.groups_names {
        // A name given twice is deleted, and answered, once.
        if results.iter().any(|result| result.group_id == group_id) {
            continue;
        }
        let code = delete(broker, ctx, group_id.as_str(), effects).err().unwrap_or(0);
        let result = DeletableGroupResult::default().with_group_id(group_id);
        results.push(result.with_error_code(code));
    }
    now(DeleteGroupsResponse::default().with_results(results))
}

fn delete(
    broker: &mut Broker,
    ctx: &RequestContext,
    group_id: &str,
    effects: &mut Effects,
) -> Result<(), i16> {
    let (index, groups) =
        coordinator::shard(broker, ctx.now, group_id, effects).map_err(crate::ErrorCode::code)?;
    let decided = groups.delete_groups(&[group_id.to_owned()]);
    coordinator::apply(broker, ctx.now, index, decided.decision, ctx.cause(), effects)
        .map_err(crate::ErrorCode::code)?;
    match decided.response.first().map_or(0, |group| error_code(group.error)) {
        0 => Ok(()),
        code => Err(code),
    }
}
