//! The reference: tools, errors, settings and fields as the engine knows them, and how far the imitation
//! goes. Pages to read: they need no engine and no scripting.

use super::places::{Place, list, text, with_bar};
use super::prose;
use crate::conformance;
use crate::env::paths;
use crate::say::{Doing, Result};
use serde_json::Value;
use std::fmt::Write;
use std::fs;

/// A part of the reference: its folder, its title, and what is in it.
const PARTS: [(&str, &str, &str); 5] = [
    (
        "exact",
        "What is exact, what differs",
        "What is compared at every build, where we know of a difference, what is missing.",
    ),
    ("tools", "Tools", "Kafka's command line tools, with the help that they print."),
    (
        "errors",
        "Errors",
        "Every error of the protocol, its number, and whether a client tries again.",
    ),
    ("configs", "Settings", "Settings of brokers, topics and groups, with type and default."),
    ("fields", "Fields of a batch", "The 61 bytes before the records of a batch."),
];

/// All pages.
pub(crate) fn places(known: &Value) -> Result<Vec<Place>> {
    let mut items = String::new();
    for (slug, title, about) in PARTS {
        let _ = write!(items, "<li><a href=\"/reference/{slug}/\">{title}</a>: {about}</li>");
    }
    let mut places = vec![page(
        "reference/",
        "Reference",
        "What Logbrook knows of Apache Kafka 4.4 by name: tools, errors, settings, fields; and how exact it is.",
        &format!("<h1>Reference</h1><ul>{items}</ul>"),
    )];
    for (slug, title, about) in PARTS {
        let body = match slug {
            "exact" => exact()?,
            "tools" => tools(known)?,
            "errors" => errors(known)?,
            "configs" => configs(known)?,
            _ => fields(known)?,
        };
        let head =
            if slug == "exact" { String::new() } else { format!("<h1>{title}</h1><p>{about}</p>") };
        places.push(page(&format!("reference/{slug}/"), title, about, &format!("{head}{body}")));
    }
    Ok(places)
}

fn page(path: &str, title: &str, description: &str, main: &str) -> Place {
    let back = if path == "reference/" {
        ""
    } else {
        "<p class=\"up\"><a href=\"/reference/\">Reference</a></p>"
    };
    Place {
        path: path.to_owned(),
        title: format!("{title} · Logbrook"),
        description: description.to_owned(),
        body: with_bar(
            "Reference",
            &format!("<div class=\"prose\"><div class=\"md\">{back}{main}</div></div>"),
        ),
        asks: Vec::new(),
        live: false,
    }
}

/// docs/exact.md, and what the replay of each recorded session came to.
fn exact() -> Result<String> {
    let file = paths::root().join("docs/exact.md");
    let markdown = fs::read_to_string(&file).doing(file.display())?;
    Ok(format!("{}{}", prose::markdown(&markdown), sessions(&conformance::kept::read()?)?))
}

/// The table of the replay.
fn sessions(kept: &Value) -> Result<String> {
    let mut rows = String::new();
    let (mut same, mut commands) = (0, 0);
    let all = list(kept, "sessions");
    for session in all {
        let count = |key: &str| session[key].as_u64().unwrap_or_default();
        same += count("same");
        commands += count("commands");
        let _ = write!(
            rows,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{} of {}</td><td>{}</td></tr>",
            prose::escape(text(session, "name")?),
            count("same"),
            count("commands"),
            prose::escape(text(session, "verdict")?),
        );
    }
    Ok(format!(
        "<h2 id=\"sessions\">The recorded sessions, one by one</h2><p>Each was recorded on Apache Kafka and is replayed \
         on a fresh simulated cluster at every build. On {} {same} of {commands} commands in {} sessions were as \
         recorded.</p>{}",
        prose::escape(text(kept, "date")?),
        all.len(),
        table(&["Session", "Commands as recorded", "Verdict"], &rows),
    ))
}

fn tools(known: &Value) -> Result<String> {
    let mut out = String::new();
    for tool in list(known, "tools") {
        let name = text(tool, "name")?;
        let usage = text(tool, "usage")?;
        let _ = write!(
            out,
            "<h2 id=\"{0}\"><code>{0}</code></h2><p>{1}</p>",
            prose::escape(name),
            prose::escape(text(tool, "summary")?),
        );
        if !usage.is_empty() {
            let _ = write!(
                out,
                "<details><summary>--help</summary><pre tabindex=\"0\">{}</pre></details>",
                prose::escape(usage)
            );
        }
    }
    Ok(out)
}

fn errors(known: &Value) -> Result<String> {
    let mut rows = String::new();
    for error in list(known, "errors") {
        let name = text(error, "name")?;
        let again = if error["retriable"] == true { "yes" } else { "no" };
        let _ = write!(
            rows,
            "<tr id=\"{name}\"><td>{}</td><th scope=\"row\"><code>{name}</code></th><td>{again}</td><td>{}</td></tr>",
            error["code"],
            prose::escape(text(error, "message")?),
        );
    }
    Ok(table(&["Code", "Error", "Tried again", "What it says"], &rows))
}

fn configs(known: &Value) -> Result<String> {
    let mut out = String::new();
    for (key, title) in
        [("topic_configs", "Topics"), ("group_configs", "Groups"), ("broker_configs", "Brokers")]
    {
        let mut rows = String::new();
        for config in list(known, key) {
            let name = text(config, "name")?;
            let update =
                config["update"].as_str().map(|mode| format!(", {mode}")).unwrap_or_default();
            let _ = write!(
                rows,
                "<tr id=\"{key}.{name}\"><th scope=\"row\"><code>{name}</code></th><td>{}{update}</td><td>{}</td></tr>",
                text(config, "type")?,
                match config["default"].as_str() {
                    None => "<i>none</i>".to_owned(),
                    Some("") => "<i>empty</i>".to_owned(),
                    Some(value) => format!("<code>{}</code>", prose::escape(value)),
                },
            );
        }
        let _ = write!(out, "<h2>{title}</h2>{}", table(&["Setting", "Type", "Default"], &rows));
    }
    Ok(out)
}

fn fields(known: &Value) -> Result<String> {
    let mut rows = String::new();
    for field in list(known, "fields") {
        let name = text(field, "name")?;
        let _ = write!(
            rows,
            "<tr id=\"{name}\"><td>{}</td><th scope=\"row\"><code>{name}</code></th><td>{}</td><td>{}</td><td>{}</td></tr>",
            field["number"],
            field["first_byte"],
            field["bytes"],
            prose::inline(text(field, "about")?),
        );
    }
    Ok(table(&["", "Field", "First byte", "Bytes", "What it is for"], &rows))
}

fn table(head: &[&str], rows: &str) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// What the finder looks through: kind, name, about, address, with tabs between them.
pub(crate) fn find(known: &Value) -> Result<String> {
    let mut out = String::new();
    for (slug, title, about) in PARTS {
        let _ = writeln!(out, "reference\t{title}\t{about}\treference/{slug}/");
    }
    for tool in list(known, "tools") {
        let (name, summary) = (text(tool, "name")?, text(tool, "summary")?);
        let _ = writeln!(out, "command\t{name}\t{}\treference/tools/#{name}", one_line(summary));
    }
    for error in list(known, "errors") {
        let (name, message) = (text(error, "name")?, text(error, "message")?);
        let _ = writeln!(out, "error\t{name}\t{}\treference/errors/#{name}", one_line(message));
    }
    for (key, what) in
        [("topic_configs", "topic"), ("group_configs", "group"), ("broker_configs", "broker")]
    {
        for config in list(known, key) {
            let name = text(config, "name")?;
            let default = config["default"].as_str().unwrap_or("none");
            let _ = writeln!(
                out,
                "setting\t{name}\tof a {what}, default {}\treference/configs/#{key}.{name}",
                one_line(default)
            );
        }
    }
    for field in list(known, "fields") {
        let (name, about) = (text(field, "name")?, text(field, "about")?);
        let _ = writeln!(out, "field\t{name}\t{}\treference/fields/#{name}", one_line(about));
    }
    Ok(out)
}

/// A tab or a line's end would end the entry.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_engine_knows_is_a_page_and_can_be_found() {
        let known = json!({
            "tools": [{ "name": "kafka-topics.sh", "summary": "Makes\n topics", "usage": "--a <b>" }],
            "errors": [{ "code": 3, "name": "UNKNOWN_TOPIC", "message": "none", "retriable": true }],
            "topic_configs": [{ "name": "retention.ms", "type": "long", "default": "1", "update": null }],
            "fields": [{ "number": 1, "name": "baseOffset", "first_byte": 0, "bytes": 8, "about": "first" }],
        });
        let html: String =
            places(&known).expect("reads").into_iter().map(|place| place.body).collect();
        assert!(html.contains("--a &lt;b&gt;") && html.contains("id=\"UNKNOWN_TOPIC\""), "{html}");
        let kept = json!({ "date": "2026-11-27", "sessions": [
            { "name": "topics-create", "same": 40, "commands": 41, "verdict": "differs" },
        ] });
        let table = sessions(&kept).expect("reads");
        assert!(table.contains("On 2026-11-27 40 of 41 commands in 1 sessions"), "{table}");
        assert!(table.contains("<td>40 of 41</td><td>differs</td>"), "{table}");
        let find = find(&known).expect("reads");
        assert!(find.contains(
            "command\tkafka-topics.sh\tMakes topics\treference/tools/#kafka-topics.sh\n"
        ));
        assert!(find.lines().all(|line| line.split('\t').count() == 4), "{find}");
    }
}
