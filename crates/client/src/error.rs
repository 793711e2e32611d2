//! The one error of a client: what Java would throw, as data.

use core::fmt;
use std::borrow::Cow;

use logbrook_broker::ErrorCode;

/// An exception of Kafka's Java client: its class, its message, and the error code behind it, if a
/// broker sent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaError {
    /// The error code of the response, where there was one.
    pub code: Option<ErrorCode>,
    /// The exception's class, such as `org.apache.kafka.common.errors.TimeoutException`.
    pub class: Cow<'static, str>,
    /// `getMessage()`.
    pub message: String,
    /// Whether it is a `RetriableException`.
    pub retriable: bool,
    /// The error code of its cause, where it has one.
    pub cause: Option<ErrorCode>,
}

/// `org.apache.kafka.common.errors.TimeoutException`.
pub const TIMEOUT: &str = "org.apache.kafka.common.errors.TimeoutException";
/// `org.apache.kafka.common.config.ConfigException`.
pub const CONFIG: &str = "org.apache.kafka.common.config.ConfigException";
/// `org.apache.kafka.common.KafkaException`.
pub const KAFKA: &str = "org.apache.kafka.common.KafkaException";

impl KafkaError {
    /// The exception of an error code with its default message (Java's `Errors`).
    pub fn of(code: ErrorCode) -> Self {
        Self::with_message(code, code.message())
    }

    /// The exception of an error code with a message of its own (a response's `errorMessage`).
    pub fn with_message(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            class: Cow::Owned(code.exception_class()),
            message: message.into(),
            retriable: code.is_retriable(),
            cause: None,
        }
    }

    /// The same with a cause.
    #[must_use]
    pub fn caused_by(mut self, cause: Option<ErrorCode>) -> Self {
        self.cause = cause;
        self
    }

    /// A client-side `TimeoutException`.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self { retriable: true, ..Self::client(TIMEOUT, message) }
    }

    /// A `ConfigException`.
    pub fn config(message: impl Into<String>) -> Self {
        Self::client(CONFIG, message)
    }

    /// Another client-side exception, not retriable.
    pub fn client(class: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: None,
            class: Cow::Borrowed(class),
            message: message.into(),
            retriable: false,
            cause: None,
        }
    }

    /// The class without its package: `TimeoutException`.
    pub fn simple_class(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }
}

/// `Throwable.toString()`: `class: message`.
impl fmt::Display for KafkaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for KafkaError {}
