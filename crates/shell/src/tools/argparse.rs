//! Command lines as argparse4j 0.7.0 reads them, which the other half of Kafka's tools uses.
//!
//! As with jopt-simple, the words of a tool's `--help` are Kafka's own bytes, kept in `help/`; what an
//! option is beyond its name stands in a [`Spec`].

use logbrook_broker::config_def::parse_double;
use logbrook_sorted::SortedMap;

/// What an option does with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// One argument.
    Store,
    /// One argument that is an integer.
    StoreInteger,
    /// One argument that is a long.
    StoreLong,
    /// One argument that is a short.
    StoreShort,
    /// One argument that is a double.
    StoreDouble,
    /// One argument and all that follow it up to the next option (`nargs("+")`).
    StoreAll,
    /// One argument each time that it is given.
    Append,
    /// Nothing.
    StoreTrue,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arg {
    /// Its names with their dashes, the one that stands for it first.
    pub(crate) names: &'static [&'static str],
    pub(crate) action: Action,
    pub(crate) required: bool,
}

/// An option that need not be there.
pub(crate) const fn arg(names: &'static [&'static str], action: Action) -> Arg {
    Arg { names, action, required: false }
}

/// Options of which at most one may be given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exclusive {
    /// The first names.
    pub(crate) names: &'static [&'static str],
    /// One must be.
    pub(crate) required: bool,
}

/// A parser, or one of its commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// The command that begins it; the program's name at the top.
    pub(crate) name: &'static str,
    /// What `--help` prints.
    pub(crate) help: &'static str,
    pub(crate) args: &'static [Arg],
    pub(crate) exclusive: &'static [Exclusive],
    pub(crate) commands: &'static [Spec],
}

impl Spec {
    /// The usage: the help's first paragraph.
    fn usage(&self) -> &'static str {
        let end = self.help.find("\n\n").map_or(self.help.len(), |at| at + 1);
        &self.help[..end]
    }

    /// How argparse4j calls an option in its messages.
    fn shown(&self, name: &str) -> String {
        let arg = self.args.iter().find(|arg| arg.names.contains(&name));
        arg.map_or(name.to_owned(), |arg| arg.names.join("/"))
    }
}

/// Why a command line is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// `--help`: print this.
    Help(&'static str),
    /// Something is wrong with it.
    Wrong {
        /// The usage of the parser that found it, as it prints.
        usage: &'static str,
        /// `ArgumentParserException.getMessage()`.
        message: String,
    },
}

impl Refused {
    /// What `ArgumentParser.handleError` prints.
    pub(crate) fn printed(usage: &str, program: &str, message: &str) -> String {
        // The end of the line counts as a column.
        format!("{usage}{}", wrap(&format!("{program}: error: {message}\n"), WIDTH))
    }
}

/// What a command line says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Namespace {
    values: SortedMap<&'static str, Vec<String>>,
    /// The command, where there are some.
    pub(crate) command: &'static str,
}

impl Namespace {
    /// Was the option given?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The last value given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// Every value given.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The last value given, of an option of integers.
    pub(crate) fn int(&self, name: &str) -> Option<i32> {
        self.get(name).and_then(|value| value.parse().ok())
    }
}

/// Reads a command line (without the program's name).
pub(crate) fn parse(spec: &'static Spec, argv: &[String]) -> Result<Namespace, Refused> {
    let mut namespace = Namespace::default();
    read(spec, argv, &mut namespace)?;
    Ok(namespace)
}

fn read(spec: &'static Spec, argv: &[String], into: &mut Namespace) -> Result<(), Refused> {
    let wrong = |message: String| Err(Refused::Wrong { usage: spec.usage(), message });
    let mut words = argv.iter();
    let mut command = None;
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "-h" | "--help") {
            return Err(Refused::Help(spec.help));
        }
        if !is_flag(word) {
            if spec.commands.is_empty() {
                return wrong(format!("unrecognized arguments: '{word}'"));
            }
            let Some(found) = spec.commands.iter().find(|command| command.name == word) else {
                let names: Vec<String> =
                    spec.commands.iter().map(|command| format!("'{}'", command.name)).collect();
                let all = names.join(", ");
                return wrong(format!("invalid choice: '{word}' (choose from {all})"));
            };
            into.command = found.name;
            command = Some(found);
            read(found, words.as_slice(), into)?;
            break;
        }
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (word.as_str(), None),
        };
        let Some(arg) = spec.args.iter().find(|arg| arg.names.contains(&name)) else {
            return wrong(format!("unrecognized arguments: '{word}'"));
        };
        let Some(first) = arg.names.first().copied() else { continue };
        let group = spec.exclusive.iter().find(|group| group.names.contains(&first));
        if let Some(group) = group
            && let Some(other) =
                group.names.iter().find(|other| **other != first && into.has(other))
        {
            return wrong(format!(
                "argument {}: not allowed with argument {}",
                spec.shown(first),
                spec.shown(other)
            ));
        }
        let values = into.values.entry(first).or_default();
        if arg.action == Action::StoreTrue {
            continue;
        }
        let value = match attached {
            Some(value) => value.to_owned(),
            None => match words.next().filter(|next| !is_flag(next)) {
                Some(value) => value.clone(),
                None => {
                    let expected = match arg.action {
                        Action::StoreAll => "1 argument(s)",
                        _ => "one argument",
                    };
                    let name = spec.shown(first);
                    return wrong(format!("argument {name}: expected {expected}"));
                }
            },
        };
        let (valid, kind) = match arg.action {
            Action::StoreDouble => (parse_double(&value).is_some(), "Double"),
            Action::StoreInteger => (value.parse::<i32>().is_ok(), "Integer"),
            Action::StoreLong => (value.parse::<i64>().is_ok(), "Long"),
            Action::StoreShort => (value.parse::<i16>().is_ok(), "Short"),
            Action::Store | Action::StoreAll | Action::Append | Action::StoreTrue => {
                (true, "String")
            }
        };
        if !valid {
            return wrong(format!(
                "argument {}: could not convert '{value}' to {kind} (For input string: \"{value}\")",
                spec.shown(first)
            ));
        }
        if arg.action != Action::Append {
            values.clear();
        }
        values.push(value);
        if arg.action == Action::StoreAll && attached.is_none() {
            let more = words.as_slice().iter().take_while(|next| !is_flag(next)).count();
            values.extend(words.by_ref().take(more).cloned());
        }
    }
    if command.is_none() && !spec.commands.is_empty() {
        return wrong("too few arguments".to_owned());
    }
    let missing =
        |arg: &&Arg| arg.required && arg.names.first().is_some_and(|name| !into.has(name));
    // Of several the last is told: each takes the place of the one before.
    if let Some(arg) = spec.args.iter().rfind(missing) {
        return wrong(format!("argument {} is required", arg.names.join("/")));
    }
    let empty =
        |group: &&Exclusive| group.required && !group.names.iter().any(|name| into.has(name));
    if let Some(group) = spec.exclusive.iter().find(empty) {
        let names: Vec<String> = group.names.iter().map(|name| spec.shown(name)).collect();
        return wrong(format!("one of the arguments {} is required", names.join(" ")));
    }
    Ok(())
}

/// It begins as an option, and is no negative number.
fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word.len() > 1 && parse_double(word).is_none()
}

/// Columns that argparse4j fills.
const WIDTH: usize = 75;

/// `TextHelper.wrap`: lines of `width`, all but the last spread to its full width.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut line = String::new();
    let mut columns = 0;
    for piece in pieces(text) {
        let wide = piece.chars().count();
        columns += wide;
        if columns > width {
            out.push_str(&spread(&line, width, columns - wide));
            out.push('\n');
            line.clear();
            columns = wide;
        }
        line.push_str(piece);
    }
    out + &line
}

/// Where `java.text.BreakIterator` lets a line end: behind blanks, and behind a hyphen or a dot that a
/// letter follows.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let breaks = match before {
            ' ' => c != ' ',
            '-' | '.' => c.is_alphabetic(),
            _ => false,
        };
        if breaks && at > from {
            pieces.push(&text[from..at]);
            from = at;
        }
        before = c;
    }
    pieces.push(&text[from..]);
    pieces
}

/// `TextHelper.adjustSpace`: what is missing to the width goes between the words, the odd blanks into the
/// middle.
fn spread(line: &str, width: usize, columns: usize) -> String {
    let trimmed = line.trim_matches(' ');
    let columns = columns - (line.chars().count() - trimmed.chars().count());
    let starts_gap = |(at, c): (usize, char)| c == ' ' && !trimmed[..at].ends_with(' ');
    let gaps = trimmed.char_indices().filter(|found| starts_gap(*found)).count();
    if gaps == 0 {
        return trimmed.to_owned();
    }
    let need = width.saturating_sub(columns);
    let (each, odd) = (need / gaps, need % gaps);
    let from = (gaps - odd).div_ceil(2);
    let mut out = String::new();
    let mut gap = 0;
    for (at, c) in trimmed.char_indices() {
        if starts_gap((at, c)) {
            let more = each + usize::from((from..from + odd).contains(&gap));
            out.extend(std::iter::repeat_n(' ', more));
            gap += 1;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    // Recorded with argparse4j.
    #[test]
    fn long_messages_are_spread_over_the_width() {
        assert_eq!(
            wrap(
                "kafka-cluster: error: one of the arguments --bootstrap-server/-b \
                 --bootstrap-controller/-C is required",
                75
            ),
            "kafka-cluster:  error:  one  of   the  arguments  --bootstrap-server/-b  --\n\
             bootstrap-controller/-C is required"
        );
        assert_eq!(
            wrap(
                "kafka-cluster: error: argument --id/-i: could not convert 'one' to Integer (For \
                 input string: \"one\")",
                75
            ),
            "kafka-cluster: error: argument --id/-i: could  not convert 'one' to Integer\n\
             (For input string: \"one\")"
        );
        assert_eq!(
            // The newline counts.
            wrap(
                "kafka-cluster: error: argument --bootstrap-server/-b: expected one argument\n",
                75
            ),
            "kafka-cluster:  error:   argument   --bootstrap-server/-b:   expected   one\nargument\n"
        );
    }
}
