//! The pattern of an `@until` or an `@expect`.

use std::fmt;

use regex_lite::Regex;

use crate::action::ActionError;

/// A regular expression in whose text `^` and `$` stand for line ends, as in the recorder. Right behind a
/// leading `\A` it may look ahead, so that a session can wait for something to be gone:
/// `\A(?![\s\S]*payload: 10)`. Look-around elsewhere is refused: the engine that is small enough for a page
/// has none, and at the start of the text it is a search of its own.
#[derive(Clone, Debug)]
pub struct LinePattern {
    text: String,
    /// What must be (`true`) and must not be ahead of the start.
    ahead: Vec<(bool, Regex)>,
    regex: Regex,
}

impl LinePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One that is no regular expression, or that looks around elsewhere.
    pub fn new(text: &str) -> Result<LinePattern, ActionError> {
        let compile = |regex: &str| {
            Regex::new(&format!("(?m){regex}")).map_err(|e| {
                let expected = format!(
                    "a regular expression, which may look ahead right behind a leading \\A ({e})"
                );
                ActionError::new(text, expected)
            })
        };
        let mut ahead = Vec::new();
        let mut rest = text;
        if let Some(anchored) = text.strip_prefix(r"\A") {
            rest = anchored;
            while let Some((wanted, inside, behind)) = look_ahead(rest) {
                ahead.push((wanted, compile(&format!(r"\A(?:{inside})"))?));
                rest = behind;
            }
        }
        let regex = match ahead.is_empty() {
            true => compile(text)?,
            false => compile(&format!(r"\A(?:{rest})"))?,
        };
        Ok(LinePattern { text: text.to_owned(), ahead, regex })
    }

    /// Is it in the text?
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.find_end(text).is_some()
    }

    /// The byte behind its first match.
    #[must_use]
    pub fn find_end(&self, text: &str) -> Option<usize> {
        let holds = self.ahead.iter().all(|(wanted, regex)| regex.is_match(text) == *wanted);
        self.regex.find(text).filter(|_| holds).map(|found| found.end())
    }
}

impl fmt::Display for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `(?=…)` or `(?!…)` at the start: whether it is wanted, its inside, and what is behind it.
fn look_ahead(pattern: &str) -> Option<(bool, &str, &str)> {
    let (wanted, inside) = match pattern.strip_prefix("(?=") {
        Some(inside) => (true, inside),
        None => (false, pattern.strip_prefix("(?!")?),
    };
    let (mut depth, mut in_class, mut escaped) = (0usize, false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class && depth > 0 => depth -= 1,
            ')' if !in_class => return Some((wanted, &inside[..at], &inside[at + 1..])),
            _of_the_inside => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        LinePattern::new(pattern).unwrap().is_match(text)
    }

    #[test]
    fn lines_begin_and_end_at_the_anchors() {
        assert!(matches("^b$", "a\nb\nc"));
        assert_eq!(LinePattern::new("b$").unwrap().find_end("a\nb\nc"), Some(3));
    }

    #[test]
    fn a_session_can_wait_until_something_is_gone() {
        let gone = r"\A(?![\s\S]*key: (?:bob|\)))";
        assert!(matches(gone, "key: ann\n"));
        assert!(!matches(gone, "key: ann\nkey: bob\n"));
        assert!(!matches(gone, "key: )"));
        assert!(matches(r"\A(?=[\s\S]*one)(?![\s\S]*two)a", "a\none\n"));
        assert!(!matches(r"\A(?=[\s\S]*one)(?![\s\S]*two)a", "a\none two\n"));
        assert!(!matches(r"\A(?=[\s\S]*one)b", "a b one\n"));
    }

    #[test]
    fn look_around_elsewhere_is_refused_with_what_may_be() {
        let error = LinePattern::new("a(?!b)").unwrap_err().to_string();
        assert!(error.contains("right behind a leading \\A"), "{error}");
        assert!(LinePattern::new(r"\A(?!b").is_err());
    }
}
