//! Trials: fresh runs of a learner's design under seeds that the learner has not seen.

use std::sync::Arc;

use logbrook_app::{AppSpec, Role as AppRole};
use logbrook_cluster::Cluster;
use logbrook_shell::action::Action;

use crate::level::{From, Level, TopicDef, TrialDef};
use crate::run::{Run, Start};
use crate::verdict::Verdict;
use crate::{read, seed};

/// Topics with their settings and apps with theirs, as a learner left them.
#[derive(Clone, Debug)]
pub struct Design {
    topics: Vec<TopicDef>,
    apps: Vec<AppSpec>,
}

impl Design {
    /// The design of a run as it now is.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let cluster = run.cluster();
        let topic = |name: String| {
            let described = read::describe(cluster, &name)?;
            Some(TopicDef {
                name,
                partitions: described.partitions,
                replication: described.replication,
                config: described.config,
                assignment: match cluster.config().brokers {
                    1 => Vec::new(),
                    _several => described.assignment,
                },
            })
        };
        Self {
            topics: read::topics(cluster).into_iter().filter_map(topic).collect(),
            apps: running_apps(cluster),
        }
    }
}

/// The apps as they are now. One that was stopped is not part of the design.
fn running_apps(cluster: &Cluster) -> Vec<AppSpec> {
    let mut apps = Vec::new();
    for app in cluster.apps().values() {
        let mut spec = app.spec.clone();
        let wanted = app.instances().values().filter(|instance| instance.wanted).count();
        spec.instances = u32::try_from(wanted).unwrap_or(u32::MAX);
        if wanted > 0 {
            apps.push(spec);
        }
    }
    apps
}

/// One seed of one trial, as it runs.
#[derive(Clone)]
pub struct TrialRun {
    run: Run,
    /// What is still to happen, soonest last.
    pending: Vec<(i64, Action)>,
    end_us: i64,
    settled_us: i64,
    settling: bool,
}

impl TrialRun {
    /// Seed number `index` of a trial, at its start.
    ///
    /// # Errors
    /// A design that cannot be set up, in words.
    pub fn start(from: &Run, trial: &TrialDef, index: u32) -> Result<Self, String> {
        let level = Arc::clone(from.level());
        let seed = seed::of_trial(&level, trial, index);
        let run = match trial.from {
            From::Design => {
                let design = Design::of(from);
                let start = Start { seed, topics: design.topics, apps: design.apps };
                Run::begin_with(level, start)?
            }
            From::Now => from.fork(),
            From::Start => {
                let apps =
                    level.apps.iter().map(crate::world::app_spec).collect::<Result<_, _>>()?;
                let start = Start { seed, topics: level.topics.clone(), apps };
                let mut run = Run::begin_again(&level, start)?;
                for line in from.history() {
                    run.pass_until_us(line.at_us);
                    run.run(&line.action).map_err(|e| e.to_string())?;
                }
                run
            }
        };
        let begin_us = run.cluster().now_us();
        let mut draws = seed::Draws::new(seed);
        let mut pending = Vec::new();
        for event in &trial.event {
            let at_ms = draws.between(event.at.from_ms, event.at.to_ms);
            let action = Action::parse_verb(&event.action).map_err(|e| e.to_string())?;
            pending.push((begin_us + at_ms * 1_000, action));
        }
        logbrook_sorted::sort_by_key(&mut pending, |(at, _)| std::cmp::Reverse(*at));
        let end_us = begin_us + trial.run.0 * 1_000;
        let settled_us = end_us + trial.settle.0 * 1_000;
        Ok(Self { run, pending, end_us, settled_us, settling: false })
    }

    /// Goes on while `go_on` says so. True once the trial is over.
    pub fn advance(&mut self, mut go_on: impl FnMut() -> bool) -> bool {
        loop {
            let next = self.pending.last().map(|(at, _)| *at).unwrap_or(i64::MAX);
            let phase_end = if self.settling { self.settled_us } else { self.end_us };
            let until = next.min(phase_end);
            while self.run.cluster().next_event_us().is_some_and(|at| at <= until) {
                if !go_on() {
                    self.run.observe();
                    return false;
                }
                if !self.run.workspace.cluster.step() {
                    break;
                }
            }
            self.run.workspace.cluster.run_until_us(until);
            if next <= phase_end {
                if let Some((_, action)) = self.pending.pop() {
                    // What a trial does is the level's own; a target that is not there any more
                    // (an app scaled to none) leaves nothing to do.
                    let _outcome = self.run.workspace.begin(&action);
                }
            } else if self.settling {
                self.run.observe();
                return true;
            } else {
                self.settling = true;
                self.run.workspace.heal_all();
                self.stop_producers();
            }
        }
    }

    /// What producers have not sent yet is flushed, and nothing new is made.
    fn stop_producers(&mut self) {
        let cluster = &mut self.run.workspace.cluster;
        let producing = |app: &&logbrook_cluster::AppState| app.spec.role == AppRole::Producer;
        let names: Vec<String> =
            cluster.apps().values().filter(producing).map(|a| a.spec.name.clone()).collect();
        for app in names {
            // The name comes from the cluster itself, so there is such an app.
            let _stopped = cluster.stop_app(&logbrook_cluster::Target { app, number: None });
        }
    }

    /// Why it could not come to its end: the limit of steps.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.run.cluster().error().map(ToString::to_string)
    }

    /// What each assertion of the level says at the end.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.run.verdicts(true)
    }

    /// The run, for its history.
    #[must_use]
    pub fn into_run(self) -> Run {
        self.run
    }
}

/// Which of the level's assertions a trial judges: those without a trial and those that name it.
#[must_use]
pub fn judges(level: &Level, assert: &crate::level::Assert, trial: Option<&str>) -> bool {
    match (&assert.trial, trial) {
        (Some(named), Some(trial)) => named == trial,
        (Some(_), None) => false,
        (None, Some(_)) => !assert.check.is_about_answers(),
        (None, None) => level.trials.is_empty() || assert.check.is_about_answers(),
    }
}
