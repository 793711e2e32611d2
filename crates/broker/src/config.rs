//! A broker's identity and its `server.properties`.

use std::collections::BTreeMap;

/// Who a broker is and how it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `node.id`.
    pub node_id: i32,
    /// The cluster's id: 22 characters of URL-safe base 64 in Kafka, any text here.
    pub cluster_id: String,
    /// Host of `advertised.listeners`: what Metadata answers.
    pub host: String,
    /// Port of `advertised.listeners`.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Other server properties by Kafka's names (`num.partitions`, `log.retention.ms`…).
    pub properties: BTreeMap<String, String>,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        BrokerConfig {
            node_id: 1,
            cluster_id: "5L6g3nShT-eMCtK--X86sw".into(),
            host: "localhost".into(),
            port: 9092,
            rack: None,
            properties: BTreeMap::new(),
        }
    }
}
