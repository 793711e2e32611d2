//! The producer's sender: what is ready goes out, responses complete or retry batches (`Sender`).
//!
//! | concept | file |
//! |---|---|
//! | the producer's id | `init_producer_id.rs` |
//! | how a batch ends | `complete_batch.rs` |
//! | what a response says of one batch | `partition_response.rs` |

mod complete_batch;
mod init_producer_id;
mod partition_response;

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    ApiKey, ProduceRequest, ProduceResponse, TopicName, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};

use super::transactions::TRANSACTION_TOKEN;
use super::{Acks, InFlightProduce, Producer};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::network_client::{Completion, SendFailure};
use crate::topic_partition::TopicPartition;
use init_producer_id::INIT_PRODUCER_ID_TOKEN;
pub(super) use init_producer_id::InitProducerId;
use partition_response::Outcome;

const LOGGER: &str = "org.apache.kafka.clients.producer.internals.Sender";
/// The first Produce version that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
const LAST_VERSION_BEFORE_TRANSACTIONS_V2: i16 = 11;

impl Producer {
    /// `Sender.runOnce`.
    pub(super) fn run_sender(&mut self, now: i64) {
        self.client.poll(now);
        while let Some(completion) = self.client.take_completion() {
            self.completion(now, completion);
        }
        self.find_producer_id(now);
        self.commit_deferred(now);
        if let Some(error) = self.transactions.as_ref().and_then(|t| t.fatal_error().cloned()) {
            self.abort_batches(&error);
            self.next_ready_ms = None;
        } else if self.send_transactional_request(now) {
            // Its answer wakes what is ready.
            self.expire(now);
            self.next_ready_ms = None;
        } else {
            self.send_producer_data(now);
        }
        // Completions made room or brought metadata.
        self.place_waiting(now);
        self.client.poll(now);
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
            logbrook_sorted::sort(&mut nodes);
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
            .filter(|partition| {
                self.transactions.as_ref().is_none_or(|t| t.allows_sending_to(partition))
            })
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
        // Without transactions v2 a later version would add partitions by itself.
        let before_v2 = self.transactions.as_ref().is_some_and(|t| !t.is_v2());
        let most = if before_v2 { LAST_VERSION_BEFORE_TRANSACTIONS_V2 } else { i16::MAX };
        let by_id = self
            .client
            .version(node, ApiKey::Produce)
            .is_some_and(|version| version.min(most) >= FIRST_VERSION_WITH_TOPIC_IDS);
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
                .with_transactional_id(self.transactions.as_ref().map(|transactions| {
                    TransactionalId(StrBytes::from_string(
                        transactions.transactional_id().to_owned(),
                    ))
                }))
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
        if self.client.send_up_to(now, node, token, request, most).is_none() {
            self.end_request(now, token, 0, |_| {
                Outcome::of_error(ErrorCode::UnsupportedVersion, String::new())
            });
        }
        true
    }

    fn completion(&mut self, now: i64, completion: Completion) {
        if completion.token == TRANSACTION_TOKEN {
            self.transactional_response(now, completion.result);
            return;
        }
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
    ) -> SortedMap<TopicPartition, PartitionProduceResponse> {
        let mut answers = SortedMap::new();
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

    /// `maybeAbortBatches`: nothing can be sent any more.
    fn abort_batches(&mut self, error: &KafkaError) {
        if self.accumulator.has_incomplete() {
            let text = "Aborting producer batches due to fatal error".to_owned();
            self.client.log_thrown(Level::Error, LOGGER, text, error);
        }
        for id in self.accumulator.all() {
            self.fail_batch(id, |_| error.clone());
        }
    }

    /// `abortUndrainedBatches`: what was not sent is not sent.
    pub(super) fn abort_undrained_batches(&mut self, error: &KafkaError) {
        for id in self.accumulator.undrained() {
            self.fail_batch(id, |_| error.clone());
        }
    }

    fn warn(&mut self, text: String) {
        self.client.log(Level::Warn, LOGGER, text);
    }
}
