//! What `java.util.regex.Pattern` says of a regular expression that it does not take.

/// The message of the `PatternSyntaxException`, for the mistakes that are made by hand: a bracket
/// that is not closed or not opened, and a repetition of nothing.
pub(crate) fn syntax_error(pattern: &str) -> Option<String> {
    let (description, index) = mistake(pattern)?;
    let mut message = format!("{description} near index {index}\n{pattern}");
    if index < pattern.chars().count() {
        message.push_str(&format!("\n{}^", " ".repeat(index)));
    }
    Some(message)
}

/// What is wrong, and at which character.
fn mistake(pattern: &str) -> Option<(String, usize)> {
    let mut groups = 0;
    // Something stands here that can be repeated.
    let mut repeatable = false;
    let mut chars = pattern.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
                repeatable = true;
            }
            '[' => {
                if !skip_class(&mut chars) {
                    let last = pattern.chars().count() - 1;
                    return Some(("Unclosed character class".to_owned(), last));
                }
                repeatable = true;
            }
            '(' => {
                groups += 1;
                // `(?:`, `(?i)`, `(?<name>`: not a repetition.
                let mut rest = chars.clone();
                if matches!(rest.next(), Some((_, '?'))) {
                    chars = rest;
                }
                repeatable = false;
            }
            ')' if groups == 0 => return Some(("Unmatched closing ')'".to_owned(), at.max(1) - 1)),
            ')' => {
                groups -= 1;
                repeatable = true;
            }
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => {
                return Some((format!("Dangling meta character '{c}'"), at));
            }
            _ => repeatable = true,
        }
    }
    (groups > 0).then(|| ("Unclosed group".to_owned(), pattern.chars().count()))
}

/// Goes past the rest of a class, nested ones too; false if it has no end.
fn skip_class(chars: &mut impl Iterator<Item = (usize, char)>) -> bool {
    let mut depth = 1;
    let mut first = true;
    while let Some((_, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => depth += 1,
            '^' if first => continue,
            // Java takes `[]a]` for a class that is open.
            ']' if !first => {
                depth -= 1;
                if depth == 0 {
                    return true;
                }
            }
            _ => {}
        }
        first = false;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_javas_words() {
        let of = |pattern: &str| syntax_error(pattern).unwrap_or_default();
        assert_eq!(of("or["), "Unclosed character class near index 2\nor[\n  ^");
        assert_eq!(of("(or"), "Unclosed group near index 3\n(or");
        assert_eq!(of("*"), "Dangling meta character '*' near index 0\n*\n^");
        assert_eq!(of("a|+"), "Dangling meta character '+' near index 2\na|+\n  ^");
        assert_eq!(of("a)"), "Unmatched closing ')' near index 0\na)\n^");
        for fine in ["", "or.*", "(?:a|b)+", "[a-z]*", "\\[x", "a??", "[^]]"] {
            assert_eq!(of(fine), "", "{fine}");
        }
    }
}
