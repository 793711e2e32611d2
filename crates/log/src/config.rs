//! The topic configurations that a log obeys, under Kafka's names with `_` for `.`.

use logbrook_record::{Compression, TimestampType};

/// `cleanup.policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CleanupPolicy {
    /// Old segments are deleted by time and size.
    pub delete: bool,
    /// Only the last value of each key is kept; records need keys.
    pub compact: bool,
}

/// Configuration of one partition's log (`LogConfig`). `Default` has Kafka 4.4's defaults.
#[derive(Clone, PartialEq, Debug)]
pub struct LogConfig {
    /// A segment is closed before it would grow beyond this.
    pub segment_bytes: usize,
    /// A segment is closed when its first record is this old, in ms.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: a segment may be closed up to this much earlier, in ms, so that not all are at once.
    pub segment_jitter_ms: i64,
    /// Bytes that an offset or time index may take; full, it closes the segment.
    pub segment_index_bytes: usize,
    /// Segments whose newest record is older are deleted, in ms; -1 keeps them.
    pub retention_ms: i64,
    /// The oldest segments are deleted while the rest is at least this; -1 keeps them.
    pub retention_bytes: i64,
    /// Largest batch accepted.
    pub max_message_bytes: usize,
    /// `max.decompressed.message.bytes`: the largest record in a compressed batch.
    pub max_decompressed_message_bytes: usize,
    /// `flush.messages`: records appended before the log is flushed.
    pub flush_messages: i64,
    /// `flush.ms`: how long a record may lie unflushed, in ms.
    pub flush_ms: i64,
    /// `file.delete.delay.ms`: how long the files of a deleted segment stay, in ms.
    pub file_delete_delay_ms: i64,
    /// Bytes between two entries of the offset index.
    pub index_interval_bytes: usize,
    /// Who sets the timestamps.
    pub message_timestamp_type: TimestampType,
    /// How far before the broker's clock a timestamp may be, in ms.
    pub message_timestamp_before_max_ms: i64,
    /// How far after the broker's clock a timestamp may be, in ms.
    pub message_timestamp_after_max_ms: i64,
    /// `compression.type`: `None` is `producer`, keep what comes.
    pub compression_type: Option<Compression>,
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `min.cleanable.dirty.ratio`: the part of the bytes that must be new before a log is compacted.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: how long a record stays as it is, in ms.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: how long a record may wait for compaction, whatever the ratio, in ms.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: how long a tombstone is kept once compaction has met it, in ms.
    pub delete_retention_ms: i64,
    /// `producer.id.expiration.ms`: a producer that is silent this long is forgotten, in ms.
    pub producer_id_expiration_ms: i64,
    /// `transaction.partition.verification.enable`: the first batch of a transaction needs a verification.
    pub transaction_verification_enable: bool,
}

const HOUR_MS: i64 = 60 * 60 * 1000;

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1024 * 1024 * 1024,
            segment_ms: 7 * 24 * HOUR_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 * 1024 * 1024,
            retention_ms: 7 * 24 * HOUR_MS,
            retention_bytes: -1,
            max_message_bytes: 1024 * 1024 + 12,
            // The largest array that Java's virtual machines give.
            max_decompressed_message_bytes: i32::MAX as usize - 8,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            file_delete_delay_ms: 60_000,
            index_interval_bytes: 4096,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            // KIP-937: one hour since Kafka 4.0.
            message_timestamp_after_max_ms: HOUR_MS,
            compression_type: None,
            cleanup_policy: CleanupPolicy { delete: true, compact: false },
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 24 * HOUR_MS,
            producer_id_expiration_ms: 24 * HOUR_MS,
            transaction_verification_enable: true,
        }
    }
}
