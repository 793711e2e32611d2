//! From a topic's configs to what its logs obey: `LogConfig.fromProps`.

use logbrook_sorted::SortedMap;

use logbrook_log::{CleanupPolicy, LogConfig};
use logbrook_record::{Compression, TimestampType};

use crate::BrokerConfig;
use crate::config_def::ConfigValue;
use crate::topic_config;

/// The log configuration of a topic with these configs of its own.
pub(crate) fn log_config(
    config: &BrokerConfig,
    overrides: &SortedMap<String, String>,
) -> LogConfig {
    let values = Values { config, overrides };
    let policies = values.text("cleanup.policy");
    let policy = |name| policies.split(',').any(|policy| policy == name);
    let segment_bytes = match values.get("internal.segment.bytes") {
        Some(ConfigValue::Number(bytes)) => to_usize(bytes),
        _ => values.size("segment.bytes"),
    };
    LogConfig {
        segment_bytes,
        segment_ms: values.number("segment.ms"),
        segment_jitter_ms: values.number("segment.jitter.ms"),
        segment_index_bytes: values.size("segment.index.bytes"),
        retention_ms: values.number("retention.ms"),
        retention_bytes: values.number("retention.bytes"),
        max_message_bytes: values.size("max.message.bytes"),
        max_decompressed_message_bytes: values.size("max.decompressed.message.bytes"),
        flush_messages: values.number("flush.messages"),
        flush_ms: values.number("flush.ms"),
        file_delete_delay_ms: values.number("file.delete.delay.ms"),
        index_interval_bytes: values.size("index.interval.bytes"),
        message_timestamp_type: TimestampType::from_name(&values.text("message.timestamp.type"))
            .unwrap_or(TimestampType::CreateTime),
        message_timestamp_before_max_ms: values.number("message.timestamp.before.max.ms"),
        message_timestamp_after_max_ms: values.number("message.timestamp.after.max.ms"),
        compression_type: match values.text("compression.type").as_str() {
            "producer" => None,
            "uncompressed" => Some(Compression::None),
            name => Compression::from_name(name),
        },
        cleanup_policy: CleanupPolicy { delete: policy("delete"), compact: policy("compact") },
        min_cleanable_dirty_ratio: match values.get("min.cleanable.dirty.ratio") {
            Some(ConfigValue::Double(ratio)) => ratio,
            _ => 0.5,
        },
        min_compaction_lag_ms: values.number("min.compaction.lag.ms"),
        max_compaction_lag_ms: values.number("max.compaction.lag.ms"),
        delete_retention_ms: values.number("delete.retention.ms"),
        producer_id_expiration_ms: config.number("producer.id.expiration.ms"),
        transaction_verification_enable: config.flag("transaction.partition.verification.enable"),
    }
}

/// `min.insync.replicas` of a topic.
pub(crate) fn min_insync_replicas(
    config: &BrokerConfig,
    overrides: &SortedMap<String, String>,
) -> usize {
    Values { config, overrides }.size("min.insync.replicas")
}

struct Values<'a> {
    config: &'a BrokerConfig,
    overrides: &'a SortedMap<String, String>,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Option<ConfigValue> {
        self.config.topic_value(topic_config::find(name)?, self.overrides)
    }

    fn text(&self, name: &str) -> String {
        self.get(name).map(|value| value.to_string()).unwrap_or_default()
    }

    fn number(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(ConfigValue::Number(number)) => number,
            _ => 0,
        }
    }

    fn size(&self, name: &str) -> usize {
        to_usize(self.number(name))
    }
}

fn to_usize(number: i64) -> usize {
    usize::try_from(number.max(0)).unwrap_or(usize::MAX)
}
