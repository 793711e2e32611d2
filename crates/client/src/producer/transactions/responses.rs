//! What the answers to a transaction's requests mean (`handleResponse` of each `TxnRequestHandler`).

use kafka_protocol::messages::{
    AddPartitionsToTxnResponse, EndTxnResponse, FindCoordinatorResponse, InitProducerIdResponse,
    TxnOffsetCommitResponse,
};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;
use logbrook_record::{ProducerEpoch, ProducerId};
use logbrook_sorted::SortedSet;

use super::Transactions;
use super::requests::{CoordinatorType, Queued, TxnRequest};
use crate::error::{KAFKA, KafkaError};
use crate::network_client::SendFailure;
use crate::producer::Producer;
use crate::producer::transaction_manager::ProducerIdAndEpoch;
use crate::response_errors::read_coordinator;
use crate::topic_partition::TopicPartition;

/// `ADD_PARTITIONS_RETRY_BACKOFF_MS`: the previous transaction is about to complete.
const ADD_PARTITIONS_RETRY_BACKOFF_MS: i64 = 20;

/// What becomes of a request after its answer.
enum Verdict {
    /// It is done.
    Done,
    /// It waits for what it has enqueued.
    Passed,
    /// Again, after a backoff.
    Retry,
    /// Again, after so many ms.
    RetryAfter(i64),
    /// Again, once its coordinator is found.
    FindCoordinator,
    /// The transaction is lost; the producer may abort it and go on.
    Abortable(KafkaError),
    /// The same if the epoch can be bumped, else fatal.
    AbortableIfPossible(KafkaError),
    /// The producer is lost.
    Fatal(KafkaError),
}

fn error_of(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}

fn unexpected(prefix: &str, error: ErrorCode) -> Verdict {
    Verdict::Fatal(KafkaError::client(KAFKA, format!("{prefix}{}", error.message())))
}

/// `GroupAuthorizationException.forGroupId`.
fn group_authorization(group_id: &str) -> KafkaError {
    KafkaError::with_message(
        ErrorCode::GroupAuthorizationFailed,
        format!("Not authorized to access group: {group_id}"),
    )
}

/// What is the same for all requests to a transaction coordinator.
fn common(error: ErrorCode) -> Option<Verdict> {
    Some(match error {
        ErrorCode::CoordinatorNotAvailable | ErrorCode::NotCoordinator => Verdict::FindCoordinator,
        error if error.is_retriable() => Verdict::Retry,
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => {
            Verdict::Fatal(KafkaError::of(ErrorCode::ProducerFenced))
        }
        ErrorCode::TransactionAbortable => Verdict::Abortable(KafkaError::of(error)),
        _ => return None,
    })
}

/// The same for requests within a transaction.
fn within_transaction(error: ErrorCode) -> Option<Verdict> {
    common(error).or(match error {
        ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::InvalidTxnState
        | ErrorCode::InvalidProducerIdMapping => Some(Verdict::Fatal(KafkaError::of(error))),
        ErrorCode::UnknownProducerId => Some(Verdict::AbortableIfPossible(KafkaError::of(error))),
        _ => None,
    })
}

impl Producer {
    /// The answer to the request that was on its way.
    pub(in crate::producer) fn transactional_response(
        &mut self,
        now: i64,
        result: Result<Response, SendFailure>,
    ) {
        let Some(transactions) = &mut self.transactions else { return };
        let Some(queued) = transactions.in_flight.take() else { return };
        let verdict = match (&queued.request, result) {
            (_, Err(SendFailure::Disconnected | SendFailure::TimedOut)) => Verdict::FindCoordinator,
            (TxnRequest::FindCoordinator { kind, key }, Ok(Response::FindCoordinator(body))) => {
                let (kind, key) = (*kind, key.clone());
                transactions.find_coordinator_response(kind, &key, &body)
            }
            (
                TxnRequest::InitProducerId { is_epoch_bump, .. },
                Ok(Response::InitProducerId(body)),
            ) => {
                let bump = *is_epoch_bump;
                self.init_producer_id_response(bump, &body)
            }
            (TxnRequest::AddPartitionsToTxn { .. }, Ok(Response::AddPartitionsToTxn(body))) => {
                transactions.add_partitions_response(&body)
            }
            (
                TxnRequest::AddOffsetsToTxn { offsets, group },
                Ok(Response::AddOffsetsToTxn(body)),
            ) => match error_of(body.error_code) {
                ErrorCode::None => {
                    transactions.pending_offsets.extend(offsets.iter().cloned());
                    transactions.started = true;
                    let group = group.clone();
                    // The call is done when the offsets are.
                    transactions.enqueue(TxnRequest::TxnOffsetCommit { group }, queued.call);
                    Verdict::Passed
                }
                ErrorCode::GroupAuthorizationFailed => {
                    Verdict::Abortable(group_authorization(&group.group_id))
                }
                error => within_transaction(error).unwrap_or_else(|| {
                    unexpected("Unexpected error in AddOffsetsToTxnResponse: ", error)
                }),
            },
            (TxnRequest::TxnOffsetCommit { group }, Ok(Response::TxnOffsetCommit(body))) => {
                transactions.txn_offset_commit_response(&group.group_id, &body)
            }
            (TxnRequest::EndTxn { committed, .. }, Ok(Response::EndTxn(body))) => {
                let committed = *committed;
                self.end_txn_response(committed, &body)
            }
            (_, Ok(_)) => Verdict::Fatal(KafkaError::client(
                KAFKA,
                "Could not execute transactional request for unknown reasons",
            )),
        };
        self.carry_out(now, queued, verdict);
    }

    fn carry_out(&mut self, now: i64, queued: Queued, verdict: Verdict) {
        let backoff_ms = self.config.common.retry_backoff_ms;
        let Some(transactions) = &mut self.transactions else { return };
        let again = |after_ms: i64, queued: Queued| Queued {
            not_before_ms: now.saturating_add(after_ms),
            ..queued
        };
        match verdict {
            Verdict::Done => transactions.end(queued.call, Ok(())),
            Verdict::Passed => {}
            Verdict::Retry => transactions.requeue(again(backoff_ms, queued)),
            Verdict::RetryAfter(ms) => transactions.requeue(again(ms.min(backoff_ms), queued)),
            Verdict::FindCoordinator => {
                let found = transactions.coordinator_of(&queued.request);
                transactions.requeue(again(backoff_ms, queued));
                if let Some((kind, key)) = found {
                    transactions.lookup_coordinator(kind, &key, i64::MIN);
                }
            }
            Verdict::Abortable(error) => {
                transactions.end(queued.call, Err(error.clone()));
                transactions.abortable(error);
            }
            Verdict::AbortableIfPossible(error) => {
                transactions.end(queued.call, Err(error.clone()));
                if transactions.can_handle_abortable_error() {
                    transactions.epoch_bump_required |= transactions.needs_epoch_bump_from_client();
                    transactions.abortable(error);
                } else {
                    transactions.fatal(error);
                }
            }
            Verdict::Fatal(error) => {
                transactions.end(queued.call, Err(error.clone()));
                transactions.fatal(error);
            }
        }
    }

    fn init_producer_id_response(
        &mut self,
        is_epoch_bump: bool,
        body: &InitProducerIdResponse,
    ) -> Verdict {
        let error = error_of(body.error_code);
        match error {
            ErrorCode::None => {
                let producer = ProducerIdAndEpoch {
                    id: ProducerId(body.producer_id.0),
                    epoch: ProducerEpoch(body.producer_epoch),
                };
                if let Some(manager) = &mut self.idempotence {
                    manager.producer = producer;
                    if is_epoch_bump {
                        manager.reset_sequence_numbers();
                    }
                }
                let Some(transactions) = &mut self.transactions else { return Verdict::Done };
                match transactions.transition(super::State::Ready) {
                    Ok(()) => Verdict::Done,
                    Err(error) => Verdict::Fatal(error),
                }
            }
            ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::ClusterAuthorizationFailed => Verdict::Abortable(KafkaError::of(error)),
            error => common(error).unwrap_or_else(|| {
                unexpected("Unexpected error in InitProducerIdResponse; ", error)
            }),
        }
    }

    fn end_txn_response(&mut self, committed: bool, body: &EndTxnResponse) -> Verdict {
        let error = error_of(body.error_code);
        match error {
            ErrorCode::None => {
                if body.producer_id.0 != -1
                    && let Some(manager) = &mut self.idempotence
                {
                    manager.producer = ProducerIdAndEpoch {
                        id: ProducerId(body.producer_id.0),
                        epoch: ProducerEpoch(body.producer_epoch),
                    };
                    manager.reset_sequence_numbers();
                }
                if let Some(transactions) = &mut self.transactions {
                    transactions.reset();
                }
                Verdict::Done
            }
            // To abort again would go round in circles.
            ErrorCode::TransactionAbortable if !committed => {
                Verdict::Fatal(KafkaError::client(KAFKA, "Failed to abort transaction"))
            }
            error => within_transaction(error)
                .unwrap_or_else(|| unexpected("Unhandled error in EndTxnResponse: ", error)),
        }
    }
}

impl Transactions {
    fn find_coordinator_response(
        &mut self,
        kind: CoordinatorType,
        key: &str,
        body: &FindCoordinatorResponse,
    ) -> Verdict {
        let error = match read_coordinator(body, key) {
            Ok(node) => {
                match kind {
                    CoordinatorType::Group => self.group_coordinator = Some(node),
                    CoordinatorType::Transaction => self.coordinator = Some(node),
                }
                return Verdict::Done;
            }
            Err(error) => error,
        };
        match error.code {
            _ if error.retriable => Verdict::Retry,
            Some(ErrorCode::TransactionalIdAuthorizationFailed) => Verdict::Fatal(error),
            Some(ErrorCode::GroupAuthorizationFailed) => {
                Verdict::Abortable(group_authorization(key))
            }
            Some(ErrorCode::TransactionAbortable) => Verdict::Abortable(error),
            _ => {
                let kind = match kind {
                    CoordinatorType::Group => "GROUP",
                    CoordinatorType::Transaction => "TRANSACTION",
                };
                Verdict::Fatal(KafkaError::client(
                    KAFKA,
                    format!(
                        "Could not find a coordinator with type {kind} with key {key} due to unexpected error: {}",
                        error.message
                    ),
                ))
            }
        }
    }

    fn add_partitions_response(&mut self, body: &AddPartitionsToTxnResponse) -> Verdict {
        let mut answered = SortedSet::new();
        let mut errors = Vec::new();
        let mut unauthorized = Vec::new();
        for topic in &body.results_by_topic_v3_and_below {
            for result in &topic.results_by_partition {
                let partition = TopicPartition::new(topic.name.to_string(), result.partition_index);
                let error = error_of(result.partition_error_code);
                errors.push(format!("{partition}={}", error.name()));
                answered.insert(partition);
                match error {
                    ErrorCode::None => {}
                    ErrorCode::ConcurrentTransactions if self.partitions.is_empty() => {
                        return Verdict::RetryAfter(ADD_PARTITIONS_RETRY_BACKOFF_MS);
                    }
                    ErrorCode::TopicAuthorizationFailed => {
                        unauthorized.push(topic.name.to_string());
                    }
                    error => {
                        if let Some(verdict) = within_transaction(error) {
                            return verdict;
                        }
                    }
                }
            }
        }
        let failed = body
            .results_by_topic_v3_and_below
            .iter()
            .flat_map(|topic| &topic.results_by_partition)
            .any(|result| result.partition_error_code != 0);
        self.pending_partitions.retain(|partition| !answered.contains(partition));
        if !unauthorized.is_empty() {
            return Verdict::Abortable(KafkaError::with_message(
                ErrorCode::TopicAuthorizationFailed,
                format!("Not authorized to access topics: [{}]", unauthorized.join(", ")),
            ));
        }
        if failed {
            return Verdict::Abortable(KafkaError::client(
                KAFKA,
                format!(
                    "Could not add partitions to transaction due to errors: {{{}}}",
                    errors.join(", ")
                ),
            ));
        }
        self.partitions.append(&mut answered);
        self.started = true;
        Verdict::Done
    }

    fn txn_offset_commit_response(
        &mut self,
        group_id: &str,
        body: &TxnOffsetCommitResponse,
    ) -> Verdict {
        let mut find = false;
        for topic in &body.topics {
            for result in &topic.partitions {
                let partition = TopicPartition::new(topic.name.to_string(), result.partition_index);
                let verdict = match error_of(result.error_code) {
                    ErrorCode::None => {
                        self.pending_offsets.remove(&partition);
                        continue;
                    }
                    ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::NotCoordinator
                    | ErrorCode::RequestTimedOut => {
                        find = true;
                        continue;
                    }
                    error if error.is_retriable() => continue,
                    ErrorCode::GroupAuthorizationFailed => {
                        Verdict::Abortable(group_authorization(group_id))
                    }
                    error @ (ErrorCode::FencedInstanceId | ErrorCode::TransactionAbortable) => {
                        Verdict::Abortable(KafkaError::of(error))
                    }
                    error @ (ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration) => {
                        Verdict::Abortable(KafkaError::client(
                            "org.apache.kafka.clients.consumer.CommitFailedException",
                            format!(
                                "Transaction offset Commit failed due to consumer group metadata mismatch: {}",
                                error.message()
                            ),
                        ))
                    }
                    ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced => {
                        Verdict::Fatal(KafkaError::of(ErrorCode::ProducerFenced))
                    }
                    error @ (ErrorCode::TransactionalIdAuthorizationFailed
                    | ErrorCode::UnsupportedForMessageFormat) => {
                        Verdict::Fatal(KafkaError::of(error))
                    }
                    error => unexpected("Unexpected error in TxnOffsetCommitResponse: ", error),
                };
                self.pending_offsets.clear();
                return verdict;
            }
        }
        if self.pending_offsets.is_empty() {
            Verdict::Done
        } else if find {
            Verdict::FindCoordinator
        } else {
            Verdict::Retry
        }
    }
}
