//! What a response says of one batch (`ProduceResponse.PartitionResponse`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use logbrook_broker::ErrorCode;

use crate::error::KafkaError;
use crate::topic_partition::TopicPartition;

/// What a response says of one batch.
pub(super) struct Outcome {
    pub(super) error: ErrorCode,
    pub(super) message: Option<String>,
    pub(super) base_offset: i64,
    pub(super) log_append_time: i64,
    pub(super) log_start_offset: i64,
    pub(super) record_errors: SortedMap<i32, Option<String>>,
}

impl Outcome {
    pub(super) fn of_error(error: ErrorCode, message: String) -> Self {
        Self {
            error,
            message: Some(message),
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            record_errors: SortedMap::new(),
        }
    }

    pub(super) fn success_without_response() -> Self {
        Self {
            error: ErrorCode::None,
            message: None,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            record_errors: SortedMap::new(),
        }
    }

    pub(super) fn of_response(response: &PartitionProduceResponse) -> Self {
        Self {
            error: ErrorCode::from_code(response.error_code)
                .unwrap_or(ErrorCode::UnknownServerError),
            message: response.error_message.as_ref().map(|text| text.to_string()),
            base_offset: response.base_offset,
            log_append_time: response.log_append_time_ms,
            log_start_offset: response.log_start_offset,
            record_errors: response
                .record_errors
                .iter()
                .map(|error| {
                    let text = error.batch_index_error_message.as_ref();
                    (error.batch_index, text.map(|text| text.to_string()))
                })
                .collect(),
        }
    }

    /// `formatErrMsg`.
    pub(super) fn text(&self) -> String {
        match self.message.as_deref() {
            None | Some("") => self.error.name().to_owned(),
            Some(message) => format!("{}. Error Message: {message}", self.error.name()),
        }
    }

    pub(super) fn exception(&self, batch: &TopicPartition) -> KafkaError {
        match (self.error, &self.message) {
            (ErrorCode::TopicAuthorizationFailed, _) => KafkaError::with_message(
                self.error,
                format!("Not authorized to access topics: [{}]", batch.topic),
            ),
            (ErrorCode::ClusterAuthorizationFailed, _) => KafkaError::with_message(
                self.error,
                "The producer is not authorized to do idempotent sends",
            ),
            (error, Some(message)) if !message.is_empty() => {
                KafkaError::with_message(error, message.clone())
            }
            (error, _) => KafkaError::of(error),
        }
    }
}
