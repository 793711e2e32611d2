//! Lab verbs on nodes and the network: killed, stopped, started, paused, a disk, a clock, a way cut.

use logbrook_cluster::{Cluster, Disk, End};

use super::Workspace;
use crate::action::{Action, ActionError, DiskState, Select, Target};

/// How much a clock may be off, in ms: a day. Beyond it timestamps say nothing.
const MAX_SKEW_MS: i64 = 86_400_000;
/// How long a way, a disk or a pause may take more, in ms: an hour.
const MAX_DELAY_MS: u32 = 3_600_000;

/// Whether something can be done to a node.
type Fits = fn(&Cluster, i32) -> bool;
const UP: &str = "a node that is up";
/// To any node there is.
const ANY: (&str, Fits) = ("a node", |cluster, node| cluster.disk(node).is_some());

impl Workspace {
    /// Ends every fault of the surroundings: the network, the disks and the outside stores are well
    /// again. Nodes and applications that are down stay down: who starts them is another question.
    pub fn heal_all(&mut self) {
        if self.cluster.has_network_faults() {
            self.cluster.heal();
        }
        let nodes: Vec<i32> = self.cluster.broker_ids().collect();
        for node in nodes {
            if self.cluster.disk(node).is_some_and(|disk| disk != Disk::Ok) {
                self.cluster.set_disk(node, Disk::Ok);
            }
        }
        let stores = self.cluster.stores().iter();
        let down: Vec<String> =
            stores.filter(|(_, s)| s.is_down()).map(|(name, _)| name.clone()).collect();
        for store in down {
            self.cluster.set_store_down(&store, false);
        }
    }

    /// Carries out a verb on nodes or the network. `None` for a verb on something else.
    pub(super) fn node_verb(&mut self, action: &Action) -> Option<Result<(), ActionError>> {
        Some(match action {
            Action::Kill(target) if self.names_node(target) => {
                let fits = (UP, Cluster::is_node_up as Fits);
                self.each(action, target, fits, |cluster, node| cluster.kill_node(node))
            }
            Action::Crash(target) => {
                let fits = (UP, Cluster::is_node_up as Fits);
                self.each(action, target, fits, |cluster, node| cluster.crash_node(node))
            }
            Action::Term(target) | Action::Stop(target) if self.names_node(target) => {
                let fits = (UP, Cluster::is_node_up as Fits);
                self.each(action, target, fits, |cluster, node| cluster.stop_node(node))
            }
            Action::Start(target) if matches!(target.select, Select::All) => self.start_all(action),
            Action::Start(target) if self.names_node(target) => {
                let down: Fits = |cluster, node| !cluster.is_node_up(node);
                self.each(action, target, ("a node that is down", down), |cluster, node| {
                    cluster.start_node(node)
                })
            }
            Action::Lose(target) => {
                let expected = "a broker of a cluster of several: the metadata of the cluster would be gone with it";
                let fits: Fits = |cluster, node| {
                    cluster.broker_ids().count() > 1 && cluster.broker(node).is_some()
                };
                self.each(action, target, (expected, fits), |cluster, node| cluster.lose_node(node))
            }
            Action::Pause(target, span) if self.names_node(target) => {
                let us = span.us();
                let runs: Fits =
                    |cluster, node| cluster.is_node_up(node) && !cluster.is_node_paused(node);
                self.each(action, target, ("a node that runs", runs), |cluster, node| {
                    cluster.pause_node(node, us)
                })
            }
            Action::Disk(target, state) => {
                let disk = match state {
                    DiskState::Ok => Disk::Ok,
                    DiskState::Full => Disk::Full,
                    DiskState::Slow(ms) if *ms <= MAX_DELAY_MS => Disk::Slow(*ms),
                    DiskState::Slow(_) => return Some(Err(too_long(action))),
                };
                self.each(action, target, ANY, |cluster, node| cluster.set_disk(node, disk))
            }
            Action::Clock(target, skew_ms) => {
                let skew_ms = *skew_ms;
                if skew_ms.abs() > MAX_SKEW_MS {
                    let expected = format!("at most {MAX_SKEW_MS} ms either way");
                    return Some(Err(ActionError::new(action.to_string(), expected)));
                }
                self.each(action, target, ANY, |cluster, node| cluster.set_clock(node, skew_ms))
            }
            Action::Cut { from, to } => self.cut(action, from, to),
            Action::Delay(from, to, ms) if *ms <= MAX_DELAY_MS => {
                let ms = *ms;
                self.way(action, from, to, |cluster, a, b| cluster.delay(a, b, ms))
            }
            Action::Delay(..) => Err(too_long(action)),
            Action::Drop(from, to, percent) if *percent <= 100 => {
                let percent = *percent;
                self.way(action, from, to, |cluster, a, b| cluster.drop_messages(a, b, percent))
            }
            Action::Drop(..) => {
                Err(ActionError::new(action.to_string(), "a share of at most 100 percent"))
            }
            Action::Heal => {
                self.cluster.action(&action.to_string());
                self.cluster.heal();
                Ok(())
            }
            _ => return None,
        })
    }

    /// Does something to every node that a target names; of `all`, to those that it fits. Where it fits none,
    /// or not the one that is named, nothing is done.
    fn each(
        &mut self,
        action: &Action,
        target: &Target,
        (expected, fits): (&str, Fits),
        mut carry_out: impl FnMut(&mut Cluster, i32) -> bool,
    ) -> Result<(), ActionError> {
        let wrong = |why: String| ActionError::new(action.to_string(), why);
        let names = self.names.clone();
        let mut nodes = self.nodes(target).map_err(wrong)?;
        if matches!(target.select, Select::All)
            && nodes.iter().any(|node| fits(&self.cluster, *node))
        {
            nodes.retain(|node| fits(&self.cluster, *node));
        }
        if let Some(node) = nodes.iter().find(|node| !fits(&self.cluster, **node)) {
            // What was not done has named nobody.
            self.names = names;
            return Err(wrong(format!("{expected}; {node} is not")));
        }
        self.cluster.action(&action.to_string());
        for node in nodes {
            carry_out(&mut self.cluster, node);
        }
        Ok(())
    }

    /// `@start all`: whatever is down, brokers first.
    fn start_all(&mut self, action: &Action) -> Result<(), ActionError> {
        self.cluster.action(&action.to_string());
        let nodes: Vec<i32> = self.cluster.broker_ids().collect();
        for node in nodes {
            self.cluster.start_node(node);
        }
        let apps: Vec<_> = self.cluster.apps().keys().cloned().collect();
        for app in apps {
            let all = logbrook_cluster::Target { app, number: None };
            let started = self.cluster.start_app(&all);
            started.map_err(|error| ActionError::new(all.app.clone(), error.to_string()))?;
        }
        Ok(())
    }

    /// Neither side reaches the other any more.
    fn cut(&mut self, action: &Action, from: &Target, to: &[Target]) -> Result<(), ActionError> {
        let wrong = |why: String| ActionError::new(action.to_string(), why);
        let sides = self.ends(from).map_err(wrong)?;
        let mut others = Vec::new();
        for target in to {
            others.extend(self.ends(target).map_err(wrong)?);
        }
        self.cluster.action(&action.to_string());
        for one in &sides {
            for other in others.iter().filter(|other| *other != one) {
                self.cluster.cut(one.clone(), other.clone());
                self.cluster.cut(other.clone(), one.clone());
            }
        }
        Ok(())
    }

    /// Does something to the ways from one target to the other.
    fn way(
        &mut self,
        action: &Action,
        from: &Target,
        to: &Target,
        mut carry_out: impl FnMut(&mut Cluster, End, End),
    ) -> Result<(), ActionError> {
        let wrong = |why: String| ActionError::new(action.to_string(), why);
        let froms = self.ends(from).map_err(wrong)?;
        let tos = self.ends(to).map_err(wrong)?;
        self.cluster.action(&action.to_string());
        for from in &froms {
            for to in tos.iter().filter(|to| *to != from) {
                carry_out(&mut self.cluster, from.clone(), to.clone());
            }
        }
        Ok(())
    }

    /// The ends of ways that a target names; `all` is everybody: the nodes and their clients.
    fn ends(&mut self, target: &Target) -> Result<Vec<End>, String> {
        if self.names_node(target) {
            let mut ends: Vec<End> = self.nodes(target)?.into_iter().map(End::Node).collect();
            if matches!(target.select, Select::All) {
                ends.push(End::AllClients);
                ends.extend(
                    self.cluster.controller().map(|_| End::Node(logbrook_cluster::CONTROLLER_NODE)),
                );
            }
            return Ok(ends);
        }
        if let Select::Named(name, None) = &target.select {
            let is_terminal = self.cluster.process_named(name).is_some();
            if self.cluster.app(name).is_none() && !is_terminal {
                return Err(format!("a node, an app or a terminal; there is no `{name}`"));
            }
            return Ok(vec![End::Client(name.clone())]);
        }
        let app = self.app(target)?;
        Ok(vec![End::Client(match app.number {
            Some(number) => format!("{}/{number}", app.app),
            None => app.app,
        })])
    }
}

fn too_long(action: &Action) -> ActionError {
    ActionError::new(action.to_string(), format!("at most {MAX_DELAY_MS} ms"))
}
