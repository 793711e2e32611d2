//! index.html as a template. It is trunk's file too: `<link data-trunk …>` says which styles and
//! folders the page has, and both trunk and xtask read it there.

use super::places::Place;
use super::prose::escape;
use crate::env::paths;
use crate::say::{Doing, Result, failure};
use std::fs;
use std::path::Path;

/// index.html, with trunk's links taken out and read.
pub(crate) struct Template {
    html: String,
    links: Vec<Link>,
}

/// One `<link data-trunk rel=… href=…>`.
struct Link {
    rel: String,
    href: String,
    target: Option<String>,
}

/// What the head of each place names.
pub(crate) struct Head<'a> {
    pub(crate) style: &'a str,
    pub(crate) script: &'a str,
    pub(crate) wasm: &'a str,
    /// The way to the site's root, `../` or `/`.
    pub(crate) root: &'a str,
}

impl Template {
    pub(crate) fn read(path: &Path) -> Result<Template> {
        Template::parse(&fs::read_to_string(path).doing(path.display())?)
    }

    fn parse(text: &str) -> Result<Template> {
        let mut html = String::with_capacity(text.len());
        let mut links = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            html.push_str(&rest[..start]);
            rest = &rest[start..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                let end = comment.find("-->").ok_or_else(|| {
                    failure("index.html: a comment does not end; `-->` was expected.")
                })?;
                html.push_str(&rest[..end + 7]);
                rest = &rest[end + 7..];
                continue;
            }
            let end = rest
                .find('>')
                .ok_or_else(|| failure("index.html: a tag does not end; `>` was expected."))?
                + 1;
            let (tag, after) = rest.split_at(end);
            if !tag.contains("data-trunk") {
                html.push_str(tag);
                rest = after;
                continue;
            }
            let rel = attribute(tag, "rel").unwrap_or_default().to_owned();
            let href = attribute(tag, "href").unwrap_or_default().to_owned();
            match rel.as_str() {
                "inline" => {
                    html.push_str(
                        fs::read_to_string(paths::root().join(&href)).doing(&href)?.trim_end(),
                    );
                    rest = after;
                }
                "rust" | "css" | "copy-dir" | "copy-file" => {
                    links.push(Link {
                        rel,
                        href,
                        target: attribute(tag, "data-target-path").map(str::to_owned),
                    });
                    // The line that it stood on goes with it.
                    html.truncate(html.trim_end_matches([' ', '\t']).len());
                    rest = after.strip_prefix('\n').unwrap_or(after);
                }
                other => {
                    return Err(failure(format!(
                        "index.html: data-trunk rel=\"{other}\" is not one that xtask knows; css, copy-dir, copy-file, inline or rust was expected."
                    )));
                }
            }
        }
        html.push_str(rest);
        Ok(Template { html, links })
    }

    /// The stylesheets, in order.
    pub(crate) fn styles(&self) -> impl Iterator<Item = &str> {
        self.links.iter().filter(|link| link.rel == "css").map(|link| link.href.as_str())
    }

    /// What is copied as it is: from, and its name in dist.
    pub(crate) fn copies(&self) -> impl Iterator<Item = (&str, String)> {
        self.links.iter().filter(|link| link.rel.starts_with("copy-")).map(|link| {
            let name = link.href.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let to = match (&link.target, link.rel.as_str()) {
                (Some(target), "copy-file") => format!("{target}/{name}"),
                (Some(target), _) => target.clone(),
                (None, _) => name.to_owned(),
            };
            (link.href.as_str(), to)
        })
    }

    /// The page of one place.
    pub(crate) fn fill(&self, head: &Head<'_>, place: &Place) -> Result<String> {
        let Head { style, script, wasm, root } = head;
        let meta = format!(
            "<title>{}</title>\n<meta name=\"description\" content=\"{}\">",
            escape(&place.title),
            escape(&place.description)
        );
        let mut assets = format!(
            "<link rel=\"stylesheet\" href=\"/{style}\">\n<link rel=\"manifest\" href=\"/manifest.webmanifest\">\n"
        );
        if place.live {
            assets.push_str(&format!(
                "<link rel=\"modulepreload\" href=\"/{script}\">\n\
                 <link rel=\"preload\" href=\"/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>\n\
                 <script type=\"module\">import start from \"/{script}\"; start({{ module_or_path: new URL(\"/{wasm}\", document.baseURI) }});</script>\n"
            ));
        }
        // After everything else: nothing that is seen waits for it. A frame in another page installs nothing.
        if !place.path.starts_with("embed/") {
            assets.push_str(
                "<script>if (\"serviceWorker\" in navigator) addEventListener(\"load\", () => setTimeout(() => navigator.serviceWorker.register(new URL(\"/sw.js\", document.baseURI)).catch(() => {}), 4000))</script>\n",
            );
        }
        for asked in &place.asks {
            assets.push_str(&format!(
                "<link rel=\"preload\" href=\"/{asked}\" as=\"fetch\" crossorigin>\n"
            ));
        }
        let html = between(&self.html, "head", &meta)?;
        let html = between(&html, "app", &place.body)?;
        let html = html.replacen("</head>", &format!("{assets}</head>"), 1);
        Ok(html
            .replacen("<html", &format!("<html data-root=\"{root}\""), 1)
            .replace("href=\"/", &format!("href=\"{root}"))
            .replace("src=\"/", &format!("src=\"{root}"))
            .replace("from \"/", &format!("from \"{root}"))
            .replace("new URL(\"/", &format!("new URL(\"{root}")))
    }
}

/// The value of `name="value"` in a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let len = tag[start..].find('"')?;
    Some(&tag[start..start + len])
}

/// Replaces what stands between `<!--name-->` and `<!--/name-->`.
fn between(html: &str, name: &str, with: &str) -> Result<String> {
    let (open, close) = (format!("<!--{name}-->"), format!("<!--/{name}-->"));
    let lacks =
        |mark: &str| failure(format!("index.html: `{mark}` was expected and is not there."));
    let start = html.find(&open).ok_or_else(|| lacks(&open))? + open.len();
    let end = start + html[start..].find(&close).ok_or_else(|| lacks(&close))?;
    Ok(format!("{}{with}{}", &html[..start], &html[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "<html lang=\"en\"><head>\n<!--head--><title>x</title><!--/head-->\n\
        <link data-trunk rel=\"css\" href=\"web/styles/a.css\">\n\
        <link data-trunk rel=\"copy-dir\" href=\"web/fonts\">\n</head>\n\
        <body><a href=\"/sandbox/\">s</a><div id=\"app\"><!--app--><!--/app--></div></body></html>";

    #[test]
    fn a_place_is_reached_from_any_depth_by_relative_paths() {
        let template = Template::parse(INDEX).expect("parses");
        assert_eq!(template.styles().collect::<Vec<_>>(), ["web/styles/a.css"]);
        assert_eq!(template.copies().collect::<Vec<_>>(), [("web/fonts", "fonts".to_owned())]);
        let place = Place {
            path: "a/b/".into(),
            title: "Keys & order".into(),
            description: "d".into(),
            body: "<h1>Hi</h1><a href=\"/\">home</a>".into(),
            asks: vec!["lessons/a/b.bin".to_owned()],
            live: true,
        };
        let html = template
            .fill(&Head { style: "s.css", script: "s.js", wasm: "s.wasm", root: "../../" }, &place)
            .expect("fills");
        for part in [
            "<html data-root=\"../../\" lang",
            "<title>Keys &amp; order</title>",
            "href=\"../../s.css\"",
            "from \"../../s.js\"",
            "new URL(\"../../s.wasm\", document.baseURI)",
            "<a href=\"../../sandbox/\">",
            "<!--app--><h1>Hi</h1><a href=\"../../\">home</a><!--/app-->",
            "<link rel=\"preload\" href=\"../../lessons/a/b.bin\" as=\"fetch\" crossorigin>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("data-trunk"), "{html}");
    }

    #[test]
    fn a_template_without_its_marks_says_which() {
        let template = Template::parse("<html><head></head></html>").expect("parses");
        let place = Place {
            path: String::new(),
            title: String::new(),
            description: String::new(),
            body: String::new(),
            asks: Vec::new(),
            live: true,
        };
        let why = template
            .fill(&Head { style: "", script: "", wasm: "", root: "./" }, &place)
            .expect_err("refused");
        assert_eq!(why.to_string(), "index.html: `<!--head-->` was expected and is not there.");
    }
}
