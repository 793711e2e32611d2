//! Proofs of a question: its claims hold where it says so, and fail where what they rest on is left out.

use logbrook_sorted::SortedSet;
use std::fmt;

use super::claim::Measured;
use super::experiment::{Experiment, Running};
use super::sheet::{Grade, Sheet};
use super::{Design, Diagnose, Part, Point, Predict, Question};
use crate::grade::Report;
use crate::verdict::Verdict;

/// Under so many seeds a run is to show the same: what depends on one seed is luck, not Kafka.
const SEEDS: u64 = 3;

/// One thing to prove of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The claims of a point hold in its run, under each seed.
    Point(usize),
    /// Each claim of a point is false in some of its counter-runs, and each of these makes one false.
    Counters(usize),
    /// What the run answers is one of the options, and the same under each seed.
    Predict,
    /// The symptom is there, and the evidence speaks for one cause, the same under each seed.
    Cause,
    /// After the remedy the symptom is gone.
    Remedy,
    /// What stands on the sheet before anything is chosen fails.
    Sheet,
    /// This answer passes with each seed of each trial.
    Answer(usize),
    /// This sheet fails by the assertion that it names.
    Wrong(usize),
    /// Each assertion is failed by some sheet.
    NoneIdle,
}

/// Everything to prove of a question.
#[must_use]
pub fn steps(question: &Question) -> Vec<Step> {
    let mut steps: Vec<Step> =
        (0..question.points.len()).flat_map(|at| [Step::Point(at), Step::Counters(at)]).collect();
    match &question.part {
        Part::Explain => {}
        Part::Predict(_) => steps.push(Step::Predict),
        Part::Diagnose(_) => steps.extend([Step::Cause, Step::Remedy]),
        Part::Design(design) => {
            steps.push(Step::Sheet);
            steps.extend((0..design.answers.len()).map(Step::Answer));
            steps.extend((0..design.wrong.len()).map(Step::Wrong));
            steps.push(Step::NoneIdle);
        }
    }
    steps
}

/// Proves a question step by step, and remembers which assertions have been seen to fail.
pub struct Prover<'a> {
    question: &'a Question,
    failed: SortedSet<String>,
}

impl<'a> Prover<'a> {
    /// Nothing has been proven yet.
    #[must_use]
    pub fn new(question: &'a Question) -> Self {
        Self { question, failed: SortedSet::new() }
    }

    /// The step in words.
    #[must_use]
    pub fn name(&self, step: &Step) -> String {
        let point = |at: &usize| self.question.points.get(*at).map_or("?", |p| p.id.as_str());
        match step {
            Step::Point(at) => format!("{} is shown", point(at)),
            Step::Counters(at) => format!("{} is false without", point(at)),
            Step::Predict => "the run answers".to_owned(),
            Step::Cause => "the evidence speaks for one cause".to_owned(),
            Step::Remedy => "the remedy mends it".to_owned(),
            Step::Sheet => "the empty sheet fails".to_owned(),
            Step::Answer(at) => format!("answer {} passes", at + 1),
            Step::Wrong(at) => format!("wrong sheet {} fails", at + 1),
            Step::NoneIdle => "no assertion is idle".to_owned(),
        }
    }

    /// Proves one. [`Step::NoneIdle`] comes last: it is about the steps before it.
    ///
    /// # Errors
    /// What happened instead.
    pub fn prove(&mut self, step: &Step) -> Result<(), String> {
        let question = self.question;
        let points = &question.points;
        match (step, &question.part) {
            (Step::Point(at), _) => points.get(*at).map_or(Ok(()), |p| shown(question, p)),
            (Step::Counters(at), _) => points.get(*at).map_or(Ok(()), |p| countered(question, p)),
            (Step::Predict, Part::Predict(predict)) => {
                same(|seed| answer(question, predict, seed)).map(|_answer| ())
            }
            (Step::Cause, Part::Diagnose(diagnose)) => {
                same(|seed| cause(question, diagnose, seed)).map(|_cause| ())
            }
            (Step::Remedy, Part::Diagnose(diagnose)) => mended(question, diagnose),
            (Step::Sheet, Part::Design(design)) => {
                match self.grade(design, &Sheet::new())?.first_failure {
                    Some(_) => Ok(()),
                    None => Err("what stands there already passes".to_owned()),
                }
            }
            (Step::Answer(at), Part::Design(design)) => self.answers(design, *at),
            (Step::Wrong(at), Part::Design(design)) => self.fails(design, *at),
            (Step::NoneIdle, Part::Design(design)) => {
                let asserts = question.worlds.get(&design.world).map(|world| &world.asserts);
                let idle = asserts.into_iter().flatten().find(|a| !self.failed.contains(&a.id));
                idle.map_or(Ok(()), |a| Err(format!("{:?} never fails", a.id)))
            }
            (_of_another_kind, _) => Ok(()),
        }
    }

    fn grade(&mut self, design: &Design, sheet: &Sheet) -> Result<Report, String> {
        let mut grade = Grade::start(self.question, design, sheet)?;
        grade.advance(true, || true)?;
        let report = grade.report().ok_or("the sheet was not graded")?;
        let own = report.run.iter().filter(|j| matches!(j.verdict, Verdict::Fails(_)));
        self.failed.extend(own.map(|j| j.id.clone()));
        let trials = report.trials.iter().flat_map(|t| &t.failures).flat_map(|s| &s.failed);
        self.failed.extend(trials.map(|(id, _)| id.clone()));
        Ok(report)
    }

    fn answers(&mut self, design: &Design, at: usize) -> Result<(), String> {
        let Some(sheet) = design.answers.get(at) else { return Ok(()) };
        match self.grade(design, sheet)?.first_failure {
            None => Ok(()),
            Some(first) => Err(format!(
                "{} fails in {:?}, seed {:?}: {}",
                first.assert, first.trial, first.seed, first.failure.message
            )),
        }
    }

    fn fails(&mut self, design: &Design, at: usize) -> Result<(), String> {
        let Some(wrong) = design.wrong.get(at) else { return Ok(()) };
        let Some(first) = self.grade(design, &wrong.pick)?.first_failure else {
            return Err("it passes".to_owned());
        };
        if first.assert == wrong.fails && first.trial == wrong.trial {
            return Ok(());
        }
        Err(format!(
            "{} fails first, in {:?}: {}",
            first.assert, first.trial, first.failure.message
        ))
    }
}

/// An experiment at its end, under the world's own seed or the one of this number.
fn lived(question: &Question, run: &Experiment, seed: u64) -> Result<Running, String> {
    let world = question.world(run).ok_or_else(|| format!("no world {:?}", run.world))?;
    // The first is the world's own, which the page shows.
    let seed = world.cluster.seed.wrapping_add(seed.wrapping_mul(0x9e37_79b9));
    Running::start(world, &run.lines, Some(seed))?.finish()
}

/// The same under each seed.
fn same<T: PartialEq + fmt::Debug>(
    mut under: impl FnMut(u64) -> Result<T, String>,
) -> Result<T, String> {
    let first = under(0)?;
    for seed in 1..SEEDS {
        let other = under(seed).map_err(|e| format!("seed {seed}: {e}"))?;
        if other != first {
            return Err(format!(
                "{first:?} under the world's own seed, {other:?} under seed {seed}"
            ));
        }
    }
    Ok(first)
}

fn falsehoods(measured: &[Measured]) -> Vec<String> {
    measured.iter().filter(|m| !m.holds).map(Measured::told).collect()
}

fn shown(question: &Question, point: &Point) -> Result<(), String> {
    for seed in 0..SEEDS {
        let run = lived(question, &point.run, seed).map_err(|e| format!("seed {seed}: {e}"))?;
        let wrong = falsehoods(&run.measure(&point.claims));
        if !wrong.is_empty() {
            return Err(format!("seed {seed}: {}", wrong.join("; ")));
        }
    }
    Ok(())
}

fn countered(question: &Question, point: &Point) -> Result<(), String> {
    let mut idle: Vec<bool> = vec![true; point.claims.len()];
    for (number, counter) in (1..).zip(&point.counters) {
        let run = lived(question, &counter.run, 0).map_err(|e| format!("counter {number}: {e}"))?;
        let measured = run.measure(&point.claims);
        if measured.iter().all(|m| m.holds) {
            let told: Vec<_> = measured.iter().map(Measured::told).collect();
            return Err(format!("counter {number}: every claim holds in it ({})", told.join("; ")));
        }
        measured.iter().zip(&mut idle).for_each(|(m, idle)| *idle &= m.holds);
    }
    match idle.iter().position(|idle| *idle) {
        None => Ok(()),
        Some(at) => Err(format!("claim {} is true in every counter-run", at + 1)),
    }
}

/// What a question's run answers, under its own seed.
///
/// # Errors
/// A run that cannot be made, or that answers what cannot be chosen.
pub fn answer(question: &Question, predict: &Predict, seed: u64) -> Result<String, String> {
    let run = lived(question, &predict.run, seed)?;
    let right = run.run().observable(&predict.answer);
    chosen(predict, &right)?;
    Ok(right)
}

/// Whether the answer of a run can be given.
fn chosen(predict: &Predict, right: &str) -> Result<(), String> {
    let options: Vec<_> = predict.options.iter().map(|option| option.is.as_str()).collect();
    let fits = match options.is_empty() {
        true => right.parse::<i64>().is_ok(),
        false => options.contains(&right),
    };
    match (fits, options.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err(format!("the run answers {right:?}, expected a whole number")),
        (false, false) => {
            Err(format!("the run answers {right:?}, expected one of {}", options.join(", ")))
        }
    }
}

/// The cause that the evidence speaks for, as its id.
///
/// # Errors
/// A run that cannot be made, a symptom that is not there, evidence for no cause or for several.
pub fn cause(question: &Question, diagnose: &Diagnose, seed: u64) -> Result<String, String> {
    let run = lived(question, &diagnose.look(), seed)?;
    let absent = falsehoods(&run.measure(&diagnose.symptom));
    if !absent.is_empty() {
        return Err(format!("the symptom is not there: {}", absent.join("; ")));
    }
    let holds = |shows: &[super::Claim]| run.measure(shows).iter().all(|m| m.holds);
    let shown = diagnose.causes.iter().filter(|cause| holds(&cause.shows));
    match shown.map(|cause| cause.id.as_str()).collect::<Vec<_>>()[..] {
        [one] => Ok(one.to_owned()),
        [] => {
            let told = diagnose.causes.iter().map(|cause| {
                format!("{}: {}", cause.id, falsehoods(&run.measure(&cause.shows)).join("; "))
            });
            Err(format!(
                "the evidence speaks for no cause. {}",
                told.collect::<Vec<_>>().join(". ")
            ))
        }
        ref several => Err(format!("the evidence speaks for {}", several.join(" and "))),
    }
}

fn mended(question: &Question, diagnose: &Diagnose) -> Result<(), String> {
    let run = Experiment { world: diagnose.world.clone(), lines: diagnose.remedy.clone() };
    let run = lived(question, &run, 0)?;
    let still: Vec<_> =
        run.measure(&diagnose.symptom).iter().filter(|m| m.holds).map(Measured::told).collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(format!("the symptom is still there: {}", still.join("; ")))
}

/// What a point's run shows, for a reader who cannot run it: the lines with what they print, and the claims.
///
/// # Errors
/// The first claim that is false, or why there is no run.
pub fn recorded(
    question: &Question,
    point: &Point,
) -> Result<(Vec<super::Said>, Vec<Measured>), String> {
    let run = lived(question, &point.run, 0)?;
    let measured = run.measure(&point.claims);
    match falsehoods(&measured) {
        wrong if wrong.is_empty() => Ok((run.said().to_vec(), measured)),
        wrong => Err(wrong.join("; ")),
    }
}
