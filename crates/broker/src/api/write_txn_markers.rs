//! WriteTxnMarkers, version 1: ends transactions on partitions of this broker.
//!
//! Another broker's transaction coordinator sends it, or an administrator, to end a transaction that
//! no coordinator knows (`kafka-transactions.sh abort`). Different from Kafka 4.4: version 2 (with the
//! transaction's version) is not served; a marker counts as one of before transactions v2.

use kafka_protocol::messages::write_txn_markers_request::WritableTxnMarker;
use kafka_protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use kafka_protocol::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use logbrook_group::TopicPartition;

use super::{Reply, RequestContext, now};
use crate::transaction_coordinator::{
    Call, EndTxnMarker, TransactionResult, TransactionVersion, write_marker,
};
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: WriteTxnMarkersRequest,
    effects: &mut Effects,
) -> Reply {
    let mut markers: Vec<WritableTxnMarkerResult> = Vec::new();
    for marker in request.markers {
        let topics = write(broker, ctx, &marker, effects);
        // Errors are kept by producer id.
        match markers.iter_mut().find(|result| result.producer_id == marker.producer_id) {
            Some(result) => result.topics.extend(topics),
            None => markers.push(
                WritableTxnMarkerResult::default()
                    .with_producer_id(marker.producer_id)
                    .with_topics(topics),
            ),
        }
    }
    now(WriteTxnMarkersResponse::default().with_markers(markers))
}

fn write(
    broker: &mut Broker,
    ctx: &RequestContext,
    marker: &WritableTxnMarker,
    effects: &mut Effects,
) -> Vec<WritableTxnMarkerTopicResult> {
    let end = EndTxnMarker {
        producer_id: marker.producer_id.0,
        producer_epoch: marker.producer_epoch,
        coordinator_epoch: marker.coordinator_epoch,
        result: TransactionResult::from_committed(marker.transaction_result),
        transaction_version: TransactionVersion::V0,
    };
    let mut topics = Vec::new();
    for topic in &marker.topics {
        let mut partitions = Vec::new();
        for index in &topic.partition_indexes {
            let partition = TopicPartition::new(topic.name.to_string(), *index);
            let error = write_marker(broker, Call::of(ctx), &partition, end, effects);
            partitions.push(
                WritableTxnMarkerPartitionResult::default()
                    .with_partition_index(*index)
                    .with_error_code(error.code()),
            );
        }
        topics.push(
            WritableTxnMarkerTopicResult::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions),
        );
    }
    topics
}
