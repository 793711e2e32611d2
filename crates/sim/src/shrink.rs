//! The fewest faults that still break the same invariant.

use crate::plan::Plan;
use crate::run::run;

/// Leaves out faults, in ever smaller runs of them, as long as the same invariant breaks (delta debugging).
/// At most `limit` runs.
pub fn shrink(plan: &Plan, limit: usize) -> Plan {
    let Some(invariant) = run(plan).violation.map(|violation| violation.invariant) else {
        return plan.clone();
    };
    let breaks = |plan: &Plan| run(plan).violation.is_some_and(|v| v.invariant == invariant);
    let mut best = plan.clone();
    let mut runs = 0;
    let mut size = best.faults.len().max(1);
    while size > 0 {
        let mut from = 0;
        while from < best.faults.len() && runs < limit {
            let mut shorter = best.clone();
            shorter.faults.drain(from..(from + size).min(best.faults.len()));
            runs += 1;
            if breaks(&shorter) {
                best = shorter;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    best
}
