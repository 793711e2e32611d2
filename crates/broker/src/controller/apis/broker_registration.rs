//! BrokerRegistration, versions 0 to 4 (KIP-631, KIP-858, KIP-966). What is decided, and its errors, is in
//! `controller/broker_registration.rs`. Different from Kafka 4.4: of several listeners the first is kept.

use kafka_protocol::messages::{BrokerRegistrationRequest, BrokerRegistrationResponse};

use super::read;
use crate::controller::{BrokerHeartbeats, ControllerResult, Registering, register_broker};

pub(crate) fn decide(
    registering: Registering<'_>,
    heartbeats: &mut BrokerHeartbeats,
    request: &BrokerRegistrationRequest,
) -> ControllerResult<BrokerRegistrationResponse> {
    match register_broker(registering, heartbeats, request) {
        Ok(ControllerResult { records, response: epoch }) => {
            let response = BrokerRegistrationResponse::default().with_broker_epoch(epoch);
            ControllerResult { records, response }
        }
        Err(error) => {
            read(BrokerRegistrationResponse::default().with_error_code(error.code.code()))
        }
    }
}
