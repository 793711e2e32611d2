//! Lab verbs: what `@` lines do to applications and stores; those on nodes and the network are in
//! `node_verbs`.

use logbrook_app::{AppSpec, PoisonKind, Rate};

use super::{Outcome, Running, Workspace};
use crate::action::{Action, ActionError, StoreState};

impl Workspace {
    /// Carries out a verb.
    pub(super) fn verb(&mut self, action: &Action) -> Result<Running, ActionError> {
        let line = action.to_string();
        let wrong = |why: String| ActionError::new(line.clone(), why);
        if let Some(done) = self.node_verb(action) {
            return done.map(|()| Running::done(Outcome::default()));
        }
        match action {
            Action::App { name, words } => {
                let words = words.iter().map(|(k, v)| (k.as_str(), v.as_str()));
                let spec = AppSpec::from_words(name, words).map_err(|e| wrong(e.to_string()))?;
                let added = self.cluster.try_action(&line, |cluster| cluster.add_app(spec));
                added.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Deploy { app, settings } => {
                let settings: Vec<_> =
                    settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                let done = self.cluster.try_action(&line, |cluster| cluster.deploy(app, &settings));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Scale { app, instances } => {
                let done = self.cluster.try_action(&line, |cluster| cluster.scale(app, *instances));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Restart(target) => {
                let target = self.app(target).map_err(wrong)?;
                let done = self.cluster.try_action(&line, |cluster| cluster.restart_app(&target));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Stop(target) | Action::Term(target) => {
                let target = self.app(target).map_err(wrong)?;
                let done = self.cluster.try_action(&line, |cluster| cluster.stop_app(&target));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Kill(target) => {
                let target = self.app(target).map_err(wrong)?;
                let done = self.cluster.try_action(&line, |cluster| cluster.kill_app(&target));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Start(target) => {
                let target = self.app(target).map_err(wrong)?;
                let done = self.cluster.try_action(&line, |cluster| cluster.start_app(&target));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Pause(target, span) => {
                let target = self.app(target).map_err(wrong)?;
                let done =
                    self.cluster.try_action(&line, |cluster| cluster.pause_app(&target, span.us()));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Burst { app, rate, span } => {
                let events =
                    rate.strip_suffix("/s").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                let Some(events) = events else {
                    return Err(ActionError::new(rate, "a rate such as 200/s"));
                };
                let span_us = u64::try_from(span.us()).unwrap_or(0);
                let rate = Rate::per_second(events);
                let done =
                    self.cluster.try_action(&line, |cluster| cluster.burst(app, rate, span_us));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Poison { app, kind, entity } => {
                let kind = PoisonKind::read(kind).map_err(|e| ActionError::new(kind, e))?;
                let entity = entity.as_deref();
                let done =
                    self.cluster.try_action(&line, |cluster| cluster.poison(app, kind, entity));
                done.map_err(|e| wrong(e.to_string()))?;
            }
            Action::Store(name, state) => {
                if !self.cluster.stores().contains_key(name) {
                    let stores: Vec<_> = self.cluster.stores().keys().cloned().collect();
                    return Err(ActionError::new(name, format!("a store: {}", stores.join(", "))));
                }
                self.cluster.action(&line);
                match state {
                    StoreState::Down => self.cluster.set_store_down(name, true),
                    StoreState::Up => {
                        self.cluster.set_store_down(name, false)
                            && self.cluster.set_store_slow(name, 0)
                    }
                    StoreState::Slow(ms) => self.cluster.set_store_slow(name, u64::from(*ms)),
                };
            }
            // On nodes and the network: done above.
            Action::Crash(_)
            | Action::Lose(_)
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
