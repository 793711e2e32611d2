//! The fewest faults and applications that still break the same invariant.

use crate::plan::Plan;
use crate::run::run;

/// Leaves out faults, then applications, in ever smaller runs of them, as long as the same invariant breaks
/// (delta debugging). At most `limit` runs.
#[must_use]
pub fn shrink(plan: &Plan, limit: usize) -> Plan {
    let Some(invariant) = run(plan).violation.map(|violation| violation.invariant) else {
        return plan.clone();
    };
    let mut left = limit;
    let mut breaks = |plan: &Plan| {
        if left == 0 {
            return false;
        }
        left -= 1;
        run(plan).violation.is_some_and(|v| v.invariant == invariant)
    };
    let mut best = plan.clone();
    without(&mut best, &mut breaks, |plan| &mut plan.faults);
    without(&mut best, &mut breaks, |plan| &mut plan.apps);
    best
}

fn without<T>(
    best: &mut Plan,
    breaks: &mut impl FnMut(&Plan) -> bool,
    part: impl Fn(&mut Plan) -> &mut Vec<T>,
) {
    let mut size = part(best).len();
    while size > 0 {
        let mut from = 0;
        while from < part(best).len() {
            let mut shorter = best.clone();
            let items = part(&mut shorter);
            let to = (from + size).min(items.len());
            items.drain(from..to);
            // An action on what is no longer there is no action.
            if shorter.check().is_ok() && breaks(&shorter) {
                *best = shorter;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
}
