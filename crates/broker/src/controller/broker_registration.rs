//! A broker joins the cluster: `ClusterControlManager.registerBroker`.

use kafka_protocol::messages::BrokerRegistrationRequest;
use logbrook_sorted::{SortedMap, SortedSet};
use uuid::Uuid;

use super::broker_heartbeats::BrokerHeartbeats;
use super::broker_states::handle_shutdown;
use super::directories::is_reserved;
use super::{BrokerRegistration, ControllerResult, MetadataRecord};
use crate::api_error::ApiError;
use crate::{BrokerConfig, ErrorCode, MetadataImage};

/// `MetadataVersion.FEATURE_NAME`.
const METADATA_VERSION: &str = "metadata.version";
/// First version of the request that says which start of the broker stopped in order.
const PREVIOUS_EPOCH_VERSION: i16 = 3;

/// What a registration is judged by, beside the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registering<'a> {
    pub(crate) image: &'a MetadataImage,
    pub(crate) config: &'a BrokerConfig,
    pub(crate) version: i16,
    /// The next offset of the metadata log: the epoch of a new start of a broker.
    pub(crate) new_epoch: i64,
    /// Ms.
    pub(crate) now: i64,
}

/// Registers a broker, fenced; the response is its epoch. The same start of a broker may register again, to
/// tell of other listeners, and keeps its epoch.
///
/// # Errors
/// `INCONSISTENT_CLUSTER_ID`, `DUPLICATE_BROKER_REGISTRATION`, `INVALID_REGISTRATION`, `UNSUPPORTED_VERSION`,
/// `BROKER_ID_NOT_REGISTERED` (a ZooKeeper broker).
pub(crate) fn register_broker(
    registering: Registering<'_>,
    heartbeats: &mut BrokerHeartbeats,
    request: &BrokerRegistrationRequest,
) -> Result<ControllerResult<i64>, ApiError> {
    let Registering { image, config, version, new_epoch, now } = registering;
    let (expected, given) = (config.cluster_id.as_str(), request.cluster_id.as_str());
    if expected != given {
        return Err(ApiError::new(
            ErrorCode::InconsistentClusterId,
            format!("Expected cluster ID {expected}, but got cluster ID {given}"),
        ));
    }
    let broker_id = request.broker_id.0;
    let existing = image.broker(broker_id);
    let same_start = existing.filter(|existing| existing.incarnation_id == request.incarnation_id);
    if let Some(existing) = existing
        && same_start.is_none()
        && heartbeats.has_valid_session(broker_id, existing.epoch, now)
    {
        return Err(ApiError::new(
            ErrorCode::DuplicateBrokerRegistration,
            "Another broker is registered with that broker id. If the broker was recently \
             restarted this should self-resolve once the heartbeat manager expires the broker's \
             session.",
        ));
    }
    if request.is_migrating_zk_broker {
        return Err(ApiError::new(
            ErrorCode::BrokerIdNotRegistered,
            "Controller does not support registering ZK brokers.",
        ));
    }
    validate_directories(image, broker_id, &request.log_dirs)?;
    let features = supported_features(image, request)?;
    let listener = request.listeners.first().ok_or_else(|| invalid("No listeners in request"))?;
    let mut records = Vec::new();
    if same_start.is_none() {
        let clean = version >= PREVIOUS_EPOCH_VERSION
            && existing.is_some_and(|known| known.epoch == request.previous_broker_epoch);
        handle_shutdown(image, config, broker_id, clean, &mut records);
    }
    let epoch = same_start.map_or(new_epoch, |existing| existing.epoch);
    let fenced = same_start.is_none_or(|existing| existing.fenced);
    // Last, so that a controller that dies in between leaves the broker to register again.
    records.push(MetadataRecord::RegisterBroker(BrokerRegistration {
        broker_id,
        epoch,
        incarnation_id: request.incarnation_id,
        listener: listener.name.to_string(),
        host: listener.host.to_string(),
        port: listener.port,
        security_protocol: listener.security_protocol,
        features,
        rack: request.rack.as_ref().map(|rack| rack.to_string()),
        directories: request.log_dirs.clone(),
        fenced,
        in_controlled_shutdown: same_start.is_some_and(|known| known.in_controlled_shutdown),
    }));
    if same_start.is_none() {
        heartbeats.remove(broker_id);
    }
    heartbeats.register(broker_id, fenced);
    Ok(ControllerResult { records, response: epoch })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRegistration, message)
}

fn validate_directories(
    image: &MetadataImage,
    broker_id: i32,
    directories: &[Uuid],
) -> Result<(), ApiError> {
    if directories.is_empty() {
        return Err(invalid("No directories specified in request"));
    }
    if directories.iter().any(|id| is_reserved(*id)) {
        return Err(invalid("Reserved directory ID in request"));
    }
    let distinct: SortedSet<&Uuid> = directories.iter().collect();
    if distinct.len() != directories.len() {
        return Err(invalid("Duplicate directory ID in request"));
    }
    for directory in directories {
        let owner = image
            .brokers()
            .values()
            .find(|broker| broker.broker_id != broker_id && broker.directories.contains(directory));
        if let Some(owner) = owner {
            return Err(invalid(format!(
                "Broker {} is already registered with directory {}",
                owner.broker_id,
                crate::storage::uuid_text(*directory)
            )));
        }
    }
    Ok(())
}

/// Every finalized feature must be supported in its level (`processRegistrationFeature`).
fn supported_features(
    image: &MetadataImage,
    request: &BrokerRegistrationRequest,
) -> Result<SortedMap<String, (i16, i16)>, ApiError> {
    let features: SortedMap<String, (i16, i16)> = request
        .features
        .iter()
        .map(|feature| {
            let range = (feature.min_supported_version, feature.max_supported_version);
            (feature.name.to_string(), range)
        })
        .collect();
    let check = |name: &str, (min, max): (i16, i16)| {
        let finalized = image.feature_level(name);
        if (min..=max).contains(&finalized) {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::UnsupportedVersion,
            format!(
                "Unable to register because the broker does not support finalized version \
                 {finalized} of {name}. The broker wants a version between {min} and {max}, \
                 inclusive."
            ),
        ))
    };
    features.iter().try_for_each(|(name, range)| check(name, *range))?;
    if !features.contains_key(METADATA_VERSION) {
        return Err(invalid(format!("Request features do not contain '{METADATA_VERSION}'")));
    }
    let unnamed = image.features().keys().filter(|name| !features.contains_key(name.as_str()));
    // Not supported at all is level 0.
    unnamed.into_iter().try_for_each(|name| check(name, (0, 0)))?;
    Ok(features)
}
