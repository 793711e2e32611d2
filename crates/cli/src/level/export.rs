//! `logbrook level export`: the levels as the page loads them, and as JSON for the prerendered pages.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use logbrook_lab::level::{Assert, Level};
use logbrook_lab::packed::Packed;
use logbrook_lab::parse::{read_all, read_questions};
use logbrook_lab::question::proof::{answer, cause, recorded};
use logbrook_lab::question::{Entry as Asked, Measured, Part, Question, Questions, Round, Said};
use logbrook_session::catalog::{Catalog, Entry, Track};
use serde::Serialize;

/// A level with its goals as sentences, which the prerendered page shows before the engine runs.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    level: &'a Level,
    /// In Markdown, code in backticks; in the order of the assertions.
    goals: Vec<String>,
}

pub(crate) fn run(lessons: &Path, out: &Path) -> Result<ExitCode, String> {
    let fail = |e: logbrook_lab::parse::LevelError| format!("{}/{e}", lessons.display());
    let tracks = read_all(lessons).map_err(fail)?;
    let rounds = read_questions(lessons, &tracks).map_err(fail)?;
    let mut catalog = Catalog::default();
    for track in tracks {
        let levels = track.levels.iter().map(Entry::of).collect();
        for level in &track.levels {
            let sentence = |a: &Assert| a.check.sentence(a.when, level);
            let page = Page { level, goals: level.asserts.iter().map(sentence).collect() };
            write(&out.join(&track.slug).join(&level.slug), level, &page)?;
        }
        catalog.tracks.push(Track { slug: track.slug, title: track.title, levels });
    }
    write(&out.join("catalog"), &catalog, &catalog)?;
    let mut questions = Questions::default();
    for round in rounds {
        for question in &round.questions {
            write(&out.join("interview").join(&question.slug), question, &told(question)?)?;
        }
        let entries = round.questions.iter().map(Asked::of).collect();
        questions.rounds.push(Round { slug: round.slug, title: round.title, questions: entries });
    }
    write(&out.join("interview"), &questions, &questions)?;
    Ok(ExitCode::SUCCESS)
}

/// A question with what its runs show, which the prerendered page has without an engine.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    question: &'a Question,
    /// In the order of the points.
    shown: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    lines: Vec<Said>,
    claims: Vec<Measured>,
}

/// Nothing unproven is handed out: points, answers and causes hold under the world's own seed. Sheets,
/// counter-runs and other seeds are left to `question prove`: a build is not to wait for minutes.
fn told(question: &Question) -> Result<Told<'_>, String> {
    let at = |what: &str, why: String| format!("interview/{}.toml, {what}: {why}", question.slug);
    let shown = |point: &logbrook_lab::question::Point| {
        let (lines, claims) = recorded(question, point).map_err(|why| at(&point.id, why))?;
        Ok(Shown { lines, claims })
    };
    match &question.part {
        Part::Explain | Part::Design(_) => {}
        Part::Predict(predict) => {
            answer(question, predict, 0).map_err(|why| at("predict", why))?;
        }
        Part::Diagnose(diagnose) => {
            cause(question, diagnose, 0).map_err(|why| at("diagnose", why))?;
        }
    }
    Ok(Told { question, shown: question.points.iter().map(shown).collect::<Result<_, String>>()? })
}

/// `<path>.bin` for the page, `<path>.json` for who reads along.
fn write(path: &Path, packed: &impl Packed, told: &impl Serialize) -> Result<(), String> {
    let fail = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| fail(&e))?;
    }
    let json = serde_json::to_string(told).map_err(|e| fail(&e))?;
    fs::write(path.with_extension("json"), json).map_err(|e| fail(&e))?;
    fs::write(path.with_extension("bin"), packed.pack()).map_err(|e| fail(&e))
}
