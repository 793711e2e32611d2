//! How an application's instances start, end, and take turns in a rolling restart.

use logbrook_app::{Instance, Role, SettingError};
use logbrook_client::process::{Input, Process, Signal};

use crate::apps::{AppState, AppVerbError, Rollout, Target};
use crate::cluster::Cluster;
use crate::connection::advertised_port;
use crate::process_table::ProcessId;
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

/// An instance that ran so long is not in a crash loop (Docker's restart policy: 10 s).
const RAN_WELL_US: i64 = 10_000_000;

/// How long the supervisor waits before it starts an instance again that has crashed so often in a row, in
/// ms: doubled each time, as Docker's restart policy and the kubelet do, from 1 s to a minute.
fn restart_ms(crashes: u32) -> u64 {
    1_000_u64.checked_shl(crashes.saturating_sub(1).min(16)).unwrap_or(u64::MAX).min(60_000)
}

impl Cluster {
    pub(crate) fn app_or_error(&self, app: &str) -> Result<&AppState, AppVerbError> {
        self.apps.get(app).ok_or_else(|| AppVerbError::UnknownApp {
            found: app.to_owned(),
            apps: self.apps.keys().cloned().collect(),
        })
    }

    pub(crate) fn producer_or_error(&self, app: &str, verb: &str) -> Result<(), AppVerbError> {
        match self.app_or_error(app)?.spec.role {
            Role::Producer => Ok(()),
            Role::Consumer | Role::Processor | Role::Relay => {
                let setting = format!("{verb} of an app that is not a producer");
                Err(SettingError::NotSupported { app: app.to_owned(), setting }.into())
            }
        }
    }

    /// The instances that a target means.
    pub(crate) fn numbers(&self, target: &Target) -> Result<Vec<u32>, AppVerbError> {
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

    pub(crate) fn wanted_numbers(&self, app: &str) -> Vec<u32> {
        let Some(state) = self.apps.get(app) else { return Vec::new() };
        state
            .instances
            .iter()
            .filter(|(_, instance)| instance.wanted)
            .map(|(number, _)| *number)
            .collect()
    }

    pub(crate) fn process_of(&self, app: &str, number: u32) -> Option<ProcessId> {
        self.apps.get(app)?.instances.get(&number)?.process
    }

    /// A line for the control console of every instance: not something that a user sees.
    pub(crate) fn tell_app(&mut self, app: &str, line: String) {
        let processes: Vec<_> =
            self.apps.get(app).map(|state| state.processes().collect()).unwrap_or_default();
        let (now_us, cause) = (self.now_us(), self.operator_cause);
        for process in processes {
            self.queue
                .push(now_us, Item::Input { process, input: Input::Stdin(line.clone()), cause });
        }
    }

    pub(crate) fn end_app(&mut self, target: &Target, signal: Signal) -> Result<(), AppVerbError> {
        for number in self.numbers(target)? {
            self.stop_instance(&target.app, number, signal);
        }
        Ok(())
    }

    pub(crate) fn stop_instance(&mut self, app: &str, number: u32, signal: Signal) {
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
    pub(crate) fn end_in_order(
        &mut self,
        process: ProcessId,
        signal: Signal,
        cause: Option<EventId>,
    ) {
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

    pub(crate) fn start_instance(&mut self, app: &str, number: u32, cause: Option<EventId>) {
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
                cursor: instance.cursor.clone(),
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
            Some((app.clone(), *number, instance))
        });
        let Some((app, number, instance)) = found else { return };
        instance.process = None;
        if let Some(cursor) = program.as_deref().and_then(logbrook_app::cursor_of) {
            instance.cursor = Some(cursor.clone());
        }
        let code = self.process(process).and_then(|state| state.exit);
        let started_us = self.process(process).map_or(0, |state| state.started_us);
        let ran_us = self.now_us().saturating_sub(started_us);
        let Some(state) = self.apps.get_mut(&app) else { return };
        let (rollout, Some(instance)) = (&state.rollout, state.instances.get_mut(&number)) else {
            return;
        };
        let in_turn = rollout.as_ref().is_some_and(|rollout| rollout.current == Some(number));
        if in_turn {
            let start_us = self.after_ms(self.config().app_restart_ms);
            self.queue.push(start_us, Item::AppStart { app, number, cause });
            return;
        }
        match code {
            // Its work is done.
            Some(0) => instance.wanted = false,
            Some(_) if instance.wanted => {
                instance.crashes += 1;
                instance.crashes_in_a_row =
                    if ran_us >= RAN_WELL_US { 1 } else { instance.crashes_in_a_row + 1 };
                let ms = restart_ms(instance.crashes_in_a_row);
                let start_us = self.after_ms(ms);
                self.queue.push(start_us, Item::AppRestart { app, number, cause });
            }
            Some(_) | None => {}
        }
    }

    /// The supervisor starts what has crashed, unless somebody else has, or does not want it any more.
    pub(crate) fn app_restart_due(&mut self, app: &str, number: u32, cause: EventId) {
        let state = self.apps.get(app).and_then(|state| state.instances.get(&number));
        if state.is_some_and(|instance| instance.wanted) {
            self.start_instance(app, number, Some(cause));
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

    pub(crate) fn after_ms(&self, ms: u64) -> i64 {
        self.now_us().saturating_add(i64::try_from(ms.saturating_mul(1_000)).unwrap_or(i64::MAX))
    }

    pub(crate) fn begin_rollout(&mut self, app: &str, numbers: Vec<u32>) {
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
