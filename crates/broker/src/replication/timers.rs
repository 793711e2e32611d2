//! What a broker does for its replicas as time passes: it notes how far they are replicated, and looks
//! for followers that have fallen behind.

use crate::{Broker, Effects};

/// When what is due next. All in ms; `None` where nothing has been scheduled yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReplicationTimers {
    /// The time of the last tick or request.
    pub(crate) now: i64,
    /// `isr-expiration`: every half of `replica.lag.time.max.ms`.
    isr_check: Option<i64>,
    /// `highwatermark-checkpoint`: `replica.high.watermark.checkpoint.interval.ms`.
    checkpoint: Option<i64>,
}

impl ReplicationTimers {
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        [self.isr_check, self.checkpoint].into_iter().flatten().min()
    }
}

impl Broker {
    /// Starts the timers, once the replicas are open.
    pub(crate) fn start_replication_timers(&mut self, now: i64) {
        let lag_ms = self.config.number("replica.lag.time.max.ms");
        let checkpoint_ms = self.config.number("replica.high.watermark.checkpoint.interval.ms");
        self.replication_timers.isr_check = Some(now.saturating_add(lag_ms / 2));
        self.replication_timers.checkpoint = Some(now.saturating_add(checkpoint_ms));
    }

    pub(crate) fn tick_replication(&mut self, now: i64, effects: &mut Effects) {
        let timers = self.replication_timers;
        if timers.isr_check.is_some_and(|at| at <= now) {
            let lag_ms = self.config.number("replica.lag.time.max.ms");
            self.replication_timers.isr_check = Some(now.saturating_add((lag_ms / 2).max(1)));
            self.shrink_isrs(now, effects);
        }
        if timers.checkpoint.is_some_and(|at| at <= now) {
            let every_ms = self.config.number("replica.high.watermark.checkpoint.interval.ms");
            self.replication_timers.checkpoint = Some(now.saturating_add(every_ms.max(1)));
            self.replica_manager.checkpoint_high_watermarks();
        }
    }
}
