//! The places of the site, as far as they can be read without the engine: what a search engine, a
//! reader without scripting and the first half second see.

use super::lessons;
use super::prose;
use crate::say::{Result, failure};
use serde_json::Value;
use std::path::Path;

/// One page.
#[derive(Clone)]
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

/// Home, each track and level, the sandbox, on call, and the page for an address that is none of them.
pub(crate) fn all(exported: &Path) -> Result<Vec<Place>> {
    let catalog = lessons::read(&exported.join("catalog.json"))?;
    let mut places = vec![home(&catalog)?, sandbox(), on_call(&catalog)?, not_found()];
    for track in list(&catalog, "tracks") {
        // The drills' own track has the place that lists all drills.
        if text(track, "slug")? != "oncall" {
            places.push(track_place(track)?);
        }
        for entry in list(track, "levels") {
            let (track_slug, slug) = (text(track, "slug")?, text(entry, "slug")?);
            let level = lessons::read(&exported.join(track_slug).join(format!("{slug}.json")))?;
            let place = place(track, entry, &level)?;
            places.push(embedded(&place));
            places.push(place);
        }
    }
    Ok(places)
}

fn home(catalog: &Value) -> Result<Place> {
    let mut body = String::from(
        "<h1>Kafka, running in this tab.</h1>\n\
         <p>The broker on this page is real. Break it, step through it, and be graded on what it did. \
         Nothing you type leaves this tab.</p>\n",
    );
    for track in list(catalog, "tracks") {
        body.push_str(&format!("<h2>{}</h2>\n<ul>\n", prose::escape(text(track, "title")?)));
        for entry in list(track, "levels") {
            body.push_str(&item(track, entry)?);
        }
        body.push_str("</ul>\n");
    }
    Ok(Place {
        path: String::new(),
        title: "Logbrook: Apache Kafka in a browser tab".to_owned(),
        description: TAGLINE.to_owned(),
        body: with_bar("Learn", &body),
        asks: vec![CATALOG.to_owned()],
        live: true,
    })
}

fn sandbox() -> Place {
    Place {
        path: "sandbox/".to_owned(),
        title: "Sandbox · Logbrook".to_owned(),
        description: "A Kafka cluster of your own in this tab: brokers, topics, applications and faults, with \
             Kafka's own command line tools."
            .to_owned(),
        body: with_bar(
            "Sandbox",
            "<h1>Sandbox</h1><p>A cluster of your own, from nothing or from a template: one broker; three \
             brokers with three copies; transactions; compaction; dead letters. Every command and every fault is \
             allowed. It starts when the engine has loaded.</p>",
        ),
        asks: vec![CATALOG.to_owned()],
        live: true,
    }
}

fn not_found() -> Place {
    Place {
        path: "404.html".to_owned(),
        title: "No such place · Logbrook".to_owned(),
        description: TAGLINE.to_owned(),
        body: with_bar(
            "",
            "<h1>There is no such place</h1><p>Nothing stands at this address. <a href=\"/\">All levels</a> are \
             on the first page.</p>",
        ),
        asks: vec![CATALOG.to_owned()],
        live: true,
    }
}

fn on_call(catalog: &Value) -> Result<Place> {
    let mut items = String::new();
    for track in list(catalog, "tracks") {
        for entry in list(track, "levels").iter().filter(|entry| entry["kind"] == "drill") {
            items.push_str(&item(track, entry)?);
        }
    }
    let list = match items.as_str() {
        "" => "<p>This build has no drills yet.</p>".to_owned(),
        items => format!("<ul>\n{items}</ul>"),
    };
    Ok(Place {
        path: "oncall/".to_owned(),
        title: "On call · Logbrook".to_owned(),
        description: "Drills: a cluster that is already on fire, and a pager.".to_owned(),
        body: with_bar(
            "On call",
            &format!(
                "<h1>On call</h1><p>A cluster that is already on fire, and a pager.</p>\n{list}"
            ),
        ),
        asks: vec![CATALOG.to_owned()],
        live: true,
    })
}

fn track_place(track: &Value) -> Result<Place> {
    let (slug, title) = (text(track, "slug")?, text(track, "title")?);
    let mut items = String::new();
    for entry in list(track, "levels") {
        items.push_str(&item(track, entry)?);
    }
    let count = list(track, "levels").len();
    Ok(Place {
        path: format!("{slug}/"),
        title: format!("{title} · Logbrook"),
        description: format!(
            "Apache Kafka, {}: {count} levels on a real broker in this tab.",
            title.to_lowercase()
        ),
        body: with_bar("Learn", &format!("<h1>{}</h1>\n<ul>\n{items}</ul>", prose::escape(title))),
        asks: vec![CATALOG.to_owned()],
        live: true,
    })
}

/// A level in a list.
fn item(track: &Value, entry: &Value) -> Result<String> {
    Ok(format!(
        "<li><a href=\"/{}/{}/\">{}</a>: {} {}, {} min</li>\n",
        text(track, "slug")?,
        text(entry, "slug")?,
        prose::escape(text(entry, "title")?),
        prose::inline(text(entry, "idea")?),
        prose::escape(text(entry, "kind")?),
        entry["minutes"],
    ))
}

/// What stands before the engine, or without it: the bar of the places, and the text.
pub(crate) fn with_bar(current: &str, main: &str) -> String {
    let places = [
        ("Learn", "/"),
        ("Sandbox", "/sandbox/"),
        ("On call", "/oncall/"),
        ("Reference", "/reference/"),
    ];
    let link = |(name, path): (&str, &str)| {
        let here = if name == current { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{path}\"{here}>{name}</a>")
    };
    let links: String = places.map(link).concat();
    format!(
        "<header class=\"top\"><a class=\"brand\" href=\"/\" aria-label=\"Logbrook, home\"><svg class=\"logo\" \
         aria-hidden=\"true\"><use href=\"#logo\"/></svg><svg class=\"word\" aria-hidden=\"true\"><use \
         href=\"#word\"/></svg></a><nav aria-label=\"Main\">{links}</nav></header>\n\
         <main class=\"wrap prerendered\">{main}</main>"
    )
}

/// The same level without navigation, for a frame in another page. It is found by its own address, not by
/// a search.
fn embedded(place: &Place) -> Place {
    Place { path: format!("embed/{}", place.path), ..place.clone() }
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
