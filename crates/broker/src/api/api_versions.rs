//! ApiVersions, versions 0 to 4: what this broker serves, which is less than Kafka 4.4 serves, and
//! no more than it does.
//!
//! An unknown version is answered in version 0 with `UNSUPPORTED_VERSION` and the versions of
//! ApiVersions itself (KIP-511). The features are those that a cluster of Kafka 4.4 has, at the levels
//! that UpdateFeatures left them; of share and streams groups no API is served.

use kafka_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};

use super::{Reply, RequestContext, now, text};
use crate::controller::supported_features;
use crate::wire::ServedApi;
use crate::{ErrorCode, MetadataImage};

/// Name, least and greatest level supported, level finalized. 33 is Kafka 4.4's metadata version.
pub(crate) const FEATURES: &[(&str, i16, i16, i16)] = &[
    ("eligible.leader.replicas.version", 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("metadata.version", 7, 33, 33),
    ("share.version", 0, 2, 2),
    ("streams.version", 0, 1, 1),
    ("transaction.version", 0, 2, 2),
];

/// The feature whose level the quorum keeps, not the metadata; least and greatest level supported.
pub(crate) const KRAFT_VERSION: (&str, i16, i16) = ("kraft.version", 0, 1);

/// First version that tells features (KIP-584).
const FEATURES_VERSION: i16 = 3;

/// What is told of the features besides what is supported.
pub(crate) struct Finalized<'a> {
    pub(crate) image: &'a MetadataImage,
    /// The level of `kraft.version`.
    pub(crate) kraft_version: i16,
    /// Offset of the last metadata record.
    pub(crate) epoch: i64,
}

/// `is_served`: which APIs the listener has that was asked.
pub(crate) fn handle(
    ctx: &RequestContext,
    request: ApiVersionsRequest,
    finalized: &Finalized<'_>,
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
    let supported = supported_features().filter(|(_, (min, _))| told(*min));
    let supported = supported.map(|(name, (min, max))| {
        SupportedFeatureKey::default()
            .with_name(text(name))
            .with_min_version(min)
            .with_max_version(max)
    });
    let kraft_version = finalized.kraft_version;
    let kraft = (kraft_version > 0).then_some((KRAFT_VERSION.0, kraft_version));
    let levels = finalized.image.features().iter().map(|(name, level)| (name.as_str(), *level));
    let levels = levels.chain(kraft).map(|(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(text(name))
            .with_min_version_level(level)
            .with_max_version_level(level)
    });
    now(response
        .with_supported_features(supported.collect())
        .with_finalized_features(levels.collect())
        .with_finalized_features_epoch(finalized.epoch))
}

/// The answer to a version that is not served.
pub(crate) fn unsupported_version() -> Reply {
    let own = ServedApi::find(ApiKey::ApiVersions).into_iter().map(api).collect();
    now(ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(own))
}

/// What is told of Produce, whose versions before 3 are not served: librdkafka does not compress otherwise
/// (`ApiKeys.PRODUCE_API_VERSIONS_RESPONSE_MIN_VERSION`, KAFKA-18659).
const PRODUCE_MIN_VERSION: i16 = 0;

fn api(api: &ServedApi) -> ApiVersion {
    let min_version = match api.key {
        ApiKey::Produce => PRODUCE_MIN_VERSION,
        _ => api.min_version,
    };
    ApiVersion::default()
        .with_api_key(api.key as i16)
        .with_min_version(min_version)
        .with_max_version(api.max_version)
}
