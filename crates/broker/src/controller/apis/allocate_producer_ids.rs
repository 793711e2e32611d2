//! AllocateProducerIds, version 0 (KIP-730). What is decided is in `controller/producer_ids.rs`.

use kafka_protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, ProducerId,
};

use super::{Deciding, read};
use crate::controller::{ControllerResult, allocate_producer_ids_of};

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &AllocateProducerIdsRequest,
) -> ControllerResult<AllocateProducerIdsResponse> {
    let (id, epoch) = (request.broker_id.0, request.broker_epoch);
    match allocate_producer_ids_of(deciding.image, id, epoch) {
        Ok(ControllerResult { records, response: (start, len) }) => {
            let response = AllocateProducerIdsResponse::default()
                .with_producer_id_start(ProducerId(start))
                .with_producer_id_len(len);
            ControllerResult { records, response }
        }
        Err(error) => {
            read(AllocateProducerIdsResponse::default().with_error_code(error.code.code()))
        }
    }
}
