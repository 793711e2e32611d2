//! Reads a level's folder. Every error names the file, the line where one is known, what was found
//! and what is allowed.

mod answers;
mod assertion;
mod folder;
mod hint;
mod prose;
mod question;
mod toml_file;
mod world;

use logbrook_sorted::SortedMap;
use std::fmt;

use crate::level::{Level, Solution};

pub use answers::parse_wrong;
pub use folder::{TrackFolder, read_all, read_level};
pub use prose::{Prose, parse_prose};
pub use question::{QuestionFolder, read_question, read_questions};

/// What is wrong with a level, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelError {
    /// File inside the level's folder, such as `level.toml` or `wrong/typo.session`.
    pub file: String,
    /// Line in that file, from 1, where one is known.
    pub line: Option<usize>,
    /// What was found and what was expected.
    pub message: String,
}

impl LevelError {
    fn new(file: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for LevelError {}

/// The text files of a level's folder: path inside the folder to content.
pub type Files = SortedMap<String, String>;

impl Level {
    /// Reads a level from the files of its folder.
    ///
    /// # Errors
    /// The first thing that does not fit the format.
    pub fn parse(track: &str, slug: &str, files: &Files) -> Result<Self, LevelError> {
        for (what, name) in [("track", track), ("slug", slug)] {
            let fits = !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !fits {
                let message = format!(
                    "{what}: found {name:?}, expected a folder name of lower-case letters, digits and dashes"
                );
                return Err(LevelError::new("level.toml", None, message));
            }
        }
        let get = |name: &str| {
            files.get(name).ok_or_else(|| LevelError::new(name, None, "the file is missing"))
        };
        let prose = parse_prose("README.md", get("README.md")?)?;
        let mut level = toml_file::parse(track, slug, get("level.toml")?, &prose)?;
        level.prose = prose.blocks;
        let mut others = SortedMap::new();
        for (name, text) in files {
            if name == "setup.session" {
                answers::check_lines(name, text)?;
                level.setup = Some(text.clone());
            } else if name.starts_with("solution") && name.ends_with(".session") {
                answers::check_lines(name, text)?;
                level.solutions.push(Solution { file: name.clone(), lines: text.clone() });
            } else if let Some(file) = name.strip_prefix("wrong/") {
                level.wrong.push(parse_wrong(file, text, &level)?);
            } else if name.ends_with(".txt") {
                others.insert(name.clone(), text.clone());
            } else if name != "level.toml" && !name.starts_with("README") {
                let allowed = "level.toml, README.md, README.<lang>.md, setup.session, \
                     solution*.session, wrong/*.session, *.txt";
                return Err(LevelError::new(
                    name,
                    None,
                    format!("not a file of a level; expected {allowed}"),
                ));
            }
        }
        if level.solutions.is_empty() {
            return Err(LevelError::new("solution.session", None, "the file is missing"));
        }
        level.files = others;
        Ok(level)
    }
}
