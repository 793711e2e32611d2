//! `lessons/interview/rounds.toml` and the questions that it lists.

use serde::Deserialize;
use std::fs;
use std::path::Path;

use super::super::hint::one_of;
use super::super::world::Lines;
use super::super::{LevelError, TrackFolder};
use super::read_question;
use crate::question::Question;

/// A round with its questions, in their order.
#[derive(Clone, Debug)]
pub struct QuestionFolder {
    /// Its name.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its questions.
    pub questions: Vec<Question>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rounds {
    round: Vec<RawRound>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRound {
    slug: String,
    title: String,
    questions: Vec<String>,
}

/// Reads every question of `lessons/interview`, in the order that `rounds.toml` gives. A file that it does
/// not list, and a name without a file, are errors; without the folder there are no questions. The levels that questions name must be among `tracks`.
///
/// # Errors
/// The first question that does not read; its file's name is relative to `lessons`.
pub fn read_questions(
    lessons: &Path,
    tracks: &[TrackFolder],
) -> Result<Vec<QuestionFolder>, LevelError> {
    const INDEX: &str = "interview/rounds.toml";
    if !lessons.join("interview").exists() {
        return Ok(Vec::new());
    }
    let read = |file: &str| {
        fs::read_to_string(lessons.join(file))
            .map_err(|e| LevelError::new(file, None, e.to_string()))
    };
    let text = read(INDEX)?;
    let rounds: Rounds = Lines { file: INDEX, text: &text }.read()?;
    let levels: Vec<String> =
        tracks.iter().flat_map(|t| &t.levels).map(crate::level::Level::path).collect();
    let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
    let mut named = vec!["rounds".to_owned()];
    let mut out = Vec::new();
    for round in rounds.round {
        let mut questions = Vec::new();
        for slug in round.questions {
            if named.contains(&slug) {
                return Err(LevelError::new(INDEX, None, format!("{slug:?} is listed twice")));
            }
            let file = format!("interview/{slug}.toml");
            let question = read_question(&slug, &file, &read(&file)?)?;
            if let Some(level) =
                question.head.levels.iter().find(|level| !levels.contains(&level.as_str()))
            {
                return Err(LevelError::new(&file, None, one_of("levels", level, &levels)));
            }
            named.push(slug);
            questions.push(question);
        }
        out.push(QuestionFolder { slug: round.slug, title: round.title, questions });
    }
    let folder = fs::read_dir(lessons.join("interview"))
        .map_err(|e| LevelError::new("interview", None, e.to_string()))?;
    for entry in folder.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = name.strip_suffix(".toml").is_some_and(|slug| named.iter().any(|n| n == slug));
        if !known {
            return Err(LevelError::new(INDEX, None, format!("interview/{name} is not listed")));
        }
    }
    Ok(out)
}
