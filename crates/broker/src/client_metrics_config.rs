//! Client metrics subscriptions (KIP-714): `ClientMetricsConfigs`. Kept and described; no client is
//! asked for metrics, as on a Kafka without a metrics reporter that takes them.

use logbrook_sorted::SortedMap;

use crate::ErrorCode;
use crate::api_error::ApiError;
use crate::config_def::{ConfigKey, ConfigType, ConfigValue, Validator};

const fn key(
    name: &'static str,
    kind: ConfigType,
    default: &'static str,
    validator: Validator,
) -> ConfigKey {
    ConfigKey { name, kind, default: Some(default), validator }
}

/// Sorted by name.
pub(crate) static KEYS: &[ConfigKey] = &[
    key("interval.ms", ConfigType::Int, "300000", Validator::Any),
    key("match", ConfigType::List, "", Validator::ListOf(&[])),
    key("metrics", ConfigType::List, "", Validator::ListOf(&[])),
];

/// What a client may be matched by.
const MATCH_PARAMS: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// `ClientMetricsConfigs.validate`.
pub(crate) fn validate(name: &str, configs: &SortedMap<String, String>) -> Result<(), ApiError> {
    let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidRequest, message));
    if name.is_empty() {
        return invalid("Subscription name can't be empty".to_owned());
    }
    let find = |name: &str| KEYS.iter().find(|key| key.name == name);
    if let Some(unknown) = configs.keys().find(|name| find(name).is_none()) {
        return invalid(format!("Unknown client metrics configuration: {unknown}"));
    }
    for (name, text) in configs {
        let Some(key) = find(name) else { continue };
        let value = key
            .parse(text)
            .map_err(|error| ApiError::new(ErrorCode::InvalidConfig, error.message))?;
        match value {
            ConfigValue::Number(ms) if !(100..=3_600_000).contains(&ms) => {
                return invalid(format!(
                    "Invalid value {ms} for interval.ms, interval must be between 100 and 3600000 \
                     (1 hour)"
                ));
            }
            ConfigValue::List(patterns) if name == "match" => {
                if let Some(wrong) = patterns.iter().find(|pattern| !is_match(pattern)) {
                    return Err(ApiError::new(
                        ErrorCode::InvalidConfig,
                        format!("Illegal client matching pattern: {wrong}"),
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `PARAM=REGEX`. The regular expression itself is not looked at: nothing matches with it here.
fn is_match(pattern: &str) -> bool {
    // Java's split drops empty pieces at the end.
    let pieces: Vec<&str> = pattern.trim_end_matches('=').split('=').collect();
    matches!(pieces.as_slice(), [param, _] if MATCH_PARAMS.contains(&param.trim()))
}
