//! An error with its message, as `org.apache.kafka.common.requests.ApiError`.

use kafka_protocol::protocol::StrBytes;

use crate::ErrorCode;

/// What a response says where something was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: ErrorCode,
    /// `None` where Kafka sends a null message (the exception's own default).
    pub(crate) message: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: Some(message.into()) }
    }

    /// With the error's default message.
    pub(crate) fn of(code: ErrorCode) -> ApiError {
        ApiError::new(code, code.message())
    }

    /// Without a message.
    pub(crate) fn silent(code: ErrorCode) -> ApiError {
        ApiError { code, message: None }
    }

    pub(crate) fn wire_message(&self) -> Option<StrBytes> {
        self.message.clone().map(StrBytes::from_string)
    }
}
