//! DescribeQuorum, versions 0 to 2 (KIP-595, KIP-853): the quorum of the metadata log, which is this
//! node alone. Its offsets count the records of the metadata log, without Kafka's control records.

use kafka_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_protocol::messages::{BrokerId, DescribeQuorumRequest, DescribeQuorumResponse};

use super::{Reply, RequestContext, now, text};
use crate::topic_name::CLUSTER_METADATA_TOPIC_NAME;
use crate::{Broker, ErrorCode};

/// The quorum's only term.
const LEADER_EPOCH: i32 = 1;

pub(crate) fn handle(
    broker: &Broker,
    ctx: &RequestContext,
    request: DescribeQuorumRequest,
) -> Reply {
    let node_id = BrokerId(broker.config.node_id);
    let end = broker.metadata_end_offset();
    // As `LeaderState.describeQuorum`: the leader has caught up with itself now.
    let voter = ReplicaState::default()
        .with_replica_id(node_id)
        .with_replica_directory_id(broker.config.directory_id())
        .with_log_end_offset(end)
        .with_last_fetch_timestamp(ctx.now)
        .with_last_caught_up_timestamp(ctx.now);
    let topics = request.topics.iter().map(|topic| {
        let known = topic.topic_name.as_str() == CLUSTER_METADATA_TOPIC_NAME;
        let partitions = topic.partitions.iter().map(|partition| {
            let data = PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_message(None);
            if !known || partition.partition_index != 0 {
                let error = ErrorCode::UnknownTopicOrPartition;
                return data
                    .with_error_code(error.code())
                    .with_error_message(Some(text(error.message())));
            }
            data.with_leader_id(node_id)
                .with_leader_epoch(LEADER_EPOCH)
                .with_high_watermark(end)
                .with_current_voters(vec![voter.clone()])
        });
        TopicData::default()
            .with_topic_name(topic.topic_name.clone())
            .with_partitions(partitions.collect())
    });
    let mut response =
        DescribeQuorumResponse::default().with_error_message(None).with_topics(topics.collect());
    if ctx.version() >= 2 {
        let listener = Listener::default()
            .with_name(text("CONTROLLER"))
            .with_host(text(broker.config.host.clone()))
            .with_port(broker.config.controller_port());
        response.nodes = vec![Node::default().with_node_id(node_id).with_listeners(vec![listener])];
    }
    now(response)
}
