//! The admin client: one request, one answer, with metadata and retries (`KafkaAdminClient`).

use std::collections::BTreeMap;

use logbrook_broker::wire::{Request, Response};

use crate::error::KafkaError;
use crate::log_line::LogLine;
use crate::net::{Channel, Endpoint, NetEvent, Outgoing};
use crate::topic_partition::TopicPartition;

/// Configuration of an [`Admin`], `AdminClientConfig` of Kafka 4.4.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminConfig {
    /// `client.id`; Java generates `adminclient-1`.
    pub client_id: String,
}

impl AdminConfig {
    /// From properties by Kafka's names.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self, KafkaError> {
        Ok(Self {
            client_id: properties
                .get("client.id")
                .cloned()
                .unwrap_or_else(|| "adminclient-1".to_owned()),
        })
    }
}

/// The handle of one [`Admin::call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Which broker answers a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any broker.
    Any,
    /// The controller, or the broker that forwards to it.
    Controller,
    /// The coordinator of this group.
    Coordinator(String),
    /// The leader of this partition.
    Leader(TopicPartition),
    /// This broker.
    Node(i32),
}

/// What an admin client asks for or reports.
#[derive(Clone, Debug)]
pub enum AdminOutput {
    /// Send this.
    Request(Outgoing),
    /// Close this connection.
    Disconnect {
        /// The broker's address.
        to: Endpoint,
        /// The connection.
        channel: Channel,
    },
    /// A call ended. Error codes inside the response's items are the caller's to read.
    Completed {
        /// Which.
        id: CallId,
        /// The response, or why there is none.
        result: Box<Result<Response, KafkaError>>,
    },
    /// A line of the log.
    Log(LogLine),
}

/// Kafka's admin client as a state machine.
#[derive(Clone, Debug)]
pub struct Admin {
    config: AdminConfig,
}

impl Admin {
    /// An admin client; `seed` feeds its backoff jitter.
    pub fn new(config: AdminConfig, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// Its configuration.
    pub fn config(&self) -> &AdminConfig {
        &self.config
    }

    /// Starts a call; it ends in an [`AdminOutput::Completed`].
    pub fn call(&mut self, now: i64, request: Request, target: Target) -> CallId {
        let _ = (now, request, target);
        CallId(0)
    }

    /// Takes what the network says.
    pub fn handle(&mut self, now: i64, event: NetEvent) {
        let _ = (now, event);
    }

    /// What to do now. Call after every other call and at [`Admin::next_wakeup`].
    pub fn poll(&mut self, now: i64) -> Vec<AdminOutput> {
        let _ = now;
        Vec::new()
    }

    /// When to poll again if nothing happens before, ms.
    pub fn next_wakeup(&self) -> Option<i64> {
        None
    }
}
