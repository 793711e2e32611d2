//! Some seeds under all invariants. More: `logbrook sim --seeds 0..1000`.

use logbrook_sim::{FaultKind, Plan, run};

#[test]
fn seeds_hold() {
    let broken: Vec<String> = (0..SEEDS)
        .filter_map(|seed| Some(format!("seed {seed}: {}", run(&Plan::draw(seed)).violation?)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// So many in every test run.
const SEEDS: u64 = 12;

#[test]
fn a_plan_is_drawn_the_same_again_and_runs_the_same() {
    let plan = Plan::draw(3);
    assert_eq!(plan, Plan::draw(3));
    assert_eq!(run(&plan).hash, run(&plan).hash);
}

#[test]
fn every_kind_of_fault_is_drawn() {
    let plans: Vec<Plan> = (0..400).map(Plan::draw).collect();
    for kind in FaultKind::ALL {
        assert!(
            plans.iter().any(|plan| plan.faults.iter().any(|fault| fault.kind == *kind)),
            "{}",
            kind.name()
        );
    }
}
