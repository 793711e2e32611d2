//! Quotas of users, clients and addresses: `ClientQuotaControlManager` (KIP-546). They are kept and told;
//! nobody is throttled.

use core::net::IpAddr;

use logbrook_sorted::SortedMap;

use super::MetadataRecord;
use crate::api_error::ApiError;
use crate::java_hash::hash_order;
use crate::{ErrorCode, MetadataImage};

/// Whose quotas: for each type of entity (`user`, `client-id`, `ip`) its name, or `None` for the default
/// (`ClientQuotaEntity`).
pub type QuotaEntity = SortedMap<String, Option<String>>;

pub(crate) const USER: &str = "user";
pub(crate) const CLIENT_ID: &str = "client-id";
pub(crate) const IP: &str = "ip";

/// A quota: a number that can be compared, since NaN is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaValue(u64);

impl QuotaValue {
    /// Of a number.
    pub fn new(value: f64) -> QuotaValue {
        QuotaValue(value.to_bits())
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// How large a quota may be.
#[derive(Clone, Copy)]
enum Type {
    Double,
    Long,
    Int,
}

/// `QuotaConfig.userAndClientQuotaConfigs`.
const OF_USERS_AND_CLIENTS: &[(&str, Type)] = &[
    ("producer_byte_rate", Type::Long),
    ("consumer_byte_rate", Type::Long),
    ("request_percentage", Type::Double),
    ("controller_mutation_rate", Type::Double),
];
/// `QuotaConfig.ipConfigs`.
const OF_ADDRESSES: &[(&str, Type)] = &[("connection_creation_rate", Type::Int)];

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

/// The records of one entity's changes, or what is wrong with them; a quota is `None` where it is removed.
pub(crate) fn alter_client_quotas(
    image: &MetadataImage,
    entity: &QuotaEntity,
    ops: &SortedMap<String, Option<f64>>,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let valid = keys_of(entity)?;
    let current = image.client_quotas().get(entity);
    let mut records = Vec::new();
    for key in hash_order(ops.keys().cloned(), ops.len()) {
        let known = current.and_then(|quotas| quotas.get(&key)).copied();
        let new = ops.get(&key).copied().flatten();
        if let Some(value) = new {
            check(valid, &key, value)?;
        }
        let new = new.map(QuotaValue::new);
        if new != known {
            records.push(MetadataRecord::ClientQuota { entity: entity.clone(), key, value: new });
        }
    }
    Ok(records)
}

/// `validateEntity` and `configKeysForEntityType`.
fn keys_of(entity: &QuotaEntity) -> Result<&'static [(&'static str, Type)], ApiError> {
    if entity.is_empty() {
        return Err(invalid("Invalid empty client quota entity"));
    }
    for (kind, name) in entity {
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            return Err(invalid(format!("Unhandled client quota entity type: {kind}")));
        }
        if name.as_ref().is_some_and(String::is_empty) {
            return Err(invalid(format!("Empty {kind} not supported")));
        }
    }
    let Some(address) = entity.get(IP) else { return Ok(OF_USERS_AND_CLIENTS) };
    if entity.len() > 1 {
        return Err(invalid(
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ));
    }
    match address {
        // Of the names of hosts the one is known that every machine has.
        Some(name) if name != "localhost" && name.parse::<IpAddr>().is_err() => {
            Err(invalid(format!("{name} is not a valid IP or resolvable host.")))
        }
        _ => Ok(OF_ADDRESSES),
    }
}

/// `validateQuotaKeyValue`.
fn check(valid: &[(&str, Type)], key: &str, value: f64) -> Result<(), ApiError> {
    let Some((_, kind)) = valid.iter().find(|(name, _)| *name == key) else {
        return Err(invalid(format!("Invalid configuration key {key}")));
    };
    if value <= 0.0 {
        return Err(invalid(format!("Quota {key} must be greater than 0")));
    }
    let (greatest, word) = match kind {
        Type::Double => return Ok(()),
        Type::Long => (i64::MAX as f64, "a LONG"),
        Type::Int => (f64::from(i32::MAX), "an INT"),
    };
    if value > greatest {
        return Err(invalid(format!("Proposed value for {key} is too large for {word}.")));
    }
    if (value % 1.0).abs() > 1e-6 {
        return Err(invalid(format!("{key} cannot be a fractional value.")));
    }
    Ok(())
}
