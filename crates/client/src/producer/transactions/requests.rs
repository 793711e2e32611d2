//! The requests of a transaction, one at a time and in the order that Java's priorities give them
//! (`TxnRequestHandler`, `Sender.maybeSendAndPollTransactionalRequest`).

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiKey, EndTxnRequest,
    FindCoordinatorRequest, GroupId, InitProducerIdRequest, ProducerId, TopicName, TransactionalId,
    TxnOffsetCommitRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Request;
use logbrook_record::Offset;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{ConsumerGroupMetadata, State, TransactionCall, Transactions};
use crate::error::KafkaError;
use crate::network_client::Node;
use crate::producer::Producer;
use crate::producer::transaction_manager::ProducerIdAndEpoch;
use crate::topic_partition::TopicPartition;

/// The token of transactional requests; batches count up from 1.
pub(in crate::producer) const TRANSACTION_TOKEN: u64 = u64::MAX;

/// The last versions of clients without transactions v2.
const END_TXN_BEFORE_V2: i16 = 4;
const TXN_OFFSET_COMMIT_BEFORE_V2: i16 = 4;
/// Later versions are for brokers.
const ADD_PARTITIONS_OF_CLIENTS: i16 = 3;

/// `FindCoordinatorRequest.CoordinatorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoordinatorType {
    Group,
    Transaction,
}

/// One request of a transaction.
#[derive(Clone, Debug)]
pub(super) enum TxnRequest {
    FindCoordinator { kind: CoordinatorType, key: String },
    InitProducerId { expected: ProducerIdAndEpoch, is_epoch_bump: bool },
    AddPartitionsToTxn { partitions: SortedSet<TopicPartition> },
    AddOffsetsToTxn { offsets: Vec<(TopicPartition, Offset)>, group: ConsumerGroupMetadata },
    TxnOffsetCommit { group: ConsumerGroupMetadata },
    EndTxn { committed: bool, producer: ProducerIdAndEpoch, v2: bool },
}

impl TxnRequest {
    /// Lower goes first.
    fn priority(&self) -> u8 {
        match self {
            TxnRequest::FindCoordinator { .. } => 0,
            TxnRequest::InitProducerId { is_epoch_bump: false, .. } => 1,
            TxnRequest::AddPartitionsToTxn { .. }
            | TxnRequest::AddOffsetsToTxn { .. }
            | TxnRequest::TxnOffsetCommit { .. } => 2,
            TxnRequest::EndTxn { .. } => 3,
            TxnRequest::InitProducerId { is_epoch_bump: true, .. } => 4,
        }
    }

    fn is_end_txn(&self) -> bool {
        matches!(self, TxnRequest::EndTxn { .. })
    }
}

/// A request that waits for its turn.
#[derive(Clone, Debug)]
pub(in crate::producer) struct Queued {
    pub(super) request: TxnRequest,
    /// Who waits for it.
    pub(super) call: Option<TransactionCall>,
    /// Not before this time, where it is tried again.
    pub(super) not_before_ms: i64,
}

impl Transactions {
    pub(super) fn enqueue(&mut self, request: TxnRequest, call: Option<TransactionCall>) {
        self.requeue(Queued { request, call, not_before_ms: i64::MIN });
    }

    pub(super) fn requeue(&mut self, queued: Queued) {
        let priority = queued.request.priority();
        let at = self.queue.partition_point(|other| other.request.priority() <= priority);
        self.queue.insert(at, queued);
    }

    pub(super) fn lookup_coordinator(&mut self, kind: CoordinatorType, key: &str, after_ms: i64) {
        match kind {
            CoordinatorType::Group => self.group_coordinator = None,
            CoordinatorType::Transaction => self.coordinator = None,
        }
        let request = TxnRequest::FindCoordinator { kind, key: key.to_owned() };
        self.requeue(Queued { request, call: None, not_before_ms: after_ms });
    }

    /// `addPartitionsToTransactionHandler`, where there are any.
    pub(super) fn add_new_partitions(&mut self) {
        if self.new_partitions.is_empty() {
            return;
        }
        let mut new = core::mem::take(&mut self.new_partitions);
        self.pending_partitions.append(&mut new);
        let partitions = self.pending_partitions.clone();
        self.enqueue(TxnRequest::AddPartitionsToTxn { partitions }, None);
    }

    /// `nextRequest`: the request whose turn it is, if it may go now.
    fn next_request(&mut self, now: i64, has_incomplete: bool) -> Option<Queued> {
        self.add_new_partitions();
        loop {
            let first = self.queue.first()?;
            if first.request.is_end_txn() && has_incomplete || first.not_before_ms > now {
                return None;
            }
            let next = self.queue.remove(0);
            let finds = matches!(next.request, TxnRequest::FindCoordinator { .. });
            let lets_through = self.state == State::AbortableError && finds;
            if self.has_error() && !lets_through {
                let error = self.last_error.clone();
                self.end(next.call, error.map_or(Ok(()), Err));
                return None;
            }
            if next.request.is_end_txn() && !self.started {
                // The coordinator was told of nothing: there is nothing to end.
                self.reset();
                self.end(next.call, Ok(()));
                continue;
            }
            return Some(next);
        }
    }

    /// Where a request goes to.
    pub(super) fn coordinator_of(&self, request: &TxnRequest) -> Option<(CoordinatorType, String)> {
        match request {
            TxnRequest::FindCoordinator { .. } => None,
            TxnRequest::TxnOffsetCommit { group } => {
                Some((CoordinatorType::Group, group.group_id.clone()))
            }
            TxnRequest::InitProducerId { .. }
            | TxnRequest::AddPartitionsToTxn { .. }
            | TxnRequest::AddOffsetsToTxn { .. }
            | TxnRequest::EndTxn { .. } => {
                Some((CoordinatorType::Transaction, self.transactional_id.clone()))
            }
        }
    }
}

impl Producer {
    /// Sends the next request of the transaction. True while one is on its way: then nothing else is
    /// sent, as in Java.
    pub(in crate::producer) fn send_transactional_request(&mut self, now: i64) -> bool {
        let reason = match &self.transactions {
            None => return false,
            Some(transactions) if transactions.in_flight.is_some() => return true,
            Some(transactions) => transactions.abort_reason(),
        };
        if let Some(reason) = reason {
            self.abort_undrained_batches(&reason);
        }
        let has_incomplete = self.accumulator.has_incomplete();
        let Some(transactions) = &mut self.transactions else { return false };
        let Some(queued) = transactions.next_request(now, has_incomplete) else {
            // A request that waits for its backoff keeps the others waiting too.
            return transactions.queue.first().is_some_and(|first| first.not_before_ms > now);
        };
        let wanted = transactions.coordinator_of(&queued.request);
        let node = match &wanted {
            Some((CoordinatorType::Group, _)) => transactions.group_coordinator.clone(),
            Some((CoordinatorType::Transaction, _)) => transactions.coordinator.clone(),
            None => self.client.least_loaded_node(now),
        };
        let node_id = node.as_ref().map(|node| node.id);
        let ready = node.as_ref().is_some_and(|node| self.client.ready(now, node));
        let Some(node) = node.filter(|_| ready) else {
            return self.wait_for_node(now, queued, wanted, node_id);
        };
        self.learn_versions(&node, &queued.request);
        self.dispatch(now, &node, queued);
        true
    }

    /// The node of a request cannot take it: a coordinator that is not known, or that there is no
    /// connection to, is looked for again (`maybeFindCoordinatorAndRetry`).
    fn wait_for_node(
        &mut self,
        now: i64,
        queued: Queued,
        wanted: Option<(CoordinatorType, String)>,
        node: Option<i32>,
    ) -> bool {
        let failed = node.is_some_and(|node| self.client.has_failed(node));
        let Some(transactions) = &mut self.transactions else { return false };
        transactions.requeue(queued);
        let Some((kind, key)) = wanted.filter(|_| node.is_none() || failed) else { return true };
        let under_way = transactions.queue.iter().any(|other| {
            matches!(&other.request, TxnRequest::FindCoordinator { kind: k, .. } if *k == kind)
        });
        if under_way {
            return true;
        }
        let backoff_ms = if failed { self.config.common.retry_backoff_ms } else { 0 };
        transactions.lookup_coordinator(kind, &key, now.saturating_add(backoff_ms));
        failed || self.send_transactional_request(now)
    }

    /// `handleCoordinatorReady`, `maybeUpdateTransactionV2Enabled`.
    fn learn_versions(&mut self, node: &Node, request: &TxnRequest) {
        let bumps = self.client.version(node.id, ApiKey::InitProducerId).is_some_and(|v| v >= 3);
        let v2 = self.client.transaction_version() >= 2;
        let Some(transactions) = &mut self.transactions else { return };
        match request {
            TxnRequest::InitProducerId { .. } => {
                transactions.coordinator_supports_bumping_epoch = bumps;
                transactions.v2 = v2;
            }
            TxnRequest::FindCoordinator { .. }
            | TxnRequest::AddPartitionsToTxn { .. }
            | TxnRequest::AddOffsetsToTxn { .. }
            | TxnRequest::TxnOffsetCommit { .. }
            | TxnRequest::EndTxn { .. } => {}
        }
    }

    fn dispatch(&mut self, now: i64, node: &Node, queued: Queued) {
        let producer = self.producer_id_and_epoch();
        let version = self.client.version(node.id, ApiKey::FindCoordinator).unwrap_or_default();
        let Some(transactions) = &mut self.transactions else { return };
        let (request, most) = transactions.build(&queued.request, producer, version);
        let sent = self.client.send_up_to(now, node.id, TRANSACTION_TOKEN, request, most);
        let Some(transactions) = &mut self.transactions else { return };
        if sent.is_some() {
            transactions.in_flight = Some(queued);
        } else {
            let error = KafkaError::of(ErrorCode::UnsupportedVersion);
            transactions.end(queued.call, Err(error.clone()));
            transactions.fatal(error);
        }
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

impl Transactions {
    /// The request, and the newest version that it may go in.
    fn build(
        &self,
        request: &TxnRequest,
        producer: ProducerIdAndEpoch,
        find_coordinator_version: i16,
    ) -> (Request, i16) {
        let id = TransactionalId(text(&self.transactional_id));
        let wire_id = ProducerId(producer.id.0);
        match request {
            TxnRequest::FindCoordinator { kind, key } => {
                let kind = match kind {
                    CoordinatorType::Group => 0,
                    CoordinatorType::Transaction => 1,
                };
                let request = FindCoordinatorRequest::default().with_key_type(kind);
                let request = if find_coordinator_version >= 4 {
                    request.with_coordinator_keys(vec![text(key)])
                } else {
                    request.with_key(text(key))
                };
                (request.into(), i16::MAX)
            }
            TxnRequest::InitProducerId { expected, .. } => {
                let request = InitProducerIdRequest::default()
                    .with_transactional_id(Some(id))
                    .with_transaction_timeout_ms(self.transaction_timeout_ms)
                    .with_producer_id(ProducerId(expected.id.0))
                    .with_producer_epoch(expected.epoch.0);
                (request.into(), i16::MAX)
            }
            TxnRequest::AddPartitionsToTxn { partitions } => {
                let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
                for partition in partitions {
                    topics.entry(&partition.topic).or_default().push(partition.partition.0);
                }
                let topics = topics.into_iter().map(|(topic, partitions)| {
                    AddPartitionsToTxnTopic::default()
                        .with_name(TopicName(text(topic)))
                        .with_partitions(partitions)
                });
                let request = AddPartitionsToTxnRequest::default()
                    .with_v3_and_below_transactional_id(id)
                    .with_v3_and_below_producer_id(wire_id)
                    .with_v3_and_below_producer_epoch(producer.epoch.0)
                    .with_v3_and_below_topics(topics.collect());
                (request.into(), ADD_PARTITIONS_OF_CLIENTS)
            }
            TxnRequest::AddOffsetsToTxn { group, .. } => {
                let request = AddOffsetsToTxnRequest::default()
                    .with_transactional_id(id)
                    .with_producer_id(wire_id)
                    .with_producer_epoch(producer.epoch.0)
                    .with_group_id(GroupId(text(&group.group_id)));
                (request.into(), i16::MAX)
            }
            TxnRequest::TxnOffsetCommit { group } => {
                let most = if self.v2 { i16::MAX } else { TXN_OFFSET_COMMIT_BEFORE_V2 };
                (self.txn_offset_commit(group, id, producer).into(), most)
            }
            TxnRequest::EndTxn { committed, producer, v2 } => {
                let request = EndTxnRequest::default()
                    .with_transactional_id(id)
                    .with_producer_id(ProducerId(producer.id.0))
                    .with_producer_epoch(producer.epoch.0)
                    .with_committed(*committed);
                (request.into(), if *v2 { i16::MAX } else { END_TXN_BEFORE_V2 })
            }
        }
    }

    fn txn_offset_commit(
        &self,
        group: &ConsumerGroupMetadata,
        id: TransactionalId,
        producer: ProducerIdAndEpoch,
    ) -> TxnOffsetCommitRequest {
        let mut topics: SortedMap<&str, Vec<TxnOffsetCommitRequestPartition>> = SortedMap::new();
        for (partition, offset) in &self.pending_offsets {
            topics.entry(&partition.topic).or_default().push(
                TxnOffsetCommitRequestPartition::default()
                    .with_partition_index(partition.partition.0)
                    .with_committed_offset(offset.0)
                    .with_committed_leader_epoch(-1)
                    .with_committed_metadata(Some(text(""))),
            );
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            TxnOffsetCommitRequestTopic::default()
                .with_name(TopicName(text(topic)))
                .with_partitions(partitions)
        });
        TxnOffsetCommitRequest::default()
            .with_transactional_id(id)
            .with_group_id(GroupId(text(&group.group_id)))
            .with_producer_id(ProducerId(producer.id.0))
            .with_producer_epoch(producer.epoch.0)
            .with_generation_id(group.generation_id)
            .with_member_id(text(&group.member_id))
            .with_group_instance_id(group.group_instance_id.as_deref().map(text))
            .with_topics(topics.collect())
    }
}
