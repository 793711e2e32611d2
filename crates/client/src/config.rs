//! What configurations share: types, ranges, bootstrap addresses, and Kafka's messages (`ConfigDef`).

use std::collections::BTreeMap;

use crate::error::KafkaError;
use crate::net::Endpoint;

/// Properties by Kafka's names, as a client gets them.
pub type Properties = BTreeMap<String, String>;

/// `Invalid value x for configuration name: why` (`ConfigException(name, value, message)`).
pub fn invalid(name: &str, value: &str, why: &str) -> KafkaError {
    KafkaError::config(format!("Invalid value {value} for configuration {name}: {why}"))
}

/// Reads typed values out of properties, with `ConfigDef`'s messages.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    properties: &'a Properties,
}

impl<'a> Reader<'a> {
    /// A reader of these properties.
    pub fn new(properties: &'a Properties) -> Self {
        Self { properties }
    }

    /// The value as written, without the blanks around it.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.properties.get(name).map(|value| value.trim())
    }

    /// Whether the user set it.
    pub fn is_set(&self, name: &str) -> bool {
        self.properties.contains_key(name)
    }

    /// `Type.STRING`.
    pub fn string(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    /// `Type.STRING` that must not be empty, null by default.
    pub fn non_empty(&self, name: &str) -> Result<Option<String>, KafkaError> {
        match self.get(name) {
            Some("") => Err(invalid(name, "", "String must be non-empty")),
            other => Ok(other.map(str::to_owned)),
        }
    }

    /// `Type.INT`, at least `min`.
    pub fn int(&self, name: &str, default: i32, min: i32) -> Result<i32, KafkaError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let value = text.parse().map_err(|_| invalid(name, text, "Not a number of type INT"))?;
        if value < min {
            return Err(invalid(name, text, &format!("Value must be at least {min}")));
        }
        Ok(value)
    }

    /// `Type.LONG`, at least `min`.
    pub fn long(&self, name: &str, default: i64, min: i64) -> Result<i64, KafkaError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let value = text.parse().map_err(|_| invalid(name, text, "Not a number of type LONG"))?;
        if value < min {
            return Err(invalid(name, text, &format!("Value must be at least {min}")));
        }
        Ok(value)
    }

    /// `Type.BOOLEAN`.
    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, KafkaError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(invalid(name, text, "Expected value to be either true or false")),
        }
    }

    /// `ValidString.in(allowed)`.
    pub fn one_of(
        &self,
        name: &str,
        default: &'static str,
        allowed: &[&'static str],
    ) -> Result<&'static str, KafkaError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        allowed.iter().find(|option| **option == text).copied().ok_or_else(|| {
            invalid(name, text, &format!("String must be one of: {}", allowed.join(", ")))
        })
    }

    /// `CaseInsensitiveValidString.in(allowed)`; gives the allowed spelling.
    pub fn one_of_any_case(
        &self,
        name: &str,
        default: &'static str,
        allowed: &[&'static str],
    ) -> Result<&'static str, KafkaError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        allowed.iter().find(|option| option.eq_ignore_ascii_case(text)).copied().ok_or_else(|| {
            let allowed = allowed.join(", ");
            invalid(name, text, &format!("String must be one of (case insensitive): {allowed}"))
        })
    }

    /// `Type.LIST`: comma separated.
    pub fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        self.get(name)
            .map(|text| text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect())
    }
}

/// What every client has: `CommonClientConfigs`. Times in ms.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonConfig {
    /// `bootstrap.servers`.
    pub bootstrap: Vec<Endpoint>,
    /// `client.id`.
    pub client_id: String,
    /// `request.timeout.ms`.
    pub request_timeout_ms: i64,
    /// `retry.backoff.ms`.
    pub retry_backoff_ms: i64,
    /// `retry.backoff.max.ms`.
    pub retry_backoff_max_ms: i64,
    /// `reconnect.backoff.ms`.
    pub reconnect_backoff_ms: i64,
    /// `reconnect.backoff.max.ms`.
    pub reconnect_backoff_max_ms: i64,
    /// `metadata.max.age.ms`.
    pub metadata_max_age_ms: i64,
}

impl CommonConfig {
    /// Reads them. `client_id` is what Java generates where none is set.
    pub fn read(reader: Reader<'_>, client_id: &str) -> Result<Self, KafkaError> {
        let id = reader.string("client.id", "");
        Ok(Self {
            bootstrap: bootstrap_servers(reader)?,
            client_id: if id.is_empty() { client_id.to_owned() } else { id },
            request_timeout_ms: i64::from(reader.int("request.timeout.ms", 30_000, 0)?),
            retry_backoff_ms: reader.long("retry.backoff.ms", 100, 0)?,
            retry_backoff_max_ms: reader.long("retry.backoff.max.ms", 1000, 0)?,
            reconnect_backoff_ms: reader.long("reconnect.backoff.ms", 50, 0)?,
            reconnect_backoff_max_ms: reader.long("reconnect.backoff.max.ms", 1000, 0)?,
            metadata_max_age_ms: reader.long("metadata.max.age.ms", 300_000, 0)?,
        })
    }
}

/// `ClientUtils.parseAndValidateAddresses`.
pub fn bootstrap_servers(reader: Reader<'_>) -> Result<Vec<Endpoint>, KafkaError> {
    const NAME: &str = "bootstrap.servers";
    let mut endpoints = Vec::new();
    for url in reader.list(NAME).unwrap_or_default() {
        endpoints.push(parse_address(url)?);
    }
    if endpoints.is_empty() {
        // An empty or missing list: KIP-1028's validator names the list, the client the urls.
        return Err(KafkaError::config(format!("No resolvable bootstrap urls given in {NAME}")));
    }
    Ok(endpoints)
}

/// `host:port`, `[v6]:port`, `SCHEME://host:port`, as `Utils.getHost` and `getPort` read them.
pub fn parse_address(url: &str) -> Result<Endpoint, KafkaError> {
    const NAME: &str = "bootstrap.servers";
    let bad_url = || KafkaError::config(format!("Invalid url in {NAME}: {url}"));
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, port) = rest.rsplit_once(':').ok_or_else(bad_url)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host_is_valid =
        host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '%' | ':'));
    if host.is_empty() || !host_is_valid || port.is_empty() {
        return Err(bad_url());
    }
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad_url());
    }
    let port = port
        .parse::<u16>()
        .map_err(|_| KafkaError::config(format!("Invalid port in {NAME}: {url}")))?;
    Ok(Endpoint::new(host, port))
}
