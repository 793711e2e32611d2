//! The cluster's own test: a [`Plan`] is drawn from a seed (brokers, topics, applications, faults), run in
//! virtual time under all [`Invariant`]s, then left without faults until everything has come to rest.
//!
//! ```text
//!   seed -> Plan::draw -> run(plan) -> Report { violation?, losses that the settings permit, coverage }
//!                            |  each step: Observer looks at the new events and at what they touched
//!                            +- at rest:   replicas, clients and groups are compared
//!   a violation -> shrink(plan): the fewest faults that still show it
//! ```
//!
//! A plan is a script in the action language, so that a failure can be replayed in the terminal.

mod coverage;
mod draw_faults;
mod fault;
mod invariants;
mod plan;
mod run;
mod shrink;

pub use coverage::Coverage;
pub use fault::{Fault, FaultKind};
pub use invariants::{Invariant, Loss, Violation};
pub use plan::{MAX_BROKERS, MAX_FAULTS, Plan, TopicPlan};
pub use run::{Report, run};
pub use shrink::shrink;
