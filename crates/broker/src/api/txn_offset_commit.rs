//! TxnOffsetCommit, versions 0 to 5: offsets of a group that count once a transaction commits.
//!
//! From version 3 on the member says who it is (KIP-447); version 5 (transactions v2, KIP-890) adds the
//! group's partition to the transaction on the way. Partitions that do not exist are refused one by
//! one. Different from Kafka 4.4: the answer keeps the order of the request.

use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use logbrook_group::{OffsetToCommit, TopicPartition, TxnOffsetCommit};

use super::{Reply, RequestContext, now};
use crate::coordinator::{self, TransactionOf};
use crate::transaction_coordinator::{Call, ProducerIdAndEpoch, TransactionSupportedOperation};
use crate::{Broker, Effects, ErrorCode};

/// First version whose clients understand `COORDINATOR_LOAD_IN_PROGRESS` (KAFKA-7296).
const LOAD_IN_PROGRESS_VERSION: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: TxnOffsetCommitRequest,
    effects: &mut Effects,
) -> Reply {
    let transaction = TransactionOf {
        transactional_id: request.transactional_id.to_string(),
        producer: ProducerIdAndEpoch {
            producer_id: request.producer_id.0,
            producer_epoch: request.producer_epoch,
        },
        operation: TransactionSupportedOperation::of_txn_offset_commit(ctx.version()),
    };
    let commit = TxnOffsetCommit {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.as_ref().map(|id| id.to_string()),
        offsets: request.topics.iter().flat_map(|topic| existing(broker, topic)).collect(),
    };
    let results = if commit.offsets.is_empty() {
        Ok(Vec::new())
    } else {
        let told = ctx.told.as_ref();
        let call = Call::of(ctx);
        match coordinator::txn_offset_commit(broker, call, &transaction, &commit, told, effects) {
            Ok(results) => results,
            Err(ask) => return broker.ask_coordinator(ctx, request.into(), ask, effects),
        }
    };
    let results = results.map_err(|code| {
        let loading = code == ErrorCode::CoordinatorLoadInProgress.code();
        if loading && ctx.version() < LOAD_IN_PROGRESS_VERSION {
            ErrorCode::CoordinatorNotAvailable.code()
        } else {
            code
        }
    });
    let code =
        |partition: &TopicPartition| coordinator::commit_code(&commit.offsets, &results, partition);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(&TopicPartition::new(topic.name.to_string(), index)))
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    now(TxnOffsetCommitResponse::default().with_topics(topics.collect()))
}

/// The offsets of a topic whose partitions exist.
fn existing(broker: &Broker, topic: &TxnOffsetCommitRequestTopic) -> Vec<OffsetToCommit> {
    let name = topic.name.as_str();
    let Some(image) = broker.image.topic(name) else { return Vec::new() };
    topic
        .partitions
        .iter()
        .filter(|partition| image.partitions.contains_key(&partition.partition_index))
        .map(|partition| OffsetToCommit {
            partition: TopicPartition::new(name, partition.partition_index),
            // `OffsetAndMetadata.fromRequest` of a transaction does not carry it.
            topic_id: [0; 16],
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition
                .committed_metadata
                .as_ref()
                .map(|metadata| metadata.to_string())
                .unwrap_or_default(),
        })
        .collect()
}
