//! Shell words: a command line split as a POSIX shell splits it, without expansions.

use crate::action::ActionError;

/// Splits at blanks; `'…'`, `"…"` and backslashes quote.
pub fn split(line: &str) -> Result<Vec<String>, ActionError> {
    // `comments` is off: `#` inside a regular expression or a value is a character like any other.
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err(ActionError::new(line, "a closing '")),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            Some('\n') => {}
                            Some(c) => word.extend(['\\', c]),
                            None => return Err(ActionError::new(line, "a closing \"")),
                        },
                        Some(c) => word.push(c),
                        None => return Err(ActionError::new(line, "a closing \"")),
                    }
                }
            }
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err(ActionError::new(line, "a character after \\")),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// A word so that [`split`] gives it back.
pub fn quote(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !"'\"\\$`;|&<>()*?[]#~!{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_as_a_shell_does() {
        for (line, words) in [
            ("a b  c", vec!["a", "b", "c"]),
            (r#"--topic "bad name""#, vec!["--topic", "bad name"]),
            (r#"--topic """#, vec!["--topic", ""]),
            (r"a\ b 'c\d' e#f", vec!["a b", r"c\d", "e#f"]),
            (r#"x="a \"b\" \n $c""#, vec![r#"x=a "b" \n $c"#]),
            ("key.separator=;", vec!["key.separator=;"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        for line in ["'a", "\"a", "a\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn quoting_comes_back(words in prop::collection::vec(".{0,8}", 0..5)) {
            let line: Vec<String> = words.iter().map(|w| quote(w)).collect();
            prop_assert_eq!(split(&line.join(" ")).unwrap(), words);
        }
    }
}
