//! What transactional batches of a Produce request need before they are appended: their partitions
//! are in the transaction (`ReplicaManager.handleProduceAppend`).

use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use logbrook_group::TopicPartition;
use logbrook_log::VerificationGuard;

use super::{TOPIC_ID_VERSION, refused, validate_records};
use crate::api::{RequestContext, text};
use crate::transaction_coordinator::{
    AskCoordinator, Call, ProducerIdAndEpoch, TransactionSupportedOperation, Verification,
    add_or_verify_partitions,
};
use crate::{Broker, Effects, ErrorCode};

/// Which partitions may be written to.
#[derive(Default)]
pub(super) struct Verified {
    verifications: Vec<Verification>,
    /// Whether the client knows transactions v2.
    transactions_v2: bool,
}

impl Verified {
    fn of(&self, topic: &str, index: i32) -> Option<&Verification> {
        self.verifications.iter().find(|verification| {
            let partition = &verification.partition;
            partition.topic == topic && partition.partition == index
        })
    }

    /// What the log is to be shown.
    pub(super) fn guard(&self, topic: &str, index: i32) -> VerificationGuard {
        self.of(topic, index)
            .and_then(|verification| verification.result.ok())
            .unwrap_or(VerificationGuard::SENTINEL)
    }

    /// The answer for a partition that may not be written to.
    pub(super) fn refusal(&self, topic: &str, index: i32) -> Option<PartitionProduceResponse> {
        let error = self.of(topic, index)?.result.as_ref().err()?;
        let not_enough_replicas = || {
            refused(index, ErrorCode::NotEnoughReplicas).with_error_message(Some(text(format!(
                "Unable to verify the partition has been added to the transaction. Underlying error: {error}"
            ))))
        };
        Some(match error {
            ErrorCode::InvalidTxnState => refused(index, *error)
                .with_error_message(Some(text("Partition was not added to the transaction"))),
            // Older clients do not retry these as they should; this one they do, and without asking
            // for metadata.
            ErrorCode::NetworkException
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator => not_enough_replicas(),
            ErrorCode::ConcurrentTransactions if !self.transactions_v2 => not_enough_replicas(),
            other => refused(index, *other),
        })
    }
}

/// Why the partitions are not verified.
pub(super) enum Unverified {
    /// The whole request is refused.
    Refused(ErrorCode),
    /// The coordinator, another broker, has to be asked first.
    Ask(AskCoordinator),
}

/// Adds the partitions of transactional batches to the transaction, or sees that they are in it.
///
/// # Errors
/// `INVALID_PRODUCER_ID_MAPPING` for the whole request where several producers write.
pub(super) fn verify(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: &ProduceRequest,
    effects: &mut Effects,
) -> Result<Verified, Unverified> {
    let mut producer = None;
    let mut partitions = Vec::new();
    for topic in &request.topic_data {
        let image = if ctx.version() >= TOPIC_ID_VERSION {
            broker.image.topic_by_id(topic.topic_id)
        } else {
            broker.image.topic(topic.name.as_str())
        };
        let Some(image) = image else { continue };
        for data in &topic.partition_data {
            let records = data.records.as_deref().unwrap_or_default();
            if !image.partitions.contains_key(&data.index) {
                continue;
            }
            let Ok(header) = validate_records(records, ctx.version()) else { continue };
            if !header.has_producer_id() || !header.attributes.is_transactional() {
                continue;
            }
            let writes = ProducerIdAndEpoch {
                producer_id: header.producer_id.0,
                producer_epoch: header.producer_epoch.0,
            };
            if producer.is_some_and(|producer| producer != writes) {
                return Err(Unverified::Refused(ErrorCode::InvalidProducerIdMapping));
            }
            producer = Some(writes);
            let partition = TopicPartition::new(image.name.clone(), data.index);
            partitions.push((partition, header.base_sequence));
        }
    }
    let (Some(transactional_id), Some(producer)) = (&request.transactional_id, producer) else {
        return Ok(Verified::default());
    };
    let verifications = add_or_verify_partitions(
        broker,
        Call::of(ctx),
        (transactional_id.as_str(), producer),
        &partitions,
        TransactionSupportedOperation::of_produce(ctx.version()),
        ctx.told.as_ref(),
        effects,
    );
    let verifications = verifications.map_err(Unverified::Ask)?;
    Ok(Verified { verifications, transactions_v2: ctx.version() >= V2_VERSION })
}

/// First version of transactions v2.
const V2_VERSION: i16 = 12;
