//! Blocks of producer ids for brokers (`ProducerIdControlManager`, KIP-730).

use super::broker_epoch::check_broker_epoch;
use super::{ControllerResult, MetadataRecord};
use crate::api_error::ApiError;
use crate::{ErrorCode, MetadataImage};

/// `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`.
const PRODUCER_ID_BLOCK_SIZE: i64 = 1000;

/// Producer ids that a broker may give out: from `next` up to, not with, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerIdBlock {
    next: i64,
    end: i64,
}

impl ProducerIdBlock {
    /// A block as the controller gave it.
    pub(crate) fn of(start: i64, len: i64) -> ProducerIdBlock {
        ProducerIdBlock { next: start, end: start.saturating_add(len) }
    }

    /// The block that follows this one, whose rest is dropped only if it is used up.
    pub(crate) fn add(&mut self, next: ProducerIdBlock) {
        if self.next >= self.end {
            *self = next;
        }
    }

    /// Whether it is time to ask for the next block (`RPCProducerIdManager.PID_PREFETCH_THRESHOLD`).
    pub(crate) fn is_running_out(&self) -> bool {
        self.end.saturating_sub(self.next) * 10 <= PRODUCER_ID_BLOCK_SIZE
    }

    /// Takes the next id, while there is one.
    pub(crate) fn claim(&mut self) -> Option<i64> {
        let id = self.next;
        (id < self.end).then(|| {
            self.next += 1;
            id
        })
    }
}

/// The next block for this broker, which is its own controller.
pub(crate) fn allocate(image: &MetadataImage, broker_id: i32) -> ControllerResult<ProducerIdBlock> {
    let broker_epoch = image.broker(broker_id).map_or(-1, |broker| broker.epoch);
    let next = image.next_producer_id();
    let end = next.saturating_add(PRODUCER_ID_BLOCK_SIZE);
    let record = MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id: end };
    ControllerResult { records: vec![record], response: ProducerIdBlock { next, end } }
}

/// The next block for a broker that asks: its first id, and how many there are (`generateNextProducerId`).
///
/// # Errors
/// `STALE_BROKER_EPOCH`; `UNKNOWN_SERVER_ERROR` when all are given out.
pub(crate) fn allocate_of(
    image: &MetadataImage,
    broker_id: i32,
    broker_epoch: i64,
) -> Result<ControllerResult<(i64, i32)>, ApiError> {
    check_broker_epoch(image, broker_id, broker_epoch)?;
    if image.next_producer_id() > i64::MAX - PRODUCER_ID_BLOCK_SIZE {
        return Err(ApiError::new(
            ErrorCode::UnknownServerError,
            "Exhausted all producerIds as the next block's end producerId has exceeded the int64 \
             type limit",
        ));
    }
    let ControllerResult { records, response } = allocate(image, broker_id);
    let len = i32::try_from(PRODUCER_ID_BLOCK_SIZE).unwrap_or(i32::MAX);
    Ok(ControllerResult { records, response: (response.next, len) })
}
