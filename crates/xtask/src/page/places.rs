//! The places of the site, as far as they can be read without the engine: what a search engine, a
//! reader without scripting and the first half second see.

use super::lessons;
use super::prose;
use crate::env::paths;
use crate::say::{Doing, Result, failure};
use serde_json::Value;
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
    /// What the page asks for beside the engine, under the root.
    pub(crate) asks: Vec<String>,
    /// Whether the engine takes it over; a page to read stays as it is.
    pub(crate) live: bool,
}

const CATALOG: &str = "lessons/catalog.bin";

const TAGLINE: &str = "Learn Apache Kafka on a real broker that runs in your browser tab: lessons, graded \
    challenges, and every byte of every record.";

/// Home, each level, the sandbox, and the page for an address that is none of them.
pub(crate) fn all(exported: &Path) -> Result<Vec<Place>> {
    let catalog = lessons::read(&exported.join("catalog.json"))?;
    let mut places = vec![home(&catalog)?, sandbox(), not_found(), exact()?];
    for track in list(&catalog, "tracks") {
        for entry in list(track, "levels") {
            let (track_slug, slug) = (text(track, "slug")?, text(entry, "slug")?);
            let level = lessons::read(&exported.join(track_slug).join(format!("{slug}.json")))?;
            places.push(place(track, entry, &level)?);
        }
    }
    Ok(places)
}

fn home(catalog: &Value) -> Result<Place> {
    let mut body = String::from(
        "<main class=\"wrap prerendered\"><h1>Kafka, running in this tab.</h1>\n\
         <p>The broker on this page is real. Break it, rewind it, and be graded on what it did. \
         Nothing you type leaves this tab.</p>\n",
    );
    for track in list(catalog, "tracks") {
        body.push_str(&format!("<h2>{}</h2>\n<ul>\n", prose::escape(text(track, "title")?)));
        for entry in list(track, "levels") {
            body.push_str(&format!(
                "<li><a href=\"/{}/{}/\">{}</a>: {} {}, {} min</li>\n",
                text(track, "slug")?,
                text(entry, "slug")?,
                prose::escape(text(entry, "title")?),
                prose::inline(text(entry, "idea")?),
                prose::escape(text(entry, "kind")?),
                entry["minutes"],
            ));
        }
        body.push_str("</ul>\n");
    }
    body.push_str("</main>");
    Ok(Place {
        path: String::new(),
        title: "Logbrook: Apache Kafka in a browser tab".to_owned(),
        description: TAGLINE.to_owned(),
        body,
        asks: vec![CATALOG.to_owned()],
        live: true,
    })
}

fn sandbox() -> Place {
    Place {
        path: "sandbox/".to_owned(),
        title: "Sandbox · Logbrook".to_owned(),
        description: "One Kafka broker in this tab, empty, with Kafka's own command line tools.".to_owned(),
        body: "<main class=\"wrap prerendered\"><h1>Sandbox</h1><p>One broker, empty, and Kafka's own \
            command line tools. It starts when the engine has loaded.</p></main>"
            .to_owned(),
        asks: vec![CATALOG.to_owned()],
        live: true,
    }
}

/// docs/exact.md: how far the imitation goes.
fn exact() -> Result<Place> {
    let file = paths::root().join("docs/exact.md");
    let markdown = fs::read_to_string(&file).doing(file.display())?;
    Ok(Place {
        path: "reference/exact/".to_owned(),
        title: "What is exact, what differs, what is not modelled · Logbrook".to_owned(),
        description:
            "How far Logbrook imitates Apache Kafka: what is compared at every build, where it \
            differs, and what is missing."
                .to_owned(),
        body: format!(
            "<header class=\"top\"><a class=\"brand\" href=\"/\"><svg class=\"logo\" aria-hidden=\"true\"><use \
             href=\"#logo\"/></svg>Logbrook</a><nav aria-label=\"Main\"><a href=\"/\">Learn</a><a \
             href=\"/reference/exact/\" aria-current=\"page\">Reference</a></nav></header>\n\
             <main class=\"wrap prerendered\"><div class=\"prose\"><div class=\"md\">{}</div></div></main>",
            prose::markdown(&markdown)
        ),
        asks: Vec::new(),
        live: false,
    })
}

fn not_found() -> Place {
    Place {
        path: "404.html".to_owned(),
        title: "No such place · Logbrook".to_owned(),
        description: TAGLINE.to_owned(),
        body: "<main class=\"wrap prerendered\"><h1>There is no such place</h1><p>Nothing stands at this \
            address. <a href=\"/\">All levels</a> are on the first page.</p></main>"
            .to_owned(),
        asks: vec![CATALOG.to_owned()],
        live: true,
    }
}

fn place(track: &Value, entry: &Value, level: &Value) -> Result<Place> {
    let title = text(entry, "title")?;
    Ok(Place {
        path: format!("{}/{}/", text(track, "slug")?, text(entry, "slug")?),
        title: format!("{title} · Logbrook"),
        description: text(entry, "idea")?.to_owned(),
        body: format!(
            "<main class=\"wrap prerendered\"><p><a href=\"/\">Logbrook</a>, {}, {}, {} min</p>\n<h1>{}</h1>\n{}</main>",
            prose::escape(text(track, "title")?),
            prose::escape(text(entry, "kind")?),
            entry["minutes"],
            prose::escape(title),
            prose::html(level)?
        ),
        asks: vec![
            CATALOG.to_owned(),
            format!("lessons/{}/{}.bin", text(track, "slug")?, text(entry, "slug")?),
        ],
        live: true,
    })
}

/// A string of the export; its absence is a change of format that this file must follow.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .ok_or_else(|| failure(format!("the exported levels have no string `{key}` in {value}")))
}

/// A list of the export; what is not there is empty.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}
