//! ListTransactions, versions 0 to 2: by state and producer id, by duration from version 1 on
//! (KIP-994), by a pattern of the transactional id from version 2 on (KIP-1152).

use kafka_protocol::messages::list_transactions_response::TransactionState;
use kafka_protocol::messages::{
    ListTransactionsRequest, ListTransactionsResponse, ProducerId, TransactionalId,
};

use super::{Reply, RequestContext, now, text};
use crate::transaction_coordinator::{self, ListFilters};
use crate::{Broker, Effects};

/// First version that can carry a duration.
const DURATION_VERSION: i16 = 1;
/// `ListTransactionsOptions`: any duration.
const ANY_DURATION_MS: i64 = -1;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: ListTransactionsRequest,
    effects: &mut Effects,
) -> Reply {
    let filters = ListFilters {
        producer_ids: request.producer_id_filters.iter().map(|id| id.0).collect(),
        states: request.state_filters.iter().map(|state| state.to_string()).collect(),
        duration_ms: if ctx.version() >= DURATION_VERSION {
            request.duration_filter
        } else {
            ANY_DURATION_MS
        },
        transactional_id_pattern: request
            .transactional_id_pattern
            .map(|pattern| pattern.to_string()),
    };
    let response = ListTransactionsResponse::default();
    now(match transaction_coordinator::list(broker, ctx.now, &filters, effects) {
        Ok((listed, unknown)) => {
            let states = listed.into_iter().map(|listed| {
                TransactionState::default()
                    .with_transactional_id(TransactionalId(text(listed.transactional_id)))
                    .with_producer_id(ProducerId(listed.producer_id))
                    .with_transaction_state(text(listed.state.name()))
            });
            response
                .with_unknown_state_filters(unknown.into_iter().map(text).collect())
                .with_transaction_states(states.collect())
        }
        Err(error) => response.with_error_code(error.code()),
    })
}
