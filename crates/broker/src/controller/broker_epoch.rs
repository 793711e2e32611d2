//! Which start of a broker a request is from (`ClusterControlManager.checkBrokerEpoch`).

use crate::api_error::ApiError;
use crate::{ErrorCode, MetadataImage};

/// # Errors
/// `STALE_BROKER_EPOCH`: the broker is not registered, or another start of it is.
pub(super) fn check_broker_epoch(
    image: &MetadataImage,
    broker_id: i32,
    broker_epoch: i64,
) -> Result<(), ApiError> {
    let message = match image.broker(broker_id) {
        Some(broker) if broker.epoch == broker_epoch => return Ok(()),
        Some(broker) => {
            let expected = broker.epoch;
            format!("Expected broker epoch {expected}, but got broker epoch {broker_epoch}")
        }
        None => format!("No broker registration found for broker id {broker_id}"),
    };
    Err(ApiError::new(ErrorCode::StaleBrokerEpoch, message))
}
