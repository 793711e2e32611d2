//! The producer's sender: what is ready goes out, responses complete or retry batches (`Sender`).

use std::collections::BTreeMap;

use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    ApiKey, InitProducerIdRequest, ProduceRequest, ProduceResponse, ProducerId as WireProducerId,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::{Offset, ProducerEpoch, ProducerId, increment_sequence};

use super::accumulator::BatchId;
use super::transaction_manager::ProducerIdAndEpoch;
use super::{Acks, InFlightProduce, Producer, RecordMetadata};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::network_client::{Completion, SendFailure};
use crate::topic_partition::TopicPartition;

const LOGGER: &str = "org.apache.kafka.clients.producer.internals.Sender";
/// The first Produce version that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
/// The token of InitProducerId; batches have tokens from 1 on.
const INIT_PRODUCER_ID_TOKEN: u64 = 0;

/// Where the search for a producer id stands.
#[derive(Clone, Debug, Default)]
pub(super) struct InitProducerId {
    in_flight: bool,
    attempts: u32,
    pub(super) retry_at_ms: Option<i64>,
}

/// What a response says of one batch.
struct Outcome {
    error: ErrorCode,
    message: Option<String>,
    base_offset: i64,
    log_append_time: i64,
    log_start_offset: i64,
    record_errors: BTreeMap<i32, Option<String>>,
}

impl Outcome {
    fn of_error(error: ErrorCode, message: String) -> Self {
        Self {
            error,
            message: Some(message),
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            record_errors: BTreeMap::new(),
        }
    }

    fn success_without_response() -> Self {
        Self {
            error: ErrorCode::None,
            message: None,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            record_errors: BTreeMap::new(),
        }
    }

    fn of_response(response: &PartitionProduceResponse) -> Self {
        Self {
            error: ErrorCode::from_code(response.error_code)
                .unwrap_or(ErrorCode::UnknownServerError),
            message: response.error_message.as_ref().map(|text| text.to_string()),
            base_offset: response.base_offset,
            log_append_time: response.log_append_time_ms,
            log_start_offset: response.log_start_offset,
            record_errors: response
                .record_errors
                .iter()
                .map(|error| {
                    let text = error.batch_index_error_message.as_ref();
                    (error.batch_index, text.map(|text| text.to_string()))
                })
                .collect(),
        }
    }

    /// `formatErrMsg`.
    fn text(&self) -> String {
        match self.message.as_deref() {
            None | Some("") => self.error.name().to_owned(),
            Some(message) => format!("{}. Error Message: {message}", self.error.name()),
        }
    }

    fn exception(&self, batch: &TopicPartition) -> KafkaError {
        match (self.error, &self.message) {
            (ErrorCode::TopicAuthorizationFailed, _) => KafkaError::with_message(
                self.error,
                format!("Not authorized to access topics: [{}]", batch.topic),
            ),
            (ErrorCode::ClusterAuthorizationFailed, _) => KafkaError::with_message(
                self.error,
                "The producer is not authorized to do idempotent sends",
            ),
            (error, Some(message)) if !message.is_empty() => {
                KafkaError::with_message(error, message.clone())
            }
            (error, _) => KafkaError::of(error),
        }
    }
}

impl Producer {
    /// `Sender.runOnce`.
    pub(super) fn run_sender(&mut self, now: i64) {
        self.client.poll(now);
        while let Some(completion) = self.client.take_completion() {
            self.completion(now, completion);
        }
        self.find_producer_id(now);
        self.send_producer_data(now);
        // Completions made room or brought metadata.
        self.place_waiting(now);
        self.client.poll(now);
    }

    fn find_producer_id(&mut self, now: i64) {
        let Some(idempotence) = &mut self.idempotence else { return };
        idempotence.resolve_sequences();
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

    fn producer_id_response(&mut self, now: i64, result: Result<Response, SendFailure>) {
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

    fn send_producer_data(&mut self, now: i64) {
        self.expire(now);
        loop {
            let (ready, next) = self.accumulator.ready(now, self.hurry());
            self.next_ready_ms = next;
            let mut nodes = Vec::new();
            for partition in &ready {
                match self.client.metadata.leader(partition) {
                    Some(leader) if nodes.contains(&leader) => {}
                    Some(leader) => nodes.push(leader),
                    None => {
                        self.client.metadata.add_topic(&partition.topic);
                        self.client.metadata.request_update(false);
                    }
                }
            }
            nodes.sort_unstable();
            let mut sent = false;
            for leader in nodes {
                let Some(node) = self.client.broker(leader) else { continue };
                if self.client.ready(now, &node) {
                    sent |= self.send_to(now, leader);
                }
            }
            // As long as there is more, and a connection with room for it.
            if !sent {
                return;
            }
        }
    }

    fn send_to(&mut self, now: i64, node: i32) -> bool {
        let metadata = &self.client.metadata;
        let partitions: Vec<TopicPartition> = self
            .accumulator
            .queued_partitions()
            .filter(|partition| metadata.leader(partition) == Some(node))
            .cloned()
            .collect();
        let batches = self.accumulator.drain(
            now,
            node,
            &partitions,
            self.config.max_request_size,
            self.idempotence.as_mut(),
        );
        if batches.is_empty() {
            return false;
        }
        let by_id = self
            .client
            .version(node, ApiKey::Produce)
            .is_some_and(|version| version >= FIRST_VERSION_WITH_TOPIC_IDS);
        let mut topics: Vec<(String, TopicProduceData)> = Vec::new();
        let mut carried = Vec::new();
        for id in batches {
            let Some(batch) = self.accumulator.batches.get(id) else { continue };
            let partition = batch.partition.clone();
            let records = match batch.bytes() {
                Ok(records) => records,
                Err(error) => {
                    let error = KafkaError::client(KAFKA, error.to_string());
                    self.fail_batch(id, |_| error.clone());
                    continue;
                }
            };
            if self.config.max_in_flight == 1 {
                self.accumulator.mute(&partition);
            }
            let data = PartitionProduceData::default()
                .with_index(partition.partition.0)
                .with_records(Some(records));
            carried.push(id);
            match topics.iter_mut().find(|(name, _)| *name == partition.topic) {
                Some((_, topic)) => topic.partition_data.push(data),
                None => {
                    let topic = TopicProduceData::default().with_partition_data(vec![data]);
                    let topic = if by_id {
                        topic.with_topic_id(self.client.metadata.topic_id(&partition.topic))
                    } else {
                        topic.with_name(TopicName(StrBytes::from_string(partition.topic.clone())))
                    };
                    topics.push((partition.topic, topic));
                }
            }
        }
        if carried.is_empty() {
            return true;
        }
        let timeout_ms = i32::try_from(self.config.common.request_timeout_ms).unwrap_or(i32::MAX);
        let request = Request::Produce(
            ProduceRequest::default()
                .with_acks(self.config.acks.code())
                .with_timeout_ms(timeout_ms)
                .with_topic_data(topics.into_iter().map(|(_, topic)| topic).collect()),
        );
        if self.config.acks == Acks::None {
            self.client.send_without_response(now, node, request);
            for id in carried {
                self.complete_batch(now, id, 0, Outcome::success_without_response());
            }
            return true;
        }
        self.next_token += 1;
        let token = self.next_token;
        self.in_flight.insert(token, InFlightProduce { node, batches: carried });
        if self.client.send(now, node, token, request).is_none() {
            self.end_request(now, token, 0, |_| {
                Outcome::of_error(ErrorCode::UnsupportedVersion, String::new())
            });
        }
        true
    }

    fn completion(&mut self, now: i64, completion: Completion) {
        if completion.token == INIT_PRODUCER_ID_TOKEN {
            self.producer_id_response(now, completion.result);
            return;
        }
        let correlation_id = completion.correlation_id;
        match completion.result {
            Ok(Response::Produce(response)) => {
                let answers = self.read_response(&response, completion.api_version);
                self.end_request(now, completion.token, correlation_id, |partition| {
                    answers.get(partition).map_or_else(
                        || {
                            Outcome::of_error(
                                ErrorCode::UnknownServerError,
                                "The response does not name the partition".to_owned(),
                            )
                        },
                        Outcome::of_response,
                    )
                });
            }
            Ok(_) | Err(SendFailure::Disconnected) => {
                let node = self.in_flight.get(&completion.token).map_or(-1, |sent| sent.node);
                self.end_request(now, completion.token, correlation_id, |_| {
                    Outcome::of_error(
                        ErrorCode::NetworkException,
                        format!("Disconnected from node {node}"),
                    )
                });
            }
            Err(SendFailure::TimedOut) => {
                let node = self.in_flight.get(&completion.token).map_or(-1, |sent| sent.node);
                self.end_request(now, completion.token, correlation_id, |_| {
                    Outcome::of_error(
                        ErrorCode::RequestTimedOut,
                        format!("Disconnected from node {node} due to timeout"),
                    )
                });
            }
        }
    }

    fn read_response(
        &mut self,
        response: &ProduceResponse,
        version: i16,
    ) -> BTreeMap<TopicPartition, PartitionProduceResponse> {
        let mut answers = BTreeMap::new();
        for topic in &response.responses {
            let name = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
                self.client.metadata.topic_name(topic.topic_id).map(str::to_owned)
            } else {
                Some(topic.name.0.to_string())
            };
            let Some(name) = name else { continue };
            for partition in &topic.partition_responses {
                let key = TopicPartition::new(name.clone(), partition.index);
                if ErrorCode::from_code(partition.error_code)
                    == Some(ErrorCode::NotLeaderOrFollower)
                    && partition.current_leader.leader_id.0 >= 0
                {
                    self.client.metadata.learn_leader(
                        &key,
                        partition.current_leader.leader_id.0,
                        partition.current_leader.leader_epoch,
                    );
                }
                answers.insert(key, partition.clone());
            }
        }
        answers
    }

    fn end_request(
        &mut self,
        now: i64,
        token: u64,
        correlation_id: i32,
        outcome: impl Fn(&TopicPartition) -> Outcome,
    ) {
        let Some(request) = self.in_flight.remove(&token) else { return };
        for id in request.batches {
            // Gone if its delivery timeout passed while the request was under way.
            if let Some(batch) = self.accumulator.batches.get(id) {
                let outcome = outcome(&batch.partition);
                self.complete_batch(now, id, correlation_id, outcome);
            }
        }
    }

    /// `Sender.completeBatch`.
    fn complete_batch(&mut self, now: i64, id: BatchId, correlation_id: i32, outcome: Outcome) {
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
            match (self.accumulator.split(now, id), &mut self.idempotence) {
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
                let batches = &self.accumulator.batches;
                if error == ErrorCode::UnknownProducerId {
                    idempotence.unknown_producer_id(id, batches, outcome.log_start_offset);
                    true
                } else if error == ErrorCode::OutOfOrderSequenceNumber {
                    idempotence.out_of_order(id, batches);
                    true
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

    fn fail_batch(&mut self, id: BatchId, error: impl Fn(i32) -> KafkaError) {
        let Some(batch) = self.accumulator.remove(id) else { return };
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.remove_in_flight(id, &batch.partition);
        }
        for (index, thunk) in (0i32..).zip(batch.thunks) {
            self.complete(thunk.id, Err(error(index)));
        }
    }

    /// Batches past `delivery.timeout.ms` fail, sent or not.
    fn expire(&mut self, now: i64) {
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
            if let (Some(next), Some(idempotence)) = (sent, &mut self.idempotence) {
                idempotence.mark_unresolved(&partition, next);
            }
            if self.config.max_in_flight == 1 {
                self.accumulator.unmute(&partition);
            }
        }
    }

    fn warn(&mut self, text: String) {
        self.client.log(Level::Warn, LOGGER, text);
    }
}
