//! UnregisterBroker, version 0 (KIP-500). What is decided is in `controller/broker_states.rs`.

use kafka_protocol::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::{Deciding, read};
use crate::controller::{ControllerResult, unregister_broker};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &UnregisterBrokerRequest,
) -> ControllerResult<UnregisterBrokerResponse> {
    let response = UnregisterBrokerResponse::default().with_error_message(None);
    match unregister_broker(deciding.image, deciding.config, request.broker_id.0) {
        Ok(records) => ControllerResult { records, response },
        Err(error) => read(
            response.with_error_code(error.code.code()).with_error_message(error.wire_message()),
        ),
    }
}
