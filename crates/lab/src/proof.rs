//! Proofs of a level: the start fails, each solution passes, each wrong answer fails where it says.

use logbrook_sorted::SortedSet;
use std::fmt;
use std::sync::Arc;

use crate::grade::{FirstFailure, Report, grade_to_failure, matches};
use crate::level::{Level, Solution, WrongAnswer};

/// One thing to prove of a level.
#[derive(Clone, Debug)]
pub enum Step {
    /// Doing nothing fails.
    Start,
    /// This answer passes on all seeds.
    Solution(Solution),
    /// This answer fails by the assertion that it names.
    Wrong(WrongAnswer),
    /// Each assertion is failed by the start or by some wrong answer.
    NoneIdle,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start fails"),
            Self::Solution(s) => write!(f, "{} passes", s.file),
            Self::Wrong(w) => write!(f, "wrong/{} fails by {}", w.file, w.fails),
            Self::NoneIdle => f.write_str("no assertion is idle"),
        }
    }
}

/// Everything to prove of a level.
#[must_use]
pub fn steps(level: &Level) -> Vec<Step> {
    let mut steps = vec![Step::Start];
    steps.extend(level.solutions.iter().cloned().map(Step::Solution));
    steps.extend(level.wrong.iter().cloned().map(Step::Wrong));
    steps.push(Step::NoneIdle);
    steps
}

/// Proves a level step by step, and remembers which assertions have been seen to fail.
pub struct Prover {
    level: Arc<Level>,
    failed: SortedSet<String>,
}

impl Prover {
    /// Nothing has been proven yet.
    #[must_use]
    pub fn new(level: &Arc<Level>) -> Self {
        Self { level: Arc::clone(level), failed: SortedSet::new() }
    }

    /// Proves one. [`Step::NoneIdle`] comes last: it is about the steps before it.
    ///
    /// # Errors
    /// What happened instead.
    pub fn prove(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Start => match self.fails("")? {
                None => Err("doing nothing passes".to_owned()),
                Some(_) => Ok(()),
            },
            Step::Solution(solution) => solves(&self.level, solution),
            Step::Wrong(wrong) => {
                let Some(first) = self.fails(&wrong.lines)? else {
                    return Err("it passes".to_owned());
                };
                let trial = first.trial.as_deref();
                if matches(wrong, &first.assert, trial, &first.failure.message) {
                    return Ok(());
                }
                let place =
                    trial.map_or_else(|| "in the run".to_owned(), |t| format!("in trial {t:?}"));
                Err(format!("{} fails first, {place}: {}", first.assert, first.failure.message))
            }
            Step::NoneIdle => {
                let idle = self.level.asserts.iter().find(|a| !self.failed.contains(&a.id));
                idle.map_or(Ok(()), |a| Err(format!("{:?} never fails", a.id)))
            }
        }
    }

    /// Grades an answer as far as its first failure.
    fn fails(&mut self, answer: &str) -> Result<Option<FirstFailure>, String> {
        let report = grade_to_failure(&self.level, answer).map_err(|e| e.to_string())?;
        self.failed.extend(failures(&report));
        Ok(report.first_failure)
    }
}

/// Whether a solution passes with every seed of every trial.
///
/// # Errors
/// The assertion that fails, where, and its message.
pub fn solves(level: &Arc<Level>, solution: &Solution) -> Result<(), String> {
    let report = grade_to_failure(level, &solution.lines).map_err(|e| e.to_string())?;
    let Some(first) = report.first_failure else { return Ok(()) };
    let place = first.trial.map(|t| format!(", trial {t:?} seed {:?}", first.seed));
    Err(format!("{} fails{}: {}", first.assert, place.unwrap_or_default(), first.failure.message))
}

fn failures(report: &Report) -> SortedSet<String> {
    let own = report.run.iter().filter(|j| matches!(j.verdict, crate::verdict::Verdict::Fails(_)));
    let trials = report.trials.iter().flat_map(|t| &t.failures).flat_map(|s| &s.failed);
    own.map(|j| j.id.clone()).chain(trials.map(|(id, _)| id.clone())).collect()
}
