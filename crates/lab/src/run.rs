//! One run of a level: the cluster, what has been done to it, and what every assertion says so far.

pub(crate) mod observed;

use logbrook_sorted::SortedMap;
use std::fmt;
use std::sync::Arc;

use logbrook_cluster::{Actor, Cluster, ClusterConfig, ProcessId, STARTED, TraceKind};
use logbrook_shell::action::{Action, ActionError, Entry};
use logbrook_shell::workspace::{Outcome, Running, Workspace};

use crate::facts::Facts;
use crate::level::{Block, Level, Reveal};
use crate::permission::{self, Refused};
use crate::verdict::Verdict;
use crate::watch::{Moment, Stamp, Watched};
use crate::world;

/// Topics, loads and apps of a level are made in negative time, through real requests.
const PAST_US: i64 = -60_000_000;

/// So long brokers may take to be there, in µs.
const READY_US: i64 = 30_000_000;

/// The value of a question that was skipped. It counts as answered: nobody is to be stuck because
/// they did not want to guess.
pub const SKIPPED: &str = "skip";

/// A run of a level.
#[derive(Clone)]
pub struct Run {
    level: Arc<Level>,
    /// The cluster with its terminals and files.
    pub workspace: Workspace,
    predictions: Predictions,
    blocks: Vec<LabelledBlock>,
    watched: Vec<Watched>,
    facts: Facts,
    /// How many events of the trace the watches have seen.
    seen: usize,
    history: Vec<Line>,
    /// Of the level's `[[event]]`s those that are still to come, the soonest last.
    timeline: Vec<(i64, Action)>,
}

/// A line that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, in microseconds of virtual time.
    pub at_us: i64,
    /// What.
    pub action: Action,
}

/// Answers to a level's questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Predictions {
    answers: SortedMap<String, String>,
    revealed: SortedMap<String, String>,
}

impl Predictions {
    /// What was answered, before the reveal.
    #[must_use]
    pub fn answer(&self, id: &str) -> Option<&str> {
        self.answers.get(id).map(String::as_str)
    }

    /// What the run says, once revealed.
    #[must_use]
    pub fn revealed(&self, id: &str) -> Option<&str> {
        self.revealed.get(id).map(String::as_str)
    }
}

/// A `run` block of the prose and the process that ran it.
#[derive(Clone, Debug)]
struct LabelledBlock {
    label: String,
    command: String,
    process: Option<ProcessId>,
    done: bool,
}

/// Why an action was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The line does not read, or does not apply to this cluster.
    Action(ActionError),
    /// The level does not allow it.
    Refused(Refused),
    /// The question does not exist, is answered already, or the value is none of its options.
    Prediction(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(e) => e.fmt(f),
            Self::Refused(e) => e.fmt(f),
            Self::Prediction(e) => f.write_str(e),
        }
    }
}

impl std::error::Error for RunError {}

impl From<ActionError> for RunError {
    fn from(e: ActionError) -> Self {
        Self::Action(e)
    }
}

/// What a run begins with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) seed: u64,
    /// Topics with their settings: the level's, or a design's.
    pub(crate) topics: Vec<crate::level::TopicDef>,
    /// Applications as they are to run; an instance count of 0 is one that was stopped.
    pub(crate) apps: Vec<logbrook_app::AppSpec>,
}

impl Run {
    /// The level at t = 0, under its own seed.
    ///
    /// # Errors
    /// A world that cannot be made: a topic that Kafka refuses, a setup line that does not apply.
    pub fn start(level: Arc<Level>) -> Result<Self, String> {
        let apps = level.apps.iter().map(world::app_spec).collect::<Result<Vec<_>, _>>()?;
        let start = Start { seed: level.cluster.seed, topics: level.topics.clone(), apps };
        Self::begin_again(&level, start)
    }

    /// The level's start: its world, its past, and what is to happen from now on.
    pub(crate) fn begin_again(level: &Arc<Level>, start: Start) -> Result<Self, String> {
        let seed = start.seed;
        let mut run = Self::begin_with(Arc::clone(level), start)?;
        if let Some(setup) = &level.setup {
            for entry in crate::answer::parse(setup).map_err(|e| format!("setup.session: {e}"))? {
                let outcome =
                    run.workspace.run(&entry.action).map_err(|e| format!("setup.session: {e}"))?;
                let failed = outcome.output.filter(|output| output.exit.is_some_and(|e| e != 0));
                if let Some(output) = failed {
                    let said = [output.stdout.trim(), output.stderr.trim()].join(" ");
                    let line = entry.line;
                    return Err(format!("setup.session, line {line}: the command fails: {said}"));
                }
            }
        }
        let begin_us = run.cluster().now_us();
        let mut draws = crate::seed::Draws::new(seed);
        for event in &level.events {
            let at_ms = draws.between(event.at.from_ms, event.at.to_ms);
            let action = Action::parse_verb(&event.action).map_err(|e| e.to_string())?;
            run.timeline.push((begin_us + at_ms * 1_000, action));
        }
        logbrook_sorted::sort_by_key(&mut run.timeline, |(at, _)| std::cmp::Reverse(*at));
        run.become_present();
        Ok(run)
    }

    /// A run with other topics and apps than the level's own, at t = 0.
    pub(crate) fn begin_with(level: Arc<Level>, start: Start) -> Result<Self, String> {
        let mut config = ClusterConfig {
            brokers: i32::try_from(level.cluster.brokers).unwrap_or(1),
            start_us: if level.cluster.cold { 0 } else { PAST_US },
            seed: start.seed,
            max_steps: level.cluster.most_steps,
            ..ClusterConfig::default()
        };
        config.broker_properties = level.cluster.config.clone();
        config.racks.clone_from(&level.cluster.racks);
        if let Some(network) = &level.cluster.network {
            let (least, most) = network.latency_ms;
            config.latency_us = (u64::from(least) * 1_000, u64::from(most) * 1_000);
            config.loss_ppm = (network.loss * 1e6) as u32;
        }
        if let Some(epoch) = level.cluster.epoch {
            config.epoch_ms = epoch;
        }
        let mut cluster = Cluster::new(config);
        for store in &level.stores {
            cluster.add_store(world::store_spec(store));
        }
        // The brokers of a cluster register with the controller before anyone can talk to them.
        if !level.cluster.cold {
            cluster.run_until_us_while(PAST_US + READY_US, |cluster| {
                !cluster.broker_ids().all(|id| cluster.is_broker_running(id))
            });
        }
        let mut workspace = Workspace::new(cluster);
        for (name, text) in &level.files {
            workspace.put_file(name, text);
        }
        for topic in &start.topics {
            create(&mut workspace, topic)?;
        }
        workspace.cluster.run_until_us(0);
        for app in start.apps {
            let name = app.name.clone();
            workspace.cluster.add_app(app).map_err(|e| format!("app {name}: {e}"))?;
        }
        let blocks = blocks(&level);
        let watched = Vec::new();
        let (predictions, history) = (Predictions::default(), Vec::new());
        let timeline = Vec::new();
        let mut run = Self {
            level,
            workspace,
            predictions,
            blocks,
            watched,
            facts: Facts::default(),
            seen: 0,
            history,
            timeline,
        };
        run.become_present();
        Ok(run)
    }

    /// From here on history counts: what came before is the past that the level began with.
    fn become_present(&mut self) {
        self.watched = self.level.asserts.iter().map(|a| Watched::new(a, &self.level)).collect();
        self.seen = 0;
        self.facts = Facts { start_us: self.cluster().now_us(), ..Facts::default() };
        self.observe();
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> &Arc<Level> {
        &self.level
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.workspace.cluster
    }

    /// What was answered and revealed.
    #[must_use]
    pub fn predictions(&self) -> &Predictions {
        &self.predictions
    }

    /// The lines that were run, in order.
    #[must_use]
    pub fn history(&self) -> &[Line] {
        &self.history
    }

    /// Begins an action. An action that takes no virtual time is over when this returns; any other
    /// goes on as the cluster steps.
    ///
    /// # Errors
    /// An action that the level does not allow or that does not apply; nothing has been done then.
    pub fn begin(&mut self, action: &Action) -> Result<Running, RunError> {
        permission::check(&self.level, action).map_err(RunError::Refused)?;
        self.begin_own(action)
    }

    /// The same for what is not the learner's doing: the level allows it all.
    pub(crate) fn begin_own(&mut self, action: &Action) -> Result<Running, RunError> {
        if let Action::Predict { id, value } = action {
            self.predict(id, value)?;
        }
        self.finish_moment();
        let running = self.workspace.begin(action)?;
        self.history.push(Line { at_us: self.cluster().now_us(), action: action.clone() });
        if let Action::Run { command, .. } | Action::Background { command, .. } = action {
            self.began_command(command, running.process());
        }
        Ok(running)
    }

    /// A line comes after all that is due at its moment: so the time alone says where it stood, and a
    /// history that is run again is the same run.
    fn finish_moment(&mut self) {
        self.pass_until_us(self.cluster().now_us());
    }

    /// Begins a command whose standard input stays open, in the terminal `terminal`. The history has
    /// it as `$ COMMAND` with the lines that [`Run::feed`] brings. Also returns its place in the
    /// history.
    ///
    /// # Errors
    /// As [`Run::begin`].
    pub fn begin_live(
        &mut self,
        terminal: &str,
        command: &str,
    ) -> Result<(Running, usize), RunError> {
        let action = Action::Run { command: command.to_owned(), stdin: Vec::new() };
        permission::check(&self.level, &action).map_err(RunError::Refused)?;
        self.finish_moment();
        let running = self.workspace.begin_live(terminal, command)?;
        self.history.push(Line { at_us: self.cluster().now_us(), action });
        self.began_command(command, running.process());
        Ok((running, self.history.len() - 1))
    }

    /// One more line of standard input for a command begun by [`Run::begin_live`].
    pub fn feed(&mut self, line: usize, process: ProcessId, text: &str) {
        self.workspace.cluster.stdin(process, text);
        if let Some(Line { action: Action::Run { stdin, .. }, .. }) = self.history.get_mut(line) {
            stdin.push(text.to_owned());
        }
    }

    /// Ctrl-C in the terminal of a command begun by [`Run::begin_live`]. A history that is run again
    /// has to end it at the same time, so it is kept as a command in a terminal of its own.
    pub fn interrupt(&mut self, line: usize, terminal: &str, process: ProcessId) {
        let at_us = self.cluster().now_us();
        self.workspace.cluster.signal(process, logbrook_client::process::Signal::Int);
        if let Some(entry) = self.history.get_mut(line)
            && let Action::Run { command, stdin } = &entry.action
        {
            let (command, stdin) = (command.clone(), stdin.clone());
            entry.action = Action::Background { name: terminal.to_owned(), command, stdin };
            if let Ok(action) = Action::parse(&format!("@stop {terminal}")) {
                self.history.push(Line { at_us, action });
            }
        }
    }

    /// Runs an action to its end in virtual time.
    ///
    /// # Errors
    /// As [`Run::begin`].
    pub fn run(&mut self, action: &Action) -> Result<Outcome, RunError> {
        let mut running = self.begin(action)?;
        loop {
            if let Some(outcome) = self.workspace.poll(&mut running) {
                self.ended();
                return Ok(outcome);
            }
            if !self.step(&running) {
                let message = ActionError {
                    line: 1,
                    found: action.to_string(),
                    expected: match self.cluster().error() {
                        Some(error) => format!("an action that comes to an end: {error}"),
                        None => "an action that comes to an end".to_owned(),
                    },
                };
                return Err(RunError::Action(message));
            }
        }
    }

    /// One step for the sake of an action: an event of the cluster or of the level's timeline, or
    /// the time that it waits for. False when nothing can happen any more.
    pub(crate) fn step(&mut self, running: &Running) -> bool {
        let before = self.workspace.cluster.next_event_us();
        let until = running.deadline_us().into_iter().chain(before).min();
        let Some(until) = until else { return false };
        self.let_happen(until) || self.workspace.step(running)
    }

    /// Lets time pass by one event. False when there is none.
    pub fn step_once(&mut self) -> bool {
        let next = self.workspace.cluster.next_event_us();
        next.is_some_and(|at| self.let_happen(at)) || self.workspace.cluster.step()
    }

    /// Lets time pass to a time in µs.
    pub fn pass_until_us(&mut self, time_us: i64) {
        while self.let_happen(time_us) {}
        self.workspace.cluster.run_until_us(time_us);
    }

    /// Carries out the next event of the level's timeline if it is due by then.
    fn let_happen(&mut self, by_us: i64) -> bool {
        let Some((at, action)) = self.timeline.pop_if(|(at, _)| *at <= by_us) else {
            return false;
        };
        self.workspace.cluster.run_until_us(at);
        // It is the level's own doing. A target that is not there any more (an app that was scaled
        // to none) leaves nothing to do.
        let _outcome = self.workspace.begin(&action);
        true
    }

    /// A copy that goes on from here under a trial's eyes: what was wrong before is not held
    /// against it, and what the level's timeline had in store does not happen in it.
    pub(crate) fn fork(&self) -> Self {
        let mut run = self.clone();
        run.observe();
        run.timeline.clear();
        let now_us = run.cluster().now_us();
        run.facts.start_us = now_us;
        run.watched.iter_mut().for_each(|w| w.forked(now_us));
        run
    }

    /// What going back in time keeps of a run: all but what the watches have seen, which the trace tells
    /// again ([`Run::see_again`]).
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            level: Arc::clone(&self.level),
            workspace: self.workspace.clone(),
            predictions: self.predictions.clone(),
            blocks: self.blocks.clone(),
            watched: Vec::new(),
            facts: Facts::default(),
            seen: self.cluster().trace().len(),
            history: self.history.clone(),
            timeline: self.timeline.clone(),
        }
    }

    /// The watches see everything that has happened in a [`Run::bare`] run. `beginning` is the run from
    /// which its history counts.
    pub fn see_again(&mut self, beginning: &Run) {
        self.watched.clone_from(&beginning.watched);
        self.facts = beginning.facts.clone();
        self.seen = beginning.seen;
        self.observe();
    }

    /// Makes the next clone cheap. Nothing else changes.
    pub fn seal(&mut self) {
        logbrook_cluster::Forward::seal(&mut self.workspace.cluster);
    }

    /// Runs the lines of an answer.
    ///
    /// # Errors
    /// The first line that does not apply, with its number. The lines before it have been run.
    pub fn run_all(&mut self, entries: &[Entry]) -> Result<(), (usize, RunError)> {
        for entry in entries {
            self.run(&entry.action).map_err(|e| (entry.line, e))?;
        }
        Ok(())
    }

    /// To be called when a command has ended: reveals what its block was to show.
    pub fn ended(&mut self) {
        self.observe();
        let cluster = &self.workspace.cluster;
        for block in self.blocks.iter_mut().filter(|b| !b.done) {
            let exit = block.process.and_then(|p| cluster.process(p)).map(|p| p.exit.is_some());
            block.done = exit == Some(true);
        }
        let level = Arc::clone(&self.level);
        for prediction in &level.predictions {
            let due = match &prediction.reveal {
                Reveal::After(label) => self.blocks.iter().any(|b| b.label == *label && b.done),
                Reveal::Check => false,
            };
            if due && !self.predictions.revealed.contains_key(&prediction.id) {
                let value = prediction.in_its_words(self.observable(&prediction.answer));
                self.predictions.revealed.insert(prediction.id.clone(), value);
            }
        }
    }

    /// Reveals what is shown only when the answer is checked.
    pub fn checked(&mut self) {
        let level = Arc::clone(&self.level);
        for prediction in level.predictions.iter().filter(|p| p.reveal == Reveal::Check) {
            let value = prediction.in_its_words(self.observable(&prediction.answer));
            self.predictions.revealed.entry(prediction.id.clone()).or_insert(value);
        }
    }

    fn predict(&mut self, id: &str, value: &str) -> Result<(), RunError> {
        let fail = |message: String| Err(RunError::Prediction(message));
        let Some(prediction) = self.level.predictions.iter().find(|p| p.id == id) else {
            let known: Vec<_> = self.level.predictions.iter().map(|p| p.id.as_str()).collect();
            return fail(format!("@predict: found `{id}`, expected one of {}", known.join(", ")));
        };
        if self.predictions.revealed.contains_key(id) {
            return fail(format!("@predict {id}: the run has shown the answer already"));
        }
        if self.predictions.answers.contains_key(id) {
            return fail(format!("@predict {id}: answered already"));
        }
        let is_choice = value == SKIPPED || prediction.options.iter().any(|o| o == value);
        if prediction.options.is_empty() && value != SKIPPED && value.parse::<i64>().is_err() {
            return fail(format!("@predict {id}: found `{value}`, expected a whole number"));
        }
        if !prediction.options.is_empty() && !is_choice {
            let options = prediction.options.join(", ");
            return fail(format!("@predict {id}: found `{value}`, expected one of {options}"));
        }
        self.predictions.answers.insert(id.to_owned(), value.to_owned());
        Ok(())
    }

    /// The n-th time a command is run is the n-th block that holds it, whether a button wrote the
    /// line or a person.
    fn began_command(&mut self, command: &str, process: Option<ProcessId>) {
        let same = |b: &&mut LabelledBlock| b.process.is_none() && same_words(&b.command, command);
        if let Some(block) = self.blocks.iter_mut().find(same) {
            block.process = process;
        }
    }

    /// Names a process as a run block's label would: observables know it by that.
    pub(crate) fn label(&mut self, label: &str, process: Option<ProcessId>) {
        let (label, command) = (label.to_owned(), String::new());
        self.blocks.retain(|block| block.label != label);
        self.blocks.push(LabelledBlock { label, command, process, done: false });
    }

    /// Lets the watches see what has happened since the last call. Call it often: a long run then
    /// costs a little at a time.
    pub fn observe(&mut self) {
        let Self { workspace, watched, facts, seen, .. } = self;
        let trace = workspace.cluster.trace();
        for event in trace.iter_from(*seen) {
            let at = Stamp { event: event.id, time_us: event.time_us };
            match (&event.kind, &event.actor) {
                (TraceKind::App(app), Actor::Process(process)) => {
                    let name = workspace.cluster.process(*process).map_or("", |p| p.name.as_str());
                    facts.observe(at, name, app);
                    watched.iter_mut().for_each(|w| w.app(at, name, app));
                }
                (TraceKind::Exit { .. }, Actor::Process(process)) => {
                    let name = workspace.cluster.process(*process).map_or("", |p| p.name.as_str());
                    watched.iter_mut().for_each(|w| w.ended(at, name));
                }
                (TraceKind::Action { line }, _operator) => {
                    watched.iter_mut().for_each(|w| w.action(at, line));
                }
                (TraceKind::Fault { what }, Actor::Broker(node)) if what == STARTED => {
                    watched.iter_mut().for_each(|w| w.node_started(at, *node));
                }
                (TraceKind::Broker(kind), _broker) => {
                    watched.iter_mut().for_each(|w| w.broker(at, kind))
                }
                _nothing_to_grade => {}
            }
        }
        *seen = trace.len();
    }

    /// What each assertion says, in the level's order. `over`: the run is at its end, so what does
    /// not hold now fails. Call [`Run::observe`] before.
    #[must_use]
    pub fn verdicts(&self, over: bool) -> Vec<Verdict> {
        let moment = Moment {
            level: &self.level,
            cluster: &self.workspace.cluster,
            predictions: &self.predictions,
            facts: &self.facts,
            over,
        };
        let now_us = self.workspace.cluster.now_us();
        self.watched.iter().map(|w| w.verdict(&moment, now_us)).collect()
    }

    /// How a run block stands: not run, running, done.
    #[must_use]
    pub fn block_state(&self, label: &str) -> Option<(bool, bool)> {
        let block = self.blocks.iter().find(|b| b.label == label)?;
        Some((block.process.is_some(), block.done))
    }
}

fn blocks(level: &Level) -> Vec<LabelledBlock> {
    let commands = |block: &Block| match block {
        Block::Run { label: Some(label), body } => {
            let first = body.lines().find_map(|l| l.strip_prefix("$ ")).unwrap_or_default();
            Some(LabelledBlock {
                label: label.clone(),
                command: first.to_owned(),
                process: None,
                done: false,
            })
        }
        Block::Run { label: None, .. }
        | Block::Html(_)
        | Block::Predict(_)
        | Block::Show { .. }
        | Block::Goal => None,
    };
    level.prose.iter().filter_map(commands).collect()
}

fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// Makes a topic as an operator would: with Kafka's tool, through real requests.
fn create(workspace: &mut Workspace, topic: &crate::level::TopicDef) -> Result<(), String> {
    let mut command = format!(
        "kafka-topics.sh --bootstrap-server localhost:9092 --create --topic {} --partitions {} --replication-factor {}",
        topic.name, topic.partitions, topic.replication
    );
    if !topic.assignment.is_empty() {
        let of = |replicas: &Vec<i32>| {
            let ids: Vec<_> = replicas.iter().map(i32::to_string).collect();
            ids.join(":")
        };
        let replicas: Vec<_> = topic.assignment.iter().map(of).collect();
        command = format!(
            "kafka-topics.sh --bootstrap-server localhost:9092 --create --topic {} --replica-assignment {}",
            topic.name,
            replicas.join(",")
        );
    }
    for (name, value) in &topic.config {
        command.push_str(&format!(" --config {name}={value}"));
    }
    let outcome = workspace
        .run(&Action::Run { command, stdin: Vec::new() })
        .map_err(|e| format!("topic {}: {e}", topic.name))?;
    match outcome.output {
        Some(output) if output.exit != Some(0) => {
            Err(format!("topic {}: {}", topic.name, output.stdout.trim()))
        }
        _made => Ok(()),
    }
}
