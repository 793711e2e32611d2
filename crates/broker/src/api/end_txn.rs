//! EndTxn, versions 0 to 5: commits or aborts a transaction.
//!
//! From version 5 on (transactions v2, KIP-890) the answer says the epoch, and where epochs are used up
//! the producer id, of the next transaction.

use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse, ProducerId};

use super::{Reply, RequestContext, now};
use crate::transaction_coordinator::{
    self, Call, EndTransaction, ProducerIdAndEpoch, TransactionResult, TransactionVersion,
};
use crate::{Broker, Effects};

/// First version of transactions v2.
const TRANSACTIONS_V2_VERSION: i16 = 5;
/// First version that knows `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: EndTxnRequest,
    effects: &mut Effects,
) -> Reply {
    let end = EndTransaction {
        transactional_id: request.transactional_id.to_string(),
        producer: ProducerIdAndEpoch {
            producer_id: request.producer_id.0,
            producer_epoch: request.producer_epoch,
        },
        result: TransactionResult::from_committed(request.committed),
        client_transaction_version: if ctx.version() >= TRANSACTIONS_V2_VERSION {
            TransactionVersion::V2
        } else {
            TransactionVersion::V0
        },
    };
    let ended = transaction_coordinator::end_transaction(broker, Call::of(ctx), &end, effects);
    let response = EndTxnResponse::default();
    now(match ended {
        // Older versions cannot carry the two fields, and are answered with their defaults.
        Ok(next) => response
            .with_producer_id(ProducerId(next.producer_id))
            .with_producer_epoch(next.producer_epoch),
        Err(error) => {
            let version = ctx.version();
            let error = transaction_coordinator::error_for(error, version, PRODUCER_FENCED_VERSION);
            response.with_error_code(error.code())
        }
    })
}
