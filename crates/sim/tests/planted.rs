//! Bugs planted in the engine are found: by seeds that `logbrook sim --planted` has named.

use logbrook_planted::{Bug, plant};
use logbrook_sim::{Plan, run};

/// A bug, a seed that shows it, and the invariant that says so. Another workload may need another seed.
const FOUND: &[(Bug, u64, &str)] = &[
    (Bug::ForgetProducerSnapshot, 0, "recovery-equals-live"),
    (Bug::SkipSequenceCheck, 3, "send-order"),
    (Bug::LsoIgnoresOpenTransactions, 0, "no-uncommitted-read"),
    (Bug::WatermarkEarly, 5, "fenced-leader-stands"),
    (Bug::AcksAllAnswersAtOnce, 5, "no-lost-write"),
    (Bug::ElectOutsideIsr, 2, "leader-in-isr"),
    (Bug::ElectFencedBroker, 2, "leader-in-isr"),
    (Bug::PartitionGivenTwice, 10, "one-owner"),
    (Bug::GenerationNotRaised, 0, "generations-rise"),
    (Bug::ReadPastWatermark, 0, "no-phantom-read"),
    (Bug::MarkerLost, 0, "no-lost-write"),
    (Bug::CommitOneTooFar, 1, "everything-read"),
];

/// One test: what is planted is planted in the whole process.
#[test]
fn planted_bugs_are_found() {
    for (bug, seed, invariant) in FOUND {
        let plan = Plan::draw(*seed);
        plant(Some(*bug));
        let found = run(&plan).violation.map(|violation| violation.invariant.name());
        assert_eq!(found, Some(*invariant), "{} with seed {seed}", bug.name());
        plant(None);
        assert_eq!(run(&plan).violation, None, "nothing with seed {seed}");
    }
}
