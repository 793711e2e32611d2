//! DescribeAcls, versions 1 to 3. There is no authorizer here, and so Kafka's own answer
//! (`AclApis.handleDescribeAcls`).

use kafka_protocol::messages::{DescribeAclsRequest, DescribeAclsResponse};

use super::{Reply, now, text};
use crate::ErrorCode;

pub(crate) fn handle(_request: DescribeAclsRequest) -> Reply {
    now(DescribeAclsResponse::default()
        .with_error_code(ErrorCode::SecurityDisabled.code())
        .with_error_message(Some(text("No Authorizer is configured on the broker"))))
}
