//! `logbrook sim`: clusters, workloads and faults drawn from seeds, run under all invariants.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use logbrook_sim::{Coverage, FaultKind, Invariant, Plan, Report, run, shrink};

/// So many runs a failure is shrunk with.
const SHRINK_RUNS: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct SimArgs {
    /// Seeds from A up to, not with, B; one number is that seed alone
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: (u64, u64),
    /// How many runs at the same time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Go on after a failure, and tell all of them
    #[arg(long)]
    keep_going: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print the plan of each seed, and do not run it
    #[arg(long)]
    plan: bool,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let expected = || format!("found `{text}`, expected a range such as 0..1000, or one number");
    match text.split_once("..") {
        Some((first, end)) => {
            let range =
                (first.parse().map_err(|_| expected())?, end.parse().map_err(|_| expected())?);
            if range.0 < range.1 { Ok(range) } else { Err(expected()) }
        }
        None => {
            let seed: u64 = text.parse().map_err(|_| expected())?;
            Ok((seed, seed.saturating_add(1)))
        }
    }
}

/// A seed that failed.
struct Failure {
    seed: u64,
    report: Report,
}

pub(crate) fn run_command(args: &SimArgs) -> ExitCode {
    let (first, end) = args.seeds;
    if args.plan {
        for seed in first..end {
            println!("{}\n", Plan::draw(seed).script());
        }
        return ExitCode::SUCCESS;
    }
    let total = Mutex::new(Coverage::default());
    let failures = Mutex::new(Vec::<Failure>::new());
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = run(&Plan::draw(seed));
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(&report.coverage);
                    progress(args, total.runs, end - first);
                    if report.violation.is_some() {
                        stop.store(!args.keep_going, Ordering::Relaxed);
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(Failure { seed, report });
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|failure| failure.seed);
    if args.json {
        print_json(&total, &failures);
    } else {
        print_table(&total);
        failures.iter().take(1).for_each(explain);
        for Failure { seed, report } in &failures {
            if let Some(violation) = &report.violation {
                println!("seed {seed}: {violation}");
            }
        }
        println!("{} seeds, {} failed", total.runs, failures.len());
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn progress(args: &SimArgs, runs: u64, of: u64) {
    if !args.json && std::io::stderr().is_terminal() {
        eprint!("\r{runs} of {of} seeds");
        if runs == of {
            eprintln!();
        }
    }
}

/// What failed, with the fewest faults that show it, and how to see it again.
fn explain(failure: &Failure) {
    let Some(violation) = &failure.report.violation else { return };
    println!("\nseed {} fails: {violation}", failure.seed);
    println!("  {}: {}", violation.invariant.name(), violation.invariant.source());
    let plan = shrink(&Plan::draw(failure.seed), SHRINK_RUNS);
    println!("\nThe fewest faults that show it:\n\n{}\n", plan.script());
    if let Some(shrunk) = run(&plan).violation {
        println!("{shrunk}");
    }
    for cause in &failure.report.causes {
        println!("  because of {cause}");
    }
    println!("\nAgain: logbrook sim --seeds {}\n", failure.seed);
}

fn print_table(total: &Coverage) {
    println!("{:<24} {:>12}", "fault", "met");
    for kind in FaultKind::ALL {
        println!("{:<24} {:>12}", kind.name(), total.faults.get(kind).copied().unwrap_or(0));
    }
    println!("\n{:<24} {:>12}  source", "invariant", "at risk");
    for invariant in Invariant::ALL {
        let count = total.at_risk.get(invariant).copied().unwrap_or(0);
        println!("{:<24} {count:>12}  {}", invariant.name(), invariant.source());
    }
    println!(
        "\nevents {}, losses that the settings permit {}",
        total.events, total.permitted_losses
    );
}

fn print_json(total: &Coverage, failures: &[Failure]) {
    let faults: serde_json::Map<String, serde_json::Value> = FaultKind::ALL
        .iter()
        .map(|kind| (kind.name().to_owned(), total.faults.get(kind).copied().unwrap_or(0).into()))
        .collect();
    let at_risk: serde_json::Map<String, serde_json::Value> = Invariant::ALL
        .iter()
        .map(|inv| (inv.name().to_owned(), total.at_risk.get(inv).copied().unwrap_or(0).into()))
        .collect();
    let failures: Vec<serde_json::Value> = failures
        .iter()
        .filter_map(|failure| {
            let violation = failure.report.violation.as_ref()?;
            Some(serde_json::json!({
                "seed": failure.seed,
                "invariant": violation.invariant.name(),
                "at_us": violation.at_us,
                "what": violation.what,
            }))
        })
        .collect();
    let object = serde_json::json!({
        "seeds": total.runs,
        "events": total.events,
        "permitted_losses": total.permitted_losses,
        "faults": faults,
        "at_risk": at_risk,
        "failures": failures,
    });
    println!("{object}");
}
