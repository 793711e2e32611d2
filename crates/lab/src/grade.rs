//! Grading: an answer is run, then every trial, and each assertion says whether it held.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use logbrook_shell::action::Action;
use serde::Serialize;

use crate::level::{Level, WrongAnswer};
use crate::run::Run;
use crate::trial::{TrialRun, judges};
use crate::verdict::{Failure, Verdict};

/// The result of grading one answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `track/slug`.
    pub level: String,
    /// The level's revision.
    pub rev: u32,
    /// Whether every assertion held in the run itself and under every seed of every trial.
    pub passed: bool,
    /// Lines of the answer that change state.
    pub changing_lines: usize,
    /// Assertions judged in the run itself.
    pub run: Vec<Judged>,
    /// The trials in order.
    pub trials: Vec<TrialReport>,
    /// The failure that comes first: the run before the trials, trials and assertions in the order
    /// of the level's file.
    pub first_failure: Option<FirstFailure>,
}

/// One assertion with what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Its id.
    pub id: String,
    /// The goal as a sentence.
    pub goal: String,
    /// What it says.
    pub verdict: Verdict,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialReport {
    /// Its name.
    pub name: String,
    /// Seeds that were run.
    pub seeds: u32,
    /// Of them, how many passed.
    pub passed: u32,
    /// Those that failed.
    pub failures: Vec<SeedFailure>,
}

/// A seed under which an assertion failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeedFailure {
    /// Its index, from 0.
    pub seed: u32,
    /// Assertions that failed, in order.
    pub failed: Vec<(String, Failure)>,
}

/// The first failure, with what a known wrong answer adds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FirstFailure {
    /// The assertion.
    pub assert: String,
    /// The trial, unless it failed in the run itself.
    pub trial: Option<String>,
    /// The seed's index in that trial.
    pub seed: Option<u32>,
    /// The evidence.
    pub failure: Failure,
    /// Of the known wrong answer that fails in the same way.
    pub because: Option<String>,
}

/// An answer that cannot be graded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GradeError {
    /// Line of the answer; 0 when it is not about a line.
    pub line: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for GradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

impl std::error::Error for GradeError {}

/// Grades the lines of an answer. `seeds` overrides how many seeds each trial has.
///
/// # Errors
/// A line that is no action, that the level does not allow or that does not apply.
pub fn grade(level: &Arc<Level>, answer: &str, seeds: Option<u32>) -> Result<Report, GradeError> {
    grade_lines(level, answer, seeds, false)
}

/// The same with the level's own seeds, and without the trials that come after the first failure.
///
/// # Errors
/// As [`grade`].
pub fn grade_to_failure(level: &Arc<Level>, answer: &str) -> Result<Report, GradeError> {
    grade_lines(level, answer, None, true)
}

fn grade_lines(
    level: &Arc<Level>,
    answer: &str,
    seeds: Option<u32>,
    to_failure: bool,
) -> Result<Report, GradeError> {
    let entries = crate::answer::parse(answer).map_err(|e| GradeError {
        line: e.line,
        message: format!("found `{}`, expected {}", e.found, e.expected),
    })?;
    let mut run =
        Run::start(Arc::clone(level)).map_err(|message| GradeError { line: 0, message })?;
    run.run_all(&entries).map_err(|(line, e)| GradeError { line, message: e.to_string() })?;
    if let Some(error) = run.cluster().error() {
        return Err(GradeError { line: 0, message: error.to_string() });
    }
    let mut grading = Grading::new(&run, seeds);
    grading.to_failure = to_failure;
    grading.advance(&mut run, || true).map_err(|message| GradeError { line: 0, message })?;
    Ok(grading.report(&crate::answer::changing(answer)))
}

/// A check under way: the run itself, then each seed of each trial. Cut into slices by `advance`.
#[derive(Clone)]
pub struct Grading {
    level: Arc<Level>,
    seeds: Option<u32>,
    own: Vec<Verdict>,
    trials: Vec<TrialReport>,
    /// The trial and seed that come next, or run now.
    at: (usize, u32),
    current: Option<Box<TrialRun>>,
    /// Lines of known wrong answers that would change nothing here: what they set is so already.
    already: Vec<String>,
    /// Of each trial the first run that failed, to look into.
    failed: Vec<Option<Rc<Run>>>,
    /// No trial is begun after a failure.
    to_failure: bool,
}

impl Grading {
    /// Begins with what the run itself says.
    #[must_use]
    pub fn new(run: &Run, seeds: Option<u32>) -> Self {
        let level = Arc::clone(run.level());
        let trial = |t: &crate::level::TrialDef| TrialReport {
            name: t.name.clone(),
            seeds: seeds.unwrap_or(t.seeds),
            passed: 0,
            failures: Vec::new(),
        };
        let trials = level.trials.iter().map(trial).collect();
        let failed = vec![None; level.trials.len()];
        let already = already(run);
        Self {
            own: run.verdicts(true),
            level,
            seeds,
            trials,
            at: (0, 0),
            current: None,
            already,
            failed,
            to_failure: false,
        }
    }

    /// From now on no trial is begun after a failure.
    pub(crate) fn stop_at_failure(&mut self) {
        self.to_failure = true;
    }

    /// Goes on while `go_on` says so. True once every seed of every trial is over.
    ///
    /// # Errors
    /// A design that cannot be set up, or that goes round without end.
    pub fn advance(
        &mut self,
        run: &mut Run,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<bool, String> {
        run.checked();
        let fails = |judged: &Judged| matches!(judged.verdict, Verdict::Fails(_));
        if self.to_failure && self.judged().iter().any(fails) {
            return Ok(true);
        }
        let level = Arc::clone(&self.level);
        while let Some(trial) = level.trials.get(self.at.0) {
            let (index, seed) = self.at;
            let mut current = match self.current.take() {
                Some(current) => current,
                None => Box::new(TrialRun::start(run, trial, seed)?),
            };
            if !current.advance(&mut go_on) {
                self.current = Some(current);
                return Ok(false);
            }
            if let Some(error) = current.error() {
                return Err(format!("trial \"{}\", seed {seed}: {error}", trial.name));
            }
            self.finish(index, seed, *current);
            let seeds = self.seeds.unwrap_or(trial.seeds);
            let over = seed + 1 >= seeds;
            if over && self.to_failure && !self.trials[index].failures.is_empty() {
                return Ok(true);
            }
            self.at = if seed + 1 < seeds { (index, seed + 1) } else { (index + 1, 0) };
            if !go_on() {
                return Ok(self.at.0 >= level.trials.len());
            }
        }
        Ok(true)
    }

    fn finish(&mut self, index: usize, seed: u32, current: TrialRun) {
        let name = &self.level.trials[index].name;
        let verdicts = current.verdicts();
        let judged = self.level.asserts.iter().zip(verdicts);
        let failed: Vec<_> = judged
            .filter(|(assert, _)| judges(&self.level, assert, Some(name)))
            .filter_map(|(assert, verdict)| match verdict {
                Verdict::Fails(failure) => Some((assert.id.clone(), failure)),
                Verdict::Open { .. } | Verdict::Holds { .. } => None,
            })
            .collect();
        let report = &mut self.trials[index];
        if failed.is_empty() {
            report.passed += 1;
        } else {
            report.failures.push(SeedFailure { seed, failed });
            self.failed[index].get_or_insert_with(|| Rc::new(current.into_run()));
        }
    }

    /// The trial and seed that run now or next, and the trials as they stand.
    #[must_use]
    pub fn progress(&self) -> (usize, u32, &[TrialReport]) {
        (self.at.0, self.at.1, &self.trials)
    }

    /// The first run of a trial that failed, with its whole history.
    #[must_use]
    pub fn failed_run(&self, trial: usize) -> Option<&Rc<Run>> {
        self.failed.get(trial)?.as_ref()
    }

    /// The report, once over. `lines` are the changing lines of the answer: they tell which known
    /// wrong answer it is.
    #[must_use]
    pub fn report(&self, lines: &[String]) -> Report {
        let level = &self.level;
        let run = self.judged();
        let first_failure = self.first_failure(&run, lines);
        Report {
            level: level.path(),
            rev: level.head.rev,
            passed: first_failure.is_none(),
            changing_lines: lines.len(),
            run,
            trials: self.trials.clone(),
            first_failure,
        }
    }

    /// What the run itself says of the assertions that are judged in it.
    fn judged(&self) -> Vec<Judged> {
        let level = &self.level;
        level
            .asserts
            .iter()
            .zip(&self.own)
            .filter(|(assert, _)| judges(level, assert, None))
            .map(|(assert, verdict)| Judged {
                id: assert.id.clone(),
                goal: assert.check.sentence(assert.when, level),
                verdict: verdict.clone(),
            })
            .collect()
    }

    fn first_failure(&self, run: &[Judged], lines: &[String]) -> Option<FirstFailure> {
        let own = run.iter().find_map(|judged| match &judged.verdict {
            Verdict::Fails(failure) => Some((&judged.id, failure)),
            Verdict::Open { .. } | Verdict::Holds { .. } => None,
        });
        if let Some((assert, failure)) = own {
            return Some(self.first(assert, None, failure, lines));
        }
        for trial in &self.trials {
            for assert in &self.level.asserts {
                let in_seed = |s: &SeedFailure| {
                    let failure = s.failed.iter().find(|(id, _)| *id == assert.id)?;
                    Some((s.seed, failure.1.clone()))
                };
                if let Some((seed, failure)) = trial.failures.iter().find_map(in_seed) {
                    return Some(self.first(
                        &assert.id,
                        Some((&trial.name, seed)),
                        &failure,
                        lines,
                    ));
                }
            }
        }
        None
    }

    fn first(
        &self,
        assert: &str,
        at: Option<(&str, u32)>,
        failure: &Failure,
        lines: &[String],
    ) -> FirstFailure {
        let trial = at.map(|(trial, _)| trial);
        let same = |wrong: &&WrongAnswer| {
            matches(wrong, assert, trial, &failure.message)
                && crate::answer::changing(&wrong.lines)
                    .iter()
                    .all(|line| lines.contains(line) || self.already.contains(line))
        };
        // Of two that fit, the one that did more is the nearer.
        let known = self.level.wrong.iter().filter(same);
        let nearest = known.max_by_key(|wrong| crate::answer::changing(&wrong.lines).len());
        FirstFailure {
            assert: assert.to_owned(),
            trial: trial.map(str::to_owned),
            seed: at.map(|(_, seed)| seed),
            failure: failure.clone(),
            because: nearest.and_then(|wrong| wrong.because.clone()),
        }
    }
}

/// The lines `@deploy APP k=v …` of known wrong answers whose settings the apps have already.
fn already(run: &Run) -> Vec<String> {
    let apps = run.cluster().apps();
    let is_so = |line: &String| match Action::parse(line) {
        Ok(Action::Deploy { app, settings }) => apps.get(&app).is_some_and(|app| {
            let value =
                |name: &str| app.spec.code.get(name).or_else(|| app.spec.config.get(name).cloned());
            settings.iter().all(|(name, wanted)| value(name).as_ref() == Some(wanted))
        }),
        Ok(_) | Err(_) => false,
    };
    let lines = run.level().wrong.iter().flat_map(|wrong| crate::answer::changing(&wrong.lines));
    lines.filter(is_so).collect()
}

/// Whether a failure is the one that a wrong answer names.
#[must_use]
pub fn matches(wrong: &WrongAnswer, assert: &str, trial: Option<&str>, message: &str) -> bool {
    let says = match &wrong.says {
        None => true,
        Some(pattern) => regex_lite::Regex::new(pattern).is_ok_and(|r| r.is_match(message)),
    };
    wrong.fails == assert && wrong.trial.as_deref() == trial && says
}
