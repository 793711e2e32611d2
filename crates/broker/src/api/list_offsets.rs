//! ListOffsets, versions 1 to 11.
//!
//! Earliest (-2), latest (-1), record with the largest timestamp (-3, KIP-734), earliest local
//! (-4, KIP-405), latest tiered (-5) and earliest pending upload (-6, KIP-1023), by timestamp. There
//! is no tiered storage, so -4 is -2, and -5 and -6 answer -1 as Kafka does without it. Different
//! from Kafka 4.4: nothing waits, so the request's timeout is without effect.

use logbrook_sorted::SortedSet;

use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::{Reply, RequestContext, now};
use crate::{Broker, ErrorCode};

const LATEST_TIMESTAMP: i64 = -1;
const EARLIEST_TIMESTAMP: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL_TIMESTAMP: i64 = -4;
const LATEST_TIERED_TIMESTAMP: i64 = -5;
const EARLIEST_PENDING_UPLOAD_TIMESTAMP: i64 = -6;
/// `ListOffsetsRequest.CONSUMER_REPLICA_ID`.
const CONSUMER_REPLICA_ID: i32 = -1;
/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;

pub(crate) fn handle(broker: &Broker, ctx: &RequestContext, request: ListOffsetsRequest) -> Reply {
    let mut seen = SortedSet::new();
    let mut duplicates = SortedSet::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let key = (topic.name.clone(), partition.partition_index);
            if !seen.insert(key.clone()) {
                duplicates.insert(key);
            }
        }
    }
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for wanted in &topic.partitions {
            let index = wanted.partition_index;
            let found = if duplicates.contains(&(topic.name.clone(), index)) {
                Err(ErrorCode::InvalidRequest)
            } else {
                find(broker, ctx.version(), topic.name.as_str(), wanted, &request)
            };
            let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
            partitions.push(match found {
                Ok(Found { timestamp, offset, leader_epoch }) => response
                    .with_timestamp(timestamp)
                    .with_offset(offset)
                    .with_leader_epoch(if ctx.version() >= 4 { leader_epoch } else { -1 }),
                Err(error) => response
                    .with_error_code(error.code())
                    .with_timestamp(-1)
                    .with_offset(-1)
                    .with_leader_epoch(-1),
            });
        }
        topics.push(
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions),
        );
    }
    now(ListOffsetsResponse::default().with_topics(topics))
}

struct Found {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

/// `ListOffsetsResponse.UNKNOWN_OFFSET`: no record answers the question.
const UNKNOWN: Found = Found { timestamp: -1, offset: -1, leader_epoch: -1 };

/// `Partition.fetchOffsetForTimestamp`.
fn find(
    broker: &Broker,
    version: i16,
    topic: &str,
    wanted: &ListOffsetsPartition,
    request: &ListOffsetsRequest,
) -> Result<Found, ErrorCode> {
    let partition = broker
        .replica_manager
        .partition(topic, wanted.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    partition.check_online()?;
    let log = partition.log();
    let readable = match (request.replica_id.0, request.isolation_level) {
        (CONSUMER_REPLICA_ID, READ_COMMITTED) => log.last_stable_offset(),
        (CONSUMER_REPLICA_ID, _) => log.high_watermark(),
        _ => log.log_end_offset(),
    };
    let epoch = partition.leader_epoch();
    let at = |offset: i64, leader_epoch| Ok(Found { timestamp: -1, offset, leader_epoch });
    let supported_from = match wanted.timestamp {
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL_TIMESTAMP => 8,
        LATEST_TIERED_TIMESTAMP => 9,
        EARLIEST_PENDING_UPLOAD_TIMESTAMP => 11,
        timestamp if timestamp < EARLIEST_PENDING_UPLOAD_TIMESTAMP => i16::MAX,
        _ => 1,
    };
    if version < supported_from {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let record = match wanted.timestamp {
        LATEST_TIMESTAMP => return at(readable.0, epoch),
        EARLIEST_TIMESTAMP | EARLIEST_LOCAL_TIMESTAMP => {
            let start = log.log_start_offset();
            // The epoch of the first batch, where the log has one.
            let first = log.headers(start, start.next()).next();
            let first_epoch = first.map(|header| header.partition_leader_epoch.0);
            return at(start.0, first_epoch.unwrap_or(epoch));
        }
        LATEST_TIERED_TIMESTAMP | EARLIEST_PENDING_UPLOAD_TIMESTAMP => return Ok(UNKNOWN),
        MAX_TIMESTAMP => log.max_timestamp(),
        timestamp => log.offset_for_timestamp(timestamp),
    };
    Ok(match record {
        Some(record) if record.offset < readable => Found {
            timestamp: record.timestamp,
            offset: record.offset.0,
            leader_epoch: record.leader_epoch.0,
        },
        Some(_) | None => UNKNOWN,
    })
}
