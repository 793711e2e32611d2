//! Producer ids for this broker's producers (`RPCProducerIdManager`, KIP-730).

use super::Call;
use crate::controller::allocate_producer_ids;
use crate::{Broker, Effects, ErrorCode};

/// A producer id that was never given out. Ids come from blocks of 1000 that the controller gives to
/// a broker. While a controller elsewhere is asked for one, the coordinator counts as loading.
pub(crate) fn generate_producer_id(
    broker: &mut Broker,
    call: Call,
    effects: &mut Effects,
) -> Result<i64, ErrorCode> {
    if broker.membership.is_some() {
        let id = broker.producer_ids.claim();
        if id.is_none() || broker.producer_ids.is_running_out() {
            broker.request_producer_ids(call.now, effects);
        }
        return id.ok_or(ErrorCode::CoordinatorLoadInProgress);
    }
    if let Some(id) = broker.producer_ids.claim() {
        return Ok(id);
    }
    let block = allocate_producer_ids(&broker.image, broker.config.node_id);
    broker.commit(call.now, block.records, call.cause, effects);
    broker.producer_ids = block.response;
    broker.producer_ids.claim().ok_or(ErrorCode::UnknownServerError)
}
