//! How virtual time follows real time.
//!
//! With a level's `clock = "step"` time stands until a line or *Play* moves it. A command runs as
//! fast as the machine can, for a short stretch; what then still lives (a console consumer that
//! waits, a producer that reads lines) goes on at the chosen speed, so that it is seen to live.

use crate::view::Speed;

/// How long a command may run ahead of the wall clock, in virtual microseconds. Long enough for any
/// tool that comes to an end by itself, short enough that a consumer left running does not skip
/// minutes.
const BURST_US: i64 = 2_000_000;

/// The pace of one run.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    playing: bool,
    speed: Speed,
    /// As fast as possible up to here.
    burst_until_us: i64,
    /// Virtual time that has been granted but not yet run, in microseconds.
    owed_us: i64,
}

/// What the run may do in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Run up to here.
    pub(crate) until_us: i64,
    /// Stop as soon as nothing lives in any terminal.
    pub(crate) stop_when_quiet: bool,
}

impl Pace {
    pub(crate) fn new(live: bool) -> Self {
        Self { playing: live, speed: Speed::default(), burst_until_us: i64::MIN, owed_us: 0 }
    }

    pub(crate) fn playing(&self) -> bool {
        self.playing
    }

    pub(crate) fn play(&mut self, playing: bool) {
        self.playing = playing;
        self.owed_us = 0;
        if !playing {
            self.burst_until_us = i64::MIN;
        }
    }

    pub(crate) fn speed(&self) -> Speed {
        self.speed
    }

    pub(crate) fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }

    /// A command was begun at `now_us`; `deadline_us` is when it says it will be over, if it does
    /// (`@sleep`).
    pub(crate) fn began(&mut self, now_us: i64, deadline_us: Option<i64>) {
        let until = deadline_us.unwrap_or(now_us + BURST_US);
        self.burst_until_us = self.burst_until_us.max(until);
    }

    /// A frame began, `elapsed_us` after the last. `alive`: something runs in a terminal.
    pub(crate) fn frame(&mut self, now_us: i64, elapsed_us: i64, alive: bool) -> Option<Grant> {
        if alive && now_us < self.burst_until_us {
            self.owed_us = 0;
            return Some(Grant { until_us: self.burst_until_us, stop_when_quiet: !self.playing });
        }
        if !self.playing && !alive {
            self.owed_us = 0;
            return None;
        }
        // A tab that slept for an hour does not owe an hour: at most one second is made up.
        const MOST_US: i64 = 1_000_000;
        let elapsed = elapsed_us.clamp(0, MOST_US);
        self.owed_us += elapsed * i64::from(self.speed.0) / 10;
        let until_us = now_us + self.owed_us;
        Some(Grant { until_us, stop_when_quiet: !self.playing })
    }

    /// The run got as far as `now_us` of the grant that began at `from_us`.
    pub(crate) fn ran(&mut self, from_us: i64, now_us: i64) {
        self.owed_us = (self.owed_us - (now_us - from_us)).max(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_unless_something_lives_or_plays() {
        let mut pace = Pace::new(false);
        assert_eq!(pace.frame(0, 16_000, false), None);
        pace.play(true);
        let grant = pace.frame(0, 16_000, false);
        assert_eq!(grant, Some(Grant { until_us: 16_000, stop_when_quiet: false }));
        pace.set_speed(Speed(100));
        pace.ran(0, 16_000);
        assert_eq!(pace.frame(16_000, 16_000, false).map(|g| g.until_us), Some(176_000));
    }

    #[test]
    fn a_command_bursts_then_keeps_real_time() {
        let mut pace = Pace::new(false);
        pace.began(0, None);
        let grant = pace.frame(0, 16_000, true);
        assert_eq!(grant, Some(Grant { until_us: BURST_US, stop_when_quiet: true }));
        pace.ran(0, BURST_US);
        let after = pace.frame(BURST_US, 16_000, true);
        assert_eq!(after.map(|g| g.until_us), Some(BURST_US + 16_000));
    }

    #[test]
    fn a_tab_that_slept_is_not_owed_the_time() {
        let mut pace = Pace::new(true);
        assert_eq!(pace.frame(0, 3_600_000_000, false).map(|g| g.until_us), Some(1_000_000));
    }
}
