//! Finds levels on disk: `lessons/<track>/<slug>/`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Files, LevelError};
use crate::level::Level;

/// A track with its levels, in the order of the path.
#[derive(Clone, Debug)]
pub struct TrackFolder {
    /// Folder.
    pub slug: String,
    /// Title, from `tracks.toml`.
    pub title: String,
    /// Levels in the order in which they should be done.
    pub levels: Vec<Level>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Tracks {
    track: Vec<RawTrack>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrack {
    folder: String,
    title: String,
    levels: Vec<String>,
}

/// Reads one level's folder.
///
/// # Errors
/// A file that cannot be read, or that does not fit the format. The file's name is relative to the
/// level's folder.
pub fn read_level(folder: &Path) -> Result<Level, LevelError> {
    let name = |p: Option<&Path>| {
        p.and_then(|p| p.file_name()).and_then(|n| n.to_str()).unwrap_or_default().to_owned()
    };
    let mut files = Files::new();
    collect(folder, folder, &mut files)?;
    Level::parse(&name(folder.parent()), &name(Some(folder)), &files)
}

fn collect(root: &Path, folder: &Path, files: &mut Files) -> Result<(), LevelError> {
    let fail = |path: &Path, e: std::io::Error| {
        LevelError::new(
            &path.strip_prefix(root).unwrap_or(path).display().to_string(),
            None,
            e.to_string(),
        )
    };
    for entry in fs::read_dir(folder).map_err(|e| fail(folder, e))? {
        let path = entry.map_err(|e| fail(folder, e))?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let relative = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let text = fs::read_to_string(&path).map_err(|e| fail(&path, e))?;
            files.insert(relative.replace('\\', "/"), text);
        }
    }
    Ok(())
}

/// Reads every level of `lessons`, in the order that `tracks.toml` gives. A folder that
/// `tracks.toml` does not name, or a name without a folder, is an error: nothing is left out in
/// silence.
///
/// # Errors
/// The first level that does not read; its file's name is relative to `lessons`.
pub fn read_all(lessons: &Path) -> Result<Vec<TrackFolder>, LevelError> {
    const INDEX: &str = "tracks.toml";
    let text = fs::read_to_string(lessons.join(INDEX))
        .map_err(|e| LevelError::new(INDEX, None, e.to_string()))?;
    let tracks: Tracks = toml::from_str(&text).map_err(|e| {
        let line = e.span().map(|s| text[..s.start].matches('\n').count() + 1);
        LevelError::new(INDEX, line, e.message().to_owned())
    })?;
    let mut named = Vec::new();
    let mut out = Vec::new();
    for track in tracks.track {
        let mut levels = Vec::new();
        for slug in track.levels {
            let folder = lessons.join(&track.folder).join(&slug);
            let level = read_level(&folder).map_err(|e| LevelError {
                file: format!("{}/{slug}/{}", track.folder, e.file),
                ..e
            })?;
            named.push(folder);
            levels.push(level);
        }
        out.push(TrackFolder { slug: track.folder, title: track.title, levels });
    }
    for folder in level_folders(lessons) {
        if !named.contains(&folder) {
            let message = format!(
                "{} is not listed",
                folder.strip_prefix(lessons).unwrap_or(&folder).display()
            );
            return Err(LevelError::new(INDEX, None, message));
        }
    }
    check_after(&out)?;
    Ok(out)
}

/// Every folder with a `level.toml`, sorted.
fn level_folders(lessons: &Path) -> Vec<PathBuf> {
    let children = |folder: &Path| {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .map(|d| d.flatten().map(|e| e.path()).collect())
            .unwrap_or_default();
        paths.sort();
        paths
    };
    let levels = children(lessons).into_iter().flat_map(|track| children(&track));
    levels.filter(|folder| folder.join("level.toml").is_file()).collect()
}

/// `after` may name levels that this build does not have yet; among those it has there is no cycle,
/// because each stands before the levels that name it.
fn check_after(tracks: &[TrackFolder]) -> Result<(), LevelError> {
    let all: Vec<&Level> = tracks.iter().flat_map(|t| &t.levels).collect();
    for (i, level) in all.iter().enumerate() {
        for path in &level.head.after {
            if let Some(at) = all.iter().position(|l| l.path() == *path)
                && at >= i
            {
                let file = format!("{}/level.toml", level.path());
                return Err(LevelError::new(
                    &file,
                    None,
                    format!("after: {path:?} stands later on the path"),
                ));
            }
        }
    }
    Ok(())
}
