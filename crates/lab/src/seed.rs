//! Seeds of trials, and what a trial draws from them.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::level::{Level, TrialDef};

/// The seed of a trial's `index`-th run: from the level, the trial's name and the index, so that
/// adding a trial shifts no other.
#[must_use]
pub fn of_trial(level: &Level, trial: &TrialDef, index: u32) -> u64 {
    let mut hash = Fnv::new();
    for part in [level.track.as_str(), level.slug.as_str(), trial.name.as_str()] {
        hash.add(part.as_bytes());
        hash.add(&[0]);
    }
    hash.add(&index.to_be_bytes());
    hash.0
}

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The draws that belong to a trial's timeline.
pub(crate) struct Draws(Pcg32);

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        const TIMELINE: u64 = 0x7469_6d65_6c69_6e65;
        Self(Pcg32::new(seed, TIMELINE))
    }

    /// One of `from..=to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to - from).unwrap_or(0) + 1;
        from + i64::try_from(self.0.next_u64() % span).unwrap_or(0)
    }
}
