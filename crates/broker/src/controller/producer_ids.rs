//! Blocks of producer ids for brokers (`ProducerIdControlManager`, KIP-730).

use super::{ControllerResult, MetadataRecord};
use crate::MetadataImage;

/// `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`.
const PRODUCER_ID_BLOCK_SIZE: i64 = 1000;

/// Producer ids that a broker may give out: from `next` up to, not with, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProducerIdBlock {
    next: i64,
    end: i64,
}

impl ProducerIdBlock {
    /// Takes the next id, while there is one.
    pub(crate) fn claim(&mut self) -> Option<i64> {
        let id = self.next;
        (id < self.end).then(|| {
            self.next += 1;
            id
        })
    }
}

/// The next block for this broker.
pub(crate) fn allocate(image: &MetadataImage, broker_id: i32) -> ControllerResult<ProducerIdBlock> {
    let next = image.next_producer_id();
    let end = next.saturating_add(PRODUCER_ID_BLOCK_SIZE);
    let broker_epoch = image.broker(broker_id).map_or(-1, |broker| broker.epoch);
    let record = MetadataRecord::ProducerIds { broker_id, broker_epoch, next_producer_id: end };
    ControllerResult { records: vec![record], response: ProducerIdBlock { next, end } }
}
