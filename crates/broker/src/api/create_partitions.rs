//! CreatePartitions, versions 0 to 3. What is decided, and its errors, is in
//! `controller/create_partitions.rs`. Different from Kafka 4.4: no quotas, nothing waits.

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::{Reply, RequestContext, now, topic_name};
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: CreatePartitionsRequest,
    effects: &mut Effects,
) -> Reply {
    let result = broker.controller.create_partitions(&broker.image, &request);
    broker.commit(ctx.now, result.records, ctx.cause(), effects);
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
    now(CreatePartitionsResponse::default().with_results(results.collect()))
}
