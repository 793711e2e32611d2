//! AddOffsetsToTxn, versions 0 to 4: the partition of `__consumer_offsets` that holds a group takes
//! part in a transaction. Producers with transactions v2 leave it to TxnOffsetCommit.

use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use logbrook_group::TopicPartition;
use logbrook_sorted::SortedSet;

use super::{Reply, RequestContext, now};
use crate::coordinator::{self, GROUP_METADATA_TOPIC_NAME};
use crate::transaction_coordinator::{self, Call, ProducerIdAndEpoch, TransactionVersion};
use crate::{Broker, Effects, ErrorCode};

/// First version that knows `PRODUCER_FENCED`.
const PRODUCER_FENCED_VERSION: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: AddOffsetsToTxnRequest,
    effects: &mut Effects,
) -> Reply {
    let index = coordinator::partition_of(broker, request.group_id.as_str());
    let partition = TopicPartition::new(GROUP_METADATA_TOPIC_NAME, index);
    let partitions: SortedSet<TopicPartition> = [partition].into_iter().collect();
    let producer = ProducerIdAndEpoch {
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
    };
    let added = transaction_coordinator::add_partitions(
        broker,
        Call::of(ctx),
        request.transactional_id.as_str(),
        producer,
        &partitions,
        // A client of transactions v2 does not send it.
        TransactionVersion::V0,
        effects,
    );
    let error = added.err().unwrap_or(ErrorCode::None);
    let error = transaction_coordinator::error_for(error, ctx.version(), PRODUCER_FENCED_VERSION);
    now(AddOffsetsToTxnResponse::default().with_error_code(error.code()))
}
