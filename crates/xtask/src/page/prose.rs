//! A level's README as HTML that can be read without the engine: its live blocks become the
//! transcript, question or list that they are.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Markdown to HTML. HTML in the source is shown, not obeyed.
pub(crate) fn html(markdown: &str) -> String {
    let mut events = Vec::new();
    let mut block: Option<(String, String)> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                block = Some((info.to_string(), String::new()))
            }
            Event::End(TagEnd::CodeBlock) if block.is_some() => {
                if let Some((info, body)) = block.take() {
                    events.push(Event::Html(CowStr::from(fence(&info, &body))));
                }
            }
            Event::Text(text) if block.is_some() => {
                if let Some((_, body)) = &mut block {
                    body.push_str(&text);
                }
            }
            Event::Html(raw) | Event::InlineHtml(raw) => events.push(Event::Text(raw)),
            other => events.push(other),
        }
    }
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    out
}

/// One fenced block.
fn fence(info: &str, body: &str) -> String {
    let kind = info.split_whitespace().next().unwrap_or_default();
    match kind {
        "goal" => format!("<section><h2>Goals</h2><ul>{}</ul></section>\n", items(body)),
        "predict" => {
            let question: Vec<&str> = body.lines().filter(|line| !line.starts_with("- ")).collect();
            format!(
                "<section><p>{}</p><ul>{}</ul></section>\n",
                inline(&question.join(" ")),
                items(body)
            )
        }
        "run" => format!("<pre class=\"run\"><code>{}</code></pre>\n", escape(body)),
        _ => format!("<pre><code>{}</code></pre>\n", escape(body)),
    }
}

fn items(body: &str) -> String {
    body.lines()
        .filter_map(|line| line.strip_prefix("- "))
        .map(|item| format!("<li>{}</li>", inline(item)))
        .collect()
}

/// A line of Markdown without its paragraph.
fn inline(text: &str) -> String {
    let html = html(text);
    html.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned()
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
    use super::html;

    #[test]
    fn live_blocks_read_as_what_they_are() {
        let readme = "# T\n\n```predict q\nHow many?\n- 0\n- `3`\n```\n\n```goal\n- `orders` exists\n```\n\n```run a\n$ echo <b>\n```\n";
        assert_eq!(
            html(readme),
            "<h1>T</h1>\n<section><p>How many?</p><ul><li>0</li><li><code>3</code></li></ul></section>\n\
             <section><h2>Goals</h2><ul><li><code>orders</code> exists</li></ul></section>\n\
             <pre class=\"run\"><code>$ echo &lt;b&gt;\n</code></pre>\n"
        );
    }

    #[test]
    fn html_in_a_readme_is_shown_and_not_obeyed() {
        assert!(!html("a <script>x</script>\n\n<script>y</script>\n").contains("<script"));
    }
}
