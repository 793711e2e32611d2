//! AddPartitionsToTxn, versions 0 to 5.
//!
//! Versions up to 3 come from producers without transactions v2. From version 4 on (KIP-890) brokers
//! ask for several transactions at once, and may only want to know whether partitions were added; Kafka
//! takes those from principals with `CLUSTER_ACTION` only, and here there is no authorizer.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use logbrook_group::TopicPartition;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{Reply, RequestContext, now, topic_name};
use crate::transaction_coordinator::{
    self, Call, ProducerIdAndEpoch, TransactionVersion, verify_partition,
};
use crate::{Broker, Effects, ErrorCode};

/// First version with several transactions; it comes from a broker, or a client with transactions v2.
const SEVERAL_TRANSACTIONS_VERSION: i16 = 4;
/// First version that knows `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: AddPartitionsToTxnRequest,
    effects: &mut Effects,
) -> Reply {
    if ctx.version() < SEVERAL_TRANSACTIONS_VERSION {
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(request.v3_and_below_transactional_id)
            .with_producer_id(request.v3_and_below_producer_id)
            .with_producer_epoch(request.v3_and_below_producer_epoch)
            .with_topics(request.v3_and_below_topics);
        let results = add(broker, ctx, &transaction, effects);
        return now(
            AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results)
        );
    }
    let results = request.transactions.into_iter().map(|transaction| {
        let results = add(broker, ctx, &transaction, effects);
        AddPartitionsToTxnResult::default()
            .with_transactional_id(transaction.transactional_id)
            .with_topic_results(results)
    });
    let results = results.collect();
    now(AddPartitionsToTxnResponse::default().with_results_by_transaction(results))
}

fn add(
    broker: &mut Broker,
    ctx: &RequestContext,
    transaction: &AddPartitionsToTxnTransaction,
    effects: &mut Effects,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let mut partitions = SortedSet::new();
    let mut unknown = SortedSet::new();
    for topic in &transaction.topics {
        for index in &topic.partitions {
            let partition = TopicPartition::new(topic.name.to_string(), *index);
            let image = broker.image.topic(topic.name.as_str());
            if image.is_some_and(|image| image.partitions.contains_key(index)) {
                partitions.insert(partition);
            } else {
                unknown.insert(partition);
            }
        }
    }
    if !unknown.is_empty() {
        // One that cannot be added, and none is.
        return results(&transaction.topics, |partition| {
            if unknown.contains(partition) {
                ErrorCode::UnknownTopicOrPartition
            } else {
                ErrorCode::OperationNotAttempted
            }
        });
    }
    let id = transaction.transactional_id.as_str();
    let producer = ProducerIdAndEpoch {
        producer_id: transaction.producer_id.0,
        producer_epoch: transaction.producer_epoch,
    };
    if transaction.verify_only {
        let mut errors = SortedMap::new();
        for partition in partitions {
            let verified = verify_partition(broker, ctx.now, id, producer, &partition, effects);
            errors.insert(partition, verified.err().unwrap_or(ErrorCode::None));
        }
        return results(&transaction.topics, |partition| {
            errors.get(partition).copied().unwrap_or(ErrorCode::None)
        });
    }
    let version = if ctx.version() >= SEVERAL_TRANSACTIONS_VERSION {
        TransactionVersion::V2
    } else {
        TransactionVersion::V0
    };
    let call = Call::of(ctx);
    let added = transaction_coordinator::add_partitions(
        broker,
        call,
        id,
        producer,
        &partitions,
        version,
        effects,
    );
    let error = added.err().unwrap_or(ErrorCode::None);
    let error = transaction_coordinator::error_for(error, ctx.version(), PRODUCER_FENCED_VERSION);
    results(&transaction.topics, |_| error)
}

fn results(
    topics: &[AddPartitionsToTxnTopic],
    error: impl Fn(&TopicPartition) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let topic_result = |topic: &AddPartitionsToTxnTopic| {
        let name = topic.name.to_string();
        let partitions = topic.partitions.iter().map(|index| {
            let error = error(&TopicPartition::new(name.clone(), *index));
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(error.code())
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic_name(&name))
            .with_results_by_partition(partitions.collect())
    };
    topics.iter().map(topic_result).collect()
}
