//! CreateAcls, versions 1 to 3. There is no authorizer here, and so Kafka's own answer
//! (`AclApis.handleCreateAcls`).

use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::{CreateAclsRequest, CreateAclsResponse};

use super::{NO_AUTHORIZER, Reply, now, text};
use crate::ErrorCode;

pub(crate) fn handle(request: CreateAclsRequest) -> Reply {
    let refused = AclCreationResult::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text(NO_AUTHORIZER)));
    now(CreateAclsResponse::default().with_results(vec![refused; request.creations.len()]))
}
