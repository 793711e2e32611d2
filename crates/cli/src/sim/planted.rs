//! `logbrook sim --planted`: each bug planted, and the seed that shows it.

use std::process::ExitCode;
use std::time::Instant;

use logbrook_planted::{Bug, plant};
use logbrook_sim::Plan;

use super::{SimArgs, run_seeds};

/// Runs seeds with each bug until an invariant breaks; fails where one is not found.
pub(super) fn find_all(args: &SimArgs) -> ExitCode {
    let bugs: Vec<Bug> = match args.plant {
        Some(bug) => vec![bug],
        None => Bug::ALL.to_vec(),
    };
    println!("{:<30} {:<24} {:>8} {:>9}", "bug", "found by", "seed", "seconds");
    let mut not_found = 0;
    for bug in bugs {
        plant(Some(bug));
        let began = Instant::now();
        let plan_of = |seed| Ok(Plan::draw(seed));
        let outcome = run_seeds(args.seeds, args.jobs, false, &plan_of, &|_| {});
        let seconds = began.elapsed().as_secs_f64();
        let first = outcome.failures.first();
        match first.and_then(|failure| Some((failure, failure.report.violation.as_ref()?))) {
            Some((failure, violation)) => {
                let (name, invariant) = (bug.name(), violation.invariant.name());
                println!("{name:<30} {invariant:<24} {:>8} {seconds:>9.1}", failure.plan.seed);
            }
            None => {
                not_found += 1;
                println!("{:<30} {:<24} {:>8} {seconds:>9.1}", bug.name(), "NOT FOUND", "");
            }
        }
    }
    plant(None);
    if not_found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
