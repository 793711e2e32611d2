//! What a parser's error does not say: which of the names that there are is meant.

use logbrook_shell::nearest::nearest;

/// ``unknown field `agreed`, expected one of `at`, `ask` `` with the nearest of them.
pub(super) fn with_nearest(message: &str) -> String {
    let message = message.trim();
    let mut names = message.split('`').skip(1).step_by(2);
    let found = match message.strip_prefix("unknown ") {
        Some(_) => names.next(),
        None => None,
    };
    match found.and_then(|found| nearest(found, names)) {
        Some(name) => format!("{message}; did you mean {name}?"),
        None => message.to_owned(),
    }
}

/// A name that is none of these: which they are, and the nearest.
pub(super) fn one_of(field: &str, found: &str, names: &[&str]) -> String {
    let hint = nearest(found, names.iter().copied());
    let hint = hint.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{field}: found {found:?}, expected one of {}{hint}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_said() {
        assert_eq!(
            with_nearest("unknown field `clam`, expected one of `claims`, `claim`, `text`"),
            "unknown field `clam`, expected one of `claims`, `claim`, `text`; did you mean claim?"
        );
        assert_eq!(with_nearest("missing field `ask`"), "missing field `ask`");
        assert_eq!(
            one_of("world", "thre", &["one", "three"]),
            "world: found \"thre\", expected one of one, three; did you mean three?"
        );
    }
}
