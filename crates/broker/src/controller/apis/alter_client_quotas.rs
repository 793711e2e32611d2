//! AlterClientQuotas, versions 0 and 1 (KIP-546). What is decided is in `controller/client_quotas.rs`. Kafka's
//! results come in the order of a hash map, ours by entity.

use kafka_protocol::messages::alter_client_quotas_response::{EntityData, EntryData};
use kafka_protocol::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};
use logbrook_sorted::SortedMap;

use super::Deciding;
use crate::ErrorCode;
use crate::api::text;
use crate::api_error::ApiError;
use crate::controller::ControllerResult;
use crate::controller::client_quotas::{QuotaEntity, alter_client_quotas};
use crate::java_hash::hash_order;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: AlterClientQuotasRequest,
) -> ControllerResult<AlterClientQuotasResponse> {
    let mut records = Vec::new();
    let mut results: SortedMap<QuotaEntity, Option<ApiError>> = SortedMap::new();
    for entry in &request.entries {
        let name = |name: &Option<_>| name.as_ref().map(ToString::to_string);
        let entity: QuotaEntity = entry
            .entity
            .iter()
            .map(|part| (part.entity_type.to_string(), name(&part.entity_name)))
            .collect();
        let ops: SortedMap<String, Option<f64>> = entry
            .ops
            .iter()
            .map(|op| (op.key.to_string(), (!op.remove).then_some(op.value)))
            .collect();
        // A key that stands there twice has put an error for the entity already.
        let twice = results.contains_key(&entity) || ops.len() < entry.ops.len();
        let decided = match twice {
            true => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("Ignoring duplicate entity {}", shown(&entity)),
            )),
            false => alter_client_quotas(deciding.image, &entity, &ops),
        };
        let error = decided.map(|decided| records.extend(decided)).err();
        results.insert(entity, error);
    }
    if request.validate_only {
        records.clear();
    }
    let entries = results.into_iter().map(|(entity, error)| {
        let entity = entity.iter().map(|(kind, name)| {
            EntityData::default()
                .with_entity_type(text(kind))
                .with_entity_name(name.clone().map(text))
        });
        EntryData::default()
            .with_error_code(error.as_ref().map_or(0, |error| error.code.code()))
            .with_error_message(error.and_then(|error| error.wire_message()))
            .with_entity(entity.collect())
    });
    let response = AlterClientQuotasResponse::default().with_entries(entries.collect());
    ControllerResult { records, response }
}

/// `ClientQuotaEntity.toString`.
fn shown(entity: &QuotaEntity) -> String {
    let parts = hash_order(entity.keys().cloned(), 16).into_iter().map(|kind| {
        let name = entity.get(&kind).cloned().flatten();
        format!("{kind}={}", name.as_deref().unwrap_or("null"))
    });
    format!("ClientQuotaEntity(entries={{{}}})", parts.collect::<Vec<_>>().join(", "))
}
