//! The applications that run on a cluster: instances, deploys, scaling, stops and starts.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use logbrook_app::{AppSpec, Generator, Instance, PoisonKind, Rate, Role, SettingError};
use logbrook_client::process::{Input, Process, Signal};

use crate::cluster::Cluster;
use crate::connection::advertised_port;
use crate::process_table::ProcessId;
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

/// An application that was added to a cluster.
#[derive(Clone, Debug)]
pub struct AppState {
    /// As it is deployed now. An instance that waits for its turn in a rolling restart still runs as
    /// before.
    pub spec: AppSpec,
    instances: BTreeMap<u32, InstanceState>,
    rollout: Option<Rollout>,
}

impl AppState {
    /// Its instances by number, from 1; one that was scaled away stays here, not wanted.
    pub fn instances(&self) -> &BTreeMap<u32, InstanceState> {
        &self.instances
    }

    /// Whether a rolling restart is on its way.
    pub fn is_rolling(&self) -> bool {
        self.rollout.is_some()
    }

    /// The processes of its running instances.
    pub fn processes(&self) -> impl Iterator<Item = ProcessId> {
        self.instances.values().filter_map(|instance| instance.process)
    }
}

/// One instance of an application.
#[derive(Clone, Debug, Default)]
pub struct InstanceState {
    /// Whether the operator wants it to run.
    pub wanted: bool,
    /// Its process, while it runs.
    pub process: Option<ProcessId>,
    /// How often it was started.
    pub starts: u32,
    /// Its source's cursor, left by the last process on its disk.
    generator: Option<Generator>,
}

/// A rolling restart: one instance ends and starts again before the next one has its turn.
#[derive(Clone, Debug)]
struct Rollout {
    waiting: VecDeque<u32>,
    current: Option<u32>,
}

/// An application, or one of its instances, as verbs name it: `worker`, `worker/2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The application.
    pub app: String,
    /// One instance, or all.
    pub number: Option<u32>,
}

impl Target {
    /// Reads `worker` or `worker/2`.
    pub fn read(text: &str) -> Result<Self, String> {
        let (app, number) = match text.split_once('/') {
            None => (text, None),
            Some((app, number)) => match number.parse() {
                Ok(number) if number > 0 => (app, Some(number)),
                Ok(_) | Err(_) => {
                    return Err(format!("found `{text}`, expected APP or APP/NUMBER from 1"));
                }
            },
        };
        if app.is_empty() {
            return Err(format!("found `{text}`, expected APP or APP/NUMBER from 1"));
        }
        Ok(Self { app: app.to_owned(), number })
    }
}

/// Why a verb did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppVerbError {
    /// No application has this name.
    UnknownApp {
        /// The name that was found.
        found: String,
        /// The applications that there are.
        apps: Vec<String>,
    },
    /// The application has no instance of this number.
    UnknownInstance {
        /// The application.
        app: String,
        /// The number that was found.
        found: u32,
        /// The numbers that there are.
        numbers: Vec<u32>,
    },
    /// An application of this name is there already.
    Exists {
        /// The name.
        app: String,
    },
    /// A setting cannot be.
    Setting(SettingError),
}

impl fmt::Display for AppVerbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownApp { found, apps } if apps.is_empty() => {
                write!(f, "no app `{found}`: there are none")
            }
            Self::UnknownApp { found, apps } => {
                write!(f, "no app `{found}`, expected one of {}", apps.join(", "))
            }
            Self::UnknownInstance { app, found, numbers } => {
                let numbers: Vec<_> =
                    numbers.iter().map(|number| format!("{app}/{number}")).collect();
                write!(f, "no instance `{app}/{found}`, expected one of {}", numbers.join(", "))
            }
            Self::Exists { app } => write!(f, "an app `{app}` is there already"),
            Self::Setting(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AppVerbError {}

impl From<SettingError> for AppVerbError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}

impl Cluster {
    /// Adds an application and starts its instances.
    pub fn add_app(&mut self, spec: AppSpec) -> Result<(), AppVerbError> {
        spec.validate()?;
        if self.apps.contains_key(&spec.name) {
            return Err(AppVerbError::Exists { app: spec.name });
        }
        let name = spec.name.clone();
        let instances =
            (1..=spec.instances).map(|number| (number, InstanceState::default())).collect();
        self.apps.insert(name.clone(), AppState { spec, instances, rollout: None });
        self.start_app(&Target { app: name, number: None })
    }

    /// An application by its name.
    pub fn app(&self, name: &str) -> Option<&AppState> {
        self.apps.get(name)
    }

    /// All applications by name.
    pub fn apps(&self) -> &BTreeMap<String, AppState> {
        &self.apps
    }

    /// Changes settings of an application and restarts its instances one after another. Settings that
    /// cannot be change nothing.
    pub fn deploy(&mut self, app: &str, settings: &[(&str, &str)]) -> Result<(), AppVerbError> {
        let spec = self.app_or_error(app)?.spec.with_all(settings.iter().copied())?;
        let numbers = self.wanted_numbers(app);
        if let Some(state) = self.apps.get_mut(app) {
            state.spec = spec;
        }
        self.begin_rollout(app, numbers);
        Ok(())
    }

    /// Restarts an application's instances one after another, or one instance: SIGTERM, then a new
    /// process.
    pub fn restart_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        let numbers = self.numbers(target)?;
        if let Some(state) = self.apps.get_mut(&target.app) {
            for number in &numbers {
                state.instances.entry(*number).or_default().wanted = true;
            }
        }
        self.begin_rollout(&target.app, numbers);
        Ok(())
    }

    /// Changes the number of instances: the ones with the highest numbers end in order, new ones
    /// start at once.
    pub fn scale(&mut self, app: &str, instances: u32) -> Result<(), AppVerbError> {
        let state = self.app_or_error(app)?;
        if state.spec.role == Role::Producer {
            // Each instance makes every n-th event of one common stream, fixed at its start.
            let setting = "@scale of a producer".to_owned();
            return Err(SettingError::NotSupported { app: app.to_owned(), setting }.into());
        }
        let extra: Vec<_> =
            state.instances.keys().copied().filter(|number| *number > instances).collect();
        if let Some(state) = self.apps.get_mut(app) {
            state.spec.instances = instances;
        }
        for number in extra {
            self.stop_instance(app, number, Signal::Term);
        }
        for number in 1..=instances {
            self.start_instance(app, number, self.operator_cause);
        }
        Ok(())
    }

    /// Ends an application, or one instance, in order (SIGTERM). It stays down until it is started.
    pub fn stop_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        self.end_app(target, Signal::Term)
    }

    /// Kills an application, or one instance (SIGKILL). It stays down until it is started.
    pub fn kill_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        self.end_app(target, Signal::Kill)
    }

    /// Starts what of an application does not run.
    pub fn start_app(&mut self, target: &Target) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            self.start_instance(&target.app, number, self.operator_cause);
        }
        Ok(())
    }

    /// Stops an application's processes for a while, as a long garbage collection does.
    pub fn pause_app(&mut self, target: &Target, duration_us: i64) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            if let Some(process) = self.process_of(&target.app, number) {
                self.pause(process, duration_us);
            }
        }
        Ok(())
    }

    /// Sends more events for a while, on top of a producer's rate; they count towards its `count`.
    pub fn burst(&mut self, app: &str, rate: Rate, duration_us: u64) -> Result<(), AppVerbError> {
        self.producer_or_error(app, "@burst")?;
        let line = format!("burst {} {} {}", rate.events, rate.per_us, duration_us);
        self.tell_app(app, line);
        Ok(())
    }

    /// A producer's next event (of an entity) is bad.
    pub fn poison(
        &mut self,
        app: &str,
        kind: PoisonKind,
        entity: Option<&str>,
    ) -> Result<(), AppVerbError> {
        self.producer_or_error(app, "@poison")?;
        match kind {
            PoisonKind::Malformed => {}
            PoisonKind::Invalid | PoisonKind::Slow { .. } | PoisonKind::Fatal => {
                let setting = format!("poison kind {kind:?}");
                return Err(SettingError::NotSupported { app: app.to_owned(), setting }.into());
            }
        }
        let line = match entity {
            Some(entity) => format!("poison malformed {entity}"),
            None => "poison malformed".to_owned(),
        };
        self.tell_app(app, line);
        Ok(())
    }

    // ---- inside ----

    fn app_or_error(&self, app: &str) -> Result<&AppState, AppVerbError> {
        self.apps.get(app).ok_or_else(|| AppVerbError::UnknownApp {
            found: app.to_owned(),
            apps: self.apps.keys().cloned().collect(),
        })
    }

    fn producer_or_error(&self, app: &str, verb: &str) -> Result<(), AppVerbError> {
        match self.app_or_error(app)?.spec.role {
            Role::Producer => Ok(()),
            Role::Consumer | Role::Processor | Role::Relay => {
                let setting = format!("{verb} of an app that is not a producer");
                Err(SettingError::NotSupported { app: app.to_owned(), setting }.into())
            }
        }
    }

    /// The instances that a target means.
    fn numbers(&self, target: &Target) -> Result<Vec<u32>, AppVerbError> {
        let state = self.app_or_error(&target.app)?;
        let numbers: Vec<_> = (1..=state.spec.instances).collect();
        match target.number {
            None => Ok(numbers),
            Some(number) if numbers.contains(&number) => Ok(vec![number]),
            Some(found) => {
                Err(AppVerbError::UnknownInstance { app: target.app.clone(), found, numbers })
            }
        }
    }

    fn wanted_numbers(&self, app: &str) -> Vec<u32> {
        let Some(state) = self.apps.get(app) else { return Vec::new() };
        state
            .instances
            .iter()
            .filter(|(_, instance)| instance.wanted)
            .map(|(number, _)| *number)
            .collect()
    }

    fn process_of(&self, app: &str, number: u32) -> Option<ProcessId> {
        self.apps.get(app)?.instances.get(&number)?.process
    }

    /// A line for the control console of every instance: not something that a user sees.
    fn tell_app(&mut self, app: &str, line: String) {
        let processes: Vec<_> =
            self.apps.get(app).map(|state| state.processes().collect()).unwrap_or_default();
        let (now_us, cause) = (self.now_us(), self.operator_cause);
        for process in processes {
            self.queue
                .push(now_us, Item::Input { process, input: Input::Stdin(line.clone()), cause });
        }
    }

    fn end_app(&mut self, target: &Target, signal: Signal) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            self.stop_instance(&target.app, number, signal);
        }
        Ok(())
    }

    fn stop_instance(&mut self, app: &str, number: u32, signal: Signal) {
        let Some(state) = self.apps.get_mut(app) else { return };
        if let Some(rollout) = &mut state.rollout {
            rollout.waiting.retain(|waiting| *waiting != number);
        }
        let Some(instance) = state.instances.get_mut(&number) else { return };
        instance.wanted = false;
        if let Some(process) = instance.process {
            self.end_in_order(process, signal, self.operator_cause);
        }
    }

    /// Sends a signal, and SIGKILL when an orderly end takes too long.
    fn end_in_order(&mut self, process: ProcessId, signal: Signal, cause: Option<EventId>) {
        self.signal_because(process, signal, cause);
        if self.running(process).is_some() {
            let grace_us =
                i64::try_from(self.config().app_grace_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
            let (over_us, trace_end) =
                (self.now_us().saturating_add(grace_us), self.trace().len() as u64);
            // The signal was the last thing that happened.
            let cause = EventId(trace_end.saturating_sub(1));
            self.queue.push(over_us, Item::GraceOver { process, cause });
        }
    }

    fn start_instance(&mut self, app: &str, number: u32, cause: Option<EventId>) {
        let seed = self.config().seed;
        let t0_ms = self.config().epoch_ms;
        let bootstrap: Vec<_> =
            self.broker_ids().map(|node| format!("localhost:{}", advertised_port(node))).collect();
        let Some(state) = self.apps.get_mut(app) else { return };
        let instance = state.instances.entry(number).or_default();
        instance.wanted = true;
        if instance.process.is_some() {
            // It runs, or ends in order: in the latter case it starts again when it has ended.
            return;
        }
        instance.starts += 1;
        let made = logbrook_app::app(
            &state.spec,
            Instance {
                number,
                instances: state.spec.instances,
                starts: instance.starts,
                seed,
                t0_ms,
                bootstrap_servers: bootstrap.join(","),
                generator: instance.generator.clone(),
            },
        );
        let name = format!("{app}/{number}");
        match made {
            Ok(program) => {
                let process = self.spawn_because(&name, "/127.0.0.1", program, cause);
                if let Some(instance) =
                    self.apps.get_mut(app).and_then(|state| state.instances.get_mut(&number))
                {
                    instance.process = Some(process);
                }
            }
            Err(error) => {
                self.record(
                    Actor::Operator,
                    TraceKind::Note { text: format!("{name} did not start: {error}") },
                    cause,
                );
            }
        }
    }

    /// A process has ended; if it was an instance, its disk stays and it may have to start again.
    pub(crate) fn app_process_ended(
        &mut self,
        process: ProcessId,
        program: Option<Box<dyn Process>>,
        cause: EventId,
    ) {
        let found = self.apps.iter_mut().find_map(|(app, state)| {
            let (number, instance) = state
                .instances
                .iter_mut()
                .find(|(_, instance)| instance.process == Some(process))?;
            Some((app.clone(), *number, instance, &state.rollout))
        });
        let Some((app, number, instance, rollout)) = found else { return };
        instance.process = None;
        if let Some(generator) = program.as_deref().and_then(logbrook_app::cursor_of) {
            instance.generator = Some(generator.clone());
        }
        let in_turn = rollout.as_ref().is_some_and(|rollout| rollout.current == Some(number));
        if in_turn {
            let start_us = self.after_ms(self.config().app_restart_ms);
            self.queue.push(start_us, Item::AppStart { app, number, cause });
        }
    }

    pub(crate) fn app_start_due(&mut self, app: &str, number: u32, cause: EventId) {
        let wanted = self
            .apps
            .get(app)
            .and_then(|state| state.instances.get(&number))
            .is_some_and(|instance| instance.wanted);
        if wanted {
            self.start_instance(app, number, Some(cause));
        }
        let next_us = self.after_ms(self.config().app_restart_ms);
        self.queue.push(next_us, Item::RolloutNext { app: app.to_owned(), cause });
    }

    fn after_ms(&self, ms: u64) -> i64 {
        self.now_us().saturating_add(i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX))
    }

    fn begin_rollout(&mut self, app: &str, numbers: Vec<u32>) {
        let cause = self.operator_cause;
        let event = self.record(
            Actor::Operator,
            TraceKind::Note { text: format!("rolling restart of {app}") },
            cause,
        );
        let Some(state) = self.apps.get_mut(app) else { return };
        match &mut state.rollout {
            // One is on its way: it goes on with the new settings, from the first instance again.
            Some(rollout) => {
                rollout.waiting = numbers.into();
                return;
            }
            None => state.rollout = Some(Rollout { waiting: numbers.into(), current: None }),
        }
        self.rollout_next(app, event);
    }

    pub(crate) fn rollout_next(&mut self, app: &str, cause: EventId) {
        let Some(state) = self.apps.get_mut(app) else { return };
        let Some(rollout) = &mut state.rollout else { return };
        rollout.current = rollout.waiting.pop_front();
        let Some(number) = rollout.current else {
            state.rollout = None;
            let text = format!("rolling restart of {app} is done");
            self.record(Actor::Operator, TraceKind::Note { text }, Some(cause));
            return;
        };
        match self.process_of(app, number) {
            Some(process) => self.end_in_order(process, Signal::Term, Some(cause)),
            None => self.app_start_due(app, number, cause),
        }
    }
}
