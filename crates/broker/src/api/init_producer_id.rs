//! InitProducerId, versions 0 to 5, for idempotent producers: a new id with epoch 0 each time.
//!
//! Ids come from blocks of 1000 that the controller gives to a broker (KIP-730). Different from
//! Kafka 4.4: transactions are not modelled; a transactional id is answered with
//! `COORDINATOR_NOT_AVAILABLE`.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::{Reply, RequestContext, now};
use crate::controller::allocate_producer_ids;
use crate::{Broker, Effects, ErrorCode};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: InitProducerIdRequest,
    effects: &mut Effects,
) -> Reply {
    let refused = |error: ErrorCode| {
        now(InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1))
    };
    // `KafkaApis.handleInitProducerIdRequest`: both are given, or neither is.
    if (request.producer_id.0 == -1) != (request.producer_epoch == -1) {
        return refused(ErrorCode::InvalidRequest);
    }
    match &request.transactional_id {
        Some(id) if id.is_empty() => return refused(ErrorCode::InvalidRequest),
        Some(_) => return refused(ErrorCode::CoordinatorNotAvailable),
        None => {}
    }
    let id = match broker.producer_ids.claim() {
        Some(id) => Some(id),
        None => {
            let block = allocate_producer_ids(&broker.image, broker.config.node_id);
            broker.commit(ctx.now, block.records, ctx.cause(), effects);
            broker.producer_ids = block.response;
            broker.producer_ids.claim()
        }
    };
    match id {
        Some(id) => now(InitProducerIdResponse::default()
            .with_producer_id(ProducerId(id))
            .with_producer_epoch(0)),
        None => refused(ErrorCode::UnknownServerError),
    }
}
