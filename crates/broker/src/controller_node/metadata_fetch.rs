//! Fetch of `__cluster_metadata-0`, by topic id from version 13 on (KIP-595): `KafkaRaftClient.handleFetchRequest`.
//! A fetch that finds nothing new waits for an append, `max_wait_ms` at most.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use logbrook_record::{LeaderEpoch, Offset};
use logbrook_sorted::SortedMap;

use super::ControllerNode;
use crate::api::{Reply, RequestContext, ResponseTo, now as answer, text, topic_name};
use crate::quorum_log::TOPIC_ID;
use crate::topic_name::CLUSTER_METADATA_TOPIC_NAME;
use crate::wire::Response;
use crate::{ConnectionId, ErrorCode};

/// Since this version topics come by id.
const TOPIC_ID_VERSION: i16 = 13;
/// Since this version the replica's id is a field of its state (KIP-903).
const REPLICA_STATE_VERSION: i16 = 15;
/// Since this version the leader's address is told (KIP-853).
const NODE_ENDPOINTS_VERSION: i16 = 17;

/// What a fetch asks for.
#[derive(Clone, Debug)]
struct MetadataFetch {
    to: ResponseTo,
    partition: FetchPartition,
    max_bytes: i32,
    deadline_ms: i64,
}

/// Fetches that wait for an append, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct ParkedFetches {
    next_id: u64,
    waiting: SortedMap<u64, MetadataFetch>,
}

impl ParkedFetches {
    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        self.waiting.retain(|_, fetch| fetch.to.connection != connection);
    }

    pub(super) fn next_deadline(&self) -> Option<i64> {
        self.waiting.values().map(|fetch| fetch.deadline_ms).min()
    }
}

pub(super) fn handle(
    node: &mut ControllerNode,
    ctx: &RequestContext,
    request: &FetchRequest,
) -> Reply {
    let refused = |error: ErrorCode| answer(FetchResponse::default().with_error_code(error.code()));
    let cluster_id = request.cluster_id.as_ref().map(|id| id.as_str());
    if cluster_id.is_some_and(|id| id != node.config.cluster_id) {
        return refused(ErrorCode::InconsistentClusterId);
    }
    let Some(partition) = metadata_partition(request, ctx.version()) else {
        return refused(ErrorCode::InvalidRequest);
    };
    let nonsense = request.max_wait_ms < 0
        || partition.fetch_offset < 0
        || partition.last_fetched_epoch < 0
        || partition.last_fetched_epoch > partition.current_leader_epoch;
    if nonsense {
        return answer(response(node, ctx.to, failed(ErrorCode::InvalidRequest)));
    }
    let deadline_ms = ctx.now.saturating_add(i64::from(request.max_wait_ms));
    let fetch = MetadataFetch {
        to: ctx.to,
        partition: partition.clone(),
        max_bytes: request.max_bytes,
        deadline_ms,
    };
    let data = read(node, &fetch);
    if data.error_code == 0 && data.diverging_epoch.epoch < 0 {
        let id = if ctx.version() < REPLICA_STATE_VERSION {
            request.replica_id
        } else {
            request.replica_state.replica_id
        };
        let replica = (id.0, partition.replica_directory_id);
        let end = node.log.end_offset();
        node.observers.fetched(replica, partition.fetch_offset, end, ctx.now);
    }
    if request.max_wait_ms == 0 || has_news(&data) {
        return answer(response(node, ctx.to, data));
    }
    let id = node.fetches.next_id;
    node.fetches.next_id += 1;
    node.fetches.waiting.insert(id, fetch);
    Reply::Later
}

/// A fetch that need not wait any longer, and its answer.
pub(super) fn next_due(node: &mut ControllerNode, now: i64) -> Option<(ResponseTo, Response)> {
    let due = node.fetches.waiting.iter().find_map(|(id, fetch)| {
        let data = read(node, fetch);
        (fetch.deadline_ms <= now || has_news(&data)).then_some((*id, data))
    });
    let (id, data) = due?;
    let fetch = node.fetches.waiting.remove(&id)?;
    Some((fetch.to, response(node, fetch.to, data).into()))
}

/// The one partition that a request may name (`RaftUtil.hasValidTopicPartition`).
fn metadata_partition(request: &FetchRequest, version: i16) -> Option<&FetchPartition> {
    let [topic] = request.topics.as_slice() else { return None };
    let known = if version < TOPIC_ID_VERSION {
        topic.topic.as_str() == CLUSTER_METADATA_TOPIC_NAME
    } else {
        topic.topic_id == TOPIC_ID
    };
    match topic.partitions.as_slice() {
        [partition] if known && partition.partition == 0 => Some(partition),
        _others => None,
    }
}

/// There is something to answer at once.
fn has_news(data: &PartitionData) -> bool {
    data.error_code != 0
        || data.diverging_epoch.epoch >= 0
        || data.records.as_ref().is_some_and(|records| !records.is_empty())
}

/// `tryCompleteFetchRequest`.
fn read(node: &ControllerNode, fetch: &MetadataFetch) -> PartitionData {
    let MetadataFetch { partition: wanted, max_bytes, .. } = fetch;
    let (epoch, leads) = (LeaderEpoch(wanted.current_leader_epoch), node.log.epoch());
    if epoch < leads {
        return failed(ErrorCode::FencedLeaderEpoch);
    }
    if epoch > leads {
        return failed(ErrorCode::UnknownLeaderEpoch);
    }
    let from = Offset(wanted.fetch_offset);
    let mut data = PartitionData::default()
        .with_high_watermark(node.log.log().high_watermark().0)
        .with_log_start_offset(node.log.log().log_start_offset().0)
        .with_aborted_transactions(None)
        .with_preferred_read_replica(BrokerId(-1))
        .with_records(Some(Bytes::new()));
    let diverging = node.log.diverging(from, LeaderEpoch(wanted.last_fetched_epoch));
    if let Some((epoch, end)) = diverging {
        data.diverging_epoch = EpochEndOffset::default().with_epoch(epoch.0).with_end_offset(end.0);
        return data;
    }
    match node.log.read(from, usize::try_from(*max_bytes).unwrap_or_default()) {
        Ok(records) => data.with_records(Some(records)),
        Err(_) => failed(ErrorCode::UnknownServerError),
    }
}

/// `buildEmptyFetchResponse`.
fn failed(error: ErrorCode) -> PartitionData {
    PartitionData::default()
        .with_error_code(error.code())
        .with_high_watermark(-1)
        .with_log_start_offset(-1)
        .with_preferred_read_replica(BrokerId(-1))
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::new()))
}

/// `RaftUtil.singletonFetchResponse`, with who leads.
fn response(node: &ControllerNode, to: ResponseTo, mut data: PartitionData) -> FetchResponse {
    let leader_id = BrokerId(node.config.node_id);
    data.current_leader =
        LeaderIdAndEpoch::default().with_leader_id(leader_id).with_leader_epoch(node.log.epoch().0);
    let topic = FetchableTopicResponse::default()
        .with_topic(topic_name(CLUSTER_METADATA_TOPIC_NAME))
        .with_topic_id(TOPIC_ID)
        .with_partitions(vec![data]);
    let mut response = FetchResponse::default().with_responses(vec![topic]);
    if to.api_version >= NODE_ENDPOINTS_VERSION {
        response.node_endpoints = vec![
            NodeEndpoint::default()
                .with_node_id(leader_id)
                .with_host(text(node.config.host.clone()))
                .with_port(i32::from(node.config.port)),
        ];
    }
    response
}
