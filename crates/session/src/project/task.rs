//! The task column: prose with live blocks, goals, trials, hints.

use std::sync::Arc;

use logbrook_cluster::EventId;
use logbrook_lab::grade::{Grading, Report};
use logbrook_lab::level::{self, Kind, Level, Reveal};
use logbrook_lab::run::Run;
use logbrook_lab::verdict::{Failure, Verdict};

use super::show;
use super::stage::CellCache;
use crate::catalog::{self, Catalog};
use crate::follow::Follow;
use crate::view::{
    Block, Check, Goal, GoalStatus, Hint, Moment, Passed, Predict, PredictOption, Rich, RunBlock,
    RunState, SeedState, Task, Time, Trial,
};

/// What the task column is made from.
pub(crate) struct Source<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) run: &'a Run,
    pub(crate) follow: &'a Follow,
    pub(crate) verdicts: &'a [Verdict],
    pub(crate) grading: Option<&'a Grading>,
    pub(crate) report: Option<&'a Report>,
    pub(crate) hints_open: usize,
    pub(crate) passed: bool,
    /// Label of the run block whose lines are being run.
    pub(crate) running_block: Option<&'a str>,
}

pub(crate) fn task(source: &Source<'_>, cache: &mut CellCache) -> Task {
    let level = source.run.level();
    let goals: Vec<Goal> =
        level.asserts.iter().zip(source.verdicts).map(|(a, v)| goal(level, a, v)).collect();
    Task {
        place: place(source.catalog, level),
        kind: catalog::kind(level.head.kind),
        minutes: level.head.minutes,
        title: level.head.title.clone(),
        blocks: level.prose.iter().map(|b| block(source, b, cache)).collect(),
        goals_summary: summary(&goals),
        goals,
        as_of: None,
        trials: trials(source, level),
        trials_note: trials_note(source, level),
        hints: hints(level, source.hints_open),
        check: check(source, level),
        passed: source.passed.then(|| passed(source, level)),
    }
}

fn place(catalog: &Catalog, level: &Level) -> String {
    let Some(track) = catalog.tracks.iter().find(|t| t.slug == level.track) else {
        return level.track.clone();
    };
    let at = track.levels.iter().position(|l| l.slug == level.slug).map_or(1, |i| i + 1);
    format!("{}, {at} of {}", track.title, track.levels.len())
}

fn goal(level: &Level, assert: &level::Assert, verdict: &Verdict) -> Goal {
    let (status, evidence, moment) = match verdict {
        Verdict::Open { missing } => (GoalStatus::Open, missing, None),
        Verdict::Holds { evidence } => (GoalStatus::Holds, evidence, None),
        Verdict::Fails(failure) => (GoalStatus::Fails, &failure.message, moment(failure)),
    };
    Goal {
        id: assert.id.clone(),
        status,
        sentence: Rich::parse(&capital(&assert.check.sentence(assert.when, level))),
        evidence: Rich::parse(evidence),
        because: Rich::default(),
        moment,
    }
}

pub(crate) fn moment(failure: &Failure) -> Option<Moment> {
    let EventId(event) = failure.event?;
    Some(Moment { event, time: Time(failure.time_us) })
}

/// A goal stands alone in the panel; in the prose it is an item of a list.
pub(crate) fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

pub(crate) fn summary(goals: &[Goal]) -> String {
    let count = |status| goals.iter().filter(|g| g.status == status).count();
    let (holds, fails, open) =
        (count(GoalStatus::Holds), count(GoalStatus::Fails), count(GoalStatus::Open));
    let verb = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = Vec::new();
    if holds > 0 {
        parts.push(verb(holds, "holds", "hold"));
    }
    if fails > 0 {
        parts.push(verb(fails, "fails", "fail"));
    }
    if open > 0 {
        parts.push(format!("{open} open"));
    }
    parts.join(", ")
}

fn block(source: &Source<'_>, block: &level::Block, cache: &mut CellCache) -> Block {
    match block {
        level::Block::Html(html) => Block::Html(Arc::from(html.as_str())),
        level::Block::Run { label, body } => {
            Block::Run(run_block(source, label.as_deref().unwrap_or_default(), body))
        }
        level::Block::Predict(id) => {
            match source.run.level().predictions.iter().find(|p| p.id == *id) {
                Some(prediction) => Block::Predict(predict(source, prediction)),
                // Reading a level refuses a question without its table.
                None => Block::Html(Arc::from("")),
            }
        }
        level::Block::Show { view, params, body } => {
            Block::Show(show::show(source.run.cluster(), source.follow, cache, view, params, body))
        }
        level::Block::Goal => Block::Goals,
    }
}

fn run_block(source: &Source<'_>, label: &str, body: &str) -> RunBlock {
    let is_input = |l: &&str| l.starts_with(['$', '&', '@', '<']);
    let state = match source.run.block_state(label) {
        _ if source.running_block == Some(label) => RunState::Running,
        Some((_, true)) => RunState::Done,
        Some((true, false)) => RunState::Running,
        Some((false, false)) | None => RunState::Ready,
    };
    let asks =
        source.run.level().predictions.iter().find(|p| p.reveal == Reveal::After(label.to_owned()));
    let unanswered = asks.filter(|p| source.run.predictions().answer(&p.id).is_none());
    let unseen = unanswered.filter(|p| source.run.predictions().revealed(&p.id).is_none());
    RunBlock {
        label: label.to_owned(),
        lines: body.lines().filter(is_input).map(str::to_owned).collect(),
        state,
        blocked: unseen.map(|_| "Answer the question first, or skip it.".to_owned()),
    }
}

fn predict(source: &Source<'_>, prediction: &level::Prediction) -> Predict {
    let answers = source.run.predictions();
    let runs = match &prediction.reveal {
        Reveal::After(label) => Some(label.clone()),
        Reveal::Check => None,
    };
    let option = |o: &String| PredictOption { value: o.clone(), text: Rich::parse(o) };
    Predict {
        id: prediction.id.clone(),
        question: Rich::parse(&prediction.question),
        options: prediction.options.iter().map(option).collect(),
        answer: answers.answer(&prediction.id).map(str::to_owned),
        revealed: answers.revealed(&prediction.id).map(str::to_owned),
        runs,
    }
}

fn trials(source: &Source<'_>, level: &Level) -> Vec<Trial> {
    let (done, current) = match (source.grading, source.report) {
        (Some(grading), _) => {
            let (trial, seed, reports) = grading.progress();
            (reports.to_vec(), Some((trial, seed)))
        }
        (None, Some(report)) => (report.trials.clone(), None),
        (None, None) => (Vec::new(), None),
    };
    let mut out = Vec::new();
    for (index, def) in level.trials.iter().enumerate() {
        let report = done.get(index);
        let seeds = (0..def.seeds).map(|seed| match (report, current) {
            (None, _) => SeedState::Empty,
            (Some(_), Some(at)) if at == (index, seed) => SeedState::Running,
            (Some(_), Some(at)) if at < (index, seed) => SeedState::Empty,
            (Some(report), _) if report.failures.iter().any(|f| f.seed == seed) => {
                SeedState::Failed
            }
            (Some(_), _) => SeedState::Passed,
        });
        let first = report.and_then(|r| r.failures.first()).and_then(|f| f.failed.first());
        let because = source.report.and_then(|r| r.first_failure.as_ref());
        let because = because
            .filter(|f| f.trial.as_deref() == Some(&def.name))
            .and_then(|f| f.because.as_deref());
        out.push(Trial {
            name: def.name.clone(),
            seeds: seeds.collect(),
            failure: first.map(|(_, failure)| Rich::parse(&failure.message)),
            because: because.map(|b| Rich::parse(&capital(b))).unwrap_or_default(),
        });
    }
    out
}

fn all_seeds(level: &Level) -> u32 {
    level.trials.iter().map(|t| t.seeds).sum()
}

fn trials_note(source: &Source<'_>, level: &Level) -> String {
    let all = all_seeds(level);
    if all == 0 {
        return String::new();
    }
    match (source.grading, source.report) {
        (Some(_), _) => String::new(),
        (None, Some(report)) => {
            let passed: u32 = report.trials.iter().map(|t| t.passed).sum();
            format!("{passed} of {all} seeds passed")
        }
        (None, None) => format!("{all} hidden seeds, not checked yet"),
    }
}

fn hints(level: &Level, open: usize) -> Vec<Hint> {
    let labels = [
        "Where to look",
        "The idea",
        "What is too little, what is too much",
        "The shape of the commands",
    ];
    let all = level.head.hints.len();
    let mut hints: Vec<Hint> = level
        .head
        .hints
        .iter()
        .enumerate()
        .map(|(i, text)| Hint {
            // With three hints the ladder goes from the idea to the shape of the commands at once.
            label: labels[if i + 1 == all { 3 } else { i.min(2) }].to_owned(),
            text: (i < open).then(|| Rich::parse(text)),
            lines: Vec::new(),
            next: i == open,
        })
        .collect();
    let lines = level.solutions.first().map(|s| s.lines.lines().map(str::to_owned).collect());
    hints.push(Hint {
        label: "The solution".to_owned(),
        text: (open > all).then(|| Rich::parse("One answer that passes:")),
        lines: if open > all { lines.unwrap_or_default() } else { Vec::new() },
        next: open == all,
    });
    hints
}

fn check(source: &Source<'_>, level: &Level) -> Option<Check> {
    let all = all_seeds(level);
    if all == 0 {
        return None;
    }
    let label = match source.grading {
        None => format!("Check {all} seeds"),
        Some(grading) => {
            let (trial, seed, _) = grading.progress();
            let before: u32 = level.trials.iter().take(trial).map(|t| t.seeds).sum();
            format!("Checking {} of {all}", (before + seed + 1).min(all))
        }
    };
    let own_fails = source.verdicts.iter().any(|v| matches!(v, Verdict::Fails(_)));
    let note = match (source.grading, own_fails) {
        (Some(_), true) => Rich::parse("Your own run already fails; the trials run anyway."),
        (Some(_) | None, _) => Rich::default(),
    };
    Some(Check { label, running: source.grading.is_some(), note })
}

fn passed(source: &Source<'_>, level: &Level) -> Passed {
    let seeds = all_seeds(level);
    let headline = match (level.head.kind, seeds) {
        (Kind::Lesson, _) | (_, 0) => "Passed".to_owned(),
        (Kind::Challenge | Kind::Drill | Kind::Interview, n) => {
            format!("Passed, with {n} of {n} seeds")
        }
    };
    let mine = source.run.history().iter().filter(|l| l.action.is_changing()).count();
    let lines = |n: usize| {
        if n == 1 { "1 changing line".to_owned() } else { format!("{n} changing lines") }
    };
    let hints = match source.hints_open {
        0 => "no hint".to_owned(),
        1 => "1 hint".to_owned(),
        n => format!("{n} hints"),
    };
    let text = format!(
        "{}, {hints}; the shortest known answer has {}. {}",
        lines(mine),
        level.par(),
        level.head.idea
    );
    Passed {
        headline,
        text: Rich::parse(&text),
        seeds,
        next: source.catalog.next(&level.track, &level.slug),
        debrief: None,
    }
}
