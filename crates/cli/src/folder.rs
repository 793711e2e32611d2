//! Finds a level by the name that it has on the command line.

use std::path::{Path, PathBuf};

use logbrook_lab::level::Level;
use logbrook_lab::parse::{read_all, read_level};

/// The folder of a level: `basics/first-record` under `lessons`, or the folder itself.
pub(crate) fn of(level: &Path, lessons: &Path) -> Result<PathBuf, String> {
    let candidates = [level.to_owned(), lessons.join(level)];
    let found = candidates.into_iter().find(|folder| folder.join("level.toml").is_file());
    found.ok_or_else(|| {
        format!(
            "LEVEL: found `{}`, expected a level such as `basics/first-record` under `{}`, or a folder with a level.toml",
            level.display(),
            lessons.display()
        )
    })
}

/// The folders of these levels; of all that `tracks.toml` lists, in its order, where none is named.
pub(crate) fn named_or_all(named: &[PathBuf], lessons: &Path) -> Result<Vec<PathBuf>, String> {
    if !named.is_empty() {
        return named.iter().map(|name| of(name, lessons)).collect();
    }
    let tracks = read_all(lessons).map_err(|e| format!("{}/{e}", lessons.display()))?;
    Ok(tracks.iter().flat_map(|t| &t.levels).map(|level| lessons.join(level.path())).collect())
}

/// The level, read. An error names the file and the line.
pub(crate) fn read(level: &Path, lessons: &Path) -> Result<Level, String> {
    let folder = of(level, lessons)?;
    // A folder named by `.` has a name only once it is made absolute.
    let absolute = folder.canonicalize().map_err(|e| format!("{}: {e}", folder.display()))?;
    read_level(&absolute).map_err(|e| format!("{}/{e}", folder.display()))
}
