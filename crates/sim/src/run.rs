//! A plan, run: faults at their times, every event looked at, then rest.

use logbrook_app::Role;
use logbrook_cluster::{
    Actor, AppState, CONTROLLER_NODE, Cluster, Disk, EventId, TraceKind, story,
};
use logbrook_shell::Workspace;
use logbrook_shell::action::{Action, ActionError};
use logbrook_shell::workspace::Running;

use crate::coverage::Coverage;
use crate::draw_faults::LAST_FAULT_US;
use crate::invariants::clients::{AtRest, Clients};
use crate::invariants::groups::Owners;
use crate::invariants::replication::Replication;
use crate::invariants::written::Logs;
use crate::invariants::{Invariant, Loss, Violation};
use crate::plan::Plan;

/// How long the cluster may take to come to rest without faults, in µs.
const PATIENCE_US: i64 = 240_000_000;
/// How often rest is looked for, in µs.
const REST_CHECK_US: i64 = 1_000_000;
/// Topics have to be there before the applications start, in µs.
const APPS_START_US: i64 = 1_500_000;

/// The page's first terminal.
const TERMINAL: &str = "Terminal";

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// The chain of causes behind it, in words: from the action that began it to the event that
    /// shows it, at most 12 steps.
    pub causes: Vec<String>,
    /// Losses that the settings permit.
    pub losses: Vec<Loss>,
    /// What was met.
    pub coverage: Coverage,
    /// Every line that was carried out and when, in µs: again at those times on a cluster of the same seed
    /// they are the same run, to the last event.
    pub lines: Vec<(i64, String)>,
    /// Digest of the trace.
    pub hash: u64,
    /// How far virtual time came, in µs.
    pub end_us: i64,
}

/// Runs a plan to its end, or to the first violation.
pub fn run(plan: &Plan) -> Report {
    let mut run = Run::new(plan);
    let found = run.all();
    let violation = found.err();
    let cluster = &run.workspace.cluster;
    run.coverage.events = cluster.trace().len() as u64;
    run.coverage.runs = 1;
    for loss in &run.losses {
        *run.coverage.losses.entry(loss.because).or_default() += 1;
    }
    Report {
        causes: violation
            .as_ref()
            .and_then(|v| v.event)
            .map_or_else(Vec::new, |event| causes(cluster, event)),
        violation,
        losses: run.losses,
        lines: run.lines,
        hash: cluster.trace().hash(),
        end_us: cluster.now_us(),
        coverage: run.coverage,
    }
}

fn causes(cluster: &Cluster, event: EventId) -> Vec<String> {
    let told = story(cluster, event).into_iter();
    told.map(|told| {
        let at_us = cluster.trace().get(told.event).map_or(0, |event| event.time_us);
        format!("{:>9.3} s  {} {}", at_us as f64 / 1e6, told.event, told.text)
    })
    .collect()
}

struct Run<'a> {
    plan: &'a Plan,
    workspace: Workspace,
    seen: usize,
    replication: Replication,
    clients: Clients,
    owners: Owners,
    coverage: Coverage,
    losses: Vec<Loss>,
    lines: Vec<(i64, String)>,
}

type Found = Result<(), Violation>;

impl<'a> Run<'a> {
    fn new(plan: &'a Plan) -> Run<'a> {
        Run {
            plan,
            workspace: Workspace::new(Cluster::new(plan.cluster_config())),
            seen: 0,
            replication: Replication::default(),
            clients: Clients::default(),
            owners: Owners::default(),
            coverage: Coverage::default(),
            losses: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Carries a line out now, after all that is due at this moment, and keeps it.
    ///
    /// # Errors
    /// What cannot be done, and changed nothing.
    fn act(&mut self, line: &str) -> Result<Running, ActionError> {
        let action = Action::parse(line)?;
        let now_us = self.workspace.cluster.now_us();
        self.workspace.cluster.run_until_us(now_us);
        let begun = self.workspace.begin(&action)?;
        self.lines.push((now_us, line.to_owned()));
        Ok(begun)
    }

    fn all(&mut self) -> Found {
        for topic in &self.plan.topics {
            let line = Plan::create_line(topic);
            self.lines.push((self.workspace.cluster.now_us(), line.clone()));
            if let Err(what) = self.create(line.trim_start_matches("$ ")) {
                return self.not_at_rest(format!("{line}: {what}"));
            }
            let now_us = self.workspace.cluster.now_us();
            self.workspace.cluster.run_until_us(now_us);
        }
        self.until(APPS_START_US)?;
        for app in &self.plan.apps {
            if let Err(error) = self.act(&Plan::app_line(app)) {
                return self.not_at_rest(error.to_string());
            }
        }
        for fault in &self.plan.faults {
            self.until(fault.at_us)?;
            // A fault that finds its node down already, or nobody who leads, changes nothing.
            if self.act(&fault.line).is_ok() {
                self.coverage.met(fault.kind);
            }
            self.observe()?;
        }
        self.until(LAST_FAULT_US as i64)?;
        self.mend();
        self.come_to_rest()?;
        self.check_at_rest()
    }

    /// Runs a command to its end, in a terminal as the page has it.
    fn create(&mut self, command: &str) -> Result<(), String> {
        let begun = self.workspace.begin_live(TERMINAL, command);
        let mut running = begun.map_err(|error| error.to_string())?;
        let outcome = loop {
            match self.workspace.poll(&mut running) {
                Some(outcome) => break outcome,
                None if self.workspace.step(&running) => {}
                None => return Err("it does not come to an end".to_owned()),
            }
        };
        match outcome.output {
            Some(output) if output.exit == Some(0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    /// Lets time come to a moment, and looks at every event on the way.
    fn until(&mut self, time_us: i64) -> Found {
        loop {
            let next = self.workspace.cluster.next_event_us();
            if next.is_none_or(|next| next > time_us) || !self.workspace.cluster.step() {
                break;
            }
            self.observe()?;
        }
        self.workspace.cluster.run_until_us(time_us);
        match self.workspace.cluster.error() {
            Some(error) => {
                let what = error.to_string();
                self.not_at_rest(what)
            }
            None => Ok(()),
        }
    }

    /// Looks at the events that are new.
    fn observe(&mut self) -> Found {
        let cluster = &self.workspace.cluster;
        let decided = self.replication.observe_metadata(cluster, &mut self.coverage);
        let mut found = decided.err().map(|(invariant, what)| Violation {
            invariant,
            at_us: cluster.now_us(),
            what,
            event: None,
        });
        for event in cluster.trace().iter_from(self.seen) {
            let result = match (&event.actor, &event.kind) {
                (Actor::Broker(node), TraceKind::Broker(kind)) => {
                    self.replication.observe(cluster, *node, kind, &mut self.coverage).and_then(
                        |()| self.owners.observe_broker(cluster, *node, kind, &mut self.coverage),
                    )
                }
                (
                    Actor::Broker(node),
                    TraceKind::RequestHandled { process, request: "OffsetCommit", .. },
                ) => {
                    self.owners.commit_arrived(cluster, *node, *process, &mut self.coverage);
                    Ok(())
                }
                (Actor::Process(process), TraceKind::App(event)) => {
                    let name = cluster.process(*process).map_or("", |state| state.name.as_str());
                    let app = name.split('/').next().unwrap_or_default();
                    let spec = self.plan.apps.iter().find(|spec| spec.name == app);
                    let owned = self.owners.observe(cluster, *process, event, &mut self.coverage);
                    owned.and_then(|()| match spec {
                        Some(spec) => self.clients.observe(
                            cluster,
                            spec,
                            event,
                            &self.replication,
                            &mut self.coverage,
                        ),
                        None => Ok(()),
                    })
                }
                (Actor::Broker(node), TraceKind::Fault { .. }) => {
                    self.owners.node_disturbed(*node);
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err((invariant, what)) = result {
                let at_us = event.time_us;
                found = Some(Violation { invariant, at_us, what, event: Some(event.id) });
                break;
            }
        }
        self.seen = cluster.trace().len();
        found.map_or(Ok(()), Err)
    }

    /// No fault is left.
    fn mend(&mut self) {
        let cluster = &self.workspace.cluster;
        let mut lines = vec!["@heal".to_owned()];
        for node in self.nodes() {
            if cluster.disk(node).is_some_and(|disk| disk != Disk::Ok) {
                lines.push(format!("@disk {node} ok"));
            }
            if cluster.clock_skew_ms(node) != 0 {
                lines.push(format!("@clock {node} 0"));
            }
        }
        lines.extend(cluster.apps().keys().map(|app| format!("@start {app}")));
        self.start_what_is_down();
        for line in lines {
            // Each is about what there is.
            let _ = self.act(&line);
        }
    }

    /// A node that was asked to stop in order may be gone only now.
    fn start_what_is_down(&mut self) {
        for node in self.nodes() {
            if !self.workspace.cluster.is_node_up(node) {
                let _ = self.act(&format!("@start {node}"));
            }
        }
    }

    /// The brokers, and the controller where it is a node of its own.
    fn nodes(&self) -> Vec<i32> {
        let cluster = &self.workspace.cluster;
        cluster.broker_ids().chain(cluster.controller().map(|_| CONTROLLER_NODE)).collect()
    }

    fn come_to_rest(&mut self) -> Found {
        let deadline = self.workspace.cluster.now_us() + PATIENCE_US;
        self.coverage.risked(Invariant::ComesToRest);
        let mut quiet = 0;
        loop {
            let next = self.workspace.cluster.now_us() + REST_CHECK_US;
            self.until(next)?;
            self.start_what_is_down();
            match self.restless() {
                // What is still on its way arrives.
                None if quiet >= 5 => return Ok(()),
                None => quiet += 1,
                Some(what) if self.workspace.cluster.now_us() >= deadline => {
                    // What is not as it should be has a name of its own.
                    self.check_at_rest()?;
                    return self.not_at_rest(what);
                }
                Some(_) => quiet = 0,
            }
        }
    }

    /// What has not come to rest yet.
    fn restless(&mut self) -> Option<String> {
        let cluster = &self.workspace.cluster;
        if let Some(node) = cluster.broker_ids().find(|node| !cluster.is_broker_running(*node)) {
            return Some(format!("broker {node} does not run"));
        }
        for topic in cluster.metadata()?.topics().values() {
            for (index, registration) in &topic.partitions {
                let name = format!("{}-{index}", topic.name);
                if registration.leader < 0 {
                    return Some(format!("{name} has no leader"));
                }
                if registration.isr.len() < registration.replicas.len() {
                    return Some(format!(
                        "{name}: in sync {:?} of {:?}",
                        registration.isr, registration.replicas
                    ));
                }
            }
        }
        for spec in self.plan.apps.iter().filter(|spec| spec.role == Role::Producer) {
            let instances = cluster.app(&spec.name).map(AppState::instances);
            if instances.into_iter().flatten().any(|(_, instance)| instance.wanted) {
                return Some(format!("{} still sends", spec.name));
            }
        }
        let mut unused = Coverage::default();
        if let Err((_, what)) = self.owners.check_at_rest(cluster, &self.plan.apps, &mut unused) {
            return Some(what);
        }
        let logs = Logs::of(cluster);
        let at_rest = AtRest { apps: &self.plan.apps, logs: &logs, replication: &self.replication };
        match self.clients.check_at_rest(&at_rest, &mut unused, &mut Vec::new()) {
            // A transaction whose producer is gone is aborted when its time is over; a processor may be about
            // to write what it has read.
            Err((
                Invariant::EverythingRead
                | Invariant::TransactionsEnd
                | Invariant::WholeTransactions,
                what,
            )) => Some(what),
            Err(_) | Ok(()) => None,
        }
    }

    fn check_at_rest(&mut self) -> Found {
        let cluster = &self.workspace.cluster;
        let at_us = cluster.now_us();
        let found = self
            .replication
            .check_at_rest(cluster, &mut self.coverage)
            .and_then(|()| self.owners.check_at_rest(cluster, &self.plan.apps, &mut self.coverage))
            .and_then(|()| {
                let logs = Logs::of(cluster);
                let at_rest =
                    AtRest { apps: &self.plan.apps, logs: &logs, replication: &self.replication };
                self.clients.check_at_rest(&at_rest, &mut self.coverage, &mut self.losses)
            });
        found.map_err(|(invariant, what)| Violation { invariant, at_us, what, event: None })
    }

    fn not_at_rest(&self, what: String) -> Found {
        let at_us = self.workspace.cluster.now_us();
        Err(Violation { invariant: Invariant::ComesToRest, at_us, what, event: None })
    }
}
