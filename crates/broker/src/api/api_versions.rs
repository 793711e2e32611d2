//! ApiVersions, versions 0 to 4: what this broker serves, which is less than Kafka 4.4 serves, and
//! no more than it does.
//!
//! An unknown version is answered in version 0 with `UNSUPPORTED_VERSION` and the versions of
//! ApiVersions itself (KIP-511). Of the features only those that this broker lives by are told:
//! `metadata.version`, `eligible.leader.replicas.version`, `group.version` (KIP-848) and
//! `transaction.version`.

use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};

use super::{Reply, RequestContext, now, text};
use crate::ErrorCode;
use crate::wire::ServedApi;

/// Name, least and greatest level supported, level finalized. 33 is Kafka 4.4's metadata version.
pub(crate) const FEATURES: &[(&str, i16, i16, i16)] = &[
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("metadata.version", 7, 33, 33),
    ("transaction.version", 0, 2, 2),
];

/// First version that tells features (KIP-584).
const FEATURES_VERSION: i16 = 3;

/// `is_served`: which APIs the listener has that was asked.
pub(crate) fn handle(
    ctx: &RequestContext,
    request: ApiVersionsRequest,
    is_served: impl Fn(&ServedApi) -> bool,
) -> Reply {
    // `ApiVersionsRequest.isValid`, from version 3 on (KIP-511).
    let valid = |name: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        ends(name.chars().next())
            && ends(name.chars().last())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    };
    let named = valid(&request.client_software_name) && valid(&request.client_software_version);
    if ctx.version() >= FEATURES_VERSION && !named {
        let error = ErrorCode::InvalidRequest.code();
        return now(ApiVersionsResponse::default().with_error_code(error));
    }
    let apis = ServedApi::ALL.iter().filter(|api| is_served(api)).map(api);
    let response = ApiVersionsResponse::default().with_api_keys(apis.collect());
    if ctx.version() < FEATURES_VERSION {
        return now(response);
    }
    // Before version 4 a level of 0 could not be told (KAFKA-17011).
    let told = |min: i16| ctx.version() >= 4 || min > 0;
    let supported = FEATURES.iter().filter(|(_, min, ..)| told(*min)).map(|(name, min, max, _)| {
        SupportedFeatureKey::default()
            .with_name(text(*name))
            .with_min_version(*min)
            .with_max_version(*max)
    });
    let finalized = FEATURES.iter().map(|(name, _, _, level)| {
        FinalizedFeatureKey::default()
            .with_name(text(*name))
            .with_min_version_level(*level)
            .with_max_version_level(*level)
    });
    now(response
        .with_supported_features(supported.collect())
        .with_finalized_features(finalized.collect())
        .with_finalized_features_epoch(0))
}

/// The answer to a version that is not served.
pub(crate) fn unsupported_version() -> Reply {
    let own = ServedApi::find(ApiKey::ApiVersions).into_iter().map(api).collect();
    now(ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(own))
}

fn api(api: &ServedApi) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key as i16)
        .with_min_version(api.min_version)
        .with_max_version(api.max_version)
}
