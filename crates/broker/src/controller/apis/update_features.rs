//! UpdateFeatures, versions 0 to 2 (KIP-584). What is decided is in `controller/features.rs`.
//!
//! Different from Kafka 4.4: a quorum without a voters record stays at `kraft.version` 0.

use kafka_protocol::messages::update_features_response::UpdatableFeatureResult;
use kafka_protocol::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::{Deciding, read};
use crate::ErrorCode;
use crate::api::text;
use crate::controller::ControllerResult;
use crate::controller::features::FeatureControl;

/// First version that answers for all features together.
const ONE_RESULT_VERSION: i16 = 2;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: UpdateFeaturesRequest,
) -> ControllerResult<UpdateFeaturesResponse> {
    let updates = request.feature_updates.iter().map(|update| {
        (update.feature.to_string(), (update.max_version_level, update.upgrade_type))
    });
    let control = FeatureControl {
        image: deciding.image,
        config: deciding.config,
        kraft_version: deciding.kraft_version,
    };
    let response = UpdateFeaturesResponse::default().with_error_message(None);
    let mut records = match control.update(&updates.collect()) {
        Ok(records) => records,
        Err(error) => {
            let message = format!(
                "The update failed for all features since the following feature had an error: {}",
                error.message.unwrap_or_default()
            );
            let response = response.with_error_code(error.code.code());
            return read(response.with_error_message(Some(text(message))));
        }
    };
    if request.validate_only {
        records.clear();
    }
    if deciding.version >= ONE_RESULT_VERSION {
        return ControllerResult { records, response };
    }
    let results = request.feature_updates.into_iter().map(|update| {
        UpdatableFeatureResult::default()
            .with_feature(update.feature)
            .with_error_message(Some(text(ErrorCode::None.name())))
    });
    ControllerResult { records, response: response.with_results(results.collect()) }
}
