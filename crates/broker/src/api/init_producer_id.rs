//! InitProducerId, versions 0 to 5.
//!
//! Without a transactional id: a new producer id with epoch 0 each time. With one: the id's next
//! epoch, after its open transaction was aborted. Different from Kafka 4.4: version 6 (two-phase
//! commit, KIP-939, off by default) is not served.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse, ProducerId};

use super::{Reply, RequestContext, now};
use crate::transaction_coordinator::{
    self, Call, InitProducerId, ProducerIdAndEpoch, error_for, generate_producer_id,
};
use crate::{Broker, Effects, ErrorCode};

/// First version that knows `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 4;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: InitProducerIdRequest,
    effects: &mut Effects,
) -> Reply {
    let given = init(broker, ctx, request, effects);
    let response = InitProducerIdResponse::default();
    now(match given {
        Ok(ProducerIdAndEpoch { producer_id, producer_epoch }) => {
            response.with_producer_id(ProducerId(producer_id)).with_producer_epoch(producer_epoch)
        }
        Err(error) => {
            let error = error_for(error, ctx.version(), PRODUCER_FENCED_VERSION);
            response
                .with_error_code(error.code())
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1)
        }
    })
}

fn init(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: InitProducerIdRequest,
    effects: &mut Effects,
) -> Result<ProducerIdAndEpoch, ErrorCode> {
    // `KafkaApis.handleInitProducerIdRequest`: both are given, or neither is.
    let expected = match (request.producer_id.0, request.producer_epoch) {
        (-1, -1) => None,
        (-1, _) | (_, -1) => return Err(ErrorCode::InvalidRequest),
        (producer_id, producer_epoch) => Some(ProducerIdAndEpoch { producer_id, producer_epoch }),
    };
    let Some(transactional_id) = request.transactional_id else {
        let producer_id = generate_producer_id(broker, Call::of(ctx), effects)?;
        return Ok(ProducerIdAndEpoch { producer_id, producer_epoch: 0 });
    };
    let init = InitProducerId {
        transactional_id: transactional_id.to_string(),
        transaction_timeout_ms: request.transaction_timeout_ms,
        enable_2pc: request.enable_2_pc,
        keep_prepared_txn: request.keep_prepared_txn,
        expected,
    };
    transaction_coordinator::init_producer_id(broker, ctx, &init, effects)
}
