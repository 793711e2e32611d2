//! How a batch ends: done, split, tried again, refused or too late (`Sender.completeBatch`,
//! `Sender.canRetry`, `Sender.failBatch`).

use logbrook_broker::ErrorCode;
use logbrook_record::{Offset, increment_sequence};

use super::partition_response::Outcome;
use crate::error::{KAFKA, KafkaError};
use crate::producer::producer_batch::BatchId;
use crate::producer::{Producer, RecordMetadata};
use crate::topic_partition::TopicPartition;

impl Producer {
    /// `Sender.completeBatch`.
    pub(super) fn complete_batch(
        &mut self,
        now: i64,
        id: BatchId,
        correlation_id: i32,
        outcome: Outcome,
    ) {
        let Some(batch) = self.accumulator.batches.get(id) else { return };
        let partition = batch.partition.clone();
        let attempts = batch.attempts;
        let error = outcome.error;
        let left = self.config.retries.saturating_sub(attempts);
        if error == ErrorCode::MessageTooLarge && batch.record_count() > 1 {
            self.warn(format!(
                "Got error produce response in correlation id {correlation_id} on topic-partition {partition}, splitting and retrying ({left} attempts left). Error: {}",
                outcome.text()
            ));
            match (self.accumulator.split(id), &mut self.idempotence) {
                (Some(parts), Some(idempotence)) => idempotence.replace(id, &partition, &parts),
                (Some(_), None) => {}
                (None, Some(_) | None) => self.fail_batch(id, |_| outcome.exception(&partition)),
            }
        } else if error == ErrorCode::None || error == ErrorCode::DuplicateSequenceNumber {
            // DUPLICATE_SEQUENCE_NUMBER: written before, at an offset that the broker has forgotten.
            self.finish_batch(id, &outcome);
        } else if attempts < self.config.retries && self.may_retry(id, &outcome) {
            self.warn(format!(
                "Got error produce response with correlation id {correlation_id} on topic-partition {partition}, retrying ({} attempts left). Error: {}",
                left - 1,
                outcome.text()
            ));
            let wait = self.client.retry_backoff(u32::try_from(attempts).unwrap_or(0));
            self.accumulator.reenqueue(now, id, now.saturating_add(wait));
        } else {
            if let Some(idempotence) = &mut self.idempotence {
                let gap = error == ErrorCode::OutOfOrderSequenceNumber;
                idempotence.failed(id, &partition, gap, attempts < self.config.retries);
            }
            self.fail_refused(id, &partition, &outcome);
        }
        if error.refreshes_metadata() {
            if error == ErrorCode::UnknownTopicOrPartition {
                self.warn(format!(
                    "Received unknown topic or partition error in produce request on partition {partition}. The topic-partition may not exist or the user may not have Describe access to it"
                ));
            } else {
                let exception = outcome.exception(&partition);
                self.warn(format!(
                    "Received invalid metadata error in produce request on partition {partition} due to {exception} Going to request metadata update now"
                ));
            }
            self.client.metadata.request_update(false);
        }
        if self.config.max_in_flight == 1 {
            self.accumulator.unmute(&partition);
        }
    }

    /// `canRetry`, after the check of attempts.
    fn may_retry(&mut self, id: BatchId, outcome: &Outcome) -> bool {
        let error = outcome.error;
        match &mut self.idempotence {
            None => error.is_retriable(),
            Some(idempotence) => {
                let batches = &mut self.accumulator.batches;
                if error == ErrorCode::UnknownProducerId {
                    idempotence.unknown_producer_id(id, batches, outcome.log_start_offset)
                } else if error == ErrorCode::OutOfOrderSequenceNumber {
                    idempotence.out_of_order(id, batches)
                } else {
                    error.is_retriable()
                }
            }
        }
    }

    fn finish_batch(&mut self, id: BatchId, outcome: &Outcome) {
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.completed(id, &self.accumulator.batches, outcome.base_offset);
        }
        let Some(batch) = self.accumulator.remove(id) else { return };
        for (index, thunk) in (0i64..).zip(batch.thunks) {
            let known = outcome.base_offset >= 0;
            let metadata = RecordMetadata {
                topic: batch.partition.topic.clone(),
                partition: batch.partition.partition,
                offset: Offset(if known { outcome.base_offset + index } else { -1 }),
                timestamp: if outcome.log_append_time >= 0 {
                    outcome.log_append_time
                } else {
                    thunk.timestamp
                },
                serialized_key_size: thunk.serialized_key_size,
                serialized_value_size: thunk.serialized_value_size,
            };
            self.complete(thunk.id, Ok(metadata));
        }
    }

    /// A batch that the broker refused: records named in the response fail with their own messages.
    fn fail_refused(&mut self, id: BatchId, partition: &TopicPartition, outcome: &Outcome) {
        let whole = outcome.exception(partition);
        if let Some(transactions) = &mut self.transactions {
            transactions.batch_failed(&whole);
        }
        let only_one = outcome.record_errors.len() == 1;
        self.fail_batch(id, |index| {
            if outcome.record_errors.is_empty() {
                return whole.clone();
            }
            match outcome.record_errors.get(&index) {
                Some(message) => {
                    let text = message
                        .clone()
                        .or_else(|| outcome.message.clone())
                        .unwrap_or_else(|| outcome.error.message().to_owned());
                    let code = if only_one { outcome.error } else { ErrorCode::InvalidRecord };
                    KafkaError::with_message(code, text)
                }
                None => KafkaError::client(
                    KAFKA,
                    "Failed to append record because it was part of a batch which had one more more invalid records",
                ),
            }
        });
    }

    pub(super) fn fail_batch(&mut self, id: BatchId, error: impl Fn(i32) -> KafkaError) {
        let Some(batch) = self.accumulator.remove(id) else { return };
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.remove_in_flight(id, &batch.partition);
        }
        for (index, thunk) in (0i32..).zip(batch.thunks) {
            self.complete(thunk.id, Err(error(index)));
        }
    }

    /// Batches past `delivery.timeout.ms` fail, sent or not.
    pub(super) fn expire(&mut self, now: i64) {
        for id in self.accumulator.expired(now) {
            let Some(batch) = self.accumulator.batches.get(id) else { continue };
            let error = KafkaError::timeout(format!(
                "Expiring {} record(s) for {}:{} ms has passed since batch creation. The request has not been sent, or no server response has been received yet.",
                batch.record_count(),
                batch.partition,
                now - batch.created_ms
            ));
            let partition = batch.partition.clone();
            let sent = batch
                .base_sequence()
                .map(|sequence| increment_sequence(sequence, batch.record_count()));
            self.fail_batch(id, |_| error.clone());
            if let Some(transactions) = &mut self.transactions {
                transactions.batch_failed(&error);
            }
            if let (Some(next), Some(idempotence)) = (sent, &mut self.idempotence) {
                idempotence.mark_unresolved(&partition, next);
            }
            if self.config.max_in_flight == 1 {
                self.accumulator.unmute(&partition);
            }
        }
    }
}
