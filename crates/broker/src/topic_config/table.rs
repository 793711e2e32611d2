//! Kafka 4.4's topic configs: names, types, defaults, validators (`LogConfig.CONFIG`) and the server
//! configs they fall back on (`ServerTopicConfigSynonyms`). Sorted by name.

use super::{Synonym, TopicConfigKey};
use crate::config_def::{ConfigKey, ConfigType, Validator};

const fn same(name: &'static str) -> Synonym {
    Synonym { name, factor: 1 }
}

pub(super) static KEYS: &[TopicConfigKey] = &[
    TopicConfigKey {
        key: ConfigKey {
            name: "cleanup.policy",
            kind: ConfigType::List,
            default: Some("delete"),
            validator: Validator::ListOf(&["compact", "delete"]),
        },
        synonyms: &[same("log.cleanup.policy")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "compression.gzip.level",
            kind: ConfigType::Int,
            default: Some("-1"),
            validator: Validator::GzipLevel,
        },
        synonyms: &[same("compression.gzip.level")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "compression.lz4.level",
            kind: ConfigType::Int,
            default: Some("9"),
            validator: Validator::Between(1, 17),
        },
        synonyms: &[same("compression.lz4.level")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "compression.type",
            kind: ConfigType::String,
            default: Some("producer"),
            validator: Validator::OneOf(&[
                "uncompressed",
                "zstd",
                "lz4",
                "snappy",
                "gzip",
                "producer",
            ]),
        },
        synonyms: &[same("compression.type")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "compression.zstd.level",
            kind: ConfigType::Int,
            default: Some("3"),
            validator: Validator::Between(-131072, 22),
        },
        synonyms: &[same("compression.zstd.level")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "delete.retention.ms",
            kind: ConfigType::Long,
            default: Some("86400000"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.cleaner.delete.retention.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "errors.deadletterqueue.group.enable",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "file.delete.delay.ms",
            kind: ConfigType::Long,
            default: Some("60000"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.segment.delete.delay.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "flush.messages",
            kind: ConfigType::Long,
            default: Some("9223372036854775807"),
            validator: Validator::AtLeast(1),
        },
        synonyms: &[same("log.flush.interval.messages")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "flush.ms",
            kind: ConfigType::Long,
            default: Some("9223372036854775807"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "follower.replication.throttled.replicas",
            kind: ConfigType::List,
            default: Some(""),
            validator: Validator::ThrottledReplicas,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "index.interval.bytes",
            kind: ConfigType::Int,
            default: Some("4096"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.index.interval.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "internal.segment.bytes",
            kind: ConfigType::Int,
            default: None,
            validator: Validator::Any,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "leader.replication.throttled.replicas",
            kind: ConfigType::List,
            default: Some(""),
            validator: Validator::ThrottledReplicas,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "local.retention.bytes",
            kind: ConfigType::Long,
            default: Some("-2"),
            validator: Validator::AtLeast(-2),
        },
        synonyms: &[same("log.local.retention.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "local.retention.ms",
            kind: ConfigType::Long,
            default: Some("-2"),
            validator: Validator::AtLeast(-2),
        },
        synonyms: &[same("log.local.retention.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "max.compaction.lag.ms",
            kind: ConfigType::Long,
            default: Some("9223372036854775807"),
            validator: Validator::AtLeast(1),
        },
        synonyms: &[same("log.cleaner.max.compaction.lag.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "max.decompressed.message.bytes",
            kind: ConfigType::Int,
            default: Some("2147483639"),
            validator: Validator::Between(1, 2147483639),
        },
        synonyms: &[same("max.decompressed.message.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "max.message.bytes",
            kind: ConfigType::Int,
            default: Some("1048588"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("message.max.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "message.timestamp.after.max.ms",
            kind: ConfigType::Long,
            default: Some("3600000"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.message.timestamp.after.max.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "message.timestamp.before.max.ms",
            kind: ConfigType::Long,
            default: Some("9223372036854775807"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.message.timestamp.before.max.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "message.timestamp.type",
            kind: ConfigType::String,
            default: Some("CreateTime"),
            validator: Validator::OneOf(&["CreateTime", "LogAppendTime"]),
        },
        synonyms: &[same("log.message.timestamp.type")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "min.cleanable.dirty.ratio",
            kind: ConfigType::Double,
            default: Some("0.5"),
            validator: Validator::Between(0, 1),
        },
        synonyms: &[same("log.cleaner.min.cleanable.ratio")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "min.compaction.lag.ms",
            kind: ConfigType::Long,
            default: Some("0"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[same("log.cleaner.min.compaction.lag.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "min.insync.replicas",
            kind: ConfigType::Int,
            default: Some("1"),
            validator: Validator::AtLeast(1),
        },
        synonyms: &[same("min.insync.replicas")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "preallocate",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[same("log.preallocate")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "remote.copy.lag.bytes",
            kind: ConfigType::Long,
            default: Some("-1"),
            validator: Validator::AtLeast(-1),
        },
        synonyms: &[same("log.remote.copy.lag.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "remote.copy.lag.ms",
            kind: ConfigType::Long,
            default: Some("0"),
            validator: Validator::AtLeast(-1),
        },
        synonyms: &[same("log.remote.copy.lag.ms")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "remote.log.copy.disable",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "remote.log.delete.on.disable",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "remote.storage.enable",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "retention.bytes",
            kind: ConfigType::Long,
            default: Some("-1"),
            validator: Validator::Any,
        },
        synonyms: &[same("log.retention.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "retention.ms",
            kind: ConfigType::Long,
            default: Some("604800000"),
            validator: Validator::AtLeast(-1),
        },
        synonyms: &[
            same("log.retention.ms"),
            Synonym { name: "log.retention.minutes", factor: 60000 },
            Synonym { name: "log.retention.hours", factor: 3600000 },
        ],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "segment.bytes",
            kind: ConfigType::Int,
            default: Some("1073741824"),
            validator: Validator::AtLeast(1048576),
        },
        synonyms: &[same("log.segment.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "segment.index.bytes",
            kind: ConfigType::Int,
            default: Some("10485760"),
            validator: Validator::AtLeast(4),
        },
        synonyms: &[same("log.index.size.max.bytes")],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "segment.jitter.ms",
            kind: ConfigType::Long,
            default: Some("0"),
            validator: Validator::AtLeast(0),
        },
        synonyms: &[
            same("log.roll.jitter.ms"),
            Synonym { name: "log.roll.jitter.hours", factor: 3600000 },
        ],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "segment.ms",
            kind: ConfigType::Long,
            default: Some("604800000"),
            validator: Validator::AtLeast(1),
        },
        synonyms: &[same("log.roll.ms"), Synonym { name: "log.roll.hours", factor: 3600000 }],
    },
    TopicConfigKey {
        key: ConfigKey {
            name: "unclean.leader.election.enable",
            kind: ConfigType::Boolean,
            default: Some("false"),
            validator: Validator::Any,
        },
        synonyms: &[same("unclean.leader.election.enable")],
    },
];
