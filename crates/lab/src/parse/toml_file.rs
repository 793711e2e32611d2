//! `level.toml`, read strictly: an unknown key is an error at its line.

use logbrook_sorted::{SortedMap, SortedSet};

use serde::Deserialize;
use toml::Spanned;

use super::prose::Prose;
use super::{LevelError, assertion};
use crate::level::{
    AppDef, ClockMode, ClusterDef, EventDef, Head, Kind, Level, May, Need, Prediction, Reveal,
    StoreDef, TopicDef, TrialDef,
};

const FILE: &str = "level.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: Spanned<u32>,
    rev: u32,
    kind: Kind,
    title: String,
    idea: String,
    kills: Vec<String>,
    after: Vec<String>,
    needs: Spanned<Vec<Need>>,
    phase: u32,
    minutes: u32,
    seed_refs: Vec<String>,
    hints: Spanned<Vec<String>>,
    #[serde(default)]
    clock: Option<ClockMode>,
    cluster: Spanned<ClusterDef>,
    #[serde(default)]
    topic: Vec<Spanned<TopicDef>>,
    #[serde(default)]
    store: Vec<Spanned<StoreDef>>,
    #[serde(default)]
    app: Vec<Spanned<AppDef>>,
    #[serde(default)]
    may: Option<Spanned<May>>,
    #[serde(default)]
    event: Vec<Spanned<EventDef>>,
    assert: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    trial: Vec<Spanned<TrialDef>>,
    #[serde(default)]
    predict: SortedMap<String, Spanned<RawPrediction>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrediction {
    answer: crate::observable::Observable,
    reveal: String,
    #[serde(default)]
    tolerance: i64,
}

/// Where things stand in the file, for errors.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.at(spanned.span().start)
    }
    fn at(&self, byte: usize) -> usize {
        self.0.as_bytes()[..byte.min(self.0.len())].iter().filter(|b| **b == b'\n').count() + 1
    }
}

pub(super) fn parse(
    track: &str,
    slug: &str,
    text: &str,
    prose: &Prose,
) -> Result<Level, LevelError> {
    let lines = Lines(text);
    let raw: Raw = toml::from_str(text).map_err(|e| {
        let line = e.span().map(|span| lines.at(span.start));
        LevelError::new(FILE, line, e.message().to_owned())
    })?;
    let fail = |line: usize, message: String| LevelError::new(FILE, Some(line), message);

    if *raw.format.get_ref() != 1 {
        let found = raw.format.get_ref();
        return Err(fail(lines.of(&raw.format), format!("format: found {found}, expected 1")));
    }
    if let Some(need) = raw.needs.get_ref().iter().find(|need| !need.is_built()) {
        let message = format!("needs: {need:?} is not part of this build of the engine");
        return Err(fail(lines.of(&raw.needs), message));
    }
    let hints = raw.hints.get_ref().len();
    if !(3..=4).contains(&hints) {
        return Err(fail(lines.of(&raw.hints), format!("hints: found {hints}, expected 3 or 4")));
    }
    let cluster_line = lines.of(&raw.cluster);
    let cluster = raw.cluster.into_inner();
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
        let message = format!("cluster.network.loss: found {loss}, expected a share from 0 to 1");
        return Err(fail(cluster_line, message));
    }
    if let Some(network) = &cluster.network
        && network.latency_ms.0 > network.latency_ms.1
    {
        let message = "cluster.network.latency_ms: expected [least, greatest]".to_owned();
        return Err(fail(cluster_line, message));
    }

    let mut names = SortedSet::new();
    for (line, name) in (raw.topic.iter().map(|t| (lines.of(t), &t.get_ref().name)))
        .chain(raw.app.iter().map(|a| (lines.of(a), &a.get_ref().name)))
    {
        if !names.insert(name.clone()) {
            return Err(fail(line, format!("name: {name:?} is used twice")));
        }
    }
    let stores: SortedSet<_> = raw.store.iter().map(|s| s.get_ref().name.clone()).collect();
    for app in &raw.app {
        let line = lines.of(app);
        check_app(app.get_ref(), &stores).map_err(|message| fail(line, message))?;
    }
    let apps: SortedSet<_> = raw.app.iter().map(|a| a.get_ref().name.clone()).collect();
    if let Some(may) = &raw.may
        && let Some(app) = may.get_ref().deploy.keys().find(|app| !apps.contains(*app))
    {
        let message = format!("may.deploy: found {app:?}, expected one of the apps {apps:?}");
        return Err(fail(lines.of(may), message));
    }
    for trial in &raw.trial {
        let t = trial.get_ref();
        if t.run.0 <= 0 || t.settle.0 < 0 || t.seeds == 0 {
            let message = format!("trial {:?}: run and seeds must be more than 0", t.name);
            return Err(fail(lines.of(trial), message));
        }
        for event in &t.event {
            check_event(event).map_err(|message| fail(lines.of(trial), message))?;
        }
    }
    for event in &raw.event {
        check_event(event.get_ref()).map_err(|message| fail(lines.of(event), message))?;
    }

    let predictions = predictions(raw.predict, prose, &lines)?;
    let trials: Vec<TrialDef> = raw.trial.into_iter().map(Spanned::into_inner).collect();
    let mut asserts = Vec::new();
    for spanned in raw.assert {
        let line = lines.of(&spanned);
        let assert = assertion::typed(spanned.into_inner()).map_err(|m| fail(line, m))?;
        if asserts.iter().any(|a: &crate::level::Assert| a.id == assert.id) {
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

    Ok(Level {
        track: track.to_owned(),
        slug: slug.to_owned(),
        head: Head {
            format: 1,
            rev: raw.rev,
            kind: raw.kind,
            title: raw.title,
            idea: raw.idea,
            kills: raw.kills,
            after: raw.after,
            needs: raw.needs.into_inner(),
            phase: raw.phase,
            minutes: raw.minutes,
            seed_refs: raw.seed_refs,
            hints: raw.hints.into_inner(),
            clock: raw.clock,
        },
        cluster,
        topics: raw.topic.into_iter().map(Spanned::into_inner).collect(),
        stores: raw.store.into_iter().map(Spanned::into_inner).collect(),
        apps: raw.app.into_iter().map(Spanned::into_inner).collect(),
        may: raw.may.map(Spanned::into_inner).unwrap_or_default(),
        events: raw.event.into_iter().map(Spanned::into_inner).collect(),
        asserts,
        trials,
        predictions,
        prose: Vec::new(),
        setup: None,
        solutions: Vec::new(),
        wrong: Vec::new(),
        files: SortedMap::new(),
    })
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

/// Joins `[predict.ID]` with the question of the same id in the prose, in the prose's order.
fn predictions(
    mut raw: SortedMap<String, Spanned<RawPrediction>>,
    prose: &Prose,
    lines: &Lines<'_>,
) -> Result<Vec<Prediction>, LevelError> {
    let mut out = Vec::new();
    for question in &prose.questions {
        let Some(spanned) = raw.remove(&question.id) else {
            let message =
                format!("predict {:?} has no [predict.{}] in level.toml", question.id, question.id);
            return Err(LevelError::new("README.md", Some(question.line), message));
        };
        let line = lines.of(&spanned);
        let p = spanned.into_inner();
        let reveal = match p.reveal.strip_prefix("after ") {
            Some(label) if prose.labels.contains(label) => Reveal::After(label.to_owned()),
            Some(label) => {
                let message = format!(
                    "predict.{}.reveal: found label {label:?}, expected one of the run blocks {:?}",
                    question.id, prose.labels
                );
                return Err(LevelError::new(FILE, Some(line), message));
            }
            None if p.reveal == "check" => Reveal::Check,
            None => {
                let message = format!(
                    "predict.{}.reveal: found {:?}, expected \"after LABEL\" or \"check\"",
                    question.id, p.reveal
                );
                return Err(LevelError::new(FILE, Some(line), message));
            }
        };
        out.push(Prediction {
            id: question.id.clone(),
            answer: p.answer,
            reveal,
            tolerance: p.tolerance,
            question: question.text.clone(),
            options: question.options.clone(),
        });
    }
    match raw.into_iter().next() {
        Some((id, spanned)) => {
            let message = format!("predict.{id} has no ```predict {id} block in README.md");
            Err(LevelError::new(FILE, Some(lines.of(&spanned)), message))
        }
        None => Ok(out),
    }
}
