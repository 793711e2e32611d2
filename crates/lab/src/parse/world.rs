//! The tables that say what world there is and what must hold in it: a level has them, and each world of a
//! question.

use logbrook_sorted::SortedSet;
use serde::Deserialize;
use toml::Spanned;

use super::{LevelError, assertion};
use crate::level::{AppDef, Assert, ClusterDef, EventDef, May, StoreDef, TopicDef, TrialDef};

/// Where things stand in a file, for errors.
pub(super) struct Lines<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Lines<'_> {
    pub(super) fn of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.at(spanned.span().start)
    }

    pub(super) fn at(&self, byte: usize) -> usize {
        let before = &self.text.as_bytes()[..byte.min(self.text.len())];
        before.iter().filter(|b| **b == b'\n').count() + 1
    }

    pub(super) fn fail(&self, line: usize, message: impl Into<String>) -> LevelError {
        LevelError::new(self.file, Some(line), message)
    }

    /// Reads the whole file. An error says where, and the nearest name that there is.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, LevelError> {
        toml::from_str(self.text).map_err(|e| {
            let line = e.span().map(|span| self.at(span.start));
            LevelError::new(self.file, line, super::hint::with_nearest(e.message()))
        })
    }
}

/// As they stand in the file.
pub(super) struct Tables {
    pub(super) cluster: Spanned<ClusterDef>,
    pub(super) topic: Vec<Spanned<TopicDef>>,
    pub(super) store: Vec<Spanned<StoreDef>>,
    pub(super) app: Vec<Spanned<AppDef>>,
    pub(super) may: Option<Spanned<May>>,
    pub(super) event: Vec<Spanned<EventDef>>,
    pub(super) assert: Vec<Spanned<toml::Table>>,
    pub(super) trial: Vec<Spanned<TrialDef>>,
}

/// Checked.
pub(super) struct World {
    pub(super) cluster: ClusterDef,
    pub(super) topics: Vec<TopicDef>,
    pub(super) stores: Vec<StoreDef>,
    pub(super) apps: Vec<AppDef>,
    pub(super) may: Option<May>,
    pub(super) events: Vec<EventDef>,
    pub(super) asserts: Vec<Assert>,
    pub(super) trials: Vec<TrialDef>,
}

impl Tables {
    /// Checks what the types do not say.
    pub(super) fn checked(self, lines: &Lines<'_>) -> Result<World, LevelError> {
        let fail = |line: usize, message: String| lines.fail(line, message);
        let cluster_line = lines.of(&self.cluster);
        let cluster = self.cluster.into_inner();
        if !(1..=9).contains(&cluster.brokers) {
            let message = format!("cluster.brokers: found {}, expected 1 to 9", cluster.brokers);
            return Err(fail(cluster_line, message));
        }
        // One broker is its own controller; of several the controller is a node of its own.
        let controllers = u32::from(cluster.brokers > 1);
        if let Some(found) = cluster.controllers.filter(|found| *found != controllers) {
            let message = format!(
                "cluster.controllers: found {found}, expected {controllers} with {} brokers",
                cluster.brokers
            );
            return Err(fail(cluster_line, message));
        }
        if let Some(loss) = cluster.network.as_ref().map(|n| n.loss)
            && !(0.0..=1.0).contains(&loss)
        {
            let message =
                format!("cluster.network.loss: found {loss}, expected a share from 0 to 1");
            return Err(fail(cluster_line, message));
        }
        if let Some(network) = &cluster.network
            && network.latency_ms.0 > network.latency_ms.1
        {
            let message = "cluster.network.latency_ms: expected [least, greatest]".to_owned();
            return Err(fail(cluster_line, message));
        }

        let mut names = SortedSet::new();
        for (line, name) in (self.topic.iter().map(|t| (lines.of(t), &t.get_ref().name)))
            .chain(self.app.iter().map(|a| (lines.of(a), &a.get_ref().name)))
        {
            if !names.insert(name.clone()) {
                return Err(fail(line, format!("name: {name:?} is used twice")));
            }
        }
        let stores: SortedSet<_> = self.store.iter().map(|s| s.get_ref().name.clone()).collect();
        for app in &self.app {
            let line = lines.of(app);
            check_app(app.get_ref(), &stores).map_err(|message| fail(line, message))?;
        }
        let apps: SortedSet<_> = self.app.iter().map(|a| a.get_ref().name.clone()).collect();
        if let Some(may) = &self.may
            && let Some(app) = may.get_ref().deploy.keys().find(|app| !apps.contains(*app))
        {
            let message = format!("may.deploy: found {app:?}, expected one of the apps {apps:?}");
            return Err(fail(lines.of(may), message));
        }
        for trial in &self.trial {
            let t = trial.get_ref();
            if t.run.0 <= 0 || t.settle.0 < 0 || t.seeds == 0 {
                let message = format!("trial {:?}: run and seeds must be more than 0", t.name);
                return Err(fail(lines.of(trial), message));
            }
            for event in &t.event {
                check_event(event).map_err(|message| fail(lines.of(trial), message))?;
            }
        }
        for event in &self.event {
            check_event(event.get_ref()).map_err(|message| fail(lines.of(event), message))?;
        }

        let trials: Vec<TrialDef> = self.trial.into_iter().map(Spanned::into_inner).collect();
        let mut asserts = Vec::new();
        for spanned in self.assert {
            let line = lines.of(&spanned);
            let assert = assertion::typed(spanned.into_inner()).map_err(|m| fail(line, m))?;
            if asserts.iter().any(|a: &Assert| a.id == assert.id) {
                return Err(fail(line, format!("assert.id: {:?} is used twice", assert.id)));
            }
            if let Some(name) = &assert.trial
                && !trials.iter().any(|t| &t.name == name)
            {
                let known: Vec<_> = trials.iter().map(|t| t.name.as_str()).collect();
                return Err(fail(
                    line,
                    format!("assert.trial: found {name:?}, expected one of {known:?}"),
                ));
            }
            asserts.push(assert);
        }

        Ok(World {
            cluster,
            topics: self.topic.into_iter().map(Spanned::into_inner).collect(),
            stores: self.store.into_iter().map(Spanned::into_inner).collect(),
            apps: self.app.into_iter().map(Spanned::into_inner).collect(),
            may: self.may.map(Spanned::into_inner),
            events: self.event.into_iter().map(Spanned::into_inner).collect(),
            asserts,
            trials,
        })
    }
}

fn check_app(app: &AppDef, stores: &SortedSet<String>) -> Result<(), String> {
    if let Some(store) = &app.store
        && !stores.contains(store)
    {
        return Err(format!("app {:?}: store {store:?}, expected one of {stores:?}", app.name));
    }
    crate::world::app_spec(app).map(|_spec| ()).map_err(|e| format!("app {:?}: {e}", app.name))
}

fn check_event(event: &EventDef) -> Result<(), String> {
    super::answers::check_verb(&event.action)
        .map_err(|e| format!("event.do {:?}: {e}", event.action))
}
