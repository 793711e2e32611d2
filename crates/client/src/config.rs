//! What configurations share: types, ranges, bootstrap addresses, and Kafka's messages (`ConfigDef`).

use logbrook_sorted::SortedMap;

use crate::error::KafkaError;
use crate::net::Endpoint;

/// Properties by Kafka's names, as a client gets them.
pub type Properties = SortedMap<String, String>;

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

/// `bootstrap.servers`: `ValidList.anyNonDuplicateValues`, then `ClientUtils.parseAndValidateAddresses`.
/// Whether a host name resolves is the network's to say.
pub fn bootstrap_servers(reader: Reader<'_>) -> Result<Vec<Endpoint>, KafkaError> {
    const NAME: &str = "bootstrap.servers";
    let Some(text) = reader.get(NAME) else {
        return Err(KafkaError::config(format!(
            "Missing required configuration \"{NAME}\" which has no default value."
        )));
    };
    if text.is_empty() {
        return Err(KafkaError::config(format!(
            "Configuration '{NAME}' must not be empty. Valid values include: any non-empty value"
        )));
    }
    let urls: Vec<&str> = text.split(',').map(str::trim).collect();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        if urls.iter().take(index).any(|other| other == url) {
            return Err(KafkaError::config(format!(
                "Configuration '{NAME}' values must not be duplicated."
            )));
        }
    }
    if urls.contains(&"") {
        return Err(KafkaError::config(format!(
            "Configuration '{NAME}' values must not be empty."
        )));
    }
    for url in urls {
        endpoints.push(parse_address(url)?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConsumerConfig, ProducerConfig};

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn producer_error(pairs: &[(&str, &str)]) -> String {
        let mut all = properties(&[("bootstrap.servers", "localhost:9092")]);
        all.extend(properties(pairs));
        ProducerConfig::from_properties(&all).err().map_or_else(String::new, |error| error.message)
    }

    fn consumer_error(pairs: &[(&str, &str)]) -> String {
        let mut all = properties(&[("bootstrap.servers", "localhost:9092")]);
        all.extend(properties(pairs));
        ConsumerConfig::from_properties(&all).err().map_or_else(String::new, |error| error.message)
    }

    #[test]
    fn wrong_values_are_refused_in_kafkas_words() {
        assert_eq!(
            producer_error(&[("acks", "2")]),
            "Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1"
        );
        assert_eq!(
            producer_error(&[("linger.ms", "soon")]),
            "Invalid value soon for configuration linger.ms: Not a number of type LONG"
        );
        assert_eq!(
            producer_error(&[("batch.size", "-1")]),
            "Invalid value -1 for configuration batch.size: Value must be at least 0"
        );
        assert_eq!(
            producer_error(&[("acks", "1"), ("enable.idempotence", "true")]),
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        );
        assert_eq!(
            producer_error(&[("max.in.flight.requests.per.connection", "6")]),
            "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is 6."
        );
        assert_eq!(
            producer_error(&[("delivery.timeout.ms", "1000")]),
            "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms"
        );
        assert_eq!(
            consumer_error(&[("enable.auto.commit", "maybe")]),
            "Invalid value maybe for configuration enable.auto.commit: Expected value to be either true or false"
        );
        assert_eq!(
            consumer_error(&[("auto.offset.reset", "middle")]),
            "Invalid value middle for configuration auto.offset.reset: Invalid value `middle` for configuration auto.offset.reset. The value must be either 'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'."
        );
        assert_eq!(
            consumer_error(&[("enable.auto.commit", "true")]),
            "enable.auto.commit cannot be set to true when default group id (null) is used."
        );
    }

    #[test]
    fn acks_one_turns_idempotence_off_unless_it_was_asked_for() {
        let all = properties(&[("bootstrap.servers", "localhost:9092"), ("acks", "1")]);
        assert!(ProducerConfig::from_properties(&all).is_ok_and(|c| !c.enable_idempotence));
    }

    #[test]
    fn addresses_are_checked() {
        let error = |text: &str| {
            let all = properties(&[("bootstrap.servers", text)]);
            bootstrap_servers(Reader::new(&all)).err().map(|error| error.message)
        };
        assert_eq!(error("localhost:9092, broker-2:9094"), None);
        assert_eq!(
            error("localhost"),
            Some("Invalid url in bootstrap.servers: localhost".to_owned())
        );
        assert_eq!(
            error("localhost:99999"),
            Some("Invalid port in bootstrap.servers: localhost:99999".to_owned())
        );
        assert_eq!(parse_address("[::1]:9092"), Ok(Endpoint::new("::1", 9092)));
        assert_eq!(
            bootstrap_servers(Reader::new(&properties(&[]))).err().map(|error| error.message),
            Some(
                "Missing required configuration \"bootstrap.servers\" which has no default value."
                    .to_owned()
            )
        );
    }
}
