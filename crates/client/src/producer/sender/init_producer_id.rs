//! InitProducerId: the id that makes a producer idempotent (`bumpIdempotentEpochAndResetIdIfNeeded`,
//! `InitProducerIdHandler` of `TransactionManager`).

use kafka_protocol::messages::{InitProducerIdRequest, ProducerId as WireProducerId};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::{ProducerEpoch, ProducerId};

use crate::error::{KAFKA, KafkaError};
use crate::network_client::SendFailure;
use crate::producer::Producer;
use crate::producer::transaction_manager::ProducerIdAndEpoch;

/// The token of InitProducerId; batches have tokens from 1 on.
pub(super) const INIT_PRODUCER_ID_TOKEN: u64 = 0;

/// Where the search for a producer id stands.
#[derive(Clone, Debug, Default)]
pub(in crate::producer) struct InitProducerId {
    in_flight: bool,
    attempts: u32,
    pub(in crate::producer) retry_at_ms: Option<i64>,
}

impl Producer {
    pub(super) fn find_producer_id(&mut self, now: i64) {
        let Some(idempotence) = &mut self.idempotence else { return };
        idempotence.resolve_sequences();
        if self.transactions.is_some() {
            // `initTransactions` asks for it.
            return;
        }
        if !idempotence.needs_producer_id(&mut self.accumulator.batches)
            || self.init_producer_id.in_flight
            || self.fatal.is_some()
            || self.init_producer_id.retry_at_ms.is_some_and(|at| now < at)
        {
            return;
        }
        // Java asks as soon as the producer exists; nothing depends on it before the first record.
        let Some(node) = self.client.least_loaded_node(now) else { return };
        if !self.client.ready(now, &node) {
            return;
        }
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id(WireProducerId(-1))
            .with_producer_epoch(-1);
        let sent = self.client.send(
            now,
            node.id,
            INIT_PRODUCER_ID_TOKEN,
            Request::InitProducerId(request),
        );
        self.init_producer_id.in_flight = sent.is_some();
        if sent.is_none() {
            self.fail_everything(KafkaError::of(ErrorCode::UnsupportedVersion));
        }
    }

    pub(super) fn producer_id_response(&mut self, now: i64, result: Result<Response, SendFailure>) {
        self.init_producer_id.in_flight = false;
        let error = match result {
            Ok(Response::InitProducerId(response)) => {
                let error = ErrorCode::from_code(response.error_code)
                    .unwrap_or(ErrorCode::UnknownServerError);
                if error == ErrorCode::None {
                    if let Some(idempotence) = &mut self.idempotence {
                        idempotence.producer = ProducerIdAndEpoch {
                            id: ProducerId(response.producer_id.0),
                            epoch: ProducerEpoch(response.producer_epoch),
                        };
                    }
                    self.init_producer_id = InitProducerId::default();
                    return;
                }
                error
            }
            Ok(_) | Err(SendFailure::Disconnected | SendFailure::TimedOut) => {
                ErrorCode::NetworkException
            }
        };
        if error.is_retriable() || error == ErrorCode::CoordinatorLoadInProgress {
            let wait = self.client.retry_backoff(self.init_producer_id.attempts);
            self.init_producer_id.attempts = self.init_producer_id.attempts.saturating_add(1);
            self.init_producer_id.retry_at_ms = Some(now.saturating_add(wait));
        } else {
            self.fail_everything(KafkaError::client(
                KAFKA,
                format!("Unexpected error in InitProducerIdResponse; {}", error.message()),
            ));
        }
    }

    /// A fatal error of the sender: what waits fails, and so does what comes.
    fn fail_everything(&mut self, error: KafkaError) {
        for id in self.accumulator.all() {
            self.fail_batch(id, |_| error.clone());
        }
        self.fatal = Some(error);
    }
}
