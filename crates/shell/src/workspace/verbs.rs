//! Lab verbs: what `@` lines do to applications and stores; those on nodes and the network are in
//! `node_verbs`.

use logbrook_app::{PoisonKind, Rate};
use logbrook_cluster::Target as AppTarget;

use super::{Outcome, Running, Workspace};
use crate::action::{Action, ActionError, Select, StoreState};

impl Workspace {
    /// Carries out a verb.
    pub(super) fn verb(&mut self, action: &Action) -> Result<Running, ActionError> {
        let line = action.to_string();
        let wrong = |why: String| ActionError::new(line.clone(), why);
        if let Some(done) = self.node_verb(action) {
            return done.map(|()| Running::done(Outcome::default()));
        }
        match action {
            Action::Deploy { app, settings } => {
                let settings: Vec<_> =
                    settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                self.cluster.action(&line);
                self.cluster.deploy(app, &settings).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Scale { app, instances } => {
                self.cluster.action(&line);
                self.cluster.scale(app, *instances).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Restart(target) => {
                let target = self.app(target).map_err(wrong)?;
                self.cluster.action(&line);
                self.cluster.restart_app(&target).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Start(target) if self.names_node(target) => {
                let nodes = self.nodes(target).map_err(wrong)?;
                self.cluster.action(&line);
                let all = matches!(target.select, Select::All);
                for node in nodes {
                    if !self.cluster.start_node(node) && !all {
                        return Err(wrong(format!("a node that is down; {node} is up")));
                    }
                }
                if all {
                    let apps: Vec<_> = self.cluster.apps().keys().cloned().collect();
                    for app in apps {
                        let target = AppTarget { app, number: None };
                        self.cluster.start_app(&target).map_err(|e| wrong(e.to_string()))?;
                    }
                }
            }
            Action::Stop(target) | Action::Term(target) => {
                let target = self.app(target).map_err(wrong)?;
                self.cluster.action(&line);
                self.cluster.stop_app(&target).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Kill(target) => {
                let target = self.app(target).map_err(wrong)?;
                self.cluster.action(&line);
                self.cluster.kill_app(&target).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Start(target) => {
                let target = self.app(target).map_err(wrong)?;
                self.cluster.action(&line);
                self.cluster.start_app(&target).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Pause(target, span) => {
                let target = self.app(target).map_err(wrong)?;
                self.cluster.action(&line);
                self.cluster.pause_app(&target, span.us()).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Burst { app, rate, span } => {
                let events =
                    rate.strip_suffix("/s").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                let Some(events) = events else {
                    return Err(ActionError::new(rate, "a rate such as 200/s"));
                };
                let span_us = u64::try_from(span.us()).unwrap_or(0);
                self.cluster.action(&line);
                let rate = Rate::per_second(events);
                self.cluster.burst(app, rate, span_us).map_err(|e| wrong(e.to_string()))?;
            }
            Action::Poison { app, kind, entity } => {
                let kind = PoisonKind::read(kind).map_err(|e| ActionError::new(kind, e))?;
                self.cluster.action(&line);
                self.cluster
                    .poison(app, kind, entity.as_deref())
                    .map_err(|e| wrong(e.to_string()))?;
            }
            Action::Store(name, state) => {
                self.cluster.action(&line);
                let known = match state {
                    StoreState::Down => self.cluster.set_store_down(name, true),
                    StoreState::Up => {
                        self.cluster.set_store_down(name, false)
                            && self.cluster.set_store_slow(name, 0)
                    }
                    StoreState::Slow(ms) => self.cluster.set_store_slow(name, u64::from(*ms)),
                };
                if !known {
                    let stores: Vec<_> = self.cluster.stores().keys().cloned().collect();
                    return Err(ActionError::new(name, format!("a store: {}", stores.join(", "))));
                }
            }
            // On nodes and the network: done above.
            Action::Lose(_)
            | Action::Disk(..)
            | Action::Clock(..)
            | Action::Cut { .. }
            | Action::Delay(..)
            | Action::Drop(..)
            | Action::Heal => {}
            Action::Blank
            | Action::Comment(_)
            | Action::Cluster { .. }
            | Action::Mask(_)
            | Action::File { .. }
            | Action::Run { .. }
            | Action::Background { .. }
            | Action::Feed { .. }
            | Action::Expect { .. }
            | Action::Close(_)
            | Action::Wait(_)
            | Action::Until(_)
            | Action::Sleep(_)
            | Action::At(_)
            | Action::Predict { .. }
            | Action::Note(_) => {}
        }
        Ok(Running::done(Outcome::default()))
    }
}
