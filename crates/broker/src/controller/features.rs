//! Levels of features: `FeatureControlManager` (KIP-584).

use logbrook_sorted::SortedMap;

use super::MetadataRecord;
use crate::api::api_versions::{FEATURES, KRAFT_VERSION};
use crate::api_error::ApiError;
use crate::java_hash::hash_order;
use crate::{BrokerConfig, ConfigResource, ConfigResourceType, ErrorCode, MetadataImage};

const METADATA_VERSION: &str = "metadata.version";
const ELR_VERSION: &str = "eligible.leader.replicas.version";
/// What eligible leader replicas depend on (`EligibleLeaderReplicasVersion.ELRV_1`).
const ELR_METADATA_VERSION: i16 = 23;
/// The levels of `metadata.version` that changed the metadata (`MetadataVersion.didMetadataChange`).
const METADATA_CHANGED: [i16; 11] = [7, 8, 11, 13, 14, 15, 17, 23, 30, 32, 33];
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// `FeatureUpdate.UpgradeType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpgradeType {
    Unknown,
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
}

impl UpgradeType {
    fn from_code(code: i8) -> UpgradeType {
        match code {
            1 => UpgradeType::Upgrade,
            2 => UpgradeType::SafeDowngrade,
            3 => UpgradeType::UnsafeDowngrade,
            _ => UpgradeType::Unknown,
        }
    }
}

/// New levels: for each feature the level, and the code of what kind of update it is.
pub(crate) type Updates = SortedMap<String, (i16, i8)>;

/// What an update is decided by.
pub(crate) struct FeatureControl<'a> {
    pub(crate) image: &'a MetadataImage,
    pub(crate) config: &'a BrokerConfig,
    /// The level of `kraft.version`, which the quorum keeps and not the image.
    pub(crate) kraft_version: i16,
}

impl FeatureControl<'_> {
    /// The records of an update, or what is wrong with it. It is whole or not at all.
    pub(crate) fn update(&self, updates: &Updates) -> Result<Vec<MetadataRecord>, ApiError> {
        let mut records = Vec::new();
        // The first error counts, in the order of Java's map.
        for name in hash_order(updates.keys().cloned(), 16) {
            if let Some((level, kind)) = updates.get(&name) {
                let kind = UpgradeType::from_code(*kind);
                records.extend(self.update_one(&name, *level, kind, updates)?);
            }
        }
        if updates.get(ELR_VERSION).is_some_and(|(level, _)| *level > 0) {
            let mut safety = elr_safety_records(self.image, self.config);
            safety.append(&mut records);
            return Ok(safety);
        }
        Ok(records)
    }

    fn level(&self, name: &str) -> i16 {
        if name == KRAFT_VERSION.0 { self.kraft_version } else { self.image.feature_level(name) }
    }

    fn update_one(
        &self,
        name: &str,
        new: i16,
        kind: UpgradeType,
        updates: &Updates,
    ) -> Result<Option<MetadataRecord>, ApiError> {
        let invalid = |message: &str| {
            let message = format!("Invalid update version {new} for feature {name}. {message}");
            Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
        };
        if kind == UpgradeType::Unknown {
            return invalid("The controller does not support the given upgrade type.");
        }
        let current = self.level(name);
        if new < 0 {
            return invalid("A feature version cannot be less than 0.");
        }
        if let Some(reason) = self.reason_not_supported(name, new) {
            return invalid(&reason);
        }
        if new < current && kind == UpgradeType::Upgrade {
            return invalid(
                "Can't downgrade the version of this feature without setting the upgrade type to \
                 either safe or unsafe downgrade.",
            );
        }
        if new > current && kind != UpgradeType::Upgrade {
            return invalid("Can't downgrade to a newer version.");
        }
        let record = MetadataRecord::FeatureLevel { name: name.to_owned(), level: new };
        match name {
            METADATA_VERSION => {
                check_metadata_version(current, new, kind)?;
                Ok(Some(record))
            }
            _ if name == KRAFT_VERSION.0 => match kind {
                UpgradeType::Upgrade if new > current => {
                    let message = format!(
                        "Invalid upgrade of {name} to {new} because not all of the voters support it"
                    );
                    Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
                }
                _ if new < current => invalid("Can't downgrade the version of this feature."),
                _ => Ok(None),
            },
            ELR_VERSION if new > 0 => {
                let given = updates.get(METADATA_VERSION).map(|(level, _)| *level);
                if given.unwrap_or_else(|| self.level(METADATA_VERSION)) < ELR_METADATA_VERSION {
                    return invalid(&format!(
                        "{name} could not be set to {new} because it depends on {METADATA_VERSION} \
                         level {ELR_METADATA_VERSION}"
                    ));
                }
                Ok(Some(record))
            }
            _ if FEATURES.iter().any(|(known, ..)| *known == name) => Ok(Some(record)),
            _ => invalid(&format!("Feature {name} not found.")),
        }
    }

    /// `QuorumFeatures.reasonNotSupported`, of this controller and of each broker.
    fn reason_not_supported(&self, name: &str, level: i16) -> Option<String> {
        let local = supported().find(|(known, _)| *known == name).map(|(_, range)| range);
        let brokers = self.image.brokers().values().map(|broker| {
            (format!("Broker {}", broker.broker_id), broker.features.get(name).copied())
        });
        let own = (format!("Local controller {}", self.config.node_id), local);
        core::iter::once(own).chain(brokers).find_map(|(what, range)| {
            let (min, max) = range.unwrap_or((0, 0));
            if (min..=max).contains(&level) {
                None
            } else if max == 0 {
                Some(format!("{what} does not support this feature."))
            } else {
                Some(format!("{what} only supports versions {min}-{max}"))
            }
        })
    }
}

/// The least and greatest level that this software supports of each feature.
pub(crate) fn supported() -> impl Iterator<Item = (&'static str, (i16, i16))> {
    let kraft = (KRAFT_VERSION.0, (KRAFT_VERSION.1, KRAFT_VERSION.2));
    FEATURES.iter().map(|(name, min, max, _)| (*name, (*min, *max))).chain([kraft])
}

/// `updateMetadataVersion`: metadata are not lost by a downgrade.
fn check_metadata_version(current: i16, new: i16, kind: UpgradeType) -> Result<(), ApiError> {
    let changed = METADATA_CHANGED.iter().any(|level| (new + 1..=current).contains(level));
    if !changed {
        return Ok(());
    }
    let why = match kind {
        UpgradeType::UnsafeDowngrade => {
            "Unsafe metadata downgrade is not supported in this version."
        }
        _ => {
            "Refusing to perform the requested downgrade because it might delete metadata \
             information."
        }
    };
    let message = format!("Unsupported metadata.version downgrade from {current} to {new}. {why}");
    Err(ApiError::new(ErrorCode::InvalidUpdateVersion, message))
}

/// With eligible leader replicas `min.insync.replicas` is one for the whole cluster
/// (`ConfigurationControlManager.maybeGenerateElrSafetyRecords`, KIP-966).
pub(super) fn elr_safety_records(
    image: &MetadataImage,
    config: &BrokerConfig,
) -> Vec<MetadataRecord> {
    let record = |resource: ConfigResource, value: Option<String>| MetadataRecord::Config {
        resource,
        name: MIN_INSYNC_REPLICAS.to_owned(),
        value,
    };
    let mut records = Vec::new();
    let cluster = ConfigResource::cluster_defaults();
    if !image.config(&cluster).contains_key(MIN_INSYNC_REPLICAS) {
        records.push(record(cluster.clone(), Some(config.number(MIN_INSYNC_REPLICAS).to_string())));
    }
    for resource in image.configured() {
        let of_broker = resource.kind == ConfigResourceType::Broker && *resource != cluster;
        if of_broker && image.config(resource).contains_key(MIN_INSYNC_REPLICAS) {
            records.push(record(resource.clone(), None));
        }
    }
    records
}
