//! DeleteTopics, versions 1 to 6. What is decided, and its errors, is in `controller/delete_topics.rs`.
//!
//! Different from Kafka 4.4: a topic's records are gone at once, not after `file.delete.delay.ms`.

use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use super::{Deciding, read};
use crate::ErrorCode;
use crate::api::topic_name;
use crate::api_error::ApiError;
use crate::controller::{ControllerResult, delete_topics};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: DeleteTopicsRequest,
) -> ControllerResult<DeleteTopicsResponse> {
    if !deciding.config.flag("delete.topic.enable") {
        return read(disabled(deciding.version, request));
    }
    let result = delete_topics(deciding.image, &request);
    let responses = result.response.into_iter().map(|deleted| {
        let response = DeletableTopicResult::default()
            .with_name(deleted.name.as_deref().map(topic_name))
            .with_topic_id(deleted.topic_id)
            .with_error_message(None);
        match deleted.error {
            None => response,
            Some(error) => {
                response.with_error_code(error.code.code()).with_error_message(error.wire_message())
            }
        }
    });
    let response = DeleteTopicsResponse::default().with_responses(responses.collect());
    ControllerResult { records: result.records, response }
}

fn disabled(version: i16, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let error = if version < 3 {
        ApiError::new(ErrorCode::InvalidRequest, "Topic deletion is disabled.")
    } else {
        ApiError::silent(ErrorCode::TopicDeletionDisabled)
    };
    let by_state = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let by_name = request.topic_names.into_iter().map(|name| (Some(name), uuid::Uuid::nil()));
    let responses = by_state.chain(by_name).map(|(name, topic_id)| {
        DeletableTopicResult::default()
            .with_name(name)
            .with_topic_id(topic_id)
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message())
    });
    DeleteTopicsResponse::default().with_responses(responses.collect())
}
