//! DescribeQuorum, versions 0 to 2 (KIP-595, KIP-853): the quorum of the metadata log. Asked of a broker that is
//! its own controller it is this node alone, and its offsets count the records of the metadata log, without
//! Kafka's control records.

use kafka_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_protocol::messages::{BrokerId, DescribeQuorumRequest, DescribeQuorumResponse};

use uuid::Uuid;

use super::{Reply, RequestContext, now, text};
use crate::topic_name::CLUSTER_METADATA_TOPIC_NAME;
use crate::{Broker, BrokerConfig, ErrorCode};

/// The only term of a broker's quorum.
const LEADER_EPOCH: i32 = 1;

/// A quorum of one as its leader sees it.
pub(crate) struct Quorum<'a> {
    /// Of the leader.
    pub(crate) config: &'a BrokerConfig,
    /// Of the listener that controllers are asked on.
    pub(crate) port: u16,
    pub(crate) leader_epoch: i32,
    pub(crate) end_offset: i64,
    /// Who follows the log without a vote.
    pub(crate) observers: Vec<ReplicaState>,
}

pub(crate) fn handle(
    broker: &Broker,
    ctx: &RequestContext,
    request: DescribeQuorumRequest,
) -> Reply {
    let quorum = Quorum {
        config: &broker.config,
        port: broker.config.controller_port(),
        leader_epoch: LEADER_EPOCH,
        end_offset: broker.metadata_end_offset(),
        observers: Vec::new(),
    };
    now(describe(ctx, &request, &quorum))
}

/// `KafkaRaftClient.handleDescribeQuorumRequest`.
pub(crate) fn describe(
    ctx: &RequestContext,
    request: &DescribeQuorumRequest,
    quorum: &Quorum<'_>,
) -> DescribeQuorumResponse {
    let node_id = BrokerId(quorum.config.node_id);
    // As `LeaderState.describeQuorum`: the leader has caught up with itself now.
    let voter = ReplicaState::default()
        .with_replica_id(node_id)
        .with_replica_directory_id(quorum.config.directory_id())
        .with_log_end_offset(quorum.end_offset)
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
            let told = |state: &ReplicaState| told_in(ctx.version(), state.clone());
            data.with_leader_id(node_id)
                .with_leader_epoch(quorum.leader_epoch)
                .with_high_watermark(quorum.end_offset)
                .with_current_voters(vec![told(&voter)])
                .with_observers(quorum.observers.iter().map(told).collect())
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
            .with_host(text(quorum.config.host.clone()))
            .with_port(quorum.port);
        response.nodes = vec![Node::default().with_node_id(node_id).with_listeners(vec![listener])];
    }
    response
}

/// Times came with version 1 (KIP-836), directories with version 2 (KIP-853).
fn told_in(version: i16, mut state: ReplicaState) -> ReplicaState {
    if version < 1 {
        state.last_fetch_timestamp = -1;
        state.last_caught_up_timestamp = -1;
    }
    if version < 2 {
        state.replica_directory_id = Uuid::nil();
    }
    state
}
