//! Producer configuration, `ProducerConfig` of Kafka 4.4.

use logbrook_record::Compression;

use crate::config::{CommonConfig, Properties, Reader, invalid};
use crate::error::KafkaError;
use crate::log_line::{Level, LogLine};
use crate::producer::partitioner::PartitionerKind;

/// `acks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `all` or `-1`: every in-sync replica.
    All,
    /// `0`: no response at all.
    None,
    /// `1`: the leader alone.
    Leader,
}

impl Acks {
    /// The number in a Produce request.
    pub fn code(self) -> i16 {
        match self {
            Acks::All => -1,
            Acks::None => 0,
            Acks::Leader => 1,
        }
    }
}

/// Parsed and validated producer configuration. Times in ms, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    /// What every client has.
    pub common: CommonConfig,
    /// `acks`.
    pub acks: Acks,
    /// `transactional.id`.
    pub transactional_id: Option<String>,
    /// `transaction.timeout.ms`.
    pub transaction_timeout_ms: i32,
    /// `enable.idempotence`, after acks, retries and in-flight requests had their say.
    pub enable_idempotence: bool,
    /// `linger.ms`.
    pub linger_ms: i64,
    /// `batch.size`.
    pub batch_size: usize,
    /// `max.request.size`.
    pub max_request_size: usize,
    /// `buffer.memory`.
    pub buffer_memory: usize,
    /// `compression.type`.
    pub compression: Compression,
    /// `delivery.timeout.ms`.
    pub delivery_timeout_ms: i64,
    /// `max.block.ms`.
    pub max_block_ms: i64,
    /// `retries`.
    pub retries: i32,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `partitioner.class`, and librdkafka's `partitioner`.
    pub partitioner: PartitionerKind,
    /// `partitioner.ignore.keys`.
    pub partitioner_ignore_keys: bool,
    /// Log lines that reading the configuration gave.
    pub(crate) warnings: Vec<LogLine>,
}

impl ProducerConfig {
    /// From properties by Kafka's names. Unknown names are ignored, as Kafka does.
    pub fn from_properties(properties: &Properties) -> Result<Self, KafkaError> {
        let reader = Reader::new(properties);
        let acks = match reader.one_of("acks", "all", &["all", "-1", "0", "1"])? {
            "0" => Acks::None,
            "1" => Acks::Leader,
            _ => Acks::All,
        };
        let retries = reader.int("retries", i32::MAX, 0)?;
        let batch_size = reader.int("batch.size", 16_384, 0)?;
        let linger_ms = reader.long("linger.ms", 5, 0)?;
        let delivery_timeout_ms = i64::from(reader.int("delivery.timeout.ms", 120_000, 0)?);
        let max_request_size = reader.int("max.request.size", 1_048_576, 0)?;
        let max_in_flight = reader.int("max.in.flight.requests.per.connection", 5, 1)?;
        let compression = compression(reader)?;
        let idempotence = reader.boolean("enable.idempotence", true)?;
        let buffer_memory = reader.long("buffer.memory", 33_554_432, 0)?;
        let max_block_ms = reader.long("max.block.ms", 60_000, 0)?;
        let partitioner = PartitionerKind::by_class(reader.get("partitioner.class"))?;
        let partitioner_ignore_keys = reader.boolean("partitioner.ignore.keys", false)?;
        let transactional_id = reader.get("transactional.id").map(str::to_owned);
        if transactional_id.as_deref() == Some("") {
            return Err(invalid("transactional.id", "", "String must be non-empty"));
        }
        let transaction_timeout_ms = reader.int("transaction.timeout.ms", 60_000, i32::MIN)?;
        let client_id = transactional_id
            .as_ref()
            .map_or("producer-1".to_owned(), |id| format!("producer-{id}"));
        let common = CommonConfig::read(reader, &client_id)?;

        let enable_idempotence =
            idempotence && Self::idempotence_allowed(reader, acks, retries, max_in_flight)?;
        if reader.is_set("transactional.id") && !enable_idempotence {
            return Err(KafkaError::config(
                "Cannot set a transactional.id without also enabling idempotence.",
            ));
        }
        let mut warnings = Vec::new();
        let least = linger_ms.saturating_add(common.request_timeout_ms).min(i64::from(i32::MAX));
        let delivery_timeout_ms = if delivery_timeout_ms >= least {
            delivery_timeout_ms
        } else if reader.is_set("delivery.timeout.ms") {
            return Err(KafkaError::config(
                "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms",
            ));
        } else {
            warnings.push(LogLine {
                level: Level::Warn,
                thrown: None,
                logger: "org.apache.kafka.clients.producer.KafkaProducer",
                text: format!(
                    "[Producer clientId={}] delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms. Setting it to {least}.",
                    common.client_id
                ),
            });
            least
        };
        Ok(Self {
            common,
            acks,
            transactional_id,
            transaction_timeout_ms,
            enable_idempotence,
            linger_ms,
            batch_size: batch_size.max(1) as usize,
            max_request_size: max_request_size as usize,
            buffer_memory: usize::try_from(buffer_memory).unwrap_or(usize::MAX),
            compression,
            delivery_timeout_ms,
            max_block_ms,
            retries,
            max_in_flight: max_in_flight as usize,
            partitioner,
            partitioner_ignore_keys,
            warnings,
        })
    }

    /// `postProcessAndValidateIdempotenceConfigs`: a conflict is an error only where the user asked
    /// for idempotence; else idempotence gives way. More than five requests in flight is an error
    /// since 4.0 either way.
    fn idempotence_allowed(
        reader: Reader<'_>,
        acks: Acks,
        retries: i32,
        max_in_flight: i32,
    ) -> Result<bool, KafkaError> {
        let asked_for = reader.is_set("enable.idempotence");
        let mut allowed = true;
        if retries == 0 {
            if asked_for {
                return Err(KafkaError::config(
                    "Must set retries to non-zero when using the idempotent producer.",
                ));
            }
            allowed = false;
        }
        if acks != Acks::All {
            if asked_for {
                return Err(KafkaError::config(
                    "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
                ));
            }
            allowed = false;
        }
        if max_in_flight > 5 {
            return Err(KafkaError::config(
                "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is "
                    .to_owned()
                    + &max_in_flight.to_string()
                    + ".",
            ));
        }
        Ok(allowed)
    }
}

fn compression(reader: Reader<'_>) -> Result<Compression, KafkaError> {
    const NAME: &str = "compression.type";
    // The order of Java's `CompressionType`.
    const ALLOWED: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
    let name = reader.one_of(NAME, "none", &ALLOWED)?;
    Compression::from_name(name).ok_or_else(|| {
        invalid(NAME, name, &format!("String must be one of: {}", ALLOWED.join(", ")))
    })
}
