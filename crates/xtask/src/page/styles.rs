//! One stylesheet from the ones that index.html names, in its order.

use super::template::Template;
use super::{content_hash, write};
use crate::env::paths;
use crate::say::{Doing, Result};
use std::fs;
use std::path::Path;

/// Writes the stylesheet and answers with its name in dist.
pub(crate) fn bundle(template: &Template, dist: &Path) -> Result<String> {
    let mut css = String::new();
    for file in template.styles() {
        let path = paths::root().join(file);
        css.push_str(&lean(&fs::read_to_string(&path).doing(file)?));
        css.push('\n');
    }
    let name = format!("logbrook-{}.css", content_hash(css.as_bytes()));
    write(&dist.join(&name), css.as_bytes())?;
    Ok(name)
}

/// Drops comments and the white space that means nothing. White space between two other things
/// stays one space: in a selector it is a descendant, in `calc` it is syntax.
fn lean(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut chars = css.chars().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                space = true;
            }
            c if c.is_whitespace() => space = true,
            c => {
                if space
                    && !matches!(c, '{' | '}' | ';')
                    && !out.ends_with(['{', '}', ';'])
                    && !out.is_empty()
                {
                    out.push(' ');
                }
                space = false;
                out.push(c);
                if c == '"' || c == '\'' {
                    string(c, &mut chars, &mut out);
                }
            }
        }
    }
    out
}

/// Copies the rest of a string as it is, up to its closing quote.
fn string(quote: char, chars: &mut impl Iterator<Item = char>, out: &mut String) {
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            out.extend(chars.next());
        } else if c == quote {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lean;

    #[test]
    fn what_means_nothing_is_dropped_and_the_rest_is_kept() {
        let css = "/* a */\n.a > .b  .c :hover {\n  width: calc(1px + 2px); /* x */\n  content: \" /* no */  \";\n}\n\n.d,\n.e { }";
        assert_eq!(
            lean(css),
            ".a > .b .c :hover{width: calc(1px + 2px);content: \" /* no */  \";}.d, .e{}"
        );
    }

    #[test]
    fn a_quote_in_a_comment_and_an_escape_in_a_string_end_nothing() {
        assert_eq!(lean("/* don't */ a{b:'\\''}\nc{}"), "a{b:'\\''}c{}");
    }
}
