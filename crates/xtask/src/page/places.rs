//! The places of the site, as far as they can be read without the engine: what a search engine, a
//! reader without scripting and the first half second see.

use super::prose;
use crate::say::{Doing, Result, failure};
use std::fs;
use std::path::Path;

/// One page.
pub(crate) struct Place {
    /// Under the root, with a slash at the end, or a file's name.
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// HTML for `#app`, in force until the engine takes over.
    pub(crate) body: String,
}

/// What the list of levels needs of one.
struct Level {
    track: String,
    slug: String,
    kind: String,
    title: String,
    idea: String,
    minutes: i64,
    prose: String,
}

const TAGLINE: &str = "Learn Apache Kafka on a real broker that runs in your browser tab: lessons, graded \
    challenges, and every byte of every record.";

/// Home, each level, the sandbox, and the page for an address that is none of them.
pub(crate) fn all(lessons: &Path) -> Result<Vec<Place>> {
    let levels = levels(lessons)?;
    let mut places = vec![home(&levels), sandbox(), not_found()];
    places.extend(levels.iter().map(place));
    Ok(places)
}

fn home(levels: &[Level]) -> Place {
    let mut body = String::from(
        "<main class=\"wrap prerendered\"><h1>Kafka, running in this tab.</h1>\n\
         <p>The broker on this page is real. Break it, rewind it, and be graded on what it did. Nothing you type leaves this tab.</p>\n",
    );
    let mut track = "";
    for level in levels {
        if level.track != track {
            if !track.is_empty() {
                body.push_str("</ul>\n");
            }
            track = &level.track;
            body.push_str(&format!("<h2>{}</h2>\n<ul>\n", prose::escape(&title_of(track))));
        }
        body.push_str(&format!(
            "<li><a href=\"/{}/{}/\">{}</a>: {} {}, {} min</li>\n",
            level.track,
            level.slug,
            prose::escape(&level.title),
            prose::escape(&level.idea),
            prose::escape(&level.kind),
            level.minutes
        ));
    }
    if !track.is_empty() {
        body.push_str("</ul>\n");
    }
    body.push_str("</main>");
    Place {
        path: String::new(),
        title: "Logbrook: Apache Kafka in a browser tab".to_owned(),
        description: TAGLINE.to_owned(),
        body,
    }
}

fn sandbox() -> Place {
    Place {
        path: "sandbox/".to_owned(),
        title: "Sandbox · Logbrook".to_owned(),
        description: "One Kafka broker in this tab, empty, with Kafka's own command line tools.".to_owned(),
        body: "<main class=\"wrap prerendered\"><h1>Sandbox</h1><p>One broker, empty, and Kafka's own command line tools. It starts when the engine has loaded.</p></main>".to_owned(),
    }
}

fn not_found() -> Place {
    Place {
        path: "404.html".to_owned(),
        title: "No such place · Logbrook".to_owned(),
        description: TAGLINE.to_owned(),
        body: "<main class=\"wrap prerendered\"><h1>There is no such place</h1><p>Nothing stands at this address. <a href=\"/\">All levels</a> are on the first page.</p></main>".to_owned(),
    }
}

fn place(level: &Level) -> Place {
    Place {
        path: format!("{}/{}/", level.track, level.slug),
        title: format!("{} · Logbrook", level.title),
        description: level.idea.clone(),
        body: format!(
            "<main class=\"wrap prerendered\"><p><a href=\"/\">Logbrook</a>, {}, {}, {} min</p>\n{}</main>",
            prose::escape(&title_of(&level.track)),
            prose::escape(&level.kind),
            level.minutes,
            level.prose
        ),
    }
}

/// `command-line` as a heading: `Command line`.
fn title_of(track: &str) -> String {
    let words = track.replace('-', " ");
    let mut chars = words.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Every folder `<track>/<slug>/` with a level.toml, in the order of their names.
fn levels(lessons: &Path) -> Result<Vec<Level>> {
    let mut found = Vec::new();
    for track in folders(lessons) {
        for folder in folders(&track) {
            if folder.join("level.toml").is_file() {
                found.push(level(&folder)?);
            }
        }
    }
    Ok(found)
}

fn folders(of: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(of)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    found.sort();
    found
}

fn level(folder: &Path) -> Result<Level> {
    let name = |p: &Path| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = folder.join("level.toml");
    let table: toml::Table =
        fs::read_to_string(&file).doing(file.display())?.parse().doing(file.display())?;
    let text = |key: &str| {
        table.get(key).and_then(toml::Value::as_str).map(str::to_owned).ok_or_else(|| {
            failure(format!(
                "{}: `{key}` is not there or no string; a string was expected.",
                file.display()
            ))
        })
    };
    let readme = folder.join("README.md");
    Ok(Level {
        track: folder.parent().map(name).unwrap_or_default(),
        slug: name(folder),
        kind: text("kind")?,
        title: text("title")?,
        idea: text("idea")?,
        minutes: table.get("minutes").and_then(toml::Value::as_integer).unwrap_or_default(),
        prose: prose::html(&fs::read_to_string(&readme).doing(readme.display())?),
    })
}
