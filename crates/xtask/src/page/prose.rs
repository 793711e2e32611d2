//! A level's prose as HTML that can be read without the engine: its live blocks become the
//! transcript, question, drawing or list that they are.

use super::places::{list, text};
use crate::say::Result;
use pulldown_cmark::{Options, Parser};
use serde_json::Value;

/// The prose of an exported level.
pub(crate) fn html(level: &Value) -> Result<String> {
    let mut out = String::new();
    for block in list(level, "prose") {
        if let Some(html) = block["html"].as_str() {
            out.push_str(html);
        } else if block["run"].is_object() {
            out.push_str(&pre(text(&block["run"], "body")?));
        } else if block["show"].is_object() {
            out.push_str(&pre(text(&block["show"], "body")?));
        } else if let Some(id) = block["predict"].as_str() {
            out.push_str(&question(level, id)?);
        } else if block == "goal" {
            out.push_str(&goals(level));
        }
    }
    Ok(out)
}

fn pre(body: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escape(body))
}

fn question(level: &Value, id: &str) -> Result<String> {
    let Some(asked) = list(level, "predictions").iter().find(|asked| asked["id"] == id) else {
        return Ok(String::new());
    };
    Ok(format!(
        "<section><p>{}</p>{}</section>\n",
        inline(text(asked, "question")?),
        items(list(asked, "options"))
    ))
}

fn goals(level: &Value) -> String {
    let goals = list(level, "goals");
    if goals.is_empty() {
        String::new()
    } else {
        format!("<section><h2>Goals</h2>{}</section>\n", items(goals))
    }
}

fn items(of: &[Value]) -> String {
    let items: String = of
        .iter()
        .filter_map(Value::as_str)
        .map(|item| format!("<li>{}</li>", inline(item)))
        .collect();
    if items.is_empty() { items } else { format!("<ul>{items}</ul>") }
}

/// A document of ours, in Markdown.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, Parser::new_ext(text, Options::ENABLE_TABLES));
    out
}

/// A line with `code` in it.
pub(crate) fn inline(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        let part = escape(part);
        out.push_str(&if i % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    out
}

/// Text as HTML text or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn live_blocks_read_as_what_they_are() {
        let level = json!({
            "prose": [
                { "html": "<p>A log.</p>\n" },
                { "run": { "label": "a", "body": "$ echo <b>\n" } },
                { "predict": "q" },
                { "show": { "view": "strip", "params": {}, "body": "orders-0 |" } },
                "goal",
            ],
            "predictions": [{ "id": "q", "question": "How many in `orders`?", "options": ["0", "3"] }],
            "goals": ["`orders` exists"],
        });
        assert_eq!(
            super::html(&level).expect("reads"),
            "<p>A log.</p>\n\
             <pre><code>$ echo &lt;b&gt;\n</code></pre>\n\
             <section><p>How many in <code>orders</code>?</p><ul><li>0</li><li>3</li></ul></section>\n\
             <pre><code>orders-0 |</code></pre>\n\
             <section><h2>Goals</h2><ul><li><code>orders</code> exists</li></ul></section>\n"
        );
    }
}
