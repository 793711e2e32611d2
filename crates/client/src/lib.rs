//! What a Kafka client library does, sans-IO: producer, consumer, admin.
//!
//! Each client is a state machine. Calls and [`NetEvent`]s go in with the time; `poll(now)` gives what
//! to do: requests to send, results, log lines. `next_wakeup()` says when to poll again if nothing
//! happens before. Behaviour, order and messages are those of the Java client of Kafka 4.4.

pub mod admin;
mod backoff;
pub mod config;
pub mod consumer;
pub mod error;
mod java_pattern;
pub mod log_line;
mod metadata;
pub mod net;
mod network_client;
pub mod process;
pub mod producer;
mod response_errors;
pub mod topic_partition;

pub use admin::{Admin, AdminConfig, AdminOutput, CallId, Target};
pub use consumer::{Consumer, ConsumerConfig, ConsumerOutput, ConsumerRecord};
pub use error::KafkaError;
pub use log_line::{Level, LogLine};
pub use net::{Channel, Endpoint, NetEvent, Outgoing};
pub use process::{AppEvent, Input, Io, IoAction, Process, ProcessView, Signal};
pub use producer::{
    ConsumerGroupMetadata, Producer, ProducerConfig, ProducerOutput, ProducerRecord,
    RecordMetadata, SendId, TransactionCall,
};
pub use topic_partition::{OffsetAndMetadata, TopicPartition};
