//! Produce, versions 3 to 13.
//!
//! acks 0, 1 and all; record batch v2; topic ids from version 13. acks=0 has no response, and an
//! error closes the connection. From version 12 on (KIP-890) a partition comes into the transaction
//! with the first batch that is written to it; before, the client must have added it.
//! With acks=all the answer waits until the records are replicated. Different from Kafka 4.4: no
//! throttling.

mod verification;

use verification::Unverified;

use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use logbrook_log::{AppendOrigin, VerificationGuard};
use logbrook_record::{BatchHeader, Compression, LOG_OVERHEAD, MAGIC_V2};

use super::{Reply, RequestContext, now, text};
use crate::partition::PartitionAppendError;
use crate::replica_manager::Append;
use crate::{Broker, Effects, ErrorCode, topic_name};

/// First version whose requests name topics by id.
const TOPIC_ID_VERSION: i16 = 13;
/// First version that may carry zstd (KIP-110).
const ZSTD_VERSION: i16 = 7;
/// The admin client's id, which alone may write to internal topics (`AdminUtils.ADMIN_CLIENT_ID`).
const ADMIN_CLIENT_ID: &str = "__admin_client";

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: ProduceRequest,
    effects: &mut Effects,
) -> Reply {
    let acks = request.acks;
    let mut failed = false;
    let verified = match verification::verify(broker, ctx, &request, effects) {
        Ok(verified) => verified,
        Err(Unverified::Refused(error)) => return refuse_all(&request, error),
        Err(Unverified::Ask(ask)) => {
            return broker.ask_coordinator(ctx, request.into(), ask, effects);
        }
    };
    if ctx.version() < ZSTD_VERSION && has_unknown_codec(broker, &request) {
        return refuse_all(&request, ErrorCode::UnknownServerError);
    }
    let mut responses = Vec::new();
    for topic in request.topic_data {
        let by_id = ctx.version() >= TOPIC_ID_VERSION;
        let image = if by_id {
            broker.image.topic_by_id(topic.topic_id)
        } else {
            broker.image.topic(topic.name.as_str())
        };
        let name = image.map(|topic| topic.name.clone());
        let mut partitions = Vec::new();
        for data in topic.partition_data {
            let index = data.index;
            let transactional = request.transactional_id.is_some();
            let produced = match &name {
                None if by_id => refused(index, ErrorCode::UnknownTopicId),
                None => refused(index, ErrorCode::UnknownTopicOrPartition),
                Some(name) => verified.refusal(name, index).unwrap_or_else(|| {
                    let asked = Asked { acks, transactional, guard: verified.guard(name, index) };
                    append(broker, ctx, name, data, asked, effects)
                }),
            };
            failed |= produced.error_code != ErrorCode::None.code();
            partitions.push(produced);
        }
        responses.push(
            TopicProduceResponse::default()
                .with_name(topic.name)
                .with_topic_id(topic.topic_id)
                .with_partition_responses(partitions),
        );
    }
    match (acks, failed) {
        (0, false) => Reply::Silent,
        (0, true) => Reply::Close,
        _ => now(ProduceResponse::default().with_responses(responses)),
    }
}

/// Whether a batch for a partition that there is has a codec that Kafka does not know. Where `ProduceRequest`
/// looks at the codec, Java's `CompressionType.forId` throws what nobody catches, so that nothing is appended at all.
fn has_unknown_codec(broker: &Broker, request: &ProduceRequest) -> bool {
    request.topic_data.iter().any(|topic| {
        let image = broker.image.topic(topic.name.as_str());
        let is_there = |index: i32| image.is_some_and(|t| t.partitions.contains_key(&index));
        topic.partition_data.iter().filter(|data| is_there(data.index)).any(|data| {
            let records = data.records.as_deref().unwrap_or_default();
            let is_whole = matches!(first_batch_size(records), Ok(Some(_)));
            let is_v2 = records.get(MAGIC_OFFSET).is_some_and(|magic| *magic as i8 == MAGIC_V2);
            let header = BatchHeader::read(records).ok().filter(|_| is_whole && is_v2);
            header.is_some_and(|header| header.attributes.compression().is_none())
        })
    })
}

/// `ProduceRequest.getErrorResponse`.
fn refuse_all(request: &ProduceRequest, error: ErrorCode) -> Reply {
    if request.acks == 0 {
        return Reply::Close;
    }
    let topics = request.topic_data.iter().map(|topic| {
        let partitions = topic
            .partition_data
            .iter()
            .map(|data| refused(data.index, error).with_error_message(Some(text(error.message()))));
        TopicProduceResponse::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.topic_id)
            .with_partition_responses(partitions.collect())
    });
    now(ProduceResponse::default().with_responses(topics.collect()))
}

fn refused(index: i32, error: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(error.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1)
        .with_error_message(None)
}

/// What the request says of its records as a whole.
struct Asked {
    acks: i16,
    /// It names a transactional id.
    transactional: bool,
    /// Of the partition's verification.
    guard: VerificationGuard,
}

fn append(
    broker: &mut Broker,
    ctx: &RequestContext,
    topic: &str,
    data: PartitionProduceData,
    asked: Asked,
    effects: &mut Effects,
) -> PartitionProduceResponse {
    let index = data.index;
    let Asked { acks, transactional, guard: verification_guard } = asked;
    let Some(partition) = broker.replica_manager.partition(topic, index) else {
        return refused(index, ErrorCode::UnknownTopicOrPartition);
    };
    let name = partition.name();
    let records = data.records.unwrap_or_default();
    let checked = validate_records(&records, ctx.version()).and_then(|header| {
        if header.attributes.is_transactional() && !transactional {
            Err(ErrorCode::TransactionalIdAuthorizationFailed)
        } else if !matches!(acks, -1..=1) {
            Err(ErrorCode::InvalidRequiredAcks)
        } else if topic_name::is_internal(topic)
            && ctx.client_id.as_deref() != Some(ADMIN_CLIENT_ID)
        {
            Err(ErrorCode::InvalidTopicException)
        } else {
            Ok(())
        }
    });
    if let Err(error) = checked {
        return refused(index, error);
    }
    let append = Append {
        origin: AppendOrigin::Client,
        acks,
        verification_guard,
        ..Append::coordinator(topic, index, records)
    };
    match broker.replica_manager.append(ctx.now, append, ctx.cause(), effects) {
        Ok(info) => PartitionProduceResponse::default()
            .with_index(index)
            .with_base_offset(info.first_offset.0)
            .with_log_append_time_ms(info.log_append_time)
            .with_log_start_offset(info.log_start_offset.0)
            .with_error_message(None),
        Err(error) => {
            let start = broker
                .replica_manager
                .partition(topic, index)
                .map_or(-1, |partition| partition.log().log_start_offset().0);
            with_reasons(refused(index, error.code()), &error, &name, start)
        }
    }
}

/// The reasons of a refused batch: the message travels only with errors of single records
/// (`RecordValidationException`), the log start offset only where Kafka expects no such error.
fn with_reasons(
    response: PartitionProduceResponse,
    error: &PartitionAppendError,
    partition: &str,
    log_start_offset: i64,
) -> PartitionProduceResponse {
    let response = match error.code() {
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::CorruptMessage => response,
        _ => response.with_log_start_offset(log_start_offset),
    };
    match error {
        PartitionAppendError::Log(error) if !error.record_errors.is_empty() => {
            let record_errors = error.record_errors.iter().map(|record| {
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(record.batch_index)
                    .with_batch_index_error_message(Some(text(record.message(partition))))
            });
            response
                .with_record_errors(record_errors.collect())
                .with_error_message(Some(text(error.message(partition))))
        }
        PartitionAppendError::Log(_)
        | PartitionAppendError::NotLeader
        | PartitionAppendError::NotEnoughReplicas => response,
    }
}

/// `ProduceRequest.validateRecords`: exactly one batch, of magic 2. The size field is read as
/// `ByteBufferLogInputStream` reads it. Everything else is the log's to check.
fn validate_records(records: &[u8], version: i16) -> Result<BatchHeader, ErrorCode> {
    let size = first_batch_size(records)?.ok_or(ErrorCode::InvalidRecord)?;
    let magic = records.get(MAGIC_OFFSET).copied().unwrap_or_default();
    if magic as i8 != MAGIC_V2 {
        return Err(ErrorCode::InvalidRecord);
    }
    let header = BatchHeader::read(records).map_err(|_| ErrorCode::CorruptMessage)?;
    if version < ZSTD_VERSION && header.attributes.compression() == Some(Compression::Zstd) {
        return Err(ErrorCode::UnsupportedCompressionType);
    }
    match first_batch_size(&records[size..])? {
        Some(_) => Err(ErrorCode::InvalidRecord),
        None => Ok(header),
    }
}

const SIZE_OFFSET: usize = 8;
const MAGIC_OFFSET: usize = 16;
/// `LegacyRecord.RECORD_OVERHEAD_V0`: nothing smaller was ever a message.
const RECORD_OVERHEAD_V0: i32 = 14;

/// Size of the first batch; `None` where there is not a whole one.
fn first_batch_size(records: &[u8]) -> Result<Option<usize>, ErrorCode> {
    let Some(&[a, b, c, d]) = records.get(SIZE_OFFSET..LOG_OVERHEAD) else { return Ok(None) };
    let size = i32::from_be_bytes([a, b, c, d]);
    if size < RECORD_OVERHEAD_V0 {
        return Err(ErrorCode::CorruptMessage);
    }
    let Some(magic) = records.get(MAGIC_OFFSET) else { return Ok(None) };
    if !(0..=MAGIC_V2).contains(&(*magic as i8)) {
        return Err(ErrorCode::CorruptMessage);
    }
    let size = size.unsigned_abs() as usize + LOG_OVERHEAD;
    Ok((records.len() >= size).then_some(size))
}
