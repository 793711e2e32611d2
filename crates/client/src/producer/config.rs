//! Producer configuration, `ProducerConfig` of Kafka 4.4.

use std::collections::BTreeMap;

use crate::error::KafkaError;

/// Parsed and validated producer configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    /// `client.id`; Java generates `producer-1`, `producer-2`, … where none is set.
    pub client_id: String,
}

impl ProducerConfig {
    /// From properties by Kafka's names. Unknown names are ignored (Kafka logs a warning).
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self, KafkaError> {
        Ok(Self {
            client_id: properties
                .get("client.id")
                .cloned()
                .unwrap_or_else(|| "producer-1".to_owned()),
        })
    }
}
