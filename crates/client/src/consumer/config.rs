//! Consumer configuration, `ConsumerConfig` of Kafka 4.4.

use logbrook_broker::ErrorCode;
use logbrook_broker::config_def::parse_double;
use logbrook_group::assignors::Assignor;

use crate::config::{CommonConfig, Properties, Reader, invalid};
use crate::error::KafkaError;

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    /// The log start offset.
    Earliest,
    /// The end.
    Latest,
    /// An error to the application.
    None,
    /// `by_duration:PT…` (KIP-1106): the first record not older than this, ms.
    ByDuration(i64),
}

/// `isolation.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Everything below the high watermark.
    ReadUncommitted,
    /// Below the last stable offset, without aborted records.
    ReadCommitted,
}

impl IsolationLevel {
    pub(crate) fn id(self) -> i8 {
        match self {
            IsolationLevel::ReadUncommitted => 0,
            IsolationLevel::ReadCommitted => 1,
        }
    }
}

/// `group.protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Join and sync, the leader assigns.
    Classic,
    /// KIP-848: the coordinator assigns.
    Consumer,
}

/// Parsed and validated consumer configuration. Times in ms, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// What every client has.
    pub common: CommonConfig,
    /// `group.id`.
    pub group_id: Option<String>,
    /// `group.instance.id`: a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// `group.protocol`.
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`: the assignor asked for, with `group.protocol=consumer`.
    pub group_remote_assignor: Option<String>,
    /// `auto.offset.reset`.
    pub auto_offset_reset: AutoOffsetReset,
    /// `enable.auto.commit`.
    pub enable_auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval_ms: i64,
    /// `session.timeout.ms`.
    pub session_timeout_ms: i32,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval_ms: i64,
    /// `max.poll.records`.
    pub max_poll_records: usize,
    /// `max.poll.interval.ms`.
    pub max_poll_interval_ms: i32,
    /// `fetch.min.bytes`.
    pub fetch_min_bytes: i32,
    /// `fetch.max.wait.ms`.
    pub fetch_max_wait_ms: i32,
    /// `fetch.max.bytes`.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes`.
    pub max_partition_fetch_bytes: i32,
    /// `partition.assignment.strategy`.
    pub assignors: Vec<Assignor>,
    /// `isolation.level`.
    pub isolation_level: IsolationLevel,
    /// `allow.auto.create.topics`.
    pub allow_auto_create_topics: bool,
    /// `exclude.internal.topics`.
    pub exclude_internal_topics: bool,
    /// `client.rack`.
    pub client_rack: String,
    /// `default.api.timeout.ms`.
    pub default_api_timeout_ms: i64,
}

impl ConsumerConfig {
    /// From properties by Kafka's names. Unknown names are ignored, as Kafka does.
    pub fn from_properties(properties: &Properties) -> Result<Self, KafkaError> {
        let reader = Reader::new(properties);
        // Trimmed as every STRING is; an empty one is the constructor's to refuse.
        let group_id = reader.get("group.id").map(|id| id.trim().to_owned());
        let group_instance_id = reader.non_empty("group.instance.id")?;
        let group_protocol =
            match reader.one_of_any_case("group.protocol", "classic", &["classic", "consumer"])? {
                "consumer" => GroupProtocol::Consumer,
                _ => GroupProtocol::Classic,
            };
        let group_remote_assignor = reader.get("group.remote.assignor").map(str::to_owned);
        if group_protocol == GroupProtocol::Consumer {
            // `checkUnsupportedConfigsPostProcess`: these are the coordinator's to say.
            let unsupported =
                ["partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms"];
            if let Some(name) = unsupported.into_iter().find(|name| reader.is_set(name)) {
                return Err(KafkaError::client(
                    crate::error::CONFIG,
                    format!("{name} cannot be set when group.protocol=CONSUMER"),
                ));
            }
        } else if group_remote_assignor.is_some() {
            return Err(KafkaError::client(
                crate::error::CONFIG,
                "group.remote.assignor cannot be set when group.protocol=CLASSIC".to_owned(),
            ));
        }
        let session_timeout_ms = reader.int("session.timeout.ms", 45_000, i32::MIN)?;
        let heartbeat_interval_ms = reader.int("heartbeat.interval.ms", 3_000, i32::MIN)?;
        let assignors = assignors(reader)?;
        let auto_commit = reader.boolean("enable.auto.commit", true)?;
        let auto_commit_interval_ms = reader.int("auto.commit.interval.ms", 5_000, 0)?;
        let max_partition_fetch_bytes = reader.int("max.partition.fetch.bytes", 1_048_576, 0)?;
        let fetch_min_bytes = reader.int("fetch.min.bytes", 1, 0)?;
        let fetch_max_bytes = reader.int("fetch.max.bytes", 52_428_800, 0)?;
        let fetch_max_wait_ms = reader.int("fetch.max.wait.ms", 500, 0)?;
        let auto_offset_reset = auto_offset_reset(reader)?;
        let default_api_timeout_ms = i64::from(reader.int("default.api.timeout.ms", 60_000, 0)?);
        let max_poll_records = reader.int("max.poll.records", 500, 1)?;
        let max_poll_interval_ms = reader.int("max.poll.interval.ms", 300_000, 1)?;
        let exclude_internal_topics = reader.boolean("exclude.internal.topics", true)?;
        let isolation_level = match reader.one_of(
            "isolation.level",
            "read_uncommitted",
            &["read_committed", "read_uncommitted"],
        )? {
            "read_committed" => IsolationLevel::ReadCommitted,
            _ => IsolationLevel::ReadUncommitted,
        };
        let allow_auto_create_topics = reader.boolean("allow.auto.create.topics", true)?;

        // `maybeOverrideEnableAutoCommit`.
        let enable_auto_commit = if group_id.is_some() {
            auto_commit
        } else if reader.is_set("enable.auto.commit") && auto_commit {
            return Err(KafkaError::client(
                "org.apache.kafka.common.errors.InvalidConfigurationException",
                "enable.auto.commit cannot be set to true when default group id (null) is used.",
            ));
        } else {
            false
        };
        // The generated client id: `consumer-<group>-1`, with the instance id instead of the number.
        let generated = match (&group_id, &group_instance_id) {
            (Some(group), Some(instance)) => format!("consumer-{group}-{instance}"),
            (Some(group), None) => format!("consumer-{group}-1"),
            (None, _) => "consumer-null-1".to_owned(),
        };
        let common = CommonConfig::read(reader, &generated)?;
        if group_id.as_deref() == Some("") {
            return Err(KafkaError::with_message(
                ErrorCode::InvalidGroupId,
                "The configured group.id should not be an empty string or whitespace.",
            ));
        }
        // `Heartbeat`'s constructor.
        if heartbeat_interval_ms >= session_timeout_ms {
            return Err(KafkaError::client(
                "java.lang.IllegalArgumentException",
                "Heartbeat must be set lower than the session timeout",
            ));
        }
        Ok(Self {
            common,
            group_id,
            group_instance_id,
            group_protocol,
            group_remote_assignor,
            auto_offset_reset,
            enable_auto_commit,
            auto_commit_interval_ms: i64::from(auto_commit_interval_ms),
            session_timeout_ms,
            heartbeat_interval_ms: i64::from(heartbeat_interval_ms),
            max_poll_records: max_poll_records as usize,
            max_poll_interval_ms,
            fetch_min_bytes,
            fetch_max_wait_ms,
            fetch_max_bytes,
            max_partition_fetch_bytes,
            assignors,
            isolation_level,
            allow_auto_create_topics,
            exclude_internal_topics,
            client_rack: reader.string("client.rack", ""),
            default_api_timeout_ms,
        })
    }
}

fn assignors(reader: Reader<'_>) -> Result<Vec<Assignor>, KafkaError> {
    const NAME: &str = "partition.assignment.strategy";
    let Some(names) = reader.list(NAME) else {
        return Ok(vec![Assignor::Range, Assignor::CooperativeSticky]);
    };
    names
        .iter()
        .map(|name| {
            // Java wants class names; the protocol's short names are taken too.
            Assignor::by_class_name(name).or_else(|| Assignor::by_name(name)).ok_or_else(|| {
                KafkaError::client(
                    crate::error::KAFKA,
                    format!("{name} ClassNotFoundException exception occurred"),
                )
            })
        })
        .collect()
}

fn auto_offset_reset(reader: Reader<'_>) -> Result<AutoOffsetReset, KafkaError> {
    const NAME: &str = "auto.offset.reset";
    let Some(text) = reader.get(NAME) else { return Ok(AutoOffsetReset::Latest) };
    match text {
        "earliest" => Ok(AutoOffsetReset::Earliest),
        "latest" => Ok(AutoOffsetReset::Latest),
        "none" => Ok(AutoOffsetReset::None),
        other => other
            .strip_prefix("by_duration:")
            .and_then(iso_duration_ms)
            .map(AutoOffsetReset::ByDuration)
            .ok_or_else(|| {
                invalid(
                    NAME,
                    text,
                    &format!("Invalid value `{text}` for configuration {NAME}. The value must be either 'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'."),
                )
            }),
    }
}

/// `PnDTnHnMn.nS` of days, hours, minutes and seconds, in ms; not negative.
fn iso_duration_ms(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut total: f64 = 0.0;
    for (part, units) in [
        (days, &[('D', 86_400_000.0)][..]),
        (time, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1000.0)][..]),
    ] {
        let mut rest = part;
        for (unit, factor) in units {
            if let Some((number, after)) = rest.split_once(*unit) {
                let number: f64 = parse_double(number).filter(|n| *n >= 0.0)?;
                total += number * factor;
                rest = after;
            }
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(total as i64)
}
