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
    /// Losses that the settings permit.
    pub permitted_losses: u64,
}

impl Coverage {
    pub(crate) fn met(&mut self, fault: FaultKind) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn risked(&mut self, invariant: Invariant) {
        *self.at_risk.entry(invariant).or_default() += 1;
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
        self.permitted_losses += other.permitted_losses;
    }
}
