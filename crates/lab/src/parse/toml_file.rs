//! `level.toml`, read strictly: an unknown key is an error at its line.

use logbrook_sorted::SortedMap;

use serde::Deserialize;
use toml::Spanned;

use super::LevelError;
use super::prose::Prose;
use super::world::{Lines, Tables};
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

pub(super) fn parse(
    track: &str,
    slug: &str,
    text: &str,
    prose: &Prose,
) -> Result<Level, LevelError> {
    let lines = Lines { file: FILE, text };
    let raw: Raw = lines.read()?;
    let fail = |line: usize, message: String| lines.fail(line, message);

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
    let predictions = predictions(raw.predict, prose, &lines)?;
    let world = Tables {
        cluster: raw.cluster,
        topic: raw.topic,
        store: raw.store,
        app: raw.app,
        may: raw.may,
        event: raw.event,
        assert: raw.assert,
        trial: raw.trial,
    };
    let world = world.checked(&lines)?;

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
        cluster: world.cluster,
        topics: world.topics,
        stores: world.stores,
        apps: world.apps,
        may: world.may.unwrap_or_default(),
        events: world.events,
        asserts: world.asserts,
        trials: world.trials,
        predictions,
        prose: Vec::new(),
        setup: None,
        solutions: Vec::new(),
        wrong: Vec::new(),
        files: SortedMap::new(),
    })
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
