//! BrokerHeartbeat, versions 0 and 1 (KIP-631, KIP-858). What is decided, and its errors, is in
//! `controller/broker_states.rs`. Different from Kafka 4.4: version 2 (cordoned log directories, KIP-1066).

use kafka_protocol::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

use super::read;
use crate::controller::{BrokerHeartbeats, ControllerResult, Heartbeat, process_heartbeat};
use crate::{BrokerConfig, MetadataImage};

/// The answer, and whether the broker is in controlled shutdown from now on. `registered_at`: offset of the
/// record that registered the broker last, if any did.
pub(crate) fn decide(
    image: &MetadataImage,
    config: &BrokerConfig,
    heartbeats: &mut BrokerHeartbeats,
    registered_at: Option<i64>,
    request: &BrokerHeartbeatRequest,
) -> ControllerResult<(BrokerHeartbeatResponse, bool)> {
    let heartbeat = Heartbeat {
        broker_id: request.broker_id.0,
        broker_epoch: request.broker_epoch,
        current_metadata_offset: request.current_metadata_offset,
        want_fence: request.want_fence,
        want_shut_down: request.want_shut_down,
    };
    let offline = &request.offline_log_dirs;
    match process_heartbeat(image, config, heartbeats, &heartbeat, offline, registered_at) {
        Ok(ControllerResult { records, response: reply }) => {
            let response = BrokerHeartbeatResponse::default()
                .with_is_caught_up(reply.is_caught_up)
                .with_is_fenced(reply.is_fenced)
                .with_should_shut_down(reply.should_shut_down);
            ControllerResult { records, response: (response, reply.in_controlled_shutdown) }
        }
        Err(error) => {
            let response = BrokerHeartbeatResponse::default().with_error_code(error.code.code());
            read((response, false))
        }
    }
}
