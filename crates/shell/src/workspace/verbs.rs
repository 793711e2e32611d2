//! Lab verbs: what `@` lines do to applications, brokers and stores.

use logbrook_app::{PoisonKind, Rate};
use logbrook_cluster::Target as AppTarget;

use super::{Outcome, Running, Workspace};
use crate::action::{Action, ActionError, Select, StoreState, Target};

impl Workspace {
    /// Carries out a verb. Those that need a part of the engine that is not built yet say so.
    pub(super) fn verb(&mut self, action: &Action) -> Result<Running, ActionError> {
        let line = action.to_string();
        let wrong = |why: String| ActionError::new(line.clone(), why);
        let not_yet = || {
            Err(wrong(
                "a verb that this build of the engine has; this one is not modelled yet".to_owned(),
            ))
        };
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
            Action::Kill(target) | Action::Term(target) if names_broker(target) => {
                let nodes = self.brokers(target).map_err(wrong)?;
                self.cluster.action(&line);
                for node in nodes {
                    let stopped = match action {
                        Action::Term(_) => self.cluster.shut_down_broker(node),
                        _killed => self.cluster.stop_broker(node),
                    };
                    if !stopped {
                        return Err(wrong(format!("a broker that is up; {node} is down")));
                    }
                }
            }
            Action::Start(target) if names_broker(target) => {
                let nodes = self.brokers(target).map_err(wrong)?;
                self.cluster.action(&line);
                let all = matches!(target.select, Select::All);
                for node in nodes {
                    if !self.cluster.start_broker(node) && !all {
                        return Err(wrong(format!("a broker that is down; {node} is up")));
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
            Action::Lose(_)
            | Action::Disk(..)
            | Action::Clock(..)
            | Action::Cut { .. }
            | Action::Delay(..)
            | Action::Drop(..)
            | Action::Heal => return not_yet(),
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

    /// The brokers that a target names.
    fn brokers(&mut self, target: &Target) -> Result<Vec<i32>, String> {
        let ids: Vec<i32> = self.cluster.broker_ids().collect();
        let nodes = match &target.select {
            Select::Node(node) if ids.contains(node) => vec![*node],
            Select::Node(node) => {
                let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
                return Err(format!(
                    "a broker of this cluster ({}); there is no {node}",
                    ids.join(", ")
                ));
            }
            Select::AnyBroker => {
                let live: Vec<i32> =
                    ids.into_iter().filter(|id| self.cluster.is_broker_up(*id)).collect();
                let at = format!("any-broker {}", self.cluster.now_us());
                let pick = self.cluster.seed_for("selector", &at) % live.len().max(1) as u64;
                let node = usize::try_from(pick).ok().and_then(|index| live.get(index));
                vec![*node.ok_or("a live broker; none is up")?]
            }
            Select::All => ids,
            Select::Named(..)
            | Select::Leader(_)
            | Select::Follower(_)
            | Select::Coordinator(_)
            | Select::Controller
            | Select::Owner(..)
            | Select::AnyOf(_) => return Err("a broker".to_owned()),
        };
        if let (Some(name), [node]) = (&target.as_name, nodes.as_slice()) {
            self.names.insert(name.clone(), Target::of(Select::Node(*node)));
        }
        Ok(nodes)
    }

    /// The application that a target names, with `any(APP)` drawn from the seed.
    fn app(&mut self, target: &Target) -> Result<AppTarget, String> {
        let chosen = match &target.select {
            Select::Named(name, number) => match (self.names.get(name), number) {
                (Some(kept), None) => kept.clone(),
                (Some(_) | None, _) => Target::of(Select::Named(name.clone(), *number)),
            },
            Select::AnyOf(app) => {
                let state =
                    self.cluster.app(app).ok_or_else(|| format!("an app; there is no `{app}`"))?;
                let live: Vec<u32> = state
                    .instances()
                    .iter()
                    .filter(|(_, instance)| instance.process.is_some())
                    .map(|(number, _)| *number)
                    .collect();
                let pick =
                    self.cluster.seed_for("selector", &format!("{app} {}", self.cluster.now_us()));
                let index = usize::try_from(pick % live.len().max(1) as u64).unwrap_or(0);
                let number =
                    live.get(index).ok_or_else(|| format!("a live instance; `{app}` has none"))?;
                Target::of(Select::Named(app.clone(), Some(*number)))
            }
            Select::Node(_)
            | Select::Leader(_)
            | Select::Follower(_)
            | Select::Coordinator(_)
            | Select::Controller
            | Select::Owner(..)
            | Select::AnyBroker
            | Select::All => {
                return Err(
                    "an app or one of its instances, or a broker by number; this is not modelled yet"
                        .to_owned(),
                );
            }
        };
        if let Some(name) = &target.as_name {
            self.names.insert(name.clone(), chosen.clone());
        }
        let text = Target::of(chosen.select).to_string();
        AppTarget::read(&text)
    }
}

/// Numbers, `any-broker` and `all` mean brokers; a kept name may.
fn names_broker(target: &Target) -> bool {
    matches!(target.select, Select::Node(_) | Select::AnyBroker | Select::All)
}
