//! Regular expressions of subscriptions (KIP-848), as RE2/J reads them (`TopicRegexResolver`).

use logbrook_group::{RegexRefresh, TopicsImage};
use logbrook_sorted::{SortedMap, SortedSet};
use regex_lite::Regex;

/// What is wrong with a regular expression, in the words of RE2/J where we know them.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    Regex::new(pattern)
        .map(drop)
        .map_err(|error| re2_description(pattern).map_or_else(|| error.to_string(), str::to_owned))
}

/// The topics that each regular expression matches, whole names only.
pub(super) fn resolve(
    refresh: &RegexRefresh,
    topics: &TopicsImage,
) -> SortedMap<String, SortedSet<String>> {
    let matches = |pattern: &String| -> SortedSet<String> {
        // Alone it is valid; so is it in a group of its own.
        match Regex::new(pattern).and_then(|_| Regex::new(&format!(r"\A(?:{pattern})\z"))) {
            Ok(regex) => topics
                .topic_names()
                .filter(|name| regex.is_match(name))
                .map(str::to_owned)
                .collect(),
            Err(_) => SortedSet::new(),
        }
    };
    refresh.regexes.iter().map(|pattern| (pattern.clone(), matches(pattern))).collect()
}

/// The commonest mistakes, as `com.google.re2j.Parser` names them.
fn re2_description(pattern: &str) -> Option<&'static str> {
    let mut depth = 0_u32;
    let mut in_class = false;
    let mut may_repeat = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if chars.next().is_none() {
                    return Some("trailing backslash at end of expression");
                }
                may_repeat = true;
            }
            ']' if in_class => {
                in_class = false;
                may_repeat = true;
            }
            _ if in_class => {}
            '[' => {
                in_class = true;
                // A bracket that comes first stands for itself.
                let _ = chars.next_if_eq(&'^');
                let _ = chars.next_if_eq(&']');
            }
            '(' => {
                depth += 1;
                may_repeat = false;
                let _ = chars.next_if_eq(&'?');
            }
            ')' => match depth.checked_sub(1) {
                Some(less) => {
                    depth = less;
                    may_repeat = true;
                }
                None => return Some("regexp/syntax: internal error"),
            },
            '*' | '+' | '?' if !may_repeat => {
                return Some("missing argument to repetition operator");
            }
            '|' => may_repeat = false,
            _ => may_repeat = true,
        }
    }
    if in_class {
        Some("missing closing ]")
    } else if depth > 0 {
        Some("missing closing )")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_match() {
        let topics = ["orders", "orders-eu", "payments"].map(|name| {
            (name.to_owned(), logbrook_group::TopicMetadata::new([name.len() as u8; 16], 1))
        });
        let refresh = RegexRefresh {
            group_id: "g".into(),
            regexes: ["orders", "orders.*", "pay|orders", "("].map(String::from).into(),
        };
        let resolved = resolve(&refresh, &TopicsImage::new(1, topics.into()));
        let matched = |regex: &str| resolved[regex].iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(matched("orders"), "orders");
        assert_eq!(matched("orders.*"), "orders orders-eu");
        assert_eq!(matched("pay|orders"), "orders");
        assert_eq!(matched("("), "");
    }

    #[test]
    fn mistakes_are_named_as_re2_names_them() {
        assert_eq!(check("[abc"), Err("missing closing ]".into()));
        assert_eq!(check("(abc"), Err("missing closing )".into()));
        assert_eq!(check("*abc"), Err("missing argument to repetition operator".into()));
        assert_eq!(check("abc\\"), Err("trailing backslash at end of expression".into()));
        assert_eq!(check("[]a]b?(c|d)*"), Ok(()));
    }
}
