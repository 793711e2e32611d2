//! Fetch, versions 4 to 17, from consumers and followers.
//!
//! Long poll (`min_bytes`, `max_wait_ms`), byte limits for the response and each partition, the
//! first batch whole however large and the last one cut where the limit is, fetch sessions
//! (KIP-227), isolation levels, topic ids from version 13, leader epochs and truncation detection
//! (KIP-320, KIP-595), reading from followers (KIP-392). A follower reads up to the log's end and tells by
//! its offsets what it has.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse, ProducerId, TopicName};
use logbrook_log::FetchData;
use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset};
use uuid::Uuid;

use super::{Reply, RequestContext, now, topic_name};
use crate::delayed_fetch::DelayedFetch;
use crate::fetch_session::{FetchContext, FetchKey, FetchMetadata, FetchedPartition};
use crate::partition::{FollowerFetch, Partition};
use crate::replica_selector::{RACK_AWARE, preferred_read_replica};
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects, ErrorCode};

/// First version whose requests name topics by id.
const TOPIC_ID_VERSION: i16 = 13;
/// First version in which consumers may read from followers (KIP-392).
const READ_FROM_FOLLOWER_VERSION: i16 = 11;
/// First version whose requests say who the replica is in a struct of its own (KIP-903).
const REPLICA_STATE_VERSION: i16 = 15;
/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;

/// A fetch with its session looked up: what `KafkaApis.handleFetchRequest` hands to the replica
/// manager, and what its callback needs.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    context: FetchContext,
    max_wait_ms: i32,
    min_bytes: i64,
    max_bytes: i64,
    isolation_level: i8,
    reader: Reader,
    /// `client.rack` of a consumer that may be sent to a nearer replica; empty where it may not.
    rack: String,
    interesting: Vec<FetchTarget>,
    /// Partitions that are not known here: they come last in the response.
    erroneous: Vec<(FetchTarget, PartitionData)>,
}

/// Who fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A consumer; one that can say where it is may read from any replica.
    Consumer { only_leader: bool },
    /// A follower, with its node id and the epoch of its registration (-1 where it does not say).
    Follower { replica_id: i32, broker_epoch: i64 },
}

impl Reader {
    /// What a follower says that it has, by asking for what comes next.
    fn progress(self, asked: &FetchPartition) -> Option<FollowerFetch> {
        let Reader::Follower { replica_id, broker_epoch } = self else { return None };
        Some(FollowerFetch {
            replica_id,
            broker_epoch,
            fetch_offset: Offset(asked.fetch_offset),
            log_start_offset: Offset(asked.log_start_offset),
        })
    }
}

/// A partition to read.
#[derive(Clone, Debug)]
pub(crate) struct FetchTarget {
    key: FetchKey,
    /// The topic's name when the request came.
    topic: String,
    request: FetchPartition,
}

impl Fetch {
    /// The partitions to read, by the names that their topics had.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.interesting.iter().map(|target| (target.topic.as_str(), target.key.partition))
    }
}

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: FetchRequest,
    effects: &mut Effects,
) -> Reply {
    let fetch = match prepare(broker, ctx, request) {
        Ok(fetch) => fetch,
        // It is not known which partitions it was about.
        Err(error) => return now(FetchResponse::default().with_error_code(error.code())),
    };
    let read = read(broker, ctx.now, &fetch);
    note_progress(broker, ctx, &fetch, &read, effects);
    let enough = fetch.max_wait_ms <= 0
        || fetch.interesting.is_empty()
        || read.bytes >= fetch.min_bytes
        || read.at_once;
    let mut tell = |kind| effects.events.push(BrokerEvent { cause: ctx.cause(), kind });
    if enough {
        tell(BrokerEventKind::FetchAnswered {
            bytes: usize::try_from(read.bytes).unwrap_or_default(),
            waited_ms: 0,
        });
        let (response, rest) = respond(broker, ctx.now, &fetch, read);
        return Reply::Scattered(response.into(), rest);
    }
    let deadline_ms = ctx.now.saturating_add(i64::from(fetch.max_wait_ms));
    tell(BrokerEventKind::FetchParked { deadline_ms });
    broker.replica_manager.delayed_fetches.park(DelayedFetch {
        to: ctx.to,
        fetch,
        parked_at: ctx.now,
        deadline_ms,
    });
    Reply::Later
}

/// Looks again at a parked fetch and answers it where it has enough, or its time is over.
pub(crate) fn try_complete(broker: &mut Broker, now: i64, id: u64, effects: &mut Effects) {
    let Some(delayed) = broker.replica_manager.delayed_fetches.get(id) else { return };
    let read = read(broker, now, &delayed.fetch);
    if !read.at_once && read.bytes < delayed.fetch.min_bytes && delayed.deadline_ms > now {
        return;
    }
    let Some(delayed) = broker.replica_manager.delayed_fetches.take(id) else { return };
    let DelayedFetch { to, fetch, parked_at, .. } = delayed;
    let bytes = usize::try_from(read.bytes).unwrap_or_default();
    let kind = BrokerEventKind::FetchAnswered { bytes, waited_ms: now.saturating_sub(parked_at) };
    effects.events.push(BrokerEvent { cause: Some(to.cause()), kind });
    let (response, rest) = respond(broker, now, &fetch, read);
    broker.respond_scattered(to, response, rest, effects);
}

/// What a follower has, by the offsets that it fetches (`Partition.updateFollowerFetchState`).
fn note_progress(
    broker: &mut Broker,
    ctx: &RequestContext,
    fetch: &Fetch,
    read: &Read,
    effects: &mut Effects,
) {
    for (target, fetched) in fetch.interesting.iter().zip(&read.partitions) {
        let told = fetched.data.error_code == ErrorCode::None.code();
        if !told || fetched.data.diverging_epoch.epoch >= 0 {
            continue;
        }
        let Some(progress) = fetch.reader.progress(&target.request) else { return };
        let key = (target.topic.as_str(), target.key.partition);
        let change =
            broker.replica_manager.update_follower(ctx.now, key, progress, ctx.cause(), effects);
        if let Some(change) = change {
            broker.submit_isr_change((target.topic.clone(), key.1), change, effects);
        }
    }
}

/// The session's part of a request, and which of its partitions are known here.
fn prepare(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: FetchRequest,
) -> Result<Fetch, ErrorCode> {
    let by_id = ctx.version() >= TOPIC_ID_VERSION;
    let key = |topic_id: Uuid, topic: &TopicName, partition: i32| FetchKey {
        topic_id: if by_id { topic_id } else { Uuid::nil() },
        topic: if by_id { String::new() } else { topic.to_string() },
        partition,
    };
    let mut data: Vec<(FetchKey, FetchPartition)> = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let key = key(topic.topic_id, &topic.topic, partition.partition);
            data.push((key, partition.clone()));
        }
    }
    let forgotten: Vec<FetchKey> = request
        .forgotten_topics_data
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|p| key(topic.topic_id, &topic.topic, *p)))
        .collect();
    let (replica, broker_epoch) = if ctx.version() >= REPLICA_STATE_VERSION {
        (request.replica_state.replica_id.0, request.replica_state.replica_epoch)
    } else {
        (request.replica_id.0, -1)
    };
    let metadata = FetchMetadata { session_id: request.session_id, epoch: request.session_epoch };
    let (context, data) = broker.fetch_sessions.new_context(
        ctx.now,
        metadata,
        (by_id, replica >= 0),
        unique(data),
        &forgotten,
    )?;
    let max_bytes = i64::from(request.max_bytes).min(broker.config.number("fetch.max.bytes"));
    let mut fetch = Fetch {
        context,
        max_wait_ms: request.max_wait_ms,
        min_bytes: i64::from(request.min_bytes).min(max_bytes),
        max_bytes,
        isolation_level: request.isolation_level,
        reader: if replica >= 0 {
            Reader::Follower { replica_id: replica, broker_epoch }
        } else {
            Reader::Consumer { only_leader: ctx.version() < READ_FROM_FOLLOWER_VERSION }
        },
        rack: match request.rack_id.as_str() {
            rack if !rack.is_empty()
                && replica < 0
                && ctx.version() >= READ_FROM_FOLLOWER_VERSION
                && broker.config.configured("replica.selector.class") == Some(RACK_AWARE) =>
            {
                rack.to_owned()
            }
            _ => String::new(),
        },
        interesting: Vec::with_capacity(data.len()),
        erroneous: Vec::new(),
    };
    for (key, request) in data {
        let image = if by_id {
            broker.image.topic_by_id(key.topic_id)
        } else {
            broker.image.topic(&key.topic)
        };
        let error = match image {
            None if by_id => ErrorCode::UnknownTopicId,
            Some(topic) if topic.partitions.contains_key(&key.partition) => {
                let topic = topic.name.clone();
                fetch.interesting.push(FetchTarget { key, topic, request });
                continue;
            }
            None | Some(_) => ErrorCode::UnknownTopicOrPartition,
        };
        let data = failed(key.partition, error);
        fetch.erroneous.push((FetchTarget { topic: String::new(), key, request }, data));
    }
    Ok(fetch)
}

/// A partition named twice stands where it came first, with what it asked last (a `LinkedHashMap`).
fn unique(data: Vec<(FetchKey, FetchPartition)>) -> Vec<(FetchKey, FetchPartition)> {
    let mut order: Vec<usize> = (0..data.len()).collect();
    logbrook_sorted::sort_by_key(&mut order, |at| &data[*at].0);
    // Equal keys keep their order: the first of each run is the place, the last the request.
    let mut last_of_first = vec![None; data.len()];
    for run in order.chunk_by(|a, b| data[*a].0 == data[*b].0) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            last_of_first[*first] = Some(*last);
        }
    }
    let last = |at: &Option<usize>| at.map(|at| data[at].clone());
    last_of_first.iter().filter_map(last).collect()
}

/// The session's say, and partitions of a topic that stand together put together
/// (`FetchResponse.of`). Beside the response, for each of its partitions, the pieces of records that
/// follow the one in it.
fn respond(
    broker: &mut Broker,
    now: i64,
    fetch: &Fetch,
    read: Read,
) -> (FetchResponse, Vec<Vec<Bytes>>) {
    let unknown = fetch.erroneous.iter().map(|(target, data)| FetchedPartition {
        key: target.key.clone(),
        data: data.clone(),
        rest: Vec::new(),
    });
    let all = read.partitions.into_iter().chain(unknown).collect();
    let unknown = fetch.erroneous.iter().map(|(target, _)| &target.request);
    let mut requests = fetch.interesting.iter().map(|target| &target.request).chain(unknown);
    let response = FetchResponse::default();
    match broker.fetch_sessions.complete(now, fetch.context, &mut requests, all) {
        Ok((session_id, told)) => {
            let mut responses: Vec<FetchableTopicResponse> = Vec::new();
            let mut rests = Vec::with_capacity(told.len());
            for FetchedPartition { key, data, rest } in told {
                rests.push(rest);
                let same = |topic: &FetchableTopicResponse| {
                    topic.topic_id == key.topic_id && topic.topic.as_str() == key.topic
                };
                match responses.last_mut() {
                    Some(last) if same(last) => last.partitions.push(data),
                    Some(_) | None => responses.push(
                        FetchableTopicResponse::default()
                            .with_topic(topic_name(&key.topic))
                            .with_topic_id(key.topic_id)
                            .with_partitions(vec![data]),
                    ),
                }
            }
            (response.with_session_id(session_id).with_responses(responses), rests)
        }
        Err((session_id, error)) => {
            (response.with_session_id(session_id).with_error_code(error.code()), Vec::new())
        }
    }
}

struct Read {
    partitions: Vec<FetchedPartition>,
    bytes: i64,
    /// An error, a diverging epoch, or records of a segment that is full: the client is not made to
    /// wait for more.
    at_once: bool,
}

/// `ReplicaManager.readFromLog`.
fn read(broker: &Broker, now: i64, fetch: &Fetch) -> Read {
    let mut left = fetch.max_bytes;
    let mut min_one_message = true;
    let mut read = Read { partitions: Vec::new(), bytes: 0, at_once: false };
    for FetchTarget { key, topic, request } in &fetch.interesting {
        let partition = broker.replica_manager.partition(topic, key.partition);
        let data = match partition {
            None => Err(ErrorCode::UnknownTopicOrPartition),
            // Deleted and made again while the fetch waited.
            Some(partition) if !key.topic_id.is_nil() && partition.topic_id() != key.topic_id => {
                Err(ErrorCode::InconsistentTopicId)
            }
            Some(partition) => check_reader(broker, now, fetch.reader, partition, request)
                .and_then(|()| {
                    let image = &broker.image;
                    let offset = request.fetch_offset;
                    if let Some(nearer) =
                        preferred_read_replica(partition, image, &fetch.rack, offset, now)
                    {
                        read.at_once = true;
                        let data = nothing(partition, key.partition)
                            .with_preferred_read_replica(BrokerId(nearer));
                        return Ok((data, FetchData::default()));
                    }
                    let upper = match fetch.reader {
                        Reader::Follower { .. } => partition.log().log_end_offset(),
                        Reader::Consumer { .. } if planted(Bug::ReadPastWatermark) => {
                            partition.log().log_end_offset()
                        }
                        Reader::Consumer { .. } if fetch.isolation_level == READ_COMMITTED => {
                            partition.log().last_stable_offset()
                        }
                        Reader::Consumer { .. } => partition.log().high_watermark(),
                    };
                    let max_bytes = i64::from(request.partition_max_bytes).min(left);
                    let limits = Limits { upper, max_bytes, min_one_message };
                    let committed = fetch.isolation_level == READ_COMMITTED;
                    read_partition(partition, request, committed, limits, &mut read.at_once)
                }),
        };
        let (mut data, records) = data.unwrap_or_else(|error| {
            read.at_once = true;
            (failed(key.partition, error), FetchData::default())
        });
        read.at_once |= data.diverging_epoch.epoch >= 0;
        let size = records.len();
        min_one_message &= size == 0;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        left = left.saturating_sub(size).max(0);
        read.bytes += size;
        let rest = if broker.scatters_records {
            let mut pieces = records.pieces.into_iter();
            data.records = Some(pieces.next().unwrap_or_default());
            pieces.collect()
        } else {
            data.records = Some(records.into_bytes());
            Vec::new()
        };
        read.partitions.push(FetchedPartition { key: key.clone(), data, rest });
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

/// Whether this reader may read this replica (`Partition.fetchRecords`).
fn check_reader(
    broker: &Broker,
    now: i64,
    reader: Reader,
    partition: &Partition,
    wanted: &FetchPartition,
) -> Result<(), ErrorCode> {
    partition.check_online()?;
    partition.check_leader_epoch(wanted.current_leader_epoch)?;
    let only_leader = !matches!(reader, Reader::Consumer { only_leader: false });
    if only_leader && !partition.is_leader() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let Some(fetch) = reader.progress(wanted) else { return Ok(()) };
    let names_epoch = wanted.current_leader_epoch >= 0;
    broker.replica_manager.check_follower(now, partition, fetch, names_epoch)
}

/// How far a partition is read.
struct Limits {
    /// Below this offset.
    upper: Offset,
    max_bytes: i64,
    /// The first batch whole, however large.
    min_one_message: bool,
}

/// The offsets of a partition, and no record.
fn nothing(partition: &Partition, index: i32) -> PartitionData {
    let log = partition.log();
    PartitionData::default()
        .with_partition_index(index)
        .with_high_watermark(log.high_watermark().0)
        .with_last_stable_offset(log.last_stable_offset().0)
        .with_log_start_offset(log.log_start_offset().0)
        .with_preferred_read_replica(BrokerId(-1))
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::new()))
}

/// `Partition.readRecords`.
fn read_partition(
    partition: &Partition,
    wanted: &FetchPartition,
    committed: bool,
    limits: Limits,
    at_once: &mut bool,
) -> Result<(PartitionData, FetchData), ErrorCode> {
    let Limits { upper, max_bytes, min_one_message } = limits;
    let log = partition.log();
    let mut data = nothing(partition, wanted.partition);
    let from = Offset(wanted.fetch_offset);
    if wanted.last_fetched_epoch >= 0 && !planted(Bug::SkipEpochCheck) {
        let epoch = LeaderEpoch(wanted.last_fetched_epoch);
        let (epoch_there, end) =
            log.end_offset_for_epoch(epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
        if from < log.log_start_offset() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if epoch_there < epoch || end < from {
            data.diverging_epoch =
                EpochEndOffset::default().with_epoch(epoch_there.0).with_end_offset(end.0);
            return Ok((data, FetchData::default()));
        }
    }
    // `LogSegment.read` throws an `IllegalArgumentException`, where there is something to read.
    if max_bytes < 0 && log.log_start_offset() <= from && from < upper {
        return Err(ErrorCode::UnknownServerError);
    }
    let max_bytes = usize::try_from(max_bytes).unwrap_or_default();
    // `DelayedFetch`, case F.
    *at_once |= log.on_older_segment(from, upper);
    let read = log.read(from, max_bytes, min_one_message, upper).map_err(|error| {
        ErrorCode::from_code(error.code()).unwrap_or(ErrorCode::KafkaStorageError)
    })?;
    if committed && !planted(Bug::AbortedListEmpty) {
        let aborted = log.aborted_transactions(from, read.upper_bound).into_iter().map(|aborted| {
            AbortedTransaction::default()
                .with_producer_id(ProducerId(aborted.producer_id.0))
                .with_first_offset(aborted.first_offset.0)
        });
        data.aborted_transactions = Some(aborted.collect());
    }
    Ok((data, read))
}
