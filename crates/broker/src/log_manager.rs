//! What is done to the logs from time to time: retention, compaction, forgetting of silent producers
//! (`LogManager`, `LogCleaner`).

use crate::config_def::ConfigValue;
use crate::partition::Partition;
use crate::replica_manager::ReplicaManager;
use crate::{BrokerConfig, BrokerEvent, BrokerEventKind, Effects};
use logbrook_log::{CleanerConfig, CleanerStats};

/// When each of them is due, ms since the epoch.
#[derive(Clone, Debug)]
pub(crate) struct LogManager {
    retention_ms: i64,
    cleaner_ms: i64,
    producer_expiry_ms: i64,
}

impl LogManager {
    pub(crate) fn new(config: &BrokerConfig, now: i64) -> LogManager {
        let after = |name: &str| now.saturating_add(config.number(name));
        LogManager {
            retention_ms: after("log.initial.task.delay.ms"),
            cleaner_ms: after("log.cleaner.backoff.ms"),
            producer_expiry_ms: after("producer.id.expiration.check.interval.ms"),
        }
    }

    pub(crate) fn tick(
        &mut self,
        now: i64,
        config: &BrokerConfig,
        replicas: &mut ReplicaManager,
        effects: &mut Effects,
    ) {
        let interval = |name: &str| config.number(name).max(1);
        if due(&mut self.retention_ms, interval("log.retention.check.interval.ms"), now) {
            // The logs that are compacted are the cleaner's, also where old segments of theirs go.
            let logs = replicas.partitions_mut().filter(|p| !is_compacted(p));
            logs.for_each(|partition| delete_old_segments(partition, now, effects));
        }
        if due(&mut self.cleaner_ms, interval("log.cleaner.backoff.ms"), now) {
            while clean_filthiest(replicas, config, now, effects) {}
            let logs = replicas.partitions_mut().filter(|p| is_compacted(p));
            logs.for_each(|partition| delete_old_segments(partition, now, effects));
        }
        let expiry = "producer.id.expiration.check.interval.ms";
        if due(&mut self.producer_expiry_ms, interval(expiry), now) {
            replicas.partitions_mut().for_each(|p| p.log_mut().remove_expired_producers(now));
        }
    }

    /// When there is something to do next, if ever.
    pub(crate) fn next_wakeup(&self, replicas: &ReplicaManager) -> Option<i64> {
        let logs = || replicas.partitions().map(Partition::log);
        let retention = logs().any(|log| log.size_bytes() > 0).then_some(self.retention_ms);
        let cleaner = logs().any(|log| log.cleaner_may_have_work()).then_some(self.cleaner_ms);
        let producers = logs()
            .any(|log| log.producer_state().active_producers().next().is_some())
            .then_some(self.producer_expiry_ms);
        [retention, cleaner, producers].into_iter().flatten().min()
    }
}

/// Whether `next` has come; then it is moved on by whole intervals, beyond now.
fn due(next: &mut i64, interval_ms: i64, now: i64) -> bool {
    if *next > now {
        return false;
    }
    let late = now.saturating_sub(*next);
    let step = (late / interval_ms).saturating_add(1).saturating_mul(interval_ms);
    *next = next.saturating_add(step);
    true
}

fn is_compacted(partition: &Partition) -> bool {
    partition.log().config().cleanup_policy.compact
}

fn delete_old_segments(partition: &mut Partition, now: i64, effects: &mut Effects) {
    let done = partition.maintain(now);
    if done.deleted_segments.is_empty() {
        return;
    }
    effects.events.push(BrokerEvent {
        cause: None,
        kind: BrokerEventKind::SegmentsDeleted {
            topic: partition.topic().to_owned(),
            partition: partition.index(),
            segments: done.deleted_segments.len(),
            log_start_offset: partition.log().log_start_offset().0,
        },
    });
}

/// Cleans the log with the largest dirty part of those that are worth it (`grabFilthiestCompactedLog`).
/// False if there was none.
fn clean_filthiest(
    replicas: &mut ReplicaManager,
    config: &BrokerConfig,
    now: i64,
    effects: &mut Effects,
) -> bool {
    let mut filthiest: Option<(&mut Partition, _)> = None;
    for partition in replicas.partitions_mut() {
        if !is_compacted(partition) || partition.is_uncleanable() {
            continue;
        }
        let min_ratio = partition.log().config().min_cleanable_dirty_ratio;
        let cleanable = partition.log_mut().log_to_clean(now);
        let ratio = cleanable.cleanable_ratio();
        let dirtier =
            filthiest.as_ref().is_none_or(|(_, found): &(_, logbrook_log::LogToClean)| {
                ratio > found.cleanable_ratio()
            });
        if cleanable.is_worth_it(min_ratio) && dirtier {
            filthiest = Some((partition, cleanable));
        }
    }
    let Some((partition, cleanable)) = filthiest else { return false };
    match partition.log_mut().clean(&cleanable, cleaner_config(config), now) {
        Ok(stats) => effects.events.push(cleaned(partition, stats)),
        // It is not tried again: it would fail in the same way, and keep the others waiting.
        Err(_) => partition.mark_uncleanable(),
    }
    true
}

fn cleaned(partition: &Partition, stats: CleanerStats) -> BrokerEvent {
    BrokerEvent {
        cause: None,
        kind: BrokerEventKind::LogCleaned {
            topic: partition.topic().to_owned(),
            partition: partition.index(),
            end_offset: stats.end_offset.0,
            records_before: stats.messages_read,
            records_after: stats.messages_written,
        },
    }
}

fn cleaner_config(config: &BrokerConfig) -> CleanerConfig {
    let threads = config.number("log.cleaner.threads").max(1);
    let bytes = config.number("log.cleaner.dedupe.buffer.size") / threads;
    CleanerConfig {
        dedupe_buffer_bytes: usize::try_from(bytes.min(i64::from(i32::MAX))).unwrap_or_default(),
        dedupe_buffer_load_factor: match config.value("log.cleaner.io.buffer.load.factor") {
            Some(ConfigValue::Double(factor)) => factor,
            _ => CleanerConfig::default().dedupe_buffer_load_factor,
        },
    }
}
