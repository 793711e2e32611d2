//! DescribeClientQuotas, versions 0 and 1 (KIP-546): `ClientQuotasImage.describe`.

use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse};
use logbrook_sorted::SortedMap;

use super::{Reply, now, text};
use crate::api_error::ApiError;
use crate::controller::{CLIENT_ID, IP, QuotaEntity, USER};
use crate::{Broker, ErrorCode};

/// `DescribeClientQuotasRequest.MATCH_TYPE_EXACT` and its siblings.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

/// What the name of an entity must be.
enum Match {
    /// `None`: the default.
    Exact(Option<String>),
    Any,
}

pub(crate) fn handle(broker: &Broker, request: DescribeClientQuotasRequest) -> Reply {
    let response = DescribeClientQuotasResponse::default().with_error_message(None);
    let wanted = match filter(&request) {
        Ok(wanted) => wanted,
        Err(error) => {
            return now(response
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message())
                .with_entries(None));
        }
    };
    let matches = |entity: &QuotaEntity| {
        let exact = !request.strict || entity.len() == wanted.len();
        exact
            && wanted.iter().all(|(kind, name)| match (entity.get(kind), name) {
                (Some(_), Match::Any) => true,
                (Some(name), Match::Exact(wanted)) => name == wanted,
                (None, _) => false,
            })
    };
    let quotas = broker.image.client_quotas().iter().filter(|(entity, _)| matches(entity));
    let entries = quotas.map(|(entity, values)| {
        let entity = entity.iter().map(|(kind, name)| {
            EntityData::default()
                .with_entity_type(text(kind))
                .with_entity_name(name.clone().map(text))
        });
        let values = values
            .iter()
            .map(|(key, value)| ValueData::default().with_key(text(key)).with_value(value.get()));
        EntryData::default().with_entity(entity.collect()).with_values(values.collect())
    });
    now(response.with_entries(Some(entries.collect())))
}

fn filter(request: &DescribeClientQuotasRequest) -> Result<SortedMap<String, Match>, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidRequest, message);
    let mut wanted = SortedMap::new();
    for component in &request.components {
        let kind = component.entity_type.to_string();
        if kind.is_empty() {
            return Err(invalid("Invalid empty entity type.".to_owned()));
        }
        if wanted.contains_key(&kind) {
            return Err(invalid(format!(
                "Entity type {kind} cannot appear more than once in the filter."
            )));
        }
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            let message = format!("Unsupported entity type {kind}");
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        let name = component._match.as_ref().map(|name| name.to_string());
        let also = |what: &str| {
            invalid(format!("Request specified {what}, but also specified a match string."))
        };
        let name = match (component.match_type, name) {
            (EXACT, Some(name)) => Match::Exact(Some(name)),
            (EXACT, None) => {
                let message = "Request specified MATCH_TYPE_EXACT, but set match string to null.";
                return Err(invalid(message.to_owned()));
            }
            (DEFAULT, None) => Match::Exact(None),
            (DEFAULT, Some(_)) => return Err(also("MATCH_TYPE_DEFAULT")),
            (SPECIFIED, None) => Match::Any,
            (SPECIFIED, Some(_)) => return Err(also("MATCH_TYPE_SPECIFIED")),
            (other, _) => return Err(invalid(format!("Unknown match type {other}"))),
        };
        wanted.insert(kind, name);
    }
    if wanted.contains_key(IP) && wanted.len() > 1 {
        return Err(invalid(
            "Invalid entity filter component combination. IP filter component should not be used \
             with user or clientId filter component."
                .to_owned(),
        ));
    }
    Ok(wanted)
}
