//! Kafka 4.4's group configs (`GroupConfig.CONFIG_DEF`). Sorted by name.

use super::GroupConfigKey;
use crate::config_def::{ConfigKey, ConfigType, Validator};
use ConfigType::{Boolean, Int, List, Long, String};
use Validator::{Any, AtLeast, ListOf, OneOf, ShareOffsetReset};

const fn key(
    name: &'static str,
    kind: ConfigType,
    default: Option<&'static str>,
    validator: Validator,
    internal: bool,
) -> GroupConfigKey {
    GroupConfigKey { key: ConfigKey { name, kind, default, validator }, internal }
}

#[rustfmt::skip]
pub(super) static KEYS: &[GroupConfigKey] = &[
    key("consumer.assignment.interval.ms", Int, Some("1000"), AtLeast(0), false),
    key("consumer.assignor.offload.enable", Boolean, Some("true"), Any, true),
    key("consumer.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), false),
    key("consumer.session.timeout.ms", Int, Some("45000"), AtLeast(1), false),
    key("errors.deadletterqueue.copy.record.enable", Boolean, Some("false"), Any, false),
    key("errors.deadletterqueue.topic.name", String, Some(""), Any, false),
    key("share.assignment.interval.ms", Int, Some("1000"), AtLeast(0), false),
    key("share.assignor.offload.enable", Boolean, Some("true"), Any, true),
    key("share.auto.offset.reset", String, Some("latest"), ShareOffsetReset, false),
    key("share.delivery.count.limit", Int, Some("5"), AtLeast(2), false),
    key("share.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), false),
    key("share.isolation.level", String, Some("read_uncommitted"), OneOf(&["read_committed", "read_uncommitted"]), false),
    key("share.partition.max.record.locks", Int, Some("2000"), AtLeast(100), false),
    key("share.record.lock.duration.ms", Int, Some("30000"), AtLeast(1000), false),
    key("share.renew.acknowledge.enable", Boolean, Some("true"), Any, false),
    key("share.session.timeout.ms", Int, Some("45000"), AtLeast(1), false),
    key("streams.acceptable.recovery.lag", Long, Some("10000"), AtLeast(0), true),
    key("streams.assignment.interval.ms", Int, Some("1000"), AtLeast(0), false),
    key("streams.assignor.name", String, None, Any, false),
    key("streams.assignor.offload.enable", Boolean, Some("true"), Any, true),
    key("streams.heartbeat.interval.ms", Int, Some("5000"), AtLeast(1), false),
    key("streams.initial.rebalance.delay.ms", Int, Some("3000"), AtLeast(0), false),
    key("streams.num.standby.replicas", Int, Some("0"), AtLeast(0), false),
    key("streams.num.warmup.replicas", Int, Some("2"), AtLeast(0), true),
    key("streams.rack.aware.assignment.tags", List, Some(""), ListOf(&[]), false),
    key("streams.session.timeout.ms", Int, Some("45000"), AtLeast(1), false),
    key("streams.task.offset.interval.ms", Int, Some("60000"), AtLeast(1), true),
];
