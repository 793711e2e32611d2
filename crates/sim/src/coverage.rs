//! What runs have met: each fault, and how often each invariant was at risk.

use logbrook_sorted::SortedMap;

use crate::fault::FaultKind;
use crate::invariants::Invariant;

/// Counts over one run or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Faults that were carried out.
    pub faults: SortedMap<FaultKind, u64>,
    /// How often something happened that a wrong engine could have broken the invariant with.
    pub at_risk: SortedMap<Invariant, u64>,
    /// Events of the traces.
    pub events: u64,
    /// Runs.
    pub runs: u64,
    /// Losses that the settings permit, by what permits them.
    pub losses: SortedMap<&'static str, u64>,
}

impl Coverage {
    pub(crate) fn met(&mut self, fault: FaultKind) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn risked(&mut self, invariant: Invariant) {
        *self.at_risk.entry(invariant).or_default() += 1;
    }

    /// How often an invariant is to be at risk, in so many runs: 300 times in 20,000.
    #[must_use]
    pub fn floor(&self) -> u64 {
        (300 * self.runs).div_ceil(20_000)
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Coverage) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (invariant, count) in &other.at_risk {
            *self.at_risk.entry(*invariant).or_default() += count;
        }
        self.events += other.events;
        self.runs += other.runs;
        for (because, count) in &other.losses {
            *self.losses.entry(because).or_default() += count;
        }
    }
}
