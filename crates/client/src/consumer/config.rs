//! Consumer configuration, `ConsumerConfig` of Kafka 4.4.

use std::collections::BTreeMap;

use crate::error::KafkaError;

/// Parsed and validated consumer configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// `client.id`.
    pub client_id: String,
}

impl ConsumerConfig {
    /// From properties by Kafka's names. Unknown names are ignored (Kafka logs a warning).
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self, KafkaError> {
        Ok(Self {
            client_id: properties
                .get("client.id")
                .cloned()
                .unwrap_or_else(|| "consumer-1".to_owned()),
        })
    }
}
