//! Fetch, versions 4 to 17, from consumers.
//!
//! Long poll (`min_bytes`, `max_wait_ms`), byte limits for the response and each partition, the
//! first batch whole however large, isolation levels, topic ids from version 13, leader epochs and
//! truncation detection (KIP-320, KIP-595). Different from Kafka 4.4: fetch sessions are not kept;
//! the answer says session 0, and a client goes on with full fetches. Followers are not served yet.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, ProducerId};
use logbrook_record::{LeaderEpoch, Offset};

use super::{Reply, RequestContext, now};
use crate::delayed_fetch::DelayedFetch;
use crate::partition::Partition;
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects, ErrorCode};

/// First version whose requests name topics by id.
const TOPIC_ID_VERSION: i16 = 13;
/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: FetchRequest,
    effects: &mut Effects,
) -> Reply {
    if request.session_id != 0 {
        let error = ErrorCode::FetchSessionIdNotFound.code();
        return now(FetchResponse::default().with_error_code(error));
    }
    let read = read(broker, ctx.version(), &request);
    let enough = request.max_wait_ms <= 0
        || read.partitions.is_empty()
        || read.bytes >= i64::from(request.min_bytes)
        || read.failed;
    let mut tell = |kind| effects.events.push(BrokerEvent { cause: ctx.cause(), kind });
    if enough {
        tell(BrokerEventKind::FetchAnswered {
            bytes: usize::try_from(read.bytes).unwrap_or_default(),
            waited_ms: 0,
        });
        return now(read.response);
    }
    let deadline_ms = ctx.now.saturating_add(i64::from(request.max_wait_ms));
    tell(BrokerEventKind::FetchParked { deadline_ms });
    broker.replica_manager.delayed_fetches.park(DelayedFetch {
        to: ctx.to,
        request,
        partitions: read.partitions,
        parked_at: ctx.now,
        deadline_ms,
    });
    Reply::Later
}

/// Looks again at a parked fetch and answers it where it has enough, or its time is over.
pub(crate) fn try_complete(broker: &mut Broker, now: i64, id: u64, effects: &mut Effects) {
    let Some(fetch) = broker.replica_manager.delayed_fetches.get(id) else { return };
    let (to, parked_at) = (fetch.to, fetch.parked_at);
    let read = read(broker, to.api_version, &fetch.request);
    let enough =
        read.failed || read.bytes >= i64::from(fetch.request.min_bytes) || fetch.deadline_ms <= now;
    if !enough {
        return;
    }
    broker.replica_manager.delayed_fetches.take(id);
    let bytes = usize::try_from(read.bytes).unwrap_or_default();
    let kind = BrokerEventKind::FetchAnswered { bytes, waited_ms: now.saturating_sub(parked_at) };
    effects.events.push(BrokerEvent { cause: Some(to.cause()), kind });
    broker.respond(to, read.response, effects);
}

struct Read {
    response: FetchResponse,
    /// The partitions that were found, for the purgatory to watch.
    partitions: Vec<(String, i32)>,
    bytes: i64,
    /// An error or a diverging epoch: the client is not made to wait for it.
    failed: bool,
}

/// `ReplicaManager.readFromLog`.
fn read(broker: &Broker, version: i16, request: &FetchRequest) -> Read {
    let limit = i64::from(request.max_bytes).min(broker.config.number("fetch.max.bytes"));
    let mut left = usize::try_from(limit).unwrap_or_default();
    let mut min_one_message = true;
    let mut read = Read {
        response: FetchResponse::default(),
        partitions: Vec::new(),
        bytes: 0,
        failed: false,
    };
    for topic in &request.topics {
        let by_id = version >= TOPIC_ID_VERSION;
        let image = if by_id {
            broker.image.topic_by_id(topic.topic_id)
        } else {
            broker.image.topic(topic.topic.as_str())
        };
        let mut partitions = Vec::new();
        for wanted in &topic.partitions {
            let found = match image {
                None if by_id => Err(ErrorCode::UnknownTopicId),
                None => Err(ErrorCode::UnknownTopicOrPartition),
                Some(topic) => broker
                    .replica_manager
                    .partition(&topic.name, wanted.partition)
                    .ok_or(ErrorCode::UnknownTopicOrPartition),
            };
            let data = found.and_then(|partition| {
                read.partitions.push((partition.topic().to_owned(), partition.index()));
                read_partition(partition, wanted, request.isolation_level, left, min_one_message)
            });
            let data = data.unwrap_or_else(|error| {
                read.failed = true;
                failed(wanted.partition, error)
            });
            read.failed |= data.diverging_epoch.epoch >= 0;
            let size = data.records.as_ref().map_or(0, Bytes::len);
            min_one_message &= size == 0;
            left = left.saturating_sub(size);
            read.bytes += i64::try_from(size).unwrap_or(i64::MAX);
            partitions.push(data);
        }
        read.response.responses.push(
            FetchableTopicResponse::default()
                .with_topic(topic.topic.clone())
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions),
        );
    }
    read
}

fn failed(index: i32, error: ErrorCode) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_error_code(error.code())
        .with_high_watermark(-1)
        .with_last_stable_offset(-1)
        .with_log_start_offset(-1)
        .with_preferred_read_replica(BrokerId(-1))
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::new()))
}

/// `Partition.fetchRecords` for a consumer.
fn read_partition(
    partition: &Partition,
    wanted: &FetchPartition,
    isolation_level: i8,
    left: usize,
    min_one_message: bool,
) -> Result<PartitionData, ErrorCode> {
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    if !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let log = partition.log();
    let mut data = PartitionData::default()
        .with_partition_index(wanted.partition)
        .with_high_watermark(log.high_watermark().0)
        .with_last_stable_offset(log.last_stable_offset().0)
        .with_log_start_offset(log.log_start_offset().0)
        .with_preferred_read_replica(BrokerId(-1))
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::new()));
    let from = Offset(wanted.fetch_offset);
    if wanted.last_fetched_epoch >= 0 {
        let epoch = LeaderEpoch(wanted.last_fetched_epoch);
        let (epoch_there, end) =
            log.end_offset_for_epoch(epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
        if epoch_there < epoch || end < from {
            data.diverging_epoch =
                EpochEndOffset::default().with_epoch(epoch_there.0).with_end_offset(end.0);
            return Ok(data);
        }
    }
    let upper = if isolation_level == READ_COMMITTED {
        log.last_stable_offset()
    } else {
        log.high_watermark()
    };
    let max_bytes = usize::try_from(wanted.partition_max_bytes).unwrap_or_default().min(left);
    let read = log
        .read(from, max_bytes, min_one_message, upper)
        .map_err(|_| ErrorCode::OffsetOutOfRange)?;
    if isolation_level == READ_COMMITTED {
        let aborted = log.aborted_transactions(from, read.upper_bound).into_iter().map(|aborted| {
            AbortedTransaction::default()
                .with_producer_id(ProducerId(aborted.producer_id.0))
                .with_first_offset(aborted.first_offset.0)
        });
        data.aborted_transactions = Some(aborted.collect());
    }
    Ok(data.with_records(Some(read.into_bytes())))
}
