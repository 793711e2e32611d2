//! What a cluster begins with (`ActivationRecordsGenerator`).

use super::MetadataRecord;
use crate::api::api_versions::FEATURES;
use crate::{BrokerConfig, ConfigResource};

/// The features, and with eligible leader replicas a config for all brokers (KIP-966,
/// `ConfigurationControlManager.maybeGenerateElrSafetyRecords`).
pub(crate) fn format_records(config: &BrokerConfig) -> Vec<MetadataRecord> {
    let level = |(name, _, _, level): &(&str, i16, i16, i16)| MetadataRecord::FeatureLevel {
        name: (*name).to_owned(),
        level: *level,
    };
    let mut records: Vec<MetadataRecord> = FEATURES.iter().map(level).collect();
    records.push(MetadataRecord::Config {
        resource: ConfigResource::cluster_defaults(),
        name: "min.insync.replicas".to_owned(),
        value: Some(config.number("min.insync.replicas").to_string()),
    });
    records
}
