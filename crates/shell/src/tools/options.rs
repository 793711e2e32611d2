//! Command line options as jopt-simple 5.0.4 reads them, which is what Kafka's tools use.
//!
//! A tool's option table is the text that its `--help` prints, kept as Kafka's own bytes in
//! `help/`; names, types, defaults and descriptions are read out of it. One source for parsing,
//! `--help`, wrong usage and completion.

use logbrook_sorted::SortedMap;

/// Does an option take an argument?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A switch.
    None,
    /// `<…>`: the next word, whatever it looks like.
    Required,
    /// `[…]`: the next word unless it looks like an option.
    Optional,
}

/// One option of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Without the dashes.
    pub name: String,
    /// Whether it takes an argument.
    pub argument: Argument,
    /// Java's simple class name of the argument: `String`, `Integer`, `Long`.
    pub type_name: String,
    /// What the argument is, in the table's words.
    pub described_as: String,
    /// The default shown in the table.
    pub default: Option<String>,
    /// The description, unwrapped.
    pub description: String,
    /// No command line goes without it, `--help` and `--version` aside.
    pub required: bool,
}

/// A tool's options.
#[derive(Clone, Debug)]
pub struct OptionTable {
    /// The first line that `--help` prints.
    pub summary: &'static str,
    /// The table as printed, a newline at its end.
    pub usage: &'static str,
    /// The options in the table's order.
    pub options: Vec<Opt>,
}

/// jopt-simple's exceptions, and those of a tool's own checks of its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// Java's class name.
    pub class: &'static str,
    /// `getMessage()`.
    pub message: String,
    /// `toString()` of the causes, outermost first.
    pub causes: Vec<String>,
}

impl OptionError {
    fn new(class: &'static str, message: String) -> OptionError {
        OptionError { class, message, causes: Vec::new() }
    }
}

impl OptionTable {
    /// Reads the table out of a tool's help text.
    pub fn of(help: &'static str) -> OptionTable {
        if help.starts_with("usage: ") {
            return OptionTable::of_argparse(help);
        }
        // A summary may have several lines.
        let (summary, usage) = match help.find("\nOption") {
            Some(at) => (&help[..at], &help[at + 1..]),
            None => (help, ""),
        };
        let header = usage.lines().next().unwrap_or_default();
        let column = header.find("Description").unwrap_or(header.len());
        let mut rows: Vec<(bool, Vec<&str>, Vec<&str>)> = Vec::new();
        for line in usage.lines().skip(2) {
            let (left, right) = line.split_at_checked(column).unwrap_or((line, ""));
            // A star marks what is required.
            let starred = left.strip_prefix("* ");
            let left = starred.unwrap_or(left);
            if left.starts_with("--") {
                rows.push((starred.is_some(), Vec::new(), Vec::new()));
            }
            if let Some((_, lefts, rights)) = rows.last_mut() {
                lefts.push(left.trim());
                rights.push(right.trim());
            }
        }
        let options = rows.iter().map(|(required, left, right)| Opt {
            required: *required,
            ..option(&unwrap(left), unwrap(right))
        });
        OptionTable { summary, usage, options: options.collect() }
    }

    /// The same of a help text of argparse4j: names and descriptions, for completion. Such a tool is not
    /// parsed by this table.
    fn of_argparse(help: &'static str) -> OptionTable {
        /// Where descriptions stand.
        const COLUMN: usize = 25;
        let mut paragraphs = help.split("\n\n");
        let usage = paragraphs.next().unwrap_or_default();
        let summary = paragraphs.next().unwrap_or_default().lines().next().unwrap_or_default();
        let mut options: Vec<Opt> = Vec::new();
        for line in help.lines().skip_while(|line| *line != "optional arguments:").skip(1) {
            // A long name fills the line, and its description begins below.
            let (left, right) = match line.split_at_checked(COLUMN) {
                Some((left, right)) if left.ends_with(' ') => (left.trim(), right.trim()),
                Some(_) | None => (line.trim(), ""),
            };
            if line.starts_with("  -") {
                let mut words = left.split([' ', ',']).filter(|word| !word.is_empty());
                let name = words.clone().find(|word| word.starts_with("--")).unwrap_or_default();
                let takes = words.any(|word| !word.starts_with('-'));
                options.push(Opt {
                    name: name.trim_start_matches('-').to_owned(),
                    argument: if takes { Argument::Required } else { Argument::None },
                    type_name: String::new(),
                    described_as: String::new(),
                    default: None,
                    description: right.to_owned(),
                    required: false,
                });
            } else if let Some(last) = options.last_mut() {
                for word in line.split_whitespace() {
                    if !last.description.is_empty() {
                        last.description.push(' ');
                    }
                    last.description.push_str(word);
                }
            }
        }
        OptionTable { summary, usage, options }
    }

    /// The option of this name.
    pub fn get(&self, name: &str) -> Option<&Opt> {
        self.options.iter().find(|o| o.name == name)
    }

    /// jopt-simple's `OptionParser.parse`, without abbreviations.
    pub fn parse(&self, argv: &[String]) -> Result<Options<'_>, OptionError> {
        let mut given = Options { table: self, given: SortedMap::new(), rest: Vec::new() };
        let mut words = argv.iter().peekable();
        let mut only_arguments = false;
        while let Some(word) = words.next() {
            if only_arguments || !looks_like_an_option(word) {
                if word == "--" && !only_arguments {
                    only_arguments = true;
                } else {
                    given.rest.push(word.clone());
                }
                continue;
            }
            let body = word.strip_prefix("--").unwrap_or(&word[1..]);
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (body, None),
            };
            let Some(option) = self.get(name) else {
                // A cluster of one-letter options, of which no tool here has any.
                let name = match word.strip_prefix("--") {
                    Some(_) => name.to_string(),
                    None => body.chars().next().map(String::from).unwrap_or_default(),
                };
                return Err(OptionError::new(
                    "joptsimple.UnrecognizedOptionException",
                    format!("{name} is not a recognized option"),
                ));
            };
            let values = given.given.entry(option.name.clone()).or_default();
            match (option.argument, value) {
                (Argument::None, _) => {}
                (_, Some(value)) => values.push(value.to_string()),
                (Argument::Required, None) => match words.next() {
                    Some(value) => values.push(value.clone()),
                    None => {
                        return Err(OptionError::new(
                            "joptsimple.OptionMissingRequiredArgumentException",
                            format!("Option {} requires an argument", option.name),
                        ));
                    }
                },
                (Argument::Optional, None) => {
                    values.extend(words.next_if(|next| !looks_like_an_option(next)).cloned());
                }
            }
        }
        self.ensure_required(&given)?;
        Ok(given)
    }

    /// The same for options that are `availableIf` one of the others is there.
    pub fn parse_with(
        &self,
        argv: &[String],
        available_if: impl Fn(&str) -> &'static [&'static str],
    ) -> Result<Options<'_>, OptionError> {
        let given = self.parse(argv)?;
        let is_unavailable = |name: &&str| {
            let others = available_if(name);
            !others.is_empty() && !others.iter().any(|other| given.has(other))
        };
        let unavailable: Vec<&str> =
            given.given.keys().map(String::as_str).filter(is_unavailable).collect();
        if unavailable.is_empty() || given.has("help") || given.has("version") {
            return Ok(given);
        }
        let names = unavailable.join(", ");
        Err(OptionError::new(
            "joptsimple.UnavailableOptionException",
            format!("Option(s) [{names}] are unavailable given other options on the command line"),
        ))
    }

    /// `ensureRequiredOptions`.
    fn ensure_required(&self, given: &Options<'_>) -> Result<(), OptionError> {
        let missing = self.options.iter().filter(|o| o.required && !given.has(&o.name));
        let missing: Vec<&str> = missing.map(|o| o.name.as_str()).collect();
        if missing.is_empty() || given.has("help") || given.has("version") {
            return Ok(());
        }
        Err(OptionError::new(
            "joptsimple.MissingRequiredOptionsException",
            format!("Missing required option(s) [{}]", missing.join(", ")),
        ))
    }
}

fn looks_like_an_option(word: &str) -> bool {
    word.starts_with('-') && word != "-" && word != "--"
}

/// The options that a command line has.
#[derive(Clone, Debug)]
pub struct Options<'t> {
    table: &'t OptionTable,
    given: SortedMap<String, Vec<String>>,
    /// Words that belong to no option.
    pub rest: Vec<String>,
}

impl Options<'_> {
    /// Was the option given?
    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The names of the options given, in their order.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    /// All its values as given; empty when absent (defaults are not consulted).
    pub fn values(&self, name: &str) -> &[String] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }

    /// `OptionSet.valueOf`: the one value, else the default.
    pub fn value(&self, name: &str) -> Result<Option<&str>, OptionError> {
        match self.values(name) {
            [] => Ok(self.table.get(name).and_then(|o| o.default.as_deref())),
            [value] => Ok(Some(value)),
            _ => Err(OptionError::new(
                "joptsimple.MultipleArgumentsForOptionException",
                format!("Found multiple arguments for option {name}, but you asked for only one"),
            )),
        }
    }

    /// The one value as an integer.
    pub fn int(&self, name: &str) -> Result<Option<i32>, OptionError> {
        self.number(name)
    }

    /// The one value as a long.
    pub fn long(&self, name: &str) -> Result<Option<i64>, OptionError> {
        self.number(name)
    }

    /// All its values as longs.
    pub fn longs(&self, name: &str) -> Result<Vec<i64>, OptionError> {
        self.numbers(name)
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, OptionError> {
        // Java converts every value before it counts them.
        self.numbers::<N>(name)?;
        Ok(self.value(name)?.and_then(|value| value.parse().ok()))
    }

    fn numbers<N: std::str::FromStr>(&self, name: &str) -> Result<Vec<N>, OptionError> {
        let number = |value: &String| {
            value.parse::<N>().map_err(|_| {
                let cause =
                    format!("java.lang.NumberFormatException: For input string: \"{value}\"");
                OptionError {
                    class: "joptsimple.OptionArgumentConversionException",
                    message: format!("Cannot parse argument '{value}' of option {name}"),
                    causes: vec![
                        format!("joptsimple.internal.ReflectionException: {cause}"),
                        cause,
                    ],
                }
            })
        };
        self.values(name).iter().map(number).collect()
    }
}

/// `--name <Type: what it is>` and its description.
fn option(left: &str, mut description: String) -> Opt {
    let left = left.trim_start_matches('-');
    let (name, rest) = left.split_once(' ').unwrap_or((left, ""));
    let argument = match rest.chars().next() {
        Some('<') => Argument::Required,
        Some('[') => Argument::Optional,
        _ => Argument::None,
    };
    let inner = rest.get(1..rest.len().saturating_sub(1)).unwrap_or_default();
    let (type_name, described_as) = inner.split_once(": ").unwrap_or((inner, ""));
    let mut default = None;
    if let Some(at) = description.rfind("(default: ") {
        let value = description[at + "(default: ".len()..].trim_end_matches(')');
        // No default has a blank of its own: one after a dot is the table's line break.
        default = Some(value.replace(". ", "."));
        description.truncate(at);
        description.truncate(description.trim_end().len());
    }
    Opt {
        name: name.to_string(),
        argument,
        type_name: type_name.to_string(),
        described_as: described_as.to_string(),
        default,
        description,
        required: false,
    }
}

/// Joins wrapped lines. jopt-simple breaks at blanks, and after hyphens, dots and colons inside a word.
fn unwrap(pieces: &[&str]) -> String {
    let mut text = String::new();
    for piece in pieces.iter().filter(|p| !p.is_empty()) {
        let next = piece.chars().next().unwrap_or(' ');
        let glued = text.is_empty()
            || text.ends_with('-')
            || (text.ends_with('.') && next.is_ascii_lowercase())
            || (text.ends_with(':') && next.is_ascii_digit());
        if !glued {
            text.push(' ');
        }
        text.push_str(piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> OptionTable {
        OptionTable::of(include_str!("help/kafka-topics.txt"))
    }

    fn argv(line: &str) -> Vec<String> {
        crate::words::split(line).unwrap()
    }

    #[test]
    fn the_table_is_read_out_of_the_help_text() {
        let table = topics();
        assert_eq!(table.options.len(), 25);
        assert_eq!(
            table.get("bootstrap-server"),
            Some(&Opt {
                name: "bootstrap-server".into(),
                argument: Argument::Required,
                type_name: "String".into(),
                described_as: "server to connect to".into(),
                default: None,
                description: "REQUIRED: The Kafka server to connect to.".into(),
                required: false,
            })
        );
        let producer = OptionTable::of(include_str!("help/kafka-console-producer.txt"));
        let reader = producer.get("line-reader").unwrap();
        assert_eq!(reader.default.as_deref(), Some("org.apache.kafka.tools.LineMessageReader"));
        let consumer = OptionTable::of(include_str!("help/kafka-console-consumer.txt"));
        assert_eq!(
            consumer.get("formatter").unwrap().default.as_deref(),
            Some("org.apache.kafka.tools.consumer.DefaultMessageFormatter")
        );
        assert_eq!(producer.get("compression-codec").unwrap().argument, Argument::Optional);
        assert_eq!(producer.get("timeout").unwrap().default.as_deref(), Some("1000"));
    }

    #[test]
    fn a_table_of_argparse_tells_names_and_descriptions() {
        let table = OptionTable::of(include_str!("help/kafka-features.txt"));
        assert_eq!(table.summary, "This tool manages feature flags in Kafka.");
        let names: Vec<&str> = table.options.iter().map(|o| o.name.as_str()).collect();
        assert_eq!(names, ["help", "bootstrap-server", "bootstrap-controller", "command-config"]);
        let server = table.get("bootstrap-server").unwrap();
        assert_eq!(server.argument, Argument::Required);
        assert_eq!(
            server.description,
            "A comma-separated list of host:port pairs to use for establishing the connection to the \
             Kafka cluster."
        );
    }

    #[test]
    fn arguments_are_taken_as_jopt_simple_takes_them() {
        let table = topics();
        let words = argv("--create --topic=a --partitions -1 -list rest -- --describe");
        let options = table.parse(&words).unwrap();
        assert_eq!(options.value("topic"), Ok(Some("a")));
        assert_eq!(options.int("partitions"), Ok(Some(-1)));
        assert!(options.has("list") && !options.has("describe"));
        assert_eq!(options.rest, ["rest", "--describe"]);
        let message = |line: &str| table.parse(&argv(line)).unwrap_err().message;
        assert_eq!(message("--broker-list b"), "broker-list is not a recognized option");
        assert_eq!(message("-x"), "x is not a recognized option");
        assert_eq!(message("--topi a"), "topi is not a recognized option");
        assert_eq!(message("--topic"), "Option topic requires an argument");
        let words = argv("--topic a --topic b --partitions x");
        let options = table.parse(&words).unwrap();
        assert_eq!(
            options.value("topic").unwrap_err().message,
            "Found multiple arguments for option topic, but you asked for only one"
        );
        assert_eq!(
            options.int("partitions").unwrap_err().message,
            "Cannot parse argument 'x' of option partitions"
        );
    }
}
