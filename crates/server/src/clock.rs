//! The wall clock as Kafka's numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ms since the Unix epoch, never going back: a broker's timers count on that, and a wall clock that
/// is set back does not keep it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last_ms: i64,
}

impl Clock {
    pub(crate) fn now_ms(&mut self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        self.last_ms = self.last_ms.max(now_ms);
        self.last_ms
    }

    /// How long until `at_ms`; at least a millisecond, so that a timer that is late does not spin.
    pub(crate) fn until(&mut self, at_ms: i64) -> Duration {
        let left_ms = at_ms.saturating_sub(self.now_ms()).max(1);
        Duration::from_millis(left_ms.unsigned_abs())
    }
}
