//! CreatePartitions, versions 0 to 3. What is decided, and its errors, is in
//! `controller/create_partitions.rs`. Different from Kafka 4.4: no quotas, nothing waits.

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::Deciding;
use crate::api::topic_name;
use crate::controller::ControllerResult;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &CreatePartitionsRequest,
) -> ControllerResult<CreatePartitionsResponse> {
    let result = deciding.controller.create_partitions(deciding.image, request);
    let results = result.response.into_iter().map(|(name, error)| {
        let response = CreatePartitionsTopicResult::default()
            .with_name(topic_name(&name))
            .with_error_message(None);
        match error {
            None => response,
            Some(error) => {
                response.with_error_code(error.code.code()).with_error_message(error.wire_message())
            }
        }
    });
    let response = CreatePartitionsResponse::default().with_results(results.collect());
    ControllerResult { records: result.records, response }
}
