//! One running instance of an application.

use logbrook_client::process::{Io, Process};
use logbrook_client::{Level, LogLine};

use crate::consumer_app::ConsumerApp;
use crate::generator::Cursor;
use crate::producer_app::ProducerApp;
use crate::random::split_seed;
use crate::spec::{AppSpec, Role, SettingError};

/// Which instance of an application a process is, and what it finds where it starts.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its number, from 1.
    pub number: u32,
    /// How many there are.
    pub instances: u32,
    /// How often this one was started, this time included.
    pub starts: u32,
    /// The run's seed.
    pub seed: u64,
    /// The wall clock at the level's start, in ms since the Unix epoch.
    pub t0_ms: i64,
    /// Where the brokers are.
    pub bootstrap_servers: String,
    /// What the instance's last process left on its disk: the source's cursor ([`cursor_of`]).
    pub cursor: Option<Cursor>,
}

impl Instance {
    /// The seed of a generator that belongs to this very process.
    pub(crate) fn own_seed(&self, purpose: &str, app: &str) -> u64 {
        split_seed(self.seed, purpose, &format!("{app}/{}#{}", self.number, self.starts))
    }
}

/// A new process of an application.
pub fn app(spec: &AppSpec, instance: Instance) -> Result<Box<dyn Process>, SettingError> {
    spec.validate()?;
    match spec.role {
        Role::Producer => Ok(Box::new(ProducerApp::new(spec, instance)?)),
        Role::Consumer | Role::Processor => Ok(Box::new(ConsumerApp::new(spec, &instance)?)),
        Role::Relay => Err(SettingError::NotSupported {
            app: spec.name.clone(),
            setting: format!("role={}", spec.role.as_str()),
        }),
    }
}

/// What stays on the disk of a process that has ended: where its source is.
pub fn cursor_of(process: &dyn Process) -> Option<&Cursor> {
    process.as_any().downcast_ref::<ProducerApp>().map(ProducerApp::saved)
}

/// An application's log: warnings and errors of its client, on standard error.
pub(crate) fn log(io: &mut Io, line: &LogLine) {
    match line.level {
        Level::Info => {}
        Level::Warn | Level::Error => {
            let text = line.render(&timestamp(io.now));
            io.stderr(&format!("{text}\n"));
        }
    }
}

/// `2026-01-01 00:00:00,000` (UTC), as log4j writes it.
pub(crate) fn timestamp(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days to a civil date (Howard Hinnant's algorithm): years from March, 400-year eras.
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, ms) = (in_day / 1_000, in_day % 1_000);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02},{ms:03}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        assert_eq!(timestamp(0), "1970-01-01 00:00:00,000");
        assert_eq!(timestamp(1_767_225_600_000), "2026-01-01 00:00:00,000");
        assert_eq!(timestamp(1_709_210_096_789), "2024-02-29 12:34:56,789");
        assert_eq!(timestamp(-1), "1969-12-31 23:59:59,999");
    }
}
