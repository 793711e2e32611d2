//! What is printed: the first failure, what was met, what was lost by permission.

use logbrook_sim::{Coverage, FaultKind, Invariant, Loss, Plan, run, shrink};

use super::{Failure, Outcome, link};

/// So many runs a failure is shrunk with.
const SHRINK_RUNS: usize = 200;

pub(super) fn print(outcome: &Outcome) {
    let Outcome { total, failures } = outcome;
    print_table(total);
    if let Some(failure) = failures.first() {
        explain(failure);
    }
    for Failure { plan, report } in failures {
        if let Some(violation) = &report.violation {
            println!("seed {}: {violation}", plan.seed);
        }
    }
    println!("{} seeds, {} failed", total.runs, failures.len());
}

/// What failed, with the fewest faults that show it, and how to see it again.
fn explain(failure: &Failure) {
    let seed = failure.plan.seed;
    let Some(violation) = &failure.report.violation else { return };
    println!("\nseed {seed} fails: {violation}");
    println!("  {}: {}", violation.invariant.name(), violation.invariant.source());
    let plan = shrink(&failure.plan, SHRINK_RUNS);
    println!("\nThe fewest faults that show it:\n\n{}\n", plan.script());
    let shrunk = run(&plan);
    if let Some(violation) = &shrunk.violation {
        println!("{violation}");
    }
    for cause in &shrunk.causes {
        println!("  because of {cause}");
    }
    print_losses(&shrunk.losses);
    println!("\nAgain in the terminal:\n  {}", command(&plan, failure.plan.apps.len()));
    println!("Or the lines above in a file, and\n  logbrook session FILE --seed {seed}");
    match link::link(&plan, &shrunk) {
        Some(link) => println!("In the page:\n  {link}\n"),
        None => println!("In the page: the lines are too many for a link\n"),
    }
}

/// The command that runs the plan again, whatever later versions draw.
fn command(plan: &Plan, drawn_apps: usize) -> String {
    let mut words = vec![format!("logbrook sim --seeds {}", plan.seed)];
    if plan.faults.is_empty() {
        words.push("--no-faults".to_owned());
    }
    words.extend(plan.faults.iter().map(|fault| format!("--fault '{fault}'")));
    if plan.apps.len() < drawn_apps {
        words.extend(plan.apps.iter().map(|app| format!("--app {}", app.name)));
    }
    words.join(" ")
}

/// What was lost by permission: one line for each cause, with an example.
fn print_losses(losses: &[Loss]) {
    let mut told: Vec<(&str, usize, &str)> = Vec::new();
    for loss in losses {
        match told.iter_mut().find(|(because, ..)| *because == loss.because) {
            Some((_, count, _)) => *count += 1,
            None => told.push((loss.because, 1, &loss.what)),
        }
    }
    for (because, count, example) in told {
        println!("  permitted, {count} times: {because} ({example})");
    }
}

/// Too few of what there should be many of.
fn mark(count: u64, floor: u64) -> &'static str {
    if count < floor { "  below the floor" } else { "" }
}

fn print_table(total: &Coverage) {
    let floor = total.floor();
    println!("{:<24} {:>12}", "fault", "met");
    for kind in FaultKind::ALL {
        let count = total.faults.get(kind).copied().unwrap_or(0);
        println!("{:<24} {count:>12}{}", kind.name(), mark(count, floor));
    }
    println!("\n{:<24} {:>12}  source", "invariant", "at risk");
    for invariant in Invariant::ALL {
        let count = total.at_risk.get(invariant).copied().unwrap_or(0);
        let (name, source) = (invariant.name(), invariant.source());
        println!("{name:<24} {count:>12}  {source}{}", mark(count, floor));
    }
    println!("floor {floor}: each at least 300 times in 20,000 seeds");
    println!("\n{:<24} {:>12}", "loss that is permitted", "times");
    for (because, count) in &total.losses {
        println!("{count:>37}  {because}");
    }
    println!("\nevents {}", total.events);
}

pub(super) fn print_json(outcome: &Outcome) {
    let Outcome { total, failures } = outcome;
    type Object = serde_json::Map<String, serde_json::Value>;
    let counted =
        |name: &str, count: Option<&u64>| (name.to_owned(), count.copied().unwrap_or(0).into());
    let faults: Object =
        FaultKind::ALL.iter().map(|kind| counted(kind.name(), total.faults.get(kind))).collect();
    let at_risk: Object = Invariant::ALL
        .iter()
        .map(|invariant| counted(invariant.name(), total.at_risk.get(invariant)))
        .collect();
    let losses: Object =
        total.losses.iter().map(|(because, count)| counted(because, Some(count))).collect();
    let failures: Vec<serde_json::Value> = failures
        .iter()
        .filter_map(|failure| {
            let violation = failure.report.violation.as_ref()?;
            Some(serde_json::json!({
                "seed": failure.plan.seed,
                "invariant": violation.invariant.name(),
                "at_us": violation.at_us,
                "what": violation.what,
            }))
        })
        .collect();
    let object = serde_json::json!({
        "seeds": total.runs,
        "events": total.events,
        "floor": total.floor(),
        "permitted_losses": losses,
        "faults": faults,
        "at_risk": at_risk,
        "failures": failures,
    });
    println!("{object}");
}
