//! What a cluster begins with (`ActivationRecordsGenerator`).

use super::MetadataRecord;
use super::features::elr_safety_records;
use crate::api::api_versions::FEATURES;
use crate::{BrokerConfig, MetadataImage};

/// The features, and with eligible leader replicas a config for all brokers (KIP-966,
/// `ConfigurationControlManager.maybeGenerateElrSafetyRecords`).
pub(crate) fn format_records(config: &BrokerConfig) -> Vec<MetadataRecord> {
    let level = |(name, _, _, level): &(&str, i16, i16, i16)| MetadataRecord::FeatureLevel {
        name: (*name).to_owned(),
        level: *level,
    };
    let mut records: Vec<MetadataRecord> = FEATURES.iter().map(level).collect();
    records.extend(elr_safety_records(&MetadataImage::default(), config));
    records
}
