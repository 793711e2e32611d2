//! DeleteAcls, versions 1 to 3. There is no authorizer here, and so Kafka's own answer
//! (`AclApis.handleDeleteAcls`).

use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::{DeleteAclsRequest, DeleteAclsResponse};

use super::{NO_AUTHORIZER, Reply, now, text};
use crate::ErrorCode;

pub(crate) fn handle(request: DeleteAclsRequest) -> Reply {
    let refused = DeleteAclsFilterResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_AUTHORIZER)));
    now(DeleteAclsResponse::default().with_filter_results(vec![refused; request.filters.len()]))
}
