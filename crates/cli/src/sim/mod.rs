//! `logbrook sim`: clusters, workloads and faults drawn from seeds, run under all invariants.

mod args;
mod link;
#[cfg(feature = "planted-bugs")]
mod planted;
mod report;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use logbrook_sim::{Coverage, Plan, Report, run};

pub(crate) use args::SimArgs;

/// Exit code where the command line cannot be carried out.
const REFUSED: u8 = 2;

/// A seed that failed.
struct Failure {
    plan: Plan,
    report: Report,
}

/// What a range of seeds came to.
struct Outcome {
    total: Coverage,
    failures: Vec<Failure>,
}

pub(crate) fn run_command(args: &SimArgs) -> ExitCode {
    match outcome(args) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("logbrook sim: {message}");
            ExitCode::from(REFUSED)
        }
    }
}

fn outcome(args: &SimArgs) -> Result<ExitCode, String> {
    let faults = args.faults()?;
    #[cfg(feature = "planted-bugs")]
    {
        if args.planted {
            return Ok(planted::find_all(args));
        }
        logbrook_planted::plant(args.plant);
    }
    let plan_of = |seed| args.plan_of(seed, faults.as_deref());
    let (first, end) = args.seeds;
    // What is wrong with one is wrong before any is run.
    for seed in [first, end - 1] {
        plan_of(seed)?.check()?;
    }
    if args.plan {
        for seed in first..end {
            println!("{}\n", plan_of(seed)?.script());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let progress = |runs| {
        if !args.json && std::io::stderr().is_terminal() {
            eprint!("\r{runs} of {} seeds", end - first);
            if runs == end - first {
                eprintln!();
            }
        }
    };
    let outcome = run_seeds((first, end), args.jobs, args.keep_going, &plan_of, &progress);
    if args.json {
        report::print_json(&outcome);
    } else {
        report::print(&outcome);
    }
    let failed = !outcome.failures.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the seeds, up to the first that fails or all.
fn run_seeds(
    (first, end): (u64, u64),
    jobs: usize,
    keep_going: bool,
    plan_of: &(impl Fn(u64) -> Result<Plan, String> + Sync),
    progress: &(impl Fn(u64) + Sync),
) -> Outcome {
    let total = Mutex::new(Coverage::default());
    let failures = Mutex::new(Vec::<Failure>::new());
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let Ok(plan) = plan_of(seed) else { return };
                    let report = run(&plan);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(&report.coverage);
                    progress(total.runs);
                    if report.violation.is_some() {
                        stop.fetch_or(!keep_going, Ordering::Relaxed);
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.push(Failure { plan, report });
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|failure| failure.plan.seed);
    Outcome { total, failures }
}
