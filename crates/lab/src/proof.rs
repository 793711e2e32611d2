//! Proofs of a level: the start fails, each solution passes, each wrong answer fails where it says.

use logbrook_sorted::SortedSet;
use std::fmt;
use std::sync::Arc;

use crate::grade::{Report, grade, matches};
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

/// Proves one.
///
/// # Errors
/// What happened instead.
pub fn prove(level: &Arc<Level>, step: &Step) -> Result<(), String> {
    match step {
        Step::Start => match graded(level, "")?.passed {
            true => Err("doing nothing passes".to_owned()),
            false => Ok(()),
        },
        Step::Solution(solution) => {
            let report = graded(level, &solution.lines)?;
            match report.first_failure {
                None => Ok(()),
                Some(first) => {
                    let place = first.trial.map(|t| format!(", trial {t:?} seed {:?}", first.seed));
                    Err(format!(
                        "{} fails{}: {}",
                        first.assert,
                        place.unwrap_or_default(),
                        first.failure.message
                    ))
                }
            }
        }
        Step::Wrong(wrong) => {
            let report = graded(level, &wrong.lines)?;
            let Some(first) = report.first_failure else { return Err("it passes".to_owned()) };
            let trial = first.trial.as_deref();
            if matches(wrong, &first.assert, trial, &first.failure.message) {
                return Ok(());
            }
            let place =
                trial.map_or_else(|| "in the run".to_owned(), |t| format!("in trial {t:?}"));
            Err(format!("{} fails first, {place}: {}", first.assert, first.failure.message))
        }
        Step::NoneIdle => {
            let mut failed = failures(&graded(level, "")?);
            for wrong in &level.wrong {
                failed.extend(failures(&graded(level, &wrong.lines)?));
            }
            let idle = level.asserts.iter().find(|a| !failed.contains(&a.id));
            idle.map_or(Ok(()), |a| Err(format!("{:?} never fails", a.id)))
        }
    }
}

fn graded(level: &Arc<Level>, answer: &str) -> Result<Report, String> {
    grade(level, answer, None).map_err(|e| e.to_string())
}

fn failures(report: &Report) -> SortedSet<String> {
    let own = report.run.iter().filter(|j| matches!(j.verdict, crate::verdict::Verdict::Fails(_)));
    let trials = report.trials.iter().flat_map(|t| &t.failures).flat_map(|s| &s.failed);
    own.map(|j| j.id.clone()).chain(trials.map(|(id, _)| id.clone())).collect()
}
